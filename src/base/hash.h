#pragma once
#include "base/str.h"
/* XXH3 for tables and identities, CRC32C (Castagnoli, as in iSCSI, RFC 3720) for stored bytes. */
struct id128 {
    uint64_t hi, lo;
};
uint64_t hash64(struct str s);
uint64_t hash64_seed(struct str s, uint64_t seed);
struct id128 hash128(struct str s);
/* `crc` is 0 at first; pass the previous result to go on. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);
static inline bool id128_eq(struct id128 a, struct id128 b) { return a.hi == b.hi && a.lo == b.lo; }
static inline int id128_cmp(struct id128 a, struct id128 b) {
    return a.hi != b.hi ? (a.hi < b.hi ? -1 : 1) : (a.lo > b.lo) - (a.lo < b.lo);
}
