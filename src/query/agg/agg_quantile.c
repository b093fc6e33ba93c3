#include "query/agg/agg.h"
#include <math.h>
#include <stdlib.h>
/*
 * Quantiles. Exact up to EXACT_MAX values: they are kept and sorted. Then a histogram over the values
 * themselves: a bucket is what doubles share in sign, exponent and the first BITS bits of the fraction, so
 * finding it is a shift, merging is adding counts, and the answer (the middle of a bucket) is wrong by at
 * most 1 / 2^(BITS + 1) of itself: 0.4%. One page of counts for each sign and exponent that occurs.
 *
 * Between two ranks the quantile lies on the straight line (as numpy's default and PostgreSQL's
 * percentile_cont). The order in which values come does not matter, neither do merges.
 */
enum { EXACT_MAX = 100000, BITS = 7, PAGE_BUCKETS = 1 << BITS, PAGES = 4096 /* sign and exponent */ };

struct quantile {
    uint64_t count;
    double *values; /* exact: count of them */
    size_t cap;
    uint64_t **pages; /* histogram: by the first 12 bits, in the order of the doubles */
};

/* Bits that sort as the doubles do. */
static uint64_t ordered_bits(double f) {
    uint64_t bits;
    f += 0.0; /* -0 is 0 */
    memcpy(&bits, &f, sizeof bits);
    return bits >> 63 ? ~bits : bits | 1ull << 63;
}

static double bucket_middle(uint64_t bucket) {
    uint64_t ordered = bucket << (52 - BITS) | 1ull << (51 - BITS);
    uint64_t bits = ordered >> 63 ? ordered & ~(1ull << 63) : ~ordered;
    double f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static enum err bucket_add(const struct agg_context *c, struct quantile *q, double f) {
    uint64_t bucket = ordered_bits(f) >> (52 - BITS);
    uint64_t **page = &q->pages[bucket >> BITS];
    if (!*page)
        *page = ARENA_NEW(c->mem, uint64_t, PAGE_BUCKETS);
    if (!*page)
        return ERR_LIMIT;
    (*page)[bucket & (PAGE_BUCKETS - 1)]++;
    return ERR_OK;
}

static enum err to_histogram(const struct agg_context *c, struct quantile *q) {
    q->pages = ARENA_NEW(c->mem, uint64_t *, PAGES);
    if (!q->pages)
        return ERR_LIMIT;
    for (uint64_t i = 0; i < q->count; i++)
        TRY(bucket_add(c, q, q->values[i]));
    q->values = NULL;
    return ERR_OK;
}

static enum err add_f64(const struct agg_context *c, struct quantile *q, double f) {
    if (!q->pages && q->count == EXACT_MAX)
        TRY(to_histogram(c, q));
    if (q->pages) {
        q->count++;
        return bucket_add(c, q, f);
    }
    if (q->count == q->cap) {
        size_t cap = q->cap ? q->cap * 2 : 8;
        double *values = ARENA_RAW(c->mem, double, cap);
        if (!values)
            return ERR_LIMIT;
        if (q->count)
            memcpy(values, q->values, q->count * sizeof *values);
        q->values = values;
        q->cap = cap;
    }
    q->values[q->count++] = f;
    return ERR_OK;
}

static enum err add(const struct agg_context *c, void *state, const struct agg_row *row) {
    bool is_int;
    int64_t i;
    double f;
    if (!agg_number(&row->value, &is_int, &i, &f))
        return ERR_OK;
    return add_f64(c, state, is_int ? (double)i : f);
}

static enum err add_ints(const struct agg_context *c, char **states, const uint32_t *group,
                         const int64_t *value, size_t n) {
    for (size_t i = 0; i < n; i++)
        TRY(add_f64(c, (struct quantile *)(void *)(states[group[i]] + c->call->offset), (double)value[i]));
    return ERR_OK;
}

static enum err add_floats(const struct agg_context *c, char **states, const uint32_t *group,
                           const double *value, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (isfinite(value[i]))
            TRY(add_f64(c, (struct quantile *)(void *)(states[group[i]] + c->call->offset), value[i]));
    return ERR_OK;
}

static enum err merge_pages(const struct agg_context *c, struct quantile *to, const struct quantile *from) {
    for (size_t i = 0; i < PAGES; i++) {
        if (!from->pages[i])
            continue;
        if (!to->pages[i])
            to->pages[i] = ARENA_NEW(c->mem, uint64_t, PAGE_BUCKETS);
        if (!to->pages[i])
            return ERR_LIMIT;
        for (size_t k = 0; k < PAGE_BUCKETS; k++)
            to->pages[i][k] += from->pages[i][k];
    }
    to->count += from->count;
    return ERR_OK;
}

static enum err merge(const struct agg_context *c, void *to_state, const void *from_state) {
    struct quantile *to = to_state;
    const struct quantile *from = from_state;
    if (from->pages && !to->pages)
        TRY(to_histogram(c, to));
    if (from->pages)
        return merge_pages(c, to, from);
    for (uint64_t i = 0; i < from->count; i++)
        TRY(add_f64(c, to, from->values[i]));
    return ERR_OK;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double of_values(struct quantile *q, double at) {
    qsort(q->values, (size_t)q->count, sizeof *q->values, compare);
    size_t low = (size_t)floor(at), high = low + 1 < q->count ? low + 1 : low;
    double part = at - (double)low;
    return q->values[low] + (q->values[high] - q->values[low]) * part;
}

static double of_histogram(const struct quantile *q, double at) {
    uint64_t rank = (uint64_t)(at + 0.5), seen = 0;
    for (uint64_t i = 0; i < PAGES; i++)
        for (uint64_t k = 0; q->pages[i] && k < PAGE_BUCKETS; k++) {
            seen += q->pages[i][k];
            if (seen > rank)
                return bucket_middle(i << BITS | k);
        }
    return 0;
}

static enum err result(struct agg_context *c, void *state, struct value *out) {
    struct quantile *q = state;
    if (q->count == 0) {
        *out = value_null();
        return ERR_OK;
    }
    double at = c->call->parameter * (double)(q->count - 1);
    c->approximate = c->approximate || q->pages;
    *out = value_float(q->pages ? of_histogram(q, at) : of_values(q, at));
    return ERR_OK;
}

/* median, p50, p99, p99.9, pct99 … */
static bool is(struct str name, double *out) {
    double percent;
    if (str_eq_nocase(name, STR("median"))) {
        *out = 0.5;
        return true;
    }
    if (name.n < 2 || ascii_lower(name.p[0]) != 'p' || !ascii_digit(name.p[1]))
        return false;
    if (!str_to_f64(str_skip(name, 1), &percent) || !(percent >= 0 && percent <= 100))
        return false;
    *out = percent / 100;
    return true;
}

const struct agg agg_quantile = {
    .name = "quantile",
    .aliases = "percentile pct perc",
    .args_min = 1,
    .args_max = 2,
    .help =
        "p50(field) … p99.9(field), median(field), quantile(field, 0.99): exact up to 100,000 values, then within 0.4%",
    .state_bytes = sizeof(struct quantile),
    .commutes = true,
    .has_parameter = true,
    .is = is,
    .add = add,
    .add_ints = add_ints,
    .add_floats = add_floats,
    .merge = merge,
    .result = result,
};
