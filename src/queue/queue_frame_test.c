#include "base/bytes.h"
#include "base/random.h"
#include "base/test.h"
#include "queue/queue_frame.h"

static const struct queue_frame_place place = { .salt = 0x1234567890abcdef, .offset = 8192 };
static const struct queue_frame frame = { .frame_bytes = 192,
                                          .body_bytes = 100,
                                          .sequence = 7,
                                          .position = 9,
                                          .group_sequence = 5,
                                          .block_count = 3,
                                          .body_crc32c = 0xdeadbeef };

TEST(a_frame_header_comes_back_as_it_was) {
    char bytes[QUEUE_FRAME_HEADER_BYTES];
    struct queue_frame out;
    queue_frame_encode(&frame, place, bytes);
    CHECK(queue_frame_magic(bytes));
    CHECK(queue_frame_decode(bytes, place, &out));
    CHECK(out.frame_bytes == 192 && out.body_bytes == 100 && out.sequence == 7 && out.position == 9);
    CHECK(out.group_sequence == 5 && out.block_count == 3 && out.body_crc32c == 0xdeadbeef);
}

TEST(the_bytes_on_disk_are_these) {
    static const unsigned char want[] = { 'S', 'J', 'F', '1', 0, 0,    0,    0,    192,  0, 0, 0, 0,
                                          0,   0,   0,   7,   0, 0,    0,    0,    0,    0, 0, 9, 0,
                                          0,   0,   0,   0,   0, 0,    100,  0,    0,    0, 0, 0, 0,
                                          0,   3,   0,   0,   0, 0xef, 0xbe, 0xad, 0xde, 5, 0, 0, 0,
                                          0,   0,   0,   0,   0, 0,    0,    0,    0,    0, 0, 0 };
    char bytes[QUEUE_FRAME_HEADER_BYTES];
    queue_frame_encode(&frame, place, bytes);
    memset(bytes + 4, 0, 4); /* its checksum */
    _Static_assert(sizeof want == QUEUE_FRAME_HEADER_BYTES, "on-disk layout is fixed");
    assert_memory_equal(bytes, want, sizeof want);
}

TEST(any_flipped_bit_of_a_frame_header_is_noticed) {
    char bytes[QUEUE_FRAME_HEADER_BYTES];
    struct queue_frame out;
    queue_frame_encode(&frame, place, bytes);
    for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        CHECK(!queue_frame_decode(bytes, place, &out));
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
}

TEST(a_frame_of_another_life_or_place_is_none) {
    char bytes[QUEUE_FRAME_HEADER_BYTES];
    struct queue_frame out;
    queue_frame_encode(&frame, place, bytes);
    CHECK(!queue_frame_decode(bytes, (struct queue_frame_place){ place.salt + 1, place.offset }, &out));
    CHECK(!queue_frame_decode(bytes, (struct queue_frame_place){ place.salt, place.offset + 64 }, &out));
}

TEST(a_sealed_but_senseless_frame_is_refused) {
    struct queue_frame out, bad[] = { frame, frame, frame, frame };
    bad[0].position = 0;
    bad[1].block_count = 26; /* 26 sizes do not fit in 100 bytes */
    bad[2].block_count = 0;
    bad[3].group_sequence = 8;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char bytes[QUEUE_FRAME_HEADER_BYTES];
        queue_frame_encode(&bad[i], place, bytes);
        CHECK(!queue_frame_decode(bytes, place, &out));
    }
}

TEST(a_frame_is_as_long_as_its_parts_rounded_up) {
    char byte = 0;
    struct str blocks[] = { { &byte, 1 }, { &byte, 50 }, { &byte, 64 } };
    CHECK(queue_frame_bytes(blocks, 1) == 128);
    CHECK(queue_frame_bytes(blocks + 1, 1) == 128);
    CHECK(queue_frame_bytes(blocks, 3) == 192); /* 64 + 12 + 115 = 191 */
    CHECK(queue_frame_bytes(blocks, 0) == 0);
    CHECK(queue_frame_bytes(blocks, QUEUE_FRAME_BLOCKS_MAX + 1) == 0);
    struct str huge[] = { { &byte, QUEUE_FRAME_BYTES_MAX - 68 }, { &byte, 1 } };
    CHECK(queue_frame_bytes(huge, 1) == QUEUE_FRAME_BYTES_MAX);
    CHECK(queue_frame_bytes(huge, 2) == 0);
}

TEST(a_file_header_comes_back_from_either_copy_and_no_bit_may_flip) {
    struct queue_file_header h = { .major = QUEUE_MAJOR,
                                   .compat = 3,
                                   .epoch = 4,
                                   .salt = 5,
                                   .first_sequence = 6,
                                   .first_position = 7,
                                   .created_ns = -8 },
                             out;
    static char bytes[QUEUE_FILE_HEADER_BYTES];
    queue_file_header_encode(&h, bytes);
    for (size_t copy = 0; copy < QUEUE_FILE_COPIES; copy++) {
        char *p = bytes + copy * QUEUE_FILE_COPY_BYTES;
        struct str page = { p, QUEUE_FILE_COPY_BYTES };
        CHECK_OK(queue_file_header_decode(page, NULL, &out));
        CHECK(out.compat == 3 && out.epoch == 4 && out.salt == 5 && out.first_sequence == 6);
        CHECK(out.first_position == 7 && out.created_ns == -8 && out.incompat == 0);
        for (size_t bit = 0; bit < 64 * 8; bit++) {
            p[bit / 8] ^= (char)(1 << bit % 8);
            CHECK(queue_file_header_decode(page, NULL, &out) == ERR_CORRUPT);
            p[bit / 8] ^= (char)(1 << bit % 8);
        }
        for (size_t n = 0; n < 64; n++)
            CHECK(queue_file_header_decode((struct str){ p, n }, NULL, &out) == ERR_CORRUPT);
    }
}

TEST_MAIN(RUN(a_frame_header_comes_back_as_it_was), RUN(the_bytes_on_disk_are_these),
          RUN(any_flipped_bit_of_a_frame_header_is_noticed), RUN(a_frame_of_another_life_or_place_is_none),
          RUN(a_sealed_but_senseless_frame_is_refused), RUN(a_frame_is_as_long_as_its_parts_rounded_up),
          RUN(a_file_header_comes_back_from_either_copy_and_no_bit_may_flip))
