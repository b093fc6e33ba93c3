#include "base/random.h"
#include "base/test.h"
#include "base/vec.h"
#include "store/index_words.h"
#include "store/store_fixture.h"

struct filter {
    VEC(uint64_t) hashes;
    struct buf bytes;
    struct file *file;
    uint32_t lines;
};

static void filter_make(struct filter *x, size_t count, uint64_t seed) {
    struct random r;
    random_init(&r, seed);
    *x = (struct filter){ 0 };
    for (size_t i = 0; i < count; i++)
        VEC_PUSH(&x->hashes, random_u64(&r));
    index_words_write(x->hashes.p, x->hashes.n, &x->bytes);
    x->file = fixture_file(buf_str(&x->bytes));
    CHECK_OK(index_words_lines(x->file, 0, &x->lines));
}

static void filter_fini(struct filter *x) {
    file_close(x->file);
    buf_fini(&x->bytes);
    VEC_FINI(&x->hashes);
}

TEST(every_token_of_a_block_is_found) {
    static const size_t counts[] = { 0, 1, 2, 40, 1000, 90000 };
    for (size_t k = 0; k < COUNT_OF(counts); k++) {
        struct filter x;
        filter_make(&x, counts[k], 3);
        CHECK_OK(index_words_check(x.file, 0, x.lines));
        for (size_t i = 0; i < x.hashes.n; i++) {
            bool may = false;
            CHECK_OK(index_words_test(x.file, 0, x.lines, x.hashes.p[i], &may));
            CHECK(may);
        }
        filter_fini(&x);
    }
}

TEST(fewer_than_four_in_a_hundred_strange_tokens_may_be_there) {
    struct filter x;
    struct random r;
    filter_make(&x, 60000, 4);
    random_init(&r, 99);
    size_t found = 0, tries = 100000;
    for (size_t i = 0; i < tries; i++) {
        bool may = true;
        CHECK_OK(index_words_test(x.file, 0, x.lines, random_u64(&r), &may));
        found += may;
    }
    print_message("%.2f %% false, %.1f bits a token\n", 100.0 * (double)found / (double)tries,
                  8.0 * (double)x.bytes.n / 60000);
    CHECK(found * 25 < tries);
    filter_fini(&x);
}

TEST(an_empty_filter_holds_nothing) {
    struct filter x;
    filter_make(&x, 0, 1);
    bool may = true;
    CHECK(x.lines == 1);
    CHECK_OK(index_words_test(x.file, 0, x.lines, 12345, &may));
    CHECK(!may);
    filter_fini(&x);
}

TEST(a_flipped_bit_or_a_moved_line_is_seen) {
    struct filter x;
    filter_make(&x, 300, 5);
    for (size_t bit = 0; bit < x.bytes.n * 8; bit++) {
        x.bytes.p[bit / 8] ^= (char)(1 << bit % 8);
        CHECK(index_words_check(x.file, 0, x.lines) == ERR_CORRUPT);
        x.bytes.p[bit / 8] ^= (char)(1 << bit % 8);
    }
    CHECK_OK(index_words_check(x.file, 0, x.lines));
    char line[WORD_LINE_BYTES];
    memcpy(line, x.bytes.p + WORD_LINE_BYTES, sizeof line);
    memcpy(x.bytes.p + WORD_LINE_BYTES, x.bytes.p + 2 * WORD_LINE_BYTES, sizeof line);
    memcpy(x.bytes.p + 2 * WORD_LINE_BYTES, line, sizeof line);
    CHECK(index_words_check(x.file, 0, x.lines) == ERR_CORRUPT);
    filter_fini(&x);
}

TEST_MAIN(RUN(every_token_of_a_block_is_found), RUN(fewer_than_four_in_a_hundred_strange_tokens_may_be_there),
          RUN(an_empty_filter_holds_nothing), RUN(a_flipped_bit_or_a_moved_line_is_seen))
