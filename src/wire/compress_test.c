#include "base/heap.h"
#include "base/random.h"
#include "base/test.h"
#include "wire/compress.h"
#include <stdio.h>

enum { SAMPLE_LINES = 4000, LIMIT_BYTES = 4 << 20 };

static void add_sample(struct buf *b) {
    struct random r;
    random_init(&r, 1);
    for (int i = 0; i < SAMPLE_LINES; i++)
        buf_addf(b, "{\"n\":%d,\"user\":\"u-%llu\"}\n", i, (unsigned long long)random_below(&r, 1000000));
}

/* A gzip or zstd file of `count` zeros. */
static void add_zeros(struct buf *out, enum encoding e, size_t count) {
    AUTO(buf) zeros = { 0 };
    buf_add_fill(&zeros, 0, count);
    CHECK_OK((e == ENCODING_GZIP ? compress_gzip : compress_zstd)(buf_str(&zeros), 1, out));
}

static void check_same(enum encoding e, struct str in, struct str want) {
    struct body *b;
    CHECK_OK(decompress(e, in, LIMIT_BYTES, NULL, &b));
    CHECK(b->n == want.n && memcmp(b->data, want.p, want.n) == 0);
    body_unref(b);
}

static void check_refused(enum encoding e, struct str in, size_t limit_bytes, enum err want) {
    struct err_text why = { "" };
    struct body *b;
    CHECK(decompress(e, in, limit_bytes, &why, &b) == want);
    CHECK(why.msg[0] != 0);
}

TEST(gzip_and_zstd_bodies_come_back_unchanged) {
    AUTO(buf) plain = { 0 };
    add_sample(&plain);
    for (int level = 1; level <= 9; level += 4) {
        AUTO(buf) gzip = { 0 };
        AUTO(buf) zstd = { 0 };
        CHECK_OK(compress_gzip(buf_str(&plain), level, &gzip));
        CHECK_OK(compress_zstd(buf_str(&plain), level, &zstd));
        CHECK(gzip.n < plain.n / 2 && zstd.n < plain.n / 2);
        check_same(ENCODING_GZIP, buf_str(&gzip), buf_str(&plain));
        check_same(ENCODING_ZSTD, buf_str(&zstd), buf_str(&plain));
    }
}

TEST(several_members_or_frames_are_one_body) {
    AUTO(buf) gzip = { 0 };
    AUTO(buf) zstd = { 0 };
    AUTO(buf) want = { 0 };
    for (int i = 0; i < 3; i++) {
        AUTO(buf) plain = { 0 };
        buf_add_fill(&plain, (char)('a' + i), (size_t)i * 5000);
        CHECK_OK(compress_gzip(buf_str(&plain), 1, &gzip));
        CHECK_OK(compress_zstd(buf_str(&plain), 1, &zstd));
        buf_add(&want, buf_str(&plain));
    }
    check_same(ENCODING_GZIP, buf_str(&gzip), buf_str(&want));
    check_same(ENCODING_ZSTD, buf_str(&zstd), buf_str(&want));
}

/* Raw and zlib-wrapped deflate of "hello hello hello hello\n", and a snappy block of the same. */
#define HELLO "hello hello hello hello\n"
static const unsigned char hello_raw[] = { 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x27, 0xb9, 0x00 };
static const unsigned char hello_zlib[] = { 0x78, 0xda, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8,
                                            0x40, 0x27, 0xb9, 0x00, 0x70, 0xbe, 0x08, 0xbb };
static const unsigned char hello_snappy[] = { 0x18, 0x14, 'h',  'e',  'l',  'l', 'o',
                                              ' ',  0x42, 0x06, 0x00, 0x00, '\n' };
static struct str bytes(const unsigned char *p, size_t n) {
    return (struct str){ (const char *)p, n };
}

TEST(deflate_is_read_with_and_without_its_zlib_header) {
    check_same(ENCODING_DEFLATE, bytes(hello_raw, sizeof hello_raw), STR(HELLO));
    check_same(ENCODING_DEFLATE, bytes(hello_zlib, sizeof hello_zlib), STR(HELLO));
}

TEST(a_snappy_block_is_read_and_its_lie_about_the_size_refused) {
    check_same(ENCODING_SNAPPY, bytes(hello_snappy, sizeof hello_snappy), STR(HELLO));
    static const unsigned char huge[] = { 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 'a' };
    check_refused(ENCODING_SNAPPY, bytes(huge, sizeof huge), LIMIT_BYTES, ERR_LIMIT);
    static const unsigned char more[] = { 0x19, 0x14, 'h', 'e', 'l', 'l', 'o', ' ' };
    check_refused(ENCODING_SNAPPY, bytes(more, sizeof more), LIMIT_BYTES, ERR_INVALID);
}

TEST(a_bomb_is_refused_by_its_ratio_before_the_limit) {
    AUTO(buf) gzip = { 0 };
    AUTO(buf) zstd = { 0 };
    add_zeros(&gzip, ENCODING_GZIP, 3 << 20);
    add_zeros(&zstd, ENCODING_ZSTD, 3 << 20);
    check_refused(ENCODING_GZIP, buf_str(&gzip), LIMIT_BYTES, ERR_LIMIT);
    check_refused(ENCODING_ZSTD, buf_str(&zstd), LIMIT_BYTES, ERR_LIMIT);
}

TEST(a_body_over_the_limit_is_refused_and_one_at_the_limit_is_not) {
    AUTO(buf) plain = { 0 };
    add_sample(&plain);
    AUTO(buf) gzip = { 0 };
    AUTO(buf) zstd = { 0 };
    CHECK_OK(compress_gzip(buf_str(&plain), 1, &gzip));
    CHECK_OK(compress_zstd(buf_str(&plain), 1, &zstd));
    struct str in[] = { [ENCODING_IDENTITY] = buf_str(&plain),
                        [ENCODING_GZIP] = buf_str(&gzip),
                        [ENCODING_ZSTD] = buf_str(&zstd) };
    static const enum encoding each[] = { ENCODING_IDENTITY, ENCODING_GZIP, ENCODING_ZSTD };
    for (size_t i = 0; i < COUNT_OF(each); i++) {
        struct body *b;
        check_refused(each[i], in[each[i]], plain.n - 1, ERR_LIMIT);
        CHECK_OK(decompress(each[i], in[each[i]], plain.n, NULL, &b));
        CHECK(b->n == plain.n);
        body_unref(b);
    }
}

TEST(a_lie_in_the_gzip_trailer_takes_no_memory_and_is_refused) {
    AUTO(buf) gzip = { 0 };
    CHECK_OK(compress_gzip(STR("short"), 6, &gzip));
    memset(gzip.p + gzip.n - 4, 0xff, 4);
    check_refused(ENCODING_GZIP, buf_str(&gzip), LIMIT_BYTES, ERR_LIMIT);
    memset(gzip.p + gzip.n - 4, 0, 4); /* too small: the decoder finds out */
    check_refused(ENCODING_GZIP, buf_str(&gzip), LIMIT_BYTES, ERR_INVALID);
}

TEST(every_cut_and_every_changed_byte_is_an_error_or_the_same_bytes) {
    AUTO(buf) plain = { 0 };
    for (int i = 0; i < 40; i++)
        buf_addf(&plain, "line %d of %d\n", i, i * i);
    static const enum encoding each[] = { ENCODING_GZIP, ENCODING_ZSTD };
    for (size_t e = 0; e < COUNT_OF(each); e++) {
        AUTO(buf) in = { 0 };
        CHECK_OK((each[e] == ENCODING_GZIP ? compress_gzip : compress_zstd)(buf_str(&plain), 6, &in));
        struct body *b;
        for (size_t i = 1; i < in.n; i++) { /* LIMIT: the cut put something else where gzip has its size */
            enum err got = decompress(each[e], (struct str){ in.p, i }, LIMIT_BYTES, NULL, &b);
            CHECK(got == ERR_INVALID || (got == ERR_LIMIT && each[e] == ENCODING_GZIP));
        }
        for (size_t i = 0; i < in.n; i++) {
            in.p[i] ^= 0x55;
            if (decompress(each[e], buf_str(&in), LIMIT_BYTES, NULL, &b) == ERR_OK)
                body_unref(b);
            in.p[i] ^= 0x55;
        }
    }
}

TEST(content_encoding_names_are_found_whatever_their_case) {
    enum encoding e;
    CHECK_OK(encoding_find(STR("GZip"), &e));
    CHECK(e == ENCODING_GZIP);
    CHECK_OK(encoding_find(STR(""), &e));
    CHECK(e == ENCODING_IDENTITY);
    CHECK(encoding_find(STR("br"), &e) == ERR_UNSUPPORTED);
    CHECK(encoding_find(STR("gzip, gzip"), &e) == ERR_UNSUPPORTED);
}

/* Feeds `in` in steps of `step_bytes`. */
static enum err inflate_in_steps(enum encoding e, struct str in, size_t step_bytes, struct buf *out) {
    struct inflater *z = inflater_new(e);
    enum err result = ERR_OK;
    while (result == ERR_OK && in.n > 0) {
        struct str piece = { in.p, in.n < step_bytes ? in.n : step_bytes };
        in = str_skip(in, piece.n);
        while (result == ERR_OK && piece.n > 0)
            result = inflater_feed(z, &piece, out, NULL);
    }
    if (result == ERR_OK)
        result = inflater_end(z, NULL);
    inflater_free(z);
    return result;
}

TEST(files_inflate_to_the_same_bytes_whatever_the_pieces) {
    AUTO(buf) plain = { 0 };
    add_sample(&plain);
    buf_add_fill(&plain, 'x', 1 << 20);
    static const enum encoding each[] = { ENCODING_IDENTITY, ENCODING_GZIP, ENCODING_ZSTD };
    for (size_t e = 0; e < COUNT_OF(each); e++) {
        AUTO(buf) in = { 0 };
        for (int member = 0; member < 2; member++) {
            if (each[e] == ENCODING_IDENTITY)
                buf_add(&in, buf_str(&plain));
            else
                CHECK_OK((each[e] == ENCODING_GZIP ? compress_gzip : compress_zstd)(buf_str(&plain), 1, &in));
        }
        for (size_t step = 1; step <= in.n * 7; step *= 7) {
            AUTO(buf) out = { 0 };
            CHECK_OK(inflate_in_steps(each[e], buf_str(&in), step, &out));
            CHECK(out.n == plain.n * 2);
            CHECK(memcmp(out.p, plain.p, plain.n) == 0 && memcmp(out.p + plain.n, plain.p, plain.n) == 0);
        }
    }
}

TEST(a_file_that_ends_in_the_middle_is_corrupt) {
    AUTO(buf) plain = { 0 };
    add_sample(&plain);
    static const enum encoding each[] = { ENCODING_GZIP, ENCODING_ZSTD };
    for (size_t e = 0; e < COUNT_OF(each); e++) {
        AUTO(buf) in = { 0 };
        CHECK_OK((each[e] == ENCODING_GZIP ? compress_gzip : compress_zstd)(buf_str(&plain), 1, &in));
        for (size_t cut = 1; cut < in.n; cut += 97) {
            AUTO(buf) out = { 0 };
            CHECK(inflate_in_steps(each[e], (struct str){ in.p, in.n - cut }, 4096, &out) == ERR_CORRUPT);
        }
    }
}

TEST(an_unsupported_inflater_is_not_made) {
    CHECK(inflater_new(ENCODING_SNAPPY) == NULL);
    CHECK(inflater_new(ENCODING_DEFLATE) == NULL);
}

TEST_MAIN(RUN(gzip_and_zstd_bodies_come_back_unchanged), RUN(several_members_or_frames_are_one_body),
          RUN(deflate_is_read_with_and_without_its_zlib_header),
          RUN(a_snappy_block_is_read_and_its_lie_about_the_size_refused),
          RUN(a_bomb_is_refused_by_its_ratio_before_the_limit),
          RUN(a_body_over_the_limit_is_refused_and_one_at_the_limit_is_not),
          RUN(a_lie_in_the_gzip_trailer_takes_no_memory_and_is_refused),
          RUN(every_cut_and_every_changed_byte_is_an_error_or_the_same_bytes),
          RUN(content_encoding_names_are_found_whatever_their_case),
          RUN(files_inflate_to_the_same_bytes_whatever_the_pieces),
          RUN(a_file_that_ends_in_the_middle_is_corrupt), RUN(an_unsupported_inflater_is_not_made))
