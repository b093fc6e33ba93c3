#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* Bitmaps in caller's memory, 64 rows a word, bit i of word i/64. Unused high bits stay zero. */
static inline size_t bits_words(size_t count) { return (count + 63) / 64; }
static inline bool bits_get(const uint64_t *w, size_t i) { return (w[i >> 6] >> (i & 63)) & 1; }
static inline void bits_set(uint64_t *w, size_t i) { w[i >> 6] |= 1ull << (i & 63); }
static inline void bits_clear(uint64_t *w, size_t i) { w[i >> 6] &= ~(1ull << (i & 63)); }
/* Bits 0 .. count-1 on, the rest of the last word off. */
void bits_fill(uint64_t *w, size_t count);
void bits_zero(uint64_t *w, size_t count);
void bits_and(uint64_t *to, const uint64_t *other, size_t count);
void bits_andnot(uint64_t *to, const uint64_t *other, size_t count);
void bits_or(uint64_t *to, const uint64_t *other, size_t count);
size_t bits_count(const uint64_t *w, size_t count);
bool bits_any(const uint64_t *w, size_t count);
/* First set bit at or after `from`; `count` when none. */
size_t bits_next(const uint64_t *w, size_t count, size_t from);
#define BITS_EACH(i, w, count)                                                                     \
    for (size_t i = bits_next((w), (count), 0); i < (count); i = bits_next((w), (count), i + 1))
