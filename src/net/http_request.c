#include "base/assert.h"
#include "base/heap.h"
#include "net/http_conn.h"

enum {
    REQUEST_MEM_BYTES_MAX = 8 << 20,
    FORM_BYTES_MAX = 1 << 20, /* a larger body is not read as a form, whatever it says it is */
    PARAM_COUNT_MAX = 4096,   /* nor one with more pairs; a query string with more is refused */
    SPARE_REQUESTS_MAX = 64,
    SPARE_MEM_BYTES_MAX = 64 << 10,
};

struct http_request *http_request_new(struct http_conn *c) {
    struct http_server *s = c->server;
    struct http_request *r = s->spare_requests;
    if (r) {
        s->spare_requests = r->next_spare;
        s->spare_count--;
        struct arena mem = r->mem;
        *r = (struct http_request){ .mem = mem };
    } else {
        r = HEAP_NEW(struct http_request);
        arena_init(&r->mem, REQUEST_MEM_BYTES_MAX);
    }
    r->conn = c;
    r->received_ns = clock_now_ns(loop_clock(s->loop));
    return r;
}

void http_request_free(struct http_request *r) {
    if (!r)
        return;
    body_unref(r->body);
    struct http_server *s = r->conn->server;
    if (s->spare_count < SPARE_REQUESTS_MAX && r->mem.used_bytes <= SPARE_MEM_BYTES_MAX) {
        arena_reset(&r->mem);
        r->next_spare = s->spare_requests;
        s->spare_requests = r;
        s->spare_count++;
    } else {
        arena_fini(&r->mem);
        heap_free(r);
    }
}

static size_t count_params(struct str s) {
    size_t n = s.n > 0;
    for (size_t at = 0; (at = str_find(s, STR("&"), at)) != SIZE_MAX; at++)
        n++;
    return n;
}

static enum http1_step too_large(unsigned status, struct http1_refusal *why) {
    *why = (struct http1_refusal){ status, "the request target or its parameters are too large", NULL };
    return HTTP1_REFUSED;
}

enum http1_step http_request_parse(struct http_request *r, struct str head, struct http1_refusal *out_why) {
    struct str kept;
    if (arena_dup(&r->mem, head, &kept) != ERR_OK)
        return too_large(431, out_why);
    size_t headers_max = r->conn->server->limits[HTTP_LIMIT_HEADER_COUNT];
    enum http1_step step = http1_parse_head(kept, headers_max, &r->mem, &r->head, out_why);
    if (step != HTTP1_DONE)
        return step;
    char *path = ARENA_RAW(&r->mem, char, r->head.path.n);
    if (!path || count_params(r->head.query) > PARAM_COUNT_MAX)
        return too_large(414, out_why);
    r->path = (struct str){ path, http1_unescape(r->head.path, false, path) };
    return HTTP1_DONE;
}

/* Decoded pairs of `s` behind those that are there. */
static void add_params(struct http_request *r, struct str s) {
    while (s.n > 0) {
        struct str pair = s;
        if (!str_cut(&s, '&', &pair))
            s = str_skip(s, s.n);
        if (pair.n == 0)
            continue;
        struct str name = pair, value = pair;
        if (!str_cut(&value, '=', &name))
            value = str_skip(pair, pair.n);
        char *text = ARENA_RAW(&r->mem, char, pair.n);
        if (!text)
            return;
        size_t name_bytes = http1_unescape(name, true, text);
        size_t value_bytes = http1_unescape(value, true, text + name_bytes);
        r->params[r->param_count++] =
            (struct http_header){ { text, name_bytes }, { text + name_bytes, value_bytes } };
    }
}

/* The body, when it is a form. */
static struct str form_of(const struct http_request *r) {
    struct str type = http_header(r, STR("Content-Type")), name = type;
    if (!str_cut(&type, ';', &name))
        name = type;
    struct str body = http_body(r);
    bool form = body.n > 0 && body.n <= FORM_BYTES_MAX &&
                str_eq_nocase(str_trim(name), STR("application/x-www-form-urlencoded"));
    return form && count_params(body) <= PARAM_COUNT_MAX ? body : STR("");
}

static void find_params(struct http_request *r) {
    if (r->params_found)
        return;
    r->params_found = true;
    struct str query = r->head.query, form = form_of(r);
    size_t room = count_params(query) + count_params(form);
    r->params = room ? ARENA_RAW(&r->mem, struct http_header, room) : NULL;
    if (!r->params)
        return;
    add_params(r, query);
    add_params(r, form);
    ASSERT(r->param_count <= room);
}

bool http_param(struct http_request *r, struct str name, struct str *out) {
    find_params(r);
    for (size_t i = 0; i < r->param_count; i++) {
        if (str_eq(r->params[i].name, name)) {
            *out = r->params[i].value;
            return true;
        }
    }
    return false;
}

size_t http_param_count(struct http_request *r) {
    find_params(r);
    return r->param_count;
}

void http_param_at(struct http_request *r, size_t i, struct str *out_name, struct str *out_value) {
    ASSERT(i < http_param_count(r));
    *out_name = r->params[i].name;
    *out_value = r->params[i].value;
}

enum http_method http_method(const struct http_request *r) {
    return r->head.method;
}
struct str http_path(const struct http_request *r) {
    return r->path;
}
struct str http_query_string(const struct http_request *r) {
    return r->head.query;
}
struct str http_header(const struct http_request *r, struct str name) {
    return http1_header(&r->head, name);
}
struct body *http_body_shared(const struct http_request *r) {
    return r->body;
}
struct str http_body(const struct http_request *r) {
    return r->body ? (struct str){ r->body->data, r->body->n } : STR("");
}
struct str http_peer(const struct http_request *r) {
    return (struct str){ r->conn->peer, r->conn->peer_bytes };
}
int64_t http_received_ns(const struct http_request *r) {
    return r->received_ns;
}
struct loop *http_loop(const struct http_request *r) {
    return r->conn->server->loop;
}
void http_set_user(struct http_request *r, void *user) {
    r->user = user;
}
void *http_user(const struct http_request *r) {
    return r->user;
}
