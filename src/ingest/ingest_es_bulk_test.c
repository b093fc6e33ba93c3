#include "base/test.h"
#include "ingest/decode_fixture.h"
#include "ingest/row_maker.h"
#include "wire/json.h"

extern const struct ingest_proto ingest_es_bulk;

static const struct {
    const char *what, *path, *body, *want, *reply;
} cases[] = {
    // tidy: table
    { "an action with an id and one without", "/_bulk",
      "{\"index\":{\"_index\":\"web\",\"_id\":\"7\"}}\n{\"message\":\"hi\",\"n\":{\"a\":1},\"service\":\"s\"}\n"
      "{\"create\":{\"_index\":\"web\"}}\n{\"@timestamp\":\"2026-11-21T06:25:00.5Z\",\"index\":\"x\"}\n",
      "+0 {service=\"s\",index=\"web\"} @id=\"7\" @message=\"hi\" n.a=i1\n+500 {index=\"web\"} index=\"x\"\n",
      "{\"took\":0,\"errors\":false,\"items\":[{\"index\":{\"_index\":\"web\",\"_id\":\"7\",\"_version\":1,\"result\":"
      "\"created\",\"status\":201}},{\"create\":{\"_index\":\"web\",\"_id\":\"********************\",\"_version\":1,"
      "\"result\":\"created\",\"status\":201}}]}" },
    { "the index of the path, extra keys, blank lines, CRLF and spaces", "/logs-1/_bulk",
      "\n{\"index\":{\"_type\":\"_doc\",\"routing\":null},\"attempts\":0}\r\n {\"a\" : 1} \r\n\n"
      "{ \"create\" : { \"_id\" : 5 , \"_index\" : \"o\\u0074her\" } }\n{\"a\":2}\n",
      "+0 {index=\"logs-1\"} a=i1\n+0 {index=\"other\"} @id=\"5\" a=i2\n", NULL },
    { "bad documents and refused actions cost themselves alone", "/i/_bulk",
      "{\"index\":{}}\n{\"a\":1\n{\"index\":{}}\n[1]\n{\"update\":{\"_id\":\"1\"}}\n{\"doc\":{}}\n{\"delete\":{\"_id\":\"1\"}}\n"
      "{\"index\":{\"_id\":\"\"}}\n{}\n{\"index\":{}}\n{\"a\":1}}\n{\"index\":{}}\n{\"a\":9}\n{\"create\":{}}\n{\"a\":[1,}\n",
      "+0 {index=\"i\"} a=i9\n"
      "! 0 byte 6: the document has no end | {\"a\":1\n"
      "! 1 the document is not an object | [1]\n"
      "! 2 rows never change: only index and create are accepted | {\"update\":{\"_id\":\"1\"}}\n{\"doc\":{}}\n\n"
      "! 3 rows never change: only index and create are accepted | {\"delete\":{\"_id\":\"1\"}}\n\n"
      "! 4 if _id is specified it must not be empty | {\"index\":{\"_id\":\"\"}}\n{}\n\n"
      "! 5 byte 7: more text behind the document | {\"a\":1}}\n"
      "! 7 byte 8: expected a value | {\"a\":[1,}\n",
      NULL },
    { "the answer to refused items", "/i/_bulk",
      "{\"update\":{\"_id\":\"1\"}}\n{\"doc\":{}}\n{\"index\":{\"_id\":\"2\"}}\n{\n",
      "! 0 rows never change: only index and create are accepted | {\"update\":{\"_id\":\"1\"}}\n{\"doc\":{}}\n\n"
      "! 1 byte 1: the document has no end | {\n",
      "{\"took\":0,\"errors\":true,\"items\":[{\"update\":{\"_index\":\"i\",\"_id\":\"1\",\"status\":400,\"error\":{"
      "\"type\":\"illegal_argument_exception\",\"reason\":\"rows never change: only index and create are accepted\"}}},"
      "{\"index\":{\"_index\":\"i\",\"_id\":\"2\",\"status\":400,\"error\":{\"type\":\"document_parsing_exception\","
      "\"reason\":\"byte 1: the document has no end\"}}}]}" },
};

/* Equal but for `*`, which stands for any byte. */
static bool matches(struct str got, struct str want) {
    bool same = got.n == want.n;
    for (size_t i = 0; same && i < want.n; i++)
        same = want.p[i] == '*' || want.p[i] == got.p[i];
    return same;
}

static struct str answer(struct fixture *f, enum err result, struct ingest_reply *reply) {
    *reply = (struct ingest_reply){ 0 };
    ingest_es_bulk.reply(&f->in, &f->out, result, &f->why, reply);
    CHECK(reply->elastic_product);
    assert_string_equal(reply->content_type, "application/json");
    struct json_reader r;
    json_reader_init(&r, buf_str(&reply->body));
    (void)json_skip(&r);
    CHECK_OK(json_end(&r, NULL));
    return buf_str(&reply->body);
}

TEST(each_body_becomes_the_rows_and_the_answer_it_says) {
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        f.in.path = str_of(cases[i].path);
        enum err e = fixture_decode(&f, &ingest_es_bulk, str_of(cases[i].body), NULL);
        const char *got = fixture_print(&f);
        if (e != ERR_OK || strcmp(got, cases[i].want) != 0)
            fail_msg("%s: %s\n%swant:\n%s", cases[i].what, e ? f.why.msg : "", got, cases[i].want);
        struct ingest_reply reply;
        struct str text = answer(&f, ERR_OK, &reply);
        CHECK(reply.status == 200);
        if (cases[i].reply && !matches(text, str_of(cases[i].reply)))
            fail_msg("%s:\n" STR_FMT "\nwant:\n%s", cases[i].what, STR_ARG(text), cases[i].reply);
        buf_fini(&reply.body);
    }
    fixture_fini(&f, &ingest_es_bulk);
}

TEST(a_request_that_cannot_be_followed_is_refused_whole) {
    static const struct {
        const char *path, *body, *why;
    } bad[] = {
        { "/_bulk", "", "request body is required" },
        { "/_bulk", "{\"index\":{\"_index\":\"a\"}}\n{}",
          "The bulk request must be terminated by a newline [\\n]" },
        { "/_bulk", "{\"index\":{}}\n{}\n", "Validation Failed: line 1: index is missing;" },
        { "/_bulk", "{\"index\":{\"_index\":\"a\"}}\n",
          "Validation Failed: line 1: no document behind the action;" },
        { "/a/_bulk", "{\"index\":{}}\n{}\n[]\n",
          "Malformed action/metadata line [3]: byte 0: expected an object" },
        { "/a/_bulk", "{\"upsert\":{}}\n{}\n",
          "Malformed action/metadata line [1], expected one of [create, delete, index, update]" },
        { "/a/_bulk", "{\"index\":7}\n{}\n",
          "Malformed action/metadata line [1]: byte 9: expected an object" },
    };
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        f.in.path = str_of(bad[i].path);
        CHECK(fixture_decode(&f, &ingest_es_bulk, str_of(bad[i].body), NULL) == ERR_INVALID);
        assert_string_equal(f.why.msg, bad[i].why);
        struct ingest_reply reply;
        struct str text = answer(&f, ERR_INVALID, &reply);
        CHECK(reply.status == 400);
        CHECK(str_starts(
            text, STR("{\"error\":{\"root_cause\":[{\"type\":\"illegal_argument_exception\",\"reason\":\"")));
        CHECK(str_ends(text, STR("\"},\"status\":400}")));
        buf_fini(&reply.body);
    }
    fixture_fini(&f, &ingest_es_bulk);
}

TEST(documents_are_claimed_by_index_and_id) {
    struct fixture f;
    fixture_init(&f);
    f.in.path = STR("/_bulk");
    CHECK_OK(fixture_decode(
        &f, &ingest_es_bulk,
        STR("{\"create\":{\"_index\":\"a\",\"_id\":\"1\"}}\n{}\n{\"index\":{\"_index\":\"a\",\"_id\":\"1\"}}\n{}\n"
            "{\"index\":{\"_index\":\"a1\",\"_id\":\"\\u0031\"}}\n{}\n{\"index\":{\"_index\":\"a\"}}\n{}\n"),
        NULL));
    struct decode_item *it = f.out.items.p;
    CHECK(f.out.items.n == 4 && f.batch.claims.n == 0);
    CHECK(id128_eq(it[0].claim, it[1].claim) && !id128_eq(it[0].claim, it[2].claim));
    CHECK(it[3].claim.hi == 0 && it[3].claim.lo == 0);
    it[0].duplicate = it[1].duplicate = true;
    struct ingest_reply reply;
    struct str text = answer(&f, ERR_OK, &reply);
    CHECK(str_starts(
        text,
        STR("{\"took\":0,\"errors\":true,\"items\":[{\"create\":{\"_index\":\"a\",\"_id\":\"1\",\"status\":409,"
            "\"error\":{\"type\":\"version_conflict_engine_exception\"")));
    CHECK(
        str_find(
            text,
            STR("{\"index\":{\"_index\":\"a\",\"_id\":\"1\",\"_version\":1,\"result\":\"noop\",\"status\":200}}"),
            0) != SIZE_MAX);
    buf_fini(&reply.body);
    fixture_fini(&f, &ingest_es_bulk);
}

TEST(ids_that_are_made_differ) {
    struct fixture f;
    fixture_init(&f);
    f.in.path = STR("/i/_bulk");
    CHECK_OK(fixture_decode(&f, &ingest_es_bulk, STR("{\"index\":{}}\n{}\n{\"index\":{}}\n{}\n"), NULL));
    struct ingest_reply reply;
    struct str text = answer(&f, ERR_OK, &reply);
    size_t first = str_find(text, STR("_id\":\""), 0), second = str_find(text, STR("_id\":\""), first + 1);
    CHECK(second != SIZE_MAX && memcmp(text.p + first + 6, text.p + second + 6, 20) != 0);
    buf_fini(&reply.body);
    fixture_fini(&f, &ingest_es_bulk);
}

TEST(a_full_journal_is_said_in_elasticsearchs_words) {
    struct fixture f;
    fixture_init(&f);
    ERR_IGNORE(err_say(&f.why, ERR_UNAVAILABLE, "the journal is full"), "said");
    struct ingest_reply reply;
    struct str text = answer(&f, ERR_UNAVAILABLE, &reply);
    CHECK(reply.status == 503);
    CHECK_STR(
        text,
        "{\"error\":{\"root_cause\":[{\"type\":\"es_rejected_execution_exception\",\"reason\":\"the journal is full\"}],"
        "\"type\":\"es_rejected_execution_exception\",\"reason\":\"the journal is full\"},\"status\":503}");
    buf_fini(&reply.body);
    fixture_fini(&f, &ingest_es_bulk);
}

TEST_MAIN(RUN(each_body_becomes_the_rows_and_the_answer_it_says),
          RUN(a_request_that_cannot_be_followed_is_refused_whole), RUN(documents_are_claimed_by_index_and_id),
          RUN(ids_that_are_made_differ), RUN(a_full_journal_is_said_in_elasticsearchs_words))
