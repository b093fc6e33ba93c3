#include "base/heap.h"
#include "query/exec_run.h"
#include "query/pool.h"
/*
 * All matching rows, in any order, into a command that can be merged. The scan is cut into chunks of
 * neighbouring blocks, always the same way; while rows flow nothing is shared between threads.
 *
 * Where the order of additions shows in the last digits (sums of floats), each chunk gets operators of its
 * own, and finished chunks are merged in scan order by whoever finishes the one that is next. Where it does
 * not (counts, extremes, sets), operators are used again by whatever chunk comes next, and merged once at the
 * end. Either way the answer does not depend on who was faster.
 */
enum { CHUNKS_MAX = 64 };

struct chunk {
    struct exec_chain chain;
    bool finished;
};
struct collect {
    struct exec_scan *scan;
    struct exec *exec;
    size_t collector; /* number of the command */
    bool pages, commutes;
    size_t chunk_count;
    _Atomic size_t next;
    pthread_mutex_t lock;
    struct chunk *chunks;     /* chain: the chunk's thread until finished; then guarded by lock */
    size_t merged;            /* chunks; guarded by lock */
    VEC(struct chunk *) idle; /* commutes: operators at rest; guarded by lock */
};

static struct exec_op *collector_of(const struct exec_chain *c) {
    return c->ops[c->count - 1];
}

static enum err push_rows(struct chunk *k, const struct exec_page *p) {
    struct vector_view *v = p->view;
    TRY(exec_builder_page(p->builder, v, p->rows));
    BITS_EACH (row, p->rows, v->row_count) {
        struct exec_record record;
        TRY(exec_builder_row(p->builder, v, (uint32_t)row, p->block, NULL, &record));
        TRY(exec_push(k->chain.first, &record));
        arena_reset(&k->chain.scratch);
    }
    return ERR_OK;
}

/* A damaged column ends its page here: what was pushed stays, the rest of the page is counted as damaged. */
static enum err take_page(struct collect *c, struct chunk *k, struct source_reader *r, struct exec_builder *b,
                          const uint64_t *rows) {
    struct exec_op *first = k->chain.first;
    struct exec_page p = { .view = &r->view,
                           .rows = rows,
                           .row_count = bits_count(rows, r->view.row_count),
                           .builder = b,
                           .block = r->index };
    atomic_fetch_add(&c->exec->budget.rows_matched, p.row_count);
    return source_reader_forgive(r, c->pages ? first->kind->page(first, &p) : push_rows(k, &p));
}

static enum err read_blocks(struct collect *c, struct chunk *k, size_t number, struct exec_builder *b) {
    struct source *s = &c->scan->source;
    struct source_reader *r = source_reader_take(s);
    size_t count = scan_count(s->scan), from = count * number / c->chunk_count,
           to = count * (number + 1) / c->chunk_count;
    enum err e = ERR_OK;
    for (size_t i = from; i < to && e == ERR_OK; i++) {
        bool open = false;
        e = source_reader_block(r, (uint32_t)i, &open);
        for (uint32_t page = 0; open && e == ERR_OK && page < r->view.info->page_count; page++) {
            uint64_t *rows;
            e = source_reader_page(r, page, INT64_MIN, INT64_MAX, &rows);
            if (e == ERR_OK && rows)
                e = take_page(c, k, r, b, rows);
        }
    }
    source_reader_put(r);
    return e;
}

static enum err run_chunk(struct collect *c, struct chunk *k, size_t number) {
    AUTO(exec_builder) builder = { .build = &c->scan->build };
    if (!k->chain.ops)
        TRY(exec_chain_open(c->exec, 0, c->collector + 1, c->pages ? &c->scan->fields : NULL, NULL,
                            &k->chain));
    return read_blocks(c, k, number, &builder);
}

/* Operators at rest, else those of the chunk itself. */
static struct chunk *take_idle(struct collect *c, size_t number) {
    LOCKED(&c->lock);
    return c->idle.n ? c->idle.p[--c->idle.n] : &c->chunks[number];
}

static void put_idle(struct collect *c, struct chunk *k) {
    LOCKED(&c->lock);
    VEC_PUSH(&c->idle, k);
}

/* Chunk 0 takes up the others, one after the other. */
static enum err merge_finished(struct collect *c, size_t number) {
    LOCKED(&c->lock);
    c->chunks[number].finished = true;
    while (c->merged < c->chunk_count && c->chunks[c->merged].finished) {
        struct chunk *k = &c->chunks[c->merged];
        if (c->merged > 0) {
            struct exec_op *to = collector_of(&c->chunks[0].chain), *from = collector_of(&k->chain);
            TRY(to->kind->merge(to, from));
            exec_chain_close(&k->chain);
        }
        c->merged++;
    }
    return ERR_OK;
}

static bool step(void *ctx) {
    struct collect *c = ctx;
    size_t number = atomic_fetch_add(&c->next, 1);
    if (number >= c->chunk_count || budget_stopped(&c->exec->budget))
        return false;
    struct chunk *k = c->commutes ? take_idle(c, number) : &c->chunks[number];
    enum err e = run_chunk(c, k, number);
    if (c->commutes)
        put_idle(c, k);
    else if (e == ERR_OK)
        e = merge_finished(c, number);
    if (e != ERR_OK && !budget_stopped(&c->exec->budget))
        (void)budget_fail(&c->exec->budget, e, NULL);
    return e == ERR_OK;
}

/* The operators that hold everything. */
static enum err merge_idle(struct collect *c, struct chunk **out) {
    struct chunk *all = c->commutes ? c->idle.p[0] : &c->chunks[0];
    for (size_t i = 1; i < c->idle.n; i++) {
        struct exec_op *to = collector_of(&all->chain);
        TRY(to->kind->merge(to, collector_of(&c->idle.p[i]->chain)));
        exec_chain_close(&c->idle.p[i]->chain);
    }
    *out = all;
    return ERR_OK;
}

static enum err finish(struct collect *c, struct exec_chain *rest) {
    struct chunk *all;
    TRY(merge_idle(c, &all));
    struct exec_op *last = collector_of(&all->chain);
    last->next = rest->first;
    last->scratch = &rest->scratch;
    TRY(last->kind->end(last));
    return ERR_OK;
}

static void plan(struct collect *c) {
    const struct stage *first = &c->exec->plan->stages[0], *last = &c->exec->plan->stages[c->collector];
    size_t blocks = scan_count(c->scan->source.scan);
    c->pages = c->collector == 0 && first->kind->exec->pages && first->kind->exec->pages(first->args);
    c->commutes = last->kind->exec->commutes && last->kind->exec->commutes(last->args);
    c->chunk_count = c->commutes || blocks < CHUNKS_MAX ? blocks : CHUNKS_MAX;
    if (c->chunk_count == 0)
        c->chunk_count = 1;
}

enum err exec_collect(struct exec_scan *s, size_t collector, struct exec_chain *rest) {
    struct collect c = { .scan = s, .exec = s->exec, .collector = collector };
    plan(&c);
    c.chunks = HEAP_ARRAY(struct chunk, c.chunk_count);
    (void)pthread_mutex_init(&c.lock, NULL);
    pool_run(s->exec->pool, &(struct pool_job){ .step = step, .ctx = &c });
    enum err e = budget_stopped(&s->exec->budget) ? ERR_CANCELLED : finish(&c, rest);
    for (size_t i = 0; i < c.chunk_count; i++)
        if (c.chunks[i].chain.ops)
            exec_chain_close(&c.chunks[i].chain);
    heap_free(c.chunks);
    VEC_FINI(&c.idle);
    (void)pthread_mutex_destroy(&c.lock);
    return e;
}
