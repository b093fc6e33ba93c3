#include "base/test.h"
#include "net/http_fixture.h"
#include "net/router.h"
#include <unistd.h>

/* Answers with its own name and the values of the placeholders. */
static void answer(void *ctx, struct http_request *r, const struct str *segments) {
    const char *name = ctx;
    size_t count = (size_t)(name[0] - '0');
    AUTO(buf) out = { 0 };
    buf_addf(&out, "%s", name + 1);
    for (size_t i = 0; i < count; i++)
        buf_addf(&out, " " STR_FMT, STR_ARG(segments[i]));
    http_reply(r,
               &(struct http_answer){ .status = 200, .content_type = "text/plain", .body = buf_str(&out) });
}

/* The name starts with the number of its placeholders. */
static const struct route routes[] = {
    { "GET", "/", answer, "0root", false },
    { "GET", "/healthz", answer, "0health", true },
    { "GET|POST", "/api/query", answer, "0query", false },
    { "DELETE", "/api/{name}", answer, "1delete", false },
    { "GET", "/api/{name}", answer, "1api", false },
    { "POST", "/{index}/_bulk", answer, "1bulk", false },
    { "POST", "/_bulk", answer, "0all", false },
    { "PUT|POST", "/{index}/_doc/{id}", answer, "2doc", false },
    { "GET", "/{index}/_doc/special", answer, "1special", false },
    { "OPTIONS", "/cors", answer, "0cors", false },
    { "GET", "/cors", answer, "0cors", false },
};

static void dispatch(void *ctx, struct http_request *r) {
    router_dispatch(ctx, r, http_header(r, STR("Authorization")).n > 0);
}

struct setup {
    struct router *router;
    struct fixture *f;
    int fd;
};

static struct setup setup(void) {
    struct setup s = { .router = router_new() };
    for (size_t i = 0; i < COUNT_OF(routes); i++)
        router_add(s.router, &routes[i]);
    s.f = fixture_new_for(dispatch, s.router);
    s.fd = client_connect(s.f);
    return s;
}

static void teardown(struct setup s) {
    (void)close(s.fd);
    fixture_free(s.f);
    router_free(s.router);
}

static void check(struct setup s, const char *line, unsigned status, const char *body) {
    AUTO(buf) request = { 0 };
    buf_addf(&request, "%s HTTP/1.1\r\nHost: h\r\nAuthorization: x\r\n\r\n", line);
    client_expect(s.fd, buf_str(&request), status, body);
}

TEST(paths_find_their_routes) {
    struct setup s = setup();
    check(s, "GET /", 200, "root");
    check(s, "GET /api/query", 200, "query");
    check(s, "POST /api/query?x=/y", 200, "query");
    check(s, "GET /api/other", 200, "api other");
    check(s, "DELETE /api/other", 200, "delete other");
    check(s, "POST /_bulk", 200, "all");
    check(s, "POST /logs/_bulk", 200, "bulk logs");
    check(s, "PUT /logs/_doc/a%20b", 200, "doc logs a b");
    teardown(s);
}

TEST(a_literal_wins_and_a_placeholder_is_the_way_back) {
    struct setup s = setup();
    check(s, "POST /api/_bulk", 200, "bulk api"); /* "api" is a literal that has no "_bulk" */
    check(s, "GET /logs/_doc/special", 200, "special logs");
    check(s, "PUT /api/_doc/1", 200, "doc api 1");
    teardown(s);
}

TEST(unknown_paths_are_404) {
    struct setup s = setup();
    static const char *const lines[] = {
        "GET /nothing",        "GET /api",       "GET /api/",
        "GET /api/query/",     "POST //_bulk",   "GET /a/b/c/d/e/f/g/h/i/j/k/l/m/n",
        "GET /api/query/more", "GET /API/query",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        check(s, lines[i], 404, "{\"error\":\"there is nothing at this path\"}\n");
    teardown(s);
}

static void check_allow(struct setup s, const char *line, unsigned status, const char *allow) {
    AUTO(buf) request = { 0 };
    AUTO(response) r;
    buf_addf(&request, "%s HTTP/1.1\r\nHost: h\r\nAuthorization: x\r\n\r\n", line);
    client_send(s.fd, buf_str(&request));
    CHECK(client_receive(s.fd, false, &r));
    CHECK(r.status == status);
    CHECK_STR(response_header(&r, "Allow"), allow);
}

TEST(other_methods_are_told_what_is_allowed) {
    struct setup s = setup();
    check_allow(s, "DELETE /api/query", 405, "GET, HEAD, POST, OPTIONS");
    check_allow(s, "GET /logs/_bulk", 405, "POST, OPTIONS");
    check_allow(s, "OPTIONS /logs/_bulk", 204, "POST, OPTIONS");
    check_allow(s, "OPTIONS /api/x", 204, "GET, HEAD, DELETE, OPTIONS");
    check(s, "OPTIONS /cors", 200, "cors");
    check(s, "OPTIONS *", 404, NULL);
    teardown(s);
}

TEST(head_is_served_by_get) {
    struct setup s = setup();
    client_send(s.fd, STR("HEAD /api/query HTTP/1.1\r\nHost: h\r\nAuthorization: x\r\n\r\n"));
    AUTO(response) r;
    CHECK(client_receive(s.fd, true, &r));
    CHECK(r.status == 200);
    CHECK_STR(response_header(&r, "Content-Length"), "5");
    teardown(s);
}

TEST(only_open_routes_are_served_without_a_token) {
    struct setup s = setup();
    client_expect(s.fd, STR("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"), 200, "health");
    static const char *const lines[] = { "GET /", "GET /api/query", "GET /nothing", "DELETE /api/query" };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        AUTO(buf) request = { 0 };
        AUTO(response) r;
        buf_addf(&request, "%s HTTP/1.1\r\nHost: h\r\n\r\n", lines[i]);
        client_send(s.fd, buf_str(&request));
        CHECK(client_receive(s.fd, false, &r));
        CHECK(r.status == 401);
        CHECK(response_header(&r, "WWW-Authenticate").n > 0);
    }
    teardown(s);
}

TEST_MAIN(RUN(paths_find_their_routes), RUN(a_literal_wins_and_a_placeholder_is_the_way_back),
          RUN(unknown_paths_are_404), RUN(other_methods_are_told_what_is_allowed), RUN(head_is_served_by_get),
          RUN(only_open_routes_are_served_without_a_token))
