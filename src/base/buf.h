#pragma once
#include "base/err.h"
#include "base/str.h"
/*
 * Growing bytes with a cap. Zero-initialise with a cap: `struct buf b = { .limit_bytes = 1 << 20 };`
 * (limit 0 means no limit: only for bytes whose size our own code bounds).
 * Appending never fails half way: it adds all or sets `overflow` and adds nothing; check buf_ok() once
 * at the end. Not thread-safe.
 */
struct buf {
    char *p;
    size_t n;
    size_t cap_bytes;
    size_t limit_bytes;
    bool overflow;
};

void buf_fini(struct buf *b);
static inline void buf_auto(struct buf *b) { buf_fini(b); }
static inline void buf_clear(struct buf *b) {
    b->n = 0;
    b->overflow = false;
}
static inline struct str buf_str(const struct buf *b) { return (struct str){ b->p, b->n }; }
static inline bool buf_ok(const struct buf *b) { return !b->overflow; }

/* Room for `n` more bytes at p + n, not counted yet; NULL at the cap. */
NODISCARD char *buf_reserve(struct buf *b, size_t n);
void buf_add(struct buf *b, struct str s);
void buf_add_bytes(struct buf *b, const void *p, size_t n);
void buf_add_char(struct buf *b, char c);
void buf_add_fill(struct buf *b, char c, size_t count);
PRINTF(2, 3) void buf_addf(struct buf *b, const char *fmt, ...);
/* Decimal, without printf. */
void buf_add_u64(struct buf *b, uint64_t v);
void buf_add_i64(struct buf *b, int64_t v);
/* Shortest decimal text that reads back as the same double ("1e+30", "0.1", "12"). */
void buf_add_f64(struct buf *b, double v);
/* Little endian, and LEB128. */
void buf_add_le16(struct buf *b, uint16_t v);
void buf_add_le32(struct buf *b, uint32_t v);
void buf_add_le64(struct buf *b, uint64_t v);
void buf_add_varint(struct buf *b, uint64_t v);
