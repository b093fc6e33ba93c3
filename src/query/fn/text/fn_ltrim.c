#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    struct str s, set = STR(" \t\r\n");
    if (!fn_arg_text(c, 0, &s) || (c->arg_count > 1 && !fn_arg_text(c, 1, &set)))
        return value_null();
    while (s.n && set.n && memchr(set.p, s.p[0], set.n))
        s = str_skip(s, 1);
    return value_string(s);
}

const struct fn fn_ltrim = {
    .name = "ltrim",
    .args_min = 1,
    .args_max = 2,
    .help = "ltrim(text[, characters]): without spaces (or these characters) in front",
    .eval = eval,
};
