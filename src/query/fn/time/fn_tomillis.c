#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    int64_t ns;
    return fn_arg_time(c, 0, &ns) ? value_int(ns / 1000000 - (ns % 1000000 < 0)) : value_null();
}

const struct fn fn_tomillis = {
    .name = "tomillis",
    .aliases = "to_millis",
    .args_min = 1,
    .args_max = 1,
    .help = "tomillis(time): milliseconds since 1970",
    .eval = eval,
};
