#include "block/column_gather.h"
#include "base/assert.h"
#include "block/block_build.h"
#include "block/rest_object.h"

enum { TYPE_BITS = 4, PREFETCH_ROWS = 8 };
_Static_assert(VALUE_TYPE_COUNT <= 1 << TYPE_BITS, "a type fits its bits");
static const uint32_t slot_rest = UINT32_MAX;
static const struct str rest_name = { "@rest", 5 };

void column_gather_fini(struct column_gather *g) {
    VEC_FINI(&g->columns);
    VEC_FINI(&g->slots);
    VEC_FINI(&g->next);
    VEC_FINI(&g->values);
    VEC_FINI(&g->rest_values);
    buf_fini(&g->rest);
}

void column_gather_start(struct column_gather *g, const struct batch *batch, const struct row_order *order) {
    g->batch = batch;
    g->order = order;
    g->columns.n = g->rest_values.n = 0;
    buf_clear(&g->rest);
    g->value_bytes = g->cell_count = 0;
    size_t slot_count = batch->fields->names.n << TYPE_BITS;
    VEC_RESERVE(&g->slots, slot_count);
    g->slots.n = slot_count;
    memset(g->slots.p, 0, slot_count * sizeof *g->slots.p);
}

static inline size_t slot_of(const struct cell *c) {
    return (size_t)c->field << TYPE_BITS | c->type;
}

static bool is_rest(struct str name, enum value_type type) {
    return type == VALUE_JSON && str_eq(name, rest_name);
}

/* A (field, type) met for the first time. */
static void add_column(struct column_gather *g, const struct cell *c) {
    ASSERT(c->field < g->batch->fields->names.n && c->type < VALUE_HISTOGRAM);
    struct str name = g->batch->fields->names.p[c->field];
    uint32_t *slot = &g->slots.p[slot_of(c)];
    if (is_rest(name, (enum value_type)c->type)) {
        *slot = slot_rest;
        return;
    }
    VEC_PUSH(&g->columns, (struct gathered_column){ name, (enum value_type)c->type, c->field, 0, NULL });
    *slot = (uint32_t)g->columns.n;
}

void column_gather_count(struct column_gather *g, const uint32_t *rows, size_t from, size_t to) {
    const struct batch *b = g->batch;
    uint64_t bytes = 0;
    for (size_t k = from; k < to; k++) {
        const struct row *r = &b->rows.p[rows ? rows[k] : k];
        if (r->cell_count == 0)
            continue;
        const struct cell *c = b->cells.p + r->cell_first;
        g->cell_count += r->cell_count;
        for (const struct cell *end = c + r->cell_count; c < end; c++) {
            uint32_t slot = g->slots.p[slot_of(c)];
            if (UNLIKELY(slot == 0)) {
                add_column(g, c);
                slot = g->slots.p[slot_of(c)];
            }
            bytes += c->bytes;
            if (LIKELY(slot != slot_rest))
                g->columns.p[slot - 1].count++;
        }
    }
    g->value_bytes += bytes;
}

static int by_name(const void *a, const void *b) {
    const struct gathered_column *x = a, *y = b;
    int order = str_cmp(x->name, y->name);
    return order ? order : (int)x->type - (int)y->type;
}

static int by_count(const void *a, const void *b) {
    const struct gathered_column *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : by_name(a, b);
}

static uint32_t *column_slot(struct column_gather *g, const struct gathered_column *c) {
    return &g->slots.p[(size_t)c->field << TYPE_BITS | (size_t)c->type];
}

void column_gather_plan(struct column_gather *g) {
    if (g->columns.n > BLOCK_COLUMNS_MAX) {
        qsort(g->columns.p, g->columns.n, sizeof *g->columns.p, by_count);
        for (size_t i = BLOCK_COLUMNS_MAX; i < g->columns.n; i++)
            *column_slot(g, &g->columns.p[i]) = slot_rest;
        g->columns.n = BLOCK_COLUMNS_MAX;
    }
    if (g->columns.n)
        qsort(g->columns.p, g->columns.n, sizeof *g->columns.p, by_name);
    size_t value_count = 0;
    for (size_t i = 0; i < g->columns.n; i++)
        value_count += 1 + (size_t)g->columns.p[i].count;
    VEC_RESERVE(&g->values, value_count + 1);
    VEC_RESERVE(&g->next, g->columns.n);
    struct column_value *at = g->values.p;
    for (size_t i = 0; i < g->columns.n; i++) {
        struct gathered_column *c = &g->columns.p[i];
        *column_slot(g, c) = (uint32_t)i + 1;
        at->row = UINT32_MAX; /* so that "the last value's row" can be asked of an empty column */
        c->values = g->next.p[i] = at + 1;
        at += 1 + (size_t)c->count;
    }
}

static void add_rest(struct column_gather *g, const struct cell *c, uint32_t row) {
    struct str name = g->batch->fields->names.p[c->field];
    struct column_value *last = g->rest_values.n ? &g->rest_values.p[g->rest_values.n - 1] : NULL;
    if (!last || last->row != row) {
        VEC_PUSH(&g->rest_values, (struct column_value){ .bits = g->rest.n, .row = row });
        last = &g->rest_values.p[g->rest_values.n - 1];
        rest_object_begin(&g->rest);
    }
    if (is_rest(name, (enum value_type)c->type))
        rest_object_splice(&g->rest, (struct str){ c->p, c->bytes });
    else
        rest_object_add(&g->rest, name, c);
    last->bytes = (uint32_t)(g->rest.n - last->bits);
}

void column_gather_fill(struct column_gather *g, size_t from, size_t to) {
    const struct batch *b = g->batch;
    const uint32_t *rows = g->order->rows.p;
    size_t row_count = g->order->rows.n;
    for (size_t k = from; k < to; k++) {
        const struct row *r = &b->rows.p[rows[k]];
        if (r->cell_count == 0)
            continue;
        const struct cell *c = b->cells.p + r->cell_first;
        if (k + PREFETCH_ROWS < row_count) {
            const struct row *ahead = &b->rows.p[rows[k + PREFETCH_ROWS]];
            __builtin_prefetch(b->cells.p + ahead->cell_first);
        }
        for (const struct cell *end = c + r->cell_count; c < end; c++) {
            uint32_t slot = g->slots.p[slot_of(c)];
            if (UNLIKELY(slot == slot_rest || g->next.p[slot - 1][-1].row == k)) {
                add_rest(g, c, (uint32_t)k);
                continue;
            }
            struct column_value *v = g->next.p[slot - 1]++;
            v->i = c->i;
            v->bytes = c->bytes;
            v->row = (uint32_t)k;
        }
    }
}

void column_gather_end(struct column_gather *g) {
    for (size_t i = 0; i < g->columns.n; i++)
        g->columns.p[i].count = (uint32_t)(g->next.p[i] - g->columns.p[i].values);
    if (g->rest_values.n == 0)
        return;
    for (size_t i = 0; i < g->rest_values.n; i++) {
        struct column_value *v = &g->rest_values.p[i];
        v->p = g->rest.p + v->bits;
    }
    VEC_PUSH(&g->columns, (struct gathered_column){ .name = rest_name,
                                                    .type = VALUE_JSON,
                                                    .count = (uint32_t)g->rest_values.n,
                                                    .values = g->rest_values.p });
    qsort(g->columns.p, g->columns.n, sizeof *g->columns.p, by_name);
}
