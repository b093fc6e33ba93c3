#include "query/agg/agg_array.h"
#include "wire/json.h"
#include <stdlib.h>
/*
 * All values, newest first, as a JSON array. At most LIST_MAX: the newest. Values gather unordered until
 * there are twice as many; then the older half is dropped.
 */
enum { LIST_MAX = 1000, ARRAY_BYTES_MAX = 64 << 20 };

struct item {
    struct value value;
    struct exec_key key;
};
struct list {
    struct item *items;
    size_t count, cap;
    bool cut;
};

static int compare(const void *a, const void *b) {
    return exec_key_order(&((const struct item *)a)->key, &((const struct item *)b)->key);
}

static void sort(struct list *s) {
    if (s->count)
        qsort(s->items, s->count, sizeof *s->items, compare);
    s->cut = s->cut || s->count > LIST_MAX;
    s->count = s->count > LIST_MAX ? LIST_MAX : s->count;
}

static enum err add(const struct agg_context *c, void *state, const struct agg_row *row) {
    struct list *s = state;
    if (s->count == 2 * LIST_MAX)
        sort(s);
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 8;
        struct item *items = ARENA_RAW(c->mem, struct item, cap);
        if (!items)
            return ERR_LIMIT;
        if (s->count)
            memcpy(items, s->items, s->count * sizeof *items);
        s->items = items;
        s->cap = cap;
    }
    s->items[s->count].key = *row->key;
    return exec_copy_value(c->mem, &row->value, &s->items[s->count++].value);
}

static enum err merge(const struct agg_context *c, void *to, const void *from) {
    const struct list *s = from;
    for (size_t i = 0; i < s->count; i++)
        TRY(add(c, to, &(struct agg_row){ s->items[i].value, &s->items[i].key }));
    ((struct list *)to)->cut |= s->cut;
    return ERR_OK;
}

static void add_json(const struct value *v, struct buf *out) {
    switch (v->type) {
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_NUMBER_TEXT: value_print(v, out); break;
    case VALUE_FLOAT: json_add_f64(out, v->f); break;
    case VALUE_JSON: json_add_compact(out, v->s); break;
    case VALUE_TIME:
    case VALUE_IP:
        buf_add_char(out, '"');
        value_print(v, out);
        buf_add_char(out, '"');
        break;
    default: json_add_string(out, v->s);
    }
}

enum err agg_array(struct arena *mem, const struct value *first, size_t stride_bytes, size_t count,
                   struct value *out) {
    AUTO(buf) text = { .limit_bytes = ARRAY_BYTES_MAX };
    *out = value_null();
    if (count == 0)
        return ERR_OK;
    buf_add_char(&text, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_add_char(&text, ',');
        add_json((const struct value *)(const void *)((const char *)first + i * stride_bytes), &text);
    }
    buf_add_char(&text, ']');
    *out = (struct value){ .type = VALUE_JSON };
    return buf_ok(&text) ? arena_dup(mem, buf_str(&text), &out->s) : ERR_LIMIT;
}

static enum err result(struct agg_context *c, void *state, struct value *out) {
    struct list *s = state;
    sort(s);
    if (s->cut)
        c->cut_by = "stats.list_max";
    if (s->count == 0) {
        *out = value_null();
        return ERR_OK;
    }
    return agg_array(c->mem, &s->items[0].value, sizeof *s->items, s->count, out);
}

const struct agg agg_list = {
    .name = "list",
    .args_min = 1,
    .args_max = 1,
    .help = "list(field): its values, newest first; at most the newest 1,000",
    .state_bytes = sizeof(struct list),
    .commutes = true,
    .needs_key = true,
    .add = add,
    .merge = merge,
    .result = result,
};
