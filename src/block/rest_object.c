#include "block/rest_object.h"
#include <math.h>

static void add_string(struct buf *out, struct str s) {
    static const char hex[] = "0123456789abcdef";
    buf_add_char(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\') {
            buf_add_char(out, '\\');
            buf_add_char(out, (char)c);
        } else if (c < 0x20) {
            char escape[] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
            buf_add_bytes(out, escape, sizeof escape);
        } else {
            buf_add_char(out, (char)c);
        }
    }
    buf_add_char(out, '"');
}

static size_t digits(struct str s, size_t at) {
    size_t from = at;
    while (at < s.n && ascii_digit(s.p[at]))
        at++;
    return at - from;
}

/* By the grammar of RFC 8259; other spellings of numbers ("+5", "007") become strings. */
static bool is_json_number(struct str s) {
    size_t at = s.n && s.p[0] == '-' ? 1 : 0, whole = digits(s, at);
    if (whole == 0 || (whole > 1 && s.p[at] == '0'))
        return false;
    at += whole;
    if (at < s.n && s.p[at] == '.') {
        size_t n = digits(s, at + 1);
        if (n == 0)
            return false;
        at += 1 + n;
    }
    if (at < s.n && (s.p[at] == 'e' || s.p[at] == 'E')) {
        at++;
        if (at < s.n && (s.p[at] == '+' || s.p[at] == '-'))
            at++;
        size_t n = digits(s, at);
        if (n == 0)
            return false;
        at += n;
    }
    return at == s.n;
}

static void add_float(struct buf *out, double f) {
    if (isfinite(f))
        buf_add_f64(out, f);
    else
        buf_add(out, isnan(f) ? STR("\"NaN\"") : f > 0 ? STR("\"Infinity\"") : STR("\"-Infinity\""));
}

static void add_value(struct buf *out, const struct cell *c) {
    struct str s =
        value_has_bytes((enum value_type)c->type) ? (struct str){ c->p, c->bytes } : (struct str){ 0 };
    switch ((enum value_type)c->type) {
    case VALUE_NULL: buf_add(out, STR("null")); break;
    case VALUE_BOOL: buf_add(out, c->i ? STR("true") : STR("false")); break;
    case VALUE_INT:
    case VALUE_TIME: buf_add_i64(out, c->i); break;
    case VALUE_FLOAT: add_float(out, c->f); break;
    case VALUE_JSON: buf_add(out, s); break;
    default:
        if (c->type == VALUE_NUMBER_TEXT && is_json_number(s))
            buf_add(out, s);
        else
            add_string(out, s);
    }
}

void rest_object_begin(struct buf *out) {
    buf_add(out, STR("{}"));
}

/* Opens the object again for one more member. */
static void reopen(struct buf *out) {
    out->n--;
    if (out->p[out->n - 1] != '{')
        buf_add_char(out, ',');
}

void rest_object_add(struct buf *out, struct str name, const struct cell *c) {
    reopen(out);
    add_string(out, name);
    buf_add_char(out, ':');
    add_value(out, c);
    buf_add_char(out, '}');
}

void rest_object_splice(struct buf *out, struct str object) {
    struct str s = str_trim(object);
    bool whole = s.n >= 2 && s.p[0] == '{' && s.p[s.n - 1] == '}';
    struct str inner = whole ? str_trim((struct str){ s.p + 1, s.n - 2 }) : object;
    if (whole && inner.n == 0)
        return;
    reopen(out);
    if (!whole) {
        buf_add(out, STR("\"@rest\":"));
        add_string(out, inner);
    } else {
        buf_add(out, inner);
    }
    buf_add_char(out, '}');
}
