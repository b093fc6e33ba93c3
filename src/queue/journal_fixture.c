#include "queue/journal_fixture.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/heap.h"
#include "base/thread.h"
#include <stdio.h>
#include <stdlib.h>

/* Block `index` of frame `id`: the id, the index, then bytes that follow from both. */
static void block_fill(uint64_t id, size_t index, char *to, size_t n) {
    struct random r;
    random_init(&r, id * 31 + index);
    for (size_t i = 0; i < n; i += 8) {
        uint64_t v = i == 0 ? id : random_u64(&r);
        memcpy(to + i, &v, n - i < 8 ? n - i : 8);
    }
}

static bool block_right(uint64_t id, size_t index, const char *p, size_t n) {
    char *want = heap_alloc(n);
    block_fill(id, index, want, n);
    bool same = memcmp(want, p, n) == 0;
    heap_free(want);
    return same;
}

static void published(void *ctx, const struct queue_block *blocks, size_t count) {
    struct journal *j = ctx;
    LOCKED(&j->lock);
    uint64_t id = 0;
    for (size_t i = 0; i < count; i++) {
        char *p = heap_alloc((size_t)blocks[i].size_bytes);
        struct file *io = queue_file_io(blocks[i].file);
        bool read = file_read_all(io, p, (size_t)blocks[i].size_bytes, blocks[i].offset) == ERR_OK;
        id = i == 0 && read ? le64_get(p) : id;
        j->wrong |= !read || !block_right(id, i, p, (size_t)blocks[i].size_bytes);
        j->wrong |= blocks[i].position != blocks[0].position;
        heap_free(p);
    }
    j->wrong |= j->seen.n > 0 && j->seen.p[j->seen.n - 1].position >= blocks[0].position;
    VEC_PUSH(&j->seen, (struct seen){ blocks[0].position, id });
    if (j->pinning)
        VEC_PUSH(&j->pins, queue_file_ref(blocks[0].file));
}

static void pressure(void *ctx) {
    struct journal *j = ctx;
    LOCKED(&j->lock);
    j->pressed++;
}

static void ring(void *ctx) {
    struct journal *j = ctx;
    LOCKED(&j->lock);
    j->rung = true;
    (void)pthread_cond_signal(&j->changed);
}

static void completed(struct letter *l) {
    struct journal_frame *f = (struct journal_frame *)l;
    f->done = true;
    /* Published before acknowledged. */
    if (f->s.result == ERR_OK)
        f->journal->wrong |= !journal_seen(f->journal, f->id);
}

enum err journal_open(struct journal *j, struct disk *disk, const struct queue_config *config) {
    *j = (struct journal){ .disk = disk };
    (void)pthread_mutex_init(&j->lock, NULL);
    (void)pthread_cond_init(&j->changed, NULL);
    mailbox_init(&j->box, ring, j);
    j->config = config ? *config : (struct queue_config){ .file_bytes = 64 << 10, .bytes_max = 1 << 20 };
    j->config.disk = disk;
    j->config.clock = &clock_real;
    j->config.folder = j->config.folder ? j->config.folder : "journal";
    j->config.published = published;
    j->config.pressure = pressure;
    j->config.ctx = j;
    enum err e = queue_open(&j->config, &j->replay, &j->why, &j->queue);
    return e;
}

void journal_close(struct journal *j) {
    queue_close(j->queue);
    (void)mailbox_drain(&j->box);
    for (size_t i = 0; i < j->pins.n; i++)
        queue_file_unref(j->pins.p[i]);
    for (size_t i = 0; i < j->frames.n; i++) {
        heap_free(j->frames.p[i]->bytes);
        heap_free(j->frames.p[i]);
    }
    VEC_FINI(&j->pins);
    VEC_FINI(&j->frames);
    VEC_FINI(&j->seen);
    mailbox_fini(&j->box);
    (void)pthread_mutex_destroy(&j->lock);
    (void)pthread_cond_destroy(&j->changed);
}

enum err journal_submit(struct journal *j, uint64_t id, size_t block_count, size_t block_bytes) {
    struct journal_frame *f = HEAP_NEW(struct journal_frame);
    ASSERT(block_count <= COUNT_OF(f->blocks) && block_bytes >= 8);
    f->journal = j;
    f->id = id;
    f->bytes = heap_alloc(block_count * block_bytes);
    for (size_t i = 0; i < block_count; i++) {
        f->blocks[i] = (struct str){ f->bytes + i * block_bytes, block_bytes };
        block_fill(id, i, f->bytes + i * block_bytes, block_bytes);
    }
    f->s = (struct submission){
        .done.open = completed, .mailbox = &j->box, .blocks = f->blocks, .block_count = block_count
    };
    enum err e = queue_submit(j->queue, &f->s);
    if (e == ERR_OK) {
        VEC_PUSH(&j->frames, f);
    } else {
        heap_free(f->bytes);
        heap_free(f);
    }
    return e;
}

static bool all_done(const struct journal *j) {
    for (size_t i = 0; i < j->frames.n; i++)
        if (!j->frames.p[i]->done)
            return false;
    return true;
}

size_t journal_wait(struct journal *j) {
    for ((void)mailbox_drain(&j->box); !all_done(j); (void)mailbox_drain(&j->box)) {
        if (j->config.stepped) {
            (void)queue_step(j->queue);
            continue;
        }
        LOCKED(&j->lock);
        while (!j->rung)
            (void)pthread_cond_wait(&j->changed, &j->lock);
        j->rung = false;
    }
    size_t succeeded = 0;
    for (size_t i = 0; i < j->frames.n; i++) {
        succeeded += j->frames.p[i]->s.result == ERR_OK;
        heap_free(j->frames.p[i]->bytes);
        heap_free(j->frames.p[i]);
    }
    j->frames.n = 0;
    return succeeded;
}

enum err journal_put(struct journal *j, uint64_t id, size_t block_bytes) {
    ASSERT(j->frames.n == 0);
    enum err e = journal_submit(j, id, 1, block_bytes);
    if (e != ERR_OK)
        return e;
    return journal_wait(j) == 1 ? ERR_OK : ERR_IO;
}

bool journal_seen(const struct journal *j, uint64_t id) {
    for (size_t i = 0; i < j->seen.n; i++)
        if (j->seen.p[i].id == id)
            return true;
    return false;
}

struct names {
    const char *ending;
    VEC(char *) p;
};

static void name_keep(void *ctx, const char *name) {
    struct names *names = ctx;
    if (!str_ends(str_of(name), str_of(names->ending)))
        return;
    char *copy = heap_alloc(strlen(name) + 1);
    memcpy(copy, name, strlen(name));
    VEC_PUSH(&names->p, copy);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_free(struct names *names) {
    for (size_t i = 0; i < names->p.n; i++)
        heap_free(names->p.p[i]);
    VEC_FINI(&names->p);
}

size_t journal_files(struct disk *disk, const char *folder, const char *ending) {
    struct names names = { .ending = ending };
    ERR_IGNORE(disk_list(disk, folder, name_keep, &names), "no folder, no files");
    size_t count = names.p.n;
    names_free(&names);
    return count;
}

void journal_file_path(struct disk *disk, const char *folder, size_t index, char out[256]) {
    struct names names = { .ending = ".journal" };
    ERR_IGNORE(disk_list(disk, folder, name_keep, &names), "the assertion below fails then");
    ASSERT(index < names.p.n);
    qsort(names.p.p, names.p.n, sizeof *names.p.p, by_name);
    (void)snprintf(out, 256, "%s/%s", folder, names.p.p[index]);
    names_free(&names);
}
