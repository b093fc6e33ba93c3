#pragma once
#include "base/random.h"
#include "base/vec.h"
#include "queue/queue.h"
#include <pthread.h>
/*
 * For tests: a journal whose frames can be recognised. Frame `id` always has the same blocks, so whatever is
 * published can be compared with what was submitted, byte for byte, by reading it from the disk.
 */
struct journal_frame {
    struct submission s; /* first: the letter is its first member */
    struct journal *journal;
    uint64_t id;
    struct str blocks[8];
    char *bytes;
    bool done;
};
struct journal {
    struct disk *disk; /* borrowed */
    struct queue *queue;
    struct queue_config config;
    struct queue_replay replay;
    struct err_text why;
    struct mailbox box;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool rung;
    unsigned pressed;
    VEC(struct journal_frame *) frames; /* submitted and not freed, oldest first */
    VEC(struct seen) seen;              /* published since the open, in order */
    bool wrong; /* something published differs from what was submitted, or is out of order */
    VEC(struct queue_file *) pins; /* when pinning: a reference for each frame */
    bool pinning;
};
struct seen {
    uint64_t position, id;
};

/* Zeroes `j` and opens; `config` may be NULL for small files in "journal". */
enum err journal_open(struct journal *j, struct disk *disk, const struct queue_config *config);
void journal_close(struct journal *j);
/* Bytes of the frame `id` when `block_bytes` is the size of each of `block_count` blocks. */
enum err journal_submit(struct journal *j, uint64_t id, size_t block_count, size_t block_bytes);
/* Waits for completions of all submitted; how many succeeded. Forgets them. */
size_t journal_wait(struct journal *j);
/* One frame of one block, durable or not. */
enum err journal_put(struct journal *j, uint64_t id, size_t block_bytes);
bool journal_seen(const struct journal *j, uint64_t id);
/* Files in the folder whose name ends so. */
size_t journal_files(struct disk *disk, const char *folder, const char *ending);
/* Flips, cuts: the whole file of the folder's `index`-th name (in order of names) ending in ".journal". */
void journal_file_path(struct disk *disk, const char *folder, size_t index, char out[256]);
