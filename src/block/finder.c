#include "block/finder.h"
#include "base/assert.h"
#include "base/bytes.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif
/*
 * A needle is found by the two bytes of it that are least common in logs. 32 places are tried at once: the
 * text is loaded at the place of either byte, letters are folded by or-ing 0x20, and only where both agree
 * are all bytes compared.
 *
 *     needle   c o n n e c t i o n        rare: 'c' at 0, 'n' at 2 would be poor, so 'c' at 0 and 'c' at 5
 *     text   . . C o n n e c t i o n . .
 *              ^ load + rare[0]
 *                        ^ load + rare[1]
 *
 * Or-ing 0x20 maps exactly two bytes to a lower-case letter: itself and its capital. So no false place comes
 * from it.
 */

/* From common to rare in log text, letters folded; a byte that is not here is rarer than all of these. */
static const char common_bytes[] = " e0t1a2oi3nsr4c5d6l7m8p9.u-:hfb/gv_w=y,k[]\"x()jzq";

static size_t rank_of(char c) {
    const char *at = c ? strchr(common_bytes, c) : NULL;
    return at ? (size_t)(common_bytes + sizeof common_bytes - at) : 0;
}

struct finder finder_of(struct str lower) {
    ASSERT(lower.n > 0);
    size_t first = 0;
    for (size_t i = 1; i < lower.n; i++)
        if (rank_of(lower.p[i]) < rank_of(lower.p[first]))
            first = i;
    size_t second = first == 0 ? lower.n - 1 : 0;
    for (size_t i = 0; i < lower.n; i++)
        if (i != first && rank_of(lower.p[i]) < rank_of(lower.p[second]))
            second = i;
    struct finder f = { .needle = lower, .rare = { first, second } };
    if (first > second)
        f.rare[0] = second, f.rare[1] = first;
    for (size_t k = 0; k < 2; k++) {
        f.byte[k] = (unsigned char)lower.p[f.rare[k]];
        f.fold[k] = f.byte[k] >= 'a' && f.byte[k] <= 'z' ? 0x20 : 0;
    }
    return f;
}

/* Each of eight bytes to lower case. */
static uint64_t lower8(uint64_t x) {
    const uint64_t ones = 0x0101010101010101ull;
    uint64_t low7 = x & (0x7f * ones);
    uint64_t from_a = low7 + (0x80 - 'A') * ones;
    uint64_t above_z = low7 + (0x7f - 'Z') * ones;
    uint64_t upper = (from_a ^ above_z) & ~x & (0x80 * ones);
    return x | (upper >> 2);
}

bool finder_equal(const char *text, struct str lower) {
    if (lower.n < 8) {
        for (size_t i = 0; i < lower.n; i++)
            if (ascii_lower(text[i]) != lower.p[i])
                return false;
        return true;
    }
    for (size_t i = 0; i + 8 < lower.n; i += 8)
        if (lower8(le64_get(text + i)) != le64_get(lower.p + i))
            return false;
    return lower8(le64_get(text + lower.n - 8)) == le64_get(lower.p + lower.n - 8);
}

/* Tries the places from .. last one by one. */
static size_t next_one_by_one(const struct finder *f, const char *text, size_t from, size_t last) {
    for (size_t i = from; i <= last; i++) {
        if (((unsigned char)text[i + f->rare[0]] | f->fold[0]) == f->byte[0] &&
            ((unsigned char)text[i + f->rare[1]] | f->fold[1]) == f->byte[1] &&
            finder_equal(text + i, f->needle))
            return i;
    }
    return SIZE_MAX;
}

size_t finder_next_plain(const struct finder *f, struct str text, size_t from) {
    if (from > text.n || text.n - from < f->needle.n)
        return SIZE_MAX;
    return next_one_by_one(f, text.p, from, text.n - f->needle.n);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static inline uint32_t places32(const struct finder *f, const char *at) {
    __m256i a = _mm256_loadu_si256((const __m256i *)(at + f->rare[0]));
    __m256i b = _mm256_loadu_si256((const __m256i *)(at + f->rare[1]));
    a = _mm256_or_si256(a, _mm256_set1_epi8((char)f->fold[0]));
    b = _mm256_or_si256(b, _mm256_set1_epi8((char)f->fold[1]));
    __m256i both = _mm256_and_si256(_mm256_cmpeq_epi8(a, _mm256_set1_epi8((char)f->byte[0])),
                                    _mm256_cmpeq_epi8(b, _mm256_set1_epi8((char)f->byte[1])));
    return (uint32_t)_mm256_movemask_epi8(both);
}

/* At least 32 places: from + 31 <= last. */
__attribute__((target("avx2"))) static size_t next_avx2(const struct finder *f, const char *text, size_t from,
                                                        size_t last) {
    for (size_t i = from;; i += 32) {
        if (i + 31 > last) {
            if (i > last)
                return SIZE_MAX;
            i = last - 31; /* the last 32 places again: those tried already fail again */
        }
        for (uint32_t m = places32(f, text + i); m; m &= m - 1) {
            size_t at = i + (size_t)__builtin_ctz(m);
            if (at >= from && finder_equal(text + at, f->needle))
                return at;
        }
    }
}

size_t finder_next(const struct finder *f, struct str text, size_t from) {
    if (from > text.n || text.n - from < f->needle.n)
        return SIZE_MAX;
    size_t last = text.n - f->needle.n;
    if (last >= 31 && from <= last - 31 && __builtin_cpu_supports("avx2"))
        return next_avx2(f, text.p, from, last);
    return next_one_by_one(f, text.p, from, last);
}
#else
size_t finder_next(const struct finder *f, struct str text, size_t from) {
    return finder_next_plain(f, text, from);
}
#endif
