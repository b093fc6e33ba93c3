#include "base/assert.h"
#include "block/text_match.h"
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
/*
 * Input: kind, length of the needle, needle, text. Every kind: no crash, and text_match_scan finds a place in
 * what matches. REGEX: PCRE2 says the same about every text, where it takes the expression and has none of
 * the few differences: bytes beyond ASCII belong together for us, [:cntrl:] has no NUL.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool comparable(struct str e) {
    for (size_t i = 0; i < e.n; i++)
        if ((unsigned char)e.p[i] >= 0x80)
            return false;
    return str_find(e, STR("cntrl"), 0) == SIZE_MAX;
}

static void compare(struct str expression, struct str text, bool ours) {
    int bad;
    size_t at;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)expression.p, expression.n,
                      PCRE2_NEVER_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NO_AUTO_POSSESS, &bad, &at, NULL);
    if (!code)
        return;
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    (void)pcre2_set_match_limit(limits, 10000);
    int theirs = pcre2_match(code, (PCRE2_SPTR)text.p, text.n, 0, 0, data, limits);
    if (theirs >= PCRE2_ERROR_NOMATCH)
        ASSERT(ours == (theirs >= 0));
    pcre2_match_context_free(limits);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
}

static void ignore_token(void *ctx, uint64_t hash) {
    (void)ctx, (void)hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    enum text_match_kind kind = (enum text_match_kind)(data[0] % (TEXT_REGEX + 1));
    size_t n = data[1] < size - 2 ? data[1] : size - 2;
    struct str needle = { (const char *)data + 2, n }, text = { (const char *)data + 2 + n, size - 2 - n };
    struct text_match *m = NULL;
    struct err_text why;
    if (text_match_new(kind, needle, &why, &m) != ERR_OK)
        return 0;
    bool hit = text_match_test(m, text);
    text_match_must_have(m, ignore_token, NULL);
    if (hit && text.n)
        ASSERT(text_match_scan(m, text, 0) < text.n);
    if (kind == TEXT_REGEX && comparable(needle))
        compare(needle, text, hit);
    text_match_free(m);
    return 0;
}
