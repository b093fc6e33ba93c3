#include "base/hash.h"
#include "query/fn/fn.h"
#include <stdio.h>

static struct value eval(const struct fn_call *c) {
    struct str s;
    char text[17];
    if (!fn_arg_text(c, 0, &s))
        return value_null();
    int n = snprintf(text, sizeof text, "%016llx", (unsigned long long)hash64(s));
    return fn_string(c, (struct str){ text, (size_t)n });
}

const struct fn fn_hash = {
    .name = "hash",
    .args_min = 1,
    .args_max = 1,
    .help = "hash(x): 16 hexadecimal digits that depend on the text alone (XXH3)",
    .eval = eval,
};
