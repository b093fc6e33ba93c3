#include "base/test.h"
#include "ingest/decode_fixture.h"
#include "ingest/otlp_row.h"
#include "wire/json.h"
#include "wire/protobuf.h"

extern const struct ingest_proto ingest_otlp;

/* ---- a small writer of the protobuf form, so that both forms can be compared ---- */

static void add(struct buf *to, uint32_t number, struct buf *message) {
    protobuf_add_bytes(to, number, buf_str(message));
    buf_fini(message);
}

static void add_pair(struct buf *to, uint32_t number, const char *key, struct buf *value) {
    struct buf pair = { 0 };
    protobuf_add_bytes(&pair, 1, str_of(key));
    add(&pair, 2, value);
    add(to, number, &pair);
}

static struct buf string_value(const char *s) {
    struct buf v = { 0 };
    protobuf_add_bytes(&v, 1, str_of(s));
    return v;
}

static struct buf int_value(int64_t i) {
    struct buf v = { 0 };
    protobuf_add_varint(&v, 3, (uint64_t)i);
    return v;
}

static void add_string(struct buf *to, uint32_t number, const char *key, const char *s) {
    struct buf v = string_value(s);
    add_pair(to, number, key, &v);
}

static void add_int(struct buf *to, uint32_t number, const char *key, int64_t i) {
    struct buf v = int_value(i);
    add_pair(to, number, key, &v);
}

/* {"n":-7,"list":["x",true]} */
static struct buf map_value(void) {
    struct buf map = { 0 }, list = { 0 }, item = string_value("x"), value = { 0 };
    add(&list, 1, &item);
    protobuf_add_varint(&item, 2, 1);
    add(&list, 1, &item);
    add_int(&map, 1, "n", -7);
    add(&value, 5, &list);
    add_pair(&map, 1, "list", &value);
    add(&value, 6, &map);
    return value;
}

static void add_record(struct buf *to) {
    struct buf record = { 0 }, value = string_value("card declined");
    protobuf_add_fixed64(&record, 1, (uint64_t)fixture_now_ns + 250000000);
    protobuf_add_fixed64(&record, 11, (uint64_t)fixture_now_ns);
    protobuf_add_varint(&record, 2, 17);
    add(&record, 5, &value);
    add_string(&record, 6, "user", "u1");
    value = map_value();
    add_pair(&record, 6, "deep", &value);
    protobuf_add_fixed64(&value, 4, 0x3fe0000000000000u);
    add_pair(&record, 6, "half", &value);
    protobuf_add_bytes(&value, 7, STR("\xff\x00\x01"));
    add_pair(&record, 6, "bytes", &value);
    protobuf_add_bytes(&record, 9, STR("\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef"));
    protobuf_add_bytes(&record, 10, STR("\x00\x00\x00\x00\x00\x00\x00\x00"));
    add(to, 2, &record);
}

static void full_request(struct buf *out) {
    struct buf resource = { 0 }, scope = { 0 }, scope_logs = { 0 }, resource_logs = { 0 };
    add_string(&resource, 1, "service.name", "shop");
    add_string(&resource, 1, "host.name", "web1");
    add_int(&resource, 1, "process.pid", 42);
    struct buf list = map_value();
    add_pair(&resource, 1, "args", &list);
    protobuf_add_bytes(&scope, 1, STR("lib"));
    protobuf_add_bytes(&scope, 2, STR("1.2"));
    add_string(&scope, 3, "a", "b");
    add_record(&scope_logs); /* before its scope, and the scopes before their resource: any order is legal */
    add(&scope_logs, 1, &scope);
    add(&resource_logs, 2, &scope_logs);
    add(&resource_logs, 1, &resource);
    add(out, 1, &resource_logs);
}

static const char full_json[] =
    "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"timeUnixNano\":\"1795242300250000000\","
    "\"observed_time_unix_nano\":1795242300000000000,\"severityNumber\":17,\"body\":{\"stringValue\":\"card declined\"},"
    "\"attributes\":[{\"key\":\"user\",\"value\":{\"stringValue\":\"u\\u0031\"}},{\"key\":\"deep\",\"value\":{\"kvlistValue\":{"
    "\"values\":[{\"key\":\"n\",\"value\":{\"intValue\":\"-7\"}},{\"key\":\"list\",\"value\":{\"arrayValue\":{\"values\":[{"
    "\"stringValue\":\"x\"},{\"boolValue\":true}]}}}]}}},{\"key\":\"half\",\"value\":{\"doubleValue\":0.5}},{\"key\":\"bytes\","
    "\"value\":{\"bytesValue\":\"/wAB\"}}],\"traceId\":\"0123456789ABCDEF0123456789abcdef\",\"spanId\":\"0000000000000000\","
    "\"unknown\":[{}]}],\"scope\":{\"name\":\"lib\",\"version\":\"1.2\",\"attributes\":[{\"key\":\"a\",\"value\":{\"stringValue\":"
    "\"b\"}}]}}],\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"shop\"}},{\"key\":\"host.name\","
    "\"value\":{\"stringValue\":\"web1\"}},{\"key\":\"process.pid\",\"value\":{\"intValue\":42}},{\"key\":\"args\",\"value\":{"
    "\"kvlistValue\":{\"values\":[{\"key\":\"n\",\"value\":{\"intValue\":\"-7\"}},{\"key\":\"list\",\"value\":{\"arrayValue\":{"
    "\"values\":[{\"stringValue\":\"x\"},{\"boolValue\":true}]}}}]}}}]}}]}";

static const char full_rows[] =
    "+250 {service=\"shop\",host=\"web1\",process.pid=\"42\"} @message=\"card declined\" args.list=j[\"x\",true] args.n=i-7 "
    "bytes=\"\xff\\u0000\\u0001\" deep.list=j[\"x\",true] deep.n=i-7 half=f0.5 level=\"error\" scope.a=\"b\" scope.name=\"lib\" "
    "scope.version=\"1.2\" severity_number=i17 trace_id=\"0123456789abcdef0123456789abcdef\" user=\"u1\"\n";

TEST(both_encodings_of_a_request_become_the_same_rows) {
    struct fixture f;
    fixture_init(&f);
    AUTO(buf) request = { 0 };
    full_request(&request);
    f.in.content_type = STR("application/x-protobuf");
    CHECK_OK(fixture_decode(&f, &ingest_otlp, buf_str(&request), NULL));
    assert_string_equal(fixture_print(&f), full_rows);
    f.in.content_type = STR("application/json; charset=utf-8");
    enum err e = fixture_decode(&f, &ingest_otlp, str_of(full_json), NULL);
    if (e != ERR_OK)
        fail_msg("%s", f.why.msg);
    assert_string_equal(fixture_print(&f), full_rows);
    fixture_fini(&f, &ingest_otlp);
}

static const struct {
    const char *record, *want;
} records[] = {
    // tidy: table
    { "{}", "+0 {}\n" },
    { "{\"body\":{\"intValue\":5},\"severityText\":\"Warning\",\"severityNumber\":13}",
      "+0 {} @message=i5 level=\"Warning\" severity_number=i13\n" },
    { "{\"body\":{\"kvlistValue\":{\"values\":[{\"key\":\"a\",\"value\":{}}]}},\"observedTimeUnixNano\":\"1795242300001000000\"}",
      "+1 {} @message=\"{\\\"a\\\":null}\"\n" },
    { "{\"traceId\":\"xyz\",\"spanId\":\"00f067aa0ba902b7\",\"flags\":1,\"eventName\":\"e\",\"droppedAttributesCount\":2}",
      "+0 {} dropped_attributes_count=i2 event_name=\"e\" flags=i1 span_id=\"00f067aa0ba902b7\"\n" },
    { "{\"body\":{\"stringValue\":\"\"},\"attributes\":[{\"key\":\"message\",\"value\":{\"stringValue\":\"m\"}},{\"key\":\"\",\"value\":{"
      "\"doubleValue\":\"NaN\"}}]}",
      "+0 {} @message=\"\" @rest=j{\"\":null} message=\"m\"\n" },
    { "{\"attributes\":[{\"key\":\"e\",\"value\":{\"kvlistValue\":{}}},{\"key\":\"l\",\"value\":{\"arrayValue\":{\"values\":[]}}},{\"key\":"
      "\"n\",\"value\":null},{\"key\":\"service.name\",\"value\":{\"stringValue\":\"x\"}}]}",
      "+0 {} e=j{} l=j[] service.name=\"x\"\n" },
};

TEST(each_record_becomes_the_row_it_says) {
    struct fixture f;
    fixture_init(&f);
    f.in.content_type = STR("application/json");
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        AUTO(buf) body = { 0 };
        buf_addf(&body, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[%s]}]}]}", records[i].record);
        enum err e = fixture_decode(&f, &ingest_otlp, buf_str(&body), NULL);
        const char *got = fixture_print(&f);
        if (e != ERR_OK || strcmp(got, records[i].want) != 0)
            fail_msg("%s: %s\n%swant:\n%s", records[i].record, e ? f.why.msg : "", got, records[i].want);
    }
    fixture_fini(&f, &ingest_otlp);
}

static struct str answer(struct fixture *f, enum err result, struct ingest_reply *reply) {
    *reply = (struct ingest_reply){ 0 };
    ingest_otlp.reply(&f->in, &f->out, result, &f->why, reply);
    return buf_str(&reply->body);
}

TEST(a_damaged_request_is_refused_in_its_own_encoding) {
    struct fixture f;
    struct ingest_reply reply;
    fixture_init(&f);
    f.in.content_type = STR("application/x-protobuf");
    CHECK(fixture_decode(&f, &ingest_otlp, STR("\x0a\x05\x12"), NULL) == ERR_INVALID);
    struct str text = answer(&f, ERR_INVALID, &reply);
    CHECK(reply.status == 400);
    CHECK(str_starts(text, STR("\x08\x03\x12")));
    assert_string_equal(reply.content_type, "application/x-protobuf");
    buf_fini(&reply.body);
    f.in.content_type = STR("application/json");
    CHECK(fixture_decode(&f, &ingest_otlp,
                         STR("{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":1}]}]}]}"),
                         NULL) == ERR_INVALID);
    text = answer(&f, ERR_INVALID, &reply);
    CHECK_STR(text, "{\"code\":3,\"message\":\"byte 54: expected an object\"}");
    buf_fini(&reply.body);
    fixture_fini(&f, &ingest_otlp);
}

TEST(success_is_silent_and_partial_success_is_not) {
    struct fixture f;
    struct ingest_reply reply;
    fixture_init(&f);
    f.in.content_type = STR("application/json");
    CHECK_OK(fixture_decode(&f, &ingest_otlp, STR("{}"), NULL));
    CHECK_STR(answer(&f, ERR_OK, &reply), "{}");
    buf_fini(&reply.body);
    f.in.content_type = STR("application/x-protobuf");
    CHECK_OK(fixture_decode(&f, &ingest_otlp, STR(""), NULL));
    CHECK(answer(&f, ERR_OK, &reply).n == 0 && reply.status == 200);
    buf_fini(&reply.body);
    VEC_PUSH(&f.out.rejects, (struct reject){ .reason = STR("why") });
    CHECK_STR(answer(&f, ERR_OK, &reply), "\x0a\x07\x08\x01\x12\x03why");
    buf_fini(&reply.body);
    f.in.content_type = STR("application/json");
    CHECK_STR(answer(&f, ERR_OK, &reply),
              "{\"partialSuccess\":{\"rejectedLogRecords\":\"1\",\"errorMessage\":\"why\"}}");
    buf_fini(&reply.body);
    fixture_fini(&f, &ingest_otlp);
}

TEST(a_resource_with_too_much_for_labels_keeps_the_rest_as_fields) {
    struct fixture f;
    fixture_init(&f);
    f.in.content_type = STR("application/json");
    AUTO(buf) body = { 0 };
    buf_add(&body, STR("{\"resourceLogs\":[{\"resource\":{\"attributes\":["));
    for (int i = 0; i < LABELS_COUNT_MAX + 3; i++)
        buf_addf(&body, "{\"key\":\"k%02d\",\"value\":{\"stringValue\":\"v\"}},", i);
    buf_add(&body, STR("{\"key\":\"long\",\"value\":{\"stringValue\":\""));
    buf_add_fill(&body, 'x', OTLP_LABEL_BYTES_MAX + 1);
    buf_add(&body, STR("\"}}]},\"scopeLogs\":[{\"logRecords\":[{}]}]}]}"));
    CHECK_OK(fixture_decode(&f, &ingest_otlp, buf_str(&body), NULL));
    CHECK(f.batch.rows.n == 1 && f.batch.rows.p[0].cell_count == 4);
    CHECK(strstr(fixture_print(&f), " k64=\"v\" k65=\"v\" k66=\"v\" long=\"xxx") != NULL);
    fixture_fini(&f, &ingest_otlp);
}

TEST(values_nested_too_deep_are_refused) {
    struct fixture f;
    fixture_init(&f);
    f.in.content_type = STR("application/x-protobuf");
    for (int depth = OTLP_DEPTH_MAX; depth <= OTLP_DEPTH_MAX + 1; depth++) {
        struct buf value = string_value("x"), record = { 0 }, scope_logs = { 0 }, resource_logs = { 0 };
        AUTO(buf) request = { 0 };
        for (int i = 0; i < depth; i++) {
            struct buf list = { 0 }, outer = { 0 };
            add(&list, 1, &value);
            add(&outer, 5, &list);
            value = outer;
        }
        add(&record, 5, &value);
        add(&scope_logs, 2, &record);
        add(&resource_logs, 2, &scope_logs);
        add(&request, 1, &resource_logs);
        CHECK(fixture_decode(&f, &ingest_otlp, buf_str(&request), NULL) ==
              (depth > OTLP_DEPTH_MAX ? ERR_INVALID : ERR_OK));
    }
    fixture_fini(&f, &ingest_otlp);
}

TEST_MAIN(RUN(both_encodings_of_a_request_become_the_same_rows), RUN(each_record_becomes_the_row_it_says),
          RUN(a_damaged_request_is_refused_in_its_own_encoding),
          RUN(success_is_silent_and_partial_success_is_not),
          RUN(a_resource_with_too_much_for_labels_keeps_the_rest_as_fields),
          RUN(values_nested_too_deep_are_refused))
