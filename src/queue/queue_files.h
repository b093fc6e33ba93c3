#pragma once
#include "base/clock.h"
#include "base/file.h"
#include "queue/queue.h"
#include "queue/queue_frame.h"
#include <pthread.h>
#include <stdatomic.h>
/*
 * The files of one journal: made, found, referenced, recycled. Frames are the writer's business
 * (queue_wal.c).
 *
 * A file's life: fresh (or a spare, renamed) -> current -> sealed -> trimmed -> no reference -> spare or
 * gone. Names are only labels: order and identity are in the headers, because after a power cut a renamed
 * file may stand under either name.
 *
 * Threads: everything belongs to the writer thread but the references, which any thread takes and gives back,
 * also after queue_files_close().
 */
enum { QUEUE_PATH_BYTES_MAX = 256, QUEUE_SPARES_MAX = 3, QUEUE_FILES_MAX = 65536 };

struct queue_file {
    struct queue_files *home;
    struct file *io;
    struct queue_file_header header;
    char path[QUEUE_PATH_BYTES_MAX];
    _Atomic unsigned refs;   /* the list's and the readers' */
    struct queue_file *next; /* in the list, among the idle or among the spares */
    /* owner: the writer */
    uint64_t end_bytes;     /* acknowledged frames lie below; 0: not even a header */
    uint64_t size_bytes;    /* on the disk */
    uint64_t last_position; /* of its acknowledged frames; 0: none */
    bool entry_synced;      /* its name survives a power cut */
    bool read_only;         /* found at start, or a write or sync of it failed: neither is done (again) */
};

struct queue_files {
    /* set at open, then read-only */
    struct disk *disk;
    const struct clock *clock;
    char folder[QUEUE_PATH_BYTES_MAX];
    uint64_t file_bytes;
    void (*woken)(void *ctx); /* a file has become idle; any thread */
    void *ctx;
    /* owner: the writer */
    struct queue_file *oldest, **newest_next; /* not yet trimmed, by epoch */
    struct queue_file *current;               /* the newest, while it takes frames */
    struct queue_file *spares;
    size_t spare_count;
    uint64_t next_epoch;
    /* shared */
    _Atomic uint64_t used_bytes;
    _Atomic unsigned holders; /* the queue and each queue_file */
    pthread_mutex_t lock;
    struct queue_file *idle; /* guarded by lock: trimmed, and the last reference is gone */
    bool closed;             /* guarded by lock */
};

/* Makes the folder when absent. ERR_INVALID: a name too long. */
NODISCARD enum err queue_files_open(const struct queue_config *c, struct queue_files **out);
/* The list's references are given back; files on the disk stay as they are. */
void queue_files_close(struct queue_files *files);

/* Appends a file that was found at start; takes `io`. */
struct queue_file *queue_files_add(struct queue_files *files, const char *path, struct file *io,
                                   const struct queue_file_header *header);
/* A new incarnation becomes `current`; its header is in memory only. */
NODISCARD enum err queue_files_begin(struct queue_files *files, uint64_t first_sequence,
                                     uint64_t first_position);
/* `current` takes no more frames; without any acknowledged it is removed. */
void queue_files_seal(struct queue_files *files);
/* Takes off the list what holds nothing after `position`; `current` too when nothing else is left and
 * `quiet`: an idle journal takes no space. Then recycles or removes what nobody references. True when it did
 * anything. */
bool queue_files_trim(struct queue_files *files, uint64_t position, bool quiet);
