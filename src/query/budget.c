#include "query/budget.h"

enum { MEMORY_BYTES_DEFAULT = 256 << 20 };
static const int64_t TIME_NS_DEFAULT = 60ll * 1000 * 1000 * 1000;

void budget_init(struct budget *b, const struct query_limits *limits, _Atomic bool *cancel) {
    *b = (struct budget){ .limits = *limits, .cancel = cancel, .started_ns = clock_mono_ns(&clock_real) };
    if (!b->limits.memory_bytes)
        b->limits.memory_bytes = MEMORY_BYTES_DEFAULT;
    if (!b->limits.time_ns)
        b->limits.time_ns = TIME_NS_DEFAULT;
    if (__builtin_add_overflow(b->started_ns, b->limits.time_ns, &b->deadline_ns))
        b->deadline_ns = INT64_MAX;
    (void)pthread_mutex_init(&b->lock, NULL);
}

void budget_fini(struct budget *b) {
    (void)pthread_mutex_destroy(&b->lock);
}

enum err budget_fail(struct budget *b, enum err e, const struct err_text *why) {
    LOCKED(&b->lock);
    if (b->err == ERR_OK) {
        b->err = e;
        if (why)
            b->why = *why;
    }
    b->stopped = true;
    return e;
}

enum err budget_check(struct budget *b) {
    struct err_text why;
    if (budget_stopped(b))
        return ERR_CANCELLED;
    if (b->cancel && atomic_load_explicit(b->cancel, memory_order_relaxed))
        return budget_fail(b, err_say(&why, ERR_CANCELLED, "the query was cancelled"), &why);
    if (clock_mono_ns(&clock_real) <= b->deadline_ns)
        return ERR_OK;
    enum err e = err_say(
        &why, ERR_TIMEOUT,
        "query.time: the query needs more than %.3g s; narrow the time range or the filter, or raise the limit",
        (double)b->limits.time_ns / 1e9);
    return budget_fail(b, e, &why);
}

enum err budget_memory_spent(struct budget *b) {
    struct err_text why;
    enum err e = err_say(
        &why, ERR_LIMIT,
        "query.memory_bytes: the query needs more than %llu bytes; narrow the time range or group by fields "
        "with fewer values, or raise the limit",
        (unsigned long long)b->limits.memory_bytes);
    return budget_fail(b, e, &why);
}

enum err budget_take(struct budget *b, size_t bytes) {
    int64_t used = atomic_fetch_add(&b->memory_bytes, (int64_t)bytes) + (int64_t)bytes;
    return used > 0 && (uint64_t)used > b->limits.memory_bytes ? budget_memory_spent(b) : ERR_OK;
}

void budget_give(struct budget *b, size_t bytes) {
    atomic_fetch_sub(&b->memory_bytes, (int64_t)bytes);
}

enum err budget_arena(struct budget *b, const struct arena *a, size_t *counted_bytes) {
    size_t before = *counted_bytes;
    *counted_bytes = a->used_bytes;
    if (a->used_bytes >= before)
        return budget_take(b, a->used_bytes - before);
    budget_give(b, before - a->used_bytes);
    return ERR_OK;
}

static enum err over(struct budget *b, const char *name, uint64_t limit) {
    struct err_text why;
    enum err e = err_say(&why, ERR_LIMIT,
                         "%s: the query looks at more than %llu; narrow the time range, or raise the limit",
                         name, (unsigned long long)limit);
    return budget_fail(b, e, &why);
}

enum err budget_scan(struct budget *b, uint64_t rows, uint64_t raw_bytes) {
    uint64_t all_rows = atomic_fetch_add(&b->rows_scanned, rows) + rows;
    uint64_t all_bytes = atomic_fetch_add(&b->bytes_scanned, raw_bytes) + raw_bytes;
    if (b->limits.rows_scanned && all_rows > b->limits.rows_scanned)
        return over(b, "query.rows_scanned", b->limits.rows_scanned);
    if (b->limits.bytes_scanned && all_bytes > b->limits.bytes_scanned)
        return over(b, "query.bytes_scanned", b->limits.bytes_scanned);
    return ERR_OK;
}

enum err budget_result(struct budget *b, struct err_text *why) {
    LOCKED(&b->lock);
    if (b->err != ERR_OK && why)
        *why = b->why;
    return b->err;
}
