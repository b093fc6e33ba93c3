#pragma once
#include "query/agg/agg.h"
/* Mean and squared distance from it, in one pass (Welford), mergeable (Chan). */
struct agg_moments {
    uint64_t count;
    double mean, squares;
};
NODISCARD enum err agg_moments_add(const struct agg_context *c, void *state, const struct agg_row *row);
NODISCARD enum err agg_moments_merge(const struct agg_context *c, void *to, const void *from);
/* Of the sample: divided by count - 1. False: no values. */
NODISCARD bool agg_moments_variance(const struct agg_moments *m, double *out);
