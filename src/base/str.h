#pragma once
#include "base/attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* A borrowed slice of bytes: any bytes, NUL included, not terminated. `p` may be NULL when n is 0. */
struct str {
    const char *p;
    size_t n;
};
#define STR(lit)   ((struct str){ "" lit, sizeof(lit) - 1 })
#define STR_FMT    "%.*s"
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str str_of(const char *z) { return (struct str){ z, z ? strlen(z) : 0 }; }

static inline bool str_eq(struct str a, struct str b) {
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_starts(struct str s, struct str prefix) {
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool str_ends(struct str s, struct str suffix) {
    return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* Drops the first `n` bytes; `n` at most s.n. */
static inline struct str str_skip(struct str s, size_t n) { return (struct str){ s.p + n, s.n - n }; }

static inline char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }
static inline bool ascii_digit(char c) { return c >= '0' && c <= '9'; }

/* A token, the unit of word search, is a maximal run of these: ASCII letters, digits, '_', and
 * every byte of a non-ASCII character. One definition for index, templates and queries. */
static inline bool token_byte(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c >= 0x80;
}

/* Cuts `*rest` at the first `sep`; false when `sep` is absent (nothing is changed then). */
bool str_cut(struct str *rest, char sep, struct str *out_head);
/* Without leading and trailing spaces, tabs, CR and LF. */
struct str str_trim(struct str s);
/* ASCII case ignored. */
bool str_eq_nocase(struct str a, struct str b);
/* memcmp order, a shorter prefix first. */
int str_cmp(struct str a, struct str b);
/* Offset of the first `needle` at or after `from`; SIZE_MAX when absent. */
size_t str_find(struct str s, struct str needle, size_t from);
size_t str_find_nocase(struct str s, struct str needle, size_t from);
/* Whole string as a decimal number; false on anything else or on overflow. */
NODISCARD bool str_to_i64(struct str s, int64_t *out);
NODISCARD bool str_to_u64(struct str s, uint64_t *out);
/* Whole string as a decimal floating point number of C's form, without hex, inf and nan. */
NODISCARD bool str_to_f64(struct str s, double *out);
