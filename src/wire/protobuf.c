#include "wire/protobuf.h"

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
