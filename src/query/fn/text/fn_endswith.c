#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    struct str s, part;
    if (!fn_arg_text(c, 0, &s) || !fn_arg_text(c, 1, &part))
        return value_null();
    return value_bool(str_ends(s, part));
}

const struct fn fn_endswith = {
    .name = "endswith",
    .aliases = "ends_with",
    .args_min = 2,
    .args_max = 2,
    .help = "endswith(text, part): whether the text ends with the part",
    .eval = eval,
};
