#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    struct str s, part;
    if (!fn_arg_text(c, 0, &s) || !fn_arg_text(c, 1, &part))
        return value_null();
    size_t at = str_find(s, part, 0);
    return value_int(at == SIZE_MAX ? -1 : fn_char_count((struct str){ s.p, at }));
}

const struct fn fn_strpos = {
    .name = "strpos",
    .aliases = "indexof",
    .args_min = 2,
    .args_max = 2,
    .help = "strpos(text, part): place of the part in characters from 0, or -1",
    .eval = eval,
};
