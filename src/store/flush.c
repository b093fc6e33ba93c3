/*
 * Flush: what is live goes into L0 segments, bytes as they are.
 *
 *   journal   [ b1 b2 b3 b4 b5 ]───────────────────────────────┐ trim up to P
 *   live        │  │  │  │  │   grouped by (table, window)     │
 *   segments   L0 logs 09:00   L0 logs 10:00   L0 logs late    │
 *   order      write, sync, rename each; sync the folder; ONE commit: segments + P; swap; trim
 *
 * A block that crosses windows goes to the table's late segment, which merges split. So do the smallest
 * groups when there are more than FLUSH_WINDOWS_MAX of them: senders of old data must not cause hundreds of
 * files.
 *
 * A failure leaves everything live. Files written until then are removed; after a failed commit only once it
 * is known that it failed (manifest.c).
 */
#include "store/flush.h"
#include "base/assert.h"
#include "base/heap.h"
#include "base/stat.h"
#include "store/manifest.h"
#include "store/segment_write.h"
#include "store/store_state.h"
#include <inttypes.h>
#include <stdlib.h>

enum { FLUSH_WINDOWS_MAX = 16 };

struct flush_item {
    struct live_block *live;
    enum table table;
    bool late;
    int64_t window_ns; /* start; 0 when late */
    size_t order;
    size_t group_rows;
};
struct flush {
    struct store *store;
    struct arena mem;
    struct live_block **live; /* one reference each */
    struct flush_item *items; /* sorted: one group after the other */
    struct live_block **gone;
    size_t count;
    struct manifest_segment *made;
    size_t made_count, group_count;
    uint64_t first_id, position;
};

static struct flush_item item_of(struct live_block *l, size_t order) {
    const struct block_info *info = block_info(l->block);
    int64_t width_ns = table_infos[info->table].window_ns;
    int64_t first = store_window_of(info->time_min_ns, width_ns),
            last = store_window_of(info->time_max_ns, width_ns);
    bool late = first != last;
    return (struct flush_item){ l, info->table, late, late ? 0 : first, order, 0 };
}

static int by_group(const void *a, const void *b) {
    const struct flush_item *x = a, *y = b;
    if (x->table != y->table)
        return x->table < y->table ? -1 : 1;
    if (x->late != y->late)
        return x->late ? 1 : -1;
    if (x->window_ns != y->window_ns)
        return x->window_ns < y->window_ns ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static bool same_group(const struct flush_item *x, const struct flush_item *y) {
    return x->table == y->table && x->late == y->late && x->window_ns == y->window_ns;
}

static size_t group_end(const struct flush *f, size_t from) {
    size_t end = from + 1;
    while (end < f->count && same_group(&f->items[from], &f->items[end]))
        end++;
    return end;
}

static int by_rows(const void *a, const void *b) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x < y) - (x > y);
}

/* Sorted by group: leaves the FLUSH_WINDOWS_MAX groups with most rows, makes the others late, counts what is
 * left. */
static void limit_windows(struct flush *f) {
    size_t *sizes = ARENA_NEW(&f->mem, size_t, f->count);
    size_t groups = 0;
    for (size_t i = 0, end; i < f->count; i = end) {
        end = group_end(f, i);
        size_t rows = 0;
        for (size_t k = i; k < end; k++)
            rows += block_info(f->items[k].live->block)->row_count;
        for (size_t k = i; k < end; k++)
            f->items[k].group_rows = rows;
        sizes[groups++] = rows;
    }
    if (groups > FLUSH_WINDOWS_MAX) {
        qsort(sizes, groups, sizeof *sizes, by_rows);
        for (size_t i = 0; i < f->count; i++)
            if (f->items[i].group_rows <= sizes[FLUSH_WINDOWS_MAX]) {
                f->items[i].late = true;
                f->items[i].window_ns = 0;
            }
        qsort(f->items, f->count, sizeof *f->items, by_group);
    }
    f->group_count = 0;
    for (size_t i = 0; i < f->count; i = group_end(f, i))
        f->group_count++;
}

/* What is live now, by reference; everything published before is among it. */
static void gather(struct flush *f) {
    struct store *s = f->store;
    {
        LOCKED(&s->lock);
        f->count = s->live.blocks.n;
        f->live = ARENA_NEW(&f->mem, struct live_block *, f->count + 1);
        for (size_t i = 0; i < f->count; i++)
            f->live[i] = live_block_ref(s->live.blocks.p[i]);
    }
    f->items = ARENA_NEW(&f->mem, struct flush_item, f->count + 1);
    for (size_t i = 0; i < f->count; i++)
        f->items[i] = item_of(f->live[i], i);
    f->position = f->count ? f->live[f->count - 1]->position : 0;
    if (f->count)
        qsort(f->items, f->count, sizeof *f->items, by_group);
}

static enum err add_claims(struct segment_writer *w, const struct block *block) {
    AUTO(arena) mem;
    arena_init(&mem, 0);
    const struct id128 *claims;
    size_t count;
    enum err e = block_claims(block, &mem, &claims, &count);
    if (e == ERR_CORRUPT)
        return ERR_OK; /* its rows are worth more than the window's memory of them */
    TRY(e);
    for (size_t i = 0; i < count; i++)
        segment_writer_claim(w, claims[i]);
    return ERR_OK;
}

static enum err write_group(struct flush *f, size_t from, size_t end, uint64_t id, struct err_text *why) {
    const struct flush_item *first = &f->items[from];
    struct segment_writer_options o = { .disk = f->store->disk };
    o.m = (struct manifest_segment){
        .id = id, .table = first->table, .late = first->late, .deletes_applied = id
    };
    o.m.window_start_ns = first->window_ns;
    if (!first->late &&
        __builtin_add_overflow(first->window_ns, table_infos[first->table].window_ns, &o.m.window_end_ns))
        o.m.window_end_ns = INT64_MAX;
    struct segment_writer *w;
    TRY(segment_writer_new(&o, why, &w));
    enum err e = ERR_OK;
    for (size_t i = from; i < end && e == ERR_OK; i++) {
        struct live_block *l = f->items[i].live;
        struct segment_addition a = { .block = l->block,
                                      .file = queue_file_io(l->file),
                                      .offset = l->offset,
                                      .position_min = l->position,
                                      .position_max = l->position };
        e = segment_writer_add(w, &a, why);
        if (e == ERR_OK)
            e = add_claims(w, l->block);
    }
    if (e == ERR_OK)
        e = segment_writer_finish(w, &f->made[f->made_count], why);
    f->made_count += e == ERR_OK;
    segment_writer_free(w);
    return e;
}

static enum err write_groups(struct flush *f, struct err_text *why) {
    TRY(catalog_reserve_ids(f->store->catalog, (uint32_t)f->group_count, &f->first_id, why));
    f->made = ARENA_NEW(&f->mem, struct manifest_segment, f->group_count);
    for (size_t i = 0, end; i < f->count; i = end) {
        end = group_end(f, i);
        TRY(write_group(f, i, end, f->first_id + f->made_count, why));
    }
    enum err e = disk_sync_dir(f->store->disk, SEGMENT_FOLDER);
    return e == ERR_OK ? ERR_OK
                       : err_say(why, e, "flush: syncing the folder of segments failed: %s", err_name(e));
}

static void remove_made(struct flush *f) {
    for (size_t i = 0; i < f->made_count; i++) {
        char path[SEGMENT_PATH_BYTES];
        segment_path(f->made[i].id, "seg", path);
        ERR_IGNORE(disk_unlink(f->store->disk, path), "a file left over is an orphan at the next start");
    }
}

/* The store's lock is held: a snapshot never sees a row twice or not at all. */
static void swap(void *ctx) {
    struct flush *f = ctx;
    struct store *s = f->store;
    live_take_first(&s->live, f->count, f->gone);
    s->flushed_position = f->position;
    atomic_store(&s->live_memory_bytes, s->live.memory_bytes);
    stat_set(STAT_STORE_LIVE_BYTES, (int64_t)s->live.bytes);
}

static enum err flush_all(struct flush *f, struct err_text *why) {
    limit_windows(f);
    enum err e = write_groups(f, why);
    if (e != ERR_OK) {
        remove_made(f);
        return e;
    }
    f->gone = ARENA_NEW(&f->mem, struct live_block *, f->count);
    struct manifest_change change = { .add = f->made,
                                      .add_count = f->made_count,
                                      .trimmed_position = f->position };
    TRY(manifest_commit(f->store, &change, swap, f, why));
    for (size_t i = 0; i < f->count; i++) {
        ASSERT(f->gone[i] == f->live[i]);
        live_block_unref(f->gone[i]);
    }
    queue_trim(f->store->queue, f->position);
    stat_add(STAT_STORE_FLUSHES, 1);
    store_wake_merger(f->store);
    return ERR_OK;
}

static void note_outcome(struct store *s, enum err e, const struct err_text *why) {
    stat_add(STAT_STORE_FLUSH_ERRORS, e != ERR_OK);
    LOCKED(&s->lock);
    if (e == ERR_OK) {
        s->flush_failures = 0;
        s->flushed_mono_ns = clock_mono_ns(s->config.clock);
    } else {
        s->flush_failures++;
        s->flush_why = *why;
    }
}

enum err flush_locked(struct store *s, struct err_text *why) {
    struct flush f = { .store = s };
    struct err_text text = { 0 };
    enum err e = manifest_settle(s, &text);
    if (e == ERR_OK)
        gather(&f);
    if (e == ERR_OK && f.count)
        e = flush_all(&f, &text);
    note_outcome(s, e, &text);
    for (size_t i = 0; i < f.count; i++)
        live_block_unref(f.live[i]);
    arena_fini(&f.mem);
    return e == ERR_OK ? ERR_OK : err_say(why, e, "%s", text.msg);
}

enum err flush_run(struct store *s, struct err_text *why) {
    LOCKED(&s->flush_lock);
    return flush_locked(s, why);
}
