#pragma once
#include "base/vec.h"
#include "block/block_read.h"
#include "queue/queue.h"
#include <stdatomic.h>
/*
 * Blocks that are durable in the journal and not yet in a segment. Each keeps its directory in memory, its
 * pages stay in the journal file, which its reference keeps from being recycled.
 */
struct live_block {
    _Atomic unsigned refs;
    struct queue_file *file; /* one reference */
    uint64_t offset, size_bytes;
    uint64_t position;   /* of its frame */
    uint32_t number;     /* in its frame */
    struct block *block; /* opened; any thread may read it */
};
/* One reference, the caller's. */
NODISCARD enum err live_block_new(const struct queue_block *q, uint32_t number, struct err_text *why,
                                  struct live_block **out);
struct live_block *live_block_ref(struct live_block *l);
void live_block_unref(struct live_block *l);

/* In position order. The owner locks. */
struct live_set {
    VEC(struct live_block *) blocks; /* one reference each */
    uint64_t bytes, rows, memory_bytes;
};
/* Takes the caller's reference. */
void live_add(struct live_set *s, struct live_block *l);
/* Takes the first `count` out; their references go to `out` (room for count). */
void live_take_first(struct live_set *s, size_t count, struct live_block **out);
void live_fini(struct live_set *s);
