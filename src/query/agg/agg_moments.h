#pragma once
#include "query/agg/agg.h"
/* Mean and squared distance from it, in one pass (Welford), mergeable (Chan). The mean is kept as a distance
 * from the first value, so that large numbers that are close together (times) keep their last digits. */
struct agg_moments {
    uint64_t count;
    int64_t origin;
    double mean, squares;
};
NODISCARD enum err agg_moments_add(const struct agg_context *c, void *state, const struct agg_row *row);
NODISCARD enum err agg_moments_merge(const struct agg_context *c, void *to, const void *from);
/* Of the sample: divided by count - 1. False: no values. */
NODISCARD bool agg_moments_variance(const struct agg_moments *m, double *out);
