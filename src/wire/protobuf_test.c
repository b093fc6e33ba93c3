#include "base/test.h"
#include "wire/protobuf.h"

TEST(fields_come_back_as_written) {
    AUTO(buf) b = { 0 };
    protobuf_add_varint(&b, 1, 300);
    protobuf_add_fixed64(&b, 2000, UINT64_MAX);
    protobuf_add_bytes(&b, 3, STR("abc"));
    protobuf_add_bytes(&b, 4, (struct str){ 0 });
    buf_add(&b, STR("\x2d\x01\x00\x00\x80"));
    struct reader r = reader_of(buf_str(&b));
    struct protobuf_field f = { 0 };
    CHECK(protobuf_next(&r, &f) && f.number == 1 && f.wire == PROTOBUF_VARINT && f.value == 300);
    CHECK(protobuf_next(&r, &f) && f.number == 2000 && f.wire == PROTOBUF_FIXED64 && f.value == UINT64_MAX);
    CHECK(protobuf_next(&r, &f) && f.number == 3 && f.wire == PROTOBUF_BYTES);
    CHECK_STR(f.bytes, "abc");
    CHECK(protobuf_next(&r, &f) && f.number == 4 && f.bytes.n == 0);
    CHECK(protobuf_next(&r, &f) && f.number == 5 && f.wire == PROTOBUF_FIXED32 && f.value == 0x80000001);
    CHECK(!protobuf_next(&r, &f) && reader_done(&r));
}

TEST(damaged_messages_fail_and_stay_failed) {
    static const struct str bad[] = {
        { "\x08", 1 },                                          /* no value */
        { "\x08\x80", 2 },                                      /* half a varint */
        { "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11 }, /* more than 64 bits */
        { "\x12\x05"
          "ab",
          4 },                                                  /* shorter than it says */
        { "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 }, /* a length of 2^64-1 */
        { "\x11\x01\x02", 3 },                                  /* half a fixed64 */
        { "\x15\x01", 2 },                                      /* half a fixed32 */
        { "\x0b\x0c", 2 },                                      /* a group */
        { "\x0e\x00", 2 },                                      /* wire type 6 */
        { "\x00\x00", 2 },                                      /* field number 0 */
        { "\x80\x80\x80\x80\x80\x01\x00", 7 },                  /* a field number over 2^29 */
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct reader r = reader_of(bad[i]);
        struct protobuf_field f = { 0 };
        if (protobuf_next(&r, &f) || !r.failed || protobuf_next(&r, &f))
            fail_msg("case %zu", i);
    }
}

TEST_MAIN(RUN(fields_come_back_as_written), RUN(damaged_messages_fail_and_stay_failed))
