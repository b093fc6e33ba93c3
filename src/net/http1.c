#include "net/http1.h"
#include "base/assert.h"
/*
 * RFC 9112, the strict half.
 *
 *     head = request-line CRLF *( name ":" value CRLF ) CRLF
 *
 * A head is first found whole (scan, resumable, so that a byte at a time costs no more) and then parsed in
 * one go: no half-parsed state exists, and feeding it in other pieces cannot change the outcome. A line ends
 * with CR LF and nothing else; folded lines, bare CR, controls, a space before the colon, two lengths, a
 * length beside chunks, another transfer coding and a second Host are refused. Names are compared without
 * case and never changed.
 */
enum {
    EMPTY_LINES_MAX = 2, /* before a request: some clients send CRLF after a body */
};

/* RFC 9110 token characters. */
static bool token_char(unsigned char c) {
    static const char marks[] = "!#$%&'*+-.^_`|~";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr(marks, c) != NULL);
}

static bool is_token(struct str s) {
    for (size_t i = 0; i < s.n; i++)
        if (!token_char((unsigned char)s.p[i]))
            return false;
    return s.n > 0;
}

/* Header values: visible characters, space, tab and bytes above ASCII. */
static bool is_value(struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

int http1_hex_digit(char c) {
    char lower = ascii_lower(c);
    return ascii_digit(c) ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static enum http1_step refuse(struct http1_refusal *out, unsigned status, const char *message) {
    *out = (struct http1_refusal){ .status = status, .message = message };
    return HTTP1_REFUSED;
}

static enum http1_step head_too_long(const struct http1_scan *scan, struct http1_refusal *out) {
    bool in_request_line = scan->lines == 0;
    *out = (struct http1_refusal){
        .status = in_request_line ? 414 : 431,
        .message = in_request_line ? "the request line is larger than http.header_bytes_max"
                                   : "the headers are larger than http.header_bytes_max",
        .limit = "http.header_bytes_max",
    };
    return HTTP1_REFUSED;
}

/* First byte of a request or of an empty line before it: TLS, say, is refused before its first line ends. */
static bool may_begin(char c) {
    return c == '\r' || token_char((unsigned char)c);
}

enum http1_step http1_scan_head(struct http1_scan *scan, struct str bytes, size_t bytes_max,
                                size_t *out_bytes, struct http1_refusal *out_why) {
    while (scan->at < bytes.n) {
        if (scan->lines == 0 && !may_begin(bytes.p[scan->skipped]))
            return refuse(out_why, 400, "this is not HTTP");
        const char *from = bytes.p + scan->at;
        const char *newline = memchr(from, '\n', bytes.n - scan->at);
        size_t line_end = newline ? (size_t)(newline - bytes.p) : bytes.n;
        if (line_end >= bytes_max)
            return head_too_long(scan, out_why);
        if (!newline) {
            scan->at = bytes.n;
            return HTTP1_MORE;
        }
        if (line_end == 0 || newline[-1] != '\r')
            return refuse(out_why, 400, "a header line does not end with CR LF");
        scan->at = line_end + 1;
        bool empty = line_end == 1 || newline[-2] == '\n';
        if (!empty) {
            scan->lines++;
        } else if (scan->lines > 0) {
            *out_bytes = scan->at;
            return HTTP1_DONE;
        } else if ((scan->skipped += 2) > EMPTY_LINES_MAX * 2) {
            return refuse(out_why, 400, "empty lines instead of a request");
        }
    }
    return HTTP1_MORE;
}

static const struct {
    struct str name;
    enum http_method method;
} methods[] = {
    { { "GET", 3 }, HTTP_GET }, { { "POST", 4 }, HTTP_POST },     { { "HEAD", 4 }, HTTP_HEAD },
    { { "PUT", 3 }, HTTP_PUT }, { { "DELETE", 6 }, HTTP_DELETE }, { { "OPTIONS", 7 }, HTTP_OPTIONS },
};

static enum http1_step parse_method(struct str name, struct http1_head *out, struct http1_refusal *why) {
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        if (str_eq(name, methods[i].name)) {
            out->method = methods[i].method;
            return HTTP1_DONE;
        }
    }
    return is_token(name) ? refuse(why, 501, "this method is not supported")
                          : refuse(why, 400, "the method is malformed");
}

/* Every '%' is followed by two hexadecimal digits and does not make a NUL. */
static bool escapes_ok(struct str s) {
    const char *end = s.p + s.n;
    for (const char *p = s.p; s.n && (p = memchr(p, '%', (size_t)(end - p))) != NULL; p += 3) {
        if (end - p < 3 || http1_hex_digit(p[1]) < 0 || http1_hex_digit(p[2]) < 0)
            return false;
        if (p[1] == '0' && p[2] == '0')
            return false;
    }
    return true;
}

static bool target_chars_ok(struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= 0x20 || c == 0x7f || c == '#')
            return false;
    }
    return s.n > 0;
}

/* "/path?query", "http://host/path?query" (as to a proxy) or, for OPTIONS, "*". */
static enum http1_step parse_target(struct str target, struct http1_head *out, struct http1_refusal *why) {
    if (!target_chars_ok(target) || !escapes_ok(target))
        return refuse(why, 400, "the request target is malformed");
    out->target = target;
    struct str path = target;
    size_t scheme_bytes = str_starts(path, STR("http://")) ? 7 : str_starts(path, STR("https://")) ? 8 : 0;
    if (scheme_bytes) {
        const char *slash = memchr(path.p + scheme_bytes, '/', path.n - scheme_bytes);
        if (!slash || slash == path.p + scheme_bytes)
            return refuse(why, 400, "the request target is malformed");
        path = str_skip(path, (size_t)(slash - path.p));
    }
    bool asterisk = out->method == HTTP_OPTIONS && str_eq(path, STR("*"));
    if (path.p[0] != '/' && !asterisk)
        return refuse(why, 400, "the request target is malformed");
    out->query = path;
    if (!str_cut(&out->query, '?', &out->path)) {
        out->path = path;
        out->query = str_skip(path, path.n);
    }
    return HTTP1_DONE;
}

static enum http1_step parse_version(struct str v, struct http1_head *out, struct http1_refusal *why) {
    if (str_eq(v, STR("HTTP/1.1")) || str_eq(v, STR("HTTP/1.0"))) {
        out->http10 = v.p[7] == '0';
        out->keep_alive = !out->http10;
        return HTTP1_DONE;
    }
    bool well_formed = v.n == 8 && str_starts(v, STR("HTTP/")) && ascii_digit(v.p[5]) && v.p[6] == '.' &&
                       ascii_digit(v.p[7]);
    return well_formed ? refuse(why, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
                       : refuse(why, 400, "the request line is malformed");
}

/* Method SP target SP version, single spaces. */
static enum http1_step parse_request_line(struct str line, struct http1_head *out,
                                          struct http1_refusal *why) {
    struct str method, target;
    if (!str_cut(&line, ' ', &method) || !str_cut(&line, ' ', &target))
        return refuse(why, 400, "the request line is malformed");
    enum http1_step step = parse_version(line, out, why);
    if (step == HTTP1_DONE)
        step = parse_method(method, out, why);
    return step == HTTP1_DONE ? parse_target(target, out, why) : step;
}

/* What the headers said so far about the message's shape. */
struct framing {
    struct http1_head *head;
    bool host, transfer_encoding;
};

static enum http1_step on_host(struct framing *f, struct str value, struct http1_refusal *why) {
    (void)value;
    if (f->host)
        return refuse(why, 400, "there are two Host headers");
    f->host = true;
    return HTTP1_DONE;
}

static enum http1_step on_content_length(struct framing *f, struct str value, struct http1_refusal *why) {
    uint64_t n;
    if (value.n == 0 || !ascii_digit(value.p[0]) || !str_to_u64(value, &n))
        return refuse(why, 400, "the Content-Length is malformed");
    if (f->head->has_length && f->head->length_bytes != n)
        return refuse(why, 400, "there are two different Content-Length headers");
    f->head->has_length = true;
    f->head->length_bytes = n;
    return HTTP1_DONE;
}

static enum http1_step on_transfer_encoding(struct framing *f, struct str value, struct http1_refusal *why) {
    if (f->transfer_encoding)
        return refuse(why, 400, "there are two Transfer-Encoding headers");
    if (!str_eq_nocase(value, STR("chunked")))
        return refuse(why, 501, "the only Transfer-Encoding supported is chunked");
    f->transfer_encoding = f->head->chunked = true;
    return HTTP1_DONE;
}

/* The next of a comma-separated list; *list must not be empty. */
static struct str list_next(struct str *list) {
    struct str item = *list;
    if (!str_cut(list, ',', &item))
        *list = str_skip(*list, list->n);
    return str_trim(item);
}

static bool list_has(struct str list, struct str token) {
    while (list.n > 0)
        if (str_eq_nocase(list_next(&list), token))
            return true;
    return false;
}

static enum http1_step on_connection(struct framing *f, struct str value, struct http1_refusal *why) {
    (void)why;
    if (list_has(value, STR("close")))
        f->head->keep_alive = false;
    else if (f->head->http10 && list_has(value, STR("keep-alive")))
        f->head->keep_alive = true;
    return HTTP1_DONE;
}

static enum http1_step on_expect(struct framing *f, struct str value, struct http1_refusal *why) {
    if (!str_eq_nocase(value, STR("100-continue")))
        return refuse(why, 417, "the only Expect supported is 100-continue");
    f->head->expect_continue = !f->head->http10;
    return HTTP1_DONE;
}

static const struct {
    struct str name;
    enum http1_step (*on)(struct framing *f, struct str value, struct http1_refusal *why);
} framing_headers[] = {
    { { "host", 4 }, on_host },
    { { "content-length", 14 }, on_content_length },
    { { "transfer-encoding", 17 }, on_transfer_encoding },
    { { "connection", 10 }, on_connection },
    { { "expect", 6 }, on_expect },
};

/* `line` without its CR LF. */
static enum http1_step parse_header(struct str line, struct http_header *out, struct http1_refusal *why) {
    if (line.p[0] == ' ' || line.p[0] == '\t')
        return refuse(why, 400, "a header is folded over two lines");
    out->value = line;
    if (!str_cut(&out->value, ':', &out->name) || !is_token(out->name))
        return refuse(why, 400, "a header's name is malformed");
    if (!is_value(out->value))
        return refuse(why, 400, "a header's value has control characters");
    out->value = str_trim(out->value);
    return HTTP1_DONE;
}

static enum http1_step apply_header(struct framing *f, const struct http_header *h,
                                    struct http1_refusal *why) {
    for (size_t i = 0; i < COUNT_OF(framing_headers); i++)
        if (str_eq_nocase(h->name, framing_headers[i].name))
            return framing_headers[i].on(f, h->value, why);
    return HTTP1_DONE;
}

static enum http1_step check_framing(const struct framing *f, struct http1_refusal *why) {
    if (!f->host && !f->head->http10)
        return refuse(why, 400, "the Host header is missing");
    if (f->head->chunked && f->head->has_length)
        return refuse(why, 400, "both Content-Length and Transfer-Encoding are given");
    if (f->head->chunked && f->head->http10)
        return refuse(why, 400, "HTTP/1.0 has no Transfer-Encoding");
    return HTTP1_DONE;
}

/* The line at the front of *rest, without CR LF. */
static struct str take_line(struct str *rest) {
    struct str line;
    bool found = str_cut(rest, '\n', &line);
    ASSERT(found && line.n > 0); /* the scan has seen to it */
    line.n--;
    return line;
}

static size_t count_lines(struct str s) {
    size_t n = 0;
    for (size_t at = 0; (at = str_find(s, STR("\n"), at)) != SIZE_MAX; at++)
        n++;
    return n;
}

enum http1_step http1_parse_head(struct str bytes, size_t header_count_max, struct arena *mem,
                                 struct http1_head *out, struct http1_refusal *out_why) {
    while (str_starts(bytes, STR("\r\n")))
        bytes = str_skip(bytes, 2);
    *out = (struct http1_head){ 0 };
    size_t lines = count_lines(bytes);
    ASSERT(lines >= 2); /* the request line and the empty one */
    size_t room = lines - 2;
    if (room > header_count_max) {
        *out_why = (struct http1_refusal){ 431, "there are more headers than http.header_count_max",
                                           "http.header_count_max" };
        return HTTP1_REFUSED;
    }
    struct http_header *headers = ARENA_RAW(mem, struct http_header, room + 1);
    if (!headers)
        return refuse(out_why, 431, "the headers are too large");
    enum http1_step step = parse_request_line(take_line(&bytes), out, out_why);
    struct framing f = { .head = out };
    out->headers = headers;
    for (struct str line; step == HTTP1_DONE && (line = take_line(&bytes)).n > 0;) {
        ASSERT(out->header_count < room);
        struct http_header *h = &headers[out->header_count++];
        step = parse_header(line, h, out_why);
        if (step == HTTP1_DONE)
            step = apply_header(&f, h, out_why);
    }
    return step == HTTP1_DONE ? check_framing(&f, out_why) : step;
}

struct str http1_header(const struct http1_head *h, struct str name) {
    for (size_t i = 0; i < h->header_count; i++)
        if (str_eq_nocase(h->headers[i].name, name))
            return h->headers[i].value;
    return STR("");
}

size_t http1_unescape(struct str s, bool form, char *to) {
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        int high = -1, low = -1;
        if (c == '%' && s.n - i > 2) {
            high = http1_hex_digit(s.p[i + 1]);
            low = http1_hex_digit(s.p[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            to[n++] = (char)(high * 16 + low);
            i += 2;
        } else {
            to[n++] = form && c == '+' ? ' ' : c;
        }
    }
    return n;
}

bool http1_header_safe(struct http_header h) {
    return is_token(h.name) && is_value(h.value);
}

static const struct {
    unsigned status;
    const char *text;
} status_texts[] = {
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 206, "Partial Content" },
    { 301, "Moved Permanently" },
    { 302, "Found" },
    { 303, "See Other" },
    { 304, "Not Modified" },
    { 307, "Temporary Redirect" },
    { 308, "Permanent Redirect" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 406, "Not Acceptable" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 412, "Precondition Failed" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 417, "Expectation Failed" },
    { 422, "Unprocessable Content" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 499, "Client Closed Request" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
    { 505, "HTTP Version Not Supported" },
    { 507, "Insufficient Storage" },
};

const char *http1_status_text(unsigned status) {
    for (size_t i = 0; i < COUNT_OF(status_texts); i++)
        if (status_texts[i].status == status)
            return status_texts[i].text;
    return "Unknown";
}

/* "q=0", "q=0.0", "q=0.000" */
static bool forbids(struct str parameters) {
    size_t q = str_find_nocase(parameters, STR("q="), 0);
    if (q == SIZE_MAX)
        return false;
    double weight;
    return str_to_f64(str_trim(str_skip(parameters, q + 2)), &weight) && weight <= 0;
}

bool http1_list_accepts(struct str list, struct str token) {
    while (list.n > 0) {
        struct str parameters = list_next(&list), name = parameters;
        bool has_parameters = str_cut(&parameters, ';', &name);
        if (str_eq_nocase(str_trim(name), token))
            return !has_parameters || !forbids(parameters);
    }
    return false;
}
