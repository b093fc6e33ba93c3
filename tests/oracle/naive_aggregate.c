#include "naive.h"
#include "base/assert.h"
#include "base/heap.h"
#include "wire/json.h"
#include <math.h>
#include <stdlib.h>
/* Aggregates over a list of values, as a textbook has them: all values first, then one formula. */
enum { ARRAY_MAX = 1000 };

struct list {
    VEC(struct value) values; /* not null */
    VEC(const struct naive_record *) records;
    VEC(double) numbers;
    int64_t ints;
    bool whole; /* all numbers are integers and their sum is one */
};

static bool number_of(const struct value *v, bool *whole, int64_t *i, double *f) {
    *whole = true;
    if (v->type == VALUE_BOOL || v->type == VALUE_INT || v->type == VALUE_TIME)
        *i = v->type == VALUE_BOOL ? v->b : v->i;
    else if (value_has_bytes(v->type) && v->type != VALUE_JSON && str_to_i64(v->s, i))
        return true;
    else
        *whole = false;
    return *whole || (value_number(v, f) && isfinite(*f));
}

static void gather(struct list *l, const struct column *c, struct naive_record *const *rows, size_t count,
                   const struct naive_subject *s) {
    l->whole = true;
    for (size_t i = 0; i < count; i++) {
        struct naive_subject at = { s->world, rows[i]->row, rows[i], s->mem };
        struct value v = c->value ? naive_value(c->value, &at) : value_bool(true);
        bool whole;
        int64_t n = 0;
        double f = 0;
        if (v.type == VALUE_NULL || (v.type == VALUE_FLOAT && !isfinite(v.f)))
            continue;
        VEC_PUSH(&l->values, v);
        VEC_PUSH(&l->records, rows[i]);
        if (!number_of(&v, &whole, &n, &f))
            continue;
        l->whole = l->whole && whole && !__builtin_add_overflow(l->ints, n, &l->ints);
        VEC_PUSH(&l->numbers, whole ? (double)n : f);
    }
}

static struct value count(const struct list *l, const struct column *c) {
    int64_t n = 0;
    for (size_t i = 0; i < l->values.n; i++) {
        bool no = c->value && c->value->kind != NODE_FIELD && l->values.p[i].type == VALUE_BOOL && !l->values.p[i].b;
        n += !no;
    }
    return value_int(n);
}

static double total(const struct list *l) {
    long double sum = 0;
    for (size_t i = 0; i < l->numbers.n; i++)
        sum += l->numbers.p[i];
    return (double)sum;
}

static double variance(const struct list *l) {
    long double mean = (long double)total(l) / (long double)l->numbers.n, sum = 0;
    for (size_t i = 0; i < l->numbers.n; i++)
        sum += (l->numbers.p[i] - mean) * (l->numbers.p[i] - mean);
    return l->numbers.n > 1 ? (double)(sum / (long double)(l->numbers.n - 1)) : 0;
}

static int by_number(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static int by_value(const void *a, const void *b) { return value_order(a, b); }

/* Between the two values beside the place. */
static double quantile(struct list *l, double p) {
    qsort(l->numbers.p, l->numbers.n, sizeof *l->numbers.p, by_number);
    double at = p * (double)(l->numbers.n - 1);
    size_t low = (size_t)at, high = low + 1 < l->numbers.n ? low + 1 : low;
    return l->numbers.p[low] + (l->numbers.p[high] - l->numbers.p[low]) * (at - (double)low);
}

static size_t distinct(struct list *l) {
    size_t kept = 0;
    if (l->values.n)
        qsort(l->values.p, l->values.n, sizeof *l->values.p, by_value);
    for (size_t i = 0; i < l->values.n; i++)
        if (kept == 0 || value_order(&l->values.p[kept - 1], &l->values.p[i]) != 0)
            l->values.p[kept++] = l->values.p[i];
    l->values.n = kept;
    return kept;
}

static void add_json(const struct value *v, struct buf *out) {
    if (v->type == VALUE_STRING)
        json_add_string(out, v->s);
    else
        value_print(v, out);
}

static struct value array(const struct list *l, struct arena *mem) {
    AUTO(buf) text = { 0 };
    struct value v = { .type = VALUE_JSON };
    for (size_t i = 0; i < l->values.n && i < ARRAY_MAX; i++) {
        buf_add_char(&text, i ? ',' : '[');
        add_json(&l->values.p[i], &text);
    }
    buf_add_char(&text, ']');
    ASSERT(arena_dup(mem, buf_str(&text), &v.s) == ERR_OK);
    return l->values.n ? v : value_null();
}

/* The rows newest first; `last` is then the first of them. */
static void newest_first(struct list *l, const struct world *w) {
    for (size_t i = 1; i < l->values.n; i++) /* nearly sorted already, in all our uses */
        for (size_t k = i; k > 0 && naive_row_order(w, l->records.p[k]->row, l->records.p[k - 1]->row) < 0; k--) {
            struct value v = l->values.p[k];
            const struct naive_record *r = l->records.p[k];
            l->values.p[k] = l->values.p[k - 1];
            l->records.p[k] = l->records.p[k - 1];
            l->values.p[k - 1] = v;
            l->records.p[k - 1] = r;
        }
}

static struct value numeric(struct list *l, const struct column *c) {
    if (l->numbers.n == 0)
        return value_null();
    switch (c->aggregate) {
    case AGGREGATE_SUM: return l->whole ? value_int(l->ints) : value_float(total(l));
    case AGGREGATE_AVG: return value_float(total(l) / (double)l->numbers.n);
    case AGGREGATE_VARIANCE: return value_float(variance(l));
    case AGGREGATE_STDDEV: return value_float(sqrt(variance(l)));
    default: return value_float(quantile(l, c->parameter));
    }
}

static struct value of_list(struct list *l, const struct column *c, const struct naive_subject *s) {
    size_t n = l->values.n;
    switch (c->aggregate) {
    case AGGREGATE_COUNT: return count(l, c);
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
        if (n)
            qsort(l->values.p, n, sizeof *l->values.p, by_value);
        return n ? l->values.p[c->aggregate == AGGREGATE_MIN ? 0 : n - 1] : value_null();
    case AGGREGATE_DISTINCT: return value_int((int64_t)distinct(l));
    case AGGREGATE_VALUES: (void)distinct(l); return array(l, s->mem);
    case AGGREGATE_LIST: newest_first(l, s->world); return array(l, s->mem);
    case AGGREGATE_FIRST:
    case AGGREGATE_LAST:
        newest_first(l, s->world);
        return n ? l->values.p[c->aggregate == AGGREGATE_LAST ? 0 : n - 1] : value_null();
    case AGGREGATE_RATE: return value_float((c->value ? total(l) : (double)n) / ((double)c->bin_ns / 1e9));
    default: return numeric(l, c);
    }
}

struct value naive_aggregate(const struct column *c, struct naive_record *const *rows, size_t row_count,
                             const struct naive_subject *s) {
    struct list l = { 0 };
    gather(&l, c, rows, row_count, s);
    struct value v = of_list(&l, c, s);
    VEC_FINI(&l.values);
    VEC_FINI(&l.records);
    VEC_FINI(&l.numbers);
    return v;
}
