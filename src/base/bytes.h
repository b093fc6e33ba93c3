#pragma once
#include "base/attr.h"
#include "base/str.h"
/*
 * Integers in foreign or stored bytes: little endian and LEB128, decoded one by one and never by
 * casting a pointer. `struct reader` walks a slice and remembers the first mistake, so a decoder
 * checks once at its end: after an error every read gives zeros.
 */
enum { VARINT_BYTES_MAX = 10 };

static inline void le16_put(void *to, uint16_t v) { memcpy(to, &v, sizeof v); }
static inline void le32_put(void *to, uint32_t v) { memcpy(to, &v, sizeof v); }
static inline void le64_put(void *to, uint64_t v) { memcpy(to, &v, sizeof v); }
static inline uint16_t le16_get(const void *from) { uint16_t v; memcpy(&v, from, sizeof v); return v; }
static inline uint32_t le32_get(const void *from) { uint32_t v; memcpy(&v, from, sizeof v); return v; }
static inline uint64_t le64_get(const void *from) { uint64_t v; memcpy(&v, from, sizeof v); return v; }
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "x86-64 and arm64 are little endian");

static inline uint64_t zigzag(int64_t v) { return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63); }
static inline int64_t unzigzag(uint64_t v) { return (int64_t)(v >> 1) ^ -(int64_t)(v & 1); }

/* Writes 1 to VARINT_BYTES_MAX bytes, returns how many. */
static inline size_t varint_put(void *to, uint64_t v) {
    unsigned char *p = to;
    size_t n = 0;
    while (v >= 0x80) {
        p[n++] = (unsigned char)(v | 0x80);
        v >>= 7;
    }
    p[n++] = (unsigned char)v;
    return n;
}

struct reader {
    const unsigned char *p;
    const unsigned char *end;
    bool failed;
};

static inline struct reader reader_of(struct str s) {
    const unsigned char *p = (const unsigned char *)s.p;
    return (struct reader){ p, s.n ? p + s.n : p, false };
}
static inline size_t reader_left(const struct reader *r) { return r->p ? (size_t)(r->end - r->p) : 0; }
/* All bytes read and no mistake. */
static inline bool reader_done(const struct reader *r) { return !r->failed && reader_left(r) == 0; }

/* `n` bytes of the slice, or an empty one and `failed`. */
struct str reader_bytes(struct reader *r, size_t n);
uint8_t reader_u8(struct reader *r);
uint16_t reader_le16(struct reader *r);
uint32_t reader_le32(struct reader *r);
uint64_t reader_le64(struct reader *r);
uint64_t reader_varint(struct reader *r);
/* A varint length and so many bytes. */
struct str reader_str(struct reader *r);
