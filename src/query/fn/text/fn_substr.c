#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    struct str s;
    int64_t start, count = INT64_MAX;
    if (!fn_arg_text(c, 0, &s) || !fn_arg_int(c, 1, &start) ||
        (c->arg_count > 2 && !fn_arg_int(c, 2, &count)))
        return value_null();
    if (start < 0)
        start = start < -fn_char_count(s) ? 0 : start + fn_char_count(s);
    s = str_skip(s, fn_char_offset(s, start));
    s.n = fn_char_offset(s, count);
    return value_string(s);
}

const struct fn fn_substr = {
    .name = "substr",
    .aliases = "substring",
    .args_min = 2,
    .args_max = 3,
    .help = "substr(text, start[, count]): a part; start counts characters from 0, below 0 from the end",
    .eval = eval,
};
