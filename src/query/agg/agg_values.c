#include "query/agg/agg.h"
#include "query/agg/agg_array.h"
#include "query/vector_keys.h"
#include <stdlib.h>
/*
 * The different values, as a JSON array in order. At most VALUES_MAX: the least ones, so that neither order
 * nor merges matter. A sorted array; inserting moves what is behind.
 */
enum { VALUES_MAX = 1000 };

struct values {
    struct value *sorted;
    size_t count, cap;
    bool cut;
};

static size_t place(const struct values *s, const struct value *v, bool *out_found) {
    size_t low = 0, high = s->count;
    *out_found = false;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = value_order(&s->sorted[mid], v);
        if (c == 0)
            *out_found = true;
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static enum err add_value(const struct agg_context *c, struct values *s, const struct value *v) {
    bool found;
    size_t at = place(s, v, &found);
    if (found)
        return vector_key_prefer(&s->sorted[at], v) ? exec_copy_value(c->mem, v, &s->sorted[at]) : ERR_OK;
    s->cut = s->cut || s->count == VALUES_MAX;
    if (at == VALUES_MAX)
        return ERR_OK;
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 8;
        struct value *sorted = ARENA_RAW(c->mem, struct value, cap + 1);
        if (!sorted)
            return ERR_LIMIT;
        if (s->count)
            memcpy(sorted, s->sorted, s->count * sizeof *sorted);
        s->sorted = sorted;
        s->cap = cap;
    }
    memmove(s->sorted + at + 1, s->sorted + at, (s->count - at) * sizeof *s->sorted);
    if (s->count < VALUES_MAX)
        s->count++;
    return exec_copy_value(c->mem, v, &s->sorted[at]);
}

static enum err add(const struct agg_context *c, void *state, const struct agg_row *row) {
    return add_value(c, state, &row->value);
}

static enum err merge(const struct agg_context *c, void *to, const void *from) {
    const struct values *s = from;
    for (size_t i = 0; i < s->count; i++)
        TRY(add_value(c, to, &s->sorted[i]));
    ((struct values *)to)->cut |= s->cut;
    return ERR_OK;
}

static enum err result(struct agg_context *c, void *state, struct value *out) {
    const struct values *s = state;
    if (s->cut)
        c->cut_by = "stats.values_max";
    return agg_array(c->mem, s->sorted, sizeof *s->sorted, s->count, out);
}

const struct agg agg_values = {
    .name = "values",
    .aliases = "uniq_values",
    .args_min = 1,
    .args_max = 1,
    .help = "values(field): its different values, sorted; at most the first 1,000",
    .state_bytes = sizeof(struct values),
    .commutes = true,
    .add = add,
    .merge = merge,
    .result = result,
};
