#pragma once
#include "block/stream_rank.h"
/*
 * The order of a block's rows: by stream (memcmp order of canonical labels), then event time, then arrival.
 * Rows are counted into their streams, which is one pass; only a stream whose rows came out of order is
 * sorted.
 */
struct order_stream {
    struct str labels; /* borrowed from the stream dictionary */
    uint32_t number;   /* in it */
    uint32_t rank;     /* among all of its labels */
    uint32_t first, count;
};
struct row_order {          /* zero-initialise; reused */
    VEC(uint32_t) rows;     /* of the batch, sorted */
    VEC(uint64_t) times_ns; /* of the same */
    VEC(uint64_t) received_ms;
    VEC(struct order_stream) streams; /* sorted */
    uint64_t raw_bytes;
    struct stream_rank ranks;
    VEC(uint32_t) local_of; /* scratch: by number of the dictionary, 0: not met yet */
    VEC(struct timed_row {
        int64_t time_ns;
        uint32_t row;
    })
    timed;
};
void row_order_fini(struct row_order *o);
/* `rows` NULL: all of the batch. */
void row_order_make(struct row_order *o, const struct batch *batch, const uint32_t *rows, size_t count);
