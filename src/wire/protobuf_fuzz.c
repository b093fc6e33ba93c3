#include "base/assert.h"
#include "wire/base64.h"
#include "wire/protobuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A message that is read to its end and written again is read to the same fields. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str text = { (const char *)data, size };
    AUTO(buf) out = { 0 };
    struct reader r = reader_of(text), again;
    struct protobuf_field f, g;
    while (protobuf_next(&r, &f)) {
        if (f.wire == PROTOBUF_BYTES)
            protobuf_add_bytes(&out, f.number, f.bytes);
        else if (f.wire == PROTOBUF_FIXED64)
            protobuf_add_fixed64(&out, f.number, f.value);
        else
            protobuf_add_varint(&out, f.number, f.value);
    }
    r = reader_of(text);
    for (again = reader_of(buf_str(&out)); protobuf_next(&r, &f);)
        ASSERT(protobuf_next(&again, &g) && f.number == g.number && f.value == g.value &&
               str_eq(f.bytes, g.bytes));
    ASSERT(!protobuf_next(&again, &g) && !again.failed);
    AUTO(buf) coded = { 0 };
    AUTO(buf) back = { 0 };
    base64_add(&coded, text);
    char *to = buf_reserve(&back, coded.n + 2);
    ASSERT(base64_decode(buf_str(&coded), to) == size && memcmp(to, size ? text.p : "", size) == 0);
    to = buf_reserve(&back, size + 2);
    (void)base64_decode(text, to);
    return 0;
}
