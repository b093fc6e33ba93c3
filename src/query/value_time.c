#include "query/value_time.h"
#include "base/clock.h"
#include "query/civil.h"
#include <math.h>
#include <stdio.h>
/*
 * Texts of times:
 *
 *     2026-11-21   2026-11-21T07   2026-11-21T07:01   2026-11-21 07:01:44.123456789Z   …+02:00   …+0200
 *     1763708504   1763708504123 (ms)   …123456 (us)   …123456789 (ns), told apart by magnitude;
 * 1763708504.25 now   NOW-4d   now-1d/d   now/h+30m   (units s m h d w M y, ms us ns; / rounds down)
 *
 * Without a zone a time is UTC.
 */

static const struct unit {
    const char *names; /* space-separated */
    int64_t ns;
} units[] = {
    // tidy: table
    { "ns nanos nanosecond nanoseconds", 1 },
    { "us \xc2\xb5s \xce\xbcs micros microsecond microseconds", 1000 },
    { "ms millis millisecond milliseconds", 1000000 },
    { "s sec secs second seconds", 1000000000ll },
    { "m min mins minute minutes", 60 * 1000000000ll },
    { "h hr hrs hour hours", 3600 * 1000000000ll },
    { "d day days", 86400 * 1000000000ll },
    { "w week weeks", 7 * 86400 * 1000000000ll },
};

static bool in_list(const char *names, struct str name) {
    struct str rest = str_of(names), one;
    while (str_cut(&rest, ' ', &one))
        if (str_eq(one, name))
            return true;
    return str_eq(rest, name);
}

bool value_time_unit(struct str name, int64_t *out_ns) {
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (in_list(units[i].names, name)) {
            *out_ns = units[i].ns;
            return true;
        }
    return false;
}

/* 1970 began on a Thursday; weeks begin on Monday. */
int64_t value_time_floor(int64_t ns, int64_t step_ns) {
    static const int64_t day_ns = 86400ll * 1000000000;
    int64_t shift_ns = step_ns % (7 * day_ns) == 0 ? 4 * day_ns : 0, down;
    if (__builtin_sub_overflow(ns, shift_ns, &down))
        return INT64_MIN;
    int64_t rest = down % step_ns;
    if (rest < 0)
        rest += step_ns;
    return __builtin_sub_overflow(ns, rest, &down) ? INT64_MIN : down;
}

/* Exactly `count` digits at the front of *s. */
static bool take_digits(struct str *s, size_t count, unsigned *out) {
    unsigned v = 0;
    if (s->n < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!ascii_digit(s->p[i]))
            return false;
        v = v * 10 + (unsigned)(s->p[i] - '0');
    }
    *s = str_skip(*s, count);
    *out = v;
    return true;
}

static bool take_char(struct str *s, char c) {
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = str_skip(*s, 1);
    return true;
}

static bool take_fraction(struct str *s, int64_t *out_ns) {
    int64_t ns = 0, scale = NS_PER_S;
    size_t digits = 0;
    for (; digits < s->n && ascii_digit(s->p[digits]); digits++) {
        scale /= 10; /* digits beyond the ninth are cut off */
        ns += (s->p[digits] - '0') * scale;
    }
    *s = str_skip(*s, digits);
    *out_ns = ns;
    return digits > 0;
}

/* Z, +hh, +hhmm, +hh:mm or nothing. */
static bool take_zone(struct str *s, int64_t *out_seconds) {
    *out_seconds = 0;
    if (s->n == 0 || take_char(s, 'Z') || take_char(s, 'z'))
        return true;
    bool east = s->p[0] == '+';
    unsigned hours, minutes = 0;
    if (!take_char(s, '+') && !take_char(s, '-'))
        return false;
    if (!take_digits(s, 2, &hours))
        return false;
    if (s->n && (take_char(s, ':'), !take_digits(s, 2, &minutes)))
        return false;
    if (hours > 23 || minutes > 59)
        return false;
    *out_seconds = (int64_t)(hours * 3600 + minutes * 60) * (east ? 1 : -1);
    return true;
}

static bool take_clock(struct str *s, struct civil *c) {
    if (!take_digits(s, 2, &c->hour) || c->hour > 23)
        return false;
    if (!take_char(s, ':'))
        return true;
    if (!take_digits(s, 2, &c->minute) || c->minute > 59)
        return false;
    if (!take_char(s, ':'))
        return true;
    if (!take_digits(s, 2, &c->second) || c->second > 60)
        return false;
    return !take_char(s, '.') || take_fraction(s, &c->ns);
}

bool value_time_parse(struct str text, int64_t *out_ns) {
    struct civil c = { 0 };
    unsigned year;
    int64_t zone_seconds = 0, ns;
    if (text.n < 10 || text.n > 64)
        return false;
    if (!take_digits(&text, 4, &year) || !take_char(&text, '-') || !take_digits(&text, 2, &c.month) ||
        !take_char(&text, '-') || !take_digits(&text, 2, &c.day))
        return false;
    c.year = year;
    if (c.month < 1 || c.month > 12 || c.day < 1 || c.day > civil_month_days(c.year, c.month))
        return false;
    if (text.n) {
        if (!take_char(&text, 'T') && !take_char(&text, 't') && !take_char(&text, ' '))
            return false;
        if (!take_clock(&text, &c) || !take_zone(&text, &zone_seconds) || text.n)
            return false;
    }
    if (!civil_ns(&c, &ns) || __builtin_sub_overflow(ns, zone_seconds * NS_PER_S, &ns))
        return false;
    *out_ns = ns;
    return true;
}

/* A Unix time; its unit by magnitude. Decimals are added apart: a double has too few digits for ns. */
static bool unix_parse(struct str text, int64_t *out_ns) {
    static const struct {
        int64_t below, ns;
    } steps[] = { { 100000000000ll, 1000000000ll }, { 100000000000000ll, 1000000ll }, { 100000000000000000ll, 1000 } };
    struct str head = text, rest = text;
    int64_t whole, unit_ns = 1, part_ns;
    double part = 0;
    bool minus = text.n && text.p[0] == '-';
    if (str_cut(&rest, '.', &head)) {
        rest = (struct str){ head.p + head.n, rest.n + 1 };
        if (rest.n < 2 || !ascii_digit(rest.p[1]) || !str_to_f64(rest, &part) || !(part < 1))
            return false;
    }
    if (!str_to_i64(head, &whole))
        return false;
    for (size_t i = COUNT_OF(steps); i-- > 0;)
        if (whole > -steps[i].below && whole < steps[i].below)
            unit_ns = steps[i].ns;
    part_ns = llround(part * (double)unit_ns);
    return !__builtin_mul_overflow(whole, unit_ns, &whole) &&
           !__builtin_add_overflow(whole, minus ? -part_ns : part_ns, out_ns);
}

static size_t letters(struct str s) {
    size_t n = 0;
    while (n < s.n && ascii_lower(s.p[n]) >= 'a' && ascii_lower(s.p[n]) <= 'z')
        n++;
    return n;
}

static bool calendar_unit(struct str unit, bool *out_month) {
    *out_month = str_eq(unit, STR("M")) || str_eq(unit, STR("mo")) || str_eq(unit, STR("month")) ||
                 str_eq(unit, STR("months"));
    return *out_month || str_eq_nocase(unit, STR("y")) || str_eq(unit, STR("year")) ||
           str_eq(unit, STR("years"));
}

/* now+3M: the same day three months on, or the last one that month has. */
static bool add_months(int64_t *ns, int64_t months) {
    struct civil c = civil_of(*ns);
    int64_t month = c.year * 12 + (c.month - 1) + months;
    if (month < 1600 * 12 || month > 2400 * 12)
        return false;
    c.year = month / 12;
    c.month = (unsigned)(month % 12) + 1;
    if (c.day > civil_month_days(c.year, c.month))
        c.day = civil_month_days(c.year, c.month);
    return civil_ns(&c, ns);
}

static bool unit_any_case(struct str unit, int64_t *out_ns) {
    char lower[16];
    if (unit.n == 0 || unit.n > sizeof lower || str_eq(unit, STR("M")))
        return false;
    for (size_t i = 0; i < unit.n; i++)
        lower[i] = ascii_lower(unit.p[i]);
    return value_time_unit((struct str){ lower, unit.n }, out_ns);
}

static bool step_round(int64_t *ns, struct str unit) {
    bool month;
    int64_t unit_ns;
    if (calendar_unit(unit, &month)) {
        struct civil now = civil_of(*ns), c = { .year = now.year, .month = month ? now.month : 1, .day = 1 };
        return civil_ns(&c, ns);
    }
    if (!unit_any_case(unit, &unit_ns))
        return false;
    *ns = value_time_floor(*ns, unit_ns);
    return true;
}

static bool step_add(int64_t *ns, int64_t count, struct str unit) {
    bool month;
    int64_t unit_ns;
    if (calendar_unit(unit, &month))
        return count > -10000 && count < 10000 && add_months(ns, count * (month ? 1 : 12));
    return unit_any_case(unit, &unit_ns) && !__builtin_mul_overflow(count, unit_ns, &unit_ns) &&
           !__builtin_add_overflow(*ns, unit_ns, ns);
}

/* What follows "now": -4d, +1h, /d, in any number. */
static bool now_math(struct str rest, int64_t now_ns, int64_t *out_ns) {
    int64_t ns = now_ns;
    while (rest.n) {
        char op = rest.p[0];
        size_t digits = 0;
        rest = str_skip(rest, 1);
        while (digits < rest.n && ascii_digit(rest.p[digits]))
            digits++;
        struct str unit = str_skip(rest, digits);
        unit.n = letters(unit);
        int64_t count = 0;
        if (op == '/' ? digits > 0 : !str_to_i64((struct str){ rest.p, digits }, &count))
            return false;
        if (op != '/' && op != '+' && op != '-')
            return false;
        if (op == '/' ? !step_round(&ns, unit) : !step_add(&ns, op == '-' ? -count : count, unit))
            return false;
        rest = str_skip(rest, digits + unit.n);
    }
    *out_ns = ns;
    return true;
}

bool time_parse(struct str text, int64_t now_ns, int64_t *out_ns) {
    if (text.n >= 3 && text.n <= 128 && str_eq_nocase((struct str){ text.p, 3 }, STR("now")))
        return now_math(str_skip(text, 3), now_ns, out_ns);
    return value_time_parse(text, out_ns) || unix_parse(text, out_ns);
}

void value_time_print(int64_t ns, int decimals, struct buf *out) {
    struct civil c = civil_of(ns);
    if (decimals < 0)
        decimals = c.ns % NS_PER_MS == 0 ? 3 : c.ns % NS_PER_US == 0 ? 6 : 9;
    char digits[16];
    (void)snprintf(digits, sizeof digits, "%09u", (unsigned)c.ns);
    buf_addf(out, "%04d-%02u-%02uT%02u:%02u:%02u", (int)c.year, c.month, c.day, c.hour, c.minute, c.second);
    if (decimals > 0)
        buf_addf(out, ".%.*s", decimals, digits);
    buf_add_char(out, 'Z');
}
