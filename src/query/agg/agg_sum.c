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
    *out = agg_sum_value(state);
    return ERR_OK;
}

const struct agg agg_sum = {
    .name = "sum",
    .aliases = "sumif sum_if",
    .args_min = 1,
    .args_max = 1,
    .help = "sum(field): of its numbers; sum(condition): rows for which it is true",
    .state_bytes = sizeof(struct agg_sum),
    .add = add,
    .add_ints = add_ints,
    .add_floats = add_floats,
    .merge = merge,
    .result = result,
};
