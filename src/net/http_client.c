#include "net/http_client.h"
#include "base/assert.h"
#include "base/heap.h"
#include <curl/curl.h>

struct http_client {
    CURL *curl;
    struct buf server, auth;
};

static size_t on_bytes(char *p, size_t size, size_t count, void *ctx) {
    struct http_call *call = ctx;
    size_t n = size * count;
    if (call->piece && call->status / 100 == 2)
        return call->piece(call->ctx, (struct str){ p, n }) ? n : 0;
    buf_add_bytes(&call->answer, p, n);
    return buf_ok(&call->answer) ? n : 0;
}

static size_t on_header(char *p, size_t size, size_t count, void *ctx) {
    struct http_call *call = ctx;
    size_t n = size * count;
    uint64_t status;
    if (n > 12 && memcmp(p, "HTTP/", 5) == 0 && str_to_u64((struct str){ p + 9, 3 }, &status))
        call->status = (unsigned)status;
    return n;
}

struct http_client *http_client_new(struct str server, struct str token) {
    struct http_client *c = HEAP_NEW(struct http_client);
    ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    c->curl = curl_easy_init();
    ASSERT(c->curl != NULL);
    while (server.n && server.p[server.n - 1] == '/')
        server.n--;
    if (str_find(server, STR("://"), 0) == SIZE_MAX)
        buf_add(&c->server, STR("http://"));
    buf_add(&c->server, server);
    if (token.n)
        buf_addf(&c->auth, "Authorization: Bearer " STR_FMT, STR_ARG(token));
    return c;
}

void http_client_free(struct http_client *c) {
    if (!c)
        return;
    curl_easy_cleanup(c->curl);
    buf_fini(&c->server);
    buf_fini(&c->auth);
    heap_free(c);
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, struct str value) {
    AUTO(buf) line = { 0 };
    buf_addf(&line, "%s" STR_FMT, name, STR_ARG(value));
    buf_add_char(&line, '\0');
    return curl_slist_append(list, line.p);
}

static struct curl_slist *headers_of(const struct http_client *c, const struct http_call *call) {
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    if (call->content_type)
        list = add_header(list, "Content-Type: ", str_of(call->content_type));
    if (call->content_encoding)
        list = add_header(list, "Content-Encoding: ", str_of(call->content_encoding));
    if (call->extra_header)
        list = add_header(list, "", str_of(call->extra_header));
    if (c->auth.n)
        list = add_header(list, "", buf_str(&c->auth));
    return list;
}

/* The sentence of {"error":"…"}, or the start of whatever came. */
static void say_answer(const struct http_call *call, struct err_text *why) {
    struct str body = buf_str(&call->answer);
    size_t at = str_find(body, STR("\"error\":\""), 0);
    if (at != SIZE_MAX) {
        body = str_skip(body, at + 9);
        size_t end = str_find(body, STR("\""), 0);
        while (end != SIZE_MAX && end > 0 && body.p[end - 1] == '\\')
            end = str_find(body, STR("\""), end + 1);
        if (end != SIZE_MAX)
            body.n = end;
    }
    ERR_IGNORE(err_say(why, ERR_INVALID, STR_FMT, (int)(body.n < 240 ? body.n : 240), body.p), "said");
}

static enum err err_of(unsigned status) {
    switch (status) {
    case 401:
    case 403: return ERR_DENIED;
    case 404: return ERR_NOT_FOUND;
    case 409: return ERR_CONFLICT;
    case 413:
    case 429: return ERR_LIMIT;
    case 503: return ERR_UNAVAILABLE;
    case 504: return ERR_TIMEOUT;
    default: return status / 100 == 4 ? ERR_INVALID : ERR_IO;
    }
}

enum err http_client_call(struct http_client *c, struct http_call *call, struct err_text *why) {
    AUTO(buf) url = { 0 };
    buf_addf(&url, STR_FMT "%s", STR_ARG(buf_str(&c->server)), call->path);
    buf_add_char(&url, '\0');
    struct curl_slist *headers = headers_of(c, call);
    curl_easy_reset(c->curl);
    (void)curl_easy_setopt(c->curl, CURLOPT_URL, url.p);
    (void)curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, call->method);
    (void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_bytes);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, call);
    (void)curl_easy_setopt(c->curl, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(c->curl, CURLOPT_HEADERDATA, call);
    (void)curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    (void)curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1l);
    (void)curl_easy_setopt(c->curl, CURLOPT_NOPROXY, "*");
    if (str_eq(str_of(call->method), STR("POST")) || str_eq(str_of(call->method), STR("PUT"))) {
        (void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.n);
        (void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, call->body.n ? call->body.p : "");
    }
    call->status = 0;
    CURLcode code = curl_easy_perform(c->curl);
    curl_slist_free_all(headers);
    if (code == CURLE_WRITE_ERROR)
        return err_say(why, ERR_CANCELLED, "stopped");
    if (code != CURLE_OK)
        return err_say(why, ERR_UNAVAILABLE, STR_FMT ": %s", STR_ARG(buf_str(&c->server)), curl_easy_strerror(code));
    if (call->status / 100 == 2)
        return ERR_OK;
    say_answer(call, why);
    return err_of(call->status);
}

void http_client_encode(struct buf *out, struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char b = (unsigned char)s.p[i];
        if ((b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || (b && strchr("-_.~", b)))
            buf_add_char(out, (char)b);
        else
            buf_addf(out, "%%%02X", b);
    }
}
