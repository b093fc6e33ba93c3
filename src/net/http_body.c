#include "base/assert.h"
#include "base/stat.h"
#include "net/http_conn.h"
/*
 * Bodies on their way in, and the one budget over all bodies that the process holds.
 *
 * A body of known length gets its memory at once, so that the kernel can copy into its final place, but pages
 * that nobody wrote to cost nothing: the budget is charged in growing steps as bytes arrive. A sender that
 * announces much and sends little therefore cannot lock others out. Once complete, a body is charged with all
 * it has and gives that back when its last reference goes, on whatever thread.
 */
enum { CHARGE_BYTES_MIN = 4 << 10, GROW_BYTES_MIN = 16 << 10 };

static _Atomic uint64_t in_flight_bytes; /* of the process */

static void give_back(void *ctx, size_t bytes) {
    (void)ctx;
    atomic_fetch_sub_explicit(&in_flight_bytes, bytes, memory_order_relaxed);
    stat_add(STAT_HTTP_BODY_BYTES, -(int64_t)bytes);
}

/* Raises the charge to at least `bytes`; false: over the budget, nothing changed. */
static bool charge(struct http_intake *i, size_t bytes, uint64_t budget_bytes) {
    if (bytes <= i->charged_bytes)
        return true;
    size_t more_bytes = bytes - i->charged_bytes;
    uint64_t before = atomic_fetch_add_explicit(&in_flight_bytes, more_bytes, memory_order_relaxed);
    if (before + more_bytes > budget_bytes) {
        atomic_fetch_sub_explicit(&in_flight_bytes, more_bytes, memory_order_relaxed);
        return false;
    }
    stat_add(STAT_HTTP_BODY_BYTES, (int64_t)more_bytes);
    i->charged_bytes = bytes;
    return true;
}

/* The next step of the charge for `used_bytes`. */
static bool charge_used(struct http_intake *i, size_t used_bytes, uint64_t budget_bytes) {
    if (used_bytes <= i->charged_bytes)
        return true;
    size_t step_bytes = used_bytes < CHARGE_BYTES_MIN ? CHARGE_BYTES_MIN : used_bytes * 2;
    return charge(i, step_bytes < i->body->cap_bytes ? step_bytes : i->body->cap_bytes, budget_bytes);
}

bool http_intake_begin(struct http_intake *i, size_t cap_bytes, uint64_t budget_bytes) {
    ASSERT(!i->body && i->charged_bytes == 0);
    if (atomic_load_explicit(&in_flight_bytes, memory_order_relaxed) + cap_bytes > budget_bytes)
        return false;
    i->body = body_new(cap_bytes);
    return charge(i, cap_bytes < CHARGE_BYTES_MIN ? cap_bytes : CHARGE_BYTES_MIN, budget_bytes);
}

bool http_intake_add(struct http_intake *i, struct str bytes, uint64_t budget_bytes) {
    size_t want_bytes = i->body->n + bytes.n;
    if (want_bytes > i->body->cap_bytes) {
        struct body *wider = body_new(want_bytes * 2 < GROW_BYTES_MIN ? GROW_BYTES_MIN : want_bytes * 2);
        memcpy(wider->data, i->body->data, i->body->n);
        wider->n = i->body->n;
        body_unref(i->body);
        i->body = wider;
    }
    if (!charge_used(i, want_bytes, budget_bytes))
        return false;
    memcpy(i->body->data + i->body->n, bytes.p, bytes.n);
    i->body->n = want_bytes;
    return true;
}

bool http_intake_grew(struct http_intake *i, size_t n, uint64_t budget_bytes) {
    i->body->n += n;
    ASSERT(i->body->n <= i->body->cap_bytes);
    return charge_used(i, i->body->n, budget_bytes);
}

struct body *http_intake_take(struct http_intake *i, uint64_t budget_bytes) {
    if (!charge(i, i->body->cap_bytes, budget_bytes))
        return NULL;
    struct body *b = i->body;
    if (i->charged_bytes > b->cap_bytes) /* a decompressed body may be smaller than what it came from */
        give_back(NULL, i->charged_bytes - b->cap_bytes);
    b->on_free = give_back;
    *i = (struct http_intake){ 0 };
    return b;
}

void http_intake_drop(struct http_intake *i) {
    body_unref(i->body);
    if (i->charged_bytes)
        give_back(NULL, i->charged_bytes);
    *i = (struct http_intake){ 0 };
}
