#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    if (value_truth(&c->args[0]))
        return c->args[1];
    return c->arg_count > 2 ? c->args[2] : value_null();
}

const struct fn fn_if = {
    .name = "if",
    .aliases = "iif",
    .args_min = 2,
    .args_max = 3,
    .help = "if(condition, then[, else]): one of two values",
    .eval = eval,
};
