#include "query/fn/fn.h"
#include "wire/json.h"

static struct value part(struct str s, struct str separator, int64_t index) {
    for (;; index--) {
        size_t end = str_find(s, separator, 0);
        if (index == 0)
            return value_string(end == SIZE_MAX ? s : (struct str){ s.p, end });
        if (end == SIZE_MAX)
            return value_null();
        s = str_skip(s, end + separator.n);
    }
}

static struct value array(const struct fn_call *c, struct str s, struct str separator) {
    AUTO(buf) b = { .limit_bytes = ROW_TEXT_BYTES_MAX };
    struct str json;
    for (size_t end = 0; end != SIZE_MAX; s = end == SIZE_MAX ? s : str_skip(s, end + separator.n)) {
        end = str_find(s, separator, 0);
        buf_add_char(&b, b.n ? ',' : '[');
        json_add_string(&b, end == SIZE_MAX ? s : (struct str){ s.p, end });
    }
    buf_add_char(&b, ']');
    if (!buf_ok(&b) || arena_dup(c->mem, buf_str(&b), &json) != ERR_OK)
        return value_null();
    return (struct value){ .type = VALUE_JSON, .s = json };
}

static int64_t count_of(struct str s, struct str separator) {
    int64_t count = 1;
    for (size_t at = 0; (at = str_find(s, separator, at)) != SIZE_MAX; at += separator.n)
        count++;
    return count;
}

static struct value eval(const struct fn_call *c) {
    struct str s, separator;
    int64_t index;
    if (!fn_arg_text(c, 0, &s) || !fn_arg_text(c, 1, &separator) || separator.n == 0)
        return value_null();
    if (c->arg_count < 3)
        return array(c, s, separator);
    if (!fn_arg_int(c, 2, &index))
        return value_null();
    if (index < 0)
        index += count_of(s, separator);
    return index < 0 ? value_null() : part(s, separator, index);
}

const struct fn fn_split = {
    .name = "split",
    .args_min = 2,
    .args_max = 3,
    .help =
        "split(text, separator[, index]): an array of the parts, or one of them from 0, below 0 from the end",
    .eval = eval,
};
