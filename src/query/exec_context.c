#include "base/heap.h"
#include "query/exec_run.h"
#include "query/pool.h"
#include "query/stage/context.h"
#include <stdlib.h>
/*
 * Matches with their neighbours. The matches of a stream, in the order in which they happened, cut its rows
 * into gaps; of each gap only the first `after` rows (behind the match that opens it) and the last `before`
 * rows (ahead of the match that closes it) are wanted:
 *
 *   rows    . . . a a M b b? . . . b b M a a M a . . .
 *                 └ before ┘└after┘     └──┘ gap between two matches
 *
 * One pass over the blocks finds them: a row's gap by halving, then two short lists for each gap. Both passes
 * read one scan, so that a row has the same key in both.
 */
enum { MATCHES_MAX = 1000 };

struct side { /* rows next to one match, at most so many as were asked for, the nearest first */
    struct exec_key *keys;
    size_t count;
};
struct gap { /* around one match */
    struct side first, last;
};
struct context_scan {
    struct exec_scan *scan;
    const struct context_args *args;
    struct exec_key *matches; /* by stream, then age */
    size_t match_count;
    struct gap *gaps; /* by match: the last rows ahead of it, the first behind it */
    struct exec_key *space;
    pthread_mutex_t lock; /* guards gaps */
    _Atomic size_t next;
};

static int by_stream_and_age(const void *a, const void *b) {
    const struct exec_key *x = a, *y = b;
    int c = id128_cmp(x->stream, y->stream);
    return c ? c : exec_key_age(x, y);
}

/* Keeps the `most` keys that come first by `sign` times age. A short sorted list. */
static void side_add(struct side *s, size_t most, int sign, const struct exec_key *key) {
    size_t at = s->count;
    if (most == 0 || (s->count == most && sign * exec_key_age(key, &s->keys[most - 1]) > 0))
        return;
    if (s->count < most)
        s->count++;
    else
        at--;
    while (at > 0 && sign * exec_key_age(key, &s->keys[at - 1]) < 0) {
        s->keys[at] = s->keys[at - 1];
        at--;
    }
    s->keys[at] = *key;
}

/* Number of the first match of the key's stream that did not happen before it. */
static size_t match_at(const struct context_scan *c, const struct exec_key *key) {
    size_t low = 0, high = c->match_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (by_stream_and_age(&c->matches[mid], key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void add_neighbour(struct context_scan *c, const struct exec_key *key) {
    size_t at = match_at(c, key);
    bool has_next = at < c->match_count && id128_eq(c->matches[at].stream, key->stream);
    if (has_next && exec_key_age(&c->matches[at], key) == 0)
        return;
    if (has_next)
        side_add(&c->gaps[at].last, (size_t)c->args->before, -1, key);
    if (at > 0 && id128_eq(c->matches[at - 1].stream, key->stream))
        side_add(&c->gaps[at - 1].first, (size_t)c->args->after, 1, key);
}

static bool has_matches(const struct context_scan *c, struct id128 stream) {
    struct exec_key least = { .stream = stream, .time_ns = INT64_MIN };
    size_t at = match_at(c, &least);
    return at < c->match_count && id128_eq(c->matches[at].stream, stream);
}

static enum err read_page(struct context_scan *c, struct source_reader *r, const uint64_t *rows) {
    struct vector_view *v = &r->view;
    struct vector_run run;
    TRY(vector_times(v));
    TRY(vector_received(v));
    for (bool more = vector_run_first(v, &run); more; more = vector_run_next(v, &run)) {
        if (!has_matches(c, v->streams[run.stream].id))
            continue;
        LOCKED(&c->lock);
        for (size_t row = bits_next(rows, run.to, run.from); row < run.to;
             row = bits_next(rows, run.to, row + 1)) {
            struct exec_key key;
            TRY(exec_row_key(v, (uint32_t)row, r->index, &key));
            add_neighbour(c, &key);
        }
    }
    return ERR_OK;
}

static enum err read_block(struct context_scan *c, struct source_reader *r, size_t index) {
    bool open, any = false;
    TRY(source_reader_block(r, (uint32_t)index, &open));
    for (uint32_t i = 0; open && !any && i < r->view.info->stream_count; i++)
        any = has_matches(c, r->view.streams[i].id);
    for (uint32_t page = 0; any && page < r->view.info->page_count; page++) {
        uint64_t *rows;
        TRY(source_reader_page(r, page, INT64_MIN, INT64_MAX, &rows));
        if (rows)
            TRY(source_reader_forgive(r, read_page(c, r, rows)));
    }
    return ERR_OK;
}

static bool step(void *ctx) {
    struct context_scan *c = ctx;
    struct budget *b = &c->scan->exec->budget;
    size_t index = atomic_fetch_add(&c->next, 1);
    if (index >= scan_count(c->scan->source.scan) || budget_stopped(b))
        return false;
    struct source_reader *r = source_reader_take(&c->scan->source);
    enum err e = read_block(c, r, index);
    source_reader_put(r);
    if (e != ERR_OK && !budget_stopped(b))
        (void)budget_fail(b, e, NULL);
    return e == ERR_OK;
}

static int by_order(const void *a, const void *b) {
    return exec_key_order(a, b);
}

static void add_side(const struct side *s, struct exec_keys *all) {
    for (size_t i = 0; i < s->count; i++)
        VEC_PUSH(&all->list, s->keys[i]);
}

/* Matches and neighbours, in order, each once. */
static void gather(const struct context_scan *c, struct exec_keys *all) {
    size_t kept = 0;
    for (size_t i = 0; i < c->match_count; i++) {
        VEC_PUSH(&all->list, c->matches[i]);
        add_side(&c->gaps[i].last, all);
        add_side(&c->gaps[i].first, all);
    }
    if (all->list.n)
        qsort(all->list.p, all->list.n, sizeof *all->list.p, by_order);
    for (size_t i = 0; i < all->list.n; i++)
        if (kept == 0 || exec_key_order(&all->list.p[kept - 1], &all->list.p[i]) != 0)
            all->list.p[kept++] = all->list.p[i];
    all->list.n = kept;
}

static enum err find_neighbours(struct context_scan *c, struct exec_keys *all) {
    struct exec_scan *s = c->scan;
    const struct vector_filter *matching = s->source.options.filter;
    struct vector_filter *everything;
    AUTO(arena) mem;
    struct vector_fields none = { 0 };
    arena_init(&mem, 0);
    TRY(vector_filter_new(NULL, 0, 0, &none, &mem, &everything));
    source_refilter(&s->source, everything);
    pool_run(s->exec->pool, &(struct pool_job){ .step = step, .ctx = c });
    source_refilter(&s->source, matching);
    vector_filter_free(everything);
    if (budget_stopped(&s->exec->budget))
        return ERR_CANCELLED;
    gather(c, all);
    return ERR_OK;
}

static void make_gaps(struct context_scan *c) {
    size_t each = (size_t)(c->args->before + c->args->after);
    c->gaps = HEAP_ARRAY(struct gap, c->match_count + 1);
    c->space = HEAP_ARRAY(struct exec_key, c->match_count * each + 1);
    for (size_t i = 0; i < c->match_count; i++) {
        c->gaps[i].last.keys = c->space + i * each;
        c->gaps[i].first.keys = c->space + i * each + c->args->before;
    }
}

static enum err around(struct exec_scan *s, struct exec_keys *matches, struct exec_keys *all) {
    struct context_scan c = { .scan = s,
                              .args = s->exec->plan->stages[0].args,
                              .match_count = matches->list.n };
    size_t bytes = matches->list.n * (size_t)(c.args->before + c.args->after + 2) * sizeof(struct exec_key);
    TRY(budget_take(&s->exec->budget, bytes));
    c.matches = HEAP_ARRAY(struct exec_key, matches->list.n + 1);
    if (matches->list.n)
        memcpy(c.matches, matches->list.p, matches->list.n * sizeof *c.matches);
    qsort(c.matches, c.match_count, sizeof *c.matches, by_stream_and_age);
    make_gaps(&c);
    (void)pthread_mutex_init(&c.lock, NULL);
    enum err e = find_neighbours(&c, all);
    (void)pthread_mutex_destroy(&c.lock);
    heap_free(c.matches);
    heap_free(c.gaps);
    heap_free(c.space);
    return e;
}

enum err exec_context(struct exec_scan *s, struct exec_chain *chain) {
    AUTO(exec_keys) matches = { 0 };
    AUTO(exec_keys) all = { 0 };
    TRY(exec_rows_find(s, MATCHES_MAX + 1, &matches));
    if (matches.list.n > MATCHES_MAX) {
        matches.list.n = MATCHES_MAX;
        exec_cut(s->exec, "context.matches_max");
    }
    TRY(around(s, &matches, &all));
    s->exec->matches = matches.list.p;
    s->exec->match_count = matches.list.n;
    enum err e = exec_rows_push(s, &all, chain);
    s->exec->matches = NULL;
    s->exec->match_count = 0;
    return e;
}
