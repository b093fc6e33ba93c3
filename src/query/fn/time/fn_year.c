#include "query/civil.h"
#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    int64_t ns;
    if (!fn_arg_time(c, 0, &ns))
        return value_null();
    return value_int(civil_of(ns).year);
}

const struct fn fn_year = {
    .name = "year",
    .args_min = 1,
    .args_max = 1,
    .help = "year(time): year, in UTC",
    .eval = eval,
};
