#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    struct str s, part;
    if (!fn_arg_text(c, 0, &s) || !fn_arg_text(c, 1, &part))
        return value_null();
    return value_bool(str_find(s, part, 0) != SIZE_MAX);
}

const struct fn fn_strcontains = {
    .name = "strcontains",
    .aliases = "contains",
    .args_min = 2,
    .args_max = 2,
    .help = "strcontains(text, part): whether the part occurs, letter case kept",
    .eval = eval,
};
