#include "query/value_time.h"
#include <math.h>
/* Durations (1h30m, 1.5s) and sizes (10KB, 4MiB): numbers with units, as literals write them. */

/* A decimal number at the front of *s. */
static bool take_number(struct str *s, double *out, bool *out_whole) {
    size_t n = 0;
    while (n < s->n && (ascii_digit(s->p[n]) || s->p[n] == '.'))
        n++;
    struct str text = { s->p, n };
    *out_whole = n && !memchr(s->p, '.', n);
    if (n == 0 || !ascii_digit(s->p[0]) || !str_to_f64(text, out))
        return false;
    *s = str_skip(*s, n);
    return true;
}

/* count * unit, exactly when the count is whole. */
static bool scale(struct str text, double count, bool whole, int64_t unit, int64_t *out) {
    int64_t exact;
    if (whole)
        return str_to_i64(text, &exact) && !__builtin_mul_overflow(exact, unit, out);
    double v = count * (double)unit;
    if (!(v < 9.2e18))
        return false;
    *out = (int64_t)llround(v);
    return true;
}

bool duration_parse(struct str text, int64_t *out_ns) {
    bool minus = text.n && text.p[0] == '-', whole;
    struct str rest = minus ? str_skip(text, 1) : text;
    int64_t sum = 0, unit_ns, part;
    double count;
    if (rest.n == 0 || rest.n > 64)
        return false;
    while (rest.n) {
        struct str number = rest, unit;
        if (!take_number(&rest, &count, &whole))
            return false;
        number.n -= rest.n;
        unit = rest;
        for (unit.n = 0; unit.n < rest.n && !ascii_digit(rest.p[unit.n]);)
            unit.n++;
        if (!value_time_unit(unit, &unit_ns) || !scale(number, count, whole, unit_ns, &part) ||
            __builtin_add_overflow(sum, part, &sum))
            return false;
        rest = str_skip(rest, unit.n);
    }
    *out_ns = minus ? -sum : sum;
    return true;
}

static const struct {
    const char *name;
    int64_t bytes;
} sizes[] = {
    // tidy: table
    { "B", 1 },           { "KB", 1000 },          { "MB", 1000000 },
    { "GB", 1000000000 }, { "TB", 1000000000000 }, { "PB", 1000000000000000 },
    { "KiB", 1ll << 10 }, { "MiB", 1ll << 20 },    { "GiB", 1ll << 30 },
    { "TiB", 1ll << 40 }, { "PiB", 1ll << 50 },
};

bool size_parse(struct str text, int64_t *out_bytes) {
    struct str rest = text, number = text;
    bool whole;
    double count;
    if (text.n > 64 || !take_number(&rest, &count, &whole))
        return false;
    number.n -= rest.n;
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        if (str_eq_nocase(rest, str_of(sizes[i].name)))
            return scale(number, count, whole, sizes[i].bytes, out_bytes);
    return false;
}
