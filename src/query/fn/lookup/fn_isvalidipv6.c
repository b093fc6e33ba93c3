#include "query/fn/fn.h"
#include "query/value_ip.h"

static struct value eval(const struct fn_call *c) {
    unsigned char ip[16];
    return value_bool(fn_arg_ip(c, 0, ip) && !value_ip_is_v4(ip));
}

const struct fn fn_isvalidipv6 = {
    .name = "isvalidipv6",
    .args_min = 1,
    .args_max = 1,
    .help = "isvalidipv6(text): whether it is an IPv6 address",
    .eval = eval,
};
