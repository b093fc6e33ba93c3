#include "query/agg/agg.h"

struct count {
    uint64_t n;
};

static enum err add(const struct agg_context *c, void *state, const struct agg_row *row) {
    struct count *s = state;
    bool said_no =
        row->value.type == VALUE_BOOL && c->call->arg && c->call->arg->kind != EXPR_FIELD && !row->value.b;
    s->n += row->value.type != VALUE_NULL && !said_no;
    return ERR_OK;
}

static enum err add_ints(const struct agg_context *c, char **states, const uint32_t *group,
                         const int64_t *value, size_t n) {
    if (!c->call->condition)
        value = NULL;
    for (size_t i = 0; i < n; i++)
        ((struct count *)(void *)(states[group[i]] + c->call->offset))->n += value ? (uint64_t)value[i] : 1;
    return ERR_OK;
}

static enum err add_floats(const struct agg_context *c, char **states, const uint32_t *group,
                           const double *value, size_t n) {
    (void)value;
    return add_ints(c, states, group, NULL, n);
}

static enum err merge(const struct agg_context *c, void *to, const void *from) {
    (void)c;
    ((struct count *)to)->n += ((const struct count *)from)->n;
    return ERR_OK;
}

static enum err result(struct agg_context *c, void *state, struct value *out) {
    (void)c;
    *out = value_int((int64_t)((const struct count *)state)->n);
    return ERR_OK;
}

const struct agg agg_rows = {
    .name = "count",
    .aliases = "countif count_if",
    .args_max = 1,
    .help = "count(): rows; count(field): rows that have it; count(condition): rows for which it is true",
    .state_bytes = sizeof(struct count),
    .commutes = true,
    .add = add,
    .add_ints = add_ints,
    .add_floats = add_floats,
    .merge = merge,
    .result = result,
};
