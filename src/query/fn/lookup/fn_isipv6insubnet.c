#include "query/fn/fn.h"
#include "query/value_ip.h"

static struct value eval(const struct fn_call *c) {
    unsigned char ip[16], prefix[16];
    unsigned bits;
    struct str text;
    if (!fn_arg_ip(c, 0, ip) || !fn_arg_text(c, 1, &text) || !value_ip_prefix_parse(text, prefix, &bits))
        return value_null();
    return value_bool(!value_ip_is_v4(ip) && value_ip_in(ip, prefix, bits));
}

const struct fn fn_isipv6insubnet = {
    .name = "isipv6insubnet",
    .args_min = 2,
    .args_max = 2,
    .help = "isipv6insubnet(ip, \"2001:db8::/32\"): whether the IPv6 address lies in the prefix",
    .eval = eval,
};
