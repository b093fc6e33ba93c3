#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    AUTO(buf) b = { .limit_bytes = ROW_TEXT_BYTES_MAX };
    struct str s;
    for (size_t i = 0; i < c->arg_count; i++)
        if (fn_arg_text(c, i, &s))
            buf_add(&b, s);
    return buf_ok(&b) ? fn_string(c, buf_str(&b)) : value_null();
}

const struct fn fn_concat = {
    .name = "concat",
    .args_min = 1,
    .args_max = FN_ARGS_MAX,
    .help = "concat(a, b, …): the texts one behind the other; nulls are left out",
    .eval = eval,
};
