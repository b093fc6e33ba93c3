#include "store/manifest.h"
#include "base/heap.h"
#include "base/map.h"
#include "base/stat.h"
#include "store/store_state.h"
#include <inttypes.h>
#include <stdio.h>

static void load_segment(void *ctx, const struct manifest_segment *m) {
    struct store *s = ctx;
    store_segment_add(s, segment_new(s->disk, m));
}

static void load_delete(void *ctx, const struct manifest_delete *d) {
    deletes_add(&((struct store *)ctx)->deletes, d);
}

/* ---- files that nobody names ---- */

struct names {
    struct arena mem;
    VEC(struct str) list;
};

static void keep_name(void *ctx, const char *name) {
    struct names *n = ctx;
    struct str kept;
    ERR_IGNORE(arena_dup(&n->mem, (struct str){ name, strlen(name) + 1 }, &kept), "the arena has no limit");
    VEC_PUSH(&n->list, kept);
}

static void names_fini(struct names *n) {
    VEC_FINI(&n->list);
    arena_fini(&n->mem);
}

/* "0000000000000012.seg" -> 12; false for any other name. */
static bool id_of(struct str name, uint64_t *out) {
    name.n--; /* its NUL */
    return name.n == 20 && str_ends(name, STR(".seg")) && str_to_u64((struct str){ name.p, 16 }, out);
}

/* A file half written when the process died was never named; one that is whole but unknown is set aside. */
static void set_aside(struct store *s, const char *name) {
    char from[512], to[512];
    (void)snprintf(from, sizeof from, SEGMENT_FOLDER "/%s", name);
    (void)snprintf(to, sizeof to, STORE_ORPHAN_FOLDER "/%s", name);
    if (str_ends(str_of(name), STR(".tmp"))) {
        ERR_IGNORE(disk_unlink(s->disk, from), "tried again at the next start");
        return;
    }
    stat_add(STAT_STORE_ORPHANS, 1);
    ERR_IGNORE(disk_rename(s->disk, from, to), "never read, wherever it lies");
}

static void empty_orphans(struct store *s) {
    struct names old = { 0 };
    ERR_IGNORE(disk_list(s->disk, STORE_ORPHAN_FOLDER, keep_name, &old), "then they stay");
    for (size_t i = 0; i < old.list.n; i++) {
        char path[512];
        (void)snprintf(path, sizeof path, STORE_ORPHAN_FOLDER "/%s", old.list.p[i].p);
        ERR_IGNORE(disk_unlink(s->disk, path), "then it stays");
    }
    names_fini(&old);
}

static bool known(const struct store *s, uint64_t id) {
    for (size_t low = 0, high = s->segments.n; low < high;) {
        size_t mid = (low + high) / 2;
        if (s->segments.p[mid]->m.id == id)
            return true;
        if (s->segments.p[mid]->m.id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

/* One generation of orphans is kept: that of the last start which found any. */
static enum err sort_files(struct store *s, struct err_text *why) {
    struct names names = { 0 };
    enum err e = disk_list(s->disk, SEGMENT_FOLDER, keep_name, &names);
    if (e != ERR_OK) {
        names_fini(&names);
        return err_say(why, e, "the folder %s cannot be read: %s", SEGMENT_FOLDER, err_name(e));
    }
    bool found_any = false;
    for (size_t i = 0; i < names.list.n; i++) {
        uint64_t id = 0;
        if (id_of(names.list.p[i], &id) && known(s, id))
            continue;
        if (!found_any)
            empty_orphans(s);
        found_any = true;
        set_aside(s, names.list.p[i].p);
    }
    names_fini(&names);
    return ERR_OK;
}

enum err manifest_load(struct store *s, struct err_text *why) {
    TRY(catalog_segments(s->catalog, load_segment, s, why));
    TRY(catalog_deletes(s->catalog, load_delete, s, why));
    TRY(catalog_trimmed_position(s->catalog, &s->flushed_position, why));
    for (size_t i = 0; i < s->segments.n; i++)
        if (s->segments.p[i]->m.format & ~(uint32_t)SEGMENT_INCOMPAT_KNOWN)
            return err_say(why, ERR_UNSUPPORTED,
                           "segment %" PRIu64 " was written by a newer version (incompat bits %#x)",
                           s->segments.p[i]->m.id, s->segments.p[i]->m.format);
    return sort_files(s, why);
}

/* ---- after a commit of unknown outcome ---- */

struct reread {
    VEC(struct manifest_segment) segments;
    struct delete_list deletes;
    uint64_t position;
};

static void reread_segment(void *ctx, const struct manifest_segment *m) {
    struct reread *r = ctx;
    VEC_PUSH(&r->segments, *m);
}

static void reread_delete(void *ctx, const struct manifest_delete *d) {
    deletes_add(&((struct reread *)ctx)->deletes, d);
}

static bool in_reread(const struct reread *r, uint64_t id) {
    for (size_t i = 0; i < r->segments.n; i++)
        if (r->segments.p[i].id == id)
            return true;
    return false;
}

/* Locks: commit_lock, lock. The catalog is right. */
static void adopt(struct store *s, struct reread *r) {
    for (size_t i = 0; i < r->segments.n; i++)
        if (!known(s, r->segments.p[i].id))
            store_segment_add(s, segment_new(s->disk, &r->segments.p[i]));
    for (size_t i = s->segments.n; i > 0; i--)
        if (!in_reread(r, s->segments.p[i - 1]->m.id))
            segment_unref(store_segment_remove(s, s->segments.p[i - 1]->m.id));
    struct delete_list old = s->deletes;
    s->deletes = r->deletes;
    r->deletes = old;
    size_t done = 0;
    while (done < s->live.blocks.n && s->live.blocks.p[done]->position <= r->position)
        done++;
    struct live_block **gone = HEAP_ARRAY(struct live_block *, done + 1);
    live_take_first(&s->live, done, gone);
    for (size_t i = 0; i < done; i++)
        live_block_unref(gone[i]);
    heap_free(gone);
    s->flushed_position = r->position;
    atomic_store(&s->live_memory_bytes, s->live.memory_bytes);
}

static void remove_failed(struct store *s, const struct reread *r) {
    for (size_t i = 0; i < s->unsure_count; i++) {
        if (in_reread(r, s->unsure_ids[i]))
            continue;
        char path[SEGMENT_PATH_BYTES];
        segment_path(s->unsure_ids[i], "seg", path);
        ERR_IGNORE(disk_unlink(s->disk, path), "a file left over is an orphan at the next start");
    }
    heap_free(s->unsure_ids);
    s->unsure_ids = NULL;
    s->unsure_count = 0;
    s->unsure = false;
}

static enum err reread_all(struct store *s, struct reread *r, struct err_text *why) {
    TRY(catalog_segments(s->catalog, reread_segment, r, why));
    TRY(catalog_deletes(s->catalog, reread_delete, r, why));
    return catalog_trimmed_position(s->catalog, &r->position, why);
}

enum err manifest_settle(struct store *s, struct err_text *why) {
    LOCKED(&s->commit_lock);
    if (!s->unsure)
        return ERR_OK;
    struct reread r = { 0 };
    enum err e = reread_all(s, &r, why);
    if (e == ERR_OK) {
        {
            LOCKED(&s->lock);
            adopt(s, &r);
        }
        remove_failed(s, &r);
        queue_trim(s->queue, r.position);
    }
    deletes_fini(&r.deletes);
    VEC_FINI(&r.segments);
    return e;
}

/* commit_lock held. */
static void become_unsure(struct store *s, const struct manifest_change *m) {
    s->unsure = true;
    s->unsure_ids = HEAP_ARRAY(uint64_t, m->add_count + 1);
    s->unsure_count = m->add_count;
    for (size_t i = 0; i < m->add_count; i++)
        s->unsure_ids[i] = m->add[i].id;
}

enum err manifest_commit(struct store *s, const struct manifest_change *m, void (*apply)(void *ctx),
                         void *ctx, struct err_text *why) {
    LOCKED(&s->commit_lock);
    if (s->unsure)
        return err_say(why, ERR_UNAVAILABLE, "the catalog's last change is not settled yet");
    enum err e = catalog_commit(s->catalog, m, why);
    if (e != ERR_OK) {
        become_unsure(s, m);
        return e;
    }
    struct segment **gone = HEAP_ARRAY(struct segment *, m->remove_count + 1);
    {
        LOCKED(&s->lock);
        for (size_t i = 0; i < m->add_count; i++)
            store_segment_add(s, segment_new(s->disk, &m->add[i]));
        for (size_t i = 0; i < m->remove_count; i++)
            gone[i] = store_segment_remove(s, m->remove[i]);
        if (apply)
            apply(ctx);
    }
    for (size_t i = 0; i < m->remove_count; i++)
        segment_unref(gone[i]); /* the last one unlinks the file */
    heap_free(gone);
    return ERR_OK;
}
