#include "query/civil.h"
#include "base/clock.h"
/*
 * Years are counted from 1 March, so that the leap day is the last of its year and months have the fixed
 * starts (153 m + 2) / 5. 400 years are 146,097 days; 1 March of year 0 is 719,468 days before 1970.
 */
enum { DAYS_OF_ERA = 146097, DAYS_TO_1970 = 719468, SECONDS_OF_DAY = 86400 };

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

static int64_t days_of(int64_t year, int64_t month, int64_t day) {
    year += floor_div(month - 1, 12);
    month = month - 1 - floor_div(month - 1, 12) * 12 + 1;
    year -= month <= 2;
    int64_t era = floor_div(year, 400), year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * DAYS_OF_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           DAYS_TO_1970;
}

struct civil civil_of(int64_t ns) {
    int64_t seconds = floor_div(ns, NS_PER_S), days = floor_div(seconds, SECONDS_OF_DAY);
    int64_t rest = seconds - days * SECONDS_OF_DAY;
    int64_t z = days + DAYS_TO_1970, era = floor_div(z, DAYS_OF_ERA), day_of_era = z - era * DAYS_OF_ERA;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    struct civil c = {
        .month = (unsigned)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9),
        .day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
        .hour = (unsigned)(rest / 3600),
        .minute = (unsigned)(rest / 60 % 60),
        .second = (unsigned)(rest % 60),
        .weekday = (unsigned)(days + 4 - floor_div(days + 4, 7) * 7),
        .ns = ns % NS_PER_S + (ns % NS_PER_S < 0 ? NS_PER_S : 0),
    };
    c.year = era * 400 + year_of_era + (c.month <= 2);
    c.yearday = (unsigned)(days - days_of(c.year, 1, 1) + 1);
    return c;
}

bool civil_ns(const struct civil *c, int64_t *out_ns) {
    if (c->year < 1600 || c->year > 2400)
        return false;
    __int128 seconds = (__int128)days_of(c->year, c->month, c->day) * SECONDS_OF_DAY +
                       (int64_t)c->hour * 3600 + (int64_t)c->minute * 60 + c->second;
    __int128 ns = seconds * NS_PER_S + c->ns;
    if (ns < INT64_MIN || ns > INT64_MAX)
        return false;
    *out_ns = (int64_t)ns;
    return true;
}

unsigned civil_month_days(int64_t year, unsigned month) {
    return (unsigned)(days_of(year, (int64_t)month + 1, 1) - days_of(year, month, 1));
}
