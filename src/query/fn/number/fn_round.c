#include "query/fn/fn.h"
#include <math.h>

static struct value whole(double x) {
    return x > -9e15 && x < 9e15 ? value_int((int64_t)x) : fn_float(x);
}

static struct value eval(const struct fn_call *c) {
    double x, scale = 1;
    int64_t digits = 0;
    if (c->args[0].type == VALUE_INT)
        return c->args[0];
    if (!fn_arg_number(c, 0, &x) || (c->arg_count > 1 && !fn_arg_int(c, 1, &digits)) || digits < -15 ||
        digits > 15)
        return value_null();
    if (digits == 0)
        return whole(round(x));
    scale = pow(10, (double)(digits < 0 ? -digits : digits));
    return fn_float(digits < 0 ? round(x / scale) * scale : round(x * scale) / scale);
}

const struct fn fn_round = {
    .name = "round",
    .args_min = 1,
    .args_max = 2,
    .help = "round(x[, digits]): to a whole number, or so many decimals",
    .eval = eval,
};
