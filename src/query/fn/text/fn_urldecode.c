#include "query/fn/fn.h"

static int hex(char c) {
    c = ascii_lower(c);
    return ascii_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct value eval(const struct fn_call *c) {
    struct str s;
    if (!fn_arg_text(c, 0, &s))
        return value_null();
    char *to = ARENA_RAW(c->mem, char, s.n);
    size_t n = 0;
    if (!to)
        return value_null();
    for (size_t i = 0; i < s.n; i++) {
        bool escape = s.p[i] == '%' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0;
        to[n++] = escape ? (char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2])) : s.p[i];
        i += escape ? 2 : 0;
    }
    return value_string((struct str){ to, n });
}

const struct fn fn_urldecode = {
    .name = "urldecode",
    .args_min = 1,
    .args_max = 1,
    .help = "urldecode(text): %20 and the like turned back",
    .eval = eval,
};
