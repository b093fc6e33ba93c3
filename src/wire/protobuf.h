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
/* False at the end, and after a mistake, when r->failed is set. */
bool protobuf_next(struct reader *r, struct protobuf_field *out);
#define protobuf_key(number, wire) ((number) << 3 | (uint32_t)(wire))

static inline double protobuf_double(uint64_t bits) {
    double f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

void protobuf_add_varint(struct buf *out, uint32_t number, uint64_t value);
void protobuf_add_fixed64(struct buf *out, uint32_t number, uint64_t value);
void protobuf_add_bytes(struct buf *out, uint32_t number, struct str bytes);
