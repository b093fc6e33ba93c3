#include "base/heap.h"
#include "query/exec_build.h"
#include <stdlib.h>
/*
 * sort KEY [asc|desc], …: by value, in the one order of expr.h: null < bool < number < time < ip < text. Rows
 * that are equal stay in the order in which they came. With a limit behind it only so many rows are kept: at
 * twice as many the worse half is dropped, and the rows that stay are copied to fresh memory.
 */
enum { KEYS_MAX = 32, SLACK = 256 };

struct sort_key {
    const struct expr *expr;
    bool descending;
};
struct sort_args {
    struct sort_key *keys;
    size_t count;
};

/* count() and p99(x) name columns of an earlier stats. */
static struct expr *parse_call(struct parser *p) {
    size_t from = parser_offset(p);
    struct str name;
    if (!parser_call_name(p, &name))
        return NULL;
    bool ok = parser_need_symbol(p, "(");
    bool star = ok && parser_take_symbol(p, "*");
    while (ok && !parser_take_symbol(p, ")"))
        ok = !star && (parser_more(p) || parser_expr(p) != NULL);
    struct expr *e = ok ? ARENA_NEW(parser_mem(p), struct expr, 1) : NULL;
    if (!e) {
        (void)parser_fail(p, "expected a field or an aggregate such as count()");
        return NULL;
    }
    size_t to = parser_offset(p);
    *e = (struct expr){ .kind = EXPR_FIELD,
                        .offset = from,
                        .length = to - from,
                        .name = parser_source(p, from, to),
                        .depth = 1 };
    return e;
}

static bool parse_key(struct parser *p, struct sort_key *k) {
    bool minus = parser_take_symbol(p, "-");
    if (!minus)
        (void)parser_take_symbol(p, "+");
    k->expr = parse_call(p);
    if (!k->expr && !parser_failed(p))
        k->expr = parser_item(p);
    if (!k->expr)
        return false;
    k->descending = parser_take_word(p, "desc") || parser_take_word(p, "descending");
    if (!k->descending && !parser_take_word(p, "asc"))
        (void)parser_take_word(p, "ascending");
    k->descending = k->descending || minus;
    return true;
}

static bool parse(struct parser *p, void **out_args) {
    struct sort_args *a = ARENA_NEW(parser_mem(p), struct sort_args, 1);
    if (a)
        a->keys = ARENA_NEW(parser_mem(p), struct sort_key, KEYS_MAX);
    if (!a || !a->keys)
        return parser_fail(p, "the query is too large");
    (void)parser_take_word(p, "by");
    do {
        if (a->count == KEYS_MAX)
            return parser_fail(p, "more than %d keys", KEYS_MAX);
        if (!parse_key(p, &a->keys[a->count]))
            return false;
        a->count++;
    } while (parser_more(p));
    *out_args = a;
    return true;
}

/* ---- running ---- */

struct sorted {
    struct exec_record record;
    struct value *keys;
    struct exec_key place; /* among equals */
};
struct held { /* memory of rows; a merge takes over that of the other */
    struct arena mem;
    size_t charged_bytes;
};
struct sort {
    struct exec_op op;
    const struct sort_args *args;
    struct exec_expr *exprs;
    uint64_t most; /* 0: all */
    bool in_order;
    int64_t seen;
    unsigned first_field; /* of the views, when pages come in */
    VEC(struct sorted) rows;
    VEC(struct held *) held; /* the last one grows */
    struct sorted *worst;    /* of the rows that count, once there are enough; else NULL */
    struct sorted worst_copy;
};

static int compare(const void *a, const void *b, void *ctx) {
    const struct sorted *x = a, *y = b;
    const struct sort *s = ctx;
    for (size_t i = 0; i < s->args->count; i++) {
        int c = value_order(&x->keys[i], &y->keys[i]);
        if (c)
            return s->args->keys[i].descending ? -c : c;
    }
    return exec_key_order(&x->place, &y->place);
}

static struct held *new_held(struct sort *s) {
    struct held *h = HEAP_NEW(struct held);
    arena_init(&h->mem, (size_t)s->op.exec->budget.limits.memory_bytes);
    VEC_PUSH(&s->held, h);
    return h;
}

static void free_held(struct sort *s, size_t count) {
    for (size_t i = 0; i < count; i++) {
        budget_give(&s->op.exec->budget, s->held.p[i]->charged_bytes);
        arena_fini(&s->held.p[i]->mem);
        heap_free(s->held.p[i]);
    }
    s->held.n -= count;
    if (s->held.n)
        memmove(s->held.p, s->held.p + count, s->held.n * sizeof *s->held.p);
}

static enum err copy_row(struct sort *s, struct held *h, const struct exec_record *r,
                         const struct value *keys, struct sorted *out) {
    struct sorted row = *out;
    row.keys = ARENA_RAW(&h->mem, struct value, s->args->count);
    if (!row.keys || exec_copy(&h->mem, r, &row.record) != ERR_OK)
        return exec_spent(s->op.exec);
    for (size_t i = 0; i < s->args->count; i++)
        if (exec_copy_value(&h->mem, &keys[i], &row.keys[i]) != ERR_OK)
            return exec_spent(s->op.exec);
    *out = row;
    return budget_arena(&s->op.exec->budget, &h->mem, &h->charged_bytes);
}

/* Keeps the best `most`, in fresh memory. */
static enum err prune(struct sort *s) {
    size_t old = s->held.n;
    qsort_r(s->rows.p, s->rows.n, sizeof *s->rows.p, compare, s);
    if (s->rows.n > s->most)
        s->rows.n = (size_t)s->most;
    struct held *h = new_held(s);
    for (size_t i = 0; i < s->rows.n; i++)
        TRY(copy_row(s, h, &s->rows.p[i].record, s->rows.p[i].keys, &s->rows.p[i]));
    free_held(s, old);
    if (s->rows.n == s->most) {
        s->worst_copy = s->rows.p[s->rows.n - 1];
        s->worst = &s->worst_copy;
    }
    return ERR_OK;
}

static enum err push(struct exec_op *op, const struct exec_record *r) {
    struct sort *s = (struct sort *)op;
    struct value keys[KEYS_MAX];
    struct sorted row = { *r, keys, r->key };
    if (s->in_order)
        row.place = (struct exec_key){ .time_ns = s->seen++, .block = EXEC_MADE };
    for (size_t i = 0; i < s->args->count; i++)
        keys[i] = exec_expr_get(&s->exprs[i], r, op->scratch);
    if (s->worst && compare(&row, s->worst, s) > 0)
        return ERR_OK;
    struct held *h = s->held.n ? s->held.p[s->held.n - 1] : new_held(s);
    TRY(copy_row(s, h, r, keys, &row));
    VEC_PUSH(&s->rows, row);
    return s->most && s->rows.n >= 2 * s->most + SLACK ? prune(s) : ERR_OK;
}

/* Rows whose first key already puts them behind the worst that counts are not made into records. */
static enum err page(struct exec_op *op, const struct exec_page *p) {
    struct sort *s = (struct sort *)op;
    struct vector_view *v = p->view;
    uint64_t *rows = vector_bits_copy(v, p->rows);
    const struct value *keys;
    if (!rows)
        return ERR_LIMIT;
    int sign = s->args->keys[0].descending ? -1 : 1;
    if (s->worst) {
        TRY(vector_field_values(v, s->first_field, rows, &keys));
        BITS_EACH (row, rows, v->row_count) {
            if (sign * value_order(&keys[row], &s->worst->keys[0]) > 0)
                bits_clear(rows, row);
        }
    }
    TRY(exec_builder_page(p->builder, v, rows));
    BITS_EACH (row, rows, v->row_count) {
        struct exec_record record;
        TRY(exec_builder_row(p->builder, v, (uint32_t)row, p->block, NULL, &record));
        TRY(push(op, &record));
        arena_reset(op->scratch);
    }
    return ERR_OK;
}

static enum err merge(struct exec_op *to_op, struct exec_op *from_op) {
    struct sort *to = (struct sort *)to_op, *from = (struct sort *)from_op;
    for (size_t i = 0; i < from->rows.n; i++)
        VEC_PUSH(&to->rows, from->rows.p[i]);
    for (size_t i = 0; i < from->held.n; i++)
        VEC_PUSH(&to->held, from->held.p[i]);
    from->held.n = 0;
    return to->most && to->rows.n >= 2 * to->most + SLACK ? prune(to) : ERR_OK;
}

static enum err end(struct exec_op *op) {
    struct sort *s = (struct sort *)op;
    if (s->rows.n)
        qsort_r(s->rows.p, s->rows.n, sizeof *s->rows.p, compare, s);
    for (size_t i = 0; i < s->rows.n && (!s->most || i < s->most) && !exec_full(op->next); i++)
        TRY(exec_release(op, &s->rows.p[i].record));
    return ERR_OK;
}

static void free_rows(struct exec_op *op) {
    struct sort *s = (struct sort *)op;
    free_held(s, s->held.n);
    VEC_FINI(&s->held);
    VEC_FINI(&s->rows);
}

static const struct exec_op_kind kind = { push, page, merge, end, free_rows, .holds = true };

static uint64_t limit_behind(const struct stage *next) {
    return next && next->kind->exec->rows_max ? next->kind->exec->rows_max(next->args) : 0;
}

static enum err open(const struct exec_scope *scope, const void *args, struct exec_op **out) {
    enum { TOP_MAX = 100000 };
    struct sort *s = exec_op_new(scope, &kind, sizeof *s);
    *out = &s->op;
    s->args = args;
    s->in_order = scope->in_order;
    s->most = limit_behind(scope->next);
    if (s->most > TOP_MAX)
        s->most = 0;
    s->exprs = ARENA_NEW(&s->op.mem, struct exec_expr, s->args->count);
    if (!s->exprs)
        return exec_spent(scope->exec);
    if (scope->fields)
        s->first_field = vector_fields_find(scope->fields, s->args->keys[0].expr->name);
    for (size_t i = 0; i < s->args->count; i++)
        TRY(exec_expr_init(scope, s->args->keys[i].expr, &s->op.mem, &s->exprs[i]));
    return ERR_OK;
}

static void needs(const void *args, struct exec_needs *n) {
    const struct sort_args *a = args;
    for (size_t i = 0; i < a->count; i++)
        exec_needs_expr(n, a->keys[i].expr);
}

static void fields(const void *args, struct vector_fields *f) {
    vector_fields_of(f, ((const struct sort_args *)args)->keys[0].expr);
}

static bool pages(const void *args) {
    return ((const struct sort_args *)args)->keys[0].expr->kind == EXPR_FIELD;
}

static bool commutes(const void *args) {
    (void)args;
    return true;
}

static const struct stage_exec exec = {
    .shape = EXEC_COLLECT,
    .keeps_rows = true,
    .needs = needs,
    .fields = fields,
    .pages = pages,
    .commutes = commutes,
    .open = open,
};

const struct stage_kind stage_sort = {
    .name = "sort",
    .aliases = "order",
    .help = "sort [by] [-]KEY [asc|desc], …: order rows; the first of them when limit follows",
    .parse = parse,
    .exec = &exec,
};
