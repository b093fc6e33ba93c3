#include "query/exec_group.h"
#include "base/assert.h"
#include "base/hash.h"
#include "query/exec_build.h"
#include "query/vector_keys.h"
#include <stdlib.h>

enum { KEY_BYTES_MAX = 16 << 20 };

/* What a call needs to be fed from pages. */
struct feed {
    unsigned field; /* when the argument is a lone field */
    bool is_field;
    struct vector_filter *filter; /* when it is a condition that counts truths */
    struct exec_expr expr;        /* for records */
};
struct group_table {
    const struct group_args *args;
    struct exec *exec;
    struct arena *mem;
    struct group *groups;
    char **states; /* by group */
    size_t count, cap;
    uint32_t *slots; /* group + 1 */
    size_t slot_count;
    uint32_t *order;              /* after finish */
    struct agg_context *contexts; /* by call */
    struct feed *feeds;
    struct exec_expr *key_exprs;
    unsigned *key_fields;
    struct buf key; /* scratch */
    struct value *key_values;
    bool pages;
};

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
                          struct feed *f) {
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
    t->pages = s->fields != NULL;
    t->contexts = ARENA_NEW(mem, struct agg_context, a->call_count + 1);
    t->feeds = ARENA_NEW(mem, struct feed, a->call_count + 1);
    enum err e = t->contexts && t->feeds ? init_keys(t, s) : ERR_LIMIT;
    for (size_t i = 0; i < a->call_count && e == ERR_OK; i++) {
        double seconds = a->seconds > 0 ? a->seconds : span_seconds(s->exec);
        t->contexts[i] = (struct agg_context){ .call = &a->calls[i], .mem = mem, .seconds = seconds };
        e = init_feed(t, s, &a->calls[i], &t->feeds[i]);
    }
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

static enum err grow_slots(struct group_table *t) {
    size_t slot_count = t->slot_count ? t->slot_count * 4 : 64;
    uint32_t *slots = ARENA_NEW(t->mem, uint32_t, slot_count);
    if (!slots)
        return ERR_LIMIT;
    for (size_t i = 0; i < t->count; i++) {
        size_t at = t->groups[i].hash & (slot_count - 1);
        while (slots[at])
            at = (at + 1) & (slot_count - 1);
        slots[at] = (uint32_t)i + 1;
    }
    t->slots = slots;
    t->slot_count = slot_count;
    return ERR_OK;
}

static enum err grow_groups(struct group_table *t) {
    size_t cap = t->cap ? t->cap * 2 : 16;
    struct group *groups = ARENA_RAW(t->mem, struct group, cap);
    char **states = ARENA_RAW(t->mem, char *, cap);
    if (!groups || !states)
        return ERR_LIMIT;
    if (t->count) {
        memcpy(groups, t->groups, t->count * sizeof *groups);
        memcpy(states, t->states, t->count * sizeof *states);
    }
    t->groups = groups;
    t->states = states;
    t->cap = cap;
    return ERR_OK;
}

static enum err add_group(struct group_table *t, uint64_t hash, const struct value *values) {
    struct group g = { .hash = hash, .key_bytes = (uint32_t)t->key.n };
    struct str key;
    if (t->count == t->cap)
        TRY(grow_groups(t));
    TRY(arena_dup(t->mem, buf_str(&t->key), &key));
    g.key = key.p;
    g.values = ARENA_RAW(t->mem, struct value, t->args->key_count + 1);
    char *state = (char *)ARENA_NEW(t->mem, uint64_t, t->args->state_bytes / 8 + 1);
    if (!g.values || !state)
        return ERR_LIMIT;
    for (size_t i = 0; i < t->args->key_count; i++)
        TRY(exec_copy_value(t->mem, &values[i], &g.values[i]));
    t->groups[t->count] = g;
    t->states[t->count++] = state;
    return ERR_OK;
}

static enum err prefer_values(struct group_table *t, struct value *kept, const struct value *values) {
    for (size_t i = 0; i < t->args->key_count; i++)
        if (vector_key_prefer(&kept[i], &values[i]))
            TRY(exec_copy_value(t->mem, &values[i], &kept[i]));
    return ERR_OK;
}

/* The group whose encoded key is in t->key. */
static enum err find_key(struct group_table *t, uint64_t hash, const struct value *values, uint32_t *out) {
    if ((t->count + 1) * 2 > t->slot_count)
        TRY(grow_slots(t));
    size_t at = hash & (t->slot_count - 1);
    for (; t->slots[at]; at = (at + 1) & (t->slot_count - 1)) {
        const struct group *g = &t->groups[t->slots[at] - 1];
        if (g->hash == hash && str_eq(buf_str(&t->key), (struct str){ g->key, g->key_bytes })) {
            *out = t->slots[at] - 1;
            return prefer_values(t, g->values, values);
        }
    }
    TRY(add_group(t, hash, values));
    t->slots[at] = (uint32_t)t->count;
    *out = (uint32_t)t->count - 1;
    return ERR_OK;
}

static enum err find_group(struct group_table *t, const struct value *values, uint32_t *out) {
    buf_clear(&t->key);
    for (size_t i = 0; i < t->args->key_count; i++)
        vector_key_add(&values[i], &t->key);
    if (!buf_ok(&t->key))
        return ERR_LIMIT;
    return find_key(t, hash64(buf_str(&t->key)), values, out);
}

/* ---- from pages ---- */

struct page_keys { /* keys combined from left to right */
    struct vector_codes keys[GROUP_KEYS_MAX];
    const struct vector_pair *pairs[GROUP_KEYS_MAX]; /* of key i with all before it */
    struct vector_codes all;
};

static enum err key_codes(struct group_table *t, size_t i, const struct exec_page *p,
                          struct vector_codes *out) {
    const struct group_key *k = &t->args->keys[i];
    if (k->bin_ns)
        return vector_codes_bin(p->view, k->bin_ns, p->rows, out);
    if (k->is_field)
        return vector_codes_field(p->view, t->key_fields[i], p->rows, out);
    return vector_codes_expr(p->view, k->expr, t->exec->plan->now_ns, p->rows, out);
}

static enum err all_codes(struct group_table *t, const struct exec_page *p, struct page_keys *k) {
    for (size_t i = 0; i < t->args->key_count; i++) {
        TRY(key_codes(t, i, p, &k->keys[i]));
        if (i == 0)
            k->all = k->keys[0];
        else
            TRY(vector_codes_join(p->view, &k->all, &k->keys[i], p->rows, &k->all, &k->pairs[i]));
    }
    return ERR_OK;
}

/* What a combined code stands for: unpacked from right to left. */
static void values_of_code(struct group_table *t, const struct page_keys *k, uint32_t code) {
    for (size_t i = t->args->key_count; i-- > 0;) {
        uint32_t own = i ? k->pairs[i][code].b : code;
        t->key_values[i] = k->keys[i].values[own];
        if (i)
            code = k->pairs[i][code].a;
    }
}

/* Numbers of the selected rows, and the group of each. */
struct page_rows {
    uint32_t *rows, *groups;
    size_t count;
};

static enum err page_groups(struct group_table *t, const struct exec_page *p, struct page_rows *out) {
    struct page_keys k;
    struct vector_view *v = p->view;
    TRY(all_codes(t, p, &k));
    size_t code_count = t->args->key_count ? k.all.count : 1;
    uint32_t *known = ARENA_NEW(&v->mem, uint32_t, code_count);
    if (!known)
        return ERR_LIMIT;
    for (size_t i = 0; i < out->count; i++) {
        uint32_t code = t->args->key_count ? k.all.codes[out->rows[i]] : 0;
        if (!known[code]) {
            values_of_code(t, &k, code);
            TRY(find_group(t, t->key_values, &known[code]));
            known[code]++;
        }
        out->groups[i] = known[code] - 1;
    }
    return ERR_OK;
}

static enum err page_rows(const struct exec_page *p, struct page_rows *out) {
    struct arena *mem = &p->view->mem;
    *out = (struct page_rows){ ARENA_RAW(mem, uint32_t, p->row_count), ARENA_RAW(mem, uint32_t, p->row_count),
                               0 };
    if (!out->rows || !out->groups)
        return ERR_LIMIT;
    BITS_EACH (row, p->rows, p->view->row_count)
        out->rows[out->count++] = (uint32_t)row;
    return ERR_OK;
}

/* The argument of a call for the selected rows that have one. Worked out before any state is touched: a
 * damaged column then leaves no half of a page behind. */
struct page_arg {
    int64_t *ints;
    double *floats;
    struct value *values;
    uint32_t *at; /* which of the selected rows each belongs to; NULL: all of them, in order */
    size_t count;
};

static enum err condition_arg(struct group_table *t, size_t call, const struct exec_page *p,
                              const struct page_rows *r, struct page_arg *out) {
    uint64_t *truth = vector_bits_copy(p->view, p->rows);
    out->ints = ARENA_RAW(&p->view->mem, int64_t, r->count);
    if (!truth || !out->ints)
        return ERR_LIMIT;
    TRY(vector_filter_page(t->feeds[call].filter, p->view, truth));
    for (size_t i = 0; i < r->count; i++)
        out->ints[i] = bits_get(truth, r->rows[i]);
    return ERR_OK;
}

/* One column of numbers has them all: no value is made one by one. */
static bool is_typed(const struct vector_part *part, const struct vector_walk *w, const struct agg *agg) {
    if (part->kind != PART_COLUMN || bits_any(w->left, w->view->row_count))
        return false;
    bool ints = part->column->form == PAGE_INTS && part->column->type == VALUE_INT && agg->add_ints;
    return ints || (part->column->form == PAGE_FLOATS && agg->add_floats);
}

static enum err take_typed(const struct column_page *c, struct arena *mem, const struct page_rows *r,
                           struct page_arg *out) {
    if (c->form == PAGE_INTS)
        out->ints = ARENA_RAW(mem, int64_t, r->count);
    else
        out->floats = ARENA_RAW(mem, double, r->count);
    if (!out->ints && !out->floats)
        return ERR_LIMIT;
    for (size_t i = 0; i < r->count && out->ints; i++)
        out->ints[i] = c->ints[r->rows[i]];
    for (size_t i = 0; i < r->count && out->floats; i++)
        out->floats[i] = c->floats[r->rows[i]];
    return ERR_OK;
}

static enum err take_values(const struct page_rows *r, const struct value *by_row, struct arena *mem,
                            struct page_arg *out) {
    out->values = ARENA_RAW(mem, struct value, r->count);
    out->at = ARENA_RAW(mem, uint32_t, r->count);
    out->count = 0;
    if (!out->values || !out->at)
        return ERR_LIMIT;
    for (size_t i = 0; i < r->count; i++) {
        const struct value *v = &by_row[r->rows[i]];
        if (v->type == VALUE_NULL || (v->type == VALUE_FLOAT && !__builtin_isfinite(v->f)))
            continue;
        out->values[out->count] = *v;
        out->at[out->count++] = (uint32_t)i;
    }
    return ERR_OK;
}

static enum err field_arg(struct group_table *t, size_t call, const struct exec_page *p,
                          const struct page_rows *r, struct page_arg *out) {
    struct vector_view *v = p->view;
    struct vector_walk walk;
    struct vector_part part;
    bool more;
    TRY(vector_walk_begin(&walk, v, t->feeds[call].field, p->rows));
    TRY(vector_walk_next(&walk, &part, &more));
    if (more && is_typed(&part, &walk, t->args->calls[call].agg))
        return take_typed(part.column, &v->mem, r, out);
    struct value *values = ARENA_NEW(&v->mem, struct value, v->row_count);
    if (!values)
        return ERR_LIMIT;
    while (more) {
        for (size_t row = bits_next(part.rows, part.to, part.from); row < part.to;
             row = bits_next(part.rows, part.to, row + 1))
            TRY(vector_value(v, &part, (uint32_t)row, &values[row]));
        TRY(vector_walk_next(&walk, &part, &more));
    }
    return take_values(r, values, &v->mem, out);
}

static enum err expr_arg(struct group_table *t, size_t call, const struct exec_page *p,
                         const struct page_rows *r, struct page_arg *out) {
    struct vector_view *v = p->view;
    struct vector_row row = { .view = v };
    struct expr_row access = vector_expr_row(&row);
    struct value *values = ARENA_NEW(&v->mem, struct value, v->row_count);
    if (!values)
        return ERR_LIMIT;
    for (size_t i = 0; i < r->count; i++) {
        row.row = r->rows[i];
        values[row.row] = expr_eval(t->args->calls[call].arg, &access, &v->mem, t->exec->plan->now_ns);
        if (row.err != ERR_OK)
            return row.err;
    }
    return take_values(r, values, &v->mem, out);
}

static enum err page_arg(struct group_table *t, size_t call, const struct exec_page *p,
                         const struct page_rows *r, struct page_arg *out) {
    *out = (struct page_arg){ .count = r->count };
    if (!t->args->calls[call].arg)
        return ERR_OK;
    if (t->feeds[call].filter)
        return condition_arg(t, call, p, r, out);
    return t->feeds[call].is_field ? field_arg(t, call, p, r, out) : expr_arg(t, call, p, r, out);
}

static struct value arg_value(const struct page_arg *a, const struct agg_call *call, size_t i) {
    if (a->values)
        return a->values[i];
    if (a->ints)
        return call->condition ? value_bool(a->ints[i] != 0) : value_int(a->ints[i]);
    return a->floats ? value_float(a->floats[i]) : value_bool(true);
}

static enum err feed_each(struct group_table *t, size_t call, const struct exec_page *p,
                          const struct page_rows *r, const struct page_arg *a) {
    const struct agg_call *c = &t->args->calls[call];
    for (size_t i = 0; i < a->count; i++) {
        size_t at = a->at ? a->at[i] : i;
        struct exec_key key;
        struct agg_row row = { arg_value(a, c, i), &key };
        if (c->agg->needs_key)
            TRY(exec_row_key(p->view, r->rows[at], p->block, &key));
        TRY(c->agg->add(&t->contexts[call], t->states[r->groups[at]] + c->offset, &row));
    }
    return ERR_OK;
}

static enum err feed_call(struct group_table *t, size_t call, const struct exec_page *p,
                          const struct page_rows *r, const struct page_arg *a) {
    const struct agg *agg = t->args->calls[call].agg;
    if (!a->values && !a->floats && agg->add_ints)
        return agg->add_ints(&t->contexts[call], t->states, r->groups, a->ints, a->count);
    if (a->floats && agg->add_floats)
        return agg->add_floats(&t->contexts[call], t->states, r->groups, a->floats, a->count);
    return feed_each(t, call, p, r, a);
}

enum err group_table_page(struct group_table *t, const struct exec_page *p) {
    struct page_rows r;
    struct page_arg args[GROUP_CALLS_MAX];
    TRY(page_rows(p, &r));
    if (t->args->needs_key) {
        TRY(vector_times(p->view));
        TRY(vector_received(p->view));
    }
    for (size_t i = 0; i < t->args->call_count; i++)
        TRY(page_arg(t, i, p, &r, &args[i]));
    TRY(page_groups(t, p, &r));
    for (size_t i = 0; i < t->args->call_count; i++)
        TRY(feed_call(t, i, p, &r, &args[i]));
    return ERR_OK;
}

/* ---- from records ---- */

enum err group_table_record(struct group_table *t, const struct exec_record *r, struct arena *scratch) {
    uint32_t g;
    for (size_t i = 0; i < t->args->key_count; i++)
        t->key_values[i] = exec_expr_get(&t->key_exprs[i], r, scratch);
    TRY(find_group(t, t->key_values, &g));
    for (size_t i = 0; i < t->args->call_count; i++) {
        const struct agg_call *c = &t->args->calls[i];
        struct agg_row row = { value_bool(true), &r->key };
        if (c->arg)
            row.value = exec_expr_get(&t->feeds[i].expr, r, scratch);
        if (row.value.type != VALUE_NULL)
            TRY(c->agg->add(&t->contexts[i], t->states[g] + c->offset, &row));
    }
    return ERR_OK;
}

/* ---- together ---- */

enum err group_table_merge(struct group_table *to, const struct group_table *from) {
    for (size_t i = 0; i < from->count; i++) {
        const struct group *g = &from->groups[i];
        uint32_t at;
        buf_clear(&to->key);
        buf_add(&to->key, (struct str){ g->key, g->key_bytes });
        TRY(find_key(to, g->hash, g->values, &at));
        for (size_t k = 0; k < to->args->call_count; k++) {
            size_t offset = to->args->calls[k].offset;
            TRY(to->args->calls[k].agg->merge(&to->contexts[k], to->states[at] + offset,
                                              from->states[i] + offset));
        }
    }
    return ERR_OK;
}

static int compare_groups(const void *a, const void *b, void *ctx) {
    const struct group_table *t = ctx;
    const struct group *x = &t->groups[*(const uint32_t *)a], *y = &t->groups[*(const uint32_t *)b];
    for (size_t i = 0; i < t->args->key_count; i++) {
        int c = value_order(&x->values[i], &y->values[i]);
        if (c)
            return c;
    }
    return 0;
}

enum err group_table_finish(struct group_table *t) {
    uint32_t g;
    if (t->args->key_count == 0)
        TRY(find_group(t, t->key_values, &g));
    t->order = ARENA_RAW(t->mem, uint32_t, t->count + 1);
    if (!t->order)
        return ERR_LIMIT;
    for (size_t i = 0; i < t->count; i++)
        t->order[i] = (uint32_t)i;
    qsort_r(t->order, t->count, sizeof *t->order, compare_groups, t);
    return ERR_OK;
}

size_t group_table_count(const struct group_table *t) {
    return t->count;
}

const struct value *group_table_keys(const struct group_table *t, size_t i) {
    return t->groups[t->order[i]].values;
}

enum err group_table_result(struct group_table *t, size_t i, size_t call, struct value *out) {
    struct agg_context *c = &t->contexts[call];
    TRY(c->call->agg->result(c, t->states[t->order[i]] + c->call->offset, out));
    if (c->approximate)
        t->exec->budget.approximate = true;
    if (c->cut_by)
        exec_cut(t->exec, c->cut_by);
    return ERR_OK;
}
