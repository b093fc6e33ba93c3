#include "block/template_split.h"
#include "base/assert.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif
/*
 * 64 bytes at a time become two bitmaps, bit i for byte i:
 *
 *     bytes     j o b _ 1 7   r a n   i n   3 5 m s
 *     token     1 1 1 1 1 1 0 1 1 1 0 1 1 0 1 1 1 1 0
 *     digit     0 0 0 0 1 1 0 0 0 0 0 0 0 0 1 1 0 0 0
 *
 * token + digit: the lowest digit of a run carries through to the zero behind the run's last byte, and
 * further digits of the run are added where the carry has made room. So a zero of `token` that becomes one is
 * the end of a token with a digit; no other zero is touched. The last begin of a token before it is its
 * begin. A token over the edge of 64 bytes: the carry out of the sum goes into the next one, and its begin is
 * remembered.
 */
struct masks {
    uint64_t token, digit;
};

static struct masks classify_plain(const char *p) {
    struct masks m = { 0, 0 };
    for (unsigned i = 0; i < 64; i++) {
        m.token |= (uint64_t)token_byte((unsigned char)p[i]) << i;
        m.digit |= (uint64_t)ascii_digit(p[i]) << i;
    }
    return m;
}

typedef struct masks classify_fn(const char *p);

/* Classifies the bytes at `at`; those beyond the text count as spaces. */
static inline __attribute__((always_inline)) struct masks masks_at(struct str text, size_t at,
                                                                   classify_fn *classify) {
    size_t left = text.n - at;
    if (left >= 64)
        return classify(text.p + at);
    struct masks m;
    if (text.n >= 64) { /* the text's last 64 bytes, shifted to where they belong */
        m = classify(text.p + text.n - 64);
        m.token >>= 64 - left;
        m.digit >>= 64 - left;
        return m;
    }
    char tail[64] = { 0 };
    memcpy(tail, text.p, text.n);
    return classify(tail);
}

static inline __attribute__((always_inline)) size_t split_with(struct str text, struct template_span *spans,
                                                               classify_fn *classify) {
    ASSERT(text.n < UINT32_MAX);
    size_t count = 0;
    uint64_t carry = 0;     /* the token over the edge has a digit */
    uint64_t open = 0;      /* there is a token over the edge */
    uint32_t open_from = 0; /* and its begin */
    for (size_t at = 0; at < text.n; at += 64) {
        struct masks m = masks_at(text, at, classify);
        uint64_t begins = m.token & ~(m.token << 1 | open);
        unsigned long long sum = 0, sum_carry = 0;
        sum_carry = __builtin_uaddll_overflow(m.token, m.digit, &sum);
        sum_carry |= __builtin_uaddll_overflow(sum, carry, &sum);
        for (uint64_t ends = sum & ~m.token; ends; ends &= ends - 1) {
            unsigned end = (unsigned)__builtin_ctzll(ends);
            uint64_t before = begins & ((1ull << end) - 1);
            uint32_t from = before ? (uint32_t)at + 63 - (uint32_t)__builtin_clzll(before) : open_from;
            spans[count] = (struct template_span){ from, (uint32_t)at + end };
            if (++count == TEMPLATE_SLOTS_MAX) {
                spans[count - 1].to = (uint32_t)text.n;
                return count;
            }
        }
        open = m.token >> 63;
        carry = sum_carry;
        if (open && begins)
            open_from = (uint32_t)at + 63 - (uint32_t)__builtin_clzll(begins);
    }
    if (carry)
        spans[count++] = (struct template_span){ open_from, (uint32_t)text.n };
    return count;
}

size_t template_split_plain(struct str text, struct template_span spans[static TEMPLATE_SLOTS_MAX]) {
    return split_with(text, spans, classify_plain);
}

#if defined(__x86_64__)
#define VECTOR __attribute__((target("avx2,bmi,bmi2,lzcnt")))

/* Bytes of x that are in from .. from + span. */
VECTOR static inline __m256i in_range(__m256i x, char from, char span) {
    __m256i distance = _mm256_sub_epi8(x, _mm256_set1_epi8(from));
    return _mm256_cmpeq_epi8(_mm256_min_epu8(distance, _mm256_set1_epi8(span)), distance);
}

VECTOR static inline struct masks classify32(const char *p) {
    __m256i x = _mm256_loadu_si256((const __m256i *)p);
    __m256i digit = in_range(x, '0', 9);
    __m256i letter = in_range(_mm256_or_si256(x, _mm256_set1_epi8(0x20)), 'a', 25);
    __m256i line = _mm256_cmpeq_epi8(x, _mm256_set1_epi8('_'));
    __m256i token = _mm256_or_si256(_mm256_or_si256(digit, letter), _mm256_or_si256(line, x));
    return (struct masks){ (uint32_t)_mm256_movemask_epi8(token), (uint32_t)_mm256_movemask_epi8(digit) };
}

VECTOR static inline __attribute__((always_inline)) struct masks classify_avx2(const char *p) {
    struct masks low = classify32(p), high = classify32(p + 32);
    return (struct masks){ low.token | high.token << 32, low.digit | high.digit << 32 };
}

VECTOR static size_t split_avx2(struct str text, struct template_span *spans) {
    return split_with(text, spans, classify_avx2);
}

size_t template_split(struct str text, struct template_span spans[static TEMPLATE_SLOTS_MAX]) {
    return __builtin_cpu_supports("avx2") ? split_avx2(text, spans) : template_split_plain(text, spans);
}
#else
size_t template_split(struct str text, struct template_span spans[static TEMPLATE_SLOTS_MAX]) {
    return template_split_plain(text, spans);
}
#endif
