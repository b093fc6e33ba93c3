#include "query/fn/fn.h"
#include "query/value_ip.h"

static struct value eval(const struct fn_call *c) {
    unsigned char ip[16], prefix[16];
    unsigned bits;
    struct str text;
    if (!fn_arg_ip(c, 1, ip) || !fn_arg_text(c, 0, &text) || !value_ip_prefix_parse(text, prefix, &bits))
        return value_null();
    return value_bool(value_ip_in(ip, prefix, bits));
}

const struct fn fn_cidrmatch = {
    .name = "cidrmatch",
    .args_min = 2,
    .args_max = 2,
    .help = "cidrmatch(\"10.0.0.0/8\", ip): whether the address lies in the prefix",
    .eval = eval,
};
