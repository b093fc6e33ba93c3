#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    return value_bool(c->args[0].type == VALUE_NULL);
}

const struct fn fn_isnull = {
    .name = "isnull",
    .aliases = "is_null",
    .args_min = 1,
    .args_max = 1,
    .help = "isnull(x): whether there is no value",
    .eval = eval,
};
