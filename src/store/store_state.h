#pragma once
#include "base/thread.h"
#include "queue/queue.h"
#include "store/claims.h"
#include "store/deletes.h"
#include "store/live.h"
#include "store/retention.h"
#include "store/segment.h"
#include "store/store.h"
/*
 * What the files of the store share.
 *
 * Locks, in the order in which they are taken: merge_lock or flush_lock, commit_lock, lock. Only `lock` is
 * held by readers, and never while a file is read or written. flush_lock orders what creates segment
 * boundaries (flushes, deletes); merge_lock what removes segments.
 */
enum {
    STORE_LIVE_BLOCKS_MAX = 4096,       /* live blocks that start a flush */
    STORE_LIVE_MEMORY_FLUSH = 48 << 20, /* bytes of their directories that start one */
    STORE_LIVE_MEMORY_MAX = 256 << 20,  /* … that make senders wait */
    STORE_UNMERGED_MAX = 64,            /* L0 segments a table that make senders wait */
};
#define STORE_JOURNAL_FOLDER    "journal"
#define STORE_ORPHAN_FOLDER     "orphans"
#define STORE_QUARANTINE_FOLDER "quarantine"
#define STORE_CATALOG_PATH      "catalog.sqlite"

struct store {
    /* set at open, then read-only */
    struct store_config config; /* defaults filled in */
    struct disk *disk;
    struct catalog *catalog;
    struct queue *queue;
    struct claims *claims;
    struct retention *retention;
    struct thread flusher, merger;

    pthread_mutex_t flush_lock, merge_lock;
    pthread_mutex_t forget_lock;    /* taken after those two: one thread at a time drops deletes that are done */
    pthread_mutex_t commit_lock; /* guards the three below; one commit at a time */
    bool unsure;                 /* a commit failed: its outcome is to be read from the catalog */
    uint64_t *unsure_ids;        /* segments it would have added */
    size_t unsure_count;

    pthread_mutex_t lock; /* guards what follows */
    struct live_set live;
    VEC(struct segment *) segments; /* one reference each, by id */
    struct delete_list deletes;
    uint64_t flushed_position; /* rows of frames up to here are in segments */
    struct trusted_clock clock;
    int64_t flushed_mono_ns;   /* last flush that worked, or that had nothing to do */
    unsigned flush_failures;   /* in a row */
    struct err_text flush_why; /* of the last failure */

    pthread_mutex_t subscriber_lock;
    struct store_subscriber *subscribers; /* guarded by subscriber_lock */

    pthread_mutex_t wake_lock;
    pthread_cond_t flush_wake, merge_wake;
    bool flush_wanted, merge_wanted; /* guarded by wake_lock */
    _Atomic bool stop;               /* set under wake_lock */

    /* shared */
    _Atomic bool replaying;
    _Atomic bool disk_low;
    _Atomic unsigned unmerged_most; /* L0 segments of the table that has most */
    _Atomic uint64_t live_memory_bytes;
    _Atomic enum err replay_error; /* a live block that a newer version wrote */
};

/* Lock held: adds in order of id (taking the reference), takes out doomed (giving it back; NULL when there is
 * none with that id); both keep the gauges right. */
void store_segment_add(struct store *s, struct segment *segment);
NODISCARD struct segment *store_segment_remove(struct store *s, uint64_t id);
/* Start of the window that a time lies in. */
int64_t store_window_of(int64_t time_ns, int64_t width_ns);
/* Is there less free than the reserve? Sets disk_low. */
void store_check_disk(struct store *s);
/* Free bytes above the reserve; 0 below it. */
uint64_t store_spare_bytes(struct store *s);
void store_wake_merger(struct store *s);
bool store_stopping(struct store *s);
/* To the operator, when somebody listens. */
PRINTF(2, 3) void store_say(struct store *s, const char *fmt, ...);
/* Keeps a copy of bytes that failed a check in quarantine/<name> and counts it. */
void store_quarantine(struct store *s, const char *name, struct file *from, uint64_t offset, uint64_t bytes);
