#include "query/agg/agg_moments.h"
#include <math.h>

static int64_t whole(double f) {
    return fabs(f) < 9.2e18 ? (int64_t)f : 0;
}

static double distance(int64_t a, int64_t b) {
    int64_t d;
    return __builtin_sub_overflow(a, b, &d) ? (double)a - (double)b : (double)d;
}

enum err agg_moments_add(const struct agg_context *c, void *state, const struct agg_row *row) {
    (void)c;
    struct agg_moments *m = state;
    bool is_int;
    int64_t i;
    double f;
    if (!agg_number(&row->value, &is_int, &i, &f))
        return ERR_OK;
    if (m->count++ == 0)
        m->origin = is_int ? i : whole(f);
    double x = is_int ? distance(i, m->origin) : f - (double)m->origin, delta = x - m->mean;
    m->mean += delta / (double)m->count;
    m->squares += delta * (x - m->mean);
    return ERR_OK;
}

enum err agg_moments_merge(const struct agg_context *c, void *to, const void *from) {
    (void)c;
    struct agg_moments *a = to;
    const struct agg_moments *b = from;
    if (b->count == 0)
        return ERR_OK;
    if (a->count == 0) {
        *a = *b;
        return ERR_OK;
    }
    double n = (double)(a->count + b->count), delta = distance(b->origin, a->origin) + b->mean - a->mean;
    a->squares += b->squares + delta * delta * ((double)a->count * (double)b->count / n);
    a->mean += delta * ((double)b->count / n);
    a->count += b->count;
    return ERR_OK;
}

bool agg_moments_variance(const struct agg_moments *m, double *out) {
    if (m->count)
        *out = m->count > 1 ? m->squares / (double)(m->count - 1) : 0;
    return m->count > 0;
}

static enum err result(struct agg_context *c, void *state, struct value *out) {
    (void)c;
    double variance;
    *out = agg_moments_variance(state, &variance) ? value_float(variance) : value_null();
    return ERR_OK;
}

const struct agg agg_variance = {
    .name = "variance",
    .aliases = "var var_samp",
    .args_min = 1,
    .args_max = 1,
    .help = "variance(field): sample variance; 0 for one value",
    .state_bytes = sizeof(struct agg_moments),
    .add = agg_moments_add,
    .merge = agg_moments_merge,
    .result = result,
};
