#include "base/stat.h"
#include "base/test.h"
#include "net/http_fixture.h"
#include "net/http_server.h"
#include "wire/compress.h"
#include <stdio.h>
#include <unistd.h>

#define GET(target) STR("GET " target " HTTP/1.1\r\nHost: h\r\n\r\n")
#define POST(target, length, body)                                                                           \
    STR("POST " target " HTTP/1.1\r\nHost: h\r\nContent-Length: " length "\r\n\r\n" body)

struct setup {
    struct fixture *f;
    int fd;
};
static struct setup setup(void) {
    struct fixture *f = fixture_new(NULL);
    return (struct setup){ f, client_connect(f) };
}
static void teardown(struct setup s) {
    (void)close(s.fd);
    fixture_free(s.f);
}

TEST(requests_follow_each_other_on_one_connection) {
    struct setup s = setup();
    client_expect(s.fd, POST("/echo", "5", "hello"), 200, "hello");
    client_expect(s.fd, GET("/echo"), 200, "");
    client_expect(s.fd, GET("/head%20x?a=%20b"), 404, "no such path");
    client_expect(s.fd, GET("/%68ead?a=%20b"), 200, "0 /head a=%20b 127.0.0.1");
    teardown(s);
}

TEST(pipelined_requests_are_answered_in_order) {
    struct setup s = setup();
    AUTO(buf) all = { 0 };
    for (int i = 0; i < 200; i++)
        buf_addf(&all, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n%04d",
                 i % 50 == 7 ? "/later" : "/echo", i);
    client_send(s.fd, buf_str(&all));
    for (int i = 0; i < 200; i++) {
        char want[8];
        (void)snprintf(want, sizeof want, "%04d", i);
        if (i % 50 == 7)
            fixture_answer_later(s.f);
        client_expect_answer(s.fd, 200, i % 50 == 7 ? "later" : want);
    }
    teardown(s);
}

TEST(a_request_may_come_byte_by_byte) {
    struct setup s = setup();
    struct str bytes = POST("/echo", "3", "abc");
    for (size_t i = 0; i < bytes.n; i++)
        client_send(s.fd, (struct str){ bytes.p + i, 1 });
    client_expect_answer(s.fd, 200, "abc");
    teardown(s);
}

TEST(chunked_bodies_are_put_together) {
    struct setup s = setup();
    AUTO(buf) request = { 0 };
    AUTO(buf) want = { 0 };
    buf_add(&request, STR("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
    for (size_t n = 1; n < 300000; n *= 3) {
        AUTO(buf) chunk = { 0 };
        buf_add_fill(&chunk, (char)('a' + n % 26), n);
        buf_addf(&request, "%zX\r\n" STR_FMT "\r\n", n, STR_ARG(buf_str(&chunk)));
        buf_add(&want, buf_str(&chunk));
    }
    buf_add(&request, STR("0\r\n\r\n"));
    buf_add_char(&want, 0);
    client_expect(s.fd, buf_str(&request), 200, want.p);
    client_expect(s.fd, STR("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                  200, "");
    teardown(s);
}

TEST(large_bodies_come_back_whole_and_give_their_budget_back) {
    struct setup s = setup();
    AUTO(buf) request = { 0 };
    buf_add(&request, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n"));
    size_t head_bytes = request.n;
    for (int i = 0; i < 5000000; i++)
        buf_add_char(&request, (char)('a' + i % 25));
    client_send(s.fd, buf_str(&request));
    AUTO(response) r;
    CHECK(client_receive(s.fd, false, &r));
    CHECK(r.status == 200);
    CHECK(str_eq(buf_str(&r.body), str_skip(buf_str(&request), head_bytes)));
    teardown(s);
    CHECK(stat_get(STAT_HTTP_BODY_BYTES) == 0);
}

TEST(a_client_that_expects_100_gets_it_only_when_its_body_is_wanted) {
    struct setup s = setup();
    client_send(s.fd,
                STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"));
    client_expect_answer(s.fd, 100, "");
    client_expect(s.fd, STR("abc"), 200, "abc");
    client_expect(
        s.fd,
        STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n"),
        413,
        "{\"error\":\"the body is larger than http.body_bytes_max (16777216)\","
        "\"limit\":\"http.body_bytes_max\"}\n");
    CHECK(client_at_end(s.fd));
    teardown(s);
}

TEST(malformed_requests_get_json_and_the_connection_ends) {
    struct setup s = setup();
    client_send(s.fd, STR("GET /echo HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n"));
    AUTO(response) r;
    CHECK(client_receive(s.fd, false, &r));
    CHECK(r.status == 400);
    CHECK_STR(response_header(&r, "Connection"), "close");
    CHECK_STR(response_header(&r, "Content-Type"), "application/json");
    CHECK_STR(buf_str(&r.body), "{\"error\":\"a header's name is malformed\"}\n");
    CHECK(client_at_end(s.fd));
    teardown(s);
}

TEST(an_answer_is_not_lost_when_the_client_is_still_sending) {
    struct setup s = setup();
    AUTO(buf) request = { 0 };
    buf_add(&request, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 30000000\r\n\r\n"));
    buf_add_fill(&request, 'x', 30000000);
    client_send(s.fd, buf_str(&request));
    client_expect_answer(s.fd, 413, NULL);
    CHECK(client_at_end(s.fd));
    teardown(s);
}

TEST(http_1_0_and_connection_close_end_the_connection) {
    struct setup s = setup();
    client_expect(s.fd, STR("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), 200, "");
    client_expect(s.fd, STR("GET /echo HTTP/1.0\r\n\r\n"), 200, "");
    CHECK(client_at_end(s.fd));
    int fd = client_connect(s.f);
    client_expect(fd, STR("GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), 200, "");
    CHECK(client_at_end(fd));
    (void)close(fd);
    teardown(s);
}

TEST(head_and_204_have_no_body) {
    struct setup s = setup();
    client_send(s.fd, STR("HEAD /large?n=5000 HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n"));
    AUTO(response) r;
    CHECK(client_receive(s.fd, true, &r));
    CHECK(r.status == 200);
    CHECK_STR(response_header(&r, "Content-Length"), "5000");
    client_expect(s.fd, GET("/status?n=204"), 204, "");
    client_expect(s.fd, GET("/status?n=304"), 304, "");
    client_expect(s.fd, GET("/status?n=503"), 503, "text");
    teardown(s);
}

TEST(a_client_that_half_closes_still_gets_its_answers) {
    struct setup s = setup();
    client_send(s.fd,
                STR("GET /later HTTP/1.1\r\nHost: h\r\n\r\nGET /echo HTTP/1.1\r\nHost: h\r\n\r\nGET /cut"));
    client_finish(s.fd);
    fixture_answer_later(s.f);
    client_expect_answer(s.fd, 200, "later");
    client_expect_answer(s.fd, 200, "");
    CHECK(client_at_end(s.fd));
    teardown(s);
}

TEST(an_answer_to_a_client_that_has_gone_does_no_harm) {
    struct setup s = setup();
    int fd = client_connect(s.f);
    client_send(fd, POST("/later", "3", "abc"));
    fixture_wait_later(s.f);
    client_reset(fd);
    fixture_answer_later(s.f);
    client_send(s.fd, GET("/later"));
    fixture_wait_later(s.f); /* left open: the fixture answers after its loop has stopped */
    teardown(s);
    CHECK(stat_get(STAT_HTTP_CONNECTIONS) == 0);
    CHECK(stat_get(STAT_HTTP_BODY_BYTES) == 0);
}

TEST(parameters_come_from_the_query_and_from_a_form) {
    struct setup s = setup();
    client_expect(s.fd, GET("/params?a=1&b=x%26y+z&&c&a=2&%3D=%3d"), 200, "a=1\nb=x&y z\nc=\na=2\n===\n");
    client_expect(s.fd,
                  STR("POST /params?a=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n"
                      "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n\r\na=2&q=up%"),
                  200, "a=1\na=2\nq=up%\n");
    client_expect(s.fd, POST("/params", "3", "a=1"), 200, "");
    teardown(s);
}

static void post_packed(int fd, const char *encoding, struct str packed, unsigned status, const char *want) {
    AUTO(buf) request = { 0 };
    buf_addf(&request,
             "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Encoding: %s\r\nContent-Length: %zu\r\n\r\n",
             encoding, packed.n);
    buf_add(&request, packed);
    client_expect(fd, buf_str(&request), status, want);
}

TEST(compressed_bodies_arrive_plain) {
    struct setup s = setup();
    AUTO(buf) gzip = { 0 };
    AUTO(buf) zstd = { 0 };
    CHECK_OK(compress_gzip(STR("hello"), 6, &gzip));
    CHECK_OK(compress_zstd(STR("hello"), 1, &zstd));
    post_packed(s.fd, "gzip", buf_str(&gzip), 200, "hello");
    post_packed(s.fd, "ZSTD", buf_str(&zstd), 200, "hello");
    post_packed(s.fd, "snappy", STR("\x05\x10hello"), 200, "hello");
    post_packed(s.fd, "identity", STR("hello"), 200, "hello");
    post_packed(s.fd, "gzip", STR(""), 200, "");
    teardown(s);
    CHECK(stat_get(STAT_HTTP_BODY_BYTES) == 0);
}

TEST(bad_compressed_bodies_are_refused) {
    AUTO(buf) zeros = { 0 };
    AUTO(buf) bomb = { 0 };
    buf_add_fill(&zeros, 0, 64 << 20);
    CHECK_OK(compress_gzip(buf_str(&zeros), 1, &bomb));
    const struct {
        const char *encoding;
        struct str packed;
        unsigned status;
    } each[] = {
        { "gzip", buf_str(&bomb), 413 },
        { "gzip", STR("not gzip at all, really not"), 400 },
        { "snappy", STR("\xff\xff\xff\xff\x0f"), 413 },
        { "br", STR("hello"), 415 },
        { "gzip, gzip", STR("hello"), 415 },
    };
    struct fixture *f = fixture_new(NULL);
    for (size_t i = 0; i < COUNT_OF(each); i++) {
        int fd = client_connect(f);
        post_packed(fd, each[i].encoding, each[i].packed, each[i].status, NULL);
        CHECK(client_at_end(fd));
        (void)close(fd);
    }
    fixture_free(f);
    CHECK(stat_get(STAT_HTTP_BODY_BYTES) == 0);
}

TEST(large_json_is_compressed_for_those_who_take_it) {
    struct setup s = setup();
    client_send(
        s.fd, STR("GET /large?n=100000 HTTP/1.1\r\nHost: h\r\nAccept-Encoding: deflate, gzip;q=0.8\r\n\r\n"));
    AUTO(response) r;
    CHECK(client_receive(s.fd, false, &r));
    CHECK_STR(response_header(&r, "Content-Encoding"), "gzip");
    CHECK_STR(response_header(&r, "Vary"), "Accept-Encoding");
    struct body *plain;
    CHECK_OK(decompress(ENCODING_GZIP, buf_str(&r.body), 100000, NULL, &plain));
    CHECK(plain->n == 100000 && plain->data[99999] == 'j');
    body_unref(plain);
    static const char *const plain_for[] = { "/large?n=100000 HTTP/1.1\r\n",
                                             "/large?n=900 HTTP/1.1\r\nAccept-Encoding: gzip\r\n",
                                             "/large?n=5000 HTTP/1.1\r\nAccept-Encoding: gzip;q=0\r\n" };
    for (size_t i = 0; i < COUNT_OF(plain_for); i++) {
        AUTO(buf) request = { 0 };
        AUTO(response) answer;
        buf_addf(&request, "GET %sHost: h\r\n\r\n", plain_for[i]);
        client_send(s.fd, buf_str(&request));
        CHECK(client_receive(s.fd, false, &answer));
        CHECK(answer.body.n >= 900 && response_header(&answer, "Content-Encoding").n == 0);
    }
    teardown(s);
}

TEST(an_answer_larger_than_the_socket_takes_arrives_whole) {
    struct setup s = setup();
    client_send(s.fd, GET("/large?n=30000000"));
    client_send(s.fd, GET("/large?n=20000000"));
    for (size_t n = 30000000; n >= 20000000; n -= 10000000) {
        AUTO(response) r;
        CHECK(client_receive(s.fd, false, &r));
        CHECK(r.complete && r.body.n == n);
    }
    teardown(s);
}

TEST(a_header_value_cannot_split_the_answer) {
    struct setup s = setup();
    client_expect(s.fd, GET("/header?v=good%20value"), 200, "");
    client_expect(s.fd, GET("/header?v=a%0d%0aX-Evil:%20b"), 500,
                  "{\"error\":\"a header of the answer has forbidden bytes\"}\n");
    teardown(s);
}

TEST(a_stream_arrives_whole_and_the_connection_goes_on) {
    struct setup s = setup();
    for (int i = 0; i < 3; i++) {
        client_send(s.fd, GET("/stream?n=3000001"));
        AUTO(response) r;
        CHECK(client_receive(s.fd, false, &r));
        CHECK(r.complete && r.body.n == 3000001);
        CHECK_OK(fixture_wait_stream(s.f));
    }
    client_expect(s.fd, GET("/stream?n=0"), 200, "");
    client_expect(s.fd, GET("/echo"), 200, "");
    client_send(s.fd, STR("GET /stream?n=100000 HTTP/1.0\r\n\r\n"));
    AUTO(response) r;
    CHECK(client_receive(s.fd, false, &r));
    size_t n = 0;
    for (char piece[4096];; n++)
        if (read(s.fd, piece, 1) != 1)
            break;
    CHECK(n == 100000);
    teardown(s);
}

TEST(a_stream_waits_for_a_slow_reader) {
    enum { ALL_BYTES = 100 << 20, BUFFERS_BYTES_MAX = 20 << 20 };
    struct setup s = setup();
    client_send(s.fd, GET("/stream?n=104857600"));
    size_t got = 0;
    char piece[65536];
    for (ssize_t n; got < ALL_BYTES; got += (size_t)n) {
        CHECK((n = read(s.fd, piece, sizeof piece)) > 0);
        CHECK(fixture_stream_bytes(s.f) < got + BUFFERS_BYTES_MAX);
        if (got % 16 == 0)
            usleep(100);
    }
    CHECK_OK(fixture_wait_stream(s.f));
    teardown(s);
}

TEST(a_stream_whose_reader_goes_is_cancelled) {
    struct setup s = setup();
    static const char *const targets[] = { "/stream?n=1000000000", "/stream?hold=1" };
    for (size_t i = 0; i < COUNT_OF(targets) * 2; i++) {
        int fd = client_connect(s.f);
        AUTO(buf) request = { 0 };
        buf_addf(&request, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", targets[i / 2]);
        client_send(fd, buf_str(&request));
        char first;
        CHECK(read(fd, &first, 1) == 1);
        if (i % 2)
            client_reset(fd);
        else
            CHECK(close(fd) == 0);
        CHECK(fixture_wait_stream(s.f) == ERR_CANCELLED);
    }
    teardown(s);
}

TEST(a_stream_that_fails_does_not_look_complete) {
    struct setup s = setup();
    client_send(s.fd, GET("/stream?n=1000&bad=1"));
    AUTO(response) r;
    CHECK(!client_receive(s.fd, false, &r) || !r.complete);
    teardown(s);
}

TEST(a_stream_asked_for_by_head_is_cancelled_at_once) {
    struct setup s = setup();
    client_send(s.fd, STR("HEAD /stream?n=1000000000 HTTP/1.1\r\nHost: h\r\n\r\n"));
    AUTO(response) r;
    CHECK(client_receive(s.fd, true, &r));
    CHECK(r.status == 200);
    CHECK(fixture_wait_stream(s.f) == ERR_CANCELLED);
    client_expect(s.fd, GET("/echo"), 200, "");
    teardown(s);
}

TEST(a_drain_finishes_what_has_begun) {
    struct setup s = setup();
    int idle = client_connect(s.f);
    client_expect(idle, GET("/echo"), 200, "");
    client_send(s.fd, GET("/later"));
    fixture_wait_later(s.f);
    fixture_drain(s.f, 1000000);
    CHECK(client_at_end(idle));
    fixture_answer_later(s.f);
    AUTO(response) r;
    CHECK(client_receive(s.fd, false, &r));
    CHECK(r.status == 200);
    CHECK_STR(response_header(&r, "Connection"), "close");
    CHECK(client_at_end(s.fd));
    (void)close(s.fd);
    fixture_wait_drained(s.f);
    (void)close(idle);
    fixture_free(s.f);
}

TEST(a_drain_ends_streams_when_its_time_is_up) {
    struct setup s = setup();
    client_send(s.fd, GET("/stream?hold=1"));
    char first;
    CHECK(read(s.fd, &first, 1) == 1);
    fixture_drain(s.f, 0);
    fixture_wait_drained(s.f);
    CHECK(fixture_wait_stream(s.f) == ERR_CANCELLED);
    teardown(s);
}

TEST(several_servers_share_an_address_unless_one_wants_it_alone) {
    struct loop *l = loop_new(&clock_real);
    struct http_server *first, *second, *third;
    struct err_text why;
    struct http_server_config c = { .address = "127.0.0.1", .exclusive = true };
    CHECK_OK(http_server_open(l, &c, &why, &first));
    c.port = http_server_port(first);
    CHECK(http_server_open(l, &c, &why, &second) == ERR_IO);
    CHECK(strstr(why.msg, "127.0.0.1") && strstr(why.msg, "in use"));
    c.exclusive = false;
    CHECK_OK(http_server_open(l, &c, &why, &second));
    c.address = "localhost.";
    CHECK(http_server_open(l, &c, &why, &third) == ERR_IO);
    http_server_free(first);
    http_server_free(second);
    loop_free(l);
}

TEST_MAIN(RUN(requests_follow_each_other_on_one_connection), RUN(pipelined_requests_are_answered_in_order),
          RUN(a_request_may_come_byte_by_byte), RUN(chunked_bodies_are_put_together),
          RUN(large_bodies_come_back_whole_and_give_their_budget_back),
          RUN(a_client_that_expects_100_gets_it_only_when_its_body_is_wanted),
          RUN(malformed_requests_get_json_and_the_connection_ends),
          RUN(an_answer_is_not_lost_when_the_client_is_still_sending),
          RUN(http_1_0_and_connection_close_end_the_connection), RUN(head_and_204_have_no_body),
          RUN(a_client_that_half_closes_still_gets_its_answers),
          RUN(an_answer_to_a_client_that_has_gone_does_no_harm),
          RUN(parameters_come_from_the_query_and_from_a_form), RUN(compressed_bodies_arrive_plain),
          RUN(bad_compressed_bodies_are_refused), RUN(large_json_is_compressed_for_those_who_take_it),
          RUN(an_answer_larger_than_the_socket_takes_arrives_whole),
          RUN(a_header_value_cannot_split_the_answer), RUN(a_stream_arrives_whole_and_the_connection_goes_on),
          RUN(a_stream_waits_for_a_slow_reader), RUN(a_stream_whose_reader_goes_is_cancelled),
          RUN(a_stream_that_fails_does_not_look_complete),
          RUN(a_stream_asked_for_by_head_is_cancelled_at_once), RUN(a_drain_finishes_what_has_begun),
          RUN(a_drain_ends_streams_when_its_time_is_up),
          RUN(several_servers_share_an_address_unless_one_wants_it_alone))
