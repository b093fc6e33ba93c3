#include "base/test.h"
#include "ingest/decode_fixture.h"
#include <stdio.h>
/*
 * Requests of real clients, recorded byte for byte in tests/compat/recorded: a comment, the request line,
 * headers, and the body as text or in hexadecimal. Each must become the rows that are written here.
 */
enum { RECORDING_BYTES_MAX = 64 << 10 };

struct recording {
    char bytes[RECORDING_BYTES_MAX];
    struct str path, content_type, body;
};

static void read_hex(struct str hex, struct str *out) {
    char *to = (char *)hex.p;
    size_t n = 0;
    unsigned digits = 0, v = 0;
    for (size_t i = 0; i < hex.n; i++) {
        if (hex.p[i] == '\n')
            continue;
        v = v << 4 | (unsigned)(ascii_digit(hex.p[i]) ? hex.p[i] - '0' : hex.p[i] - 'a' + 10);
        if (++digits % 2 == 0)
            to[n++] = (char)v;
    }
    *out = (struct str){ to, n };
}

static void recording_read(const char *name, struct recording *r) {
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s.txt", RECORDED, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s cannot be opened", path);
    struct str rest = { r->bytes, fread(r->bytes, 1, sizeof r->bytes, f) }, line;
    (void)fclose(f);
    bool hex = false;
    while (str_cut(&rest, '\n', &line) && line.n) {
        if (str_starts(line, STR("POST "))) {
            r->path = str_skip(line, 5);
            size_t query = str_find(r->path, STR("?"), 0);
            r->path.n = query == SIZE_MAX ? r->path.n : query;
        }
        if (str_starts(line, STR("content-type: ")))
            r->content_type = str_skip(line, 14);
        hex = hex || str_eq(line, STR("body: hex"));
    }
    if (hex)
        read_hex(rest, &r->body);
    else
        r->body = rest;
}

#define TEXT(i)                                                                                              \
    "row " #i " with \\\"quotes\\\", \xc3\xbcn\xc3\xaf"                                                      \
    "c\xc3\xb6"                                                                                              \
    "d\xc3\xa9 and a\\ttab"
#define OTLP_REST "deep.t=b1 f=f0.5 flags=i1 "
#define OTLP_TAIL                                                                                            \
    "scope.name=\"compat\" scope.version=\"1.0\" severity_number=i13 span_id=\"b7ad6b7169203331\" "          \
    "trace_id=\"0af7651916cd43dd8448eb211c80319c\"\n"
#define OTLP_STREAM "{service=\"shop\",host=\"compat\",process.pid=\"7\"} "
#define OTLP_ROWS                                                                                            \
    "+0 " OTLP_STREAM "@message=\"" TEXT(                                                                    \
        0) "\" " OTLP_REST "level=\"warn\" list=j[1,\"x\"] n=i0 " OTLP_TAIL "+1000 " OTLP_STREAM             \
           "@message=\"" TEXT(1) "\" " OTLP_REST "level=\"WARN\" list=j[1,\"x\"] n=i1 " OTLP_TAIL            \
                                 "+2000 " OTLP_STREAM                                                        \
                                 "@message=\"{\\\"a\\\":1,\\\"b\\\":[\\\"x\\\"]}\" " OTLP_REST               \
                                 "level=\"WARN\" list=j[1,\"x\"] n=i2 " OTLP_TAIL
#define LOKI_JSON(part, i)                                                                                   \
    "{\\\"labels\\\":{\\\"part\\\":\\\"" part "\\\"},\\\"level\\\":\\\"info\\\",\\\"message\\\":\\\"row " #i \
    " with "                                                                                                 \
    "\\\\\\\"quotes\\\\\\\", \xc3\xbcn\xc3\xaf"                                                              \
    "c\xc3\xb6"                                                                                              \
    "d\xc3\xa9 and a\\\\ttab\\\",\\\"n\\\":" #i "}"

static const struct {
    const char *name, *proto, *want;
} cases[] = {
    // tidy: table
    { "elastic_elasticsearch", "es_bulk",
      "+0 {index=\"compat\"} @id=\"id-0\" @message=\"" TEXT(
          0) "\" n=i0 nested.a=j[0,{\"b\":null}]\n"
             "+1000 {index=\"compat\"} @id=\"id-1\" @message=\"" TEXT(
                 1) "\" n=i1 nested.a=j[1,{\"b\":null}]\n"
                    "+2000 {index=\"compat\"} @id=\"id-2\" @message=\"" TEXT(
                        2) "\" n=i2 nested.a=j[2,{\"b\":null}]\n" },
    { "winston-elasticsearch", "es_bulk",
      "+5334890 {index=\"compat-2026.11.21\"} @message=\"" TEXT(
          2) "\" fields.err.code=\"E2\" fields.n=i2 level=\"error\"\n"
             "+5334890 {index=\"compat-2026.11.21\"} @message=\"" TEXT(
                 1) "\" fields.err.code=\"E1\" fields.n=i1 level=\"warn\"\n" },
    { "pino-elasticsearch", "es_bulk",
      "+5336164 {host=\"vm\",index=\"compat\"} @message=\"" TEXT(
          0) "\" level=i30 n=i0 pid=i21714 req.url=\"/x\"\n"
             "+5336177 {host=\"vm\",index=\"compat\"} @message=\"" TEXT(
                 1) "\" level=i30 n=i1 pid=i21714 req.url=\"/x\"\n"
                    "+5336177 {host=\"vm\",index=\"compat\"} @message=\"" TEXT(
                        2) "\" level=i30 n=i2 pid=i21714 req.url=\"/x\"\n" },
    { "opentelemetry_exporter-logs-otlp-http", "otlp", OTLP_ROWS },
    { "opentelemetry_exporter-logs-otlp-proto", "otlp", OTLP_ROWS },
    { "pino-loki", "loki",
      "+5341462 {app=\"compat\",host=\"vm\",level=\"info\"} @message=\"{\\\"level\\\":30,\\\"time\\\":1795247641462,\\\"pid\\\":21714,"
      "\\\"n\\\":1,\\\"msg\\\":\\\"row 1 with \\\\\\\"quotes\\\\\\\", \xc3\xbcn\xc3\xaf"
      "c\xc3\xb6"
      "d\xc3\xa9 and a\\\\ttab\\\"}\"\n" },
    { "winston-loki-json", "loki",
      "+5339845 {app=\"compat\",level=\"info\",part=\"p0\"} @message=\"" LOKI_JSON(
          "p0", 0) "\" level=\"info\" n=\"0\"\n"
                   "+5339846 {app=\"compat\",level=\"info\",part=\"p0\"} @message=\"" LOKI_JSON(
                       "p0", 2) "\" level=\"info\" n=\"2\"\n"
                                "+5339845 {app=\"compat\",level=\"info\",part=\"p1\"} @message=\"" LOKI_JSON(
                                    "p1", 1) "\" level=\"info\" n=\"1\"\n" },
    { "winston-loki", "loki",
      "+5338234 {app=\"compat\",level=\"info\",part=\"p0\"} @message=\"" LOKI_JSON(
          "p0", 0) "\"\n"
                   "+5338234 {app=\"compat\",level=\"info\",part=\"p0\"} @message=\"" LOKI_JSON(
                       "p0", 2) "\"\n"
                                "+5338234 {app=\"compat\",level=\"info\",part=\"p1\"} @message=\"" LOKI_JSON(
                                    "p1", 1) "\"\n" },
    { "logger_rfc3164", "syslog",
      "+5342000 {service=\"compat\",host=\"vm\"} @message=\"row one with \\\"quotes\\\" \xc3\xbcn\xc3\xaf"
      "c\xc3\xb6"
      "d\xc3\xa9\" "
      "facility=\"local0\" level=\"error\"\n" },
    { "logger_rfc5424", "syslog",
      "+5342322 {service=\"compat\",host=\"vm\"} @message=\"row two\" a@1.k=\"v w\" facility=\"local0\" level=\"error\" msgid=\"M1\" "
      "procid=\"21856\" timeQuality.isSynced=\"0\" timeQuality.tzKnown=\"1\"\n" },
    { "logger_tcp_octet_count", "syslog",
      "+5342641 {service=\"compat\",host=\"vm\"} @message=\"row one\" facility=\"user\" level=\"notice\" timeQuality.isSynced=\"0\" "
      "timeQuality.tzKnown=\"1\"\n"
      "+5342642 {service=\"compat\",host=\"vm\"} @message=\"row two\" facility=\"user\" level=\"notice\" timeQuality.isSynced=\"0\" "
      "timeQuality.tzKnown=\"1\"\n" },
    { "logger_tcp_lines", "syslog",
      "+5342000 {service=\"compat\",host=\"vm\"} @message=\"row one\" facility=\"user\" level=\"notice\"\n"
      "+5342000 {service=\"compat\",host=\"vm\"} @message=\"row two\" facility=\"user\" level=\"notice\"\n" },
};

/* The rows of the request; of a stream, of each of its messages. */
static void decode(struct fixture *f, const struct ingest_proto *proto, const struct recording *r,
                   struct buf *print) {
    struct str rest = r->body, message = r->body;
    f->in.path = r->path;
    f->in.content_type = r->content_type;
    do {
        if (proto->frame && (proto->frame(&rest, &message, &f->why) != ERR_OK || message.n == 0))
            message = rest, rest.n = 0; /* a datagram has no LF */
        if (message.n) {
            if (fixture_decode(f, proto, message, NULL) != ERR_OK)
                fail_msg("%s", f->why.msg);
            buf_add(print, str_of(fixture_print(f)));
        }
    } while (proto->frame && rest.n);
    buf_add_char(print, '\0');
}

TEST(each_recorded_request_becomes_the_rows_it_was_meant_to_be) {
    static struct recording r;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct ingest_proto *proto = ingest_find(str_of(cases[i].proto));
        struct fixture f;
        fixture_init(&f);
        AUTO(buf) print = { 0 };
        recording_read(cases[i].name, &r);
        decode(&f, proto, &r, &print);
        if (strcmp(print.p, cases[i].want) != 0)
            fail_msg("%s:\n%swant:\n%s", cases[i].name, print.p, cases[i].want);
        fixture_fini(&f, proto);
    }
}

TEST_MAIN(RUN(each_recorded_request_becomes_the_rows_it_was_meant_to_be))
