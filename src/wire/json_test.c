#include "base/random.h"
#include "base/test.h"
#include "wire/json.h"
#include <math.h>
#include <stdio.h>

static bool valid(struct str text, struct err_text *why) {
    struct json_reader r;
    json_reader_init(&r, text);
    (void)json_skip(&r);
    return json_end(&r, why) == ERR_OK;
}

TEST(documents_of_the_grammar_are_read_and_others_are_refused) {
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        // tidy: table
        { "{}", true },
        { " [ ] ", true },
        { "{\"a\":[1,2,{\"b\":null}],\"c\":\"\"}", true },
        { "\"\\u00e9\\\\\\/\"", true },
        { "-0.5e+10", true },
        { "0", true },
        { "\"a\tb\"", true },
        { "", false },
        { "{", false },
        { "{\"a\"}", false },
        { "{\"a\":1,}", false },
        { "{a:1}", false },
        { "[1,]", false },
        { "[1 2]", false },
        { "[,1]", false },
        { "01", false },
        { "-", false },
        { "1.", false },
        { ".5", false },
        { "1e", false },
        { "+1", false },
        { "tru", false },
        { "nul", false },
        { "\"a", false },
        { "\"a\nb\"", false },
        { "\"\\x\"", false },
        { "\"\\u12g4\"", false },
        { "\"\\", false },
        { "{} {}", false },
        { "[1]]", false },
        { "NaN", false },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct err_text why = { "" };
        if (valid(str_of(cases[i].text), &why) != cases[i].good)
            fail_msg("%s: %s", cases[i].text, why.msg);
    }
}

TEST(a_mistake_is_reported_with_its_place) {
    struct err_text why;
    CHECK(!valid(STR("{\"a\" 1}"), &why));
    assert_string_equal(why.msg, "byte 5: expected ':' after the key");
    CHECK(!valid(STR("[1,2"), &why));
    assert_string_equal(why.msg, "byte 4: expected ',' or ']'");
}

TEST(nesting_is_read_to_its_limit_and_not_further) {
    char text[2 * (JSON_DEPTH_MAX + 1)];
    for (size_t depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        CHECK(valid((struct str){ text, 2 * depth }, NULL) == (depth == JSON_DEPTH_MAX));
    }
}

static struct str unescape(const char *raw, char *room) {
    size_t n = json_unescape(str_of(raw), room);
    return n == SIZE_MAX ? STR("refused") : (struct str){ room, n };
}

TEST(escapes_become_the_bytes_they_mean) {
    char room[64];
    CHECK_STR(unescape("a\\n\\t\\\"\\\\\\/b", room), "a\n\t\"\\/b");
    CHECK_STR(unescape("\\u00e9\\u20AC", room), "\xc3\xa9\xe2\x82\xac");
    CHECK_STR(unescape("\\ud83d\\ude00", room), "\xf0\x9f\x98\x80");
    CHECK_STR(unescape("\\ud83d", room), "\xef\xbf\xbd");
    CHECK_STR(unescape("\\ud83dx", room), "\xef\xbf\xbdx");
    CHECK_STR(unescape("\\ude00\\ud83d\\u0041", room), "\xef\xbf\xbd\xef\xbf\xbd"
                                                       "A");
    CHECK_STR(unescape("\\q", room), "refused");
    CHECK_STR(unescape("\\u12", room), "refused");
    CHECK_STR(unescape("\\ud83d\\u12", room), "refused");
    CHECK(unescape("\\u0000", room).n == 1 && room[0] == '\0');
}

TEST(a_number_is_typed_only_when_its_print_gives_back_its_text) {
    static const struct {
        const char *text;
        enum json_number_kind kind;
    } cases[] = {
        // tidy: table
        { "0", JSON_NUMBER_INT },
        { "-1", JSON_NUMBER_INT },
        { "9223372036854775807", JSON_NUMBER_INT },
        { "-9223372036854775808", JSON_NUMBER_INT },
        { "9223372036854775808", JSON_NUMBER_TEXT },
        { "12.5", JSON_NUMBER_FLOAT },
        { "-0.001", JSON_NUMBER_FLOAT },
        { "0.0001", JSON_NUMBER_FLOAT },
        { "0.00001", JSON_NUMBER_TEXT },
        { "1e-05", JSON_NUMBER_FLOAT },
        { "12.50", JSON_NUMBER_TEXT },
        { "1.0", JSON_NUMBER_TEXT },
        { "1e3", JSON_NUMBER_TEXT },
        { "-0", JSON_NUMBER_FLOAT },
        { "0.30000000000000004", JSON_NUMBER_FLOAT },
        { "123456789012345.25", JSON_NUMBER_FLOAT },
        { "1e999", JSON_NUMBER_TEXT },
        { "0.1000000000000000055511151231257827", JSON_NUMBER_TEXT },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct json_number got;
        struct str t = str_of(cases[i].text);
        CHECK(json_scan_number(t.p, t.p + t.n, &got) == t.p + t.n);
        if (got.kind != cases[i].kind)
            fail_msg("%s is of kind %d", cases[i].text, got.kind);
    }
}

/* The short way for decimals must decide as strtod and the printer would. */
TEST(a_typed_number_prints_as_it_was_written) {
    struct random random;
    random_init(&random, 1);
    for (int i = 0; i < 200000; i++) {
        char text[48];
        int n = snprintf(text, sizeof text, "%s%llu.%0*llu", random_below(&random, 2) ? "-" : "",
                         (unsigned long long)(random_u64(&random) >> (34 + random_below(&random, 30))),
                         (int)random_below(&random, 12), (unsigned long long)random_below(&random, 100000));
        struct json_number got;
        CHECK(json_scan_number(text, text + n, &got) == text + n);
        AUTO(buf) print = { 0 };
        double f;
        CHECK(str_to_f64((struct str){ text, (size_t)n }, &f));
        buf_add_f64(&print, f);
        bool same = str_eq(buf_str(&print), (struct str){ text, (size_t)n });
        if (same != (got.kind == JSON_NUMBER_FLOAT) || (same && got.f != f))
            fail_msg("%s is of kind %d, prints as " STR_FMT, text, got.kind, STR_ARG(buf_str(&print)));
    }
}

TEST(vector_and_plain_search_stop_at_the_same_byte) {
    struct random random;
    random_init(&random, 2);
    char text[200];
    for (int i = 0; i < 100000; i++) {
        size_t n = random_below(&random, sizeof text + 1);
        for (size_t k = 0; k < n; k++)
            text[k] = (char)random_u64(&random);
        const char *p = text + random_below(&random, n + 1);
        CHECK(json_scan_stop(p, text + n) == json_scan_stop_plain(p, text + n));
        CHECK(json_scan_stop_far(p, text + n) == json_scan_stop_plain(p, text + n));
    }
}

TEST(any_bytes_come_back_from_a_written_string) {
    struct random random;
    random_init(&random, 3);
    for (int i = 0; i < 20000; i++) {
        char bytes[40], back[300];
        size_t n = random_below(&random, sizeof bytes + 1);
        for (size_t k = 0; k < n; k++)
            bytes[k] = (char)random_below(&random, random_below(&random, 2) ? 256 : 40);
        AUTO(buf) out = { 0 };
        json_add_string(&out, (struct str){ bytes, n });
        CHECK(valid(buf_str(&out), NULL));
        size_t got = json_unescape((struct str){ out.p + 1, out.n - 2 }, back);
        CHECK(str_eq((struct str){ back, got }, (struct str){ bytes, n }));
    }
}

TEST(compact_text_is_one_line_of_the_same_value) {
    AUTO(buf) out = { 0 };
    json_add_compact(&out, STR("[ 1,\n\t{ \"a b\" : \"x\ty \\\" z\" } ]"));
    CHECK_STR(buf_str(&out), "[1,{\"a b\":\"x\\ty \\\" z\"}]");
}

TEST(a_reader_gives_the_values_in_order) {
    AUTO(arena) mem;
    arena_init(&mem, 0);
    struct json_reader r;
    struct json_text key;
    json_reader_init(&r, STR("{\"n\":-12,\"s\":\"a\\u0062\",\"list\":[true,null,[]],\"o\":{\"x\":1}}"));
    CHECK(json_object(&r) && json_key(&r, &key) && json_is(&key, "n"));
    CHECK_STR(json_number_text(&r), "-12");
    CHECK(json_key(&r, &key) && json_is(&key, "s"));
    CHECK_STR(json_string(&r, &mem), "ab");
    CHECK(json_key(&r, &key) && json_array(&r) && json_item(&r));
    CHECK(json_bool(&r) && json_item(&r) && json_kind(&r) == JSON_NULL);
    CHECK_STR(json_skip(&r), "null");
    CHECK(json_item(&r));
    CHECK_STR(json_skip(&r), "[]");
    CHECK(!json_item(&r) && json_key(&r, &key));
    CHECK_STR(json_skip(&r), "{\"x\":1}");
    CHECK(!json_key(&r, &key));
    CHECK_OK(json_end(&r, NULL));
}

TEST(numbers_that_json_cannot_say_become_null) {
    AUTO(buf) out = { 0 };
    json_add_f64(&out, NAN);
    json_add_f64(&out, 0.25);
    CHECK_STR(buf_str(&out), "null0.25");
}

TEST_MAIN(RUN(documents_of_the_grammar_are_read_and_others_are_refused),
          RUN(a_mistake_is_reported_with_its_place), RUN(nesting_is_read_to_its_limit_and_not_further),
          RUN(escapes_become_the_bytes_they_mean),
          RUN(a_number_is_typed_only_when_its_print_gives_back_its_text),
          RUN(a_typed_number_prints_as_it_was_written), RUN(vector_and_plain_search_stop_at_the_same_byte),
          RUN(any_bytes_come_back_from_a_written_string), RUN(compact_text_is_one_line_of_the_same_value),
          RUN(a_reader_gives_the_values_in_order), RUN(numbers_that_json_cannot_say_become_null))
