#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    int64_t ms, ns;
    if (!fn_arg_int(c, 0, &ms) || __builtin_mul_overflow(ms, (int64_t)1000000, &ns))
        return value_null();
    return value_time(ns);
}

const struct fn fn_frommillis = {
    .name = "frommillis",
    .aliases = "from_millis",
    .args_min = 1,
    .args_max = 1,
    .help = "frommillis(ms): a time from milliseconds since 1970",
    .eval = eval,
};
