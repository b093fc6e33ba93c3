#pragma once
#include "base/random.h"
#include "block/block_build.h"
#include "block/block_read.h"
/*
 * What tests of blocks share: a batch with its dictionaries, random rows of every kind that an encoding
 * treats in its own way, and a reader that compares every value of a block with the batch it was made of.
 * Failing ends the test.
 */
struct world {
    struct field_dict fields;
    struct stream_dict streams;
    struct batch batch;
    struct block_builder *builder;
    struct random random;
};
struct world *world_new(uint64_t seed);
void world_free(struct world *w);
/* Number of a stream of labels made from `number`. */
uint32_t world_stream(struct world *w, unsigned number);
uint32_t world_field(struct world *w, const char *name);
/* Copies into the batch's memory. */
struct str world_keep(struct world *w, const void *p, size_t n);

struct shape {
    size_t rows;
    unsigned fields, streams;
    unsigned presence_percent, mixed_percent; /* of a second type under the same name */
    bool out_of_order;
};
void world_fill(struct world *w, struct shape s);
struct str world_build(struct world *w, struct block_build_options o);
/* Of bytes in memory; fails the test when it cannot. */
struct block *world_open(struct str bytes);
/* Every value of the batch is in the block, in the documented order, and nothing else. */
void world_check(struct world *w, const struct block *b);
/* Reads everything a block has, in every way; *out_digest stands for all of it. The first error. */
NODISCARD enum err world_read(const struct block *b, uint64_t *out_digest);
