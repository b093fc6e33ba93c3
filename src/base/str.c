#include "base/str.h"
#include <stdlib.h>

bool str_cut(struct str *rest, char sep, struct str *out_head) {
    const char *hit = rest->n ? memchr(rest->p, sep, rest->n) : NULL;
    if (!hit)
        return false;
    size_t n = (size_t)(hit - rest->p);
    *out_head = (struct str){ rest->p, n };
    *rest = (struct str){ hit + 1, rest->n - n - 1 };
    return true;
}

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

struct str str_trim(struct str s) {
    while (s.n && is_space(s.p[0]))
        s = str_skip(s, 1);
    while (s.n && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool str_eq_nocase(struct str a, struct str b) {
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
            return false;
    return true;
}

int str_cmp(struct str a, struct str b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    if (c)
        return c;
    return (a.n > b.n) - (a.n < b.n);
}

size_t str_find(struct str s, struct str needle, size_t from) {
    if (from > s.n || needle.n > s.n - from)
        return SIZE_MAX;
    if (needle.n == 0)
        return from;
    const char *hit = memmem(s.p + from, s.n - from, needle.p, needle.n);
    return hit ? (size_t)(hit - s.p) : SIZE_MAX;
}

size_t str_find_nocase(struct str s, struct str needle, size_t from) {
    if (from > s.n || needle.n > s.n - from)
        return SIZE_MAX;
    for (size_t i = from; i + needle.n <= s.n; i++)
        if (str_eq_nocase((struct str){ s.p + i, needle.n }, needle))
            return i;
    return SIZE_MAX;
}

bool str_to_u64(struct str s, uint64_t *out) {
    uint64_t v = 0;
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_digit(s.p[i]) || __builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
            return false;
    }
    *out = v;
    return true;
}

bool str_to_i64(struct str s, int64_t *out) {
    bool minus = s.n && s.p[0] == '-';
    uint64_t v;
    if (!str_to_u64(minus ? str_skip(s, 1) : s, &v) || v > (uint64_t)INT64_MAX + minus)
        return false;
    *out = minus ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

bool str_to_f64(struct str s, double *out) {
    char z[64];
    if (s.n == 0 || s.n >= sizeof z)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_digit(s.p[i]) && !memchr("+-.eE", s.p[i], 5))
            return false;
    memcpy(z, s.p, s.n);
    z[s.n] = '\0';
    char *end;
    *out = strtod(z, &end);
    return end == z + s.n;
}
