/*
 * Retention: exact at query time (retention_keep_from for each stream), physical by dropping whole segments
 * here and by leaving rows out in merges.
 *
 * The clock is the dangerous input: a clock that jumps ahead must not delete what people want to keep. So the
 * store keeps a believed time that runs with the monotonic clock and follows the wall clock while the two
 * agree within a day. When they do not (a jump, or a start after weeks without data), the wall clock is
 * believed only after it has run steadily for a day; meanwhile a gauge says that it is not, and rows stay.
 */
#include "store/retention.h"
#include "base/heap.h"
#include "base/stat.h"
#include "store/manifest.h"
#include "store/selector.h"
#include "store/store_state.h"
#include <stdlib.h>

enum { RULES_MAX = 256 };
static const int64_t DAY_NS = 24ll * 3600 * 1000000000, HOUR_NS = 3600ll * 1000000000;

struct retention {
    size_t count;
    struct kept_rule {
        enum table table;
        struct selector *selector; /* NULL: every stream */
        int64_t keep_ns;           /* 0: for ever */
        uint64_t keep_bytes;
    } rules[RULES_MAX]; /* those with a selector first */
};

static enum err add_rule(struct retention *r, const struct retention_rule *rule, struct err_text *why) {
    struct kept_rule k = { rule->table, NULL, rule->keep_ns, rule->keep_bytes };
    if (rule->selector.n)
        TRY(selector_parse(rule->selector, why, &k.selector));
    r->rules[r->count++] = k;
    return rule->selector.n && rule->keep_bytes
               ? err_say(why, ERR_INVALID,
                         "retention: bytes can be limited for a whole table only, not for " STR_FMT,
                         STR_ARG(rule->selector))
               : ERR_OK;
}

enum err retention_new(const struct retention_rule *rules, size_t count, struct err_text *why,
                       struct retention **out) {
    if (count > RULES_MAX)
        return err_say(why, ERR_LIMIT, "retention: more than %d rules", RULES_MAX);
    struct retention *r = HEAP_NEW(struct retention);
    for (int whole_table = 0; whole_table < 2; whole_table++)
        for (size_t i = 0; i < count; i++) {
            if ((rules[i].selector.n == 0) != whole_table)
                continue;
            enum err e = add_rule(r, &rules[i], why);
            if (e != ERR_OK) {
                retention_free(r);
                return e;
            }
        }
    *out = r;
    return ERR_OK;
}

void retention_free(struct retention *r) {
    for (size_t i = 0; r && i < r->count; i++)
        selector_free(r->rules[i].selector);
    heap_free(r);
}

bool retention_any(const struct retention *r, enum table table) {
    for (size_t i = 0; i < r->count; i++)
        if (r->rules[i].table == table && r->rules[i].keep_ns)
            return true;
    return false;
}

static int64_t keep_from(int64_t keep_ns, int64_t now_ns) {
    return keep_ns ? now_ns - keep_ns : INT64_MIN;
}

int64_t retention_keep_from(const struct retention *r, enum table table, struct str labels, int64_t now_ns) {
    for (size_t i = 0; i < r->count; i++) {
        const struct kept_rule *k = &r->rules[i];
        if (k->table == table && (!k->selector || selector_keeps(k->selector, labels)))
            return keep_from(k->keep_ns, now_ns);
    }
    return INT64_MIN;
}

int64_t retention_floor(const struct retention *r, enum table table, int64_t now_ns) {
    int64_t floor_ns = INT64_MAX;
    for (size_t i = 0; i < r->count; i++) {
        const struct kept_rule *k = &r->rules[i];
        if (k->table != table)
            continue;
        int64_t from_ns = keep_from(k->keep_ns, now_ns);
        floor_ns = from_ns < floor_ns ? from_ns : floor_ns;
        if (!k->selector)
            return floor_ns; /* decides for all streams left: later rules are never asked */
    }
    return INT64_MIN;
}

int64_t retention_ceiling(const struct retention *r, enum table table, int64_t now_ns) {
    int64_t ceiling_ns = INT64_MIN;
    for (size_t i = 0; i < r->count; i++) {
        if (r->rules[i].table != table)
            continue;
        int64_t from_ns = keep_from(r->rules[i].keep_ns, now_ns);
        ceiling_ns = from_ns > ceiling_ns ? from_ns : ceiling_ns;
    }
    return ceiling_ns;
}

uint64_t retention_keep_bytes(const struct retention *r, enum table table) {
    for (size_t i = 0; i < r->count; i++)
        if (r->rules[i].table == table && r->rules[i].keep_bytes)
            return r->rules[i].keep_bytes;
    return 0;
}

void trusted_clock_start(struct trusted_clock *t, const struct clock *clock, int64_t newest_ns) {
    int64_t now_ns = clock_now_ns(clock);
    t->mono_ns = t->steady_since_ns = clock_mono_ns(clock);
    t->offset_ns = now_ns - t->mono_ns;
    t->believed_ns = newest_ns != INT64_MIN && now_ns - newest_ns > DAY_NS ? newest_ns : now_ns;
}

int64_t trusted_clock_now(struct trusted_clock *t, const struct clock *clock) {
    int64_t now_ns = clock_now_ns(clock), mono_ns = clock_mono_ns(clock), offset_ns = now_ns - mono_ns;
    int64_t expected_ns = t->believed_ns + (mono_ns - t->mono_ns);
    t->mono_ns = mono_ns;
    if (llabs(offset_ns - t->offset_ns) > HOUR_NS) {
        t->offset_ns = offset_ns;
        t->steady_since_ns = mono_ns;
    }
    bool trusted = now_ns - expected_ns <= DAY_NS || mono_ns - t->steady_since_ns >= DAY_NS;
    t->believed_ns = trusted ? now_ns : expected_ns;
    stat_set(STAT_STORE_CLOCK_DISTRUSTED, !trusted);
    return t->believed_ns;
}

int64_t retention_now_ns(struct store *s) {
    LOCKED(&s->lock);
    return trusted_clock_now(&s->clock, s->config.clock);
}

static int oldest_first(const void *a, const void *b) {
    const struct segment *x = *(struct segment *const *)a, *y = *(struct segment *const *)b;
    if (x->m.time_max_ns != y->m.time_max_ns)
        return x->m.time_max_ns < y->m.time_max_ns ? -1 : 1;
    return (x->m.id > y->m.id) - (x->m.id < y->m.id);
}

/* Lock held: which segments of the table are to go, oldest first. */
static size_t choose(struct store *s, enum table table, int64_t floor_ns, struct segment **out) {
    size_t count = 0, chosen = 0;
    uint64_t bytes = 0, keep_bytes = retention_keep_bytes(s->retention, table);
    for (size_t i = 0; i < s->segments.n; i++)
        if (s->segments.p[i]->m.table == table) {
            out[count++] = s->segments.p[i];
            bytes += s->segments.p[i]->m.size_bytes;
        }
    qsort(out, count, sizeof *out, oldest_first);
    while (chosen < count && (out[chosen]->m.time_max_ns < floor_ns || (keep_bytes && bytes > keep_bytes)))
        bytes -= out[chosen++]->m.size_bytes;
    return chosen;
}

static enum err drop(struct store *s, enum table table, int64_t floor_ns, struct err_text *why) {
    AUTO(arena) mem;
    arena_init(&mem, 0);
    uint64_t *ids;
    size_t count;
    {
        LOCKED(&s->lock);
        struct segment **oldest = ARENA_NEW(&mem, struct segment *, s->segments.n + 1);
        count = choose(s, table, floor_ns, oldest);
        ids = ARENA_NEW(&mem, uint64_t, count + 1);
        for (size_t i = 0; i < count; i++)
            ids[i] = oldest[i]->m.id;
    }
    if (count == 0)
        return ERR_OK;
    struct manifest_change change = { .remove = ids, .remove_count = count };
    TRY(manifest_commit(s, &change, NULL, NULL, why));
    stat_add(STAT_STORE_RETENTION_DROPPED, (int64_t)count);
    return ERR_OK;
}

enum err retention_run(struct store *s, struct err_text *why) {
    int64_t now_ns = retention_now_ns(s);
    LOCKED(&s->merge_lock);
    TRY(manifest_settle(s, why));
    for (unsigned t = 0; t < TABLE_COUNT; t++) {
        int64_t floor_ns = retention_floor(s->retention, (enum table)t, now_ns);
        if (floor_ns > INT64_MIN || retention_keep_bytes(s->retention, (enum table)t))
            TRY(drop(s, (enum table)t, floor_ns, why));
    }
    return ERR_OK;
}
