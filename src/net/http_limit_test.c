#include "base/test.h"
#include "net/http_fixture.h"
#include "net/http_limit.h"
#include <stdio.h>
#include <unistd.h>
/* Each limit refuses what is beyond it, counts it, and says its name. Time moves only when the test says so.
 */

enum { STEP_MS = 250 };

/* A fixture with one limit set, and a client that has been served once. */
struct setup {
    struct fixture *f;
    int fd;
    enum http_limit limit;
    int64_t reached;
};

static int64_t reached(enum http_limit limit) {
    AUTO(buf) all = { 0 };
    stat_print(&all);
    AUTO(buf) line = { 0 };
    buf_addf(&line, "\nsonde_http_limit_reached_total{limit=\"%s\"} ", http_limit_name(limit));
    size_t at = str_find(buf_str(&all), buf_str(&line), 0);
    CHECK(at != SIZE_MAX);
    struct str rest = str_skip(buf_str(&all), at + line.n), number;
    int64_t n = 0;
    CHECK(str_cut(&rest, '\n', &number) && str_to_i64(number, &n));
    return n;
}

#define GET_ECHO STR("GET /echo HTTP/1.1\r\nHost: h\r\n\r\n")

static struct setup setup(const struct http_limits *limits, enum http_limit limit) {
    struct setup s = { .f = fixture_new(limits), .limit = limit, .reached = reached(limit) };
    s.fd = client_connect(s.f);
    client_expect(s.fd, GET_ECHO, 200, "");
    return s;
}

static void check_refused(struct setup s, int fd, unsigned status) {
    AUTO(response) r;
    CHECK(client_receive(fd, false, &r));
    AUTO(buf) named = { 0 };
    buf_addf(&named, "\"limit\":\"%s\"}", http_limit_name(s.limit));
    if (r.status != status || str_find(buf_str(&r.body), buf_str(&named), 0) == SIZE_MAX)
        fail_msg("%u <" STR_FMT ">", r.status, STR_ARG(buf_str(&r.body)));
    CHECK(status != 503 || response_header(&r, "Retry-After").n > 0);
    CHECK(client_at_end(fd));
    CHECK(reached(s.limit) == s.reached + 1);
}

static void teardown(struct setup s) {
    (void)close(s.fd);
    fixture_free(s.f);
    CHECK(stat_get(STAT_HTTP_CONNECTIONS) == 0);
    CHECK(stat_get(STAT_HTTP_BODY_BYTES) == 0);
}

/* Sends `request` and expects its refusal. */
static void check_limit(const struct http_limits *limits, enum http_limit limit, const char *request,
                        unsigned status) {
    struct setup s = setup(limits, limit);
    client_send(s.fd, str_of(request));
    check_refused(s, s.fd, status);
    teardown(s);
}

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

TEST(a_head_over_its_limits_is_refused) {
    struct http_limits bytes = { .header_bytes_max = 100 }, count = { .header_count_max = 3 };
    check_limit(&bytes, HTTP_LIMIT_HEADER_BYTES, "GET /" X50 X50, 414);
    check_limit(&bytes, HTTP_LIMIT_HEADER_BYTES, "GET / HTTP/1.1\r\nHost: h\r\nA: " X50 X50 "\r\n\r\n", 431);
    check_limit(&count, HTTP_LIMIT_HEADER_COUNT, "GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n",
                431);
}

TEST(a_body_over_its_limit_is_refused_however_it_is_sent) {
    struct http_limits limits = { .body_bytes_max = 10 };
    check_limit(&limits, HTTP_LIMIT_BODY_BYTES,
                "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", 413);
    check_limit(
        &limits, HTTP_LIMIT_BODY_BYTES,
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\nabcde", 413);
    check_limit(&limits, HTTP_LIMIT_BODY_BYTES,
                "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Encoding: snappy\r\nContent-Length: 8\r\n\r\n"
                "\x0b\x28"
                "hello!",
                413);
    struct setup s = setup(&limits, HTTP_LIMIT_BODY_BYTES);
    client_expect(s.fd, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789"), 200,
                  "0123456789");
    CHECK(reached(s.limit) == s.reached);
    teardown(s);
}

TEST(bodies_together_over_the_budget_are_refused_until_one_is_freed) {
    struct http_limits limits = { .bodies_in_flight_bytes_max = 100 };
    struct setup s = setup(&limits, HTTP_LIMIT_BODIES_IN_FLIGHT);
    struct str request = STR("POST /later HTTP/1.1\r\nHost: h\r\nContent-Length: 60\r\n\r\n0123456789" X50);
    client_send(s.fd, request);
    fixture_wait_later(s.f);
    CHECK(stat_get(STAT_HTTP_BODY_BYTES) == 60);
    int other = client_connect(s.f);
    client_send(other, request);
    check_refused(s, other, 503);
    (void)close(other);
    fixture_answer_later(s.f);
    client_expect_answer(s.fd, 200, "later");
    other = client_connect(s.f);
    client_send(other, request);
    fixture_answer_later(s.f);
    client_expect_answer(other, 200, "later");
    (void)close(other);
    teardown(s);
}

TEST(what_is_announced_and_not_sent_takes_no_budget) {
    struct http_limits limits = { .bodies_in_flight_bytes_max = 1 << 20 };
    struct setup s = setup(&limits, HTTP_LIMIT_BODIES_IN_FLIGHT);
    int lazy[8];
    for (size_t i = 0; i < COUNT_OF(lazy); i++) {
        lazy[i] = client_connect(s.f);
        client_send(
            lazy[i],
            STR("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 900000\r\n\r\n"));
        client_expect_answer(lazy[i], 100, "");
    }
    CHECK(stat_get(STAT_HTTP_BODY_BYTES) <= (int64_t)COUNT_OF(lazy) * 4096);
    for (size_t i = 0; i < COUNT_OF(lazy); i++)
        (void)close(lazy[i]);
    teardown(s);
}

TEST(connections_over_the_limit_are_refused) {
    struct http_limits limits = { .connections_max = 2 };
    struct setup s = setup(&limits, HTTP_LIMIT_CONNECTIONS);
    int second = client_connect(s.f), third = client_connect(s.f);
    client_expect(second, GET_ECHO, 200, "");
    check_refused(s, third, 503);
    client_expect(s.fd, GET_ECHO, 200, "");
    (void)close(second);
    (void)close(third);
    teardown(s);
}

TEST(a_head_that_trickles_in_is_timed_out) {
    struct http_limits limits = { .header_timeout_ms = 1000 };
    struct setup s = setup(&limits, HTTP_LIMIT_HEADER_TIMEOUT);
    client_send(s.fd, STR("GET /echo HTTP/1.1\r\n"));
    fixture_clock_until_readable(s.f, s.fd, STEP_MS);
    check_refused(s, s.fd, 408);
    teardown(s);
}

TEST(a_connection_that_never_says_anything_is_closed) {
    struct http_limits limits = { .header_timeout_ms = 1000 };
    struct setup s = setup(&limits, HTTP_LIMIT_HEADER_TIMEOUT);
    int silent = client_connect(s.f);
    fixture_clock_until_readable(s.f, silent, STEP_MS);
    CHECK(client_at_end(silent));
    (void)close(silent);
    teardown(s);
}

TEST(a_body_that_trickles_in_is_timed_out) {
    struct http_limits limits = { .body_timeout_ms = 1000 };
    struct setup s = setup(&limits, HTTP_LIMIT_BODY_TIMEOUT);
    client_send(s.fd, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nabc"));
    fixture_clock_until_readable(s.f, s.fd, STEP_MS);
    check_refused(s, s.fd, 408);
    teardown(s);
}

TEST(an_idle_connection_is_closed) {
    struct http_limits limits = { .idle_timeout_ms = 1000 };
    struct setup s = setup(&limits, HTTP_LIMIT_IDLE_TIMEOUT);
    fixture_clock_until_readable(s.f, s.fd, STEP_MS);
    CHECK(client_at_end(s.fd));
    CHECK(reached(s.limit) == s.reached + 1);
    teardown(s);
}

TEST(a_client_that_does_not_read_its_answer_is_closed) {
    struct http_limits limits = { .write_timeout_ms = 1000 };
    struct setup s = setup(&limits, HTTP_LIMIT_WRITE_TIMEOUT);
    client_send(s.fd, STR("GET /large?n=100000000 HTTP/1.1\r\nHost: h\r\n\r\n"));
    while (reached(s.limit) ==
           s.reached) { /* the guard of the socket cannot help here: the test's own does */
        fixture_step_clock(s.f, STEP_MS);
        usleep(1000);
    }
    AUTO(response) r;
    CHECK(client_receive(s.fd, false, &r));
    CHECK(!r.complete);
    teardown(s);
}

TEST(a_request_being_handled_has_no_timeout) {
    struct http_limits limits = { .header_timeout_ms = 100, .body_timeout_ms = 100, .idle_timeout_ms = 100 };
    struct setup s = { .f = fixture_new(&limits) };
    s.fd = client_connect(s.f);
    client_send(s.fd, STR("GET /later HTTP/1.1\r\nHost: h\r\n\r\n"));
    fixture_wait_later(s.f);
    fixture_step_clock(s.f, 1000000);
    int idle = client_connect(s.f); /* its end tells that a sweep has looked at all of them */
    fixture_clock_until_readable(s.f, idle, STEP_MS);
    fixture_answer_later(s.f);
    client_expect_answer(s.fd, 200, "later");
    (void)close(idle);
    teardown(s);
}

TEST(limits_that_are_not_set_have_their_defaults) {
    uint64_t values[HTTP_LIMIT_COUNT];
    http_limit_values(&(struct http_limits){ .body_bytes_max = 7 }, values);
    CHECK(values[HTTP_LIMIT_BODY_BYTES] == 7);
    CHECK(values[HTTP_LIMIT_HEADER_BYTES] == 32 << 10);
    CHECK(values[HTTP_LIMIT_IDLE_TIMEOUT] == 75000);
    CHECK(http_limit_find("http.connections_max") == HTTP_LIMIT_CONNECTIONS);
    CHECK(http_limit_find("http.no_such") == HTTP_LIMIT_COUNT && http_limit_find(NULL) == HTTP_LIMIT_COUNT);
}

TEST_MAIN(RUN(a_head_over_its_limits_is_refused), RUN(a_body_over_its_limit_is_refused_however_it_is_sent),
          RUN(bodies_together_over_the_budget_are_refused_until_one_is_freed),
          RUN(what_is_announced_and_not_sent_takes_no_budget), RUN(connections_over_the_limit_are_refused),
          RUN(a_head_that_trickles_in_is_timed_out), RUN(a_connection_that_never_says_anything_is_closed),
          RUN(a_body_that_trickles_in_is_timed_out), RUN(an_idle_connection_is_closed),
          RUN(a_client_that_does_not_read_its_answer_is_closed), RUN(a_request_being_handled_has_no_timeout),
          RUN(limits_that_are_not_set_have_their_defaults))
