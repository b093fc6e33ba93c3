#include "query/fn/fn.h"
#include <math.h>

static struct value whole(double x) {
    return x > -9e15 && x < 9e15 ? value_int((int64_t)x) : fn_float(x);
}

static struct value eval(const struct fn_call *c) {
    double x;
    if (c->args[0].type == VALUE_INT)
        return c->args[0];
    return fn_arg_number(c, 0, &x) ? whole(floor(x)) : value_null();
}

const struct fn fn_floor = {
    .name = "floor",
    .args_min = 1,
    .args_max = 1,
    .help = "floor(x): down to a whole number",
    .eval = eval,
};
