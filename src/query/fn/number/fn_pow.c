#include "query/fn/fn.h"
#include <math.h>

static struct value eval(const struct fn_call *c) {
    double x, y;
    return fn_arg_number(c, 0, &x) && fn_arg_number(c, 1, &y) ? fn_float(pow(x, y)) : value_null();
}

const struct fn fn_pow = {
    .name = "pow",
    .aliases = "power",
    .args_min = 2,
    .args_max = 2,
    .help = "pow(x, y): x to the power y",
    .eval = eval,
};
