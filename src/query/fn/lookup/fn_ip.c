#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    unsigned char ip[16];
    struct str kept;
    if (!fn_arg_ip(c, 0, ip) || arena_dup(c->mem, (struct str){ (char *)ip, sizeof ip }, &kept) != ERR_OK)
        return value_null();
    return (struct value){ .type = VALUE_IP, .s = kept };
}

const struct fn fn_ip = {
    .name = "ip",
    .args_min = 1,
    .args_max = 1,
    .help = "ip(text): an address, which sorts and compares as one",
    .eval = eval,
};
