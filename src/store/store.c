/*
 * The store: what lives where, and who moves it.
 *
 *   queue's writer   published ──> live
 *   flusher          live ──flush──> L0           every 10 s, at 64 MiB, at many blocks, under journal
 * pressure merger           L0 ──> L1 ──> final, retention, deletes      lowest priority anyone scans, flush,
 * merge, delete on request
 */
#include "store/store.h"
#include "base/assert.h"
#include "base/heap.h"
#include "base/stat.h"
#include "store/flush.h"
#include "store/manifest.h"
#include "store/merge.h"
#include "store/store_state.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    MERGER_NICE = 5, /* of two busy cores that leaves merges a quarter of one; see docs/design/store.md */
    FAILURES_NOT_READY = 3,
};
static const int64_t FLUSH_INTERVAL_NS = 10ll * 1000000000, TICK_NS = 500ll * 1000000,
                     RETRY_NS = 1000000000ll;
static const int64_t RETENTION_INTERVAL_NS = 60ll * 1000000000;
static const uint64_t FLUSH_BYTES = 64ull << 20, JOURNAL_BYTES = 2ull << 30, RESERVE_BYTES_MAX = 10ull << 30;

/* ---- segments in memory ---- */

static void count_unmerged(struct store *s) {
    unsigned count[TABLE_COUNT] = { 0 }, most = 0, total = 0;
    for (size_t i = 0; i < s->segments.n; i++)
        count[s->segments.p[i]->m.table] += s->segments.p[i]->m.level == 0;
    for (unsigned t = 0; t < TABLE_COUNT; t++) {
        most = count[t] > most ? count[t] : most;
        total += count[t];
    }
    atomic_store(&s->unmerged_most, most);
    stat_set(STAT_STORE_UNMERGED, total);
    stat_set(STAT_STORE_SEGMENTS, (int64_t)s->segments.n);
}

void store_segment_add(struct store *s, struct segment *segment) {
    VEC_PUSH(&s->segments, segment);
    size_t at = s->segments.n - 1;
    for (; at > 0 && s->segments.p[at - 1]->m.id > segment->m.id; at--)
        s->segments.p[at] = s->segments.p[at - 1];
    s->segments.p[at] = segment;
    count_unmerged(s);
}

struct segment *store_segment_remove(struct store *s, uint64_t id) {
    for (size_t i = 0; i < s->segments.n; i++) {
        struct segment *segment = s->segments.p[i];
        if (segment->m.id != id)
            continue;
        s->segments.n--;
        memmove(&s->segments.p[i], &s->segments.p[i + 1], (s->segments.n - i) * sizeof *s->segments.p);
        atomic_store(&segment->doomed, true);
        count_unmerged(s);
        return segment;
    }
    return NULL;
}

int64_t store_window_of(int64_t time_ns, int64_t width_ns) {
    int64_t into_ns = time_ns % width_ns, start_ns;
    if (__builtin_sub_overflow(time_ns, into_ns < 0 ? into_ns + width_ns : into_ns, &start_ns))
        return INT64_MIN; /* the first window is shorter */
    return start_ns;
}

/* ---- from the journal ---- */

void store_say(struct store *s, const char *fmt, ...) {
    if (!s->config.say)
        return;
    char message[512];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    s->config.say(s->config.say_ctx, message);
}

static enum err copy_range(struct file *from, uint64_t offset, uint64_t bytes, struct file *to) {
    AUTO(buf) piece = { 0 };
    enum { PIECE_BYTES = 1 << 20 };
    for (uint64_t done = 0; done < bytes;) {
        size_t n = bytes - done < PIECE_BYTES ? (size_t)(bytes - done) : PIECE_BYTES, got = 0;
        char *p = buf_reserve(&piece, n);
        TRY(file_read(from, p, n, offset + done, &got));
        if (got == 0)
            break;
        TRY(file_write(to, p, got, done));
        done += got;
    }
    return file_sync(to);
}

void store_quarantine(struct store *s, const char *name, struct file *from, uint64_t offset, uint64_t bytes) {
    char path[256];
    (void)snprintf(path, sizeof path, STORE_QUARANTINE_FOLDER "/%s", name);
    stat_add(STAT_STORE_DAMAGED, 1);
    struct file *to = NULL;
    enum err e = disk_open(s->disk, path, FILE_WRITE | FILE_CREATE, &to);
    if (e == ERR_OK)
        e = copy_range(from, offset, bytes, to);
    file_close(to);
    store_say(s, "damaged: %s, %" PRIu64 " bytes%s", path, bytes,
              e == ERR_OK ? " set aside" : ", no copy could be made");
}

static void refuse_live(struct store *s, const struct queue_block *q, size_t number, enum err e) {
    if (e == ERR_UNSUPPORTED) {
        atomic_store(&s->replay_error, e);
        return;
    }
    char name[96];
    (void)snprintf(name, sizeof name, "journal-%" PRIu64 "-%zu.block", q->position, number);
    store_quarantine(s, name, queue_file_io(q->file), q->offset, q->size_bytes);
}

static void remember_claims(struct store *s, const struct block *block) {
    AUTO(arena) mem;
    arena_init(&mem, 0);
    const struct id128 *claims;
    size_t count = 0;
    if (block_claims(block, &mem, &claims, &count) != ERR_OK)
        return;
    for (size_t i = 0; i < count; i++)
        claims_remember(s->claims, claims[i]);
}

static bool wants_flush(const struct store *s) {
    return s->live.bytes >= s->config.flush_bytes || s->live.blocks.n >= STORE_LIVE_BLOCKS_MAX ||
           s->live.memory_bytes >= STORE_LIVE_MEMORY_FLUSH;
}

static void wake_flusher(struct store *s) {
    LOCKED(&s->wake_lock);
    s->flush_wanted = true;
    (void)pthread_cond_signal(&s->flush_wake);
}

void store_wake_merger(struct store *s) {
    LOCKED(&s->wake_lock);
    s->merge_wanted = true;
    (void)pthread_cond_signal(&s->merge_wake);
}

static void tell_subscribers(struct store *s, uint64_t position) {
    LOCKED(&s->subscriber_lock);
    for (struct store_subscriber *u = s->subscribers; u; u = u->next)
        u->published(u->ctx, position);
}

/* All blocks of a frame become visible together. */
static void published(void *ctx, const struct queue_block *blocks, size_t count) {
    struct store *s = ctx;
    VEC(struct live_block *) opened = { 0 };
    for (size_t i = 0; i < count; i++) {
        struct live_block *l;
        enum err e = live_block_new(&blocks[i], (uint32_t)i, NULL, &l);
        if (e != ERR_OK) {
            refuse_live(s, &blocks[i], i, e);
            continue;
        }
        if (s->replaying)
            remember_claims(s, l->block);
        VEC_PUSH(&opened, l);
    }
    bool flush;
    {
        LOCKED(&s->lock);
        for (size_t i = 0; i < opened.n; i++)
            live_add(&s->live, opened.p[i]);
        flush = wants_flush(s);
        atomic_store(&s->live_memory_bytes, s->live.memory_bytes);
        stat_set(STAT_STORE_LIVE_BYTES, (int64_t)s->live.bytes);
    }
    VEC_FINI(&opened);
    if (s->replaying)
        return;
    if (flush)
        wake_flusher(s);
    if (count)
        tell_subscribers(s, blocks[count - 1].position);
}

static void pressure(void *ctx) {
    wake_flusher(ctx);
}

/* ---- the disk ---- */

static uint64_t reserve_of(const struct store *s, uint64_t total_bytes) {
    if (s->config.disk_reserve_bytes)
        return s->config.disk_reserve_bytes;
    return total_bytes / 20 < RESERVE_BYTES_MAX ? total_bytes / 20 : RESERVE_BYTES_MAX;
}

uint64_t store_spare_bytes(struct store *s) {
    uint64_t free_bytes, total_bytes;
    if (disk_free_bytes(s->disk, &free_bytes, &total_bytes) != ERR_OK)
        return 0;
    uint64_t reserve = reserve_of(s, total_bytes);
    return free_bytes > reserve ? free_bytes - reserve : 0;
}

void store_check_disk(struct store *s) {
    bool low = store_spare_bytes(s) == 0;
    if (atomic_exchange(&s->disk_low, low) != low)
        store_say(s, low ? "the disk is filled to its reserve: writes are refused, reads go on"
                         : "the disk has space again: writes go on");
}

/* ---- threads ---- */

static bool flush_due(struct store *s) {
    LOCKED(&s->lock);
    int64_t age_ns = clock_mono_ns(s->config.clock) - s->flushed_mono_ns;
    if (s->live.blocks.n == 0)
        return false;
    if (s->flush_failures)
        return age_ns >= RETRY_NS * (1 + s->flush_failures);
    return age_ns >= s->config.flush_interval_ns || wants_flush(s);
}

/* Waits for a signal or a tick; false when the store closes. */
static bool wait_for(struct store *s, pthread_cond_t *cond, bool *wanted) {
    LOCKED(&s->wake_lock);
    if (!*wanted && !s->stop)
        (void)cond_wait_for(cond, &s->wake_lock, TICK_NS);
    return !s->stop;
}

static bool take(struct store *s, bool *wanted) {
    LOCKED(&s->wake_lock);
    bool was = *wanted;
    *wanted = false;
    return was;
}

static void run_flusher(void *ctx) {
    struct store *s = ctx;
    while (wait_for(s, &s->flush_wake, &s->flush_wanted)) {
        store_check_disk(s);
        bool wanted = take(s, &s->flush_wanted);
        if (!flush_due(s) && !wanted)
            continue;
        struct err_text why;
        if (flush_run(s, &why) != ERR_OK)
            store_say(s, "flush: %s", why.msg);
    }
}

static void run_merger(void *ctx) {
    struct store *s = ctx;
    thread_nice(MERGER_NICE);
    int64_t retained_ns = clock_mono_ns(s->config.clock);
    while (wait_for(s, &s->merge_wake, &s->merge_wanted)) {
        (void)take(s, &s->merge_wanted);
        struct err_text why = { 0 };
        enum err e = ERR_OK;
        if (!s->config.merge_pause)
            e = merge_due(s, &why);
        if (e == ERR_OK && clock_mono_ns(s->config.clock) - retained_ns >= RETENTION_INTERVAL_NS) {
            retained_ns = clock_mono_ns(s->config.clock);
            e = retention_run(s, &why);
        }
        if (e != ERR_OK)
            store_say(s, "merge: %s", why.msg);
    }
}

bool store_stopping(struct store *s) {
    return atomic_load_explicit(&s->stop, memory_order_relaxed);
}

/* ---- open and close ---- */

static struct store *store_new(const struct store_config *c) {
    struct store *s = HEAP_NEW(struct store);
    s->config = *c;
    s->disk = c->disk;
    s->config.retention = NULL; /* copied into s->retention */
    if (!s->config.flush_interval_ns)
        s->config.flush_interval_ns = FLUSH_INTERVAL_NS;
    if (!s->config.flush_bytes)
        s->config.flush_bytes = FLUSH_BYTES;
    if (!s->config.journal_bytes_max)
        s->config.journal_bytes_max = JOURNAL_BYTES;
    pthread_mutex_t *locks[] = { &s->flush_lock, &s->merge_lock, &s->forget_lock, &s->commit_lock,
                                 &s->lock,       &s->subscriber_lock, &s->wake_lock };
    for (size_t i = 0; i < COUNT_OF(locks); i++)
        (void)pthread_mutex_init(locks[i], NULL);
    cond_init(&s->flush_wake);
    cond_init(&s->merge_wake);
    s->claims = claims_new(c->clock);
    s->flushed_mono_ns = clock_mono_ns(c->clock);
    return s;
}

static enum err make_folders(struct store *s, struct err_text *why) {
    static const char *const folders[] = { SEGMENT_FOLDER, STORE_JOURNAL_FOLDER, STORE_ORPHAN_FOLDER,
                                           STORE_QUARANTINE_FOLDER };
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        enum err e = disk_mkdir(s->disk, folders[i]);
        if (e != ERR_OK)
            return err_say(why, e, "the folder %s cannot be made: %s", folders[i], err_name(e));
    }
    enum err e = disk_sync_dir(s->disk, "");
    return e == ERR_OK ? ERR_OK : err_say(why, e, "the data folder cannot be synced: %s", err_name(e));
}

static int64_t newest_received_ns(const struct store *s) {
    int64_t newest_ms = INT64_MIN;
    for (size_t i = 0; i < s->segments.n; i++)
        if (s->segments.p[i]->m.received_max_ms > newest_ms)
            newest_ms = s->segments.p[i]->m.received_max_ms;
    return newest_ms > INT64_MIN / NS_PER_MS && newest_ms < INT64_MAX / NS_PER_MS ? newest_ms * NS_PER_MS
                                                                                  : INT64_MIN;
}

/* Claims of segments young enough; the only thing that start reads of segments. */
static void recall_claims(struct store *s) {
    int64_t from_ms = (clock_now_ns(s->config.clock) - CLAIM_WINDOW_NS) / NS_PER_MS;
    AUTO(arena) mem;
    arena_init(&mem, SEGMENT_SECTION_BYTES_MAX);
    for (size_t i = 0; i < s->segments.n; i++) {
        struct segment *g = s->segments.p[i];
        struct str bytes = { 0 };
        if (g->m.received_max_ms < from_ms || segment_pin(g, NULL) != ERR_OK)
            continue;
        if (segment_section(g, SECTION_CLAIMS, &mem, &bytes) != ERR_OK)
            segment_set_damaged(g);
        for (size_t at = 0; at + 16 <= bytes.n; at += 16)
            claims_remember(s->claims, (struct id128){ le64_get(bytes.p + at), le64_get(bytes.p + at + 8) });
        segment_unpin(g);
        arena_reset(&mem);
    }
}

static enum err open_queue(struct store *s, struct err_text *why) {
    struct queue_config q = { .disk = s->disk,
                              .clock = s->config.clock,
                              .folder = STORE_JOURNAL_FOLDER,
                              .bytes_max = s->config.journal_bytes_max,
                              .trimmed_position = s->flushed_position,
                              .published = published,
                              .pressure = pressure,
                              .ctx = s,
                              .stepped = s->config.stepped };
    struct queue_replay replay;
    struct err_text text = { 0 };
    atomic_store(&s->replaying, true);
    enum err e = queue_open(&q, &replay, &text, &s->queue);
    atomic_store(&s->replaying, false);
    if (e != ERR_OK)
        return err_say(why, e, "%s", text.msg);
    if (text.msg[0])
        store_say(s, "%s", text.msg);
    e = atomic_load(&s->replay_error);
    return e == ERR_OK ? ERR_OK : err_say(why, e, "the journal holds blocks written by a newer version");
}

static enum err open_parts(struct store *s, const struct store_config *c, struct err_text *why) {
    TRY(retention_new(c->retention, c->retention_count, why, &s->retention));
    TRY(make_folders(s, why));
    TRY(catalog_open(s->disk, STORE_CATALOG_PATH, why, &s->catalog));
    TRY(manifest_load(s, why));
    trusted_clock_start(&s->clock, c->clock, newest_received_ns(s));
    recall_claims(s);
    TRY(open_queue(s, why));
    store_check_disk(s);
    if (s->config.stepped)
        return ERR_OK;
    thread_start(&s->flusher, "store-flush", run_flusher, s);
    thread_start(&s->merger, "store-merge", run_merger, s);
    return ERR_OK;
}

enum err store_open(const struct store_config *c, struct err_text *why, struct store **out) {
    ASSERT(c->disk && c->clock);
    struct store *s = store_new(c);
    enum err e = open_parts(s, c, why);
    if (e != ERR_OK) {
        store_close(s);
        return e;
    }
    *out = s;
    return ERR_OK;
}

void store_close(struct store *s) {
    if (!s)
        return;
    {
        LOCKED(&s->wake_lock);
        s->stop = true;
        (void)pthread_cond_broadcast(&s->flush_wake);
        (void)pthread_cond_broadcast(&s->merge_wake);
    }
    thread_join(&s->flusher);
    thread_join(&s->merger);
    struct live_set live = s->live;
    s->live = (struct live_set){ 0 };
    live_fini(&live); /* gives the journal's files back */
    if (s->queue)
        queue_close(s->queue);
    live_fini(&s->live); /* what the queue published while it closed */
    for (size_t i = 0; i < s->segments.n; i++)
        segment_unref(s->segments.p[i]);
    VEC_FINI(&s->segments);
    deletes_fini(&s->deletes);
    if (s->catalog)
        catalog_close(s->catalog);
    retention_free(s->retention);
    claims_free(s->claims);
    heap_free(s->unsure_ids);
    heap_free(s);
}

/* ---- questions about the whole ---- */

struct queue *store_queue(struct store *s) {
    return s->queue;
}
struct catalog *store_catalog(struct store *s) {
    return s->catalog;
}

bool store_ready(struct store *s, struct err_text *why) {
    enum err e = ERR_OK;
    if (!queue_writable(s->queue))
        e = err_say(why, ERR_UNAVAILABLE, "the journal cannot be written");
    else if (atomic_load(&s->disk_low))
        e = err_say(why, ERR_UNAVAILABLE, "the disk is filled to its reserve");
    if (e != ERR_OK)
        return false;
    LOCKED(&s->lock);
    if (s->flush_failures < FAILURES_NOT_READY)
        return true;
    e = err_say(why, ERR_UNAVAILABLE, "flushes fail: %s", s->flush_why.msg);
    return e == ERR_OK;
}

enum err store_admit(struct store *s, struct err_text *why) {
    if (s->config.stepped)
        store_check_disk(s);
    if (atomic_load(&s->disk_low))
        return err_say(why, ERR_UNAVAILABLE,
                       "the disk is filled to its reserve; writes go on when there is space");
    if (!queue_writable(s->queue))
        return err_say(why, ERR_UNAVAILABLE, "the journal cannot be written");
    if (atomic_load(&s->live_memory_bytes) > STORE_LIVE_MEMORY_MAX)
        return err_say(why, ERR_LIMIT, "rows come faster than they can be flushed");
    if (atomic_load(&s->unmerged_most) > STORE_UNMERGED_MAX && !s->config.merge_pause)
        return err_say(why, ERR_LIMIT,
                       "rows come faster than they can be merged: more than %d unmerged segments",
                       STORE_UNMERGED_MAX);
    return ERR_OK;
}

enum err store_flush(struct store *s, struct err_text *why) {
    return flush_run(s, why);
}

struct folder_bytes {
    struct disk *disk;
    const char *folder;
    uint64_t bytes;
};

static void add_file(void *ctx, const char *name) {
    struct folder_bytes *f = ctx;
    char path[512];
    (void)snprintf(path, sizeof path, "%s%s%s", f->folder, f->folder[0] ? "/" : "", name);
    static const char *const folders[] = { SEGMENT_FOLDER, STORE_JOURNAL_FOLDER, STORE_ORPHAN_FOLDER,
                                           STORE_QUARANTINE_FOLDER };
    for (size_t i = 0; i < COUNT_OF(folders); i++)
        if (strcmp(path, folders[i]) == 0)
            return;
    struct file *file;
    uint64_t bytes = 0;
    if (disk_open(f->disk, path, FILE_READ, &file) != ERR_OK)
        return;
    ERR_IGNORE(file_size(file, &bytes), "a file that vanishes meanwhile counts nothing");
    file_close(file);
    f->bytes += bytes;
}

static uint64_t disk_bytes(struct store *s) {
    static const char *const folders[] = { "", SEGMENT_FOLDER, STORE_JOURNAL_FOLDER, STORE_ORPHAN_FOLDER,
                                           STORE_QUARANTINE_FOLDER };
    struct folder_bytes f = { .disk = s->disk };
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        f.folder = folders[i];
        ERR_IGNORE(disk_list(s->disk, folders[i], add_file, &f), "a folder that is not there holds nothing");
    }
    return f.bytes;
}

void store_stats(struct store *s, struct store_stats *out) {
    struct store_stats r = { .quarantined = (uint64_t)stat_get(STAT_STORE_DAMAGED),
                             .disk_bytes = disk_bytes(s) };
    LOCKED(&s->lock);
    r.live_blocks = s->live.blocks.n;
    r.live_bytes = s->live.bytes;
    r.live_rows = s->live.rows;
    r.segments = s->segments.n;
    for (size_t i = 0; i < s->segments.n; i++) {
        const struct manifest_segment *m = &s->segments.p[i]->m;
        r.segment_rows += m->rows;
        r.segment_bytes += m->size_bytes;
        r.raw_bytes += m->raw_bytes;
        r.unmerged_segments += m->level == 0;
    }
    for (size_t i = 0; i < s->live.blocks.n; i++)
        r.raw_bytes += block_info(s->live.blocks.p[i]->block)->raw_bytes;
    *out = r;
}

/* ---- claims and subscribers ---- */

enum claim_state store_claim(struct store *s, struct id128 id, struct mailbox *box, struct letter *waiter) {
    static const enum claim_state states[] = {
        [CLAIMS_NEW] = CLAIM_NEW, [CLAIMS_DONE] = CLAIM_DONE, [CLAIMS_PENDING] = CLAIM_PENDING
    };
    return states[claims_take(s->claims, id, box, waiter)];
}

void store_claim_resolve(struct store *s, const struct id128 *ids, size_t count, bool durable) {
    for (size_t i = 0; i < count; i++)
        claims_resolve(s->claims, ids[i], durable);
}

void store_subscribe(struct store *s, struct store_subscriber *sub) {
    LOCKED(&s->subscriber_lock);
    sub->next = s->subscribers;
    s->subscribers = sub;
}

void store_unsubscribe(struct store *s, struct store_subscriber *sub) {
    LOCKED(&s->subscriber_lock);
    struct store_subscriber **at = &s->subscribers;
    while (*at && *at != sub)
        at = &(*at)->next;
    if (*at)
        *at = sub->next;
}
