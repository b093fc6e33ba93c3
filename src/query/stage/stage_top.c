#include "query/stage/top.h"
#include <stdlib.h>
/*
 * top [N] NAME, … [by NAME, …]: a count for each combination of values, then the N largest (for each
 * combination behind `by`). Rows that lack one of the fields are not counted. percent is of the rows counted
 * (in that combination).
 */
struct top_args {
    struct group_args group; /* keys: those behind `by`, then the fields */
    size_t by_count;
    uint64_t most;
    bool rare;
};
enum { TOP_DEFAULT = 10 };

static bool parse_items(struct parser *p, struct group_key *keys, size_t *count) {
    do {
        struct group_key k = { 0 };
        size_t from = parser_offset(p);
        if (*count == GROUP_KEYS_MAX)
            return parser_fail(p, "more than %d fields", GROUP_KEYS_MAX);
        k.expr = parser_item(p);
        if (!k.expr)
            return false;
        k.source = parser_source(p, from, parser_offset(p));
        k.name = k.expr->kind == EXPR_FIELD ? k.expr->name : k.source;
        if (str_eq(k.name, STR("count")) || str_eq(k.name, STR("percent")))
            return parser_fail(p, "a column named '" STR_FMT "' is made here: rename the field first",
                               STR_ARG(k.name));
        group_key_init(&k);
        keys[(*count)++] = k;
    } while (parser_more(p));
    return true;
}

static bool parse_most(struct parser *p, uint64_t *out) {
    *out = TOP_DEFAULT;
    if (parser_take_word(p, "limit"))
        return parser_need_symbol(p, "=") && parser_uint(p, out);
    return !parser_at_number(p) || parser_uint(p, out);
}

bool top_parse(struct parser *p, bool rare, void **out_args) {
    struct top_args *a = ARENA_NEW(parser_mem(p), struct top_args, 1);
    struct group_key fields[GROUP_KEYS_MAX];
    size_t count = 0;
    if (a)
        a->group.keys = ARENA_NEW(parser_mem(p), struct group_key, 2 * GROUP_KEYS_MAX);
    if (a)
        a->group.calls = ARENA_NEW(parser_mem(p), struct agg_call, 1);
    if (!a || !a->group.keys || !a->group.calls)
        return parser_fail(p, "the query is too large");
    a->rare = rare;
    if (!parse_most(p, &a->most) || !parse_items(p, fields, &count))
        return false;
    if (parser_take_word(p, "by") && !parse_items(p, a->group.keys, &a->by_count))
        return false;
    if (a->by_count + count > GROUP_KEYS_MAX)
        return parser_fail(p, "more than %d fields", GROUP_KEYS_MAX);
    memcpy(a->group.keys + a->by_count, fields, count * sizeof *fields);
    a->group.key_count = a->by_count + count;
    double unused;
    a->group.calls[0] = (struct agg_call){ .agg = agg_find(STR("count"), &unused), .name = STR("count") };
    a->group.call_count = 1;
    group_args_layout(&a->group);
    parser_define(p, STR("count"));
    parser_define(p, STR("percent"));
    *out_args = a;
    return true;
}

static bool parse(struct parser *p, void **out_args) {
    return top_parse(p, false, out_args);
}

/* ---- running ---- */

struct counted {
    const struct value *keys;
    int64_t count;
};
struct top {
    struct exec_op op;
    const struct top_args *args;
    struct group_table *table;
    struct exec_cell *cells;
    struct counted *list;
    size_t list_count;
};

static enum err spent(struct exec_op *op, enum err e) {
    return e == ERR_LIMIT ? exec_spent(op->exec) : e;
}

static enum err push(struct exec_op *op, const struct exec_record *r) {
    TRY(spent(op, group_table_record(((struct top *)op)->table, r, op->scratch)));
    return exec_charge(op);
}

static enum err page(struct exec_op *op, const struct exec_page *p) {
    TRY(group_table_page(((struct top *)op)->table, p));
    return exec_charge(op);
}

static enum err merge(struct exec_op *to, struct exec_op *from) {
    TRY(spent(to, group_table_merge(((struct top *)to)->table, ((struct top *)from)->table)));
    return exec_charge(to);
}

static int compare_by(const struct top *t, const struct counted *x, const struct counted *y) {
    int c = 0;
    for (size_t i = 0; i < t->args->by_count && c == 0; i++)
        c = value_order(&x->keys[i], &y->keys[i]);
    return c;
}

static int compare(const void *a, const void *b, void *ctx) {
    const struct counted *x = a, *y = b;
    const struct top *t = ctx;
    int c = compare_by(t, x, y);
    if (c == 0 && x->count != y->count)
        c = (x->count > y->count) == t->args->rare ? 1 : -1;
    for (size_t i = t->args->by_count; i < t->args->group.key_count && c == 0; i++)
        c = value_order(&x->keys[i], &y->keys[i]);
    return c;
}

static enum err list_groups(struct top *t) {
    size_t count = group_table_count(t->table);
    t->list = ARENA_RAW(&t->op.mem, struct counted, count + 1);
    if (!t->list)
        return ERR_LIMIT;
    for (size_t i = 0; i < count; i++) {
        struct value n;
        const struct value *keys = group_table_keys(t->table, i);
        bool absent = false;
        for (size_t k = t->args->by_count; k < t->args->group.key_count; k++)
            absent = absent || keys[k].type == VALUE_NULL;
        TRY(group_table_result(t->table, i, 0, &n));
        if (!absent)
            t->list[t->list_count++] = (struct counted){ keys, n.i };
    }
    qsort_r(t->list, t->list_count, sizeof *t->list, compare, t);
    return ERR_OK;
}

/* One combination behind `by`: entries [from, to). */
static enum err give_run(struct top *t, size_t from, size_t to) {
    size_t keys = t->args->group.key_count;
    int64_t all = 0;
    for (size_t i = from; i < to; i++)
        all += t->list[i].count;
    for (size_t i = from; i < to && i - from < t->args->most && !exec_full(t->op.next); i++) {
        for (size_t k = 0; k < keys; k++)
            t->cells[k].value = t->list[i].keys[k];
        t->cells[keys].value = value_int(t->list[i].count);
        t->cells[keys + 1].value = value_float(100.0 * (double)t->list[i].count / (double)all);
        TRY(exec_make(&t->op, t->cells, keys + 2));
    }
    return ERR_OK;
}

static enum err end(struct exec_op *op) {
    struct top *t = (struct top *)op;
    TRY(spent(op, group_table_finish(t->table, false)));
    TRY(spent(op, list_groups(t)));
    for (size_t from = 0, to; from < t->list_count; from = to) {
        to = from + 1;
        while (to < t->list_count && compare_by(t, &t->list[from], &t->list[to]) == 0)
            to++;
        TRY(give_run(t, from, to));
    }
    return ERR_OK;
}

static void free_table(struct exec_op *op) {
    group_table_free(((struct top *)op)->table);
}

static const struct exec_op_kind kind = { push, page, merge, end, free_table, .holds = true };

static enum err open(const struct exec_scope *s, const void *args, struct exec_op **out) {
    struct top *t = exec_op_new(s, &kind, sizeof *t);
    *out = &t->op;
    t->args = args;
    size_t keys = t->args->group.key_count;
    t->cells = ARENA_NEW(&t->op.mem, struct exec_cell, keys + 2);
    if (!t->cells)
        return exec_spent(s->exec);
    for (size_t i = 0; i < keys + 2; i++) {
        struct str name = i < keys ? t->args->group.keys[i].name : i == keys ? STR("count") : STR("percent");
        t->cells[i].name = exec_intern(s->exec, name);
        if (!t->cells[i].name)
            return exec_spent(s->exec);
    }
    TRY(group_table_new(&t->args->group, s, &t->op.mem, &t->table));
    return exec_charge(&t->op);
}

static void needs(const void *args, struct exec_needs *n) {
    group_args_needs(&((const struct top_args *)args)->group, n);
}
static void fields(const void *args, struct vector_fields *f) {
    group_args_fields(&((const struct top_args *)args)->group, f);
}
static bool always(const void *args) {
    (void)args;
    return true;
}

const struct stage_exec top_exec = {
    .shape = EXEC_COLLECT,
    .needs = needs,
    .fields = fields,
    .pages = always,
    .commutes = always,
    .open = open,
};

const struct stage_kind stage_top = {
    .name = "top",
    .help = "top [N] NAME, … [by NAME, …]: the N (10) most frequent values, with count and percent",
    .parse = parse,
    .exec = &top_exec,
};
