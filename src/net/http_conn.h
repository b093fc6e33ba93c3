#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "net/http1_chunks.h"
#include "net/http_limit.h"
#include "net/http_server.h"
#include "net/loop_tcp.h"
/*
 * Inside of the HTTP server, shared by http_server.c, http_conn.c, http_body.c, http_request.c, http_reply.c
 * and http_stream.c only. All of it belongs to the loop's thread, except what http_stream.c says.
 */
enum { HTTP_SCRATCH_BYTES = 64 << 10 };

struct http_server {
    struct loop *loop;
    uint64_t limits[HTTP_LIMIT_COUNT];
    void (*handle)(void *ctx, struct http_request *r);
    void *ctx;
    struct loop_tcp_listener *listener;
    struct loop_timer *sweep; /* looks for connections that are out of time */
    struct http_conn *conns;
    size_t conn_count;
    size_t stream_count; /* begun and not ended by their writer, also when their connection has gone */
    struct http_request *spare_requests;
    size_t spare_count;
    char *scratch; /* what is read and not yet known to belong anywhere */
    bool draining, freed;
    int64_t drain_until_ns;
    void (*drained)(void *ctx);
    void *drained_ctx;
    int64_t date_s;
    char date[32];
};

/* A body on its way in. Memory is charged to the budget as bytes arrive, not as they are announced. */
struct http_intake {
    struct body *body;
    size_t charged_bytes;
};

struct http_request {
    struct http_conn *conn; /* outlives the request */
    struct http_request *next_spare;
    struct arena mem; /* the head, and what accessors make of it */
    struct http1_head head;
    struct str path;
    struct body *body;
    struct http_header *params; /* decoded name and value */
    size_t param_count;
    bool params_found;
    int64_t received_ns;
    void *user;
};

enum http_conn_state {
    CONN_HEAD,     /* waits for a request, or for the rest of its head */
    CONN_BODY,     /* of known length, read in place */
    CONN_CHUNKED,  /* decoded into a growing body */
    CONN_HANDLING, /* the handler has it; a little is read ahead, so that a closed peer is seen */
    CONN_STREAM,   /* the same, while a stream writes */
    CONN_DISCARD,  /* the last answer is going out; input is dropped until the peer closes */
    CONN_GONE,     /* closed; waits for its handler */
};

struct http_conn {
    struct http_conn *next, *prev;
    struct http_server *server;
    struct loop_tcp *tcp; /* NULL: closed */
    enum http_conn_state state;
    bool closed;     /* the loop has let go of it */
    bool peer_ended; /* it sends no more */
    bool consuming;  /* inside consume(): answers are collected and sent at its end */
    bool used;       /* has had a request */
    bool resume_posted;
    struct letter resume; /* goes on with requests that were read ahead */
    struct buf in;        /* read and not consumed */
    struct http1_scan scan;
    struct http1_chunks chunks;
    struct http_intake intake;
    struct http_request *request;
    struct http_stream *stream;
    struct buf out;                              /* answers not handed over */
    struct buf sending;                          /* the loop is writing it */
    size_t unsent_seen_bytes, intake_seen_bytes; /* at the last progress */
    uint64_t discarded_bytes;
    int64_t since_ns; /* last progress of the current phase */
    size_t peer_bytes;
    char peer[64]; /* address text */
};

/* http_conn.c */
void http_conn_new(struct http_server *s, struct loop_tcp *tcp);
void http_conn_close(struct http_conn *c);
void http_conn_abort(struct http_conn *c); /* with a reset */
void http_conn_drain(struct http_conn *c); /* closes it if it does nothing */
/* Closes it when its phase has lasted too long. */
void http_conn_check(struct http_conn *c, int64_t now_ns);
/* The answer is complete in `out` (or on its way): the next request may come, or the connection ends. */
void http_conn_answered(struct http_conn *c, bool keep_alive);
/* Sends what is in `out`. */
void http_conn_flush(struct http_conn *c);
/* Sends `out` and then `bytes`, copying only what the socket does not take now. True when nothing waits. */
bool http_conn_send(struct http_conn *c, struct str bytes);
/* Answers, and takes nothing more from it. */
void http_conn_refuse(struct http_conn *c, const struct http1_refusal *why);

/* http_body.c */
NODISCARD bool http_intake_begin(struct http_intake *i, size_t cap_bytes, uint64_t budget_bytes);
NODISCARD bool http_intake_add(struct http_intake *i, struct str bytes, uint64_t budget_bytes);
/* `n` bytes were read in place. */
NODISCARD bool http_intake_grew(struct http_intake *i, size_t n, uint64_t budget_bytes);
/* The body, charged in full and giving its charge back when freed. NULL: over the budget. */
struct body *http_intake_take(struct http_intake *i, uint64_t budget_bytes);
void http_intake_drop(struct http_intake *i);

/* http_request.c */
struct http_request *http_request_new(struct http_conn *c);
/* `head` is copied. */
NODISCARD enum http1_step http_request_parse(struct http_request *r, struct str head,
                                             struct http1_refusal *out_why);
void http_request_free(struct http_request *r); /* NULL is fine */

/* http_reply.c */
struct http_reply_shape {
    const struct http_answer *answer;
    struct str extra; /* complete header lines */
    bool chunked, unknown_length, keep_alive, http10;
    uint64_t length_bytes; /* unless chunked or unknown */
};
void http_reply_head(struct http_server *s, const struct http_reply_shape *shape, struct buf *out);
NODISCARD bool http_reply_keep_alive(const struct http_request *r);
/* Whether its headers keep their shape: their values may come from a request. If not, send the other one. */
NODISCARD bool http_reply_safe(const struct http_answer *a);
extern const struct http_answer http_reply_unsafe;

/* http_stream.c */
void http_stream_sent(struct http_stream *s); /* the connection has handed over all it was given */
void http_stream_lost(struct http_stream *s); /* the connection is going away */

/* http_server.c */
void http_server_conn_freed(struct http_server *s);   /* may free the server */
void http_server_stream_freed(struct http_server *s); /* likewise */
int64_t http_server_mono_ns(const struct http_server *s);
