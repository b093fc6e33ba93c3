#include "query/exec.h"
/* tail N: the last N rows of what comes in, in their order. Of rows from the store, which come newest first,
 * the oldest N. */
enum { TAIL_MAX = 1000000 };

static bool parse(struct parser *p, void **out_args) {
    uint64_t *n = ARENA_NEW(parser_mem(p), uint64_t, 1);
    if (!n)
        return parser_fail(p, "the query is too large");
    *n = 10;
    *out_args = n;
    if (parser_at_end(p))
        return true;
    if (!parser_uint(p, n))
        return false;
    return *n <= TAIL_MAX || parser_fail(p, "at most %d rows", TAIL_MAX);
}

/* Two arenas: when the front one holds N rows it becomes the back one, and what the back one held is not
 * needed any more. */
struct tail {
    struct exec_op op;
    uint64_t most;
    struct half {
        struct arena mem;
        size_t charged_bytes;
        VEC(struct exec_record) rows;
    } halves[2];
    unsigned front;
};

static void half_clear(struct tail *t, struct half *h) {
    budget_give(&t->op.exec->budget, h->charged_bytes);
    h->charged_bytes = 0;
    h->rows.n = 0;
    arena_reset(&h->mem);
}

static enum err push(struct exec_op *op, const struct exec_record *r) {
    struct tail *t = (struct tail *)op;
    struct half *h = &t->halves[t->front];
    struct exec_record kept;
    if (t->most == 0)
        return ERR_OK;
    if (h->rows.n == t->most) {
        t->front = !t->front;
        h = &t->halves[t->front];
        half_clear(t, h);
    }
    if (exec_copy(&h->mem, r, &kept) != ERR_OK)
        return exec_spent(op->exec);
    VEC_PUSH(&h->rows, kept);
    return budget_arena(&op->exec->budget, &h->mem, &h->charged_bytes);
}

static enum err end(struct exec_op *op) {
    struct tail *t = (struct tail *)op;
    struct half *back = &t->halves[!t->front], *front = &t->halves[t->front];
    size_t from_back = (size_t)t->most - front->rows.n;
    size_t skip = back->rows.n > from_back ? back->rows.n - from_back : 0;
    for (size_t i = skip; i < back->rows.n && !exec_full(op->next); i++)
        TRY(exec_release(op, &back->rows.p[i]));
    for (size_t i = 0; i < front->rows.n && !exec_full(op->next); i++)
        TRY(exec_release(op, &front->rows.p[i]));
    return ERR_OK;
}

static void free_halves(struct exec_op *op) {
    struct tail *t = (struct tail *)op;
    for (size_t i = 0; i < COUNT_OF(t->halves); i++) {
        half_clear(t, &t->halves[i]);
        VEC_FINI(&t->halves[i].rows);
        arena_fini(&t->halves[i].mem);
    }
}

static const struct exec_op_kind kind = { .push = push, .end = end, .free = free_halves, .holds = true };

static enum err open(const struct exec_scope *s, const void *args, struct exec_op **out) {
    struct tail *t = exec_op_new(s, &kind, sizeof *t);
    t->most = *(const uint64_t *)args;
    for (size_t i = 0; i < COUNT_OF(t->halves); i++)
        arena_init(&t->halves[i].mem, (size_t)s->exec->budget.limits.memory_bytes);
    *out = &t->op;
    return ERR_OK;
}

static const struct stage_exec exec = { .shape = EXEC_SERIAL, .open = open };

const struct stage_kind stage_tail = {
    .name = "tail",
    .help = "tail [N]: the last N rows (10)",
    .parse = parse,
    .exec = &exec,
};
