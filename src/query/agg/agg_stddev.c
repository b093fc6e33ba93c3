#include "query/agg/agg_moments.h"
#include <math.h>

static enum err result(struct agg_context *c, void *state, struct value *out) {
    (void)c;
    double variance;
    *out = agg_moments_variance(state, &variance) ? value_float(sqrt(variance)) : value_null();
    return ERR_OK;
}

const struct agg agg_stddev = {
    .name = "stddev",
    .aliases = "stdev stddev_samp",
    .args_min = 1,
    .args_max = 1,
    .help = "stddev(field): sample standard deviation; 0 for one value",
    .state_bytes = sizeof(struct agg_moments),
    .add = agg_moments_add,
    .merge = agg_moments_merge,
    .result = result,
};
