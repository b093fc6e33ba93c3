#pragma once
#include <stdbool.h>
#include <stdint.h>
/* The UTC calendar (proleptic Gregorian) of a time in ns since 1970, and back. Pure. */
struct civil {
    int64_t year;
    unsigned month, day; /* from 1 */
    unsigned hour, minute, second;
    unsigned weekday; /* Sunday is 0 */
    unsigned yearday; /* from 1 */
    int64_t ns;       /* of the second */
};
struct civil civil_of(int64_t ns);
/* Fields may lie outside their usual range (month 13, day 0) and carry over. False when the time does not fit
 * in 64 bits. Weekday and yearday are not looked at. */
bool civil_ns(const struct civil *c, int64_t *out_ns);
unsigned civil_month_days(int64_t year, unsigned month);
