#pragma once
#include "base/arena.h"
#include "base/bytes.h"
#include "base/map.h"
#include "base/vec.h"
#include "model/labels.h"
/*
 * Which streams a segment holds, in which blocks, and which streams carry a label. Two sections: the stream
 * dictionary with block postings, and label postings name=value -> streams.
 */
struct index_stream {
    struct str key; /* 4 bytes big-endian tenant, canonical labels */
    uint32_t rank;
};
struct index_posting {
    uint32_t stream, block;
};
struct index_labels {
    struct map by_key; /* tenant and labels -> number in order of arrival */
    VEC(struct index_stream) streams;
    VEC(struct index_posting) postings; /* in block order */
    struct arena mem;
};
void index_labels_init(struct index_labels *x);
void index_labels_fini(struct index_labels *x);
/* Number of the stream, for index_labels_rank() after the sections are made. Blocks in order. */
uint32_t index_labels_add(struct index_labels *x, uint32_t tenant, struct str labels, uint32_t block);
size_t index_labels_bytes(const struct index_labels *x);
/* Sorts, then appends the stream section and the label section. */
void index_labels_write(struct index_labels *x, struct buf *out_streams, struct buf *out_labels);
uint32_t index_labels_rank(const struct index_labels *x, uint32_t number);

/* Walks a stream section, foreign bytes: check index_streams_ok() at the end. */
struct index_streams {
    struct reader r;
    uint32_t count, next;
    struct str runs; /* of the stream just given */
    size_t key_bytes;
    char key[4 + LABELS_BYTES_MAX];
};
void index_streams_start(struct index_streams *x, struct str section);
/* `out_labels` is borrowed until the next call. False at the end or at the first mistake. */
bool index_streams_next(struct index_streams *x, uint32_t *out_tenant, struct str *out_labels);
/* Sets the blocks of the stream just given in `blocks`. */
bool index_streams_blocks(struct index_streams *x, uint64_t *blocks, uint32_t block_count);
bool index_streams_ok(const struct index_streams *x);

/* Keeps in `streams` (bitmap by rank, `count` bits) those that carry name=value. ERR_CORRUPT. */
NODISCARD enum err index_labels_keep(struct str section, struct str name, struct str value, uint64_t *streams,
                                     uint32_t count);
