#pragma once
#include "model/batch.h"
/*
 * Rows in, one sealed block out. The unit on disk, on Kafka and in scans: docs/design/format.md.
 *
 * The builder sorts the chosen rows of a batch by (stream in canonical label order, time, arrival), turns
 * cells into typed columns, cuts them into pages, encodes, compresses and checksums. Work is cut in steps of
 * at most about 2 ms, so that a loop shard may seal between two polls. A builder is reused (its scratch
 * memory stays); one thread at a time. The batch must not change between start and the last step.
 */
struct block_builder;
enum { BLOCK_ZSTD_NONE = -1 };

struct block_build_options {
    enum table table;
    uint32_t tenant;
    uint32_t page_rows; /* 0: the table's */
    bool templates;     /* template-encode high-cardinality text (merges); false: text (ingest) */
    int zstd_level;     /* 0: 1 */
    /* Called at least once for each distinct token hash (text_match.h) of the texts of the block, when not
     * NULL: STRING, NUMBER_TEXT and JSON values, `@rest` too, labels not. */
    void (*word)(void *ctx, uint64_t token_hash);
    /* Called for each id and page it is in, when not NULL: id_prefix() (words.h) of every value of the id
     * columns (trace_id), and of every token of 16 or more hex digits inside of a longer value. Repeats are
     * not left out. */
    void (*id)(void *ctx, uint64_t id_prefix, uint32_t page);
    void *ctx;
};
enum {
    BLOCK_ROWS_TARGET = 32768,
    BLOCK_ROWS_MAX = 65536,
    BLOCK_RAW_BYTES_MAX = 16 << 20,
    BLOCK_VALUE_BYTES_MAX = 256 << 20,
    BLOCK_COLUMNS_MAX = 512
};

NODISCARD struct block_builder *block_builder_new(void);
void block_builder_free(struct block_builder *b);
/* `rows`: indices into batch->rows, each at most once; NULL for all. 1 <= count <= BLOCK_ROWS_MAX. The
 * batch's claims are stored with the block. The caller sees to it that the bytes of the rows' values together
 * are at most BLOCK_VALUE_BYTES_MAX, also when many cells point at the same bytes. */
void block_builder_start(struct block_builder *b, const struct block_build_options *options,
                         const struct batch *batch, const uint32_t *rows, size_t count);
/* What the next step works on, for benchmarks: "order", "count", … or a column's name. */
struct str block_builder_phase(const struct block_builder *b);
/* True when sealed. */
NODISCARD bool block_builder_step(struct block_builder *b);
/* All steps at once; then the bytes, valid until the next start. */
struct str block_builder_finish(struct block_builder *b);
