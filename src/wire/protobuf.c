#include "wire/protobuf.h"

static bool fail(struct reader *r) {
    r->failed = true;
    r->p = r->end;
    return false;
}

bool protobuf_next(struct reader *r, struct protobuf_field *out) {
    if (r->failed || reader_left(r) == 0)
        return false;
    uint64_t key = reader_varint(r);
    if (key >> 3 == 0 || key > UINT32_MAX)
        return fail(r);
    struct protobuf_field f = { .number = (uint32_t)(key >> 3), .wire = (enum protobuf_wire)(key & 7) };
    switch (f.wire) {
    case PROTOBUF_VARINT: f.value = reader_varint(r); break;
    case PROTOBUF_FIXED64: f.value = reader_le64(r); break;
    case PROTOBUF_FIXED32: f.value = reader_le32(r); break;
    case PROTOBUF_BYTES: f.bytes = reader_str(r); break;
    default: return fail(r);
    }
    if (r->failed)
        return false;
    *out = f;
    return true;
}

void protobuf_add_varint(struct buf *out, uint32_t number, uint64_t value) {
    buf_add_varint(out, protobuf_key(number, PROTOBUF_VARINT));
    buf_add_varint(out, value);
}

void protobuf_add_fixed64(struct buf *out, uint32_t number, uint64_t value) {
    buf_add_varint(out, protobuf_key(number, PROTOBUF_FIXED64));
    buf_add_le64(out, value);
}

void protobuf_add_bytes(struct buf *out, uint32_t number, struct str bytes) {
    buf_add_varint(out, protobuf_key(number, PROTOBUF_BYTES));
    buf_add_varint(out, bytes.n);
    buf_add(out, bytes);
}
