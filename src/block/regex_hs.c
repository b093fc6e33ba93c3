#include "block/regex_hs.h"
#include "base/assert.h"
#include "base/heap.h"
#include <hs/hs.h>
#include <pthread.h>
#include <stdatomic.h>
/*
 * A compiled expression is read by any number of threads, but each scan needs scratch memory of its own,
 * large enough for the expression. So every thread has one scratch, which grows to the largest expression it
 * has met and goes with the thread. Asking the library whether it is large enough costs more than a short
 * scan, so a thread remembers the last expression for which it has asked.
 */
struct regex_hs {
    hs_database_t *compiled;
    uint64_t serial; /* never reused, unlike the address */
};

static _Atomic uint64_t last_serial;
static _Thread_local hs_scratch_t *scratch;
static _Thread_local uint64_t scratch_fits;
static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

static void scratch_end(void *p) {
    (void)hs_free_scratch(p);
}

static void scratch_key_make(void) {
    ASSERT(pthread_key_create(&scratch_key, scratch_end) == 0);
}

/* Out of memory aborts: a scratch is a few KiB for each thread. */
static void scratch_fit(const struct regex_hs *r) {
    if (scratch_fits == r->serial)
        return;
    (void)pthread_once(&scratch_once, scratch_key_make);
    hs_error_t e = hs_alloc_scratch(r->compiled, &scratch);
    ASSERT(e == HS_SUCCESS);
    (void)pthread_setspecific(scratch_key, scratch);
    scratch_fits = r->serial;
}

enum err regex_hs_new(struct str expression, struct err_text *why, struct regex_hs **out) {
    char text[8192];
    if (expression.n >= sizeof text)
        return err_say(why, ERR_LIMIT, "regular expression: longer than %zu bytes", sizeof text - 1);
    if (expression.n && memchr(expression.p, '\0', expression.n))
        return err_say(why, ERR_INVALID, "regular expression: write a NUL byte as \\x00");
    memcpy(text, expression.n ? expression.p : "", expression.n);
    text[expression.n] = '\0';
    hs_database_t *compiled = NULL;
    hs_compile_error_t *mistake = NULL;
    unsigned flags = HS_FLAG_ALLOWEMPTY | HS_FLAG_SINGLEMATCH;
    if (hs_compile(text, flags, HS_MODE_BLOCK, NULL, &compiled, &mistake) != HS_SUCCESS) {
        enum err e =
            err_say(why, ERR_INVALID, "regular expression: %s", mistake ? mistake->message : "refused");
        (void)hs_free_compile_error(mistake);
        return e;
    }
    struct regex_hs *r = HEAP_NEW(struct regex_hs);
    r->compiled = compiled;
    r->serial = atomic_fetch_add(&last_serial, 1) + 1;
    *out = r;
    return ERR_OK;
}

void regex_hs_free(struct regex_hs *r) {
    if (!r)
        return;
    (void)hs_free_database(r->compiled);
    heap_free(r);
}

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx) {
    (void)id, (void)from, (void)to, (void)flags;
    *(bool *)ctx = true;
    return 1;
}

bool regex_hs_test(const struct regex_hs *r, struct str text) {
    ASSERT(text.n <= UINT32_MAX);
    scratch_fit(r);
    bool hit = false;
    hs_error_t e = hs_scan(r->compiled, text.n ? text.p : "", (unsigned)text.n, 0, scratch, on_match, &hit);
    ASSERT(e == HS_SUCCESS || e == HS_SCAN_TERMINATED);
    return hit;
}
