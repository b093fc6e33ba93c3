#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    AUTO(buf) b = { .limit_bytes = ROW_TEXT_BYTES_MAX };
    struct str s, from, to;
    if (!fn_arg_text(c, 0, &s) || !fn_arg_text(c, 1, &from) || !fn_arg_text(c, 2, &to))
        return value_null();
    if (from.n == 0)
        return value_string(s);
    for (size_t at; (at = str_find(s, from, 0)) != SIZE_MAX; s = str_skip(s, at + from.n)) {
        buf_add(&b, (struct str){ s.p, at });
        buf_add(&b, to);
    }
    buf_add(&b, s);
    return buf_ok(&b) ? fn_string(c, buf_str(&b)) : value_null();
}

const struct fn fn_replace = {
    .name = "replace",
    .args_min = 3,
    .args_max = 3,
    .help = "replace(text, from, to): each occurrence replaced, letter case kept",
    .eval = eval,
};
