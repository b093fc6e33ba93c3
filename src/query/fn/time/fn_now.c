#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    return value_time(c->now_ns);
}

const struct fn fn_now = {
    .name = "now",
    .args_min = 0,
    .args_max = 0,
    .help = "now(): the time of the query",
    .eval = eval,
};
