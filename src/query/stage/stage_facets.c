#include "base/heap.h"
#include "query/exec_group.h"
#include "query/vector_keys.h"
#include <stdlib.h>
/*
 * facets [N]: for every field that occurs, its N most frequent values (10) with their counts: rows field,
 * value, count, distinct. A field with more than VALUES_MAX different values gives one row, with distinct
 * alone. Messages and raw texts are left out.
 *
 * A field is a table of values of one group key; a field that overflows keeps a count of distinct values
 * instead.
 */
enum { VALUES_MAX = 1000, FACETS_DEFAULT = 10, FACET_CELLS = 4 };

static bool parse(struct parser *p, void **out_args) {
    uint64_t *most = ARENA_NEW(parser_mem(p), uint64_t, 1);
    if (!most)
        return parser_fail(p, "the query is too large");
    *most = FACETS_DEFAULT;
    *out_args = most;
    return !parser_at_number(p) || parser_uint(p, most);
}

struct facet_value {
    struct value value;
    uint64_t count;
};
struct facet {
    const struct exec_name *name;
    struct map by_key;
    VEC(struct facet_value) values; /* at most VALUES_MAX */
    bool over;
    void *distinct; /* state of count_distinct */
};
struct facets {
    struct exec_op op;
    uint64_t most;
    const struct agg *count_distinct;
    struct agg_context context;
    VEC(struct facet *) by_name; /* by number of the name; NULL: not met */
    struct exec_cell cells[FACET_CELLS];
    struct buf key;
};

static bool is_skipped(struct str name) {
    static const char *const skipped[] = { "@message", "@raw", "@rest", "@id", "@timestamp", "@ingested" };
    for (size_t i = 0; i < COUNT_OF(skipped); i++)
        if (str_eq(name, str_of(skipped[i])))
            return true;
    return false;
}

static enum err facet_of(struct facets *s, const struct exec_name *name, struct facet **out) {
    while (s->by_name.n <= name->number)
        VEC_PUSH(&s->by_name, NULL);
    struct facet *f = s->by_name.p[name->number];
    if (!f) {
        f = HEAP_NEW(struct facet);
        f->name = name;
        f->distinct = ARENA_NEW(&s->op.mem, uint64_t, s->count_distinct->state_bytes / 8);
        s->by_name.p[name->number] = f;
        if (!f->distinct)
            return exec_spent(s->op.exec);
    }
    *out = f;
    return ERR_OK;
}

static enum err spent(struct facets *s, enum err e) {
    return e == ERR_LIMIT ? exec_spent(s->op.exec) : e;
}

static enum err add_distinct(struct facets *s, struct facet *f, const struct value *v) {
    return spent(s, s->count_distinct->add(&s->context, f->distinct, &(struct agg_row){ .value = *v }));
}

static enum err overflow(struct facets *s, struct facet *f) {
    for (size_t i = 0; i < f->values.n; i++)
        TRY(add_distinct(s, f, &f->values.p[i].value));
    f->over = true;
    VEC_FINI(&f->values);
    map_fini(&f->by_key);
    return ERR_OK;
}

static enum err add(struct facets *s, struct facet *f, const struct value *v, uint64_t count) {
    uint32_t at;
    if (f->over)
        return add_distinct(s, f, v);
    buf_clear(&s->key);
    vector_key_add(v, &s->key);
    if (map_get(&f->by_key, buf_str(&s->key), &at)) {
        f->values.p[at].count += count;
        if (vector_key_prefer(&f->values.p[at].value, v))
            TRY(spent(s, exec_copy_value(&s->op.mem, v, &f->values.p[at].value)));
        return ERR_OK;
    }
    if (f->values.n == VALUES_MAX) {
        TRY(overflow(s, f));
        return add_distinct(s, f, v);
    }
    struct facet_value made = { .count = count };
    bool is_new;
    TRY(spent(s, exec_copy_value(&s->op.mem, v, &made.value)));
    (void)map_put(&f->by_key, buf_str(&s->key), (uint32_t)f->values.n, &is_new);
    VEC_PUSH(&f->values, made);
    return ERR_OK;
}

static bool counts(const struct value *v) {
    return v->type != VALUE_NULL && v->type != VALUE_JSON &&
           !(v->type == VALUE_FLOAT && !__builtin_isfinite(v->f));
}

static enum err push(struct exec_op *op, const struct exec_record *r) {
    struct facets *s = (struct facets *)op;
    for (size_t i = 0; i < r->count; i++) {
        struct facet *f;
        if (r->cells[i].hidden || is_skipped(r->cells[i].name->text) || !counts(&r->cells[i].value))
            continue;
        TRY(facet_of(s, r->cells[i].name, &f));
        TRY(add(s, f, &r->cells[i].value, 1));
    }
    return exec_charge(op);
}

/* ---- pages: a label is one addition for a run of rows, an entry of a dictionary one for a page ---- */

static uint64_t rows_in(const uint64_t *rows, uint32_t from, uint32_t to) {
    uint64_t n = 0;
    for (size_t i = bits_next(rows, to, from); i < to; i = bits_next(rows, to, i + 1))
        n++;
    return n;
}

static enum err add_labels(struct facets *s, const struct exec_page *p) {
    struct vector_run run;
    for (bool more = vector_run_first(p->view, &run); more; more = vector_run_next(p->view, &run)) {
        uint64_t count = rows_in(p->rows, run.from, run.to);
        struct str rest = p->view->streams[run.stream].labels;
        for (struct label l; count && labels_next(&rest, &l);) {
            const struct exec_name *name = exec_intern(s->op.exec, l.name);
            struct value v = value_string(l.value);
            struct facet *f;
            if (!name)
                return exec_spent(s->op.exec);
            TRY(facet_of(s, name, &f));
            TRY(add(s, f, &v, count));
        }
    }
    return ERR_OK;
}

/* Without the rows whose stream has a label of this name: the label is their value. */
static enum err column_rows(const struct exec_page *p, struct str name, uint64_t **out) {
    struct vector_run run;
    *out = vector_bits_copy(p->view, p->rows);
    if (!*out)
        return ERR_LIMIT;
    for (bool more = vector_run_first(p->view, &run); more; more = vector_run_next(p->view, &run))
        if (labels_get(p->view->streams[run.stream].labels, name).n)
            for (uint32_t i = run.from; i < run.to; i++)
                bits_clear(*out, i);
    return ERR_OK;
}

static enum err add_dict(struct facets *s, struct facet *f, const struct exec_page *p,
                         const struct column_page *c, const uint64_t *rows) {
    uint32_t *n = ARENA_NEW(&p->view->mem, uint32_t, c->dict_count);
    if (!n)
        return ERR_LIMIT;
    BITS_EACH (row, rows, p->view->row_count)
        n[c->codes[row]] += !c->present || bits_get(c->present, row);
    for (uint32_t i = 0; i < c->dict_count; i++)
        if (n[i])
            TRY(add(s, f, &(struct value){ .type = c->type, .s = c->dict[i] }, n[i]));
    return ERR_OK;
}

static enum err add_column(struct facets *s, const struct exec_page *p, uint32_t column) {
    const struct block_column *info = &p->view->block_columns[column];
    const struct exec_name *name = exec_intern(s->op.exec, info->name);
    const struct column_page *c;
    struct facet *f;
    uint64_t *rows;
    if (!name)
        return exec_spent(s->op.exec);
    TRY(facet_of(s, name, &f));
    TRY(vector_column(p->view, column, &c));
    TRY(column_rows(p, info->name, &rows));
    if (c->form == PAGE_DICT)
        return add_dict(s, f, p, c, rows);
    TRY(vector_column_texts(p->view, c, rows, &c));
    BITS_EACH (row, rows, p->view->row_count) {
        struct value v;
        TRY(vector_column_value(p->view, c, (uint32_t)row, &v));
        if (counts(&v))
            TRY(add(s, f, &v, 1));
    }
    return ERR_OK;
}

struct rest_values {
    struct facets *facets;
    struct str labels;
    enum err err;
};

static bool add_rest_value(void *ctx, struct str name, const struct value *value) {
    struct rest_values *r = ctx;
    struct facet *f;
    if (is_skipped(name) || !counts(value) || labels_get(r->labels, name).n)
        return true;
    const struct exec_name *interned = exec_intern(r->facets->op.exec, name);
    r->err = interned ? facet_of(r->facets, interned, &f) : exec_spent(r->facets->op.exec);
    if (r->err == ERR_OK)
        r->err = add(r->facets, f, value, 1);
    return r->err == ERR_OK;
}

/* Fields that had no place among the columns. */
static enum err add_rest(struct facets *s, const struct exec_page *p) {
    struct vector_view *v = p->view;
    if (v->rest_column == UINT32_MAX)
        return ERR_OK;
    BITS_EACH (row, p->rows, v->row_count) {
        uint32_t stream = block_stream_of_row(v->block, v->row_first + (uint32_t)row);
        struct rest_values r = { .facets = s, .labels = v->streams[stream].labels };
        TRY(vector_rest_each(v, (uint32_t)row, &v->mem, add_rest_value, &r));
        TRY(r.err);
    }
    return ERR_OK;
}

static enum err page(struct exec_op *op, const struct exec_page *p) {
    struct facets *s = (struct facets *)op;
    TRY(add_labels(s, p));
    TRY(add_rest(s, p));
    for (uint32_t i = 0; i < p->view->info->column_count; i++) {
        const struct block_column *c = &p->view->block_columns[i];
        bool has = block_page_value_count(p->view->block, i, p->view->page) > 0;
        if (has && c->type != VALUE_JSON && !is_skipped(c->name))
            TRY(add_column(s, p, i));
    }
    return exec_charge(op);
}

/* ---- together ---- */

static enum err merge_facet(struct facets *s, struct facet *to, const struct facet *from) {
    if (from->over && !to->over)
        TRY(overflow(s, to));
    if (from->over)
        return spent(s, s->count_distinct->merge(&s->context, to->distinct, from->distinct));
    for (size_t i = 0; i < from->values.n; i++)
        TRY(add(s, to, &from->values.p[i].value, from->values.p[i].count));
    return ERR_OK;
}

static enum err merge(struct exec_op *to, struct exec_op *from) {
    struct facets *s = (struct facets *)to, *other = (struct facets *)from;
    for (size_t i = 0; i < other->by_name.n; i++) {
        struct facet *f;
        if (!other->by_name.p[i])
            continue;
        TRY(facet_of(s, other->by_name.p[i]->name, &f));
        TRY(merge_facet(s, f, other->by_name.p[i]));
    }
    return exec_charge(to);
}

static int by_text(const void *a, const void *b) {
    return str_cmp((*(struct facet *const *)a)->name->text, (*(struct facet *const *)b)->name->text);
}

static int by_count(const void *a, const void *b) {
    const struct facet_value *x = a, *y = b;
    return x->count != y->count ? (x->count > y->count ? -1 : 1) : value_order(&x->value, &y->value);
}

static enum err give_facet(struct facets *s, struct facet *f) {
    s->cells[0].value = value_string(f->name->text);
    s->cells[1].value = s->cells[2].value = value_null();
    s->cells[3].value = value_int((int64_t)f->values.n);
    if (f->over) {
        TRY(spent(s, s->count_distinct->result(&s->context, f->distinct, &s->cells[3].value)));
        if (s->context.approximate)
            s->op.exec->budget.approximate = true;
        return exec_make(&s->op, s->cells, FACET_CELLS);
    }
    if (f->values.n)
        qsort(f->values.p, f->values.n, sizeof *f->values.p, by_count);
    for (size_t i = 0; i < f->values.n && i < s->most; i++) {
        s->cells[1].value = f->values.p[i].value;
        s->cells[2].value = value_int((int64_t)f->values.p[i].count);
        TRY(exec_make(&s->op, s->cells, FACET_CELLS));
    }
    return ERR_OK;
}

static enum err end(struct exec_op *op) {
    struct facets *s = (struct facets *)op;
    size_t n = 0;
    for (size_t i = 0; i < s->by_name.n; i++)
        if (s->by_name.p[i])
            s->by_name.p[n++] = s->by_name.p[i];
    s->by_name.n = n;
    if (n)
        qsort(s->by_name.p, n, sizeof *s->by_name.p, by_text);
    for (size_t i = 0; i < n && !exec_full(op->next); i++)
        TRY(give_facet(s, s->by_name.p[i]));
    return ERR_OK;
}

static void free_facets(struct exec_op *op) {
    struct facets *s = (struct facets *)op;
    for (size_t i = 0; i < s->by_name.n; i++) {
        struct facet *f = s->by_name.p[i];
        if (!f)
            continue;
        map_fini(&f->by_key);
        VEC_FINI(&f->values);
        heap_free(f);
    }
    VEC_FINI(&s->by_name);
    buf_fini(&s->key);
}

static const struct exec_op_kind kind = { push, page, merge, end, free_facets, .holds = true };

static enum err open(const struct exec_scope *scope, const void *args, struct exec_op **out) {
    static const char *const names[FACET_CELLS] = { "field", "value", "count", "distinct" };
    struct facets *s = exec_op_new(scope, &kind, sizeof *s);
    double unused;
    *out = &s->op;
    s->most = *(const uint64_t *)args;
    s->count_distinct = agg_find(STR("count_distinct"), &unused);
    s->context = (struct agg_context){ .mem = &s->op.mem };
    for (size_t i = 0; i < FACET_CELLS; i++) {
        s->cells[i].name = exec_intern(scope->exec, str_of(names[i]));
        if (!s->cells[i].name)
            return exec_spent(scope->exec);
    }
    return ERR_OK;
}

static void needs(const void *args, struct exec_needs *n) {
    (void)args;
    exec_needs_none(n);
    n->all = true;
}

static bool always(const void *args) {
    (void)args;
    return true;
}

static const struct stage_exec exec = {
    .shape = EXEC_COLLECT,
    .needs = needs,
    .pages = always,
    .commutes = always,
    .open = open,
};

const struct stage_kind stage_facets = {
    .name = "facets",
    .help = "facets [N]: the N (10) most frequent values of every field",
    .parse = parse,
    .exec = &exec,
};
