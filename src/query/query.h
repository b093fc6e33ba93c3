#pragma once
#include "base/arena.h"
#include "base/clock.h"
#include "model/table.h"
#include "model/value.h"
#include <stdatomic.h>
/*
 * Questions in the records language: text -> plan -> rows. docs/query/ has the grammar and one page for each command.
 * The plan is immutable once made: one thread makes it, many may run it.
 */
struct query;
struct store;

struct query_error {
    char msg[256];
    size_t offset, length; /* in the query text, bytes */
};
struct query_context {
    int64_t now_ns; /* what NOW and now-1h mean */
    enum table table;
};
/* Caller owns *out and ends it with query_free(). ERR_INVALID with the place of the mistake. */
NODISCARD enum err query_parse(struct str text, const struct query_context *c, struct query_error *why,
                               struct query **out);
void query_free(struct query *q);
/* Only a filter, without any pipe: what delete-by-query takes. */
bool query_is_filter(const struct query *q);
/* Rows flow through as they are found, newest first (no stats, sort, top …): can be tailed. */
bool query_is_streaming(const struct query *q);

struct block;
/* The store's `delete_match` callback (a filter text against one page: keeps the rows that match in `rows`). `ctx`
 * is not used. Any thread. */
enum err query_delete_match(void *ctx, struct str predicate, const struct block *block, uint32_t page, uint64_t *rows);

struct query_limits { /* 0: the default */
    uint64_t memory_bytes;  /* 256 MiB: query.memory_bytes */
    uint64_t rows_out;      /* none */
    uint64_t rows_scanned;  /* none: query.rows_scanned */
    uint64_t bytes_scanned; /* none: query.bytes_scanned, raw bytes */
    int64_t time_ns;        /* 60 s: query.time */
};
struct query_request {
    const struct query *query;
    int64_t time_from_ns, time_to_ns; /* INT64_MIN, INT64_MAX: all */
    uint64_t limit;                   /* rows of answer; 0: no cap */
    struct str cursor;                /* from an earlier answer, or empty */
    struct query_limits limits;
    _Atomic bool *cancel;             /* may be NULL */
};
/* One row of an answer: names and values in column order, borrowed for the call. Values of type null are absent. */
struct query_row {
    const struct str *names;
    const struct value *values;
    size_t count;
};
struct query_stats {
    uint64_t rows_scanned, rows_matched, rows_out;
    uint64_t bytes_scanned; /* raw bytes of the rows scanned */
    uint64_t bytes_read;    /* from disk or cache */
    uint64_t blocks, blocks_skipped, parts_damaged;
    int64_t time_ns;
    bool cut;               /* a limit ended it early, or more rows wait behind the cursor */
    char cut_by[64];        /* "limit", or the name of the budget */
    bool approximate;       /* a sketch answered (quantile, count_distinct) */
    char cursor[160];       /* of the next page, or "" */
};
/* A receiver of rows. Called from one thread at a time. ERR_CANCELLED stops the query. */
struct query_sink {
    enum err (*row)(void *ctx, const struct query_row *row);
    void *ctx;
};
struct query_pool; /* worker threads */
NODISCARD struct query_pool *query_pool_new(unsigned threads);
void query_pool_free(struct query_pool *p);

/* Runs to the end on the calling thread with the help of the pool. ERR_LIMIT or ERR_TIMEOUT with the limit's
 * name in `why`; stats are filled in any case. */
NODISCARD enum err query_run(struct store *s, struct query_pool *pool, const struct query_request *r,
                             const struct query_sink *sink, struct query_stats *out_stats, struct err_text *why);

/* Live tail: rows of live blocks after `*position`, oldest first, through a streaming query; moves *position on. */
NODISCARD enum err query_tail(struct store *s, const struct query_request *r, const struct query_sink *sink,
                              uint64_t *position, struct query_stats *out_stats, struct err_text *why);
