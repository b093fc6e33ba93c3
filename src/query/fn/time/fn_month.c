#include "query/civil.h"
#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    int64_t ns;
    if (!fn_arg_time(c, 0, &ns))
        return value_null();
    return value_int(civil_of(ns).month);
}

const struct fn fn_month = {
    .name = "month",
    .args_min = 1,
    .args_max = 1,
    .help = "month(time): month, 1 to 12, in UTC",
    .eval = eval,
};
