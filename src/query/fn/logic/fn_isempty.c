#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    struct str s;
    return value_bool(!fn_arg_text(c, 0, &s) || s.n == 0);
}

const struct fn fn_isempty = {
    .name = "isempty",
    .aliases = "is_empty",
    .args_min = 1,
    .args_max = 1,
    .help = "isempty(x): no value, or an empty text",
    .eval = eval,
};
