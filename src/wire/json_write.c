#include "wire/json.h"
#include <math.h>

static void add_escaped(struct buf *out, char c) {
    static const char short_form[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
    };
    static const char hex[] = "0123456789abcdef";
    unsigned char u = (unsigned char)c;
    if (u >= 0x20) /* '"' or '\\' */
        buf_add_bytes(out, (char[]){ '\\', c }, 2);
    else if (short_form[u])
        buf_add_bytes(out, (char[]){ '\\', short_form[u] }, 2);
    else
        buf_add_bytes(out, (char[]){ '\\', 'u', '0', '0', hex[u >> 4], hex[u & 15] }, 6);
}

void json_add_string(struct buf *out, struct str s) {
    buf_add_char(out, '"');
    size_t from = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (LIKELY(c >= 0x20 && c != '"' && c != '\\'))
            continue;
        buf_add_bytes(out, s.p + from, i - from);
        add_escaped(out, s.p[i]);
        from = i + 1;
    }
    if (s.n)
        buf_add_bytes(out, s.p + from, s.n - from);
    buf_add_char(out, '"');
}

void json_add_key(struct buf *out, struct str key) {
    if (out->n && out->p[out->n - 1] != '{')
        buf_add_char(out, ',');
    json_add_string(out, key);
    buf_add_char(out, ':');
}

void json_add_f64(struct buf *out, double v) {
    if (isfinite(v))
        buf_add_f64(out, v);
    else
        buf_add(out, STR("null"));
}

void json_add_compact(struct buf *out, struct str json) {
    bool in_string = false;
    for (size_t i = 0; i < json.n; i++) {
        char c = json.p[i];
        if (!in_string && json_space(c))
            continue;
        if ((unsigned char)c < 0x20)
            add_escaped(out, c);
        else
            buf_add_char(out, c);
        if (in_string && c == '\\' && i + 1 < json.n)
            buf_add_char(out, json.p[++i]);
        else if (c == '"')
            in_string = !in_string;
    }
}
