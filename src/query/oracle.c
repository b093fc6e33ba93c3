#include "query/oracle.h"
#include "base/assert.h"
#include "base/heap.h"
#include "block/template.h"
#include "model/batch.h"
#include "query/parser_state.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { CELLS_MAX = 128 };

struct cell_of {
    struct str name;
    struct value value;
    bool hidden; /* `fields` did not pick it; found by its name all the same */
};
struct row_of {
    const struct exec_case_row *raw; /* NULL: made by a command */
    size_t number;                   /* of arrival, or of being made */
    size_t count;
    struct cell_of *cells;
};
struct table_of {
    VEC(struct row_of) rows;
};
struct world {
    const struct exec_case *c;
    struct arena mem;
    struct parser_owned owned[64];
    size_t owned_count;
    struct table_of all; /* every row that is not deleted, newest first */
};

/* ---- rows ---- */

static int newest_first(const void *a, const void *b) {
    const struct row_of *x = a, *y = b;
    if (x->raw->time_ns != y->raw->time_ns)
        return x->raw->time_ns > y->raw->time_ns ? -1 : 1;
    int c = id128_cmp(x->raw->stream, y->raw->stream);
    return c ? c : x->number > y->number ? -1 : 1;
}

/* Before or after in time; made rows by number. */
static bool is_older(const struct row_of *x, const struct row_of *y) {
    return x->raw ? newest_first(x, y) > 0 : x->number < y->number;
}

static const struct value *cell(const struct row_of *r, struct str name) {
    for (size_t i = 0; i < r->count; i++)
        if (str_eq(r->cells[i].name, name))
            return &r->cells[i].value;
    return NULL;
}

static struct str stage_alias(struct str name) {
    if (str_eq(name, STR("count()")) || str_eq(name, STR("count(*)")))
        return STR("count");
    return field_alias(name);
}

static struct value field(void *ctx, struct str name) {
    const struct row_of *r = ctx;
    const struct value *v = cell(r, name);
    if (!v)
        v = cell(r, stage_alias(name));
    if (v)
        return *v;
    if (r->raw && str_eq(name, STR("@ingested")))
        return value_time(r->raw->received_ms * 1000000);
    if (r->raw && str_eq(name, STR("@logStream")) && labels_get(r->raw->labels, STR("service")).n)
        return value_string(labels_get(r->raw->labels, STR("service")));
    return value_null();
}

static bool is_text(enum value_type t) {
    return t == VALUE_STRING || t == VALUE_NUMBER_TEXT || t == VALUE_JSON;
}

static bool any_text(void *ctx, bool (*each)(void *each_ctx, struct str text), void *each_ctx) {
    const struct row_of *r = ctx;
    for (size_t i = 0; i < r->count; i++)
        if (!r->cells[i].hidden && is_text(r->cells[i].value.type) && each(each_ctx, r->cells[i].value.s))
            return true;
    return false;
}

static struct str labels(void *ctx) {
    const struct row_of *r = ctx;
    return r->raw ? r->raw->labels : (struct str){ 0 };
}

static struct value eval(struct world *w, const struct expr *e, const struct row_of *r) {
    struct expr_row row = { field, any_text, labels, (void *)(uintptr_t)r };
    struct value v = expr_eval(e, &row, &w->mem, w->c->now_ns);
    return v.type == VALUE_FLOAT && !isfinite(v.f) ? value_null() : v;
}

static struct expr *parse(struct world *w, const char *text, struct expr *(*how)(struct parser *p)) {
    AUTO(parser) p;
    struct query_error why;
    struct query_context context = { w->c->now_ns, TABLE_LOGS };
    parser_init(&p, str_of(text), &context, &w->mem, &why);
    struct expr *e = how(&p);
    ASSERT(w->owned_count < COUNT_OF(w->owned));
    w->owned[w->owned_count++] = p.owned;
    p.owned = (struct parser_owned){ 0 };
    if (!e || p.failed)
        printf("oracle: %s: %s\n", text, why.msg);
    return p.failed ? NULL : e;
}

static struct str kept(struct world *w, struct str s) {
    struct str k;
    ASSERT(arena_dup(&w->mem, s, &k) == ERR_OK);
    return k;
}

static void add_cell(struct row_of *r, struct str name, struct value v) {
    if (v.type == VALUE_NULL || (v.type == VALUE_FLOAT && !isfinite(v.f)))
        return;
    ASSERT(r->count < CELLS_MAX);
    r->cells[r->count++] = (struct cell_of){ name, v };
}

static struct row_of new_row(struct world *w) {
    struct row_of r = { .cells = ARENA_NEW(&w->mem, struct cell_of, CELLS_MAX) };
    return r;
}

static int by_name(const void *a, const void *b) {
    return str_cmp(((const struct exec_case_cell *)a)->name, ((const struct exec_case_cell *)b)->name);
}

static struct row_of raw_row(struct world *w, const struct exec_case_row *raw, size_t number) {
    struct row_of r = new_row(w);
    struct exec_case_cell sorted[CELLS_MAX];
    struct str rest = raw->labels;
    r.raw = raw;
    r.number = number;
    memcpy(sorted, raw->cells, raw->cell_count * sizeof *sorted);
    qsort(sorted, raw->cell_count, sizeof *sorted, by_name);
    add_cell(&r, STR("@timestamp"), value_time(raw->time_ns));
    for (unsigned pass = 0; pass < 3; pass++) {
        if (pass == 2)
            for (struct label l; labels_next(&rest, &l);)
                add_cell(&r, l.name, value_string(l.value));
        for (size_t i = 0; i < raw->cell_count; i++) {
            unsigned place = str_eq(sorted[i].name, STR("@message")) ? 0
                             : str_eq(sorted[i].name, STR("level"))  ? 1
                                                                     : 2;
            if (place == pass && !labels_get(raw->labels, sorted[i].name).n)
                add_cell(&r, sorted[i].name, sorted[i].value);
        }
    }
    return r;
}

static void load(struct world *w) {
    for (size_t i = 0; i < w->c->rows.n; i++)
        if (!w->c->rows.p[i].deleted)
            VEC_PUSH(&w->all.rows, raw_row(w, &w->c->rows.p[i], i));
    if (w->all.rows.n)
        qsort(w->all.rows.p, w->all.rows.n, sizeof *w->all.rows.p, newest_first);
}

/* ---- row by row ---- */

static struct row_of copy_row(struct world *w, const struct row_of *r) {
    struct row_of copy = new_row(w);
    memcpy(copy.cells, r->cells, r->count * sizeof *copy.cells);
    copy.raw = r->raw;
    copy.number = r->number;
    copy.count = r->count;
    return copy;
}

static void assign(struct row_of *r, struct str name, struct value v) {
    for (size_t i = 0; i < r->count; i++) {
        if (!str_eq(r->cells[i].name, name))
            continue;
        if (v.type != VALUE_NULL) {
            r->cells[i].value = v;
            r->cells[i].hidden = false;
        } else {
            memmove(r->cells + i, r->cells + i + 1, (r->count - i - 1) * sizeof *r->cells);
            r->count--;
        }
        return;
    }
    add_cell(r, name, v);
}

static bool wild_match(const char *pattern, struct str name) {
    size_t n = strlen(pattern);
    return n && pattern[n - 1] == '*' && str_starts(name, (struct str){ pattern, n - 1 });
}

static void keep_fields(struct world *w, const struct oracle_stage *s, const struct row_of *r,
                        struct row_of *out) {
    for (size_t i = 0; i < s->field_count; i++) {
        struct str name = str_of(s->names[i]);
        if (strchr(s->fields[i], '*') && strlen(s->fields[i]) > 1 &&
            s->fields[i][strlen(s->fields[i]) - 1] == '*') {
            for (size_t k = 0; k < r->count; k++)
                if (!r->cells[k].hidden && wild_match(s->fields[i], r->cells[k].name) &&
                    !cell(out, r->cells[k].name))
                    add_cell(out, r->cells[k].name, r->cells[k].value);
        } else if (!cell(out, name)) {
            struct expr *e = parse(w, s->fields[i], parser_item);
            if (e)
                add_cell(out, name, eval(w, e, r));
            parser_owned_fini(&w->owned[--w->owned_count]);
        }
    }
    for (size_t k = 0; k < r->count; k++)
        if (!cell(out, r->cells[k].name)) {
            add_cell(out, r->cells[k].name, r->cells[k].value);
            out->cells[out->count - 1].hidden = true;
        }
}

static void row_stage(struct world *w, const struct oracle_stage *s, const struct expr *e, struct row_of *r) {
    struct row_of out = new_row(w);
    out.raw = r->raw;
    out.number = r->number;
    switch (s->kind) {
    case ORACLE_FIELDS: keep_fields(w, s, r, &out); break;
    case ORACLE_DROP:
        for (size_t i = 0; i < r->count; i++) {
            bool dropped = false;
            for (size_t k = 0; k < s->field_count; k++)
                dropped = dropped || str_eq(r->cells[i].name, str_of(s->fields[k])) ||
                          str_eq(r->cells[i].name, field_alias(str_of(s->fields[k])));
            if (!dropped)
                out.cells[out.count++] = r->cells[i];
        }
        break;
    case ORACLE_EVAL:
        out = copy_row(w, r);
        assign(&out, str_of(s->names[0]), eval(w, e, r));
        break;
    case ORACLE_RENAME: {
        struct str from = str_of(s->fields[0]), to = str_of(s->names[0]);
        if (!cell(r, from))
            from = field_alias(from);
        for (size_t i = 0; i < r->count; i++) {
            bool is_from = str_eq(r->cells[i].name, from),
                 hidden = cell(r, from) && str_eq(r->cells[i].name, to);
            if (is_from)
                add_cell(&out, to, r->cells[i].value);
            else if (!hidden)
                out.cells[out.count++] = r->cells[i];
        }
        break;
    }
    default: /* FILLNULL */
        out = copy_row(w, r);
        for (size_t i = 0; i < s->field_count; i++)
            if (field(&out, str_of(s->fields[i])).type == VALUE_NULL)
                add_cell(&out, str_of(s->fields[i]), value_int(0));
    }
    *r = out;
}

/* ---- groups ---- */

struct group_of {
    struct value keys[ORACLE_FIELDS_MAX];
    VEC(const struct row_of *) rows;
};
struct groups_of {
    VEC(struct group_of) list;
    size_t key_count;
};

/* Of equal values written differently: plain numbers before texts, then the lesser text. */
static bool shown_first(const struct value *a, const struct value *b) {
    if (a->type != b->type)
        return a->type < b->type;
    return a->type == VALUE_NUMBER_TEXT && str_cmp(a->s, b->s) < 0;
}

static struct group_of *group_for(struct groups_of *g, const struct value *keys) {
    for (size_t i = 0; i < g->list.n; i++) {
        bool same = true;
        for (size_t k = 0; k < g->key_count; k++)
            same = same && value_order(&g->list.p[i].keys[k], &keys[k]) == 0;
        for (size_t k = 0; same && k < g->key_count; k++)
            if (shown_first(&keys[k], &g->list.p[i].keys[k]))
                g->list.p[i].keys[k] = keys[k];
        if (same)
            return &g->list.p[i];
    }
    struct group_of made = { 0 };
    memcpy(made.keys, keys, g->key_count * sizeof *keys);
    VEC_PUSH(&g->list, made);
    return &g->list.p[g->list.n - 1];
}

static size_t sort_key_count;

static int by_keys(const void *a, const void *b) {
    const struct group_of *x = a, *y = b;
    for (size_t i = 0; i < sort_key_count; i++) {
        int c = value_order(&x->keys[i], &y->keys[i]);
        if (c)
            return c;
    }
    return 0;
}

static void group_rows(struct world *w, const struct oracle_stage *s, const struct table_of *t,
                       struct groups_of *g) {
    struct expr *exprs[ORACLE_FIELDS_MAX];
    struct value none[1];
    g->key_count = s->field_count;
    for (size_t i = 0; i < s->field_count; i++)
        exprs[i] = parse(w, s->fields[i], parser_item);
    if (s->field_count == 0)
        (void)group_for(g, none);
    for (size_t i = 0; i < t->rows.n; i++) {
        struct value keys[ORACLE_FIELDS_MAX];
        for (size_t k = 0; k < s->field_count; k++)
            keys[k] = eval(w, exprs[k], &t->rows.p[i]);
        struct group_of *group = group_for(g, keys);
        VEC_PUSH(&group->rows, &t->rows.p[i]);
    }
    sort_key_count = s->field_count;
    if (g->list.n)
        qsort(g->list.p, g->list.n, sizeof *g->list.p, by_keys);
}

static void groups_fini(struct groups_of *g) {
    for (size_t i = 0; i < g->list.n; i++)
        VEC_FINI(&g->list.p[i].rows);
    VEC_FINI(&g->list);
}

/* ---- aggregates ---- */

static int by_value(const void *a, const void *b) {
    return value_order(a, b);
}
static int by_number(const void *a, const void *b) {
    long double x = *(const long double *)a, y = *(const long double *)b;
    return (x > y) - (x < y);
}

struct numbers {
    long double *p; /* holds an int64 exactly */
    size_t n;
    bool floats;
    __int128 ints;
};

/* False: no number. */
static bool exact_number(const struct value *v, bool *is_int, int64_t *i, double *f) {
    *is_int = v->type == VALUE_INT || v->type == VALUE_TIME || v->type == VALUE_BOOL;
    if (*is_int)
        *i = v->type == VALUE_BOOL ? v->b : v->i;
    else if (value_has_bytes(v->type))
        *is_int = str_to_i64(v->s, i);
    return value_number(v, f) && isfinite(*f);
}

static struct numbers numbers_of(struct world *w, const struct value *values, size_t count) {
    struct numbers all = { .p = ARENA_NEW(&w->mem, long double, count + 1) };
    for (size_t k = 0; k < count; k++) {
        bool is_int;
        int64_t i = 0;
        double f;
        if (!exact_number(&values[k], &is_int, &i, &f))
            continue;
        all.p[all.n++] = is_int ? (long double)i : (long double)f;
        all.floats = all.floats || !is_int;
        all.ints += is_int ? i : 0;
    }
    return all;
}

static double sum_of(const struct numbers *all) {
    long double sum = 0;
    for (size_t i = 0; i < all->n; i++)
        sum += all->p[i];
    return (double)sum;
}

static struct value spread(const struct numbers *all) {
    long double mean = 0, squares = 0, n = (long double)all->n;
    for (size_t i = 0; i < all->n; i++)
        mean += (all->p[i] - all->p[0]) / n;
    for (size_t i = 0; i < all->n; i++) {
        long double off = all->p[i] - all->p[0] - mean;
        squares += off * off;
    }
    return value_float(all->n > 1 ? sqrt((double)(squares / (n - 1))) : 0);
}

static struct value quantile(struct numbers *all, double q) {
    qsort(all->p, all->n, sizeof *all->p, by_number);
    double at = q * (double)(all->n - 1);
    size_t index = (size_t)at;
    double low = (double)all->p[index], high = index + 1 < all->n ? (double)all->p[index + 1] : low;
    return value_float(low + (high - low) * (at - (double)index));
}

static struct value numeric(struct world *w, const struct oracle_agg *a, const struct value *values,
                            size_t count) {
    struct numbers all = numbers_of(w, values, count);
    if (all.n == 0)
        return value_null();
    switch (a->kind) {
    case ORACLE_SUM:
        if (all.floats || all.ints > INT64_MAX || all.ints < INT64_MIN)
            return value_float(sum_of(&all));
        return value_int((int64_t)all.ints);
    case ORACLE_AVG: return value_float(sum_of(&all) / (double)all.n);
    case ORACLE_STDDEV: return spread(&all);
    default: return quantile(&all, a->quantile);
    }
}

static struct value array_of(struct world *w, const struct value *values, size_t count) {
    AUTO(buf) text = { 0 };
    if (count == 0)
        return value_null();
    for (size_t i = 0; i < count; i++) {
        buf_add_char(&text, i ? ',' : '[');
        bool quoted = values[i].type == VALUE_STRING || values[i].type == VALUE_TIME;
        if (quoted)
            buf_add_char(&text, '"');
        value_print(&values[i], &text);
        if (quoted)
            buf_add_char(&text, '"');
    }
    buf_add_char(&text, ']');
    return (struct value){ .type = VALUE_JSON, .s = kept(w, buf_str(&text)) };
}

static size_t unique(struct value *values, size_t count) {
    size_t n = 0;
    qsort(values, count, sizeof *values, by_value);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || value_order(&values[i], &values[n - 1]) != 0)
            values[n++] = values[i];
        else if (shown_first(&values[i], &values[n - 1]))
            values[n - 1] = values[i];
    return n;
}

static struct value ordered(struct world *w, const struct oracle_agg *a, struct value *values, size_t count) {
    if (count == 0)
        return a->kind == ORACLE_DISTINCT ? value_int(0) : value_null();
    if (a->kind == ORACLE_LIST)
        return array_of(w, values, count > 1000 ? 1000 : count);
    size_t n = unique(values, count);
    switch (a->kind) {
    case ORACLE_MIN: return values[0];
    case ORACLE_MAX: return values[n - 1];
    case ORACLE_DISTINCT: return value_int((int64_t)n);
    default: return array_of(w, values, n > 1000 ? 1000 : n);
    }
}

/* Rows of a group are newest first, or in the order in which they were made. */
static struct value edge(const struct oracle_agg *a, const struct group_of *g, struct value *by_row) {
    const struct row_of *best = NULL;
    struct value v = value_null();
    for (size_t i = 0; i < g->rows.n; i++) {
        if (by_row[i].type == VALUE_NULL)
            continue;
        if (!best || is_older(g->rows.p[i], best) == (a->kind == ORACLE_FIRST)) {
            best = g->rows.p[i];
            v = by_row[i];
        }
    }
    return v;
}

static int newest_pointer_first(const void *a, const void *b) {
    return newest_first(*(const struct row_of *const *)a, *(const struct row_of *const *)b);
}

static struct value aggregate(struct world *w, const struct oracle_agg *a, const struct group_of *g) {
    if (!a->arg[0])
        return value_int((int64_t)g->rows.n);
    struct expr *e = parse(w, a->arg, parser_expr);
    if (a->kind == ORACLE_LIST && g->rows.n && g->rows.p[0]->raw)
        qsort(g->rows.p, g->rows.n, sizeof *g->rows.p, newest_pointer_first);
    struct value *by_row = ARENA_NEW(&w->mem, struct value, g->rows.n + 1), *values;
    values = ARENA_NEW(&w->mem, struct value, g->rows.n + 1);
    size_t n = 0, counted = 0;
    for (size_t i = 0; i < g->rows.n; i++) {
        by_row[i] = eval(w, e, g->rows.p[i]);
        if (by_row[i].type != VALUE_NULL)
            values[n++] = by_row[i];
        counted +=
            by_row[i].type != VALUE_NULL && (a->is_field || by_row[i].type != VALUE_BOOL || by_row[i].b);
    }
    switch (a->kind) {
    case ORACLE_COUNT: return value_int((int64_t)counted);
    case ORACLE_SUM:
    case ORACLE_AVG:
    case ORACLE_STDDEV:
    case ORACLE_QUANTILE: return numeric(w, a, values, n);
    case ORACLE_FIRST:
    case ORACLE_LAST: return edge(a, g, by_row);
    default: return ordered(w, a, values, n);
    }
}

static void stats(struct world *w, const struct oracle_stage *s, struct table_of *t) {
    struct groups_of g = { 0 };
    struct table_of out = { 0 };
    group_rows(w, s, t, &g);
    for (size_t i = 0; i < g.list.n; i++) {
        struct row_of r = new_row(w);
        r.number = i;
        for (size_t k = 0; k < s->field_count; k++)
            add_cell(&r, str_of(s->names[k]), g.list.p[i].keys[k]);
        for (size_t k = 0; k < s->agg_count; k++) {
            size_t owned = w->owned_count;
            add_cell(&r, str_of(s->aggs[k].name), aggregate(w, &s->aggs[k], &g.list.p[i]));
            while (w->owned_count > owned)
                parser_owned_fini(&w->owned[--w->owned_count]);
        }
        VEC_PUSH(&out.rows, r);
    }
    groups_fini(&g);
    VEC_FINI(&t->rows);
    *t = out;
}

static const struct oracle_stage *top_stage;

static int by_count(const void *a, const void *b) {
    const struct group_of *x = a, *y = b;
    size_t first_by = top_stage->field_count - top_stage->by_count;
    int c = 0;
    for (size_t i = first_by; i < top_stage->field_count && c == 0; i++)
        c = value_order(&x->keys[i], &y->keys[i]);
    if (c == 0 && x->rows.n != y->rows.n)
        c = (x->rows.n > y->rows.n) == (top_stage->kind == ORACLE_RARE) ? 1 : -1;
    for (size_t i = 0; i < first_by && c == 0; i++)
        c = value_order(&x->keys[i], &y->keys[i]);
    return c;
}

static bool same_by(const struct oracle_stage *s, const struct group_of *x, const struct group_of *y) {
    for (size_t i = s->field_count - s->by_count; i < s->field_count; i++)
        if (value_order(&x->keys[i], &y->keys[i]) != 0)
            return false;
    return true;
}

static void top(struct world *w, const struct oracle_stage *s, struct table_of *t) {
    struct groups_of g = { 0 };
    struct table_of out = { 0 };
    size_t n = 0, fields = s->field_count - s->by_count;
    group_rows(w, s, t, &g);
    for (size_t i = 0; i < g.list.n; i++) {
        bool absent = false;
        for (size_t k = 0; k < fields; k++)
            absent = absent || g.list.p[i].keys[k].type == VALUE_NULL;
        if (absent)
            VEC_FINI(&g.list.p[i].rows);
        else
            g.list.p[n++] = g.list.p[i];
    }
    g.list.n = n;
    top_stage = s;
    if (n)
        qsort(g.list.p, n, sizeof *g.list.p, by_count);
    for (size_t i = 0; i < n; i++) {
        size_t all = 0, rank = 0;
        for (size_t k = 0; k < n; k++)
            if (same_by(s, &g.list.p[i], &g.list.p[k])) {
                all += g.list.p[k].rows.n;
                rank += k < i;
            }
        if (rank >= s->n)
            continue;
        struct row_of r = new_row(w);
        r.number = out.rows.n;
        for (size_t k = 0; k < s->field_count; k++) {
            size_t from = (k + fields) % s->field_count;
            if (s->by_count == 0)
                from = k;
            add_cell(&r, str_of(s->fields[from]), g.list.p[i].keys[from]);
        }
        add_cell(&r, STR("count"), value_int((int64_t)g.list.p[i].rows.n));
        add_cell(&r, STR("percent"), value_float(100.0 * (double)g.list.p[i].rows.n / (double)all));
        VEC_PUSH(&out.rows, r);
    }
    groups_fini(&g);
    VEC_FINI(&t->rows);
    *t = out;
}

/* ---- order ---- */

static struct world *sort_world;
static const struct oracle_stage *sort_stage;

struct sorting {
    struct row_of row;
    size_t place;
    struct value keys[ORACLE_FIELDS_MAX];
};

static int by_sort(const void *a, const void *b) {
    const struct sorting *x = a, *y = b;
    for (size_t i = 0; i < sort_stage->field_count; i++) {
        int c = value_order(&x->keys[i], &y->keys[i]);
        if (c)
            return sort_stage->descending[i] ? -c : c;
    }
    return x->place < y->place ? -1 : 1;
}

static void sort(struct world *w, const struct oracle_stage *s, struct table_of *t) {
    struct sorting *all = ARENA_NEW(&w->mem, struct sorting, t->rows.n + 1);
    for (size_t i = 0; i < t->rows.n; i++) {
        all[i] = (struct sorting){ .row = t->rows.p[i], .place = i };
        for (size_t k = 0; k < s->field_count; k++)
            all[i].keys[k] = field(&t->rows.p[i], str_of(s->fields[k]));
    }
    sort_world = w;
    sort_stage = s;
    qsort(all, t->rows.n, sizeof *all, by_sort);
    for (size_t i = 0; i < t->rows.n; i++)
        t->rows.p[i] = all[i].row;
}

static void dedup(const struct oracle_stage *s, struct table_of *t) {
    struct groups_of g = { .key_count = s->field_count };
    size_t n = 0;
    for (size_t i = 0; i < t->rows.n; i++) {
        struct value keys[ORACLE_FIELDS_MAX];
        for (size_t k = 0; k < s->field_count; k++)
            keys[k] = field(&t->rows.p[i], str_of(s->fields[k]));
        struct group_of *group = group_for(&g, keys);
        VEC_PUSH(&group->rows, NULL);
        if (group->rows.n <= s->n)
            t->rows.p[n++] = t->rows.p[i];
    }
    t->rows.n = n;
    groups_fini(&g);
}

static void context(struct world *w, const struct oracle_query *q, const struct oracle_stage *s,
                    struct table_of *t) {
    struct table_of out = { 0 };
    bool *wanted = ARENA_NEW(&w->mem, bool, w->all.rows.n + 1),
         *match = ARENA_NEW(&w->mem, bool, w->all.rows.n + 1);
    t->rows.n = t->rows.n > 1000 ? 1000 : t->rows.n; /* the stated cap: the newest matches */
    for (size_t i = 0; i < w->all.rows.n; i++) {
        const struct row_of *r = &w->all.rows.p[i];
        for (size_t k = 0; k < t->rows.n; k++)
            match[i] = match[i] || t->rows.p[k].raw == r->raw;
        if (!match[i])
            continue;
        wanted[i] = true;
        for (int way = -1; way <= 1; way += 2) {
            uint64_t left = way > 0 ? s->n : s->m; /* later in the list is earlier in time */
            for (size_t k = i + (size_t)way; left && k < w->all.rows.n; k += (size_t)way) {
                const struct exec_case_row *other = w->all.rows.p[k].raw;
                if (!id128_eq(other->stream, r->raw->stream) || other->time_ns < q->time_from_ns ||
                    other->time_ns >= q->time_to_ns)
                    continue;
                wanted[k] = true;
                left--;
            }
        }
    }
    for (size_t i = 0; i < w->all.rows.n; i++) {
        if (!wanted[i])
            continue;
        struct row_of r = copy_row(w, &w->all.rows.p[i]);
        if (match[i])
            add_cell(&r, STR("@match"), value_bool(true));
        VEC_PUSH(&out.rows, r);
    }
    VEC_FINI(&t->rows);
    *t = out;
}

static int by_facet(const void *a, const void *b) {
    const struct group_of *x = a, *y = b;
    int c = value_order(&x->keys[0], &y->keys[0]);
    if (c == 0 && x->rows.n != y->rows.n)
        c = x->rows.n > y->rows.n ? -1 : 1;
    return c ? c : value_order(&x->keys[1], &y->keys[1]);
}

static bool facet_skipped(const struct cell_of *c) {
    static const char *const skipped[] = { "@message", "@timestamp", "@raw", "@id" };
    for (size_t i = 0; i < COUNT_OF(skipped); i++)
        if (str_eq(c->name, str_of(skipped[i])))
            return true;
    return c->value.type == VALUE_JSON;
}

static void facets(struct world *w, const struct oracle_stage *s, struct table_of *t) {
    struct groups_of g = { .key_count = 2 };
    struct table_of out = { 0 };
    for (size_t i = 0; i < t->rows.n; i++)
        for (size_t k = 0; k < t->rows.p[i].count; k++) {
            const struct cell_of *c = &t->rows.p[i].cells[k];
            struct value keys[2] = { value_string(c->name), c->value };
            if (facet_skipped(c))
                continue;
            struct group_of *group = group_for(&g, keys);
            VEC_PUSH(&group->rows, NULL);
        }
    if (g.list.n)
        qsort(g.list.p, g.list.n, sizeof *g.list.p, by_facet);
    for (size_t i = 0; i < g.list.n; i++) {
        size_t distinct = 0, rank = 0;
        for (size_t k = 0; k < g.list.n; k++)
            if (value_order(&g.list.p[i].keys[0], &g.list.p[k].keys[0]) == 0) {
                distinct++;
                rank += k < i;
            }
        struct row_of r = new_row(w);
        add_cell(&r, STR("field"), g.list.p[i].keys[0]);
        if (distinct <= 1000) {
            add_cell(&r, STR("value"), g.list.p[i].keys[1]);
            add_cell(&r, STR("count"), value_int((int64_t)g.list.p[i].rows.n));
        }
        add_cell(&r, STR("distinct"), value_int((int64_t)distinct));
        r.number = out.rows.n;
        if (rank < (distinct > 1000 ? 1 : s->n))
            VEC_PUSH(&out.rows, r);
    }
    groups_fini(&g);
    VEC_FINI(&t->rows);
    *t = out;
}

static int by_pattern(const void *a, const void *b) {
    const struct group_of *x = a, *y = b;
    if (x->rows.n != y->rows.n)
        return x->rows.n > y->rows.n ? -1 : 1;
    return value_order(&x->keys[0], &y->keys[0]);
}

static void patterns(struct world *w, const struct oracle_stage *s, struct table_of *t) {
    struct groups_of g = { .key_count = 1 };
    struct table_of out = { 0 };
    size_t all = 0;
    for (size_t i = 0; i < t->rows.n; i++) {
        struct value message = field(&t->rows.p[i], STR("@message"));
        AUTO(buf) text = { 0 };
        if (message.type != VALUE_STRING)
            continue;
        template_pattern(message.s, &text);
        struct value key = value_string(kept(w, buf_str(&text)));
        struct group_of *group = group_for(&g, &key);
        VEC_PUSH(&group->rows, &t->rows.p[i]);
        all++;
    }
    if (g.list.n)
        qsort(g.list.p, g.list.n, sizeof *g.list.p, by_pattern);
    for (size_t i = 0; i < g.list.n && (!s->n || i < s->n); i++) {
        const struct group_of *p = &g.list.p[i];
        struct row_of r = new_row(w);
        r.number = i;
        add_cell(&r, STR("pattern"), p->keys[0]);
        add_cell(&r, STR("count"), value_int((int64_t)p->rows.n));
        add_cell(&r, STR("share"), value_float((double)p->rows.n / (double)all));
        add_cell(&r, STR("first"), value_time(p->rows.p[p->rows.n - 1]->raw->time_ns));
        add_cell(&r, STR("last"), value_time(p->rows.p[0]->raw->time_ns));
        add_cell(&r, STR("example"), field((void *)(uintptr_t)p->rows.p[0], STR("@message")));
        VEC_PUSH(&out.rows, r);
    }
    groups_fini(&g);
    VEC_FINI(&t->rows);
    *t = out;
}

/* ---- whole queries ---- */

static enum err filter(struct world *w, const char *text, struct table_of *t) {
    struct expr *e = parse(w, text, parser_filter);
    size_t n = 0;
    if (!e)
        return ERR_INVALID;
    for (size_t i = 0; i < t->rows.n; i++) {
        struct value v = eval(w, e, &t->rows.p[i]);
        if (value_truth(&v))
            t->rows.p[n++] = t->rows.p[i];
    }
    t->rows.n = n;
    return ERR_OK;
}

static enum err run_stage(struct world *w, const struct oracle_query *q, const struct oracle_stage *s,
                          struct table_of *t) {
    const struct expr *e = NULL;
    switch (s->kind) {
    case ORACLE_FILTER: return filter(w, s->expr, t);
    case ORACLE_STATS: stats(w, s, t); return ERR_OK;
    case ORACLE_TOP:
    case ORACLE_RARE: top(w, s, t); return ERR_OK;
    case ORACLE_SORT: sort(w, s, t); return ERR_OK;
    case ORACLE_DEDUP: dedup(s, t); return ERR_OK;
    case ORACLE_CONTEXT: context(w, q, s, t); return ERR_OK;
    case ORACLE_FACETS: facets(w, s, t); return ERR_OK;
    case ORACLE_PATTERNS: patterns(w, s, t); return ERR_OK;
    case ORACLE_LIMIT: t->rows.n = t->rows.n > s->n ? s->n : t->rows.n; return ERR_OK;
    case ORACLE_TAIL:
        if (t->rows.n > s->n)
            memmove(t->rows.p, t->rows.p + (t->rows.n - s->n), s->n * sizeof *t->rows.p);
        t->rows.n = t->rows.n > s->n ? s->n : t->rows.n;
        return ERR_OK;
    case ORACLE_EVAL:
        e = parse(w, s->expr, parser_expr);
        if (!e)
            return ERR_INVALID;
        break;
    default: break;
    }
    for (size_t i = 0; i < t->rows.n; i++)
        row_stage(w, s, e, &t->rows.p[i]);
    return ERR_OK;
}

static void give(const struct table_of *t, struct exec_answer *out) {
    for (size_t i = 0; i < t->rows.n; i++) {
        struct str names[CELLS_MAX];
        struct value values[CELLS_MAX];
        const struct row_of *r = &t->rows.p[i];
        size_t n = 0;
        for (size_t k = 0; k < r->count; k++) {
            names[n] = r->cells[k].name;
            values[n] = r->cells[k].value;
            n += !r->cells[k].hidden;
        }
        exec_answer_row(out, &(struct query_row){ names, values, n });
    }
}

enum err oracle_run(const struct exec_case *c, const struct oracle_query *q, struct exec_answer *out) {
    struct world *w = heap_alloc(sizeof *w);
    struct table_of t = { 0 };
    w->c = c;
    *out = (struct exec_answer){ 0 };
    load(w);
    for (size_t i = 0; i < w->all.rows.n; i++)
        if (w->all.rows.p[i].raw->time_ns >= q->time_from_ns && w->all.rows.p[i].raw->time_ns < q->time_to_ns)
            VEC_PUSH(&t.rows, w->all.rows.p[i]);
    enum err e = q->filter[0] ? filter(w, q->filter, &t) : ERR_OK;
    for (size_t i = 0; i < q->stage_count && e == ERR_OK; i++)
        e = run_stage(w, q, &q->stages[i], &t);
    if (e == ERR_OK)
        give(&t, out);
    out->err = e;
    VEC_FINI(&t.rows);
    VEC_FINI(&w->all.rows);
    for (size_t i = 0; i < w->owned_count; i++)
        parser_owned_fini(&w->owned[i]);
    arena_fini(&w->mem);
    heap_free(w);
    return e;
}

void oracle_delete(struct exec_case *c, const char *filter_text, unsigned percent_max) {
    struct world *w = heap_alloc(sizeof *w);
    struct table_of t = { 0 };
    w->c = c;
    load(w);
    for (size_t i = 0; i < w->all.rows.n; i++)
        VEC_PUSH(&t.rows, w->all.rows.p[i]);
    ASSERT(filter(w, filter_text, &t) == ERR_OK);
    if (t.rows.n * 100 <= w->all.rows.n * percent_max) {
        enum err e = store_delete(c->store, TABLE_LOGS, str_of(filter_text), INT64_MIN, INT64_MAX, &c->why);
        if (e != ERR_OK)
            printf("delete: %s: %s\n", filter_text, c->why.msg);
        ASSERT(e == ERR_OK);
        for (size_t i = 0; i < t.rows.n; i++)
            c->rows.p[t.rows.p[i].number].deleted = true;
    }
    VEC_FINI(&t.rows);
    VEC_FINI(&w->all.rows);
    for (size_t i = 0; i < w->owned_count; i++)
        parser_owned_fini(&w->owned[i]);
    arena_fini(&w->mem);
    heap_free(w);
}

void oracle_print(const struct oracle_query *q, struct buf *out) {
    buf_add(out, q->filter[0] ? str_of(q->filter) : STR("*"));
    for (size_t i = 0; i < q->stage_count; i++)
        buf_addf(out, " | %s", q->stages[i].text);
}
