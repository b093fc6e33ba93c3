/*
 * The journal's writer: group commit.
 *
 *   shards      queue_submit ──> waiting list (lock)
 *   writer      takes all ──> stage (one buffer) ──> pwrite ──> fdatasync ──> published, in order ──>
 * mailboxes
 *
 * There is no timer: while one commit is on its way to the disk the next group gathers by itself, so groups
 * grow with load and a lone frame waits for nothing. A commit touches one file: frames that do not fit begin
 * the next.
 *
 * After a failed write or sync the kernel may have dropped the pages and says so only once. So the file is
 * sealed where its acknowledged frames end and never written or synced again; the group, still in its
 * submitters' memory, goes to a new file. When that fails too, the group fails: its fate is unknown. If the
 * disk was full, the next group tries again; otherwise the journal is read-only until a restart.
 *
 * Sequences count frames that will be accepted, so a failed group gives its sequences back; positions are
 * never used twice.
 */
#include "base/assert.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/heap.h"
#include "base/stat.h"
#include "base/thread.h"
#include "base/vec.h"
#include "queue/queue.h"
#include "queue/queue_files.h"
#include "queue/queue_replay.h"

enum {
    STAGE_BYTES = 1 << 20,
    /* A file that grows with each commit costs twice the sync of one already written, so small commits write
     * zeros ahead: this much at a time. */
    AHEAD_BYTES = 1 << 20,
    FREE_BYTES_MIN = 4 << 20, /* of the disk, before writing is tried again after it was full */
};
static const uint64_t FILE_BYTES_DEFAULT = 64ull << 20, BYTES_MAX_DEFAULT = 2ull << 30;

enum health { HEALTH_GOOD, HEALTH_NO_SPACE, HEALTH_READ_ONLY };

/* One buffer before a file, so that many frames become one pwrite. */
struct stage {
    struct file *io;
    uint64_t offset; /* of p[0] in the file */
    char *p;
    size_t n;
};

struct queue {
    /* set at open, then read-only */
    struct queue_config config;
    struct queue_files *files;
    /* owner: the writer */
    uint64_t next_sequence, next_position;
    struct stage stage;
    VEC(struct queue_block) blocks;
    bool pressed; /* pressure was called for this fill level */
    struct thread writer;
    /* shared */
    _Atomic uint64_t waiting_bytes; /* submitted, not yet in used_bytes */
    _Atomic uint64_t last_position; /* published */
    _Atomic enum health health;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct submission *waiting, **waiting_tail; /* guarded by lock, as all below */
    uint64_t trim_position;
    bool kicked, stop;
};

static uint64_t frame_bytes_of(const struct submission *s) {
    return queue_frame_bytes(s->blocks, s->block_count);
}

/* ---- writing ----------------------------------------------------------------------------------------------
 */

static enum err stage_flush(struct stage *st) {
    if (st->n == 0)
        return ERR_OK;
    TRY(file_write(st->io, st->p, st->n, st->offset));
    st->offset += st->n;
    st->n = 0;
    return ERR_OK;
}

static enum err stage_add(struct stage *st, const char *p, size_t n) {
    while (n > 0) {
        size_t room = STAGE_BYTES - st->n, part = n < room ? n : room;
        memcpy(st->p + st->n, p, part);
        st->n += part;
        p += part;
        n -= part;
        if (st->n == STAGE_BYTES)
            TRY(stage_flush(st));
    }
    return ERR_OK;
}

static enum err stage_add_zeros(struct stage *st, uint64_t n) {
    static const char zeros[4096];
    for (; n > sizeof zeros; n -= sizeof zeros)
        TRY(stage_add(st, zeros, sizeof zeros));
    return stage_add(st, zeros, (size_t)n);
}

struct frame_ids {
    uint64_t salt, sequence, group_sequence;
};

static enum err frame_write(struct stage *st, const struct submission *s, struct frame_ids ids) {
    static const char zeros[QUEUE_FRAME_ALIGN_BYTES];
    struct queue_frame_place place = { ids.salt, st->offset + st->n };
    struct queue_frame f = { .frame_bytes = frame_bytes_of(s),
                             .sequence = ids.sequence,
                             .group_sequence = ids.group_sequence,
                             .position = s->position,
                             .block_count = (uint32_t)s->block_count,
                             .body_bytes = s->block_count * sizeof(uint32_t),
                             .body_crc32c = queue_frame_crc_begin(place) };
    char size[sizeof(uint32_t)], header[QUEUE_FRAME_HEADER_BYTES];
    for (size_t i = 0; i < s->block_count; i++) {
        le32_put(size, (uint32_t)s->blocks[i].n);
        f.body_crc32c = crc32c(f.body_crc32c, size, sizeof size);
    }
    for (size_t i = 0; i < s->block_count; i++) {
        f.body_crc32c = crc32c(f.body_crc32c, s->blocks[i].p, s->blocks[i].n);
        f.body_bytes += s->blocks[i].n;
    }
    size_t padding = (size_t)(f.frame_bytes - QUEUE_FRAME_HEADER_BYTES - f.body_bytes);
    f.body_crc32c = crc32c(f.body_crc32c, zeros, padding);

    queue_frame_encode(&f, place, header);
    TRY(stage_add(st, header, sizeof header));
    for (size_t i = 0; i < s->block_count; i++) {
        le32_put(size, (uint32_t)s->blocks[i].n);
        TRY(stage_add(st, size, sizeof size));
    }
    for (size_t i = 0; i < s->block_count; i++)
        TRY(stage_add(st, s->blocks[i].p, s->blocks[i].n));
    return stage_add(st, zeros, padding);
}

/* A group: submissions from `first` up to, not including, `stop`, that go to one file. */
struct group {
    struct submission *first, *stop;
    uint64_t bytes, count;
};

static enum err group_write(struct queue *q, struct queue_file *f, const struct group *g) {
    struct stage *st = &q->stage;
    *st = (struct stage){ .io = f->io, .offset = f->end_bytes, .p = st->p };
    if (!st->p)
        st->p = heap_alloc(STAGE_BYTES);
    if (f->end_bytes == 0) {
        char header[QUEUE_FILE_HEADER_BYTES];
        queue_file_header_encode(&f->header, header);
        TRY(stage_add(st, header, sizeof header));
    }
    struct frame_ids ids = { f->header.salt, q->next_sequence, q->next_sequence };
    for (const struct submission *s = g->first; s != g->stop; s = s->next, ids.sequence++)
        TRY(frame_write(st, s, ids));
    uint64_t end_bytes = st->offset + st->n;
    if (end_bytes > f->size_bytes && g->bytes < AHEAD_BYTES / 4) {
        uint64_t ahead = (end_bytes / AHEAD_BYTES + 1) * AHEAD_BYTES;
        ahead = ahead < q->config.file_bytes ? ahead : q->config.file_bytes;
        if (ahead > end_bytes)
            TRY(stage_add_zeros(st, ahead - end_bytes));
    }
    TRY(stage_flush(st));
    if (st->offset > f->size_bytes)
        f->size_bytes = st->offset;
    stat_add(STAT_JOURNAL_SYNCS, 1);
    TRY(file_sync(f->io));
    if (!f->entry_synced)
        TRY(disk_sync_dir(q->config.disk, q->config.folder));
    f->entry_synced = true;
    atomic_fetch_add_explicit(&q->files->used_bytes, end_bytes - f->end_bytes, memory_order_relaxed);
    f->end_bytes = end_bytes;
    return ERR_OK;
}

/* `current` with room for a frame of so many bytes; a frame larger than a file gets one of its own. */
static enum err current_with_room(struct queue *q, const struct submission *s) {
    const struct queue_file *f = q->files->current;
    if (f && f->end_bytes + frame_bytes_of(s) <= q->config.file_bytes)
        return ERR_OK;
    queue_files_seal(q->files);
    return queue_files_begin(q->files, q->next_sequence, s->position);
}

/* As many as fit in `current`, at least one. */
static struct group group_take(const struct queue *q, struct submission *first) {
    uint64_t end_bytes = q->files->current->end_bytes;
    if (end_bytes == 0)
        end_bytes = QUEUE_FILE_HEADER_BYTES;
    struct group g = { .first = first, .stop = first };
    do {
        uint64_t bytes = frame_bytes_of(g.stop);
        end_bytes += bytes;
        g.bytes += bytes;
        g.count++;
        g.stop = g.stop->next;
    } while (g.stop && end_bytes + frame_bytes_of(g.stop) <= q->config.file_bytes);
    return g;
}

/* ---- after the sync ---------------------------------------------------------------------------------------
 */

static void group_publish(struct queue *q, struct queue_file *f, const struct group *g) {
    uint64_t offset = f->end_bytes - g->bytes;
    for (struct submission *s = g->first; s != g->stop; s = s->next) {
        uint64_t at = offset + QUEUE_FRAME_HEADER_BYTES + s->block_count * sizeof(uint32_t);
        q->blocks.n = 0;
        for (size_t i = 0; i < s->block_count; i++) {
            VEC_PUSH(&q->blocks, (struct queue_block){ f, at, s->blocks[i].n, s->position });
            at += s->blocks[i].n;
        }
        q->config.published(q->config.ctx, q->blocks.p, q->blocks.n);
        offset += frame_bytes_of(s);
        f->last_position = s->position;
    }
    q->next_sequence += g->count;
    atomic_store_explicit(&q->last_position, f->last_position, memory_order_release);
    stat_add(STAT_JOURNAL_FRAMES, (int64_t)g->count);
    stat_add(STAT_JOURNAL_BYTES, (int64_t)g->bytes);
}

static void group_complete(struct queue *q, struct submission *first, const struct submission *stop,
                           enum err result) {
    uint64_t bytes = 0;
    for (struct submission *s = first; s != stop; s = s->next)
        bytes += frame_bytes_of(s);
    atomic_fetch_sub_explicit(&q->waiting_bytes, bytes, memory_order_relaxed);
    for (struct submission *s = first, *next; s != stop; s = next) {
        next = s->next;
        s->result = result;
        mailbox_post(s->mailbox, &s->done); /* from here on its owner's again */
    }
}

/* ---- one commit -------------------------------------------------------------------------------------------
 */

/* Writes a group that begins with `first` durably: to the current file, or after a failure to a new one. */
static enum err group_commit(struct queue *q, struct submission *first, struct group *out) {
    enum err e = ERR_OK;
    for (int attempt = 0; attempt < 2; attempt++) {
        e = current_with_room(q, first);
        if (e == ERR_OK) {
            *out = group_take(q, first);
            e = group_write(q, q->files->current, out);
            if (e == ERR_OK)
                return ERR_OK;
            q->files->current->read_only = true;
            queue_files_seal(q->files);
        }
        stat_add(STAT_JOURNAL_ERRORS, 1);
    }
    return e;
}

/* Right after ERR_LIMIT another try costs a file each: not before there is room. */
static bool space_is_back(const struct queue *q) {
    uint64_t free_bytes = 0, total_bytes = 0;
    return disk_free_bytes(q->config.disk, &free_bytes, &total_bytes) != ERR_OK ||
           free_bytes >= FREE_BYTES_MIN;
}

static void health_set(struct queue *q, enum health health) {
    atomic_store_explicit(&q->health, health, memory_order_release);
}

static void waiting_commit(struct queue *q, struct submission *waiting) {
    enum health health = atomic_load_explicit(&q->health, memory_order_relaxed);
    bool hopeless =
        health == HEALTH_READ_ONLY || (health == HEALTH_NO_SPACE && !q->files->spares && !space_is_back(q));
    for (struct submission *s = waiting; s && !hopeless; s = s->next)
        s->position = q->next_position++;
    while (waiting && !hopeless) {
        struct group g;
        enum err e = group_commit(q, waiting, &g);
        if (e == ERR_OK) {
            group_publish(q, q->files->current, &g);
            health_set(q, HEALTH_GOOD);
            group_complete(q, g.first, g.stop, ERR_OK);
            waiting = g.stop;
        } else {
            hopeless = true;
            health_set(q, e == ERR_LIMIT ? HEALTH_NO_SPACE : HEALTH_READ_ONLY);
            if (q->config.pressure)
                q->config.pressure(q->config.ctx);
        }
    }
    if (hopeless)
        group_complete(q, waiting, NULL, ERR_UNAVAILABLE);
}

static void pressure_check(struct queue *q) {
    uint64_t used_bytes = queue_used_bytes(q);
    stat_set(STAT_JOURNAL_USED_BYTES, (int64_t)used_bytes);
    bool high = used_bytes > q->config.bytes_max / 2;
    if (high && !q->pressed && q->config.pressure)
        q->config.pressure(q->config.ctx);
    q->pressed = high;
}

struct work {
    struct submission *waiting;
    uint64_t trim_position;
};

/* Takes what there is; the caller holds the lock. */
static struct work work_take(struct queue *q) {
    struct work w = { q->waiting, q->trim_position };
    q->waiting = NULL;
    q->waiting_tail = &q->waiting;
    q->kicked = false;
    return w;
}

static bool work_do(struct queue *q, const struct work *w) {
    bool trimmed = queue_files_trim(q->files, w->trim_position, w->waiting == NULL);
    if (trimmed)
        q->pressed = false;
    if (w->waiting)
        waiting_commit(q, w->waiting);
    pressure_check(q);
    return trimmed || w->waiting;
}

static void writer_run(void *ctx) {
    struct queue *q = ctx;
    for (bool stop = false; !stop;) {
        struct work w;
        {
            LOCKED(&q->lock);
            while (!q->waiting && !q->kicked && !q->stop)
                (void)pthread_cond_wait(&q->work, &q->lock);
            w = work_take(q);
            stop = q->stop && !w.waiting;
        }
        (void)work_do(q, &w);
    }
}

bool queue_step(struct queue *q) {
    ASSERT(q->config.stepped);
    struct work w;
    {
        LOCKED(&q->lock);
        w = work_take(q);
    }
    return work_do(q, &w);
}

/* ---- the public face --------------------------------------------------------------------------------------
 */

static void kick(void *ctx) {
    struct queue *q = ctx;
    LOCKED(&q->lock);
    q->kicked = true;
    (void)pthread_cond_signal(&q->work);
}

static struct queue *queue_new(const struct queue_config *c) {
    struct queue *q = HEAP_NEW(struct queue);
    q->config = *c;
    if (q->config.bytes_max == 0)
        q->config.bytes_max = BYTES_MAX_DEFAULT;
    if (q->config.file_bytes == 0)
        q->config.file_bytes = FILE_BYTES_DEFAULT;
    if (q->config.file_bytes > q->config.bytes_max / 4) /* space comes back by the file */
        q->config.file_bytes = q->config.bytes_max / 4;
    q->waiting_tail = &q->waiting;
    q->trim_position = c->trimmed_position;
    (void)pthread_mutex_init(&q->lock, NULL);
    (void)pthread_cond_init(&q->work, NULL);
    return q;
}

static void queue_free(struct queue *q) {
    queue_files_close(q->files);
    (void)pthread_cond_destroy(&q->work);
    (void)pthread_mutex_destroy(&q->lock);
    VEC_FINI(&q->blocks);
    heap_free(q->stage.p);
    heap_free(q);
}

static enum err open_and_replay(struct queue *q, struct queue_replay *out_replay, struct err_text *why) {
    enum err e = queue_files_open(&q->config, &q->files);
    if (e != ERR_OK)
        return err_say(why, e, "the folder %.200s of the journal cannot be used", q->config.folder);
    q->files->woken = kick;
    q->files->ctx = q;
    q->config.folder = q->files->folder; /* the caller's may go */
    struct queue_replay_end end;
    TRY(queue_replay_run(q->files, &q->config, why, out_replay, &end));
    q->next_sequence = end.sequence + 1;
    q->next_position = end.position + 1;
    atomic_store_explicit(&q->last_position, end.position, memory_order_relaxed);
    if (end.unsynced)
        health_set(q, HEALTH_READ_ONLY);
    return ERR_OK;
}

enum err queue_open(const struct queue_config *c, struct queue_replay *out_replay, struct err_text *why,
                    struct queue **out) {
    if (why)
        why->msg[0] = '\0';
    struct queue *q = queue_new(c);
    enum err e = open_and_replay(q, out_replay, why);
    if (e != ERR_OK) {
        queue_free(q);
        return why && why->msg[0] ? e : err_say(why, e, "the journal in %.200s cannot be read", c->folder);
    }
    pressure_check(q);
    if (!c->stepped)
        thread_start(&q->writer, "journal", writer_run, q);
    *out = q;
    return ERR_OK;
}

void queue_close(struct queue *q) {
    if (!q)
        return;
    {
        LOCKED(&q->lock);
        q->stop = true;
        (void)pthread_cond_signal(&q->work);
    }
    while (q->config.stepped && queue_step(q)) {
    }
    thread_join(&q->writer);
    queue_free(q);
}

enum err queue_submit(struct queue *q, struct submission *s) {
    uint64_t bytes = frame_bytes_of(s);
    if (bytes == 0)
        return ERR_LIMIT;
    if (atomic_load_explicit(&q->health, memory_order_acquire) == HEALTH_READ_ONLY)
        return ERR_UNAVAILABLE;
    uint64_t waiting_bytes = atomic_fetch_add_explicit(&q->waiting_bytes, bytes, memory_order_relaxed);
    if (queue_used_bytes(q) + waiting_bytes + bytes > q->config.bytes_max) {
        atomic_fetch_sub_explicit(&q->waiting_bytes, bytes, memory_order_relaxed);
        return ERR_UNAVAILABLE;
    }
    s->next = NULL;
    s->position = 0;
    LOCKED(&q->lock);
    ASSERT(!q->stop);
    *q->waiting_tail = s;
    q->waiting_tail = &s->next;
    (void)pthread_cond_signal(&q->work);
    return ERR_OK;
}

void queue_trim(struct queue *q, uint64_t position) {
    LOCKED(&q->lock);
    if (position <= q->trim_position)
        return;
    q->trim_position = position;
    q->kicked = true;
    (void)pthread_cond_signal(&q->work);
}

bool queue_writable(struct queue *q) {
    enum health health = atomic_load_explicit(&q->health, memory_order_acquire);
    return health == HEALTH_GOOD || (health == HEALTH_NO_SPACE && space_is_back(q));
}

uint64_t queue_used_bytes(struct queue *q) {
    return atomic_load_explicit(&q->files->used_bytes, memory_order_relaxed);
}

uint64_t queue_last_position(struct queue *q) {
    return atomic_load_explicit(&q->last_position, memory_order_acquire);
}
