#include "base/arena.h"
#include "base/assert.h"
#include "base/bits.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/random.h"
#include "base/test.h"
#include "base/vec.h"
#include <stdio.h>

TEST(a_spent_budget_is_an_error_not_a_crash) {
    AUTO(arena) mem;
    arena_init(&mem, 64);
    CHECK(ARENA_NEW(&mem, int64_t, 4) != NULL);
    CHECK(ARENA_NEW(&mem, int64_t, SIZE_MAX / 4) == NULL);
    CHECK(ARENA_NEW(&mem, int64_t, 5) == NULL);
}

TEST(an_arena_keeps_what_it_gave_until_it_is_reset) {
    AUTO(arena) mem;
    arena_init(&mem, 0);
    struct str s[500];
    for (size_t i = 0; i < COUNT_OF(s); i++)
        CHECK_OK(arena_printf(&mem, &s[i], "value %zu", i * 7919));
    for (size_t i = 0; i < COUNT_OF(s); i++) {
        char want[32];
        (void)snprintf(want, sizeof want, "value %zu", i * 7919);
        CHECK_STR(s[i], want);
    }
    arena_reset(&mem);
    CHECK(mem.used_bytes == 0);
}

TEST(a_map_finds_what_was_put_and_nothing_else) {
    AUTO(map) m = { 0 };
    char key[32];
    for (uint32_t i = 0; i < 5000; i++) {
        bool is_new;
        int n = snprintf(key, sizeof key, "k%u", i);
        CHECK(map_put(&m, (struct str){ key, (size_t)n }, i, &is_new) == i && is_new);
    }
    uint32_t v;
    for (uint32_t i = 0; i < 5000; i++) {
        int n = snprintf(key, sizeof key, "k%u", i);
        CHECK(map_get(&m, (struct str){ key, (size_t)n }, &v) && v == i);
    }
    CHECK(!map_get(&m, STR("k5000"), &v));
    CHECK(!map_get(&m, STR(""), &v));
}

TEST(crc32c_gives_the_published_check_value) {
    CHECK(crc32c(0, "123456789", 9) == 0xe3069283u);
    CHECK(crc32c(crc32c(0, "1234", 4), "56789", 5) == 0xe3069283u);
}

TEST(varints_read_back_and_overlong_ones_fail) {
    AUTO(buf) b = { 0 };
    uint64_t values[] = { 0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX };
    for (size_t i = 0; i < COUNT_OF(values); i++)
        buf_add_varint(&b, values[i]);
    struct reader r = reader_of(buf_str(&b));
    for (size_t i = 0; i < COUNT_OF(values); i++)
        CHECK(reader_varint(&r) == values[i]);
    CHECK(reader_done(&r));
    r = reader_of(STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"));
    CHECK(reader_varint(&r) == 0 && r.failed);
    r = reader_of(STR("\x05""abc"));
    CHECK(reader_str(&r).n == 0 && r.failed);
}

TEST(a_float_prints_short_and_reads_back_the_same) {
    struct random rnd;
    random_init(&rnd, 1);
    for (int i = 0; i < 20000; i++) {
        uint64_t raw = random_u64(&rnd);
        double v;
        memcpy(&v, &raw, sizeof v);
        if (v != v || v - v != 0)
            continue;
        AUTO(buf) b = { 0 };
        buf_add_f64(&b, v);
        double back;
        CHECK(str_to_f64(buf_str(&b), &back) && back == v);
    }
    AUTO(buf) b = { 0 };
    buf_add_f64(&b, 0.1);
    CHECK_STR(buf_str(&b), "0.1");
}

TEST(numbers_that_overflow_are_refused) {
    int64_t i;
    uint64_t u;
    CHECK(str_to_i64(STR("-9223372036854775808"), &i) && i == INT64_MIN);
    CHECK(!str_to_i64(STR("9223372036854775808"), &i));
    CHECK(str_to_u64(STR("18446744073709551615"), &u) && u == UINT64_MAX);
    CHECK(!str_to_u64(STR("18446744073709551616"), &u));
    CHECK(!str_to_u64(STR(""), &u) && !str_to_i64(STR("-"), &i));
}

TEST(the_next_set_bit_is_found_across_words) {
    uint64_t w[4] = { 0 };
    CHECK(bits_next(w, 200, 0) == 200);
    bits_set(w, 63);
    bits_set(w, 130);
    CHECK(bits_next(w, 200, 0) == 63 && bits_next(w, 200, 64) == 130 && bits_next(w, 200, 131) == 200);
    bits_fill(w, 130);
    CHECK(bits_count(w, 130) == 130);
}

TEST(a_capped_buffer_takes_all_or_nothing) {
    AUTO(buf) b = { .limit_bytes = 5 };
    buf_add(&b, STR("abc"));
    buf_add(&b, STR("def"));
    CHECK(!buf_ok(&b));
    CHECK_STR(buf_str(&b), "abc");
}

TEST_MAIN(RUN(a_spent_budget_is_an_error_not_a_crash), RUN(an_arena_keeps_what_it_gave_until_it_is_reset),
          RUN(a_map_finds_what_was_put_and_nothing_else), RUN(crc32c_gives_the_published_check_value),
          RUN(varints_read_back_and_overlong_ones_fail), RUN(a_float_prints_short_and_reads_back_the_same),
          RUN(numbers_that_overflow_are_refused), RUN(the_next_set_bit_is_found_across_words),
          RUN(a_capped_buffer_takes_all_or_nothing))
