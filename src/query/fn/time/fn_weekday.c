#include "query/civil.h"
#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    int64_t ns;
    if (!fn_arg_time(c, 0, &ns))
        return value_null();
    return value_int(civil_of(ns).weekday);
}

const struct fn fn_weekday = {
    .name = "weekday",
    .aliases = "dayofweek",
    .args_min = 1,
    .args_max = 1,
    .help = "weekday(time): day of the week, Sunday is 0, in UTC",
    .eval = eval,
};
