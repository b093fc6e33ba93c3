#pragma once
#include "base/mailbox.h"
#include "ingest/ingest.h"
#include "net/loop.h"
#include "store/store.h"
/*
 * From decoded rows to an acknowledgement. One per loop shard; everything runs on that loop's thread.
 *
 *   submit_open_batch -> a decoder appends rows -> submit_commit (or submit_rollback)
 *     -> the open group closes: full, or the shard has nothing else to do, or its oldest row is too old
 *     -> sealed into blocks, in steps between polls -> one journal frame -> durable and visible
 *     -> each ticket's `done`
 *
 * Rows of one request stay in one group, hence in one frame: they become durable together or not at all.
 */
struct submit;

struct submit_config {
    struct store *store;
    struct loop *loop;
    const struct clock *clock;
    int64_t future_limit_ns;   /* ingest.future_limit, 0: 1 h */
    uint32_t group_rows;       /* 0: BLOCK_ROWS_TARGET */
    uint64_t group_bytes;      /* raw; 0: BLOCK_RAW_BYTES_MAX / 2 */
    int64_t group_age_ns;      /* 0: 50 ms */
};
NODISCARD struct submit *submit_new(const struct submit_config *c);
/* Only when submit_busy() is false. */
void submit_free(struct submit *s);
/* Tickets wait for durability. */
bool submit_busy(const struct submit *s);

/* One waiting request (or datagram batch). Owned by the caller until `done`. */
struct submit_ticket {
    void (*done)(struct submit_ticket *t, enum err result);
    uint64_t position;  /* filled before done */
    unsigned waits;     /* submit's own */
    enum err result;    /* submit's own: worst so far */
};

/* Where a decoder puts rows of `table`. Valid until the next call into submit. */
struct batch *submit_open_batch(struct submit *s, enum table table);
/* Rows added to the open batches since the marks belong to `t` now; `t` may be NULL (nobody waits). At least one
 * row was added, or `done` never comes. */
void submit_commit(struct submit *s, enum table table, struct submit_ticket *t);
