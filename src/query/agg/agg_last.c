#include "query/agg/agg_edge.h"

static enum err add(const struct agg_context *c, void *state, const struct agg_row *row) {
    struct agg_edge *s = state;
    bool better = s->kept.value.type == VALUE_NULL || exec_key_age(row->key, &s->key) > 0;
    return better ? agg_edge_keep(c, s, row) : ERR_OK;
}

static enum err merge(const struct agg_context *c, void *to, const void *from) {
    const struct agg_edge *s = from;
    struct agg_row row = { s->kept.value, &s->key };
    return s->kept.value.type == VALUE_NULL ? ERR_OK : add(c, to, &row);
}

const struct agg agg_last = {
    .name = "last",
    .aliases = "latest",
    .args_min = 1,
    .args_max = 1,
    .help = "last(field): its value in the latest row that has one",
    .state_bytes = sizeof(struct agg_edge),
    .commutes = true,
    .needs_key = true,
    .add = add,
    .merge = merge,
    .result = agg_edge_result,
};
