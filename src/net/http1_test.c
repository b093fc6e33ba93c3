#include "base/test.h"
#include "net/http1.h"
#include "net/http1_replay.h"

#define GET1(lines)        "GET /p HTTP/1.1\r\nHost: h\r\n" lines "\r\n"
#define POST_CHUNKED(body) "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" body
#define X10                "xxxxxxxxxx"
#define X100               X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X1000              X100 X100 X100 X100 X100 X100 X100 X100 X100 X100

static const struct {
    const char *bytes, *want;
} cases[] = {
    /* accepted */
    { GET1(""), "method 0 path /p query  keep\n  Host=h\n  body .\n" },
    { "GET /a%20b?q=1&r=%2F HTTP/1.0\r\n\r\n", "method 0 path /a%20b query q=1&r=%2F http10\n  body .\n" },
    { "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
      "method 0 path / query  http10 keep\n  Connection=Keep-Alive\n  body .\n" },
    { "GET http://h:80/x?y HTTP/1.1\r\nHost: h\r\n\r\n",
      "method 0 path /x query y keep\n  Host=h\n  body .\n" },
    { "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "method 5 path * query  keep\n  Host=h\n  body .\n" },
    { GET1("Connection: foo , CLOSE\r\n"),
      "method 0 path /p query \n  Host=h\n  Connection=foo , CLOSE\n  body .\n" },
    { GET1("A:\t v\xc3\xa4 w \t\r\n"),
      "method 0 path /p query  keep\n  Host=h\n  A=v\xc3\xa4 w\n  body .\n" },
    { "\r\n" GET1("A:\r\n"), "method 0 path /p query  keep\n  Host=h\n  A=\n  body .\n" },
    { "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc" GET1(""),
      "method 2 path /p query  keep expect length 3\n  Host=h\n  Content-Length=3\n  Expect=100-continue\n"
      "  body abc.\nmethod 0 path /p query  keep\n  Host=h\n  body .\n" },
    { "PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
      "method 3 path /p query  keep length 0\n  Host=h\n  Content-Length=0\n  Content-Length=0\n  body .\n" },
    { POST_CHUNKED("3\r\nabc\r\n00A;ext=\"1\"\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n") GET1(""),
      "method 2 path /p query  keep\n  Host=h\n  Transfer-Encoding=chunked\n  body abc0123456789.\n"
      "method 0 path /p query  keep\n  Host=h\n  body .\n" },
    { POST_CHUNKED("0\r\n\r\n"),
      "method 2 path /p query  keep\n  Host=h\n  Transfer-Encoding=chunked\n  body .\n" },
    /* not whole yet */
    { "GET /p HTTP/1.1\r\nHost: h\r\n", "" },
    /* refused */
    { "\x16\x03\x01\x02", "refused 400 \n" },
    { "\r\n\x16\x03\x01", "refused 400 \n" },
    { "\r\n\r\n\r\n", "refused 400 \n" },
    { "GET /p HTTP/1.1\nHost: h\n\n", "refused 400 \n" },
    { "GET /p HTTP/1.1\r\nHost: h\n\r\n", "refused 400 \n" },
    { "GET  /p HTTP/1.1\r\nHost: h\r\n\r\n", "refused 400 \n" },
    { "GET /p  HTTP/1.1\r\nHost: h\r\n\r\n", "refused 400 \n" },
    { "GET /p\r\nHost: h\r\n\r\n", "refused 400 \n" },
    { "GET /p HTTP/1.1 \r\nHost: h\r\n\r\n", "refused 400 \n" },
    { "GET /p http/1.1\r\nHost: h\r\n\r\n", "refused 400 \n" },
    { "GET /p HTTP/2.0\r\nHost: h\r\n\r\n", "refused 505 \n" },
    { "PRI * HTTP/2.0\r\n\r\n", "refused 505 \n" },
    { "BREW /p HTTP/1.1\r\nHost: h\r\n\r\n", "refused 501 \n" },
    { "get /p HTTP/1.1\r\nHost: h\r\n\r\n", "refused 501 \n" },
    { "G(T /p HTTP/1.1\r\nHost: h\r\n\r\n", "refused 400 \n" },
    { "GET p HTTP/1.1\r\nHost: h\r\n\r\n", "refused 400 \n" },
    { "GET * HTTP/1.1\r\nHost: h\r\n\r\n", "refused 400 \n" },
    { "GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", "refused 400 \n" },
    { "GET /p#f HTTP/1.1\r\nHost: h\r\n\r\n", "refused 400 \n" },
    { "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", "refused 400 \n" },
    { "GET /a%4 HTTP/1.1\r\nHost: h\r\n\r\n", "refused 400 \n" },
    { "GET /a%00 HTTP/1.1\r\nHost: h\r\n\r\n", "refused 400 \n" },
    { "GET /p\x01 HTTP/1.1\r\nHost: h\r\n\r\n", "refused 400 \n" },
    { "GET /p HTTP/1.1\r\n\r\n", "refused 400 \n" },
    { GET1("Host: i\r\n"), "refused 400 \n" },
    { GET1("A: b\r\n c\r\n"), "refused 400 \n" },
    { GET1("A : b\r\n"), "refused 400 \n" },
    { GET1(": b\r\n"), "refused 400 \n" },
    { GET1("no colon\r\n"), "refused 400 \n" },
    { GET1("A: b\rc\r\n"), "refused 400 \n" },
    { GET1("A: b\x7f\r\n"), "refused 400 \n" },
    { GET1("Expect: cookies\r\n"), "refused 417 \n" },
    { GET1("Content-Length: 3\r\nContent-Length: 4\r\n"), "refused 400 \n" },
    { GET1("Content-Length: 3, 3\r\n"), "refused 400 \n" },
    { GET1("Content-Length: +3\r\n"), "refused 400 \n" },
    { GET1("Content-Length: -3\r\n"), "refused 400 \n" },
    { GET1("Content-Length: 0x3\r\n"), "refused 400 \n" },
    { GET1("Content-Length:\r\n"), "refused 400 \n" },
    { GET1("Content-Length: 99999999999999999999\r\n"), "refused 400 \n" },
    { GET1("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), "refused 400 \n" },
    { GET1("Transfer-Encoding: gzip, chunked\r\n"), "refused 501 \n" },
    { GET1("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), "refused 400 \n" },
    { "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "refused 400 \n" },
    { GET1("A: 1\r\nA: 2\r\nA: 3\r\nA: 4\r\nA: 5\r\nA: 6\r\nA: 7\r\nA: 8\r\nA: 9\r\nA: 10\r\n"),
      "refused 431 http.header_count_max\n" },
    { "GET /" X1000 X1000 X100 " HTTP/1.1\r\nHost: h\r\n\r\n", "refused 414 http.header_bytes_max\n" },
    { GET1("A: " X1000 X1000 X100 "\r\n"), "refused 431 http.header_bytes_max\n" },
};

/* What follows a head that was accepted. */
static const struct {
    const char *chunks, *want;
} chunk_cases[] = {
    { "\r\nabc", "refused 400 \n" },
    { "x\r\n", "refused 400 \n" },
    { "-1\r\n", "refused 400 \n" },
    { " 1\r\na\r\n0\r\n\r\n", "refused 400 \n" },
    { "1 \r\na\r\n0\r\n\r\n", "refused 400 \n" },
    { "0x1\r\na", "refused 400 \n" },
    { "1\na\r\n", "refused 400 \n" },
    { "1\r\nab\r\n", "arefused 400 \n" },
    { "1\r\na\n", "arefused 400 \n" },
    { "1000000000000000\r\n", "refused 400 \n" },
    { "1;\x01\r\na", "refused 400 \n" },
    { "1;" X100 X100 X100 "\r\na", "refused 400 \n" },
    { "0\r\nA: b\rc\r\n\r\n", "refused 400 \n" },
    { "0\r\n" X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000, "refused 400 \n" },
};

static void check_replay(struct str bytes, size_t first, size_t piece, struct str want) {
    AUTO(buf) got = { 0 };
    http1_replay(bytes, first, piece, &got);
    if (!str_eq(buf_str(&got), want))
        fail_msg("<" STR_FMT ">\ncut at %zu, then by %zu, gives\n<" STR_FMT ">\nnot\n<" STR_FMT ">",
                 STR_ARG(bytes), first, piece, STR_ARG(buf_str(&got)), STR_ARG(want));
}

/* All at once, byte by byte, and in two pieces cut everywhere. */
static void check_everywhere(struct str bytes, struct str want) {
    check_replay(bytes, bytes.n, 0, want);
    check_replay(bytes, 1, 1, want);
    for (size_t cut = 1; cut < bytes.n; cut++)
        check_replay(bytes, cut, 0, want);
}

TEST(requests_are_understood_the_same_whatever_the_pieces) {
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_everywhere(str_of(cases[i].bytes), str_of(cases[i].want));
}

TEST(malformed_chunks_are_refused_whatever_the_pieces) {
    static const char head[] = POST_CHUNKED("");
    static const char head_text[] =
        "method 2 path /p query  keep\n  Host=h\n  Transfer-Encoding=chunked\n  body ";
    for (size_t i = 0; i < COUNT_OF(chunk_cases); i++) {
        AUTO(buf) bytes = { 0 };
        AUTO(buf) want = { 0 };
        buf_addf(&bytes, "%s%s", head, chunk_cases[i].chunks);
        buf_addf(&want, "%s%s", head_text, chunk_cases[i].want);
        check_everywhere(buf_str(&bytes), buf_str(&want));
    }
}

TEST(a_nul_in_a_header_is_refused) {
    static const char bytes[] = "GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n";
    check_everywhere((struct str){ bytes, sizeof bytes - 1 }, STR("refused 400 \n"));
}

TEST(escapes_are_undone_exactly_once) {
    static const struct {
        const char *in, *path, *form;
    } each[] = { { "a%20b+c", "a b+c", "a b c" },
                 { "%2525", "%25", "%25" },
                 { "100%", "100%", "100%" },
                 { "%4", "%4", "%4" },
                 { "%zz%C3%A4", "%zz\xc3\xa4", "%zz\xc3\xa4" } };
    for (size_t i = 0; i < COUNT_OF(each); i++) {
        char to[32];
        struct str in = str_of(each[i].in);
        CHECK_STR(((struct str){ to, http1_unescape(in, false, to) }), each[i].path);
        CHECK_STR(((struct str){ to, http1_unescape(in, true, to) }), each[i].form);
    }
}

TEST(accept_lists_know_weights) {
    CHECK(http1_list_accepts(STR("gzip"), STR("gzip")));
    CHECK(http1_list_accepts(STR("br, GZIP;q=0.5"), STR("gzip")));
    CHECK(!http1_list_accepts(STR("br, gzip;q=0"), STR("gzip")));
    CHECK(!http1_list_accepts(STR("gzip ; q=0.000, br"), STR("gzip")));
    CHECK(!http1_list_accepts(STR(""), STR("gzip")));
    CHECK(!http1_list_accepts(STR("gzipped"), STR("gzip")));
}

TEST(only_headers_that_keep_their_shape_are_safe) {
    CHECK(http1_header_safe((struct http_header){ STR("X-A"), STR("b c\t\xc3\xa4") }));
    CHECK(!http1_header_safe((struct http_header){ STR("X-A"), STR("b\r\nX-B: c") }));
    CHECK(!http1_header_safe((struct http_header){ STR("X-A"), { "b\0c", 3 } }));
    CHECK(!http1_header_safe((struct http_header){ STR("X A"), STR("b") }));
    CHECK(!http1_header_safe((struct http_header){ STR(""), STR("b") }));
}

TEST_MAIN(RUN(requests_are_understood_the_same_whatever_the_pieces),
          RUN(malformed_chunks_are_refused_whatever_the_pieces), RUN(a_nul_in_a_header_is_refused),
          RUN(escapes_are_undone_exactly_once), RUN(accept_lists_know_weights),
          RUN(only_headers_that_keep_their_shape_are_safe))
