#include "query/exec.h"
/* limit N: the first N rows. */

static bool parse(struct parser *p, void **out_args) {
    uint64_t *n = ARENA_NEW(parser_mem(p), uint64_t, 1);
    if (!n || parser_at_end(p))
        return parser_fail(p, "expected how many rows");
    *out_args = n;
    return parser_uint(p, n);
}

struct limit {
    struct exec_op op;
    uint64_t most, seen;
};

static enum err push(struct exec_op *op, const struct exec_record *r) {
    struct limit *l = (struct limit *)op;
    if (op->full)
        return ERR_OK;
    op->full = ++l->seen == l->most;
    return exec_push(op->next, r);
}

static const struct exec_op_kind kind = { .push = push };

static enum err open(const struct exec_scope *s, const void *args, struct exec_op **out) {
    struct limit *l = exec_op_new(s, &kind, sizeof *l);
    l->most = *(const uint64_t *)args;
    l->op.full = l->most == 0;
    *out = &l->op;
    return ERR_OK;
}

static uint64_t rows_max(const void *args) {
    return *(const uint64_t *)args;
}

static const struct stage_exec exec = { .shape = EXEC_SERIAL, .rows_max = rows_max, .open = open };

const struct stage_kind stage_limit = {
    .name = "limit",
    .aliases = "head take",
    .help = "limit N: the first N rows",
    .parse = parse,
    .exec = &exec,
};
