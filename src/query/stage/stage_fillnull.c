#include "query/exec.h"
/* fillnull [value=V] NAME, …: fields that a row lacks get the value (0). */
enum { NAMES_MAX = 128 };

struct fillnull_args {
    struct value value;
    struct str *names;
    size_t count;
};

static bool parse_value(struct parser *p, struct value *out) {
    *out = value_int(0);
    if (!parser_take_word(p, "value"))
        return true;
    if (!parser_need_symbol(p, "="))
        return false;
    struct expr *e = parser_expr(p);
    if (e && e->kind != EXPR_LITERAL)
        return parser_fail_at(p, e->offset, e->length, "expected a number or a quoted text");
    if (e)
        *out = e->literal;
    (void)parser_more(p);
    return e != NULL;
}

static bool parse(struct parser *p, void **out_args) {
    struct fillnull_args *a = ARENA_NEW(parser_mem(p), struct fillnull_args, 1);
    if (a)
        a->names = ARENA_NEW(parser_mem(p), struct str, NAMES_MAX);
    if (!a || !a->names)
        return parser_fail(p, "the query is too large");
    if (!parse_value(p, &a->value))
        return false;
    do {
        if (a->count == NAMES_MAX)
            return parser_fail(p, "more than %d fields", NAMES_MAX);
        if (!parser_field(p, &a->names[a->count++]))
            return false;
    } while (parser_more(p));
    *out_args = a;
    return true;
}

struct fillnull {
    struct exec_op op;
    const struct fillnull_args *args;
    struct exec_field *fields;
};

static enum err push(struct exec_op *op, const struct exec_record *r) {
    struct fillnull *f = (struct fillnull *)op;
    struct exec_cell *cells = ARENA_RAW(op->scratch, struct exec_cell, r->count + f->args->count);
    struct exec_record out = *r;
    if (!cells)
        return exec_spent(op->exec);
    if (r->count)
        memcpy(cells, r->cells, r->count * sizeof *cells);
    out.cells = cells;
    for (size_t i = 0; i < f->args->count; i++) {
        struct value v = exec_field_get(&f->fields[i], &out);
        if (v.type == VALUE_NULL)
            cells[out.count++] = (struct exec_cell){ f->fields[i].tries[0], f->args->value };
    }
    return exec_push(op->next, &out);
}

static const struct exec_op_kind kind = { .push = push };

static enum err open(const struct exec_scope *s, const void *args, struct exec_op **out) {
    struct fillnull *f = exec_op_new(s, &kind, sizeof *f);
    *out = &f->op;
    f->args = args;
    f->fields = ARENA_NEW(&f->op.mem, struct exec_field, f->args->count);
    if (!f->fields)
        return exec_spent(s->exec);
    for (size_t i = 0; i < f->args->count; i++)
        TRY(exec_field_init(s, f->args->names[i], &f->fields[i]));
    return ERR_OK;
}

static void needs(const void *args, struct exec_needs *n) {
    const struct fillnull_args *a = args;
    for (size_t i = 0; i < a->count; i++)
        exec_needs_add(n, a->names[i]);
}

static const struct stage_exec exec = {
    .shape = EXEC_LOCAL, .keeps_rows = true, .needs = needs, .open = open
};

const struct stage_kind stage_fillnull = {
    .name = "fillnull",
    .help = "fillnull [value=V] NAME, …: give rows that lack these fields the value (0)",
    .parse = parse,
    .streaming = true,
    .exec = &exec,
};
