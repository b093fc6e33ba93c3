#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    unsigned char ip[16];
    return value_bool(fn_arg_ip(c, 0, ip));
}

const struct fn fn_isvalidip = {
    .name = "isvalidip",
    .aliases = "is_valid_ip",
    .args_min = 1,
    .args_max = 1,
    .help = "isvalidip(text): whether it is an IPv4 or IPv6 address",
    .eval = eval,
};
