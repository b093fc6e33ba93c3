#pragma once
#include "query/agg/agg.h"
/* The value of the row at one end of time. Shared by first and last. */
struct agg_edge {
    struct exec_key key;
    struct agg_kept kept;
};
static inline enum err agg_edge_keep(const struct agg_context *c, struct agg_edge *s,
                                     const struct agg_row *row) {
    s->key = *row->key;
    return agg_keep(c, &s->kept, &row->value);
}
static inline enum err agg_edge_result(struct agg_context *c, void *state, struct value *out) {
    (void)c;
    *out = ((const struct agg_edge *)state)->kept.value;
    return ERR_OK;
}
