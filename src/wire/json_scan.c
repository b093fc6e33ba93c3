#include "wire/json_scan.h"
#include "base/buf.h"
#include <stdlib.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

const char *json_scan_stop_plain(const char *p, const char *end) {
    while (p < end && *p != '"' && *p != '\\' && *p != '\n')
        p++;
    return p;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static const char *stop_avx2(const char *p, const char *end) {
    const __m256i quote = _mm256_set1_epi8('"'), slash = _mm256_set1_epi8('\\'),
                  line = _mm256_set1_epi8('\n');
    for (; end - p >= 32; p += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
        __m256i hit =
            _mm256_or_si256(_mm256_cmpeq_epi8(v, quote),
                            _mm256_or_si256(_mm256_cmpeq_epi8(v, slash), _mm256_cmpeq_epi8(v, line)));
        unsigned mask = (unsigned)_mm256_movemask_epi8(hit);
        if (mask)
            return p + __builtin_ctz(mask);
    }
    return json_scan_stop_plain(p, end);
}

const char *json_scan_stop_far(const char *p, const char *end) {
    return __builtin_cpu_supports("avx2") ? stop_avx2(p, end) : json_scan_stop_plain(p, end);
}
#else
/* Eight bytes at a time: a zero byte of x has its high bit set in (x - 0x01…) & ~x & 0x80…; the lowest such
 * bit is exact. */
static uint64_t zero_bytes(uint64_t x) {
    return (x - 0x0101010101010101u) & ~x & 0x8080808080808080u;
}

const char *json_scan_stop_far(const char *p, const char *end) {
    const uint64_t ones = 0x0101010101010101u;
    for (; end - p >= 8; p += 8) {
        uint64_t v;
        memcpy(&v, p, sizeof v);
        uint64_t hit = zero_bytes(v ^ ones * '"') | zero_bytes(v ^ ones * '\\') | zero_bytes(v ^ ones * '\n');
        if (hit)
            return p + __builtin_ctzll(hit) / 8;
    }
    return json_scan_stop_plain(p, end);
}
#endif

const char *json_scan_string_slow(const char *stop, const char *end, bool *out_escaped) {
    bool escaped = false;
    while (stop < end && *stop == '\\') {
        if (end - stop < 2 || stop[1] == '\n')
            return NULL;
        escaped = true;
        stop = json_scan_stop(stop + 2, end);
    }
    if (stop >= end || *stop != '"')
        return NULL;
    *out_escaped = escaped;
    return stop;
}

static const char *digits(const char *p, const char *end) {
    while (p < end && ascii_digit(*p))
        p++;
    return p;
}

/* The grammar of RFC 8259 section 6. Behind the number, or NULL; where its point is, and whether it has an
 * exponent. */
static const char *number_end(const char *p, const char *end, const char **out_point, bool *out_exponent) {
    if (p < end && *p == '-')
        p++;
    const char *first = p;
    p = digits(p, end);
    if (p == first || (*first == '0' && p - first > 1))
        return NULL;
    *out_point = NULL;
    *out_exponent = false;
    if (p < end && *p == '.') {
        *out_point = p;
        const char *fraction = p + 1;
        p = digits(fraction, end);
        if (p == fraction)
            return NULL;
    }
    if (p < end && (*p | 0x20) == 'e') {
        *out_exponent = true;
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        const char *exponent = p;
        p = digits(exponent, end);
        if (p == exponent)
            return NULL;
    }
    return p;
}

/* The short way of json_scan_number() for a decimal with a sign, or near the end of the text. */
static bool decimal_exact(const char *p, const char *point, const char *end, double *out) {
    bool minus = *p == '-';
    p += minus;
    if (end - p > 16 || end[-1] == '0')
        return false;
    uint64_t v = 0;
    for (; p < end; p++)
        if (p != point)
            v = v * 10 + (uint64_t)(*p - '0');
    double f = (double)v / json_power_of_ten[end - point - 1];
    if (f < 1e-4)
        return false;
    *out = minus ? -f : f;
    return true;
}

static bool prints_as(double f, struct str text) {
    AUTO(buf) b = { .limit_bytes = 64 };
    buf_add_f64(&b, f);
    return buf_ok(&b) && str_eq(buf_str(&b), text);
}

const char *json_scan_number_slow(const char *p, const char *end, struct json_number *out) {
    const char *point;
    bool exponent;
    const char *q = number_end(p, end, &point, &exponent);
    if (!q)
        return NULL;
    struct str text = { p, (size_t)(q - p) };
    int64_t i;
    double f;
    if (!point && !exponent && str_to_i64(text, &i) && !str_eq(text, STR("-0")))
        *out = (struct json_number){ JSON_NUMBER_INT, { .i = i } };
    else if (point && !exponent && decimal_exact(p, point, q, &f))
        *out = (struct json_number){ JSON_NUMBER_FLOAT, { .f = f } };
    else if (str_to_f64(text, &f) && prints_as(f, text))
        *out = (struct json_number){ JSON_NUMBER_FLOAT, { .f = f } };
    else
        *out = (struct json_number){ .kind = JSON_NUMBER_TEXT };
    return q;
}
