#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    for (size_t i = 0; i < c->arg_count; i++)
        if (c->args[i].type != VALUE_NULL)
            return c->args[i];
    return value_null();
}

const struct fn fn_coalesce = {
    .name = "coalesce",
    .args_min = 1,
    .args_max = FN_ARGS_MAX,
    .help = "coalesce(a, b, …): the first that is not null",
    .eval = eval,
};
