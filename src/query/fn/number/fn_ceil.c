#include "query/fn/fn.h"
#include <math.h>

static struct value whole(double x) {
    return x > -9e15 && x < 9e15 ? value_int((int64_t)x) : fn_float(x);
}

static struct value eval(const struct fn_call *c) {
    double x;
    if (c->args[0].type == VALUE_INT)
        return c->args[0];
    return fn_arg_number(c, 0, &x) ? whole(ceil(x)) : value_null();
}

const struct fn fn_ceil = {
    .name = "ceil",
    .aliases = "ceiling",
    .args_min = 1,
    .args_max = 1,
    .help = "ceil(x): up to a whole number",
    .eval = eval,
};
