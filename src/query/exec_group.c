#include "base/assert.h"
#include "base/hash.h"
#include "query/exec_group_table.h"
#include "query/vector_keys.h"
#include <stdlib.h>

enum { KEY_BYTES_MAX = 16 << 20 };

/* ---- arguments ---- */

static bool is_field(const struct expr *e, const char *name) {
    return e->kind == EXPR_FIELD && str_eq(e->name, str_of(name));
}

void group_key_init(struct group_key *k) {
    const struct expr *e = k->expr;
    k->is_field = e->kind == EXPR_FIELD;
    bool bin = e->kind == EXPR_CALL && e->arg_count == 2 && str_eq(str_of(e->fn->name), STR("bin")) &&
               is_field(e->args[0], "@timestamp") && e->args[1]->kind == EXPR_LITERAL &&
               e->args[1]->literal.type == VALUE_INT && e->args[1]->literal.i > 0;
    k->bin_ns = bin ? e->args[1]->literal.i : 0;
}

void group_args_layout(struct group_args *a) {
    size_t offset = 0;
    for (size_t i = 0; i < a->call_count; i++) {
        ASSERT(a->calls[i].agg->state_bytes % 8 == 0);
        a->calls[i].offset = offset;
        offset += a->calls[i].agg->state_bytes;
        a->needs_key = a->needs_key || a->calls[i].agg->needs_key;
    }
    a->state_bytes = offset;
    a->seconds = 0;
    for (size_t i = 0; i < a->key_count; i++)
        if (a->keys[i].bin_ns)
            a->seconds = (double)a->keys[i].bin_ns / 1e9;
}

bool group_args_commute(const struct group_args *a) {
    bool all = true;
    for (size_t i = 0; i < a->call_count; i++)
        all = all && a->calls[i].agg->commutes;
    return all;
}

void group_args_needs(const struct group_args *a, struct exec_needs *n) {
    exec_needs_none(n);
    for (size_t i = 0; i < a->key_count; i++)
        exec_needs_expr(n, a->keys[i].expr);
    for (size_t i = 0; i < a->call_count; i++)
        if (a->calls[i].arg)
            exec_needs_expr(n, a->calls[i].arg);
}

void group_args_fields(const struct group_args *a, struct vector_fields *f) {
    for (size_t i = 0; i < a->key_count; i++)
        vector_fields_of(f, a->keys[i].expr);
    for (size_t i = 0; i < a->call_count; i++)
        if (a->calls[i].arg)
            vector_fields_of(f, a->calls[i].arg);
}

/* ---- the table ---- */

static double span_seconds(const struct exec *x) {
    bool known =
        x->time_from_ns != INT64_MIN && x->time_to_ns != INT64_MAX && x->time_to_ns > x->time_from_ns;
    return known ? ((double)x->time_to_ns - (double)x->time_from_ns) / 1e9 : 0;
}

static unsigned field_number(const struct vector_fields *f, struct str name) {
    unsigned number = vector_fields_find(f, name);
    ASSERT(number < f->list.n); /* it was put when the plan was made */
    return number;
}

static enum err init_feed(struct group_table *t, const struct exec_scope *s, const struct agg_call *call,
                          struct group_feed *f) {
    if (!call->arg)
        return ERR_OK;
    if (!s->fields)
        return exec_expr_init(s, call->arg, t->mem, &f->expr);
    f->is_field = call->arg->kind == EXPR_FIELD;
    if (f->is_field)
        f->field = field_number(s->fields, call->arg->name);
    if (!call->condition)
        return ERR_OK;
    struct vector_fields known = { 0 }; /* the filter's numbers must be those of the views */
    for (size_t i = 0; i < s->fields->list.n; i++)
        VEC_PUSH(&known.list, s->fields->list.p[i]);
    size_t before = known.list.n;
    enum err e = vector_filter_new(&call->arg, 1, t->exec->plan->now_ns, &known, t->mem, &f->filter);
    ASSERT(e != ERR_OK || known.list.n == before);
    vector_fields_fini(&known);
    return e;
}

static enum err init_keys(struct group_table *t, const struct exec_scope *s) {
    t->key_exprs = ARENA_NEW(t->mem, struct exec_expr, t->args->key_count + 1);
    t->key_fields = ARENA_NEW(t->mem, unsigned, t->args->key_count + 1);
    t->key_values = ARENA_NEW(t->mem, struct value, t->args->key_count + 1);
    if (!t->key_exprs || !t->key_fields || !t->key_values)
        return ERR_LIMIT;
    for (size_t i = 0; i < t->args->key_count; i++) {
        const struct group_key *k = &t->args->keys[i];
        if (!s->fields)
            TRY(exec_expr_init(s, k->expr, t->mem, &t->key_exprs[i]));
        else if (k->is_field)
            t->key_fields[i] = field_number(s->fields, k->expr->name);
    }
    return ERR_OK;
}

enum err group_table_new(const struct group_args *a, const struct exec_scope *s, struct arena *mem,
                         struct group_table **out) {
    struct group_table *t = ARENA_NEW(mem, struct group_table, 1);
    if (!t)
        return exec_spent(s->exec);
    *t = (struct group_table){
        .args = a, .exec = s->exec, .mem = mem, .key = { .limit_bytes = KEY_BYTES_MAX }
    };
    t->contexts = ARENA_NEW(mem, struct agg_context, a->call_count + 1);
    t->feeds = ARENA_NEW(mem, struct group_feed, a->call_count + 1);
    enum err e = t->contexts && t->feeds ? init_keys(t, s) : ERR_LIMIT;
    for (size_t i = 0; i < a->call_count && e == ERR_OK; i++) {
        double seconds = a->seconds > 0 ? a->seconds : span_seconds(s->exec);
        t->contexts[i] = (struct agg_context){ .call = &a->calls[i], .mem = mem, .seconds = seconds };
        e = init_feed(t, s, &a->calls[i], &t->feeds[i]);
    }
    group_map_init(&t->map, mem, a->key_count, a->state_bytes);
    *out = t;
    if (e == ERR_OK)
        return ERR_OK;
    group_table_free(t);
    return e == ERR_LIMIT ? exec_spent(s->exec) : e;
}

void group_table_free(struct group_table *t) {
    if (!t)
        return;
    for (size_t i = 0; t->feeds && i < t->args->call_count; i++)
        vector_filter_free(t->feeds[i].filter);
    buf_fini(&t->key);
}

enum err group_table_find(struct group_table *t, const struct value *values, uint32_t *out) {
    buf_clear(&t->key);
    for (size_t i = 0; i < t->args->key_count; i++)
        vector_key_add(&values[i], &t->key);
    if (!buf_ok(&t->key))
        return ERR_LIMIT;
    return group_map_find(&t->map, buf_str(&t->key), hash64(buf_str(&t->key)), values, out);
}

/* ---- from records ---- */

enum err group_table_record(struct group_table *t, const struct exec_record *r, struct arena *scratch) {
    uint32_t g;
    for (size_t i = 0; i < t->args->key_count; i++)
        t->key_values[i] = exec_expr_get(&t->key_exprs[i], r, scratch);
    TRY(group_table_find(t, t->key_values, &g));
    for (size_t i = 0; i < t->args->call_count; i++) {
        const struct agg_call *c = &t->args->calls[i];
        struct agg_row row = { value_bool(true), &r->key };
        if (c->arg)
            row.value = exec_expr_get(&t->feeds[i].expr, r, scratch);
        if (row.value.type != VALUE_NULL)
            TRY(c->agg->add(&t->contexts[i], t->map.states[g] + c->offset, &row));
    }
    return ERR_OK;
}

/* ---- together ---- */

enum err group_table_merge(struct group_table *to, const struct group_table *from) {
    for (size_t i = 0; i < from->map.count; i++) {
        uint32_t at;
        TRY(group_map_find(&to->map, group_map_key(&from->map, i), group_map_hash(&from->map, i),
                           group_map_values(&from->map, i), &at));
        for (size_t k = 0; k < to->args->call_count; k++) {
            size_t offset = to->args->calls[k].offset;
            TRY(to->args->calls[k].agg->merge(&to->contexts[k], to->map.states[at] + offset,
                                              from->map.states[i] + offset));
        }
    }
    return ERR_OK;
}

static int compare_groups(const void *a, const void *b, void *ctx) {
    const struct group_table *t = ctx;
    const struct value *x = group_map_values(&t->map, *(const uint32_t *)a);
    const struct value *y = group_map_values(&t->map, *(const uint32_t *)b);
    for (size_t i = 0; i < t->args->key_count; i++) {
        int c = value_order(&x[i], &y[i]);
        if (c)
            return c;
    }
    return 0;
}

enum err group_table_finish(struct group_table *t, bool sorted) {
    uint32_t g;
    if (t->args->key_count == 0)
        TRY(group_table_find(t, t->key_values, &g));
    t->order = ARENA_RAW(t->mem, uint32_t, t->map.count + 1);
    if (!t->order)
        return ERR_LIMIT;
    for (size_t i = 0; i < t->map.count; i++)
        t->order[i] = (uint32_t)i;
    if (sorted && t->args->key_count)
        qsort_r(t->order, t->map.count, sizeof *t->order, compare_groups, t);
    return ERR_OK;
}

size_t group_table_count(const struct group_table *t) {
    return t->map.count;
}

const struct value *group_table_keys(const struct group_table *t, size_t i) {
    return group_map_values(&t->map, t->order[i]);
}

enum err group_table_result(struct group_table *t, size_t i, size_t call, struct value *out) {
    struct agg_context *c = &t->contexts[call];
    TRY(c->call->agg->result(c, t->map.states[t->order[i]] + c->call->offset, out));
    if (c->approximate)
        t->exec->budget.approximate = true;
    if (c->cut_by)
        exec_cut(t->exec, c->cut_by);
    return ERR_OK;
}
