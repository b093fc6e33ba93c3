/*
 * Foreign bytes as a journal file. The first byte chooses: bytes as they are, or with the checksums made
 * right, so that the reader is reached behind them. The file is scanned and then replayed as a journal of one
 * or two files.
 */
#include "base/bytes.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/heap.h"
#include "disk_sim.h"
#include "queue/queue.h"
#include "queue/queue_frame.h"
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_BYTES_MAX = 1 << 16, FIX_HEADER = 1, FIX_FRAMES = 2, TWO_FILES = 4 };

static void published(void *ctx, const struct queue_block *blocks, size_t count) {
    uint64_t *last = ctx;
    if (count == 0 || blocks[0].position <= *last)
        abort(); /* positions only grow */
    *last = blocks[0].position;
    uint64_t size_bytes;
    if (file_size(queue_file_io(blocks[0].file), &size_bytes) != ERR_OK)
        abort();
    for (size_t i = 0; i < count; i++)
        if (blocks[i].offset > size_bytes || blocks[i].size_bytes > size_bytes - blocks[i].offset)
            abort(); /* a block outside the file */
}

/* A valid header with the input's numbers in it. */
static void header_fix(char *p, size_t n, uint64_t epoch) {
    if (n < QUEUE_FILE_HEADER_BYTES)
        return;
    struct queue_file_header h = { .major = QUEUE_MAJOR,
                                   .epoch = epoch,
                                   .salt = le64_get(p + 32),
                                   .first_sequence = le64_get(p + 40),
                                   .first_position = le64_get(p + 48) };
    queue_file_header_encode(&h, p);
}

/* Wherever the input says that a frame begins, one does: lengths clipped to the input, checksums right. */
static void frames_fix(char *p, size_t n) {
    uint64_t salt = n >= QUEUE_FILE_HEADER_BYTES ? le64_get(p + 32) : 0;
    for (size_t at = QUEUE_FILE_HEADER_BYTES; at + QUEUE_FRAME_HEADER_BYTES <= n;
         at += QUEUE_FRAME_ALIGN_BYTES) {
        if (p[at] != 'S')
            continue;
        struct queue_frame_place place = { salt, at };
        size_t room = n - at - QUEUE_FRAME_HEADER_BYTES;
        struct queue_frame f = { .body_bytes = room ? le16_get(p + at + 8) % room : 0,
                                 .sequence = (uint8_t)p[at + 16],
                                 .position = le16_get(p + at + 24),
                                 .group_sequence = (uint8_t)p[at + 48],
                                 .block_count = (uint8_t)p[at + 40] };
        f.frame_bytes = queue_frame_align(QUEUE_FRAME_HEADER_BYTES + f.body_bytes);
        if (f.frame_bytes > n - at)
            continue;
        f.body_crc32c = crc32c(queue_frame_crc_begin(place), p + at + QUEUE_FRAME_HEADER_BYTES,
                               (size_t)f.frame_bytes - QUEUE_FRAME_HEADER_BYTES);
        queue_frame_encode(&f, place, p + at);
    }
}

static void file_put(struct disk *d, const char *path, const char *p, size_t n) {
    struct file *f;
    if (disk_open(d, path, FILE_WRITE | FILE_CREATE, &f) != ERR_OK || file_write(f, p, n, 0) != ERR_OK)
        abort();
    file_close(f);
}

static void ignore(struct letter *l) {
    (void)l;
}

static struct queue *opened(struct disk *d, uint64_t *last) {
    struct queue *q = NULL;
    struct queue_replay replay;
    struct err_text why;
    *last = 0;
    struct queue_config c = { .disk = d,
                              .clock = &clock_real,
                              .folder = "j",
                              .published = published,
                              .ctx = last,
                              .stepped = true,
                              .file_bytes = 16384 };
    return queue_open(&c, &replay, &why, &q) == ERR_OK ? q : NULL;
}

/* What is added behind foreign bytes gets a position above theirs and is found again. */
static void add_and_reopen(struct disk *d, struct queue *q, uint64_t *last) {
    struct mailbox box;
    mailbox_init(&box, NULL, NULL);
    struct str block = STR("block");
    struct submission s = { .done.open = ignore, .mailbox = &box, .blocks = &block, .block_count = 1 };
    if (queue_submit(q, &s) != ERR_OK || !queue_step(q) || s.result != ERR_OK)
        abort();
    uint64_t added = s.position;
    queue_close(q);
    mailbox_fini(&box);
    q = opened(d, last);
    if (!q || *last != added)
        abort();
    queue_close(q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > INPUT_BYTES_MAX)
        return 0;
    unsigned how = data[0];
    char *p = heap_alloc(QUEUE_FILE_HEADER_BYTES + size);
    size_t n = QUEUE_FILE_HEADER_BYTES + size - 1;
    /* The header's page is mostly zeros: the input fills its first 64 bytes, then the frames. */
    size_t head = size - 1 < 64 ? size - 1 : 64;
    memcpy(p, data + 1, head);
    memcpy(p + QUEUE_FILE_HEADER_BYTES, data + 1 + head, size - 1 - head);
    n -= head;
    if (how & FIX_HEADER)
        header_fix(p, n, 1);
    if (how & FIX_FRAMES)
        frames_fix(p, n);
    struct disk *d = disk_sim_new(1);
    if (disk_mkdir(d, "j") != ERR_OK)
        abort();
    file_put(d, "j/0000000000000001.journal", p, n);
    if (how & TWO_FILES) {
        header_fix(p, n, 2);
        file_put(d, "j/0000000000000002.journal", p, n);
    }
    uint64_t last;
    struct queue *q = opened(d, &last);
    if (q)
        add_and_reopen(d, q, &last);
    disk_close(d);
    heap_free(p);
    return 0;
}
