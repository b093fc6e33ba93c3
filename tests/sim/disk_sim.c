#include "disk_sim.h"
#include "base/assert.h"
#include "base/heap.h"
#include "base/random.h"
#include "base/thread.h"
#include "base/vec.h"
#include <errno.h>
#include <stdio.h>
#include <time.h>

enum { SECTOR_BYTES = 512, NAME_BYTES_MAX = 128, PATH_PART_BYTES_MAX = 128 };

/* Of a sector, since the last successful sync. */
enum sector_state { SECTOR_CLEAN, SECTOR_DIRTY, SECTOR_LOST /* clean to the kernel, not on the disk */ };

struct node;
struct entry {
    char name[NAME_BYTES_MAX];
    struct node *node; /* one reference */
};
struct entry_list {
    struct entry *p;
    size_t n, cap;
};

struct node {
    unsigned refs;
    bool folder;
    bool named; /* counts in used_bytes */
    /* Made shorter since the last sync: either that survives, and nothing durable lies above cut_bytes, or it
     * does not, and the file is as it was before. */
    bool cut;
    size_t cut_bytes;
    VEC(char) live, durable;
    VEC(uint8_t) sectors; /* enum sector_state, of live */
    struct {
        struct entry_list live, durable;
    } entries;
};

/* A change of names that no folder sync has covered. to == NULL: unlink; from == NULL: create or mkdir. */
struct name_change {
    struct node *from, *to; /* folders, borrowed: folders are never removed */
    char from_name[NAME_BYTES_MAX], to_name[NAME_BYTES_MAX];
    struct node *node; /* one reference */
};

struct fault {
    uint64_t nth; /* 0: off */
    enum err result;
    bool for_ever;
};
struct ignored {
    bool on;
    uint64_t nth; /* 0: all */
    char part[PATH_PART_BYTES_MAX];
};

struct disk_sim {
    struct disk base;
    pthread_mutex_t lock; /* guards all below */
    struct random random;
    struct node *root;
    VEC(struct name_change) changes;
    struct fault faults[SIM_OP_COUNT];
    struct ignored ignored[SIM_OP_COUNT];
    struct {
        char part[PATH_PART_BYTES_MAX];
        uint64_t begin, end;
    } unreadable;
    uint64_t capacity_bytes, used_bytes;
    uint64_t change_count, power_off_at;
    bool off;
    unsigned sync_ms;
    uint64_t rule_breaks;
};
struct file_sim {
    struct file base;
    struct disk_sim *disk;
    struct node *node; /* one reference */
    bool writable, refused;
    char path[PATH_PART_BYTES_MAX];
};

static struct disk_sim *disk_of(struct disk *d) {
    return (struct disk_sim *)d;
}
static struct file_sim *file_of(struct file *f) {
    return (struct file_sim *)f;
}

/* ---- nodes and names
 * --------------------------------------------------------------------------------------- */

static struct node *node_new(bool folder) {
    struct node *n = HEAP_NEW(struct node);
    n->refs = 1;
    n->folder = folder;
    return n;
}

static void node_unref(struct node *n);

static void entries_fini(struct entry_list *v) {
    for (size_t i = 0; i < v->n; i++)
        node_unref(v->p[i].node);
    VEC_FINI(v);
}

static void node_unref(struct node *n) {
    if (--n->refs > 0)
        return;
    VEC_FINI(&n->live);
    VEC_FINI(&n->durable);
    VEC_FINI(&n->sectors);
    entries_fini(&n->entries.live);
    entries_fini(&n->entries.durable);
    heap_free(n);
}

static struct entry *entry_find(struct entry_list *v, const char *name) {
    for (size_t i = 0; i < v->n; i++)
        if (strcmp(v->p[i].name, name) == 0)
            return &v->p[i];
    return NULL;
}

static void entry_remove(struct entry_list *v, const char *name) {
    struct entry *e = entry_find(v, name);
    if (!e)
        return;
    struct node *gone = e->node;
    *e = v->p[--v->n];
    node_unref(gone);
}

static void entry_put(struct entry_list *v, const char *name, struct node *node) {
    node->refs++;
    entry_remove(v, name);
    struct entry e = { .node = node };
    (void)snprintf(e.name, sizeof e.name, "%s", name);
    VEC_PUSH(v, e);
}

/* The folder of `path` and its last part; ERR_NOT_FOUND. The empty path is the root itself, with an empty
 * part. */
static enum err walk(struct disk_sim *d, const char *path, struct node **out_folder,
                     char last[NAME_BYTES_MAX]) {
    struct node *at = d->root;
    for (;;) {
        size_t n = strcspn(path, "/");
        if (n >= NAME_BYTES_MAX)
            return ERR_INVALID;
        memcpy(last, path, n);
        last[n] = '\0';
        if (path[n] == '\0')
            break;
        struct entry *e = entry_find(&at->entries.live, last);
        if (!e || !e->node->folder)
            return ERR_NOT_FOUND;
        at = e->node;
        path += n + 1;
    }
    *out_folder = at;
    return ERR_OK;
}

static struct node *lookup(struct disk_sim *d, const char *path) {
    struct node *folder;
    char last[NAME_BYTES_MAX];
    if (walk(d, path, &folder, last) != ERR_OK)
        return NULL;
    if (last[0] == '\0')
        return folder;
    struct entry *e = entry_find(&folder->entries.live, last);
    return e ? e->node : NULL;
}

static void change_note(struct disk_sim *d, struct node *from, const char *from_name, struct node *to,
                        const char *to_name, struct node *node) {
    struct name_change c = { .from = from, .to = to, .node = node };
    (void)snprintf(c.from_name, sizeof c.from_name, "%s", from_name);
    (void)snprintf(c.to_name, sizeof c.to_name, "%s", to_name);
    node->refs++;
    VEC_PUSH(&d->changes, c);
}

/* Takes the name away; the space is free at once, which is good enough for tests of a full disk. */
static void live_remove(struct disk_sim *d, struct node *folder, const char *name) {
    struct entry *e = entry_find(&folder->entries.live, name);
    if (!e)
        return;
    e->node->named = false;
    d->used_bytes -= e->node->live.n;
    entry_remove(&folder->entries.live, name);
}

/* Applies to the durable names, if it makes sense there. */
static void change_apply(const struct name_change *c) {
    if (c->from) {
        struct entry *e = entry_find(&c->from->entries.durable, c->from_name);
        if (!e || e->node != c->node)
            return; /* what it builds on did not survive */
    }
    c->node->refs++; /* while it has no name */
    if (c->from)
        entry_remove(&c->from->entries.durable, c->from_name);
    if (c->to)
        entry_put(&c->to->entries.durable, c->to_name, c->node);
    node_unref(c->node);
}

/* ---- what every call goes through
 * --------------------------------------------------------------------------- */

static enum err refuse(int code, enum err e) {
    file_errno_set(code);
    return e;
}

/* May this call go on? ERR_OK with *out_last set: it takes effect, and then the power is gone. */
static enum err call_begin(struct disk_sim *d, enum disk_sim_op op, bool *out_last) {
    *out_last = false;
    if (d->off)
        return refuse(EIO, ERR_IO);
    if (op != SIM_READ) {
        d->change_count++;
        if (d->power_off_at != 0 && d->change_count >= d->power_off_at)
            d->off = *out_last = true;
    }
    struct fault *f = &d->faults[op];
    if (f->nth == 0 || (f->nth > 1 && f->nth--))
        return ERR_OK;
    if (!f->for_ever)
        f->nth = 0;
    return refuse(f->result == ERR_LIMIT ? ENOSPC : EIO, f->result);
}

static enum err call_end(bool last) {
    return last ? refuse(EIO, ERR_IO) : ERR_OK;
}

static bool call_ignored(struct disk_sim *d, enum disk_sim_op op, const char *path) {
    struct ignored *i = &d->ignored[op];
    bool meant = i->part[0] == '=' ? strcmp(path, i->part + 1) == 0 : strstr(path, i->part) != NULL;
    if (!i->on || !meant)
        return false;
    if (i->nth == 0)
        return true;
    if (--i->nth > 0)
        return false;
    i->on = false;
    return true;
}

/* ---- files
 * -------------------------------------------------------------------------------------------------- */

static size_t sector_count(size_t bytes) {
    return (bytes + SECTOR_BYTES - 1) / SECTOR_BYTES;
}

/* The part of sector `s` below `bytes`. */
static size_t sector_end(size_t s, size_t bytes) {
    return bytes < (s + 1) * SECTOR_BYTES ? bytes : (s + 1) * SECTOR_BYTES;
}

/* The kernel writes a sector back by itself. */
static void sector_write_back(struct node *n, size_t s) {
    if (n->cut)
        return;
    size_t begin = s * SECTOR_BYTES, end = sector_end(s, n->live.n < n->durable.n ? n->live.n : n->durable.n);
    if (begin < end)
        memcpy(n->durable.p + begin, n->live.p + begin, end - begin);
}

/* Sectors of [begin, end) are about to change. */
static void sectors_touch(struct disk_sim *d, struct node *n, size_t begin, size_t end) {
    for (size_t s = begin / SECTOR_BYTES; s < sector_count(end); s++) {
        if (n->sectors.p[s] == SECTOR_DIRTY && random_below(&d->random, 4) == 0)
            sector_write_back(n, s);
        n->sectors.p[s] = SECTOR_DIRTY;
    }
}

static void node_cut(struct disk_sim *d, struct node *n, size_t bytes) {
    for (size_t s = 0; s < n->sectors.n; s++)
        if (n->sectors.p[s] == SECTOR_DIRTY && random_below(&d->random, 2) == 0)
            sector_write_back(n, s);
    n->cut_bytes = n->cut && n->cut_bytes < bytes ? n->cut_bytes : bytes;
    n->cut = true;
}

static void node_resize(struct disk_sim *d, struct node *n, size_t bytes) {
    size_t old_bytes = n->live.n;
    if (bytes < old_bytes)
        node_cut(d, n, bytes);
    VEC_RESERVE(&n->live, bytes);
    VEC_RESERVE(&n->sectors, sector_count(bytes));
    for (size_t s = n->sectors.n; s < sector_count(bytes); s++)
        n->sectors.p[s] = SECTOR_CLEAN;
    n->live.n = bytes;
    n->sectors.n = sector_count(bytes);
    if (n->named)
        d->used_bytes += bytes - old_bytes;
    if (bytes <= old_bytes)
        return;
    memset(n->live.p + old_bytes, 0, bytes - old_bytes);
    sectors_touch(d, n, old_bytes, bytes);
}

static void node_write(struct disk_sim *d, struct node *n, const void *p, size_t bytes, uint64_t offset) {
    if (bytes == 0)
        return;
    if (offset + bytes > n->live.n)
        node_resize(d, n, (size_t)offset + bytes);
    sectors_touch(d, n, (size_t)offset, (size_t)offset + bytes);
    memcpy(n->live.p + offset, p, bytes);
}

static enum err sim_read(struct file *file, void *to, size_t n, uint64_t offset, size_t *out_n) {
    struct file_sim *f = file_of(file);
    LOCKED(&f->disk->lock);
    bool last;
    TRY(call_begin(f->disk, SIM_READ, &last));
    const struct disk_sim *d = f->disk;
    if (offset < d->unreadable.end && offset + n > d->unreadable.begin && strstr(f->path, d->unreadable.part))
        return refuse(EIO, ERR_IO);
    size_t have = offset < f->node->live.n ? f->node->live.n - (size_t)offset : 0;
    n = n < have ? n : have;
    if (n > 0)
        memcpy(to, f->node->live.p + offset, n);
    *out_n = n;
    return ERR_OK;
}

static enum err sim_write(struct file *file, const void *p, size_t n, uint64_t offset) {
    struct file_sim *f = file_of(file);
    struct disk_sim *d = f->disk;
    LOCKED(&d->lock);
    ASSERT(f->writable);
    bool last;
    if (f->refused && !d->off)
        d->rule_breaks++;
    enum err e = call_begin(d, SIM_WRITE, &last);
    if (e != ERR_OK) {
        f->refused |= e == ERR_IO;
        if (!d->off || last)
            node_write(d, f->node, p, (size_t)random_below(&d->random, n + 1), offset);
        return e;
    }
    uint64_t end = offset + n, grows = end > f->node->live.n ? end - f->node->live.n : 0;
    if (d->capacity_bytes && d->used_bytes + grows > d->capacity_bytes)
        return refuse(ENOSPC, ERR_LIMIT);
    node_write(d, f->node, p, n, offset);
    return call_end(last);
}

static void node_sync(struct node *n) {
    size_t durable_before = n->durable.n;
    n->cut = false;
    VEC_RESERVE(&n->durable, n->live.n);
    if (n->live.n > durable_before)
        memset(n->durable.p + durable_before, 0, n->live.n - durable_before);
    n->durable.n = n->live.n;
    for (size_t s = 0; s < n->sectors.n; s++) {
        if (n->sectors.p[s] != SECTOR_DIRTY)
            continue;
        sector_write_back(n, s);
        n->sectors.p[s] = SECTOR_CLEAN;
    }
}

/* The error is reported once; pages are clean from now on whether they were written or not. */
static void node_sync_failed(struct disk_sim *d, struct node *n) {
    for (size_t s = 0; s < n->sectors.n; s++) {
        if (n->sectors.p[s] != SECTOR_DIRTY)
            continue;
        if (random_below(&d->random, 2) == 0)
            sector_write_back(n, s);
        n->sectors.p[s] = SECTOR_LOST;
    }
}

static enum err sim_sync(struct file *file) {
    struct file_sim *f = file_of(file);
    struct disk_sim *d = f->disk;
    if (d->sync_ms)
        (void)nanosleep(&(struct timespec){ d->sync_ms / 1000, (long)(d->sync_ms % 1000) * 1000000 }, NULL);
    LOCKED(&d->lock);
    bool last;
    if (f->refused && !d->off)
        d->rule_breaks++;
    enum err e = call_begin(d, SIM_SYNC, &last);
    if (e != ERR_OK) {
        f->refused = true;
        if (!d->off)
            node_sync_failed(d, f->node);
        return e;
    }
    if (!last && !call_ignored(d, SIM_SYNC, f->path))
        node_sync(f->node);
    return call_end(last);
}

static enum err sim_resize(struct file *file, uint64_t size_bytes) {
    struct file_sim *f = file_of(file);
    LOCKED(&f->disk->lock);
    bool last;
    TRY(call_begin(f->disk, SIM_WRITE, &last));
    node_resize(f->disk, f->node, (size_t)size_bytes);
    return call_end(last);
}

static enum err sim_allocate(struct file *file, uint64_t size_bytes) {
    struct file_sim *f = file_of(file);
    struct disk_sim *d = f->disk;
    {
        LOCKED(&d->lock);
        uint64_t have = f->node->live.n;
        if (size_bytes <= have)
            return ERR_OK;
        if (d->capacity_bytes && d->used_bytes + (size_bytes - have) > d->capacity_bytes)
            return refuse(ENOSPC, ERR_LIMIT);
    }
    return sim_resize(file, size_bytes);
}

static enum err sim_size(struct file *file, uint64_t *out) {
    struct file_sim *f = file_of(file);
    LOCKED(&f->disk->lock);
    bool last;
    TRY(call_begin(f->disk, SIM_READ, &last));
    *out = f->node->live.n;
    return ERR_OK;
}

static void sim_close(struct file *file) {
    struct file_sim *f = file_of(file);
    {
        LOCKED(&f->disk->lock);
        node_unref(f->node);
    }
    heap_free(f);
}

static const struct file_ops file_ops = { sim_read,     sim_write, sim_sync, sim_resize,
                                          sim_allocate, sim_size,  sim_close };

/* ---- the namespace
 * ------------------------------------------------------------------------------------------ */

static enum err sim_open(struct disk *disk, const char *path, unsigned flags, struct file **out) {
    struct disk_sim *d = disk_of(disk);
    LOCKED(&d->lock);
    struct node *folder, *n = NULL;
    char name[NAME_BYTES_MAX];
    bool last = false;
    TRY(walk(d, path, &folder, name));
    struct entry *e = entry_find(&folder->entries.live, name);
    TRY(call_begin(d, !e && (flags & FILE_CREATE) ? SIM_CREATE : SIM_READ, &last));
    if (e && (flags & FILE_EXCL))
        return refuse(EEXIST, ERR_CONFLICT);
    if (!e && !(flags & FILE_CREATE))
        return refuse(ENOENT, ERR_NOT_FOUND);
    if (e) {
        n = e->node;
        ASSERT(!n->folder);
        n->refs++;
    } else {
        n = node_new(false);
        n->named = true;
        entry_put(&folder->entries.live, name, n);
        change_note(d, NULL, "", folder, name, n);
    }
    if (last) {
        node_unref(n);
        return call_end(last);
    }
    struct file_sim *f = HEAP_NEW(struct file_sim);
    *f = (struct file_sim){ { &file_ops }, d, n, (flags & FILE_WRITE) != 0, false, "" };
    (void)snprintf(f->path, sizeof f->path, "%s", path);
    *out = &f->base;
    return ERR_OK;
}

static enum err sim_rename(struct disk *disk, const char *from, const char *to) {
    struct disk_sim *d = disk_of(disk);
    LOCKED(&d->lock);
    struct node *from_folder, *to_folder;
    char from_name[NAME_BYTES_MAX], to_name[NAME_BYTES_MAX];
    bool last;
    TRY(walk(d, from, &from_folder, from_name));
    TRY(walk(d, to, &to_folder, to_name));
    TRY(call_begin(d, SIM_RENAME, &last));
    struct entry *e = entry_find(&from_folder->entries.live, from_name);
    if (!e)
        return refuse(ENOENT, ERR_NOT_FOUND);
    struct node *n = e->node;
    change_note(d, from_folder, from_name, to_folder, to_name, n);
    n->refs++;
    entry_remove(&from_folder->entries.live, from_name);
    live_remove(d, to_folder, to_name);
    entry_put(&to_folder->entries.live, to_name, n);
    node_unref(n);
    return call_end(last);
}

static enum err sim_unlink(struct disk *disk, const char *path) {
    struct disk_sim *d = disk_of(disk);
    LOCKED(&d->lock);
    struct node *folder;
    char name[NAME_BYTES_MAX];
    bool last;
    TRY(walk(d, path, &folder, name));
    TRY(call_begin(d, SIM_UNLINK, &last));
    struct entry *e = entry_find(&folder->entries.live, name);
    if (!e)
        return refuse(ENOENT, ERR_NOT_FOUND);
    change_note(d, folder, name, NULL, "", e->node);
    live_remove(d, folder, name);
    return call_end(last);
}

static enum err sim_mkdir(struct disk *disk, const char *path) {
    struct disk_sim *d = disk_of(disk);
    LOCKED(&d->lock);
    struct node *folder;
    char name[NAME_BYTES_MAX];
    bool last;
    TRY(walk(d, path, &folder, name));
    if (name[0] == '\0' || entry_find(&folder->entries.live, name))
        return d->off ? refuse(EIO, ERR_IO) : ERR_OK;
    TRY(call_begin(d, SIM_CREATE, &last));
    struct node *n = node_new(true);
    entry_put(&folder->entries.live, name, n);
    change_note(d, NULL, "", folder, name, n);
    node_unref(n);
    return call_end(last);
}

static void folder_sync(struct disk_sim *d, const struct node *folder) {
    size_t kept = 0;
    for (size_t i = 0; i < d->changes.n; i++) {
        struct name_change *c = &d->changes.p[i];
        if (c->from == folder || c->to == folder) {
            change_apply(c);
            node_unref(c->node);
        } else {
            d->changes.p[kept++] = *c;
        }
    }
    d->changes.n = kept;
}

static enum err sim_sync_dir(struct disk *disk, const char *path) {
    struct disk_sim *d = disk_of(disk);
    LOCKED(&d->lock);
    bool last;
    struct node *folder = lookup(d, path);
    if (!folder || !folder->folder)
        return refuse(ENOENT, ERR_NOT_FOUND);
    TRY(call_begin(d, SIM_SYNC_DIR, &last));
    if (!last && !call_ignored(d, SIM_SYNC_DIR, path))
        folder_sync(d, folder);
    return call_end(last);
}

static enum err sim_list(struct disk *disk, const char *path, void (*each)(void *, const char *), void *ctx) {
    struct disk_sim *d = disk_of(disk);
    VEC(struct entry) copy = { 0 }; /* the callback may call us */
    {
        LOCKED(&d->lock);
        bool last;
        struct node *folder = lookup(d, path);
        if (!folder || !folder->folder)
            return refuse(ENOENT, ERR_NOT_FOUND);
        TRY(call_begin(d, SIM_READ, &last));
        for (size_t i = 0; i < folder->entries.live.n; i++)
            VEC_PUSH(&copy, folder->entries.live.p[i]);
    }
    for (size_t i = 0; i < copy.n; i++)
        each(ctx, copy.p[i].name);
    VEC_FINI(&copy);
    return ERR_OK;
}

static enum err sim_exists(struct disk *disk, const char *path, bool *out) {
    struct disk_sim *d = disk_of(disk);
    LOCKED(&d->lock);
    bool last;
    TRY(call_begin(d, SIM_READ, &last));
    *out = lookup(d, path) != NULL;
    return ERR_OK;
}

static enum err sim_free_bytes(struct disk *disk, uint64_t *out_free, uint64_t *out_total) {
    struct disk_sim *d = disk_of(disk);
    LOCKED(&d->lock);
    uint64_t total = d->capacity_bytes ? d->capacity_bytes : 1ull << 40;
    *out_free = total > d->used_bytes ? total - d->used_bytes : 0;
    *out_total = total;
    return ERR_OK;
}

static void sim_disk_close(struct disk *disk) {
    struct disk_sim *d = disk_of(disk);
    for (size_t i = 0; i < d->changes.n; i++)
        node_unref(d->changes.p[i].node);
    VEC_FINI(&d->changes);
    node_unref(d->root);
    (void)pthread_mutex_destroy(&d->lock);
    heap_free(d);
}

static const struct disk_ops disk_ops = { sim_open, sim_rename, sim_unlink,     sim_mkdir,     sim_sync_dir,
                                          sim_list, sim_exists, sim_free_bytes, sim_disk_close };

struct disk *disk_sim_new(uint64_t seed) {
    struct disk_sim *d = HEAP_NEW(struct disk_sim);
    d->base.ops = &disk_ops;
    (void)pthread_mutex_init(&d->lock, NULL);
    random_init(&d->random, seed);
    d->root = node_new(true);
    return &d->base;
}

/* ---- the cut
 * ------------------------------------------------------------------------------------------------ */

/* How much of what was not synced survives this cut, of 8: the extremes are the telling ones. */
static uint64_t survival(struct random *r) {
    static const uint8_t eighths[] = { 0, 0, 1, 4, 4, 7, 8, 8 };
    return eighths[random_below(r, COUNT_OF(eighths))];
}

static bool survives(struct random *r, uint64_t eighths) {
    return random_below(r, 8) < eighths;
}

/* A file grows on the disk as its new sectors are written. */
static size_t size_after_cut(struct random *r, size_t durable_bytes, size_t live_bytes) {
    switch (random_below(r, 3)) {
    case 0: return durable_bytes;
    case 1: return live_bytes;
    default: return durable_bytes + (size_t)random_below(r, live_bytes - durable_bytes + 1);
    }
}

static void garbage(struct random *r, char *p, size_t n) {
    bool zeros = random_below(r, 2) == 0;
    for (size_t i = 0; i < n; i++)
        p[i] = zeros ? 0 : (char)random_u64(r);
}

/* A file of a new disk: nothing of it is in doubt. */
static struct node *file_new_durable(struct disk_sim *to, const char *p, size_t bytes) {
    struct node *out = node_new(false);
    VEC_RESERVE(&out->live, bytes + 1);
    VEC_RESERVE(&out->durable, bytes + 1);
    VEC_RESERVE(&out->sectors, sector_count(bytes) + 1);
    memcpy(out->live.p, p, bytes);
    memcpy(out->durable.p, p, bytes);
    memset(out->sectors.p, SECTOR_CLEAN, sector_count(bytes));
    out->live.n = out->durable.n = bytes;
    out->sectors.n = sector_count(bytes);
    out->named = true;
    to->used_bytes += bytes;
    return out;
}

static struct node *file_after_cut(struct disk_sim *to, const struct node *n) {
    struct random *r = &to->random;
    uint64_t eighths = survival(r);
    if (n->cut && random_below(r, 2) == 0)
        return file_new_durable(to, n->durable.n ? n->durable.p : "", n->durable.n);
    size_t known = n->durable.n; /* durable bytes that count */
    if (n->cut && n->cut_bytes < known)
        known = n->cut_bytes;
    size_t bytes = size_after_cut(r, known, n->live.n);
    char *p = heap_alloc(bytes + 1);
    if (known > 0)
        memcpy(p, n->durable.p, known);
    for (size_t s = 0; s < n->sectors.n && s * SECTOR_BYTES < bytes; s++) {
        size_t begin = s * SECTOR_BYTES, end = sector_end(s, bytes);
        if (n->sectors.p[s] == SECTOR_DIRTY && survives(r, eighths))
            memcpy(p + begin, n->live.p + begin, end - begin);
        else if (n->sectors.p[s] != SECTOR_CLEAN && known <= begin)
            garbage(r, p + begin, end - begin);
    }
    struct node *out = file_new_durable(to, p, bytes);
    heap_free(p);
    return out;
}

static struct node *folder_after_cut(struct disk_sim *to, struct node *folder) {
    struct node *out = node_new(true);
    for (size_t i = 0; i < folder->entries.durable.n; i++) {
        const struct entry *e = &folder->entries.durable.p[i];
        struct node *n = e->node->folder ? folder_after_cut(to, e->node) : file_after_cut(to, e->node);
        entry_put(&out->entries.live, e->name, n);
        entry_put(&out->entries.durable, e->name, n);
        node_unref(n);
    }
    return out;
}

/* Some of the names that were not synced: a prefix of the changes, as a journalling file system would, or
 * any. */
static void names_cut(struct disk_sim *d) {
    uint64_t eighths = survival(&d->random);
    bool prefix = random_below(&d->random, 2) == 0;
    size_t below = prefix ? (size_t)random_below(&d->random, d->changes.n + 1) : d->changes.n;
    for (size_t i = 0; i < d->changes.n; i++) {
        if (i < below && (prefix || survives(&d->random, eighths)))
            change_apply(&d->changes.p[i]);
        node_unref(d->changes.p[i].node);
    }
    d->changes.n = 0;
}

struct disk *disk_sim_crash(struct disk *disk) {
    struct disk_sim *d = disk_of(disk);
    LOCKED(&d->lock);
    d->off = true;
    names_cut(d);
    struct disk *out = disk_sim_new(random_u64(&d->random));
    struct disk_sim *to = disk_of(out);
    node_unref(to->root);
    to->root = folder_after_cut(to, d->root);
    to->capacity_bytes = d->capacity_bytes;
    to->sync_ms = d->sync_ms;
    memcpy(to->ignored, d->ignored, sizeof to->ignored);
    return out;
}

/* ---- the test's hands
 * --------------------------------------------------------------------------------------- */

uint64_t disk_sim_changes(struct disk *disk) {
    LOCKED(&disk_of(disk)->lock);
    return disk_of(disk)->change_count;
}

void disk_sim_power_off_after(struct disk *disk, uint64_t count) {
    struct disk_sim *d = disk_of(disk);
    LOCKED(&d->lock);
    d->power_off_at = count ? d->change_count + count : 0;
}

bool disk_sim_powered(struct disk *disk) {
    LOCKED(&disk_of(disk)->lock);
    return !disk_of(disk)->off;
}

void disk_sim_power_on(struct disk *disk) {
    struct disk_sim *d = disk_of(disk);
    LOCKED(&d->lock);
    d->off = false;
    d->power_off_at = 0;
}

void disk_sim_fail(struct disk *disk, enum disk_sim_op op, uint64_t nth, enum err result, bool for_ever) {
    LOCKED(&disk_of(disk)->lock);
    disk_of(disk)->faults[op] = (struct fault){ nth, result, for_ever };
}

void disk_sim_ignore(struct disk *disk, enum disk_sim_op op, uint64_t nth, const char *part) {
    ASSERT(op == SIM_SYNC || op == SIM_SYNC_DIR);
    struct ignored i = { .on = true, .nth = nth };
    (void)snprintf(i.part, sizeof i.part, "%s", part ? part : "");
    LOCKED(&disk_of(disk)->lock);
    disk_of(disk)->ignored[op] = i;
}

void disk_sim_ignore_none(struct disk *disk) {
    LOCKED(&disk_of(disk)->lock);
    memset(disk_of(disk)->ignored, 0, sizeof disk_of(disk)->ignored);
}

void disk_sim_unreadable(struct disk *disk, const char *part, uint64_t begin, uint64_t end) {
    struct disk_sim *d = disk_of(disk);
    LOCKED(&d->lock);
    (void)snprintf(d->unreadable.part, sizeof d->unreadable.part, "%s", part);
    d->unreadable.begin = begin;
    d->unreadable.end = end;
}

void disk_sim_capacity(struct disk *disk, uint64_t bytes) {
    LOCKED(&disk_of(disk)->lock);
    disk_of(disk)->capacity_bytes = bytes;
}

void disk_sim_slow(struct disk *disk, unsigned sync_ms) {
    LOCKED(&disk_of(disk)->lock);
    disk_of(disk)->sync_ms = sync_ms;
}

uint64_t disk_sim_rule_breaks(struct disk *disk) {
    LOCKED(&disk_of(disk)->lock);
    return disk_of(disk)->rule_breaks;
}
