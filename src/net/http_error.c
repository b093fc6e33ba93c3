#include "net/http_error.h"
#include "base/assert.h"
#include "base/buf.h"
#include <stdio.h>

static const unsigned statuses[ERR_COUNT_] = {
    [ERR_OK] = 200,        [ERR_INVALID] = 400, [ERR_DENIED] = 403,      [ERR_NOT_FOUND] = 404,
    [ERR_CONFLICT] = 409,  [ERR_LIMIT] = 429,   [ERR_TIMEOUT] = 504,     [ERR_CANCELLED] = 499,
    [ERR_UNSUPPORTED] = 501, [ERR_CORRUPT] = 500, [ERR_IO] = 500,        [ERR_UNAVAILABLE] = 503,
};

unsigned http_status_of(enum err code) {
    ASSERT((unsigned)code < ERR_COUNT_);
    return statuses[code];
}

static void add_escaped(struct buf *out, struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            buf_add_char(out, '\\');
        if (c < 0x20)
            buf_addf(out, "\\u%04x", c);
        else
            buf_add_char(out, (char)c);
    }
}

void http_reply_json(struct http_request *r, unsigned status, struct str body) {
    http_reply(r, &(struct http_answer){ .status = status, .content_type = "application/json", .body = body });
}

void http_reply_status(struct http_request *r, unsigned status, struct str message, unsigned retry_after_s) {
    AUTO(buf) body = { .limit_bytes = 4096 };
    buf_add(&body, STR("{\"error\":\""));
    add_escaped(&body, message);
    buf_add(&body, STR("\"}\n"));
    char seconds[16];
    (void)snprintf(seconds, sizeof seconds, "%u", retry_after_s);
    struct http_header retry = { STR("Retry-After"), str_of(seconds) };
    http_reply(r, &(struct http_answer){ .status = status,
                                         .content_type = "application/json",
                                         .headers = &retry,
                                         .header_count = retry_after_s ? 1 : 0,
                                         .body = buf_str(&body) });
}

void http_reply_error(struct http_request *r, enum err code, const struct err_text *why) {
    unsigned retry_after_s = code == ERR_LIMIT || code == ERR_UNAVAILABLE ? 1 : 0;
    http_reply_status(r, http_status_of(code), str_of(why && why->msg[0] ? why->msg : err_name(code)),
                      retry_after_s);
}
