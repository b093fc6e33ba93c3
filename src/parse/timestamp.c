#include "parse/timestamp.h"
#include "base/clock.h"
#include <stdlib.h>
/*
 * One hand-written taker for each shape of date: it gets a place in the text and gives the place behind what
 * it took, or NULL. A whole text is a time when a taker takes all of it; a line has a time when one takes its
 * front.
 */

enum { YEAR_MIN = 1678, YEAR_MAX = 2261 };

struct moment {
    int year, month, day, hour, minute, second;
    int64_t fraction_ns;
    int offset_minutes;
};

static bool leap(int year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int year, int month) {
    static const char days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    return days[month - 1] + (month == 2 && leap(year));
}

/* Days from 1970-01-01 to the first of a month. Leap days are those of whole years since year 1. */
static int64_t month_start_days(int year, int month) {
    static const short before[12] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    int64_t y = year - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 - 719162 + before[month - 1] + (month > 2 && leap(year));
}

static bool moment_ns(const struct moment *m, int64_t *out_ns) {
    if (m->year < YEAR_MIN || m->year > YEAR_MAX || m->month < 1 || m->month > 12 || m->day < 1 ||
        m->day > month_days(m->year, m->month) || m->hour > 23 || m->minute > 59 || m->second > 60)
        return false;
    int64_t days = month_start_days(m->year, m->month) + m->day - 1;
    int64_t seconds = days * 86400 + m->hour * 3600 + (m->minute - m->offset_minutes) * 60 + m->second;
    *out_ns = seconds * NS_PER_S + m->fraction_ns;
    return true;
}

/* Exactly `count` digits. */
static const char *take_digits(const char *p, const char *end, int count, int *out) {
    int v = 0;
    if (!p || end - p < count)
        return NULL;
    for (int i = 0; i < count; i++) {
        if (!ascii_digit(p[i]))
            return NULL;
        v = v * 10 + (p[i] - '0');
    }
    *out = v;
    return p + count;
}

static const char *take_char(const char *p, const char *end, const char *any_of) {
    return p && p < end && *p && strchr(any_of, *p) ? p + 1 : NULL;
}

/* ".123", ",123456789012"; nothing when there is no digit behind the point. */
static const char *take_fraction(const char *p, const char *end, int64_t *out_ns) {
    if (end - p < 2 || (*p != '.' && *p != ',') || !ascii_digit(p[1]))
        return p;
    int64_t v = 0, unit = NS_PER_S / 10;
    for (p++; p < end && ascii_digit(*p); p++, unit /= 10)
        v += unit * (*p - '0');
    *out_ns = v;
    return p;
}

/* HH:MM[:SS[.fraction]] */
static const char *take_clock(const char *p, const char *end, struct moment *m) {
    p = take_digits(p, end, 2, &m->hour);
    p = take_digits(take_char(p, end, ":"), end, 2, &m->minute);
    const char *q = take_digits(take_char(p, end, ":"), end, 2, &m->second);
    return q ? take_fraction(q, end, &m->fraction_ns) : p;
}

/* Z, UTC, GMT, +02, +0200, +02:00, with a space before or not (then all four digits). Nothing: UTC. */
static const char *take_zone(const char *p, const char *end, struct moment *m) {
    const char *start = p;
    bool space = p < end && *p == ' ';
    p += space;
    struct str rest = { p, (size_t)(end - p) };
    if (str_starts(rest, STR("UTC")) || str_starts(rest, STR("GMT")))
        return p + 3;
    if (!space && rest.n && (*p == 'Z' || *p == 'z'))
        return p + 1;
    if (!rest.n || (*p != '+' && *p != '-'))
        return start;
    int sign = *p == '-' ? -1 : 1, hours, minutes = 0;
    const char *q = take_digits(p + 1, end, 2, &hours);
    if (!q)
        return start;
    const char *colon = take_char(q, end, ":");
    const char *r = take_digits(colon ? colon : q, end, 2, &minutes);
    if ((!r && (space || colon)) || hours > 23 || minutes > 59)
        return start;
    m->offset_minutes = sign * (hours * 60 + (r ? minutes : 0));
    return r ? r : q;
}

/* 2026-11-21[T06:25[:00[.123]][zone]] */
static const char *take_iso(const char *p, const char *end, int64_t now_ns UNUSED, int64_t *out_ns) {
    struct moment m = { 0 };
    p = take_digits(p, end, 4, &m.year);
    p = take_digits(take_char(p, end, "-/"), end, 2, &m.month);
    p = take_digits(take_char(p, end, "-/"), end, 2, &m.day);
    if (!p)
        return NULL;
    const char *clock = take_clock(take_char(p, end, "Tt _"), end, &m);
    if (clock)
        p = take_zone(clock, end, &m);
    else
        m.hour = m.minute = m.second = 0;
    return moment_ns(&m, out_ns) ? p : NULL;
}

static const char *take_month(const char *p, const char *end, int *out) {
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    if (!p || end - p < 3)
        return NULL;
    char low[4] = { ascii_lower(p[0]), ascii_lower(p[1]), ascii_lower(p[2]) };
    for (int i = 0; i < 12; i++)
        if (memcmp(names + (size_t)i * 3, low, 3) == 0) {
            *out = i + 1;
            return p + 3;
        }
    return NULL;
}

static const char *take_weekday(const char *p, const char *end) {
    static const char *const names[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (str_starts((struct str){ p, (size_t)(end - p) }, str_of(names[i])))
            return p + 3;
    return NULL;
}

/* One or two digits, maybe behind a second space: "Nov  1". */
static const char *take_day(const char *p, const char *end, int *out) {
    if (p && p < end && *p == ' ')
        p++;
    const char *q = take_digits(p, end, 2, out);
    return q ? q : take_digits(p, end, 1, out);
}

/* The year that puts the moment nearest to now: a message of 31 December read on 1 January is yesterday's. */
static bool moment_ns_near(struct moment *m, int64_t now_ns, int64_t *out_ns) {
    int this_year = 1970 + (int)(now_ns / NS_PER_S / 31556952);
    int64_t best_ns = 0, at_ns;
    bool found = false;
    for (m->year = this_year - 4; m->year <= this_year + 1; m->year++) {
        if (!moment_ns(m, &at_ns) || (found && llabs(at_ns - now_ns) > llabs(best_ns - now_ns)))
            continue;
        best_ns = at_ns;
        found = true;
    }
    if (found)
        *out_ns = best_ns;
    return found;
}

/* Nov 21 [2026] 06:25:00[.123] [2026], maybe behind a weekday */
static const char *take_bsd(const char *p, const char *end, int64_t now_ns, int64_t *out_ns) {
    struct moment m = { 0 };
    const char *weekday = take_weekday(p, end);
    p = take_month(weekday ? take_char(weekday, end, " ") : p, end, &m.month);
    p = take_char(take_day(take_char(p, end, " "), end, &m.day), end, " ");
    const char *year_first = take_char(take_digits(p, end, 4, &m.year), end, " ");
    p = take_clock(year_first ? year_first : p, end, &m);
    if (!p)
        return NULL;
    if (year_first)
        return moment_ns(&m, out_ns) ? p : NULL;
    const char *year_last = take_digits(take_char(p, end, " "), end, 4, &m.year);
    if (year_last && (year_last == end || !token_byte((unsigned char)*year_last)) && moment_ns(&m, out_ns))
        return year_last;
    return moment_ns_near(&m, now_ns, out_ns) ? p : NULL;
}

/* Sat, 21 Nov 2026 06:25:00 GMT */
static const char *take_mail(const char *p, const char *end, int64_t now_ns UNUSED, int64_t *out_ns) {
    struct moment m = { 0 };
    p = take_weekday(p, end);
    p = take_char(p ? take_char(p, end, ",") : NULL, end, " ");
    p = take_char(take_day(p, end, &m.day), end, " -");
    p = take_char(take_month(p, end, &m.month), end, " -");
    p = take_clock(take_char(take_digits(p, end, 4, &m.year), end, " "), end, &m);
    if (!p)
        return NULL;
    p = take_zone(p, end, &m);
    return moment_ns(&m, out_ns) ? p : NULL;
}

/* 21/Nov/2026:06:25:00 +0100 */
static const char *take_access_log(const char *p, const char *end, int64_t now_ns UNUSED, int64_t *out_ns) {
    struct moment m = { 0 };
    p = take_char(take_digits(p, end, 2, &m.day), end, "/");
    p = take_char(take_month(p, end, &m.month), end, "/");
    p = take_clock(take_char(take_digits(p, end, 4, &m.year), end, ":"), end, &m);
    if (!p)
        return NULL;
    p = take_zone(p, end, &m);
    return moment_ns(&m, out_ns) ? p : NULL;
}

const char *timestamp_take(const char *p, const char *end, int64_t now_ns, int64_t *out_ns) {
    static const char *(*const takers[])(const char *, const char *, int64_t, int64_t *) = {
        take_iso,
        take_bsd,
        take_access_log,
        take_mail,
    };
    for (size_t i = 0; i < COUNT_OF(takers); i++) {
        const char *behind = takers[i](p, end, now_ns, out_ns);
        if (behind)
            return behind;
    }
    return NULL;
}

bool timestamp_parse(struct str text, int64_t now_ns, int64_t *out_ns) {
    const char *end = text.n ? text.p + text.n : text.p;
    int64_t ns;
    if (text.n && timestamp_take(text.p, end, now_ns, &ns) == end) {
        *out_ns = ns;
        return true;
    }
    return timestamp_from_number(text, out_ns);
}

bool timestamp_parse_cached(struct timestamp_cache *c, struct str text, int64_t now_ns, int64_t *out_ns) {
    const char *p = text.p;
    if (text.n == 24 && p[10] == 'T' && p[19] == '.' && p[23] == 'Z') {
        unsigned d[5] = { (unsigned)p[17] - '0', (unsigned)p[18] - '0', (unsigned)p[20] - '0',
                          (unsigned)p[21] - '0', (unsigned)p[22] - '0' };
        bool digits = d[0] <= 5 && d[1] <= 9 && d[2] <= 9 && d[3] <= 9 && d[4] <= 9 && p[16] == ':';
        int64_t ms = d[0] * 10000ll + d[1] * 1000 + d[2] * 100 + d[3] * 10 + d[4];
        if (LIKELY(digits && memcmp(c->minute, p, sizeof c->minute) == 0)) {
            *out_ns = c->minute_ns + ms * NS_PER_MS;
            return true;
        }
        if (digits && timestamp_parse(text, now_ns, out_ns)) {
            memcpy(c->minute, p, sizeof c->minute);
            c->minute_ns = *out_ns - ms * NS_PER_MS;
            return true;
        }
    }
    return timestamp_parse(text, now_ns, out_ns);
}

/* How many nanoseconds a unit is, by the magnitude of a count of it; 0: too small. */
static int64_t unit_ns(uint64_t magnitude) {
    static const struct {
        uint64_t from;
        int64_t unit_ns;
    } units[] = { { 100000000000000000u, 1 },
                  { 100000000000000u, 1000 },
                  { 100000000000u, 1000 * 1000 },
                  { 100000000u, 1000 * 1000 * 1000 } };
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (magnitude >= units[i].from)
            return units[i].unit_ns;
    return 0;
}

bool timestamp_from_i64(int64_t v, int64_t *out_ns) {
    int64_t unit = unit_ns(v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
    return unit && !__builtin_mul_overflow(v, unit, out_ns);
}

bool timestamp_from_number(struct str text, int64_t *out_ns) {
    const char *end = text.n ? text.p + text.n : text.p, *point = text.n ? memchr(text.p, '.', text.n) : NULL;
    struct str whole = { text.p, (size_t)((point ? point : end) - text.p) };
    int64_t v, ns, fraction_ns = 0;
    double f;
    if (!str_to_i64(whole, &v) || (point && take_fraction(point, end, &fraction_ns) != end))
        return str_to_f64(text, &f) && f > -1e18 && f < 1e18 && timestamp_from_i64((int64_t)f, out_ns);
    if (!timestamp_from_i64(v, &ns))
        return false;
    fraction_ns /= NS_PER_S / unit_ns(v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
    return !__builtin_add_overflow(ns, v < 0 ? -fraction_ns : fraction_ns, out_ns);
}

bool timestamp_detect(struct str line, int64_t now_ns, int64_t *out_ns) {
    enum { FRONT_BYTES_MAX = 256 };
    struct str front = { line.p, line.n < FRONT_BYTES_MAX ? line.n : FRONT_BYTES_MAX };
    const char *end = front.n ? front.p + front.n : front.p;
    int64_t ns;
    if (front.n && timestamp_take(front.p, end, now_ns, &ns)) {
        *out_ns = ns;
        return true;
    }
    const char *bracket = front.n ? memchr(front.p, '[', front.n) : NULL;
    if (!bracket || !timestamp_take(bracket + 1, end, now_ns, &ns))
        return false;
    *out_ns = ns;
    return true;
}
