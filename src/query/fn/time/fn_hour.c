#include "query/civil.h"
#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    int64_t ns;
    if (!fn_arg_time(c, 0, &ns))
        return value_null();
    return value_int(civil_of(ns).hour);
}

const struct fn fn_hour = {
    .name = "hour",
    .args_min = 1,
    .args_max = 1,
    .help = "hour(time): hour, 0 to 23, in UTC",
    .eval = eval,
};
