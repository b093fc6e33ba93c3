#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    struct str s;
    return fn_arg_text(c, 0, &s) ? value_int(fn_char_count(s)) : value_null();
}

const struct fn fn_strlen = {
    .name = "strlen",
    .aliases = "len",
    .args_min = 1,
    .args_max = 1,
    .help = "strlen(text): number of characters",
    .eval = eval,
};
