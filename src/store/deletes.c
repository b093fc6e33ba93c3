#include "store/deletes.h"
#include "base/heap.h"
#include "base/stat.h"
#include "store/flush.h"
#include "store/manifest.h"
#include "store/store_state.h"

void deletes_add(struct delete_list *l, const struct manifest_delete *d) {
    struct delete_rule *r = heap_alloc(sizeof *r + d->predicate.n);
    char *text = (char *)(r + 1);
    if (d->predicate.n)
        memcpy(text, d->predicate.p, d->predicate.n);
    *r = (struct delete_rule){ .id = d->id,
                               .table = d->table,
                               .predicate = { text, d->predicate.n },
                               .time_from_ns = d->time_from_ns,
                               .time_to_ns = d->time_to_ns,
                               .position = d->position };
    size_t at = l->rules.n;
    VEC_PUSH(&l->rules, r);
    for (; at > 0 && l->rules.p[at - 1]->id > r->id; at--)
        l->rules.p[at] = l->rules.p[at - 1];
    l->rules.p[at] = r;
    stat_set(STAT_STORE_DELETES, (int64_t)l->rules.n);
}

void deletes_remove(struct delete_list *l, uint64_t id) {
    size_t kept = 0;
    for (size_t i = 0; i < l->rules.n; i++) {
        if (l->rules.p[i]->id == id)
            heap_free(l->rules.p[i]);
        else
            l->rules.p[kept++] = l->rules.p[i];
    }
    l->rules.n = kept;
    stat_set(STAT_STORE_DELETES, (int64_t)kept);
}

void deletes_fini(struct delete_list *l) {
    for (size_t i = 0; i < l->rules.n; i++)
        heap_free(l->rules.p[i]);
    VEC_FINI(&l->rules);
}

bool delete_applies(const struct delete_rule *d, const struct manifest_segment *m) {
    return d->table == m->table && d->id > m->deletes_applied && m->position_min <= d->position &&
           m->time_max_ns >= d->time_from_ns && m->time_min_ns < d->time_to_ns;
}

enum err deletes_pending(const struct delete_list *l, const struct manifest_segment *m, struct arena *mem,
                         const struct scan_delete **out, size_t *out_count) {
    size_t count = 0;
    for (size_t i = 0; i < l->rules.n; i++)
        count += delete_applies(l->rules.p[i], m);
    struct scan_delete *copies = ARENA_NEW(mem, struct scan_delete, count + 1);
    if (!copies)
        return ERR_LIMIT;
    size_t at = 0;
    for (size_t i = 0; i < l->rules.n; i++) {
        const struct delete_rule *d = l->rules.p[i];
        if (!delete_applies(d, m))
            continue;
        copies[at] = (struct scan_delete){ .time_from_ns = d->time_from_ns, .time_to_ns = d->time_to_ns };
        TRY(arena_dup(mem, d->predicate, &copies[at++].predicate));
    }
    *out = copies;
    *out_count = count;
    return ERR_OK;
}

uint64_t deletes_last_id(const struct delete_list *l) {
    return l->rules.n ? l->rules.p[l->rules.n - 1]->id : 0;
}

/* Lock held. */
static bool is_done(const struct store *s, const struct delete_rule *d) {
    for (size_t i = 0; i < s->segments.n; i++)
        if (delete_applies(d, &s->segments.p[i]->m))
            return false;
    return true;
}

struct done_deletes {
    struct store *store;
    const uint64_t *ids;
    size_t count;
};

/* The store's lock is held. */
static void forget(void *ctx) {
    struct done_deletes *d = ctx;
    for (size_t i = 0; i < d->count; i++)
        deletes_remove(&d->store->deletes, d->ids[i]);
}

enum err deletes_forget_done(struct store *s, struct err_text *why) {
    LOCKED(&s->forget_lock); /* a flush and a merge may both find the same delete done */
    VEC(uint64_t) done = { 0 };
    {
        LOCKED(&s->lock);
        for (size_t i = 0; i < s->deletes.rules.n; i++)
            if (is_done(s, s->deletes.rules.p[i]))
                VEC_PUSH(&done, s->deletes.rules.p[i]->id);
    }
    struct done_deletes d = { s, done.p, done.n };
    struct manifest_change change = { .remove_delete = done.p, .remove_delete_count = done.n };
    enum err e = done.n ? manifest_commit(s, &change, forget, &d, why) : ERR_OK;
    VEC_FINI(&done);
    return e;
}

struct new_delete {
    struct store *store;
    struct manifest_delete *d;
};

/* The store's lock is held. */
static void put_in_force(void *ctx) {
    struct new_delete *n = ctx;
    deletes_add(&n->store->deletes, n->d);
}

static enum err record(struct store *s, struct manifest_delete *d, struct err_text *why) {
    LOCKED(&s->flush_lock);
    TRY(flush_locked(s, why));
    {
        LOCKED(&s->lock);
        d->position = s->flushed_position;
        if (s->deletes.rules.n >= DELETES_MAX)
            return err_say(why, ERR_LIMIT, "%d deletes are in force; wait until merges have carried some out",
                           DELETES_MAX);
    }
    TRY(catalog_reserve_ids(s->catalog, 1, &d->id, why));
    struct new_delete n = { s, d };
    return manifest_commit(s, &(struct manifest_change){ .add_delete = d }, put_in_force, &n, why);
}

enum err store_delete(struct store *s, enum table table, struct str predicate, int64_t time_from_ns,
                      int64_t time_to_ns, struct err_text *why) {
    if (!s->config.delete_match)
        return err_say(why, ERR_UNSUPPORTED, "delete: nothing here can evaluate a predicate");
    if (predicate.n > DELETE_PREDICATE_BYTES_MAX)
        return err_say(why, ERR_LIMIT, "delete: the predicate has more than %d bytes",
                       DELETE_PREDICATE_BYTES_MAX);
    if (time_from_ns >= time_to_ns)
        return err_say(why, ERR_INVALID, "delete: the time range is empty");
    struct manifest_delete d = {
        .table = table, .predicate = predicate, .time_from_ns = time_from_ns, .time_to_ns = time_to_ns
    };
    TRY(record(s, &d, why));
    store_wake_merger(s);
    return ERR_OK;
}
