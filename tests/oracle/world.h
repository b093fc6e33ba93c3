#pragma once
#include "base/arena.h"
#include "base/random.h"
#include "base/vec.h"
#include "model/batch.h"
/*
 * Rows for the oracle: plain structs, made from a seed. What a real fleet sends and what nobody should send: one field with many types, numbers as text,
 * arrays, ids shared by few rows, labels and fields of one name, texts with strange bytes, times that fall on the edges of windows and on each other.
 *
 * Rows have a total order, so that every answer has one too: either each arrival is of its own millisecond, or no two rows of a stream share a time.
 */
struct world_cell {
    struct str name;
    struct value value;
};
struct world_row {
    int64_t time_ns, received_ms;
    uint32_t stream; /* index in world.streams */
    const struct world_cell *cells;
    size_t cell_count;
};
struct world_stream {
    struct str labels; /* canonical */
    struct str print;  /* as @stream shows it */
    struct id128 id;
};
struct world {
    struct arena mem;
    struct random random;
    int64_t now_ns, from_ns, to_ns; /* rows lie in [from, to) */
    VEC(struct world_stream) streams;
    VEC(struct world_row) rows; /* in the order of arrival */
    bool wide;                  /* more names than a block has columns */
    bool own_milliseconds;
};
void world_init(struct world *w, uint64_t seed, size_t row_count, int64_t now_ns);
void world_fini(struct world *w);
/* Null when the row has none: its label, its cell, then the same for the alias. */
struct value world_field(const struct world *w, const struct world_row *r, struct str name);
/* Adds the row to a batch; its bytes stay the world's. */
void world_put(const struct world *w, const struct world_row *r, struct batch *out);
/* Names of fields that rows may have. */
size_t world_name_count(void);
struct str world_name(size_t i);
