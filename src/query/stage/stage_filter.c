#include "query/exec.h"
/* filter CONDITION: rows for which it is true go on. Filters before any other command are not here: they are
 * part of the scan. */

static bool parse(struct parser *p, void **out_args) {
    *out_args = parser_filter(p);
    return *out_args != NULL;
}

struct filter {
    struct exec_op op;
    struct exec_expr expr;
};

static enum err push(struct exec_op *op, const struct exec_record *r) {
    struct value v = exec_expr_get(&((struct filter *)op)->expr, r, op->scratch);
    return value_truth(&v) ? exec_push(op->next, r) : ERR_OK;
}

static const struct exec_op_kind kind = { .push = push };

static enum err open(const struct exec_scope *s, const void *args, struct exec_op **out) {
    struct filter *f = exec_op_new(s, &kind, sizeof *f);
    *out = &f->op;
    return exec_expr_init(s, args, &f->op.mem, &f->expr);
}

static void needs(const void *args, struct exec_needs *n) {
    exec_needs_expr(n, args);
}

static const struct stage_exec exec = { .shape = EXEC_LOCAL, .needs = needs, .open = open };

const struct stage_kind stage_filter = {
    .name = "filter",
    .aliases = "where search",
    .help = "filter CONDITION: keep the rows for which it is true",
    .parse = parse,
    .streaming = true,
    .exec = &exec,
};
