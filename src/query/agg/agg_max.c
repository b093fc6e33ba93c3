#include "query/agg/agg.h"
#include "query/vector_keys.h"

static enum err add(const struct agg_context *c, void *state, const struct agg_row *row) {
    struct agg_kept *s = state;
    bool better = s->value.type == VALUE_NULL || value_order(&row->value, &s->value) > 0 ||
                  (value_order(&row->value, &s->value) == 0 && vector_key_prefer(&s->value, &row->value));
    return better ? agg_keep(c, s, &row->value) : ERR_OK;
}

static enum err merge(const struct agg_context *c, void *to, const void *from) {
    const struct agg_kept *s = from;
    return s->value.type == VALUE_NULL ? ERR_OK : add(c, to, &(struct agg_row){ .value = s->value });
}

static enum err result(struct agg_context *c, void *state, struct value *out) {
    (void)c;
    *out = ((const struct agg_kept *)state)->value;
    return ERR_OK;
}

const struct agg agg_max = {
    .name = "max",
    .args_min = 1,
    .args_max = 1,
    .help = "max(field): its greatest value; texts come after numbers",
    .state_bytes = sizeof(struct agg_kept),
    .commutes = true,
    .add = add,
    .merge = merge,
    .result = result,
};
