#pragma once
#include "base/clock.h"
#include "base/thread.h"
#include "query/query.h"
/*
 * What one query may use, and what it has used. Checked once a page by whoever works for it; the first
 * failure of any thread is kept and stops the others. Any thread.
 */
struct budget {
    struct query_limits limits; /* defaults filled in; read-only */
    _Atomic bool *cancel;       /* may be NULL */
    int64_t started_ns, deadline_ns;
    _Atomic int64_t memory_bytes;
    _Atomic uint64_t rows_scanned, rows_matched, bytes_scanned, bytes_read, parts_damaged;
    _Atomic bool stopped, approximate;
    pthread_mutex_t lock;
    enum err err;        /* guarded by lock */
    struct err_text why; /* guarded by lock */
};
void budget_init(struct budget *b, const struct query_limits *limits, _Atomic bool *cancel);
void budget_fini(struct budget *b);
static inline void budget_auto(struct budget *b) {
    budget_fini(b);
}

/* ERR_OK while work may go on; else the error is kept for budget_result(). */
NODISCARD enum err budget_check(struct budget *b);
/* Keeps the first failure. Returns `e`. */
enum err budget_fail(struct budget *b, enum err e, const struct err_text *why);
/* Somebody failed: drop what you do. */
static inline bool budget_stopped(const struct budget *b) {
    return atomic_load_explicit(&b->stopped, memory_order_relaxed);
}
/* Counts memory that is held until budget_give. Over the limit: an error, also kept. */
NODISCARD enum err budget_take(struct budget *b, size_t bytes);
void budget_give(struct budget *b, size_t bytes);
/* The same for an arena that grows: counts the difference to `*counted_bytes`, which starts at 0. */
NODISCARD enum err budget_arena(struct budget *b, const struct arena *a, size_t *counted_bytes);
/* An arena was full: the words for it, kept. */
enum err budget_memory_spent(struct budget *b);
/* Rows about to be looked at. */
NODISCARD enum err budget_scan(struct budget *b, uint64_t rows, uint64_t raw_bytes);
enum err budget_result(struct budget *b, struct err_text *why);
