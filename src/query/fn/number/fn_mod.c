#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    return value_arith(OP_MOD, &c->args[0], &c->args[1]);
}

const struct fn fn_mod = {
    .name = "mod",
    .args_min = 2,
    .args_max = 2,
    .help = "mod(a, b): the rest of a / b; null when b is 0",
    .eval = eval,
};
