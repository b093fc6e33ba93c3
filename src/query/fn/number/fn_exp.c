#include "query/fn/fn.h"
#include <math.h>

static struct value eval(const struct fn_call *c) {
    double x;
    return fn_arg_number(c, 0, &x) ? fn_float(exp(x)) : value_null();
}

const struct fn fn_exp = {
    .name = "exp",
    .args_min = 1,
    .args_max = 1,
    .help = "exp(x): e to the power x",
    .eval = eval,
};
