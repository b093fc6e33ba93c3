#pragma once
#include "base/str.h"
/*
 * Times as senders write them -> int64 nanoseconds since 1970, UTC. Years 1678 to 2261; a time without a zone
 * is UTC; digits behind the ninth of a fraction are ignored; a leap second is the first second of the next
 * minute.
 *
 * Dates:   2026-11-21T06:25:00.123Z  2026-11-21 06:25:00,123  2026/11/21 06:25  2026-11-21T06:25:00+02:00
 * 2026-11-21 Nov 21 06:25:00  Nov 21 2026 06:25:00  Sat Nov 21 06:25:00.123 2026  Sat, 21 Nov 2026 06:25:00
 * GMT 21/Nov/2026:06:25:00 +0100 Numbers: Unix time in seconds, milliseconds, microseconds or nanoseconds,
 * told apart by magnitude (from 1e8, 1e11, 1e14, 1e17). A smaller one is refused: it is a duration or a
 * counter, not a time after March 1973.
 */

/* The whole of `text`. A time without a year is the one nearest to now_ns. */
NODISCARD bool timestamp_parse(struct str text, int64_t now_ns, int64_t *out_ns);
NODISCARD bool timestamp_from_number(struct str text, int64_t *out_ns);
NODISCARD bool timestamp_from_i64(int64_t v, int64_t *out_ns);
/* A date and time at the front of a line, maybe in brackets, or in the first brackets of a line (access
 * logs). */
NODISCARD bool timestamp_detect(struct str line, int64_t now_ns, int64_t *out_ns);
/* A date at the front; behind it, or NULL. What syslog starts with. */
const char *timestamp_take(const char *p, const char *end, int64_t now_ns, int64_t *out_ns);

/* Senders write the same minute again and again: `YYYY-MM-DDTHH:MM:SS.mmmZ` then costs a comparison. Zero at
 * first. */
struct timestamp_cache {
    char minute[16];
    int64_t minute_ns;
};
NODISCARD bool timestamp_parse_cached(struct timestamp_cache *c, struct str text, int64_t now_ns,
                                      int64_t *out_ns);
