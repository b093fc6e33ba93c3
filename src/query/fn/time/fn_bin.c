#include "query/fn/fn.h"
#include "query/value_time.h"
#include <math.h>

static struct value bin_number(const struct fn_call *c) {
    double x, step;
    if (c->args[0].type == VALUE_INT && c->args[1].type == VALUE_INT && c->args[1].i > 0) {
        int64_t rest = c->args[0].i % c->args[1].i, down;
        if (!__builtin_sub_overflow(c->args[0].i, rest < 0 ? rest + c->args[1].i : rest, &down))
            return value_int(down);
    }
    if (!fn_arg_number(c, 0, &x) || !fn_arg_number(c, 1, &step) || !(step > 0))
        return value_null();
    return fn_float(floor(x / step) * step);
}

static struct value eval(const struct fn_call *c) {
    int64_t ns, step_ns;
    double number;
    if (c->args[0].type != VALUE_TIME && value_number(&c->args[0], &number))
        return bin_number(c);
    if (!fn_arg_time(c, 0, &ns) || !fn_arg_duration(c, 1, &step_ns) || step_ns <= 0)
        return value_null();
    return value_time(value_time_floor(ns, step_ns));
}

const struct fn fn_bin = {
    .name = "bin",
    .aliases = "datefloor floor_time",
    .args_min = 1,
    .args_max = 2,
    .help = "bin([time, ]step): down to a whole step; @timestamp unless a time or number is given",
    .eval = eval,
    .time_first = true,
};
