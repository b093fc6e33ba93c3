#pragma once
#include "base/random.h"
#include "block/block_build.h"
#include "query/query.h"
#include "queue/queue.h"
#include "store/store.h"
/*
 * For tests: a store in a folder of its own, without threads, and the rows that went into it, kept as plain
 * structs for the oracle.
 */
struct exec_case_cell {
    struct str name;
    struct value value;
};
struct exec_case_row {
    int64_t time_ns, received_ms;
    struct str labels; /* canonical */
    struct id128 stream;
    struct exec_case_cell *cells;
    size_t cell_count;
    bool deleted;
};
struct exec_case {
    char folder[64];
    struct disk *disk;
    struct store *store;
    struct clock clock;
    int64_t now_ns;
    struct err_text why;
    struct field_dict fields;
    struct stream_dict streams;
    struct batch batch;
    struct block_builder *builder;
    struct mailbox box;
    struct query_pool *pool;
    struct arena mem;
    VEC(struct exec_case_row) rows; /* in order of arrival */
    size_t published;
    uint32_t page_rows; /* of the next blocks; 0: the table's */
};
void exec_case_open(struct exec_case *c);
void exec_case_close(struct exec_case *c);
static inline void exec_case_auto(struct exec_case *c) {
    exec_case_close(c);
}

/* `labels`: "service=a,host=b". Rows are sent with the next publish. */
struct exec_case_row *exec_case_add(struct exec_case *c, int64_t time_ns, const char *labels);
void exec_case_cell(struct exec_case *c, const char *name, struct value v);
void exec_case_text(struct exec_case *c, const char *name, const char *text);
/* Rows added since the last publish, as one block. */
void exec_case_publish(struct exec_case *c);
void exec_case_flush(struct exec_case *c);
void exec_case_merge(struct exec_case *c);

/* An answer, one line of text a row: `name=value` pairs joined by ' ', strings quoted. */
struct exec_answer {
    struct arena mem;
    VEC(struct str) lines;
    struct query_stats stats;
    struct err_text why;
    struct query_error mistake;
    enum err err;
};
void exec_answer_fini(struct exec_answer *a);
static inline void exec_answer_auto(struct exec_answer *a) {
    exec_answer_fini(a);
}
/* `options` NULL: no limits; its query is ignored. */
void exec_case_ask(struct exec_case *c, const char *query, const struct query_request *options,
                   struct exec_answer *out);
void exec_answer_row(struct exec_answer *a, const struct query_row *row);
/* The first query: what `lines` are expected, in order; differences are printed. */
bool exec_answer_is(const struct exec_answer *a, const char *const *lines, size_t count);
