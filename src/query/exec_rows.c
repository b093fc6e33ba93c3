#include "base/heap.h"
#include "query/exec_run.h"
#include "query/pool.h"
#include <stdlib.h>
/*
 * Rows newest first, in rounds. A round finds the keys of the N newest matching rows behind where the last
 * one ended, in parallel, then makes records of just those, in parallel, then pushes them in order. N grows,
 * so that the first rows come at once and a big answer does not scan much more than once; nothing but one
 * round's rows is ever held.
 *
 *   blocks, newest first:  ─[ block ]─[ block ]─[ block ]─ …   claimed one by one
 *        page: rows that match and are newer than the worst of the N  ─┐
 *                                                                      ├─> keys; twice N: the older half is
 * dropped, the worst time rises page: …                                                      ─┘ a block whose
 * newest row is older than the worst ends the round.
 */
enum { ROUND_ROWS_MAX = 1 << 16, ROUND_GROWTH = 4 };

struct newest {
    pthread_mutex_t lock;
    VEC(struct exec_key) keys; /* guarded by lock, as below */
    size_t want;
    size_t charged_bytes;
    _Atomic int64_t worst_ns; /* rows older than this are not among the N; INT64_MIN at first */
};
struct found_rows {      /* neighbours of one block, in row order */
    size_t first, count; /* in by_place */
    struct arena mem;
};
struct round {
    struct exec_scan *scan;
    struct exec *exec;
    const struct exec_position *from;
    struct newest newest;
    _Atomic size_t next; /* block, or group of rows, to claim */
    /* Second half. */
    size_t count;
    uint32_t *by_place; /* numbers of keys, sorted by block and row */
    struct found_rows *groups;
    size_t group_count;
    struct exec_record *records; /* in the order of keys; cells NULL: lost to damage */
    _Atomic size_t memory_bytes;
    size_t memory_bytes_max;
    _Atomic bool too_big;
    bool last; /* there are no rows behind this round's */
};

/* ---- keys ---- */

static int by_order(const void *a, const void *b) {
    return exec_key_order(a, b);
}

static void swap_keys(struct exec_key *a, struct exec_key *b) {
    struct exec_key t = *a;
    *a = *b;
    *b = t;
}

/* Hoare's selection: afterwards the `want` first in order stand in front. */
static void select_keys(struct exec_key *k, size_t count, size_t want) {
    size_t low = 0, high = count - 1;
    while (low < high) {
        struct exec_key pivot = k[low + (high - low) / 2];
        size_t i = low, j = high;
        while (i <= j) {
            while (exec_key_order(&k[i], &pivot) < 0)
                i++;
            while (exec_key_order(&k[j], &pivot) > 0)
                j--;
            if (i > j)
                break;
            swap_keys(&k[i++], &k[j]);
            if (j-- == 0)
                break;
        }
        if (j != SIZE_MAX && want <= j)
            high = j;
        else if (want >= i)
            low = i;
        else
            return;
    }
}

/* Lock held. */
static void prune(struct newest *n) {
    if (n->keys.n <= n->want)
        return;
    select_keys(n->keys.p, n->keys.n, n->want);
    n->keys.n = n->want;
    int64_t worst_ns = INT64_MAX;
    for (size_t i = 0; i < n->want; i++)
        worst_ns = n->keys.p[i].time_ns < worst_ns ? n->keys.p[i].time_ns : worst_ns;
    n->worst_ns = worst_ns;
}

static enum err add_key(struct round *r, const struct exec_key *k) {
    struct newest *n = &r->newest;
    if (n->keys.n == 2 * n->want + 64)
        prune(n);
    VEC_PUSH(&n->keys, *k);
    size_t bytes = n->keys.cap * sizeof *k;
    if (bytes == n->charged_bytes)
        return ERR_OK;
    size_t more = bytes - n->charged_bytes;
    n->charged_bytes = bytes;
    return budget_take(&r->exec->budget, more);
}

static bool is_behind(const struct exec_position *from, const struct exec_key *k) {
    if (!from->set || k->time_ns != from->time_ns)
        return !from->set || k->time_ns < from->time_ns;
    return id128_cmp(k->stream, from->stream) >= 0;
}

static enum err add_page(struct round *r, struct source_reader *reader, const uint64_t *rows) {
    struct vector_view *v = &reader->view;
    size_t matched = 0;
    TRY(vector_times(v));
    TRY(vector_received(v));
    LOCKED(&r->newest.lock);
    BITS_EACH (row, rows, v->row_count) {
        struct exec_key key;
        TRY(exec_row_key(v, (uint32_t)row, reader->index, &key));
        if (!is_behind(r->from, &key))
            continue;
        matched++;
        if (key.time_ns >= atomic_load_explicit(&r->newest.worst_ns, memory_order_relaxed))
            TRY(add_key(r, &key));
    }
    atomic_fetch_add(&r->exec->budget.rows_matched, matched);
    return ERR_OK;
}

static enum err find_in_block(struct round *r, struct source_reader *reader, size_t index) {
    int64_t to_ns = r->from->set && r->from->time_ns < INT64_MAX ? r->from->time_ns + 1 : INT64_MAX;
    bool open;
    TRY(source_reader_block(reader, (uint32_t)index, &open));
    for (uint32_t page = 0; open && page < reader->view.info->page_count; page++) {
        uint64_t *rows;
        TRY(source_reader_page(reader, page, r->newest.worst_ns, to_ns, &rows));
        if (rows)
            TRY(source_reader_forgive(reader, add_page(r, reader, rows)));
    }
    return ERR_OK;
}

static bool find_step(void *ctx) {
    struct round *r = ctx;
    struct source *s = &r->scan->source;
    size_t index = atomic_fetch_add(&r->next, 1);
    if (index >= scan_count(s->scan) || budget_stopped(&r->exec->budget))
        return false;
    const struct scan_block *b = scan_block(s->scan, index);
    if (b->time_max_ns < r->newest.worst_ns)
        return false; /* and so are all that come after */
    if (r->from->set && b->time_min_ns > r->from->time_ns)
        return true;
    struct source_reader *reader = source_reader_take(s);
    enum err e = find_in_block(r, reader, index);
    source_reader_put(reader);
    if (e != ERR_OK && !budget_stopped(&r->exec->budget))
        (void)budget_fail(&r->exec->budget, e, NULL);
    return e == ERR_OK;
}

/* Drops what was given out already: the first `from->count` of the same time and stream. */
static size_t skip_given(const struct round *r) {
    size_t skip = 0;
    const struct exec_position *from = r->from;
    while (from->set && skip < from->count && skip < r->newest.keys.n &&
           r->newest.keys.p[skip].time_ns == from->time_ns &&
           id128_eq(r->newest.keys.p[skip].stream, from->stream))
        skip++;
    return skip;
}

/* ---- records ---- */

static int by_place(const void *a, const void *b, void *ctx) {
    const struct exec_key *keys = ctx, *x = &keys[*(const uint32_t *)a], *y = &keys[*(const uint32_t *)b];
    if (x->block != y->block)
        return x->block < y->block ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Goes to the page of the row at `at` of the group; tells the view which rows of it will be asked for. */
static enum err enter_page(struct round *r, struct vector_view *v, struct exec_builder *b,
                           const struct found_rows *g, size_t at) {
    uint32_t page = r->newest.keys.p[r->by_place[g->first + at]].row / v->info->page_rows;
    TRY(vector_page(v, page));
    uint64_t *rows = vector_bits(v);
    if (!rows)
        return ERR_LIMIT;
    for (size_t i = at; i < g->count; i++) {
        uint32_t row = r->newest.keys.p[r->by_place[g->first + i]].row;
        if (row / v->info->page_rows != page)
            break;
        bits_set(rows, row - v->row_first);
    }
    return exec_builder_page(b, v, rows);
}

static enum err make_row(struct round *r, struct source_reader *reader, struct exec_builder *b,
                         struct found_rows *g, size_t at) {
    uint32_t number = r->by_place[g->first + at];
    const struct exec_key *key = &r->newest.keys.p[number];
    struct vector_view *v = &reader->view;
    size_t before = g->mem.used_bytes;
    if (at == 0 || v->page != key->row / v->info->page_rows)
        TRY(enter_page(r, v, b, g, at));
    TRY(exec_builder_row(b, v, key->row - v->row_first, key->block, &g->mem, &r->records[number]));
    size_t grown = g->mem.used_bytes - before;
    bool over = atomic_fetch_add(&r->memory_bytes, grown) + grown > r->memory_bytes_max;
    if (over)
        r->too_big = true;
    return over ? ERR_CANCELLED : ERR_OK;
}

static enum err make_rows(struct round *r, struct found_rows *g) {
    AUTO(exec_builder) builder = { .build = &r->scan->build };
    struct source_reader *reader = source_reader_take(&r->scan->source);
    bool open = false;
    enum err e = budget_check(&r->exec->budget);
    if (e == ERR_OK)
        e = source_reader_block(reader, r->newest.keys.p[r->by_place[g->first]].block, &open);
    for (size_t i = 0; open && i < g->count && e == ERR_OK && !r->too_big; i++)
        e = source_reader_forgive(reader, make_row(r, reader, &builder, g, i));
    source_reader_put(reader);
    return e;
}

static bool make_step(void *ctx) {
    struct round *r = ctx;
    size_t i = atomic_fetch_add(&r->next, 1);
    if (i >= r->group_count || r->too_big || budget_stopped(&r->exec->budget))
        return false;
    enum err e = make_rows(r, &r->groups[i]);
    if (e != ERR_OK && !r->too_big && !budget_stopped(&r->exec->budget))
        (void)budget_fail(&r->exec->budget, e, NULL);
    return e == ERR_OK;
}

static void free_groups(struct round *r) {
    for (size_t i = 0; i < r->group_count; i++)
        arena_fini(&r->groups[i].mem);
    budget_give(&r->exec->budget, r->memory_bytes);
    r->group_count = 0;
    r->memory_bytes = 0;
}

/* Rows of one block, up to a few pages' worth, are one piece of work. */
static void cut_groups(struct round *r, size_t first, size_t count) {
    enum { GROUP_ROWS_MAX = 8192 };
    const struct exec_key *keys = r->newest.keys.p;
    for (size_t i = 0; i < count; i++)
        r->by_place[i] = (uint32_t)(first + i);
    qsort_r(r->by_place, count, sizeof *r->by_place, by_place, r->newest.keys.p);
    r->group_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct found_rows *last = r->group_count ? &r->groups[r->group_count - 1] : NULL;
        if (!last || last->count == GROUP_ROWS_MAX ||
            keys[r->by_place[last->first]].block != keys[r->by_place[i]].block) {
            last = &r->groups[r->group_count++];
            *last = (struct found_rows){ .first = i };
            arena_init(&last->mem, r->memory_bytes_max * 2 + (4u << 20));
        }
        last->count++;
    }
}

/* Makes records of keys [first, first + *count); fewer when they do not fit: the rest is for another round.
 */
static enum err make_records(struct round *r, size_t first, size_t *count) {
    for (;; *count /= 2) {
        cut_groups(r, first, *count);
        memset(r->records + first, 0, *count * sizeof *r->records);
        r->too_big = false;
        r->next = 0;
        pool_run(r->exec->pool, &(struct pool_job){ .step = make_step, .ctx = r });
        if (budget_stopped(&r->exec->budget))
            return ERR_CANCELLED;
        if (!r->too_big)
            return budget_take(&r->exec->budget, r->memory_bytes);
        r->memory_bytes = 0; /* was never taken */
        free_groups(r);
        if (*count <= 1)
            return budget_memory_spent(&r->exec->budget);
    }
}

static enum err push_records(struct round *r, size_t first, size_t count, const struct exec_rows_options *o,
                             struct exec_chain *chain) {
    for (size_t i = 0; i < count && !exec_full(chain->first); i++) {
        size_t number = o->oldest_first ? first + count - 1 - i : first + i;
        const struct exec_record *record = &r->records[number];
        exec_position_next(o->at, &r->newest.keys.p[number]);
        if (!record->cells)
            continue;
        enum err e = exec_push(chain->first, record);
        arena_reset(&chain->scratch);
        TRY(e);
        if (i % 256 == 255)
            TRY(budget_check(&r->exec->budget));
    }
    return ERR_OK;
}

/* ---- rounds ---- */

static enum err find_rows(struct round *r) {
    struct newest *n = &r->newest;
    r->next = 0;
    r->scan->source.rereading = false;
    pool_run(r->exec->pool, &(struct pool_job){ .step = find_step, .ctx = r });
    if (budget_stopped(&r->exec->budget))
        return ERR_CANCELLED;
    prune(n);
    if (n->keys.n)
        qsort(n->keys.p, n->keys.n, sizeof *n->keys.p, by_order);
    return ERR_OK;
}

/* Pushes keys [first, first + *count), or as many of them as fit into memory at once. */
static enum err give_rows(struct round *r, size_t first, size_t *count, const struct exec_rows_options *o,
                          struct exec_chain *chain) {
    r->by_place = HEAP_ARRAY(uint32_t, *count);
    r->records = HEAP_ARRAY(struct exec_record, r->newest.keys.n);
    r->groups = HEAP_ARRAY(struct found_rows, *count);
    r->scan->source.rereading = true;
    enum err e = make_records(r, first, count);
    if (e == ERR_OK)
        e = push_records(r, first, *count, o, chain);
    free_groups(r);
    heap_free(r->by_place);
    heap_free(r->records);
    heap_free(r->groups);
    return e;
}

static enum err run_round(struct round *r, size_t want, const struct exec_rows_options *o,
                          struct exec_chain *chain, uint64_t *out_fed) {
    *out_fed = 0;
    TRY(find_rows(r));
    size_t first = skip_given(r), found = r->newest.keys.n - first;
    size_t count = found > want ? want : found;
    if (count)
        TRY(give_rows(r, first, &count, o, chain));
    r->last = found < want && count == found;
    *out_fed = count;
    return ERR_OK;
}

static void round_init(struct round *r, struct exec_scan *s, const struct exec_position *from, size_t want) {
    *r = (struct round){ .scan = s, .exec = s->exec, .from = from };
    r->memory_bytes_max = (size_t)s->exec->budget.limits.memory_bytes / 4;
    r->newest.want = want + (from->set ? (size_t)from->count : 0);
    r->newest.worst_ns = INT64_MIN;
    (void)pthread_mutex_init(&r->newest.lock, NULL);
}

static void round_fini(struct round *r) {
    budget_give(&r->exec->budget, r->newest.charged_bytes);
    VEC_FINI(&r->newest.keys);
    (void)pthread_mutex_destroy(&r->newest.lock);
}

struct round_end {
    uint64_t fed; /* rows pushed */
    bool last;
};

static enum err one_round(struct exec_scan *s, size_t want, const struct exec_rows_options *o,
                          const struct exec_position *from, struct exec_chain *chain, struct round_end *out) {
    struct round r;
    round_init(&r, s, from, want);
    enum err e = run_round(&r, want, o, chain, &out->fed);
    out->last = r.last;
    round_fini(&r);
    return e;
}

enum err exec_rows_find(struct exec_scan *s, size_t want, struct exec_keys *out) {
    struct exec_position from = { 0 };
    struct round r;
    round_init(&r, s, &from, want);
    enum err e = find_rows(&r);
    for (size_t i = 0; e == ERR_OK && i < r.newest.keys.n; i++)
        VEC_PUSH(&out->list, r.newest.keys.p[i]);
    round_fini(&r);
    return e;
}

enum err exec_rows_push(struct exec_scan *s, const struct exec_keys *keys, struct exec_chain *chain) {
    struct exec_position from = { 0 }, at = { 0 };
    struct exec_rows_options o = { .at = &at };
    enum err e = ERR_OK;
    struct round r;
    round_init(&r, s, &from, keys->list.n);
    for (size_t i = 0; i < keys->list.n; i++)
        VEC_PUSH(&r.newest.keys, keys->list.p[i]);
    for (size_t first = 0, count; first < keys->list.n && e == ERR_OK && !exec_full(chain->first);
         first += count) {
        count = keys->list.n - first;
        e = give_rows(&r, first, &count, &o, chain);
    }
    round_fini(&r);
    return e;
}

enum err exec_rows(struct exec_scan *s, const struct exec_rows_options *o, struct exec_chain *chain,
                   uint64_t *out_fed) {
    struct exec_position from = o->from;
    uint64_t want = o->first_round > ROUND_ROWS_MAX ? ROUND_ROWS_MAX : o->first_round, rounds = 0;
    struct round_end end = { 0 };
    *out_fed = 0;
    for (; !end.last && !exec_full(chain->first) && (!o->rounds_max || rounds < o->rounds_max); rounds++) {
        TRY(one_round(s, want, o, &from, chain, &end));
        *out_fed += end.fed;
        from = *o->at;
        if (end.fed == want && want < ROUND_ROWS_MAX)
            want = want * ROUND_GROWTH > ROUND_ROWS_MAX ? ROUND_ROWS_MAX : want * ROUND_GROWTH;
    }
    if (rounds > 1) /* later rounds met rows of earlier ones again */
        s->exec->budget.rows_matched = *out_fed;
    return ERR_OK;
}
