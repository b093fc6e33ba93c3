#include "base/units.h"
#include "base/attr.h"

struct unit {
    const char *name;
    double scale;
};

static const struct unit times[] = { // tidy: table
    { "ns", 1 },           { "us", 1e3 },          { "ms", 1e6 },         { "s", 1e9 },
    { "m", 60e9 },         { "min", 60e9 },        { "h", 3600e9 },       { "d", 86400e9 },
    { "w", 7 * 86400e9 },
};
static const struct unit sizes[] = { // tidy: table
    { "b", 1 },
    { "kb", 1e3 },
    { "mb", 1e6 },
    { "gb", 1e9 },
    { "tb", 1e12 },
    { "kib", 0x1p10 },
    { "mib", 0x1p20 },
    { "gib", 0x1p30 },
    { "tib", 0x1p40 },
    { "k", 1e3 },
    { "m", 1e6 },
    { "g", 1e9 },
};

/* Cuts a number and the letters after it from the front. */
static bool take(struct str *rest, double *out_number, struct str *out_unit) {
    size_t n = 0;
    while (n < rest->n && (ascii_digit(rest->p[n]) || rest->p[n] == '.'))
        n++;
    if (!str_to_f64((struct str){ rest->p, n }, out_number))
        return false;
    *rest = str_skip(*rest, n);
    for (n = 0; n < rest->n && ascii_lower(rest->p[n]) >= 'a' && ascii_lower(rest->p[n]) <= 'z';)
        n++;
    *out_unit = (struct str){ rest->p, n };
    *rest = str_skip(*rest, n);
    return true;
}

static const struct unit *find(const struct unit *units, size_t count, struct str name) {
    for (size_t i = 0; i < count; i++)
        if (str_eq_nocase(name, str_of(units[i].name)))
            return &units[i];
    return NULL;
}

bool units_duration(struct str text, int64_t *out_ns) {
    double sum = 0, number;
    struct str name;
    if (text.n == 0)
        return false;
    while (text.n) {
        if (!take(&text, &number, &name))
            return false;
        const struct unit *u = find(times, COUNT_OF(times), name);
        if (!u)
            return false;
        sum += number * u->scale;
    }
    if (sum > 9.2e18)
        return false;
    *out_ns = (int64_t)sum;
    return true;
}

bool units_bytes(struct str text, int64_t *out_bytes) {
    double number;
    struct str name;
    if (!take(&text, &number, &name) || text.n)
        return false;
    const struct unit *u = name.n ? find(sizes, COUNT_OF(sizes), name) : &sizes[0];
    if (!u || number * u->scale > 9.2e18)
        return false;
    *out_bytes = (int64_t)(number * u->scale);
    return true;
}
