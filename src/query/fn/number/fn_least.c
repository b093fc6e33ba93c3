#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    struct value best = value_null();
    for (size_t i = 0; i < c->arg_count; i++)
        if (c->args[i].type != VALUE_NULL && (best.type == VALUE_NULL || value_order(&c->args[i], &best) < 0))
            best = c->args[i];
    return best;
}

const struct fn fn_least = {
    .name = "least",
    .args_min = 1,
    .args_max = FN_ARGS_MAX,
    .help = "least(a, b, …): the smallest; nulls are left out",
    .eval = eval,
};
