#include "base/hash.h"
#include "query/exec_build.h"
#include "query/exec_group_table.h"
#include "query/vector_keys.h"
/* Groups and aggregates from pages of the scan: loops over codes and typed arrays. */

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
static void values_of_code(const struct group_table *t, const struct page_keys *k, uint32_t code,
                           struct value *out) {
    for (size_t i = t->args->key_count; i-- > 0;) {
        uint32_t own = i ? k->pairs[i][code].b : code;
        out[i] = k->keys[i].values[own];
        if (i)
            code = k->pairs[i][code].a;
    }
}

/* Numbers of the selected rows, and the group of each. */
struct page_rows {
    uint32_t *rows, *groups;
    size_t count;
};

/* Codes that occur are looked up in batches: all slots of a batch are asked for before the first is looked
 * at, then all groups. */
enum { LOOKUP_BATCH = 32 };

struct lookup {
    uint32_t codes[LOOKUP_BATCH];
    uint64_t hashes[LOOKUP_BATCH];
    size_t key_ends[LOOKUP_BATCH]; /* in t->key */
    struct value values[LOOKUP_BATCH][GROUP_KEYS_MAX];
    size_t count;
};

static void add_code(struct group_table *t, const struct page_keys *k, uint32_t code, struct lookup *l) {
    size_t from = l->count ? l->key_ends[l->count - 1] : 0;
    struct value *values = l->values[l->count];
    values_of_code(t, k, code, values);
    for (size_t i = 0; i < t->args->key_count; i++)
        vector_key_add(&values[i], &t->key);
    l->codes[l->count] = code;
    l->key_ends[l->count] = t->key.n;
    l->hashes[l->count] = hash64((struct str){ t->key.p + from, t->key.n - from });
    group_map_prefetch_slot(&t->map, l->hashes[l->count++]);
}

static enum err look_up(struct group_table *t, struct lookup *l, uint32_t *known) {
    if (!buf_ok(&t->key))
        return ERR_LIMIT;
    for (size_t i = 0; i < l->count; i++)
        group_map_prefetch_group(&t->map, l->hashes[i]);
    for (size_t i = 0, from = 0; i < l->count; from = l->key_ends[i++]) {
        struct str key = { t->key.p + from, l->key_ends[i] - from };
        uint32_t group;
        TRY(group_map_find(&t->map, key, l->hashes[i], l->values[i], &group));
        known[l->codes[i]] = group + 1;
    }
    l->count = 0;
    buf_clear(&t->key);
    return ERR_OK;
}

/* known[code]: number of the group, plus one. */
static enum err find_codes(struct group_table *t, const struct page_keys *k, const struct page_rows *r,
                           uint32_t *known) {
    static const uint32_t ASKED = UINT32_MAX;
    struct lookup l;
    l.count = 0;
    buf_clear(&t->key);
    for (size_t i = 0; i < r->count; i++) {
        uint32_t code = k->all.codes[r->rows[i]];
        if (known[code])
            continue;
        known[code] = ASKED;
        add_code(t, k, code, &l);
        if (l.count == LOOKUP_BATCH)
            TRY(look_up(t, &l, known));
    }
    return look_up(t, &l, known);
}

static enum err page_groups(struct group_table *t, const struct exec_page *p, struct page_rows *out) {
    struct page_keys k;
    uint32_t only;
    if (t->args->key_count == 0) {
        TRY(group_table_find(t, t->key_values, &only));
        for (size_t i = 0; i < out->count; i++)
            out->groups[i] = only;
        return ERR_OK;
    }
    TRY(all_codes(t, p, &k));
    uint32_t *known = ARENA_NEW(&p->view->mem, uint32_t, k.all.count);
    if (!known)
        return ERR_LIMIT;
    TRY(find_codes(t, &k, out, known));
    for (size_t i = 0; i < out->count; i++)
        out->groups[i] = known[k.all.codes[out->rows[i]]] - 1;
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
    const struct value *values;
    TRY(vector_field_values(v, t->feeds[call].field, p->rows, &values));
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
        TRY(c->agg->add(&t->contexts[call], t->map.states[r->groups[at]] + c->offset, &row));
    }
    return ERR_OK;
}

static enum err feed_call(struct group_table *t, size_t call, const struct exec_page *p,
                          const struct page_rows *r, const struct page_arg *a) {
    const struct agg *agg = t->args->calls[call].agg;
    if (!a->values && !a->floats && agg->add_ints)
        return agg->add_ints(&t->contexts[call], t->map.states, r->groups, a->ints, a->count);
    if (a->floats && agg->add_floats)
        return agg->add_floats(&t->contexts[call], t->map.states, r->groups, a->floats, a->count);
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
