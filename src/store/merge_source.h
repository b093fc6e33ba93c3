#pragma once
#include "base/arena.h"
#include "model/batch.h"
#include "store/segment.h"
#include "store/store.h"
/*
 * A sorted run of rows that a merge reads: one block of L0, or all blocks of a merged segment, one after the
 * other. Holds one decoded page. Rows that a delete or retention hides, and pages that fail their check, are
 * stepped over here and counted.
 */
struct merge_input { /* one segment of the job, pinned */
    struct segment *segment;
    struct segment_block *blocks;
    uint32_t block_count;
    const struct scan_delete *deletes;
    size_t delete_count;
};
struct merge_counts {
    uint64_t rows_in, rows_hidden, rows_damaged;
};
/* What all sources of a job share. */
struct merge_context {
    struct store *store;
    enum table table;
    int64_t now_ns; /* for retention */
    struct field_dict *fields;
    struct stream_dict *streams;
    struct arena scratch; /* of the page being decoded */
    struct merge_counts counts;
    /* What the rows of the batch still point into, though the sources have moved on. */
    VEC(struct arena) pages;
    VEC(struct block *) blocks;
    size_t retired_bytes;
};
/* The batch is empty now. */
void merge_context_release(struct merge_context *c);
void merge_context_fini(struct merge_context *c);
enum { MERGE_RETIRED_BYTES = 32 << 20 }; /* with more a block is sealed early */
static inline bool merge_context_full(const struct merge_context *c) {
    return c->retired_bytes >= MERGE_RETIRED_BYTES;
}

struct merge_source {
    struct merge_context *context;
    const struct merge_input *input;
    uint32_t block_next, block_end;
    uint32_t order; /* ties between equal times go by it: older rows first */
    /* The row at hand; block NULL: at the end. */
    struct block *block;
    uint32_t tenant;
    const struct block_stream *stream;
    uint32_t row;
    bool set_aside;       /* a page of the block failed and its bytes are in quarantine */
    int64_t keep_from_ns; /* of the stream */
    uint32_t stream_number, stream_generation; /* in the dictionary */
    /* Its page. */
    struct arena mem;
    uint32_t page, page_first, page_end; /* rows */
    const int64_t *times_ns, *received_ms;
    struct column_page *columns; /* column_count of them */
    uint16_t *fields;
    uint32_t fields_generation;
    bool page_used, block_used; /* rows of the batch point into them */
    const uint64_t *visible;    /* NULL: all rows */
};

void merge_source_init(struct merge_source *s, struct merge_context *c, const struct merge_input *input);
void merge_source_fini(struct merge_source *s);
/* To the first row. ERR_CORRUPT never comes: damage is set aside. */
NODISCARD enum err merge_source_start(struct merge_source *s, struct err_text *why);
/* To the next row that is not hidden. */
NODISCARD enum err merge_source_next(struct merge_source *s, struct err_text *why);
static inline bool merge_source_done(const struct merge_source *s) {
    return s->block == NULL;
}
static inline int64_t merge_source_time(const struct merge_source *s) {
    return s->times_ns[s->row - s->page_first];
}
/* Appends the row at hand to `batch`; `out_bytes` is what it holds. Its texts stay valid until
 * merge_context_release(); a source is not ended before that. ERR_LIMIT: a dictionary is full; reset both and
 * try again. ERR_CORRUPT: merge_source_skip_damaged(), which goes on behind its page.
 */
NODISCARD enum err merge_source_emit(struct merge_source *s, struct batch *batch, size_t *out_bytes);
NODISCARD enum err merge_source_skip_damaged(struct merge_source *s, struct err_text *why);
/* What the block at hand may hold decoded, for the budget: a page of it, and what all its pages share. */
uint64_t merge_source_cost(const struct segment_block *b, bool merged, uint32_t page_rows);
