#include "base/hash.h"
#define XXH_INLINE_ALL
#include <xxhash.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

uint64_t hash64(struct str s) { return XXH3_64bits(s.p, s.n); }

uint64_t hash64_seed(struct str s, uint64_t seed) { return XXH3_64bits_withSeed(s.p, s.n, seed); }

struct id128 hash128(struct str s) {
    XXH128_hash_t h = XXH3_128bits(s.p, s.n);
    return (struct id128){ h.high64, h.low64 };
}

/* The plain path: one table of 256, made at first use from the reflected polynomial. */
static uint32_t crc_table[256];

__attribute__((constructor)) static void crc_table_init(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = (c >> 1) ^ (0x82f63b78u & (0u - (c & 1u)));
        crc_table[i] = c;
    }
}

static uint32_t crc_plain(uint32_t crc, const unsigned char *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        crc = (crc >> 8) ^ crc_table[(crc ^ p[i]) & 0xff];
    return crc;
}

#if defined(__x86_64__)
static bool crc_has_fast(void) { return __builtin_cpu_supports("sse4.2"); }

__attribute__((target("sse4.2"))) static uint32_t crc_fast(uint32_t crc, const unsigned char *p,
                                                           size_t n) {
    uint64_t c = crc;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        c = _mm_crc32_u64(c, v);
    }
    for (; n; p++, n--)
        c = _mm_crc32_u8((uint32_t)c, *p);
    return (uint32_t)c;
}
#elif defined(__aarch64__)
static bool crc_has_fast(void) { return (getauxval(AT_HWCAP) & (1ul << 7)) != 0; }

__attribute__((target("+crc"))) static uint32_t crc_fast(uint32_t crc, const unsigned char *p,
                                                         size_t n) {
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        crc = __crc32cd(crc, v);
    }
    for (; n; p++, n--)
        crc = __crc32cb(crc, *p);
    return crc;
}
#else
static bool crc_has_fast(void) { return false; }
static uint32_t crc_fast(uint32_t crc, const unsigned char *p, size_t n) { return crc_plain(crc, p, n); }
#endif

uint32_t crc32c(uint32_t crc, const void *p, size_t n) {
    uint32_t c = ~crc;
    c = crc_has_fast() ? crc_fast(c, p, n) : crc_plain(c, p, n);
    return ~c;
}
