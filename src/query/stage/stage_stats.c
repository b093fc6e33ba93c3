#include "query/stage/stats.h"
/*
 * stats AGGREGATE [as NAME], … [by KEY [as NAME], …]
 *
 * Keys come first in the answer, sorted, then the aggregates. count() is named `count`, everything else as it
 * was written; `count()`, a lone `p99` when there is one such, and @timestamp for bin(@timestamp, …) find
 * their columns too.
 */

static bool same_name(struct parser *p, const struct group_args *a, struct str name) {
    for (size_t i = 0; i < a->key_count; i++)
        if (str_eq(a->keys[i].name, name))
            return parser_fail(p, "two columns are named '" STR_FMT "': name one with as", STR_ARG(name));
    for (size_t i = 0; i < a->call_count; i++)
        if (str_eq(a->calls[i].name, name))
            return parser_fail(p, "two columns are named '" STR_FMT "': name one with as", STR_ARG(name));
    return true;
}

bool stats_parse_calls(struct parser *p, struct group_args *a) {
    do {
        struct agg_call call;
        if (a->call_count == GROUP_CALLS_MAX)
            return parser_fail(p, "more than %d aggregates", GROUP_CALLS_MAX);
        if (!agg_parse(p, &call) || !same_name(p, a, call.name))
            return false;
        a->calls[a->call_count++] = call;
    } while (parser_more(p));
    return true;
}

bool stats_parse_keys(struct parser *p, struct group_args *a) {
    do {
        struct group_key key = { 0 };
        size_t from = parser_offset(p);
        if (a->key_count == GROUP_KEYS_MAX)
            return parser_fail(p, "more than %d keys", GROUP_KEYS_MAX);
        key.expr = parser_item(p);
        if (!key.expr)
            return false;
        key.source = parser_source(p, from, parser_offset(p));
        key.name = key.expr->kind == EXPR_FIELD ? key.expr->name : key.source;
        if (parser_take_word(p, "as") && !parser_field(p, &key.name))
            return false;
        group_key_init(&key);
        if (!same_name(p, a, key.name))
            return false;
        a->keys[a->key_count++] = key;
    } while (parser_more(p));
    for (size_t i = 0; i < a->key_count; i++) /* not seen by each other: by bin(1h), bin(1h) as hour */
        parser_define(p, a->keys[i].name);
    return true;
}

struct group_args *stats_args_new(struct parser *p) {
    struct group_args *a = ARENA_NEW(parser_mem(p), struct group_args, 1);
    if (a)
        a->calls = ARENA_NEW(parser_mem(p), struct agg_call, GROUP_CALLS_MAX);
    if (a)
        a->keys = ARENA_NEW(parser_mem(p), struct group_key, GROUP_KEYS_MAX);
    if (a && a->calls && a->keys)
        return a;
    (void)parser_fail(p, "the query is too large");
    return NULL;
}

static bool parse(struct parser *p, void **out_args) {
    struct group_args *a = stats_args_new(p);
    if (!a || !stats_parse_calls(p, a) || (parser_take_word(p, "by") && !stats_parse_keys(p, a)))
        return false;
    group_args_layout(a);
    *out_args = a;
    return true;
}

/* ---- running ---- */

struct stats {
    struct exec_op op;
    const struct group_args *args;
    struct group_table *table;
    struct exec_cell *cells;
};

static enum err spent(struct stats *s, enum err e) {
    return e == ERR_LIMIT ? exec_spent(s->op.exec) : e;
}

static enum err push(struct exec_op *op, const struct exec_record *r) {
    struct stats *s = (struct stats *)op;
    TRY(spent(s, group_table_record(s->table, r, op->scratch)));
    return exec_charge(op);
}

static enum err page(struct exec_op *op, const struct exec_page *p) {
    TRY(group_table_page(((struct stats *)op)->table, p));
    return exec_charge(op);
}

static enum err merge(struct exec_op *to, struct exec_op *from) {
    struct stats *s = (struct stats *)to;
    TRY(spent(s, group_table_merge(s->table, ((struct stats *)from)->table)));
    return exec_charge(to);
}

static enum err end(struct exec_op *op) {
    struct stats *s = (struct stats *)op;
    size_t keys = s->args->key_count;
    TRY(spent(s, group_table_finish(s->table, true)));
    for (size_t i = 0; i < group_table_count(s->table) && !exec_full(op->next); i++) {
        for (size_t k = 0; k < keys; k++)
            s->cells[k].value = group_table_keys(s->table, i)[k];
        for (size_t k = 0; k < s->args->call_count; k++)
            TRY(spent(s, group_table_result(s->table, i, k, &s->cells[keys + k].value)));
        TRY(exec_charge(op));
        TRY(exec_make(op, s->cells, keys + s->args->call_count));
    }
    return ERR_OK;
}

static void free_table(struct exec_op *op) {
    group_table_free(((struct stats *)op)->table);
}

static const struct exec_op_kind kind = { push, page, merge, end, free_table, .holds = true };

static enum err name_cells(struct stats *s) {
    const struct group_args *a = s->args;
    struct exec *x = s->op.exec;
    s->cells = ARENA_NEW(&s->op.mem, struct exec_cell, a->key_count + a->call_count);
    if (!s->cells)
        return exec_spent(x);
    for (size_t i = 0; i < a->key_count + a->call_count; i++) {
        struct str name = i < a->key_count ? a->keys[i].name : a->calls[i - a->key_count].name;
        s->cells[i].name = exec_intern(x, name);
        if (!s->cells[i].name)
            return exec_spent(x);
    }
    return ERR_OK;
}

static enum err open(const struct exec_scope *scope, const void *args, struct exec_op **out) {
    struct stats *s = exec_op_new(scope, &kind, sizeof *s);
    s->args = args;
    enum err e = name_cells(s);
    if (e == ERR_OK)
        e = group_table_new(args, scope, &s->op.mem, &s->table);
    if (e == ERR_OK)
        e = exec_charge(&s->op);
    if (e != ERR_OK) {
        exec_op_free(&s->op);
        return e;
    }
    *out = &s->op;
    return ERR_OK;
}

static void needs(const void *args, struct exec_needs *n) {
    group_args_needs(args, n);
}
static void fields(const void *args, struct vector_fields *f) {
    group_args_fields(args, f);
}
static bool commutes(const void *args) {
    return group_args_commute(args);
}
static bool pages(const void *args) {
    (void)args;
    return true;
}

/* p99 for p99(duration_ms), unless two calls are of that name. */
static enum err alias_function(const struct group_args *a, const struct agg_call *c, struct exec *x,
                               const struct exec_name *name) {
    struct str function = { c->source.p, 0 };
    size_t same = 0;
    while (function.n < c->source.n && c->source.p[function.n] != '(')
        function.n++;
    for (size_t i = 0; i < a->call_count; i++)
        same += str_starts(a->calls[i].source, function);
    return same == 1 ? exec_alias_add(x, function, name) : ERR_OK;
}

static enum err aliases(const void *args, struct exec *x) {
    const struct group_args *a = args;
    for (size_t i = 0; i < a->call_count; i++) {
        const struct exec_name *name = exec_intern(x, a->calls[i].name);
        if (!name)
            return exec_spent(x);
        TRY(exec_alias_add(x, a->calls[i].source, name));
        TRY(alias_function(a, &a->calls[i], x, name));
        if (!a->calls[i].arg && str_eq(a->calls[i].name, STR("count"))) {
            TRY(exec_alias_add(x, STR("count()"), name));
            TRY(exec_alias_add(x, STR("count(*)"), name));
        }
    }
    for (size_t i = 0; i < a->key_count; i++) {
        const struct exec_name *name = exec_intern(x, a->keys[i].name);
        if (!name)
            return exec_spent(x);
        if (!a->keys[i].is_field)
            TRY(exec_alias_add(x, a->keys[i].source, name));
        if (a->keys[i].bin_ns)
            TRY(exec_alias_add(x, STR("@timestamp"), name));
    }
    return ERR_OK;
}

const struct stage_exec stats_exec = {
    .shape = EXEC_COLLECT,
    .needs = needs,
    .fields = fields,
    .pages = pages,
    .commutes = commutes,
    .aliases = aliases,
    .open = open,
};

const struct stage_kind stage_stats = {
    .name = "stats",
    .aliases = "summarize aggregate",
    .help =
        "stats AGGREGATE [as NAME], … [by KEY, …]: one row for each group: stats count(), p99(ms) by service, bin(5m)",
    .parse = parse,
    .exec = &stats_exec,
};
