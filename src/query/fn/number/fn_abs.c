#include "query/fn/fn.h"
#include <math.h>

static struct value eval(const struct fn_call *c) {
    double x;
    if (c->args[0].type == VALUE_INT && c->args[0].i != INT64_MIN)
        return value_int(c->args[0].i < 0 ? -c->args[0].i : c->args[0].i);
    return fn_arg_number(c, 0, &x) ? fn_float(fabs(x)) : value_null();
}

const struct fn fn_abs = {
    .name = "abs",
    .args_min = 1,
    .args_max = 1,
    .help = "abs(x): without its sign",
    .eval = eval,
};
