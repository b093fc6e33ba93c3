#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    int64_t ns;
    return fn_arg_time(c, 0, &ns) ? value_time(ns) : value_null();
}

const struct fn fn_totime = {
    .name = "totime",
    .aliases = "parsetime to_time",
    .args_min = 1,
    .args_max = 1,
    .help =
        "totime(x): a time from RFC 3339 text, a Unix time in s, ms, us or ns, or now-1h; null for anything else",
    .eval = eval,
};
