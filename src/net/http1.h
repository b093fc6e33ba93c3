#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "net/http_server.h"
/*
 * HTTP/1.1 requests as bytes: pure functions without sockets, clocks or memory of their own.
 * A request is refused rather than guessed at, because two readers of one message that guess differently are
 * how requests are smuggled.
 */

/* Why a request is refused. All texts are constants: nothing of the sender's comes back. */
struct http1_refusal {
    unsigned status;
    const char *message;
    const char *limit; /* name of the configuration key, or NULL */
};

/* Finds the end of a head in bytes that come piece by piece. */
struct http1_scan {
    size_t at;      /* bytes looked at */
    size_t skipped; /* empty lines before the request */
    size_t lines;
};
enum http1_step { HTTP1_MORE, HTTP1_DONE, HTTP1_REFUSED };
/* `bytes` is all that has come of this head so far, `scan` what the last call left. DONE: *out_bytes is the
 * length of the head with its empty line. */
NODISCARD enum http1_step http1_scan_head(struct http1_scan *scan, struct str bytes, size_t bytes_max,
                                          size_t *out_bytes, struct http1_refusal *out_why);

struct http1_head {
    enum http_method method;
    struct str target, path, query; /* as sent; path and query are inside target */
    bool http10;
    bool keep_alive, chunked, has_length, expect_continue;
    uint64_t length_bytes;
    const struct http_header *headers; /* in `mem` */
    size_t header_count;
};
/* `bytes` is a head found by http1_scan_head; the slices of *out point into it. */
NODISCARD enum http1_step http1_parse_head(struct str bytes, size_t header_count_max, struct arena *mem,
                                           struct http1_head *out, struct http1_refusal *out_why);
struct str http1_header(const struct http1_head *h, struct str name); /* the first; "" when absent */

/* -1 when it is none. */
int http1_hex_digit(char c);
/* Undoes %XX once, and '+' when `form`. `to` has room for s.n bytes; returns how many it wrote. A '%' without
 * two hexadecimal digits stays as it is (heads with one are refused before). */
size_t http1_unescape(struct str s, bool form, char *to);

/* For answers: whether it can be written as a header without changing the message's shape. */
NODISCARD bool http1_header_safe(struct http_header h);
const char *http1_status_text(unsigned status);
/* Whether a list such as "gzip;q=0.5, br" has `token` and does not forbid it by q=0. */
NODISCARD bool http1_list_accepts(struct str list, struct str token);
