#pragma once
#include "model/batch.h"
/*
 * The label order of all streams of a dictionary, kept from block to block: a shard sends the same streams
 * again and again, and comparing labels is what sorting some thousand streams for every block would cost. New
 * streams are sorted in.
 *
 * A cache by address and generation: a dictionary that was freed and another made in its place is not
 * noticed. Whoever uses the ranks checks the order that they give (one comparison a stream) and calls
 * stream_rank_forget() when it is wrong.
 */
struct stream_rank { /* zero-initialise; reused; one thread */
    const struct stream_dict *dict;
    uint32_t generation;
    VEC(uint32_t) sorted;  /* stream numbers in label order */
    VEC(uint32_t) rank_of; /* by stream number */
};
void stream_rank_fini(struct stream_rank *r);
void stream_rank_update(struct stream_rank *r, const struct stream_dict *dict);
void stream_rank_forget(struct stream_rank *r);
