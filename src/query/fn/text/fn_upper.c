#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    struct str s;
    if (!fn_arg_text(c, 0, &s))
        return value_null();
    char *to = ARENA_RAW(c->mem, char, s.n);
    if (!to)
        return value_null();
    for (size_t i = 0; i < s.n; i++)
        to[i] = s.p[i] >= 'a' && s.p[i] <= 'z' ? (char)(s.p[i] - 32) : s.p[i];
    return value_string((struct str){ to, s.n });
}

const struct fn fn_upper = {
    .name = "upper",
    .aliases = "toupper",
    .args_min = 1,
    .args_max = 1,
    .help = "upper(text): in upper case (ASCII letters)",
    .eval = eval,
};
