#include "query/fn/fn.h"
#include <math.h>

static struct value eval(const struct fn_call *c) {
    double x, base = 10;
    if (!fn_arg_number(c, 0, &x) || (c->arg_count > 1 && !fn_arg_number(c, 1, &base)))
        return value_null();
    return fn_float(base == 10 ? log10(x) : log(x) / log(base));
}

const struct fn fn_log = {
    .name = "log",
    .aliases = "log10",
    .args_min = 1,
    .args_max = 2,
    .help = "log(x[, base]): logarithm, of base 10 unless given",
    .eval = eval,
};
