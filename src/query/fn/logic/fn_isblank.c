#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    struct str s;
    return value_bool(!fn_arg_text(c, 0, &s) || str_trim(s).n == 0);
}

const struct fn fn_isblank = {
    .name = "isblank",
    .aliases = "is_blank",
    .args_min = 1,
    .args_max = 1,
    .help = "isblank(x): no value, or a text of spaces only",
    .eval = eval,
};
