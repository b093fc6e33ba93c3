/* Seconds of journal: `queue_bench FOLDER` prints frames/s and MB/s for small and large frames on the real
 * disk. */
#include "base/clock.h"
#include "base/heap.h"
#include "base/random.h"
#include "base/stat.h"
#include "base/thread.h"
#include "queue/queue.h"
#include <stdio.h>

enum { IN_FLIGHT_MAX = 256, LARGE_BYTES = 512 << 10, SMALL_BYTES = 4 << 10 };
static const int64_t RUN_NS = 2000000000;

struct bench {
    struct mailbox box;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool rung;
    uint64_t done, failed, in_flight;
    uint64_t trim_every;
    struct queue *queue;
};
struct slot {
    struct submission s; /* first: the letter is its first member */
    struct str block;
    struct bench *bench;
};

static void published(void *ctx, const struct queue_block *blocks, size_t count) {
    (void)ctx, (void)blocks, (void)count;
}

static void ring(void *ctx) {
    struct bench *b = ctx;
    LOCKED(&b->lock);
    b->rung = true;
    (void)pthread_cond_signal(&b->woken);
}

static struct slot *free_slots[IN_FLIGHT_MAX];
static size_t free_count;

static void completed(struct letter *l) {
    struct slot *slot = (struct slot *)l;
    struct bench *b = slot->bench;
    b->in_flight--;
    b->done += slot->s.result == ERR_OK;
    b->failed += slot->s.result != ERR_OK;
    free_slots[free_count++] = slot;
    if (slot->s.position % b->trim_every == 0) /* as a flush would */
        queue_trim(b->queue, slot->s.position);
}

static void wait_rung(struct bench *b) {
    {
        LOCKED(&b->lock);
        while (!b->rung)
            (void)pthread_cond_wait(&b->woken, &b->lock);
        b->rung = false;
    }
    (void)mailbox_drain(&b->box);
}

static void run(struct disk *disk, const char *name, size_t block_bytes, size_t in_flight, bool recycle) {
    struct bench b = { .trim_every = recycle ? (64ull << 20) / block_bytes : UINT64_MAX };
    (void)pthread_mutex_init(&b.lock, NULL);
    (void)pthread_cond_init(&b.woken, NULL);
    mailbox_init(&b.box, ring, &b);
    struct queue_replay replay;
    struct err_text why;
    if (queue_open(&(struct queue_config){ .disk = disk,
                                           .clock = &clock_real,
                                           .folder = "journal",
                                           .published = published,
                                           .bytes_max = 16ull << 30 },
                   &replay, &why, &b.queue) != ERR_OK) {
        fprintf(stderr, "%s\n", why.msg);
        return;
    }
    char *bytes = heap_alloc(block_bytes);
    struct random r;
    random_init(&r, 1);
    for (size_t i = 0; i < block_bytes; i++)
        bytes[i] = (char)random_u64(&r);
    struct slot *slots = HEAP_ARRAY(struct slot, in_flight);
    free_count = 0;
    for (size_t i = 0; i < in_flight; i++) {
        slots[i] = (struct slot){ .s = { .done.open = completed, .mailbox = &b.box },
                                  .block = { bytes, block_bytes },
                                  .bench = &b };
        slots[i].s.blocks = &slots[i].block;
        slots[i].s.block_count = 1;
        free_slots[free_count++] = &slots[i];
    }
    int64_t start_ns = clock_mono_ns(&clock_real), syncs = stat_get(STAT_JOURNAL_SYNCS), now_ns;
    while ((now_ns = clock_mono_ns(&clock_real)) - start_ns < RUN_NS) {
        while (free_count > 0) {
            if (queue_submit(b.queue, &free_slots[free_count - 1]->s) != ERR_OK)
                break;
            free_count--;
            b.in_flight++;
        }
        wait_rung(&b);
    }
    double s = (double)(now_ns - start_ns) / 1e9;
    uint64_t done = b.done;
    syncs = stat_get(STAT_JOURNAL_SYNCS) - syncs;
    while (b.in_flight)
        wait_rung(&b);
    printf("%-34s %9.0f frames/s %8.1f MB/s %7.0f syncs/s  %.3f ms/commit  failed %llu\n", name,
           (double)done / s, (double)done * (double)block_bytes / 1e6 / s, (double)syncs / s,
           s * 1e3 / (double)syncs, (unsigned long long)b.failed);
    queue_trim(b.queue, queue_last_position(b.queue));
    queue_close(b.queue);
    heap_free(slots);
    heap_free(bytes);
    mailbox_fini(&b.box);
}

int main(int argc, char **argv) {
    struct disk *disk;
    if (argc != 2 || disk_real_open(argv[1], &disk) != ERR_OK) {
        fprintf(stderr, "usage: queue_bench FOLDER\n");
        return 2;
    }
    run(disk, "4 KiB, 1 in flight, fresh files", SMALL_BYTES, 1, false);
    run(disk, "4 KiB, 1 in flight, recycled", SMALL_BYTES, 1, true);
    run(disk, "4 KiB, 256 in flight", SMALL_BYTES, IN_FLIGHT_MAX, true);
    run(disk, "512 KiB, 1 in flight", LARGE_BYTES, 1, true);
    run(disk, "512 KiB, 8 in flight", LARGE_BYTES, 8, true);
    disk_close(disk);
    return 0;
}
