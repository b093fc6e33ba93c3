#define PCRE2_CODE_UNIT_WIDTH 8
#include "query/fn/pcre.h"
#include "base/heap.h"
#include <pcre2.h>

enum { HEAP_KIB_MAX = 1024, DEPTH_MAX = 1000 };

struct pcre {
    pcre2_code *code;
    pcre2_match_context *limits;
};

enum err pcre_new(struct str pattern, struct err_text *why, struct pcre **out) {
    int number;
    PCRE2_SIZE at;
    if (pattern.n > PCRE_PATTERN_BYTES_MAX)
        return err_say(why, ERR_LIMIT, "a regular expression of more than %d bytes", PCRE_PATTERN_BYTES_MAX);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)(pattern.n ? pattern.p : ""), pattern.n,
                                     PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C, &number, &at, NULL);
    if (!code) {
        PCRE2_UCHAR text[160];
        (void)pcre2_get_error_message(number, text, sizeof text);
        return err_say(why, ERR_INVALID, "at byte %zu of the regular expression: %s", (size_t)at,
                       (const char *)text);
    }
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without it the interpreter matches */
    struct pcre *r = HEAP_NEW(struct pcre);
    r->code = code;
    r->limits = pcre2_match_context_create(NULL);
    (void)pcre2_set_match_limit(r->limits, PCRE_STEPS_MAX);
    (void)pcre2_set_depth_limit(r->limits, DEPTH_MAX);
    (void)pcre2_set_heap_limit(r->limits, HEAP_KIB_MAX);
    *out = r;
    return ERR_OK;
}

void pcre_free(struct pcre *r) {
    if (!r)
        return;
    pcre2_match_context_free(r->limits);
    pcre2_code_free(r->code);
    heap_free(r);
}

bool pcre_match(const struct pcre *r, struct str text, size_t from, struct str *groups, size_t *out_count) {
    if (from > text.n)
        return false;
    const char *p = text.n ? text.p : "";
    pcre2_match_data *data = pcre2_match_data_create(PCRE_GROUPS_MAX, NULL);
    int found = pcre2_match(r->code, (PCRE2_SPTR)p, text.n, from, 0, data, r->limits);
    if (found == 0)
        found = PCRE_GROUPS_MAX; /* more groups than room */
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(data);
    for (int i = 0; i < found; i++) {
        bool took_part = ends[2 * i] != PCRE2_UNSET && ends[2 * i + 1] >= ends[2 * i];
        groups[i] =
            took_part ? (struct str){ p + ends[2 * i], ends[2 * i + 1] - ends[2 * i] } : (struct str){ 0 };
    }
    pcre2_match_data_free(data);
    *out_count = found > 0 ? (size_t)found : 0;
    return found > 0;
}

size_t pcre_group(const struct pcre *r, struct str name) {
    char z[40];
    if (name.n == 0 || name.n >= sizeof z)
        return 0;
    memcpy(z, name.p, name.n);
    z[name.n] = '\0';
    int number = pcre2_substring_number_from_name(r->code, (PCRE2_SPTR)z);
    return number > 0 ? (size_t)number : 0;
}
