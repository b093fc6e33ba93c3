#include "query/exec.h"
/* rename OLD as NEW, …: a field of the name NEW that the row had is gone. */
enum { RENAMES_MAX = 128 };

struct rename_args {
    struct renaming {
        struct str from, to;
    } * list;
    size_t count;
};

static bool parse(struct parser *p, void **out_args) {
    struct rename_args *a = ARENA_NEW(parser_mem(p), struct rename_args, 1);
    if (a)
        a->list = ARENA_NEW(parser_mem(p), struct renaming, RENAMES_MAX);
    if (!a || !a->list)
        return parser_fail(p, "the query is too large");
    do {
        struct renaming *r = &a->list[a->count];
        if (a->count == RENAMES_MAX)
            return parser_fail(p, "more than %d fields", RENAMES_MAX);
        if (!parser_field(p, &r->from) || !parser_need_word(p, "as") || !parser_field(p, &r->to))
            return false;
        parser_define(p, r->to);
        a->count++;
    } while (parser_more(p));
    *out_args = a;
    return true;
}

struct rename {
    struct exec_op op;
    const struct rename_args *args;
    struct exec_field *from;
    const struct exec_name **to;
};

static size_t apply(const struct exec_field *from, const struct exec_name *to, struct exec_cell *cells,
                    size_t count) {
    size_t at = count, kept = 0;
    for (size_t k = 0; k < from->count && at == count; k++)
        for (size_t i = 0; i < count && at == count; i++)
            if (cells[i].name == from->tries[k])
                at = i;
    if (at == count)
        return count;
    cells[at].name = to;
    cells[at].hidden = false;
    for (size_t i = 0; i < count; i++)
        if (i == at || cells[i].name != to)
            cells[kept++] = cells[i];
    return kept;
}

static enum err push(struct exec_op *op, const struct exec_record *r) {
    struct rename *n = (struct rename *)op;
    struct exec_cell *cells = ARENA_RAW(op->scratch, struct exec_cell, r->count + 1);
    struct exec_record out = *r;
    if (!cells)
        return exec_spent(op->exec);
    if (r->count)
        memcpy(cells, r->cells, r->count * sizeof *cells);
    for (size_t i = 0; i < n->args->count; i++)
        out.count = apply(&n->from[i], n->to[i], cells, out.count);
    out.cells = cells;
    return exec_push(op->next, &out);
}

static const struct exec_op_kind kind = { .push = push };

static enum err open(const struct exec_scope *s, const void *args, struct exec_op **out) {
    struct rename *n = exec_op_new(s, &kind, sizeof *n);
    *out = &n->op;
    n->args = args;
    n->from = ARENA_NEW(&n->op.mem, struct exec_field, n->args->count);
    n->to = ARENA_NEW(&n->op.mem, const struct exec_name *, n->args->count);
    if (!n->from || !n->to)
        return exec_spent(s->exec);
    for (size_t i = 0; i < n->args->count; i++) {
        TRY(exec_field_init(s, n->args->list[i].from, &n->from[i]));
        n->to[i] = exec_intern(s->exec, n->args->list[i].to);
        if (!n->to[i])
            return exec_spent(s->exec);
    }
    return ERR_OK;
}

static void needs(const void *args, struct exec_needs *n) {
    const struct rename_args *a = args;
    for (size_t i = 0; i < a->count; i++)
        exec_needs_add(n, a->list[i].from);
}

static const struct stage_exec exec = {
    .shape = EXEC_LOCAL, .keeps_rows = true, .needs = needs, .open = open
};

const struct stage_kind stage_rename = {
    .name = "rename",
    .help = "rename OLD as NEW, …: give fields other names",
    .parse = parse,
    .streaming = true,
    .exec = &exec,
};
