#include "base/test.h"
#include "ingest/decode_fixture.h"
#include "ingest/row_maker.h"

extern const struct ingest_proto ingest_raw;

static const struct {
    const char *what, *options, *body, *want;
} cases[] = {
    // tidy: table
    { "lines become messages, labels come from parameters", "service=nginx&host=web1", "one\ntwo\n",
      "+0 {service=\"nginx\",host=\"web1\"} @message=\"one\"\n+0 {service=\"nginx\",host=\"web1\"} @message=\"two\"\n" },
    { "carriage returns, empty lines, and a last line without LF stay", NULL, "a\r\n\n b\rc \nlast",
      "+0 {} @message=\"a\\r\"\n+0 {} @message=\"\"\n+0 {} @message=\" b\\rc \"\n+0 {} @message=\"last\"\n" },
    { "bytes stay what they are", NULL, "\xff\x01\n", "+0 {} @message=\"\xff\\u0001\"\n" },
    { "nothing is no row", NULL, "", "" },
    { "a line feed is one empty line", NULL, "\n", "+0 {} @message=\"\"\n" },
    { "times are read on demand", "time=detect&app=x", "2026-11-21 06:25:01,5 hello\nno time\n",
      "+1500 {app=\"x\"} @message=\"2026-11-21 06:25:01,5 hello\"\n+0 {app=\"x\"} @message=\"no time\"\n" },
};

TEST(each_body_becomes_the_rows_it_says) {
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum err e = fixture_decode(&f, &ingest_raw, str_of(cases[i].body), cases[i].options);
        const char *got = fixture_print(&f);
        if (e != ERR_OK || strcmp(got, cases[i].want) != 0)
            fail_msg("%s: %s\n%swant:\n%s", cases[i].what, e ? f.why.msg : "", got, cases[i].want);
    }
    fixture_fini(&f, &ingest_raw);
}

TEST(unknown_times_and_too_many_labels_are_refused) {
    struct fixture f;
    fixture_init(&f);
    CHECK(fixture_decode(&f, &ingest_raw, STR("x"), "time=yesterday") == ERR_INVALID);
    CHECK(fixture_decode(&f, &ingest_raw, STR("x"), "=1") == ERR_INVALID);
    struct decode_param many[LABELS_COUNT_MAX + 1];
    char names[LABELS_COUNT_MAX + 1][4];
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        names[i][0] = (char)('a' + i / 16), names[i][1] = (char)('a' + i % 16);
        many[i] = (struct decode_param){ { names[i], 2 }, STR("v") };
    }
    f.in.params = many;
    f.in.param_count = COUNT_OF(many);
    CHECK(ingest_raw.decode(&f.in, &f.out, &f.why) == ERR_LIMIT);
    f.in.params = f.params;
    fixture_fini(&f, &ingest_raw);
}

TEST(a_line_that_is_too_long_becomes_a_reject) {
    struct fixture f;
    fixture_init(&f);
    AUTO(buf) body = { 0 };
    buf_add(&body, STR("a\n"));
    buf_add_fill(&body, 'x', ROW_BYTES_MAX + 1);
    buf_add(&body, STR("\nb"));
    CHECK_OK(fixture_decode(&f, &ingest_raw, buf_str(&body), NULL));
    CHECK(f.batch.rows.n == 2 && f.out.rejects.n == 1 && f.out.rejects.p[0].row == 1);
    CHECK(f.batch.cells.n == 2);
    fixture_fini(&f, &ingest_raw);
}

TEST(too_many_rows_in_one_request_are_refused) {
    struct fixture f;
    fixture_init(&f);
    AUTO(buf) body = { 0 };
    buf_add_fill(&body, '\n', ROW_REQUEST_ROWS_MAX + 1);
    CHECK(fixture_decode(&f, &ingest_raw, buf_str(&body), NULL) == ERR_LIMIT);
    fixture_fini(&f, &ingest_raw);
}

TEST_MAIN(RUN(each_body_becomes_the_rows_it_says), RUN(unknown_times_and_too_many_labels_are_refused),
          RUN(a_line_that_is_too_long_becomes_a_reject), RUN(too_many_rows_in_one_request_are_refused))
