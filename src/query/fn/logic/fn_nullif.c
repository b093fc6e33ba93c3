#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    return value_compare_op(&c->args[0], OP_EQ, &c->args[1]) ? value_null() : c->args[0];
}

const struct fn fn_nullif = {
    .name = "nullif",
    .args_min = 2,
    .args_max = 2,
    .help = "nullif(a, b): null when both are equal, else a",
    .eval = eval,
};
