#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    return value_bool(c->args[0].type != VALUE_NULL);
}

const struct fn fn_isnotnull = {
    .name = "isnotnull",
    .aliases = "ispresent is_present",
    .args_min = 1,
    .args_max = 1,
    .help = "isnotnull(x): whether there is a value",
    .eval = eval,
};
