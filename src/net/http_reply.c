#include "base/assert.h"
#include "net/http_conn.h"
#include "wire/compress.h"
#include <time.h>

enum {
    GZIP_BYTES_MIN = 1024,    /* below it the answer fits one packet anyway */
    GZIP_BYTES_MAX = 1 << 20, /* above it the loop would be held up for too long */
    GZIP_LEVEL = 1,
    COALESCE_BYTES_MAX = 16 << 10, /* answers of pipelined requests up to this share a write */
};

static struct str date_of(struct http_server *s) {
    int64_t now_s = clock_now_ns(loop_clock(s->loop)) / NS_PER_S;
    if (now_s != s->date_s || !s->date[0]) {
        time_t t = now_s;
        struct tm parts;
        (void)gmtime_r(&t, &parts);
        (void)strftime(s->date, sizeof s->date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        s->date_s = now_s;
    }
    return str_of(s->date);
}

static void add_header(struct buf *out, struct str name, struct str value) {
    buf_add(out, name);
    buf_add(out, STR(": "));
    buf_add(out, value);
    buf_add(out, STR("\r\n"));
}

static bool has_body(unsigned status) {
    return status >= 200 && status != 204 && status != 304;
}

void http_reply_head(struct http_server *s, const struct http_reply_shape *shape, struct buf *out) {
    const struct http_answer *a = shape->answer;
    buf_add(out, STR("HTTP/1.1 "));
    buf_add_u64(out, a->status);
    buf_add_char(out, ' ');
    buf_add(out, str_of(http1_status_text(a->status)));
    buf_add(out, STR("\r\nServer: sonde\r\n"));
    add_header(out, STR("Date"), date_of(s));
    if (a->content_type)
        add_header(out, STR("Content-Type"), str_of(a->content_type));
    for (size_t i = 0; i < a->header_count; i++)
        add_header(out, a->headers[i].name, a->headers[i].value);
    buf_add(out, shape->extra);
    if (shape->chunked) {
        buf_add(out, STR("Transfer-Encoding: chunked\r\n"));
    } else if (has_body(a->status) && !shape->unknown_length) {
        buf_add(out, STR("Content-Length: "));
        buf_add_u64(out, shape->length_bytes);
        buf_add(out, STR("\r\n"));
    }
    if (!shape->keep_alive)
        buf_add(out, STR("Connection: close\r\n"));
    else if (shape->http10)
        buf_add(out, STR("Connection: keep-alive\r\n"));
    buf_add(out, STR("\r\n"));
}

bool http_reply_keep_alive(const struct http_request *r) {
    return r->head.keep_alive && !r->conn->server->draining;
}

bool http_reply_safe(const struct http_answer *a) {
    for (size_t i = 0; i < a->header_count; i++)
        if (!http1_header_safe(a->headers[i]))
            return false;
    return !a->content_type || http1_header_safe((struct http_header){ STR("x"), str_of(a->content_type) });
}

const struct http_answer http_reply_unsafe = {
    .status = 500,
    .content_type = "application/json",
    .body = { "{\"error\":\"a header of the answer has forbidden bytes\"}\n", 55 },
};

static bool compressible(const char *content_type) {
    static const char *const types[] = {
        "text/",           "application/json", "application/x-ndjson", "application/javascript",
        "application/xml", "image/svg+xml"
    };
    for (size_t i = 0; content_type && i < COUNT_OF(types); i++)
        if (strncmp(content_type, types[i], strlen(types[i])) == 0)
            return true;
    return false;
}

static bool encodes_already(const struct http_answer *a) {
    for (size_t i = 0; i < a->header_count; i++)
        if (str_eq_nocase(a->headers[i].name, STR("Content-Encoding")))
            return true;
    return false;
}

static bool wants_gzip(const struct http_request *r, const struct http_answer *a) {
    return a->body.n > GZIP_BYTES_MIN && a->body.n <= GZIP_BYTES_MAX && r->head.method != HTTP_HEAD &&
           compressible(a->content_type) && !encodes_already(a) &&
           http1_list_accepts(http_header(r, STR("Accept-Encoding")), STR("gzip"));
}

static void send_answer(struct http_request *r, const struct http_answer *a, struct str body, bool gzip) {
    struct http_conn *c = r->conn;
    http_reply_head(c->server,
                    &(struct http_reply_shape){
                        .answer = a,
                        .extra = gzip ? STR("Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n") : STR(""),
                        .keep_alive = http_reply_keep_alive(r),
                        .http10 = r->head.http10,
                        .length_bytes = body.n },
                    &c->out);
    if (r->head.method == HTTP_HEAD || !has_body(a->status))
        body.n = 0;
    if (c->consuming && c->out.n + body.n <= COALESCE_BYTES_MAX)
        buf_add(&c->out, body);
    else
        (void)http_conn_send(c, body);
}

void http_reply(struct http_request *r, const struct http_answer *a) {
    struct http_conn *c = r->conn;
    ASSERT(c->request == r);
    bool keep_alive = http_reply_keep_alive(r);
    stat_add(STAT_HTTP_REQUESTS, 1);
    if (!http_reply_safe(a))
        a = &http_reply_unsafe;
    AUTO(buf) packed = { .limit_bytes = GZIP_BYTES_MAX };
    bool gzip = c->tcp && wants_gzip(r, a) && compress_gzip(a->body, GZIP_LEVEL, &packed) == ERR_OK;
    if (c->tcp)
        send_answer(r, a, gzip ? buf_str(&packed) : a->body, gzip);
    http_conn_answered(c, keep_alive);
}
