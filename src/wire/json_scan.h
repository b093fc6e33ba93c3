#pragma once
#include "base/str.h"
/*
 * The lowest level of JSON: where does this string, this number end? Shared by the reader (json.h) and by
 * the ingest path, which walks objects itself. All functions are pure and never read at or behind `end`.
 *
 * Dialect: RFC 8259, with two kindnesses and one restriction. Bytes that are not UTF-8 are kept as they are.
 * Control characters inside strings are accepted (loggers write raw tabs and escape sequences), except LF: a
 * string never spans lines, so that one missing quote costs one row and not the rest of the request.
 */

/* First '"', '\\' or LF at or after `p`; `end` when there is none. */
const char *json_scan_stop_far(const char *p, const char *end);
/* The same in plain C: what machines without vector code run, and what tests compare with. */
const char *json_scan_stop_plain(const char *p, const char *end);

#if defined(__SSE2__)
#include <emmintrin.h>
/* Most strings of log lines end within 16 bytes: those are found in place, without a call. */
static inline const char *json_scan_stop(const char *p, const char *end) {
    if (LIKELY(end - p >= 16)) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i hit = _mm_or_si128(
            _mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
            _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\\')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\n'))));
        unsigned mask = (unsigned)_mm_movemask_epi8(hit);
        if (mask)
            return p + __builtin_ctz(mask);
        p += 16;
    }
    return json_scan_stop_far(p, end);
}
#else
static inline const char *json_scan_stop(const char *p, const char *end) {
    return json_scan_stop_far(p, end);
}
#endif

/* `p` is behind the opening quote. The closing quote, or NULL when the line ends first. `*out_escaped` tells
 * whether there is a backslash; the escapes themselves are checked by json_unescape(). */
const char *json_scan_string_slow(const char *stop, const char *end, bool *out_escaped);
static inline const char *json_scan_string(const char *p, const char *end, bool *out_escaped) {
    const char *stop = json_scan_stop(p, end);
    if (LIKELY(stop != end && *stop == '"')) {
        *out_escaped = false;
        return stop;
    }
    return json_scan_string_slow(stop, end, out_escaped);
}

/* A number keeps its value only when printing it gives back its text: "1.50", "1e3", 20 digits stay text. */
enum json_number_kind { JSON_NUMBER_INT, JSON_NUMBER_FLOAT, JSON_NUMBER_TEXT };
struct json_number {
    enum json_number_kind kind;
    union {
        int64_t i;
        double f;
    };
};
/* `p` is at '-' or a digit. Behind the number, or NULL when it is not one. */
const char *json_scan_number_slow(const char *p, const char *end, struct json_number *out);
static const double json_power_of_ten[16] = { 1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                              1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
/*
 * Two short ways. Up to 17 digits are an integer without a check for overflow. And "12.345": at most 15
 * digits make an exact integer and an exact power of ten, so one division gives the nearest double (Clinger
 * 1990), and any decimal of at most 15 digits prints back as itself. Left to the long way: signs, exponents,
 * leading zeros, more digits, a last digit 0, and values under 1e-4, which print with an exponent.
 */
static inline const char *json_scan_number(const char *p, const char *end, struct json_number *out) {
    const char *q = p, *last = end - p > 18 ? p + 18 : end;
    uint64_t v = 0;
    while (q < last && (unsigned char)(*q - '0') < 10)
        v = v * 10 + (unsigned char)(*q++ - '0');
    if (UNLIKELY(q == p || q == last || (*p == '0' && q - p > 1)))
        return json_scan_number_slow(p, end, out);
    if (*q == '.') {
        const char *point = q++;
        while (q < last && (unsigned char)(*q - '0') < 10)
            v = v * 10 + (unsigned char)(*q++ - '0');
        double f = (double)v / json_power_of_ten[(q - point - 1) & 15];
        if (UNLIKELY(q == last || q - p > 16 || (*q | 0x20) == 'e' || q[-1] == '0' || q[-1] == '.' ||
                     f < 1e-4))
            return json_scan_number_slow(p, end, out);
        *out = (struct json_number){ JSON_NUMBER_FLOAT, { .f = f } };
        return q;
    }
    if (UNLIKELY((*q | 0x20) == 'e'))
        return json_scan_number_slow(p, end, out);
    *out = (struct json_number){ JSON_NUMBER_INT, { .i = (int64_t)v } };
    return q;
}

static inline bool json_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}
static inline const char *json_scan_space(const char *p, const char *end) {
    while (p < end && json_space(*p))
        p++;
    return p;
}
