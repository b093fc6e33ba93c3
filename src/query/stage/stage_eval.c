#include "query/exec.h"
/* eval NAME = EXPRESSION, …: makes fields, one after the other; later ones see earlier ones. */
enum { ASSIGNMENTS_MAX = 128 };

struct assignment {
    struct str name;
    const struct expr *expr;
};
struct eval_args {
    struct assignment *list;
    size_t count;
};

static bool parse(struct parser *p, void **out_args) {
    struct eval_args *a = ARENA_NEW(parser_mem(p), struct eval_args, 1);
    if (a)
        a->list = ARENA_NEW(parser_mem(p), struct assignment, ASSIGNMENTS_MAX);
    if (!a || !a->list)
        return parser_fail(p, "the query is too large");
    do {
        struct assignment *made = &a->list[a->count];
        if (a->count == ASSIGNMENTS_MAX)
            return parser_fail(p, "more than %d fields", ASSIGNMENTS_MAX);
        if (!parser_field(p, &made->name) || !parser_need_symbol(p, "="))
            return false;
        made->expr = parser_expr(p);
        if (!made->expr)
            return false;
        parser_define(p, made->name);
        a->count++;
    } while (parser_more(p));
    *out_args = a;
    return true;
}

struct eval {
    struct exec_op op;
    const struct eval_args *args;
    struct exec_expr *exprs;
    const struct exec_name **names;
};

/* In its old place when the row has the name already. */
static size_t assign(struct exec_cell *cells, size_t count, const struct exec_name *name, struct value v) {
    size_t i = 0;
    while (i < count && cells[i].name != name)
        i++;
    if (v.type != VALUE_NULL) {
        cells[i] = (struct exec_cell){ name, v };
        return i < count ? count : count + 1;
    }
    if (i == count)
        return count;
    memmove(cells + i, cells + i + 1, (count - i - 1) * sizeof *cells);
    return count - 1;
}

static enum err push(struct exec_op *op, const struct exec_record *r) {
    struct eval *e = (struct eval *)op;
    struct exec_cell *cells = ARENA_RAW(op->scratch, struct exec_cell, r->count + e->args->count + 1);
    struct exec_record out = *r;
    if (!cells)
        return exec_spent(op->exec);
    if (r->count)
        memcpy(cells, r->cells, r->count * sizeof *cells);
    out.cells = cells;
    for (size_t i = 0; i < e->args->count; i++) {
        struct value v = exec_expr_get(&e->exprs[i], &out, op->scratch);
        out.count = assign(cells, out.count, e->names[i], v);
    }
    return exec_push(op->next, &out);
}

static const struct exec_op_kind kind = { .push = push };

static enum err open(const struct exec_scope *s, const void *args, struct exec_op **out) {
    struct eval *e = exec_op_new(s, &kind, sizeof *e);
    *out = &e->op;
    e->args = args;
    e->exprs = ARENA_NEW(&e->op.mem, struct exec_expr, e->args->count);
    e->names = ARENA_NEW(&e->op.mem, const struct exec_name *, e->args->count);
    if (!e->exprs || !e->names)
        return exec_spent(s->exec);
    for (size_t i = 0; i < e->args->count; i++) {
        TRY(exec_expr_init(s, e->args->list[i].expr, &e->op.mem, &e->exprs[i]));
        e->names[i] = exec_intern(s->exec, e->args->list[i].name);
        if (!e->names[i])
            return exec_spent(s->exec);
    }
    return ERR_OK;
}

static void needs(const void *args, struct exec_needs *n) {
    const struct eval_args *a = args;
    for (size_t i = a->count; i-- > 0;) {
        exec_needs_made(n, a->list[i].name);
        exec_needs_expr(n, a->list[i].expr);
    }
}

static const struct stage_exec exec = {
    .shape = EXEC_LOCAL, .keeps_rows = true, .needs = needs, .open = open
};

const struct stage_kind stage_eval = {
    .name = "eval",
    .aliases = "extend",
    .help = "eval NAME = EXPRESSION, …: make or replace fields",
    .parse = parse,
    .streaming = true,
    .exec = &exec,
};
