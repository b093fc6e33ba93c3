#include "base/random.h"
#include "base/stat.h"
#include "base/test.h"
#include "ingest/decode_fixture.h"
#include "ingest/json_row.h"
#include "wire/json.h"

extern const struct ingest_proto ingest_json;

static const struct {
    const char *what, *options, *body, *want;
} cases[] = {
    // tidy: table
    { "well-known fields, labels and typed values", NULL,
      "{\"@timestamp\":\"2026-11-21T06:25:00.123Z\",\"level\":\"info\",\"service\":\"shop\",\"host\":\"web1\",\"msg\":"
      "\"hi\",\"ms\":12.5,\"status\":200,\"ok\":true,\"none\":null,\"cost\":1.50}\n",
      "+123 {service=\"shop\",host=\"web1\"} @message=\"hi\" cost=n1.50 level=\"info\" ms=f12.5 ok=b1 status=i200\n" },
    { "lines, blank lines, CRLF and no last LF", NULL, "{\"a\":1}\r\n\r\n \n{\"a\":2}",
      "+0 {} a=i1\n+0 {} a=i2\n" },
    { "an array, and objects one after the other", NULL, "[{\"a\":1},\n{\"a\":2}]{\"a\":3}{\"a\":4}",
      "+0 {} a=i1\n+0 {} a=i2\n+0 {} a=i3\n+0 {} a=i4\n" },
    { "an object may span lines", NULL, "{\n \"a\" : 1 ,\n \"b\" : { \"c\" : \"x\" }\n}\n",
      "+0 {} a=i1 b.c=\"x\"\n" },
    { "nested objects flatten, arrays keep their text", NULL,
      "{\"a\":{\"b\":{\"c\":1},\"d\":[1,\"x\"]},\"e\":{},\"f\":[\n1 , {\"g\":2}]}",
      "+0 {} a.b.c=i1 a.d=j[1,\"x\"] e=j{} f=j[1,{\"g\":2}]\n" },
    { "escapes in keys and values", NULL, "{\"a\\u0062\":\"\\u00e9\\n\",\"q\\\"\":\"\\ud83d\"}",
      "+0 {} ab=\"\xc3\xa9\\n\" q\"=\"\xef\xbf\xbd\"\n" },
    { "the last of a name given twice wins", NULL,
      "{\"a\":1,\"b\":2,\"a\":\"x\",\"msg\":\"1\",\"msg\":\"2\"}", "+0 {} @message=\"2\" a=\"x\" b=i2\n" },
    { "the same name, nested and with dots", NULL, "{\"a\":{\"b\":1},\"a.b\":2}", "+0 {} a.b=i2\n" },
    { "the best alias wins whatever the order, the others keep their name", NULL,
      "{\"body\":\"b\",\"message\":\"m\",\"msg\":\"s\"}\n{\"msg\":\"s\",\"@message\":\"M\",\"message\":\"m\"}\n",
      "+0 {} @message=\"m\" body=\"b\" msg=\"s\"\n+0 {} @message=\"M\" message=\"m\" msg=\"s\"\n" },
    { "the options name time, message and labels", "time=when&message=text&stream=app, pod",
      "{\"time\":\"12:00\",\"when\":1795242301,\"text\":\"t\",\"message\":\"m\",\"app\":\"a\",\"pod\":7,\"host\":\"h\"}",
      "+1000 {app=\"a\",host=\"h\",pod=\"7\"} @message=\"t\" message=\"m\" time=\"12:00\"\n" },
    { "times as numbers and text", NULL,
      "{\"ts\":1795242300.25}\n{\"time\":1795242300500}\n{\"timestamp\":\"1795242301\"}\n{\"@timestamp\":\"Nov 21 "
      "06:25:02\"}",
      "+250 {}\n+500 {}\n+1000 {}\n+2000 {}\n" },
    { "a time that cannot be read stays as a field", NULL,
      "{\"time\":\"soon\"}\n{\"@timestamp\":true}\n{\"time\":0.005}\n{\"@timestamp\":\"x\",\"timestamp\":\"y\"}",
      "+0 {} time=\"soon\"\n+0 {} timestamp=b1\n+0 {} time=f0.005\n+0 {} @rest=j{\"timestamp\":\"x\"} "
      "timestamp=\"y\"\n" },
    { "service.name is the label service", NULL,
      "{\"service.name\":\"a\"}\n{\"service\":{\"name\":\"b\"},\"service\":\"c\"}",
      "+0 {service=\"a\"}\n+0 {service=\"c\"} service.name=\"b\"\n" },
    { "labels of other types use their text", NULL, "{\"service\":12,\"host\":true,\"environment\":1.50}",
      "+0 {service=\"12\",environment=\"1.50\",host=\"true\"}\n" },
    { "names that are ours lose their @", NULL, "{\"@ingested\":1,\"@version\":2,\"@stream\":3}",
      "+0 {} @version=i2 ingested=i1 stream=i3\n" },
    { "an empty key is kept in @rest", NULL, "{\"\":1,\"a\":{\"\":2}}", "+0 {} @rest=j{\"\":1} a.=i2\n" },
    { "the raw text on demand", "keep_raw=1", " {\"a\": 1} ", "+0 {} @raw=\"{\\\"a\\\": 1}\" a=i1\n" },
    { "the raw text replaces a field of its name", "keep_raw", "{\"@raw\":1}",
      "+0 {} @raw=\"{\\\"@raw\\\":1}\"\n" },
    { "no column twice, even when a time option names one", "time=level",
      "{\"level\":\"soon\",\"severity\":\"info\"}", "+0 {} @rest=j{\"severity\":\"info\"} level=\"soon\"\n" },
    { "bytes that are not UTF-8, tabs and NULs stay", NULL, "{\"a\":\"\xff\x01\t\"}",
      "+0 {} a=\"\xff\\u0001\\t\"\n" },
    { "an empty object is a row", NULL, "{}", "+0 {}\n" },
    { "a byte order mark is no mistake", NULL, "\xef\xbb\xbf{\"a\":1}", "+0 {} a=i1\n" },
    { "bad lines cost themselves alone", NULL,
      "{\"a\":1}\n{\"a\" 2}\n{\"a\":\"x\n{\"a\":4}\nhello\n{\"a\":5,\n{\"a\":6}\n7\n\"s\"\n{\"a\":8}x\r\n{\"a\":9}",
      "+0 {} a=i1\n+0 {} a=i4\n+0 {} a=i6\n+0 {} a=i8\n+0 {} a=i9\n"
      "! 1 byte 5: expected ':' after the key | {\"a\" 2}\n"
      "! 2 byte 5: a string without its closing quote | {\"a\":\"x\n"
      "! 4 byte 0: expected an object | hello\n"
      "! 5 byte 8: expected a key | {\"a\":5,\n"
      "! 7 byte 0: expected an object | 7\n"
      "! 8 byte 0: expected an object | \"s\"\n"
      "! 10 byte 0: expected an object | x\n" },
    { "a bad object of an array costs its line", NULL, "[{\"a\":1},\n{\"a\":tru},\n{\"a\":3}]",
      "+0 {} a=i1\n+0 {} a=i3\n! 1 byte 5: expected a value | {\"a\":tru},\n" },
    { "objects of an array need commas", NULL, "[{\"a\":1} {\"a\":2}\n]",
      "+0 {} a=i1\n! 1 byte 0: expected ',' or ']' | {\"a\":2}\n" },
    { "bad values", NULL, "{\"a\":01}\n{\"a\":\"\\x\"}\n{\"a\":[1,}\n{\"a\\q\":1}\n{\"a\":}\n{,}",
      "! 0 byte 5: expected a value | {\"a\":01}\n"
      "! 1 byte 5: not an escape in a string | {\"a\":\"\\x\"}\n"
      "! 2 byte 8: expected a value | {\"a\":[1,}\n"
      "! 3 byte 1: not an escape in a key | {\"a\\q\":1}\n"
      "! 4 byte 5: expected a value | {\"a\":}\n"
      "! 5 byte 1: expected a key | {,}\n" },
};

TEST(each_body_becomes_the_rows_it_says) {
    struct fixture f;
    fixture_init(&f);
    for (int round = 0; round < 2; round++) /* again, with what was learnt */
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
            enum err e = fixture_decode(&f, &ingest_json, str_of(cases[i].body), cases[i].options);
            const char *got = fixture_print(&f);
            if (e != ERR_OK || strcmp(got, cases[i].want) != 0)
                fail_msg("%s (round %d): %s\n%swant:\n%s", cases[i].what, round, e ? f.why.msg : "", got,
                         cases[i].want);
        }
    fixture_fini(&f, &ingest_json);
}

TEST(an_array_without_an_end_is_refused) {
    struct fixture f;
    fixture_init(&f);
    CHECK(fixture_decode(&f, &ingest_json, STR("[{\"a\":1},"), NULL) == ERR_INVALID);
    fixture_fini(&f, &ingest_json);
}

TEST(an_unreadable_time_is_counted) {
    struct fixture f;
    fixture_init(&f);
    int64_t before = stat_get(STAT_INGEST_UNREADABLE_TIMES);
    CHECK_OK(fixture_decode(&f, &ingest_json, STR("{\"time\":\"?\"}{\"time\":\"!\"}"), NULL));
    CHECK(stat_get(STAT_INGEST_UNREADABLE_TIMES) == before + 2);
    fixture_fini(&f, &ingest_json);
}

TEST(a_batch_id_becomes_a_claim) {
    struct fixture f;
    fixture_init(&f);
    f.in.batch_id = STR("b-17");
    CHECK_OK(fixture_decode(&f, &ingest_json, STR("{\"a\":1}"), NULL));
    CHECK(f.batch.claims.n == 1);
    CHECK(id128_eq(f.batch.claims.p[0], hash128(STR("batch\0b-17"))));
    fixture_fini(&f, &ingest_json);
}

TEST(too_large_rows_become_rejects) {
    struct fixture f;
    fixture_init(&f);
    AUTO(buf) body = { 0 };
    buf_add(&body, STR("{\"a\":\""));
    buf_add_fill(&body, 'x', ROW_BYTES_MAX);
    buf_add(&body, STR("\"}\n{\"b\":1}\n{"));
    for (int i = 0; i <= ROW_CELLS_MAX; i++)
        buf_addf(&body, "%s\"k%d\":1", i ? "," : "", i);
    buf_add(&body, STR("}\n{\"c\":1}\n{\"service\":\""));
    buf_add_fill(&body, 's', LABELS_BYTES_MAX);
    buf_add(&body, STR("\"}\n"));
    CHECK_OK(fixture_decode(&f, &ingest_json, buf_str(&body), NULL));
    CHECK(f.batch.rows.n == 2 && f.out.rejects.n == 3 && f.out.row_count == 5);
    CHECK(f.out.rejects.p[0].code == ERR_LIMIT && f.out.rejects.p[0].raw.n == ROW_REJECT_RAW_BYTES_MAX);
    CHECK(f.out.rejects.p[1].row == 2 && f.out.rejects.p[2].row == 4);
    fixture_fini(&f, &ingest_json);
}

TEST(fields_without_a_number_go_to_rest) {
    struct fixture f;
    fixture_init(&f);
    AUTO(buf) body = { 0 };
    for (int i = 0; i < FIELD_DICT_COUNT_MAX + 10; i++)
        buf_addf(&body, "{\"n%d\":{\"x\":1}}\n", i);
    CHECK_OK(fixture_decode(&f, &ingest_json, buf_str(&body), NULL));
    CHECK(f.batch.rows.n == FIELD_DICT_COUNT_MAX + 10 && field_dict_full(&f.fields));
    CHECK(strstr(fixture_print(&f), "+0 {} @rest=j{\"n32777.x\":1}\n") != NULL);
    buf_clear(&body);
    buf_add(&body, STR("{\""));
    buf_add_fill(&body, 'k', FIELD_NAME_BYTES_MAX + 1);
    buf_add(&body, STR("\":{\"y\":[ 1]}}"));
    field_dict_reset(&f.fields);
    CHECK_OK(fixture_decode(&f, &ingest_json, buf_str(&body), NULL));
    CHECK(strstr(fixture_print(&f), "kkk\":{\"y\":[ 1]}}\n") != NULL);
    fixture_fini(&f, &ingest_json);
}

TEST(numbers_of_fields_follow_a_reset_of_the_dictionary) {
    struct fixture f;
    fixture_init(&f);
    CHECK_OK(fixture_decode(&f, &ingest_json, STR("{\"a\":1,\"b\":2,\"service\":\"s\"}"), NULL));
    field_dict_reset(&f.fields);
    stream_dict_reset(&f.streams);
    CHECK_OK(fixture_decode(&f, &ingest_json, STR("{\"b\":2,\"service\":\"s\"}"), NULL));
    assert_string_equal(fixture_print(&f), "+0 {service=\"s\"} b=i2\n");
    fixture_fini(&f, &ingest_json);
}

/* ---- what was learnt never changes what a line means ---- */

static void random_value(struct random *r, struct buf *out, int depth) {
    static const char *const scalars[] = {
        "1",    "-7",   "0.25",      "1.50",         "true",
        "null", "\"\"", "\"a\\nb\"", "\"checkout\"", "\"a longer text, 16 bytes and more\""
    };
    static char long_key[FIELD_NAME_BYTES_MAX + 2];
    static const char *const nested[] = { "a", "b", "c", "", long_key };
    memset(long_key, 'k', sizeof long_key - 1);
    uint64_t kind = random_below(r, 12);
    if (kind < COUNT_OF(scalars) || depth > 3) {
        buf_add(out, str_of(scalars[kind % COUNT_OF(scalars)]));
        return;
    }
    bool array = kind == 10;
    buf_add_char(out, array ? '[' : '{');
    for (uint64_t i = random_below(r, 4); i > 0; i--) {
        if (!array)
            buf_addf(out, "\"%s\":", nested[random_below(r, COUNT_OF(nested))]);
        random_value(r, out, depth + 1);
        if (i > 1)
            buf_add_char(out, ',');
    }
    buf_add_char(out, array ? ']' : '}');
}

static void random_line(struct random *r, struct buf *out) {
    static const char *const keys[] = { "a",
                                        "b",
                                        "service",
                                        "msg",
                                        "message",
                                        "time",
                                        "trace_id",
                                        "a.b",
                                        "level",
                                        "host",
                                        "\\u0061",
                                        "k",
                                        "a key that is longer than the expected bytes",
                                        "log.level",
                                        "" };
    buf_add_char(out, '{');
    bool first = true;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (random_below(r, 3) == 0)
            continue;
        size_t k = random_below(r, 8) ? i : random_below(r, COUNT_OF(keys));
        buf_addf(out, "%s%s\"%s\":%s", first ? "" : ",", random_below(r, 20) ? "" : " ", keys[k],
                 random_below(r, 20) ? "" : " ");
        random_value(r, out, 0);
        first = false;
    }
    buf_add_char(out, '}');
    if (random_below(r, 30) == 0 && out->n)
        out->p[random_below(r, out->n)] = (char)(' ' + (char)random_below(r, 90));
    buf_add_char(out, '\n');
}

TEST(a_learnt_order_of_keys_changes_no_answer) {
    struct random random;
    random_init(&random, 6);
    struct fixture learnt, fresh;
    fixture_init(&learnt);
    fixture_init(&fresh);
    AUTO(buf) body = { 0 };
    for (int i = 0; i < 20000; i++) {
        buf_clear(&body);
        for (uint64_t n = 1 + random_below(&random, 3); n > 0; n--)
            random_line(&random, &body);
        CHECK_OK(fixture_decode(&learnt, &ingest_json, buf_str(&body), "stream=k"));
        ingest_json.memo_free(fresh.memo);
        fresh.memo = NULL;
        CHECK_OK(fixture_decode(&fresh, &ingest_json, buf_str(&body), "stream=k"));
        if (strcmp(fixture_print(&learnt), fixture_print(&fresh)) != 0)
            fail_msg("learnt:\n%sfresh:\n%sbody:\n" STR_FMT, learnt.print.p, fresh.print.p,
                     STR_ARG(buf_str(&body)));
    }
    fixture_fini(&learnt, &ingest_json);
    fixture_fini(&fresh, &ingest_json);
}

TEST_MAIN(RUN(each_body_becomes_the_rows_it_says), RUN(an_array_without_an_end_is_refused),
          RUN(an_unreadable_time_is_counted), RUN(a_batch_id_becomes_a_claim),
          RUN(too_large_rows_become_rejects), RUN(fields_without_a_number_go_to_rest),
          RUN(numbers_of_fields_follow_a_reset_of_the_dictionary),
          RUN(a_learnt_order_of_keys_changes_no_answer))
