#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    int64_t ns;
    return fn_arg_duration(c, 0, &ns) ? value_int(ns) : value_null();
}

const struct fn fn_duration = {
    .name = "duration",
    .args_min = 1,
    .args_max = 1,
    .help = "duration(text): nanoseconds of a span such as 1h30m",
    .eval = eval,
};
