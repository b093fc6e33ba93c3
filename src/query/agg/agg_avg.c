#include "query/agg/agg.h"

static enum err add(const struct agg_context *c, void *state, const struct agg_row *row) {
    (void)c;
    agg_sum_add(state, &row->value);
    return ERR_OK;
}

static enum err add_ints(const struct agg_context *c, char **states, const uint32_t *group,
                         const int64_t *value, size_t n) {
    for (size_t i = 0; i < n; i++)
        agg_sum_add_int((struct agg_sum *)(void *)(states[group[i]] + c->call->offset), value[i]);
    return ERR_OK;
}

static enum err add_floats(const struct agg_context *c, char **states, const uint32_t *group,
                           const double *value, size_t n) {
    for (size_t i = 0; i < n; i++)
        agg_sum_add_float((struct agg_sum *)(void *)(states[group[i]] + c->call->offset), value[i]);
    return ERR_OK;
}

static enum err merge(const struct agg_context *c, void *to, const void *from) {
    (void)c;
    agg_sum_merge(to, from);
    return ERR_OK;
}

static enum err result(struct agg_context *c, void *state, struct value *out) {
    (void)c;
    const struct agg_sum *s = state;
    *out = s->count ? value_float(agg_sum_f64(s) / (double)s->count) : value_null();
    return ERR_OK;
}

const struct agg agg_avg = {
    .name = "avg",
    .aliases = "mean average",
    .args_min = 1,
    .args_max = 1,
    .help = "avg(field): mean of its numbers; avg(condition): the share of rows for which it is true",
    .state_bytes = sizeof(struct agg_sum),
    .add = add,
    .add_ints = add_ints,
    .add_floats = add_floats,
    .merge = merge,
    .result = result,
};
