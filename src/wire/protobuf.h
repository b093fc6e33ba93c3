#pragma once
#include "base/buf.h"
#include "base/bytes.h"
/*
 * Protocol buffers, field by field. A decoder knows its schema and loops over the fields of a message:
 *
 *     struct reader r = reader_of(message);
 *     struct protobuf_field f;
 *     while (protobuf_next(&r, &f))
 *         switch (protobuf_key(f.number, f.wire)) {
 *         case protobuf_key(1, PROTOBUF_BYTES): … f.bytes … break;
 *         }
 *     if (r.failed) …
 *
 * Fields of an unknown number or an unexpected wire type fall through, as the format wants. Groups are
 * refused: they are gone from the language since 2016 and would need recursion that nobody has bounded.
 * Nothing is copied.
 */
enum protobuf_wire { PROTOBUF_VARINT = 0, PROTOBUF_FIXED64 = 1, PROTOBUF_BYTES = 2, PROTOBUF_FIXED32 = 5 };

struct protobuf_field {
    uint32_t number;
    enum protobuf_wire wire;
    uint64_t value;   /* VARINT, FIXED64, FIXED32 */
    struct str bytes; /* BYTES */
};
/* False at the end, and after a mistake, when r->failed is set. In place, because a log record has some forty
 * fields, most of them with a number and a length of one byte. */
static inline bool protobuf_fail(struct reader *r) {
    r->failed = true;
    r->p = r->end;
    return false;
}
static inline uint64_t protobuf_varint(struct reader *r) {
    return LIKELY(r->p < r->end && *r->p < 0x80) ? *r->p++ : reader_varint(r);
}
static inline bool protobuf_next(struct reader *r, struct protobuf_field *out) {
    if (r->failed || r->p == r->end)
        return false;
    uint64_t key = protobuf_varint(r), length;
    if (UNLIKELY(key >> 3 == 0 || key > UINT32_MAX))
        return protobuf_fail(r);
    out->number = (uint32_t)(key >> 3);
    out->wire = (enum protobuf_wire)(key & 7);
    out->value = 0;
    out->bytes = (struct str){ 0 };
    switch (out->wire) {
    case PROTOBUF_VARINT: out->value = protobuf_varint(r); break;
    case PROTOBUF_FIXED64: out->value = reader_le64(r); break;
    case PROTOBUF_FIXED32: out->value = reader_le32(r); break;
    case PROTOBUF_BYTES:
        length = protobuf_varint(r);
        if (UNLIKELY(length > (size_t)(r->end - r->p)))
            return protobuf_fail(r);
        out->bytes = (struct str){ (const char *)r->p, (size_t)length };
        r->p += length;
        break;
    default: return protobuf_fail(r);
    }
    return !r->failed;
}
#define protobuf_key(number, wire) ((number) << 3 | (uint32_t)(wire))

static inline double protobuf_double(uint64_t bits) {
    double f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

void protobuf_add_varint(struct buf *out, uint32_t number, uint64_t value);
void protobuf_add_fixed64(struct buf *out, uint32_t number, uint64_t value);
void protobuf_add_bytes(struct buf *out, uint32_t number, struct str bytes);
