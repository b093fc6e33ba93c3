#include "query/exec.h"
/*
 * fields a, b as c, http_*, strlen(x) as n     shows these, in this order; later commands still find the
 * others by name fields -a, -http_*                           drops these
 */
enum { ITEMS_MAX = 256 };

struct item {
    struct str name; /* of the column; a pattern when `wild` */
    const struct expr *expr;
    bool wild;
};
struct fields_args {
    struct item *items;
    size_t count;
    bool drop;
};

static bool parse_item(struct parser *p, struct fields_args *a, bool minus) {
    struct item *item = &a->items[a->count];
    item->wild = parser_wildcard(p, &item->name);
    if (item->wild)
        return true;
    if (minus)
        return parser_field(p, &item->name);
    size_t from = parser_offset(p);
    item->expr = parser_item(p);
    if (!item->expr)
        return false;
    bool lone = item->expr->kind == EXPR_FIELD;
    item->name = lone ? item->expr->name : parser_source(p, from, parser_offset(p));
    bool renamed = parser_take_word(p, "as");
    if (renamed && !parser_field(p, &item->name))
        return false;
    if (renamed || !lone)
        parser_define(p, item->name);
    return true;
}

static bool parse(struct parser *p, void **out_args) {
    struct fields_args *a = ARENA_NEW(parser_mem(p), struct fields_args, 1);
    if (a)
        a->items = ARENA_NEW(parser_mem(p), struct item, ITEMS_MAX);
    if (!a || !a->items)
        return parser_fail(p, "the query is too large");
    do {
        bool minus = parser_take_symbol(p, "-");
        if (a->count == 0)
            a->drop = minus;
        if (minus && !a->drop)
            return parser_fail(p, "either names to keep or names to drop");
        if (a->count == ITEMS_MAX)
            return parser_fail(p, "more than %d fields", ITEMS_MAX);
        if (!parse_item(p, a, a->drop))
            return false;
        a->count++;
    } while (parser_more(p));
    *out_args = a;
    return true;
}

/* ---- running ---- */

struct fields {
    struct exec_op op;
    const struct fields_args *args;
    struct exec_expr *exprs;          /* by item, when it has one */
    const struct exec_name **names;   /* by item, when it is not wild */
    const struct exec_name **aliases; /* of names to drop: what they may be called in the row */
};

static bool wild_match(struct str pattern, struct str text) {
    bool front = pattern.n && pattern.p[0] == '*',
         back = pattern.n > front && pattern.p[pattern.n - 1] == '*';
    struct str core = { pattern.p + front, pattern.n - front - back };
    if (front && back)
        return str_find(text, core, 0) != SIZE_MAX;
    return front ? str_ends(text, core) : str_starts(text, core);
}

static bool has(const struct exec_cell *cells, size_t count, const struct exec_name *name) {
    for (size_t i = 0; i < count; i++)
        if (cells[i].name == name)
            return true;
    return false;
}

static size_t keep_wild(const struct item *item, const struct exec_record *r, struct exec_cell *cells,
                        size_t count) {
    for (size_t i = 0; i < r->count; i++)
        if (!r->cells[i].hidden && wild_match(item->name, r->cells[i].name->text) &&
            !has(cells, count, r->cells[i].name))
            cells[count++] = r->cells[i];
    return count;
}

static enum err keep(struct fields *f, const struct exec_record *r) {
    struct exec_cell *cells = ARENA_RAW(f->op.scratch, struct exec_cell, 2 * r->count + f->args->count);
    struct exec_record out = *r;
    size_t count = 0;
    if (!cells)
        return exec_spent(f->op.exec);
    for (size_t i = 0; i < f->args->count; i++) {
        if (f->args->items[i].wild) {
            count = keep_wild(&f->args->items[i], r, cells, count);
            continue;
        }
        struct exec_cell cell = { f->names[i], exec_expr_get(&f->exprs[i], r, f->op.scratch) };
        if (cell.value.type != VALUE_NULL && !has(cells, count, cell.name))
            cells[count++] = cell;
    }
    for (size_t i = 0; i < r->count; i++) /* later commands may still ask for it */
        if (!has(cells, count, r->cells[i].name))
            cells[count++] = (struct exec_cell){ r->cells[i].name, r->cells[i].value, true };
    out.cells = cells;
    out.count = count;
    return exec_push(f->op.next, &out);
}

static bool is_dropped(const struct fields *f, const struct exec_name *name) {
    for (size_t i = 0; i < f->args->count; i++) {
        bool wild = f->args->items[i].wild;
        if (wild ? wild_match(f->args->items[i].name, name->text)
                 : name == f->names[i] || name == f->aliases[i])
            return true;
    }
    return false;
}

static enum err drop(struct fields *f, const struct exec_record *r) {
    struct exec_cell *cells = ARENA_RAW(f->op.scratch, struct exec_cell, r->count + 1);
    struct exec_record out = *r;
    size_t count = 0;
    if (!cells)
        return exec_spent(f->op.exec);
    for (size_t i = 0; i < r->count; i++)
        if (!is_dropped(f, r->cells[i].name))
            cells[count++] = r->cells[i];
    out.cells = cells;
    out.count = count;
    return exec_push(f->op.next, &out);
}

static enum err push(struct exec_op *op, const struct exec_record *r) {
    struct fields *f = (struct fields *)op;
    return f->args->drop ? drop(f, r) : keep(f, r);
}

static const struct exec_op_kind kind = { .push = push };

static enum err open_item(const struct exec_scope *s, struct fields *f, size_t i) {
    const struct item *item = &f->args->items[i];
    struct exec_field lookup;
    if (item->wild)
        return ERR_OK;
    TRY(exec_field_init(s, item->name, &lookup));
    f->names[i] = lookup.tries[0];
    f->aliases[i] = lookup.tries[lookup.count - 1];
    return item->expr ? exec_expr_init(s, item->expr, &f->op.mem, &f->exprs[i]) : ERR_OK;
}

static enum err open(const struct exec_scope *s, const void *args, struct exec_op **out) {
    struct fields *f = exec_op_new(s, &kind, sizeof *f);
    *out = &f->op;
    f->args = args;
    f->exprs = ARENA_NEW(&f->op.mem, struct exec_expr, f->args->count);
    f->names = ARENA_NEW(&f->op.mem, const struct exec_name *, f->args->count);
    f->aliases = ARENA_NEW(&f->op.mem, const struct exec_name *, f->args->count);
    if (!f->exprs || !f->names || !f->aliases)
        return exec_spent(s->exec);
    for (size_t i = 0; i < f->args->count; i++)
        TRY(open_item(s, f, i));
    return ERR_OK;
}

static void needs(const void *args, struct exec_needs *n) {
    const struct fields_args *a = args;
    if (a->drop)
        return;
    n->all = false; /* of what is shown; what later commands name is still needed */
    for (size_t i = 0; i < a->count; i++) {
        n->all = n->all || a->items[i].wild;
        if (a->items[i].expr)
            exec_needs_expr(n, a->items[i].expr);
    }
}

static const struct stage_exec exec = {
    .shape = EXEC_LOCAL, .keeps_rows = true, .needs = needs, .open = open
};

const struct stage_kind stage_fields = {
    .name = "fields",
    .aliases = "display table project keep",
    .help = "fields NAME [as NEW], …: keep these; fields -NAME, …: drop these; NAME may be http_*",
    .parse = parse,
    .streaming = true,
    .exec = &exec,
};
