#include "query/civil.h"
#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    int64_t ns;
    if (!fn_arg_time(c, 0, &ns))
        return value_null();
    return value_int(civil_of(ns).day);
}

const struct fn fn_day = {
    .name = "day",
    .aliases = "dayofmonth",
    .args_min = 1,
    .args_max = 1,
    .help = "day(time): day of the month, 1 to 31, in UTC",
    .eval = eval,
};
