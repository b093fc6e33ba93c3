#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    size_t i = 0;
    for (; i + 1 < c->arg_count; i += 2)
        if (value_truth(&c->args[i]))
            return c->args[i + 1];
    return i < c->arg_count ? c->args[i] : value_null();
}

const struct fn fn_case = {
    .name = "case",
    .args_min = 2,
    .args_max = FN_ARGS_MAX,
    .help = "case(condition, value, condition, value, …[, else]): the value of the first true condition",
    .eval = eval,
};
