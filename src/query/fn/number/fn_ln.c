#include "query/fn/fn.h"
#include <math.h>

static struct value eval(const struct fn_call *c) {
    double x;
    return fn_arg_number(c, 0, &x) ? fn_float(log(x)) : value_null();
}

const struct fn fn_ln = {
    .name = "ln",
    .args_min = 1,
    .args_max = 1,
    .help = "ln(x): natural logarithm; null at 0 and below",
    .eval = eval,
};
