#pragma once
#include "base/buf.h"
#include "net/http_server.h"
/*
 * For tests: a server on a loop thread with a clock that only moves when told, and clients with blocking
 * sockets. A check that fails, fails the running test.
 */
struct fixture;
struct fixture *fixture_new(const struct http_limits *limits);
/* With a handler of the test's own. */
struct fixture *fixture_new_for(void (*handle)(void *ctx, struct http_request *r), void *ctx);
void fixture_free(struct fixture *f);
void fixture_drain(struct fixture *f, int64_t drain_ms); /* begins it, on the loop's thread */
void fixture_wait_drained(struct fixture *f);
void fixture_step_clock(struct fixture *f, int64_t ms);
/* Moves the clock by `step_ms` again and again until something comes from the server. */
void fixture_clock_until_readable(struct fixture *f, int fd, int64_t step_ms);
/* Bytes that the stream's writer has had accepted, and how its last write ended. */
uint64_t fixture_stream_bytes(struct fixture *f);
enum err fixture_wait_stream(struct fixture *f);
/* Waits until a request to /later has come, and answers the oldest. */
void fixture_wait_later(struct fixture *f);
void fixture_answer_later(struct fixture *f);

/*
 * What the server answers by path: /echo the body; /params "name=value" lines; /later nothing until told;
 * /header the parameter v as a header; /large `n` bytes of JSON; /head "method path peer"; /status the status
 * `n` with a body; /stream `n` bytes by a thread, `bad=1` breaks it at the end, `hold=1` writes nothing until
 * the peer goes.
 */
int client_connect(struct fixture *f);
void client_send(int fd, struct str bytes);
bool client_try_send(int fd, struct str bytes); /* false when the server has closed */
void client_finish(int fd);                     /* sends our end */
void client_reset(int fd);                      /* closes with a reset */
/* One answer: the head with its empty line, then the body without its chunks. False at the end of the
 * connection. */
struct response {
    unsigned status;
    struct buf head, body;
    bool complete; /* its length or last chunk was reached */
};
bool client_receive(int fd, bool head_only, struct response *out);
void response_fini(struct response *r);
static inline void response_auto(struct response *r) {
    response_fini(r);
}
struct str response_header(const struct response *r, const char *name);
bool client_at_end(int fd); /* the server has closed; waits for it */
/* Send, receive, compare status and body (NULL: any). */
void client_expect(int fd, struct str request, unsigned status, const char *body);
void client_expect_answer(int fd, unsigned status, const char *body);
