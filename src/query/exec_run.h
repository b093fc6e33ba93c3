#pragma once
#include "query/exec_build.h"
#include "query/source.h"
/* The ways a plan runs (exec.h), and the end of every pipe. Private to exec.c, exec_rows.c, exec_collect.c,
 * exec_context.c. */

/* Where in the newest-first order of rows somebody is: behind `count` rows of that time and stream. */
struct exec_position {
    bool set;
    int64_t time_ns;
    struct id128 stream;
    uint64_t count;
};
void exec_position_next(struct exec_position *p, const struct exec_key *key);
/* Opaque text, 7-bit; `out` of query_stats.cursor's size. */
void exec_position_print(const struct exec_position *p, char *out, size_t size);
NODISCARD enum err exec_position_parse(struct str text, struct exec_position *out, struct err_text *why);

/* The last operator: rows go to the asker. */
struct exec_out {
    struct exec_op op;
    const struct query_sink *sink;
    uint64_t limit, rows;
    const struct exec_position *at; /* of the row being pushed; NULL: no cursor can be given */
    struct exec_position last;      /* behind the last row given out */
    bool more;                      /* a row was refused: another page waits */
    enum err refused;               /* the receiver's own error */
    VEC(struct str) names;
    VEC(struct value) values;
};

struct exec_scan { /* what all ways begin with */
    struct exec *exec;
    struct vector_fields fields;
    struct vector_filter *filter;
    struct source source;
    struct exec_build build;
    struct exec_needs needs;
};

/* The exec must have its store. `why` is for what is wrong with the request; budgets keep their own words. */
NODISCARD enum err exec_scan_open(struct exec_scan *s, bool live_only, uint64_t after_position,
                                  struct err_text *why);
void exec_scan_close(struct exec_scan *s);
struct exec_out *exec_out_new(struct exec *x, const struct query_request *r, const struct query_sink *sink);
void exec_fill_stats(const struct exec_scan *s, const struct exec_out *out, struct query_stats *stats);
/* What the asker is told: the first error of any thread, its receiver's own, else `e`. */
NODISCARD enum err exec_result(struct exec *x, const struct exec_out *out, enum err e, struct err_text *why);

/* Rows newest first into `chain`, behind `from`, oldest of the answer last. `*at` follows what is pushed. */
struct exec_rows_options {
    uint64_t first_round; /* rows; grows from round to round */
    uint64_t rounds_max;  /* 0: no limit */
    struct exec_position from;
    struct exec_position *at;
    bool oldest_first; /* one round only: what it found is pushed in reverse */
};
NODISCARD enum err exec_rows(struct exec_scan *s, const struct exec_rows_options *o, struct exec_chain *chain,
                             uint64_t *out_fed);
/* All rows into commands [0, collector], then the merged collector's rows into `rest`. */
NODISCARD enum err exec_collect(struct exec_scan *s, size_t collector, struct exec_chain *rest);
/* Matches and their neighbours into `chain`, whose first operator is that of context (stage_context.c). */
NODISCARD enum err exec_context(struct exec_scan *s, struct exec_chain *chain);

struct exec_keys {
    VEC(struct exec_key) list;
};
static inline void exec_keys_auto(struct exec_keys *k) {
    VEC_FINI(&k->list);
}
/* Keys of the `want` newest matching rows, in order. */
NODISCARD enum err exec_rows_find(struct exec_scan *s, size_t want, struct exec_keys *out);
/* The rows of these keys, which are in order, into `chain`. */
NODISCARD enum err exec_rows_push(struct exec_scan *s, const struct exec_keys *keys,
                                  struct exec_chain *chain);
