#pragma once
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mailbox.h"
#include "base/str.h"
/*
 * The durable inbox between ingest and store: queue_wal.c (a local journal); Kafka later.
 *
 * A submission is one frame: one or more sealed blocks that become durable together or not at all. Positions
 * are bytes-free sequence numbers: frame n+1 follows frame n; 0 is before all.
 *
 * Threads: submit from any shard; the writer thread calls `published` (in position order, before any
 * completion is posted), then posts completions to the submitters' mailboxes.
 * Delivery: at least once. Bytes in docs/design/format.md.
 */
struct queue;

/* Where a durable block lies: pread it while holding a reference to the journal file. */
struct queue_file;
struct file *queue_file_io(struct queue_file *f);
struct queue_file *queue_file_ref(struct queue_file *f);
void queue_file_unref(struct queue_file *f); /* the last one after a trim lets the file be recycled */

struct queue_block {
    struct queue_file *file; /* borrowed for the call; ref to keep */
    uint64_t offset, size_bytes;
    uint64_t position; /* of its frame */
};

struct queue_config {
    struct disk *disk;
    const struct clock *clock;
    const char *folder;        /* below the disk's root, e.g. "journal" */
    uint64_t file_bytes;       /* 0: 64 MiB */
    uint64_t bytes_max;        /* 0: 2 GiB; submit says ERR_UNAVAILABLE at the cap */
    uint64_t trimmed_position; /* frames up to here are in segments: not replayed */
    /* A durable frame's blocks become visible: from the writer thread, and during open for each frame
     * replayed. Must not block on the queue. */
    void (*published)(void *ctx, const struct queue_block *blocks, size_t count);
    /* The journal is half full or cannot be written any more: flush soon / go read-only. Any time. */
    void (*pressure)(void *ctx);
    void *ctx;
    /* Tests and simulations: no writer thread; the caller does its work with queue_step(), so that a seed
     * replays exactly. */
    bool stepped;
};
struct queue_replay {
    uint64_t frames, blocks, bytes;
    uint64_t damaged_frames; /* skipped, with valid ones after them */
    uint64_t
        torn_bytes; /* dropped at the end: never acknowledged; as far as they can be told from old bytes */
};

/* Replays, then accepts. Caller owns *out and ends it with queue_close(), which waits for what is in flight.
 * Damage and torn tails are no error: `why` then says where, beside ERR_OK. ERR_UNSUPPORTED: a newer format.
 */
NODISCARD enum err queue_open(const struct queue_config *c, struct queue_replay *out_replay,
                              struct err_text *why, struct queue **out);
void queue_close(struct queue *q);

/* Owned by the submitter until `done` is opened in `mailbox`; then `result` is ERR_OK once durable and
 * published (position set), else ERR_IO or ERR_UNAVAILABLE (fate unknown: submit again with the same ids). */
struct submission {
    struct letter done;
    struct mailbox *mailbox;
    struct str *blocks; /* sealed bytes, borrowed until done */
    size_t block_count;
    enum err result;
    uint64_t position;
    struct submission *next; /* the queue's */
};
/* Never waits. ERR_UNAVAILABLE now: full or read-only; ERR_LIMIT: more than 65,536 blocks or 1 GiB. Nothing
 * was taken then. */
NODISCARD enum err queue_submit(struct queue *q, struct submission *s);
/* Rows up to `position` are in segments that the manifest names. Never waits: the writer frees the files. */
void queue_trim(struct queue *q, uint64_t position);
/* False after the second failure in a row to write: only reads go on. While the disk is full also false; true
 * again by itself when there is space. */
bool queue_writable(struct queue *q);
uint64_t queue_used_bytes(struct queue *q);
uint64_t queue_last_position(struct queue *q);
/* `stepped` only: one group commit of all that waits, and the trims asked for. False when there was nothing
 * to do. */
bool queue_step(struct queue *q);
