#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    const struct value *v = &c->args[0];
    int64_t i;
    double f;
    if (v->type == VALUE_INT || v->type == VALUE_FLOAT)
        return *v;
    if (value_has_bytes(v->type) && str_to_i64(str_trim(v->s), &i))
        return value_int(i);
    if (value_has_bytes(v->type))
        return str_to_f64(str_trim(v->s), &f) ? fn_float(f) : value_null();
    return fn_arg_int(c, 0, &i) ? value_int(i) : value_null();
}

const struct fn fn_tonumber = {
    .name = "tonumber",
    .aliases = "number",
    .args_min = 1,
    .args_max = 1,
    .help = "tonumber(x): as number, or null; times as ns since 1970, true as 1",
    .eval = eval,
};
