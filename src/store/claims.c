/*
 * The dedup window.
 *
 * Problem: a sender that got no answer sends again, and the copy must not become a second row. Ids come at up
 * to one for each row (documents of a bulk), from every shard, so the table is split in shards with a lock
 * each and holds 16 bytes an id.
 *
 *   pending     id -> waiters            from the claim until claims_resolve()
 *   young, old  sets of done ids         young takes new ones; when it is 10 minutes old or full, it
 *                                        becomes old and what was old is forgotten at once
 *
 * So an id is remembered for 10 to 20 minutes and nothing is ever expired one by one. When ids come faster
 * than the cap holds, the window shrinks; ids forgotten before their 10 minutes are counted.
 *
 * Limits: CLAIM_BYTES_MAX for both generations of all shards. Pending ids are bounded by the requests in
 * flight.
 */
#include "store/claims.h"
#include "base/heap.h"
#include "base/stat.h"
#include "base/thread.h"

enum { SHARD_COUNT = 16, PENDING_BUCKETS = 1024, SET_SLOTS_MIN = 256 };
enum { SET_SLOTS_MAX = CLAIM_BYTES_MAX / SHARD_COUNT / 2 / (int)sizeof(struct id128) };

/* Open addressing; {0, 0} marks an empty slot. */
struct claim_set {
    struct id128 *slots;
    size_t slot_count; /* a power of two, or 0 */
    size_t count;
};
struct claim_waiter {
    struct claim_waiter *next;
    struct mailbox *box;
    struct letter *letter;
};
struct claim_pending {
    struct claim_pending *next;
    struct id128 id;
    struct claim_waiter *waiters;
};
struct claim_shard {
    pthread_mutex_t lock; /* guards all below */
    struct claim_set young, old;
    int64_t young_since_ns;
    struct claim_pending *pending[PENDING_BUCKETS];
};
struct claims {
    const struct clock *clock;
    struct claim_shard shards[SHARD_COUNT];
};

static bool is_empty(struct id128 id) {
    return id.hi == 0 && id.lo == 0;
}
/* An id of zeros is as good as any other, but the tables use it for "none". */
static struct id128 not_empty(struct id128 id) {
    return is_empty(id) ? (struct id128){ 0, 1 } : id;
}

/* Ids are hashes or random already, but a sender may choose them: mix. */
static uint64_t mix(struct id128 id) {
    uint64_t h = (id.hi ^ (id.lo >> 29)) * 0x9e3779b97f4a7c15ull;
    h = (h ^ (h >> 32) ^ id.lo) * 0xd6e8feb86659fd93ull;
    return h ^ (h >> 32);
}

static struct id128 *set_slot(const struct claim_set *s, struct id128 id) {
    size_t mask = s->slot_count - 1;
    for (size_t i = mix(id) & mask;; i = (i + 1) & mask)
        if (is_empty(s->slots[i]) || id128_eq(s->slots[i], id))
            return &s->slots[i];
}

static bool set_has(const struct claim_set *s, struct id128 id) {
    return s->count && !is_empty(*set_slot(s, id));
}

static bool set_full(const struct claim_set *s) {
    return s->slot_count == SET_SLOTS_MAX && s->count >= SET_SLOTS_MAX / 4 * 3;
}

static void set_grow(struct claim_set *s) {
    struct claim_set next = { .slot_count = s->slot_count ? s->slot_count * 2 : SET_SLOTS_MIN,
                              .count = s->count };
    next.slots = HEAP_ARRAY(struct id128, next.slot_count);
    for (size_t i = 0; i < s->slot_count; i++)
        if (!is_empty(s->slots[i]))
            *set_slot(&next, s->slots[i]) = s->slots[i];
    heap_free(s->slots);
    *s = next;
}

static void set_put(struct claim_set *s, struct id128 id) {
    if (s->count * 4 >= s->slot_count * 3)
        set_grow(s);
    struct id128 *slot = set_slot(s, id);
    s->count += is_empty(*slot);
    *slot = id;
}

static void set_fini(struct claim_set *s) {
    heap_free(s->slots);
    *s = (struct claim_set){ 0 };
}

struct claims *claims_new(const struct clock *clock) {
    struct claims *c = HEAP_NEW(struct claims);
    c->clock = clock;
    for (size_t i = 0; i < SHARD_COUNT; i++) {
        (void)pthread_mutex_init(&c->shards[i].lock, NULL);
        c->shards[i].young_since_ns = clock_mono_ns(clock);
    }
    return c;
}

void claims_free(struct claims *c) {
    if (!c)
        return;
    for (size_t i = 0; i < SHARD_COUNT; i++) {
        struct claim_shard *sh = &c->shards[i];
        set_fini(&sh->young);
        set_fini(&sh->old);
        for (size_t b = 0; b < PENDING_BUCKETS; b++)
            for (struct claim_pending *p = sh->pending[b], *next; p; p = next) {
                next = p->next;
                heap_free(p);
            }
        (void)pthread_mutex_destroy(&sh->lock);
    }
    heap_free(c);
}

static struct claim_shard *shard_of(struct claims *c, struct id128 id) {
    return &c->shards[mix(id) >> 60];
}
_Static_assert(SHARD_COUNT == 1 << 4, "the top four bits choose the shard");

/* The address of the link to `id`, or of the end of its chain. */
static struct claim_pending **pending_link(struct claim_shard *sh, struct id128 id) {
    struct claim_pending **at = &sh->pending[(mix(id) >> 40) % PENDING_BUCKETS];
    while (*at && !id128_eq((*at)->id, id))
        at = &(*at)->next;
    return at;
}

/* Lock held. */
static void rotate_if_due(struct claims *c, struct claim_shard *sh) {
    int64_t now_ns = clock_mono_ns(c->clock);
    bool aged = now_ns - sh->young_since_ns >= CLAIM_WINDOW_NS;
    if (!aged && !set_full(&sh->young))
        return;
    if (!aged)
        stat_add(STAT_CLAIMS_EVICTED, (int64_t)sh->old.count);
    stat_add(STAT_CLAIMS, -(int64_t)sh->old.count);
    set_fini(&sh->old);
    sh->old = sh->young;
    sh->young = (struct claim_set){ 0 };
    if (now_ns - sh->young_since_ns >=
        2 * CLAIM_WINDOW_NS) { /* nobody asked for so long that these are old, too */
        stat_add(STAT_CLAIMS, -(int64_t)sh->old.count);
        set_fini(&sh->old);
    }
    sh->young_since_ns = now_ns;
}

/* Lock held. */
static void remember(struct claims *c, struct claim_shard *sh, struct id128 id) {
    rotate_if_due(c, sh);
    size_t before = sh->young.count;
    set_put(&sh->young, id);
    stat_add(STAT_CLAIMS, (int64_t)(sh->young.count - before));
}

enum claims_answer claims_take(struct claims *c, struct id128 id, struct mailbox *box,
                               struct letter *waiter) {
    id = not_empty(id);
    struct claim_shard *sh = shard_of(c, id);
    LOCKED(&sh->lock);
    rotate_if_due(c, sh);
    if (set_has(&sh->young, id) || set_has(&sh->old, id))
        return CLAIMS_DONE;
    struct claim_pending **at = pending_link(sh, id);
    if (!*at) {
        *at = HEAP_NEW(struct claim_pending);
        (*at)->id = id;
        return CLAIMS_NEW;
    }
    if (waiter) {
        struct claim_waiter *w = HEAP_NEW(struct claim_waiter);
        *w = (struct claim_waiter){ (*at)->waiters, box, waiter };
        (*at)->waiters = w;
    }
    return CLAIMS_PENDING;
}

void claims_resolve(struct claims *c, struct id128 id, bool durable) {
    id = not_empty(id);
    struct claim_shard *sh = shard_of(c, id);
    struct claim_pending *p;
    {
        LOCKED(&sh->lock);
        struct claim_pending **at = pending_link(sh, id);
        p = *at;
        if (p)
            *at = p->next;
        if (durable)
            remember(c, sh, id);
    }
    for (struct claim_waiter *w = p ? p->waiters : NULL, *next; w; w = next) {
        next = w->next;
        mailbox_post(w->box, w->letter);
        heap_free(w);
    }
    heap_free(p);
}

void claims_remember(struct claims *c, struct id128 id) {
    id = not_empty(id);
    struct claim_shard *sh = shard_of(c, id);
    LOCKED(&sh->lock);
    remember(c, sh, id);
}

size_t claims_memory_bytes(struct claims *c) {
    size_t bytes = 0;
    for (size_t i = 0; i < SHARD_COUNT; i++) {
        LOCKED(&c->shards[i].lock);
        bytes += (c->shards[i].young.slot_count + c->shards[i].old.slot_count) * sizeof(struct id128);
    }
    return bytes;
}
