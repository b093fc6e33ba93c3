#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    struct str s;
    return fn_arg_text(c, 0, &s) ? value_string(s) : value_null();
}

const struct fn fn_tostring = {
    .name = "tostring",
    .aliases = "string",
    .args_min = 1,
    .args_max = 1,
    .help = "tostring(x): as text",
    .eval = eval,
};
