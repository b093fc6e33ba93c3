#include "base/buf.h"
#include "base/assert.h"
#include "base/bytes.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_fini(struct buf *b) {
    free(b->p);
    *b = (struct buf){ .limit_bytes = b->limit_bytes };
}

char *buf_reserve(struct buf *b, size_t n) {
    size_t want_bytes;
    if (__builtin_add_overflow(b->n, n, &want_bytes) || (b->limit_bytes && want_bytes > b->limit_bytes)) {
        b->overflow = true;
        return NULL;
    }
    if (want_bytes > b->cap_bytes) {
        size_t cap_bytes = b->cap_bytes < 128 ? 256 : b->cap_bytes * 2;
        if (cap_bytes < want_bytes)
            cap_bytes = want_bytes;
        if (b->limit_bytes && cap_bytes > b->limit_bytes)
            cap_bytes = b->limit_bytes;
        b->p = realloc(b->p, cap_bytes);
        ASSERT(b->p != NULL);
        b->cap_bytes = cap_bytes;
    }
    return b->p ? b->p + b->n : (char *)"";
}

void buf_add_bytes(struct buf *b, const void *p, size_t n) {
    char *to = buf_reserve(b, n);
    if (!to || n == 0)
        return;
    memcpy(to, p, n);
    b->n += n;
}

void buf_add(struct buf *b, struct str s) { buf_add_bytes(b, s.p, s.n); }

void buf_add_char(struct buf *b, char c) { buf_add_bytes(b, &c, 1); }

void buf_add_fill(struct buf *b, char c, size_t count) {
    char *to = buf_reserve(b, count);
    if (!to || count == 0)
        return;
    memset(to, c, count);
    b->n += count;
}

void buf_addf(struct buf *b, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    char small[256];
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    ASSERT(n >= 0);
    if ((size_t)n < sizeof small) {
        buf_add_bytes(b, small, (size_t)n);
    } else {
        char *to = buf_reserve(b, (size_t)n + 1);
        if (to) {
            (void)vsnprintf(to, (size_t)n + 1, fmt, again);
            b->n += (size_t)n;
        }
    }
    va_end(again);
}

void buf_add_u64(struct buf *b, uint64_t v) {
    char text[20];
    size_t at = sizeof text;
    do {
        text[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    buf_add_bytes(b, text + at, sizeof text - at);
}

void buf_add_i64(struct buf *b, int64_t v) {
    if (v < 0)
        buf_add_char(b, '-');
    buf_add_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void buf_add_f64(struct buf *b, double v) {
    if (v == trunc(v) && fabs(v) < 1e15 && !(v == 0 && signbit(v))) {
        buf_add_i64(b, (int64_t)v);
        return;
    }
    char text[40];
    int n = 0;
    for (int digits = 15; digits <= 17; digits++) {
        n = snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    buf_add_bytes(b, text, (size_t)n);
}

void buf_add_le16(struct buf *b, uint16_t v) {
    unsigned char raw[2];
    le16_put(raw, v);
    buf_add_bytes(b, raw, sizeof raw);
}

void buf_add_le32(struct buf *b, uint32_t v) {
    unsigned char raw[4];
    le32_put(raw, v);
    buf_add_bytes(b, raw, sizeof raw);
}

void buf_add_le64(struct buf *b, uint64_t v) {
    unsigned char raw[8];
    le64_put(raw, v);
    buf_add_bytes(b, raw, sizeof raw);
}

void buf_add_varint(struct buf *b, uint64_t v) {
    unsigned char raw[VARINT_BYTES_MAX];
    buf_add_bytes(b, raw, varint_put(raw, v));
}
