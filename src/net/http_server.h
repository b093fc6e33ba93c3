#pragma once
#include "base/body.h"
#include "base/err.h"
#include "base/str.h"
#include "net/loop.h"
#include <stdbool.h>
/*
 * HTTP/1.1 over TCP: keep-alive, pipelining, chunked bodies, Expect: 100-continue, compressed bodies
 * (wire/compress), named limits, one budget over all bodies in flight. One http_server per loop shard;
 * several shards listen on one address (SO_REUSEPORT). The parser (http1.c) is pure and fuzzed.
 *
 * A handler gets the whole request, decompressed. It answers now or later, from the loop's thread,
 * exactly once: http_reply(), or http_stream_begin() for an answer that a worker thread writes.
 */
struct http_server;
struct http_request;
struct http_stream;

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_OPTIONS, HTTP_METHOD_COUNT };
struct http_header {
    struct str name, value; /* a request's names are as sent: compare with str_eq_nocase */
};

struct http_limits {                     /* 0: the default; names are those of the configuration */
    uint32_t header_bytes_max;           /* http.header_bytes_max 32 KiB */
    uint32_t header_count_max;           /* http.header_count_max 100 */
    uint64_t body_bytes_max;             /* http.body_bytes_max 16 MiB, also after decompression */
    uint64_t bodies_in_flight_bytes_max; /* http.bodies_in_flight_bytes_max 128 MiB over all shards: 503 +
                                            Retry-After */
    uint32_t connections_max;            /* http.connections_max 4096 a shard */
    uint32_t header_timeout_ms;          /* http.header_timeout_ms 10000 */
    uint32_t body_timeout_ms;            /* http.body_timeout_ms 30000 without progress */
    uint32_t idle_timeout_ms;            /* http.idle_timeout_ms 75000 */
    uint32_t write_timeout_ms;           /* http.write_timeout_ms 30000 without progress */
};
struct http_server_config {
    const char *address; /* "127.0.0.1", "::1", "0.0.0.0" */
    unsigned port;       /* 0: any free one, see http_server_port */
    bool exclusive; /* refuse when anybody listens there already: set it for the first of several shards */
    struct http_limits limits;
    /* Every complete request. The request lives until its answer has been handed over. */
    void (*handle)(void *ctx, struct http_request *r);
    void *ctx;
};
/* Binds and listens. ERR_IO with the address and reason in `why`. */
NODISCARD enum err http_server_open(struct loop *l, const struct http_server_config *c, struct err_text *why,
                                    struct http_server **out);
unsigned http_server_port(const struct http_server *s);
/* Stops accepting; finishes requests in progress for at most drain_ms; then closes. `done` (may be NULL) when
 * all are gone: the last request has been answered and the last stream ended by its writer. It may be called
 * from inside. */
void http_server_drain(struct http_server *s, int64_t drain_ms, void (*done)(void *ctx), void *ctx);
/* Closes what is left. Its memory lives until the last open request is answered and the last stream ended. */
void http_server_free(struct http_server *s);

enum http_method http_method(const struct http_request *r);
struct str http_path(const struct http_request *r);         /* percent-decoded once; no query string */
struct str http_query_string(const struct http_request *r); /* as sent */
/* Decoded value of a query parameter (of a form body's too when Content-Type is form-urlencoded); the first
 * one of that name. False when absent. Borrowed from the request. */
NODISCARD bool http_param(struct http_request *r, struct str name, struct str *out);
size_t http_param_count(struct http_request *r);
void http_param_at(struct http_request *r, size_t i, struct str *out_name, struct str *out_value);
struct str http_header(const struct http_request *r, struct str name); /* "" when absent; case ignored */
struct str http_body(const struct http_request *r);
/* Rows may keep pointing into it: take a reference. NULL when the body is empty. */
struct body *http_body_shared(const struct http_request *r);
struct str http_peer(const struct http_request *r); /* address text without port */
int64_t http_received_ns(const struct http_request *r);
struct loop *http_loop(const struct http_request *r);
/* Free for the handler: set once, read when its later answer comes. */
void http_set_user(struct http_request *r, void *user);
void *http_user(const struct http_request *r);

struct http_answer {
    unsigned status;
    const char *content_type; /* NULL: none */
    const struct http_header *headers;
    size_t header_count;
    struct str body; /* copied */
};
/* Ends the request. When the peer has gone, nothing is sent and that is fine. */
void http_reply(struct http_request *r, const struct http_answer *a);

/* An answer of unknown length, chunked. Ends the request; the stream lives on its own. Begin on the loop's
 * thread; write, flush and end on ANY one thread at a time. */
struct http_stream *http_stream_begin(struct http_request *r, const struct http_answer *head);
/* Waits while more than 256 KiB are unsent; ERR_CANCELLED when the peer has gone. Never call on a loop
 * thread. */
NODISCARD enum err http_stream_write(struct http_stream *s, struct str bytes);
/* Cheap look: has the peer gone? Any thread. Cancels queries. */
bool http_stream_gone(struct http_stream *s);
/* The same as a flag that turns true, for who polls without knowing of HTTP; lives as long as the stream. */
_Atomic bool *http_stream_gone_flag(struct http_stream *s);
/* Ends and frees it. `ok` false breaks the connection instead of a clean end, so that the receiver knows. */
void http_stream_end(struct http_stream *s, bool ok);
