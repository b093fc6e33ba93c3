#include "base/test.h"
#include "ingest/decode_fixture.h"
#include "ingest/loki_labels.h"
#include "wire/compress.h"
#include "wire/protobuf.h"

extern const struct ingest_proto ingest_loki;

static void add(struct buf *to, uint32_t number, struct buf *message) {
    protobuf_add_bytes(to, number, buf_str(message));
    buf_fini(message);
}

static void add_entry(struct buf *stream, int64_t seconds, int64_t ns, const char *line, const char *name,
                      const char *value) {
    struct buf entry = { 0 }, time = { 0 }, pair = { 0 };
    protobuf_add_varint(&time, 1, (uint64_t)seconds);
    protobuf_add_varint(&time, 2, (uint64_t)ns);
    add(&entry, 1, &time);
    protobuf_add_bytes(&entry, 2, str_of(line));
    if (name) {
        protobuf_add_bytes(&pair, 1, str_of(name));
        protobuf_add_bytes(&pair, 2, str_of(value));
        add(&entry, 3, &pair);
    }
    add(stream, 2, &entry);
}

static void request(struct buf *out) {
    struct buf stream = { 0 };
    add_entry(&stream, 1795242300, 250000000, "one\r", "trace_id", "abc");
    add_entry(&stream, 1795242301, 0, "", NULL, NULL);
    protobuf_add_bytes(&stream, 1, STR("{service_name=\"shop\", a=\"q\\\"\\u00e9\"}"));
    add(out, 1, &stream);
}

static const char json_request[] =
    "{\"streams\":[{\"values\":[[\"1795242300250000000\",\"one\\r\",{\"trace_id\":\"abc\"}],[\"1795242301000000000\",\"\"]],"
    "\"stream\":{\"service_name\":\"shop\",\"a\":\"q\\\"\xc3\xa9\"}}]}";

static const char rows[] =
    "+250 {service=\"shop\",a=\"q\\\"\xc3\xa9\"} @message=\"one\\r\" trace_id=\"abc\"\n"
    "+1000 {service=\"shop\",a=\"q\\\"\xc3\xa9\"} @message=\"\"\n";

/* Snappy's own framing of stored bytes: a length and one literal. */
static void snappy_stored(struct str bytes, struct buf *out) {
    buf_add_varint(out, bytes.n);
    buf_add_char(out, (char)(61 << 2));
    buf_add_le16(out, (uint16_t)(bytes.n - 1));
    buf_add(out, bytes);
}

TEST(snappy_plain_and_json_requests_become_the_same_rows) {
    struct fixture f;
    fixture_init(&f);
    AUTO(buf) plain = { 0 };
    AUTO(buf) packed = { 0 };
    request(&plain);
    snappy_stored(buf_str(&plain), &packed);
    f.in.content_type = STR("application/x-protobuf");
    CHECK_OK(fixture_decode(&f, &ingest_loki, buf_str(&plain), NULL));
    assert_string_equal(fixture_print(&f), rows);
    CHECK_OK(fixture_decode(&f, &ingest_loki, buf_str(&packed), NULL));
    buf_clear(&packed); /* the rows do not point into it */
    buf_add_fill(&packed, 'x', 100);
    assert_string_equal(fixture_print(&f), rows);
    f.in.content_type = STR("application/json");
    enum err e = fixture_decode(&f, &ingest_loki, str_of(json_request), NULL);
    if (e != ERR_OK)
        fail_msg("%s", f.why.msg);
    assert_string_equal(fixture_print(&f), rows);
    fixture_fini(&f, &ingest_loki);
}

static const struct {
    const char *body, *want;
} cases[] = {
    // tidy: table
    { "{\"streams\":[]}", "" },
    { "{\"streams\":[{\"stream\":{},\"values\":[[\"soon\",\"x\"]]}]}",
      "+0 {} @message=\"x\" timestamp=\"soon\"\n" },
    { "{\"streams\":[{\"stream\":{\"n\":1},\"values\":[[1795242300000000000,\"x\",{\"level\":\"info\",\"n\":2},7]]}],\"other\":[]}",
      "+0 {n=\"1\"} @message=\"x\" level=\"info\" n=\"2\"\n" },
    { "{\"streams\":[{\"labels\":\"{a=\\\"b\\\"}\",\"entries\":[{\"ts\":\"2026-11-21T06:25:01Z\",\"line\":\"old\"}]}]}",
      "+1000 {a=\"b\"} @message=\"old\"\n" },
};

TEST(each_json_body_becomes_the_rows_it_says) {
    struct fixture f;
    fixture_init(&f);
    f.in.content_type = STR("application/json");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum err e = fixture_decode(&f, &ingest_loki, str_of(cases[i].body), NULL);
        const char *got = fixture_print(&f);
        if (e != ERR_OK || strcmp(got, cases[i].want) != 0)
            fail_msg("%s: %s\n%swant:\n%s", cases[i].body, e ? f.why.msg : "", got, cases[i].want);
    }
    fixture_fini(&f, &ingest_loki);
}

TEST(bad_requests_are_refused_with_a_sentence) {
    static const char *const bad[] = {
        "",
        "[]",
        "{\"streams\":[{\"stream\":[],\"values\":[]}]}",
        "{\"streams\":[{\"stream\":{},\"values\":[[\"1\"]]}]}",
        "{\"streams\":[{\"stream\":{},\"values\":[[\"1\",2]]}]}",
        "{\"streams\":[{\"stream\":{},\"values\":[[]]}]}",
        "{\"streams\":[{\"labels\":\"{a=b}\",\"entries\":[]}]}",
        "{\"streams\":[{\"stream\":{},\"values\":[[\"1\",\"x\",{]]}]}",
    };
    struct fixture f;
    fixture_init(&f);
    f.in.content_type = STR("application/json");
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        f.why.msg[0] = '\0';
        if (fixture_decode(&f, &ingest_loki, str_of(bad[i]), NULL) != ERR_INVALID || f.why.msg[0] == '\0')
            fail_msg("%s", bad[i]);
    }
    f.in.content_type = STR("application/x-protobuf");
    CHECK(fixture_decode(&f, &ingest_loki, STR("\x0a\x05\x0a"), NULL) == ERR_INVALID);
    struct ingest_reply reply = { 0 };
    ingest_loki.reply(&f.in, &f.out, ERR_INVALID, &f.why, &reply);
    CHECK(reply.status == 400);
    CHECK_STR(buf_str(&reply.body), "the body is damaged: not a push request in protobuf\n");
    buf_fini(&reply.body);
    fixture_fini(&f, &ingest_loki);
}

TEST(the_answer_is_204_or_names_the_first_entry_that_was_not_kept) {
    struct fixture f;
    fixture_init(&f);
    struct ingest_reply reply = { 0 };
    ingest_loki.reply(&f.in, &f.out, ERR_OK, &f.why, &reply);
    CHECK(reply.status == 204 && reply.body.n == 0);
    VEC_PUSH(&f.out.rejects, (struct reject){ .row = 3, .reason = STR("too long") });
    f.out.row_count = 5;
    ingest_loki.reply(&f.in, &f.out, ERR_OK, &f.why, &reply);
    CHECK(reply.status == 400);
    CHECK_STR(buf_str(&reply.body), "1 of 5 entries were not kept; entry 3: too long\n");
    buf_fini(&reply.body);
    CHECK_OK(fixture_decode(&f, &ingest_loki, STR(""), NULL));
    fixture_fini(&f, &ingest_loki);
}

TEST(label_sets_are_read_as_printed) {
    static const struct {
        const char *text, *want; /* NULL: refused */
    } sets[] = {
        { "{}", "{}" },
        { " { a = \"b\" , c=`d\\`, } ", "{a=\"b\",c=\"d\\\\\"}" },
        { "{a=\"\\n\\x41\\101\\u00e9\\U0001f600\\\\\\\"\"}", "{a=\"\nAA\xc3\xa9\xf0\x9f\x98\x80\\\\\\\"\"}" },
        { "", NULL },
        { "{", NULL },
        { "{a}", NULL },
        { "{a=b}", NULL },
        { "{a=\"b}", NULL },
        { "{a=\"\\", NULL },
        { "{a=\"\\\"}", NULL },
        { "{a=\"\\q\"}", NULL },
        { "{a=\"\\u00\"}", NULL },
        { "{a=\"\\777\"}", NULL },
        { "{a=\"b\" c=\"d\"}", NULL },
        { "{=\"b\"}", NULL },
        { "{a=\"b\"}x", NULL },
    };
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        AUTO(arena) mem;
        arena_init(&mem, 0);
        AUTO(buf) canonical = { 0 };
        AUTO(buf) print = { 0 };
        struct label labels[LABELS_COUNT_MAX];
        size_t count = 0;
        enum err e = loki_labels_parse(str_of(sets[i].text), &mem, labels, &count, NULL);
        if (e == ERR_OK) {
            CHECK_OK(labels_canonical(labels, count, &canonical, NULL));
            labels_print(buf_str(&canonical), &print);
        }
        if ((e == ERR_OK) != (sets[i].want != NULL) ||
            (e == ERR_OK && !str_eq(buf_str(&print), str_of(sets[i].want))))
            fail_msg("%s: " STR_FMT, sets[i].text, STR_ARG(buf_str(&print)));
    }
}

TEST_MAIN(RUN(snappy_plain_and_json_requests_become_the_same_rows),
          RUN(each_json_body_becomes_the_rows_it_says), RUN(bad_requests_are_refused_with_a_sentence),
          RUN(the_answer_is_204_or_names_the_first_entry_that_was_not_kept),
          RUN(label_sets_are_read_as_printed))
