#include "base/bytes.h"

static void fail(struct reader *r) {
    r->failed = true;
    r->p = r->end;
}

struct str reader_bytes(struct reader *r, size_t n) {
    if (r->failed || n > reader_left(r)) {
        fail(r);
        return (struct str){ 0 };
    }
    struct str s = { (const char *)r->p, n };
    if (n)
        r->p += n;
    return s;
}

uint8_t reader_u8(struct reader *r) {
    struct str s = reader_bytes(r, 1);
    return s.n ? (uint8_t)s.p[0] : 0;
}

uint16_t reader_le16(struct reader *r) {
    struct str s = reader_bytes(r, 2);
    return s.n ? le16_get(s.p) : 0;
}

uint32_t reader_le32(struct reader *r) {
    struct str s = reader_bytes(r, 4);
    return s.n ? le32_get(s.p) : 0;
}

uint64_t reader_le64(struct reader *r) {
    struct str s = reader_bytes(r, 8);
    return s.n ? le64_get(s.p) : 0;
}

uint64_t reader_varint(struct reader *r) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (r->failed || r->p == r->end)
            break;
        uint8_t c = *r->p++;
        if (shift == 63 && c > 1)
            break;
        v |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            return v;
    }
    fail(r);
    return 0;
}

struct str reader_str(struct reader *r) {
    uint64_t n = reader_varint(r);
    return reader_bytes(r, n > SIZE_MAX ? SIZE_MAX : (size_t)n);
}
