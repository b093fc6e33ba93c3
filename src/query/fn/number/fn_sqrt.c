#include "query/fn/fn.h"
#include <math.h>

static struct value eval(const struct fn_call *c) {
    double x;
    return fn_arg_number(c, 0, &x) ? fn_float(sqrt(x)) : value_null();
}

const struct fn fn_sqrt = {
    .name = "sqrt",
    .args_min = 1,
    .args_max = 1,
    .help = "sqrt(x): square root; null below 0",
    .eval = eval,
};
