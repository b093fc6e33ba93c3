#include "query/civil.h"
#include "query/fn/fn.h"

/* One letter behind '%'. */
static void add_part(char letter, const struct civil *t, int64_t ns, struct buf *out) {
    static const char days[][10] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                     "Thursday", "Friday", "Saturday" };
    static const char months[][10] = {
        "January", "February", "March",     "April",   "May",      "June",
        "July",    "August",   "September", "October", "November", "December"
    };
    switch (letter) {
    case 'Y': buf_addf(out, "%04d", (int)t->year); return;
    case 'y': buf_addf(out, "%02d", (int)(t->year % 100)); return;
    case 'm': buf_addf(out, "%02u", t->month); return;
    case 'd': buf_addf(out, "%02u", t->day); return;
    case 'e': buf_addf(out, "%2u", t->day); return;
    case 'H': buf_addf(out, "%02u", t->hour); return;
    case 'I': buf_addf(out, "%02u", t->hour % 12 ? t->hour % 12 : 12); return;
    case 'p': buf_add(out, t->hour < 12 ? STR("AM") : STR("PM")); return;
    case 'M': buf_addf(out, "%02u", t->minute); return;
    case 'S': buf_addf(out, "%02u", t->second); return;
    case 'L': buf_addf(out, "%03u", (unsigned)(t->ns / 1000000)); return;
    case 'f': buf_addf(out, "%06u", (unsigned)(t->ns / 1000)); return;
    case 'N': buf_addf(out, "%09u", (unsigned)t->ns); return;
    case 'j': buf_addf(out, "%03u", t->yearday); return;
    case 'w': buf_addf(out, "%u", t->weekday); return;
    case 'a': buf_addf(out, "%.3s", days[t->weekday]); return;
    case 'A': buf_add(out, str_of(days[t->weekday])); return;
    case 'b': buf_addf(out, "%.3s", months[t->month - 1]); return;
    case 'B': buf_add(out, str_of(months[t->month - 1])); return;
    case 'F': buf_addf(out, "%04d-%02u-%02u", (int)t->year, t->month, t->day); return;
    case 'T': buf_addf(out, "%02u:%02u:%02u", t->hour, t->minute, t->second); return;
    case 's': buf_add_i64(out, ns / 1000000000 - (ns % 1000000000 < 0)); return;
    case 'Z': buf_add(out, STR("UTC")); return;
    case 'z': buf_add(out, STR("+0000")); return;
    case '%': buf_add_char(out, '%'); return;
    default: buf_addf(out, "%%%c", letter); return;
    }
}

static struct value eval(const struct fn_call *c) {
    AUTO(buf) b = { .limit_bytes = 4096 };
    struct str format;
    int64_t ns;
    if (!fn_arg_time(c, 0, &ns) || !fn_arg_text(c, 1, &format))
        return value_null();
    struct civil t = civil_of(ns);
    for (size_t i = 0; i < format.n; i++) {
        if (format.p[i] == '%' && i + 1 < format.n)
            add_part(format.p[++i], &t, ns, &b);
        else
            buf_add_char(&b, format.p[i]);
    }
    return buf_ok(&b) ? fn_string(c, buf_str(&b)) : value_null();
}

const struct fn fn_formattime = {
    .name = "formattime",
    .aliases = "strftime format_time",
    .args_min = 2,
    .args_max = 2,
    .help = "formattime(time, format): by strftime letters, in UTC; %L, %f, %N are ms, us, ns of the second",
    .eval = eval,
};
