#include "query/agg/agg.h"

static enum err add(const struct agg_context *c, void *state, const struct agg_row *row) {
    struct agg_sum *s = state;
    if (c->call->arg)
        agg_sum_add(s, &row->value);
    else
        agg_sum_add_int(s, 1);
    return ERR_OK;
}

static enum err merge(const struct agg_context *c, void *to, const void *from) {
    (void)c;
    agg_sum_merge(to, from);
    return ERR_OK;
}

static enum err result(struct agg_context *c, void *state, struct value *out) {
    *out = c->seconds > 0 ? value_float(agg_sum_f64(state) / c->seconds) : value_null();
    return ERR_OK;
}

const struct agg agg_rate = {
    .name = "rate",
    .aliases = "per_second",
    .args_max = 1,
    .help =
        "rate(): rows a second; rate(field): its sum a second; of the bin grouped by, else of the query's time range",
    .state_bytes = sizeof(struct agg_sum),
    .add = add,
    .merge = merge,
    .result = result,
};
