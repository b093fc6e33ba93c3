#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    struct str s, set = STR(" \t\r\n");
    if (!fn_arg_text(c, 0, &s) || (c->arg_count > 1 && !fn_arg_text(c, 1, &set)))
        return value_null();
    while (s.n && set.n && memchr(set.p, s.p[s.n - 1], set.n))
        s.n--;
    return value_string(s);
}

const struct fn fn_rtrim = {
    .name = "rtrim",
    .args_min = 1,
    .args_max = 2,
    .help = "rtrim(text[, characters]): without spaces (or these characters) at the end",
    .eval = eval,
};
