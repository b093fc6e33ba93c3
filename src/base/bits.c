#include "base/bits.h"

void bits_fill(uint64_t *w, size_t count) {
    size_t n = bits_words(count);
    memset(w, 0xff, n * sizeof *w);
    if (count & 63)
        w[n - 1] = (1ull << (count & 63)) - 1;
}

void bits_zero(uint64_t *w, size_t count) { memset(w, 0, bits_words(count) * sizeof *w); }

void bits_and(uint64_t *to, const uint64_t *other, size_t count) {
    for (size_t i = 0; i < bits_words(count); i++)
        to[i] &= other[i];
}

void bits_andnot(uint64_t *to, const uint64_t *other, size_t count) {
    for (size_t i = 0; i < bits_words(count); i++)
        to[i] &= ~other[i];
}

void bits_or(uint64_t *to, const uint64_t *other, size_t count) {
    for (size_t i = 0; i < bits_words(count); i++)
        to[i] |= other[i];
}

size_t bits_count(const uint64_t *w, size_t count) {
    size_t sum = 0;
    for (size_t i = 0; i < bits_words(count); i++)
        sum += (size_t)__builtin_popcountll(w[i]);
    return sum;
}

bool bits_any(const uint64_t *w, size_t count) {
    for (size_t i = 0; i < bits_words(count); i++)
        if (w[i])
            return true;
    return false;
}

size_t bits_next(const uint64_t *w, size_t count, size_t from) {
    if (from >= count)
        return count;
    size_t at = from >> 6;
    uint64_t word = w[at] & (~0ull << (from & 63));
    while (!word) {
        if (++at >= bits_words(count))
            return count;
        word = w[at];
    }
    return (at << 6) + (size_t)__builtin_ctzll(word);
}
