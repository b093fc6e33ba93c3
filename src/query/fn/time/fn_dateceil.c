#include "query/fn/fn.h"
#include "query/value_time.h"

static struct value eval(const struct fn_call *c) {
    int64_t ns, step_ns, down;
    if (!fn_arg_time(c, 0, &ns) || !fn_arg_duration(c, 1, &step_ns) || step_ns <= 0)
        return value_null();
    down = value_time_floor(ns, step_ns);
    if (down == ns)
        return value_time(ns);
    return __builtin_add_overflow(down, step_ns, &down) ? value_null() : value_time(down);
}

const struct fn fn_dateceil = {
    .name = "dateceil",
    .args_min = 1,
    .args_max = 2,
    .help = "dateceil([time, ]step): up to a whole step; @timestamp unless a time is given",
    .eval = eval,
    .time_first = true,
};
