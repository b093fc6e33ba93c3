#include "net/http_server.h"
#include "base/assert.h"
#include "base/heap.h"
#include "net/http_conn.h"
/*
 * One server per loop shard: takes connections, looks after their time, and ends.
 *
 * Time: each connection notes when its phase last made progress; one sweep over all of them a few times
 * per shortest timeout finds the late ones. No timer is touched on the way of a request.
 */
enum { SWEEP_MS_MIN = 10, SWEEP_MS_MAX = 1000 };

int64_t http_server_mono_ns(const struct http_server *s) {
    return clock_mono_ns(loop_clock(s->loop));
}

static int64_t sweep_ms(const struct http_server *s) {
    uint64_t shortest_ms = SWEEP_MS_MAX * 4;
    for (size_t i = HTTP_LIMIT_HEADER_TIMEOUT; i <= HTTP_LIMIT_WRITE_TIMEOUT; i++)
        if (s->limits[i] < shortest_ms)
            shortest_ms = s->limits[i];
    return shortest_ms / 4 < SWEEP_MS_MIN ? SWEEP_MS_MIN : (int64_t)(shortest_ms / 4);
}

static void close_all(struct http_server *s) {
    for (struct http_conn *c = s->conns; c; c = c->next)
        http_conn_close(c);
}

static void sweep(void *ctx) {
    struct http_server *s = ctx;
    int64_t now_ns = http_server_mono_ns(s);
    for (struct http_conn *c = s->conns; c; c = c->next)
        http_conn_check(c, now_ns);
    if (s->draining && now_ns >= s->drain_until_ns)
        close_all(s);
}

static void refuse_connection(struct http_server *s, struct loop_tcp *tcp) {
    AUTO(buf) out = { .limit_bytes = 4096 };
    struct str body = STR("{\"error\":\"too many connections: http.connections_max is reached\","
                          "\"limit\":\"http.connections_max\"}\n");
    http_reply_head(s,
                    &(struct http_reply_shape){
                        .answer = &(struct http_answer){ .status = 503, .content_type = "application/json" },
                        .extra = STR("Retry-After: 1\r\n"),
                        .length_bytes = body.n },
                    &out);
    size_t sent;
    struct str parts[] = { buf_str(&out), body };
    ERR_IGNORE(loop_tcp_try_write(tcp, parts, 2, &sent), "it is being closed");
    loop_tcp_close(tcp);
    stat_add(STAT_HTTP_REFUSED, 1);
    http_limit_reached(HTTP_LIMIT_CONNECTIONS);
}

static void accepted(void *ctx, struct loop_tcp *tcp) {
    struct http_server *s = ctx;
    if (s->conn_count >= s->limits[HTTP_LIMIT_CONNECTIONS]) {
        refuse_connection(s, tcp);
        return;
    }
    if (s->conn_count++ == 0)
        loop_timer_start(s->sweep, sweep_ms(s), sweep_ms(s));
    stat_add(STAT_HTTP_CONNECTIONS, 1);
    http_conn_new(s, tcp);
}

enum err http_server_open(struct loop *l, const struct http_server_config *c, struct err_text *why,
                          struct http_server **out) {
    struct http_server *s = HEAP_NEW(struct http_server);
    s->loop = l;
    s->handle = c->handle;
    s->ctx = c->ctx;
    http_limit_values(&c->limits, s->limits);
    struct loop_tcp_listen_config listen = {
        .address = c->address, .port = c->port, .exclusive = c->exclusive, .accepted = accepted, .ctx = s
    };
    enum err result = loop_tcp_listen(l, &listen, why, &s->listener);
    if (result != ERR_OK) {
        heap_free(s);
        return result;
    }
    s->scratch = HEAP_ARRAY(char, HTTP_SCRATCH_BYTES);
    s->sweep = loop_timer_new(l, sweep, s);
    *out = s;
    return ERR_OK;
}

unsigned http_server_port(const struct http_server *s) {
    return loop_tcp_listener_port(s->listener);
}

static void server_destroy(struct http_server *s) {
    for (struct http_request *r = s->spare_requests, *next; r; r = next) {
        next = r->next_spare;
        arena_fini(&r->mem);
        heap_free(r);
    }
    heap_free(s->scratch);
    loop_timer_free(s->sweep);
    heap_free(s);
}

/* Something of the server has ended; was it the last? */
static void check_end(struct http_server *s) {
    if (s->conn_count > 0 || s->stream_count > 0)
        return;
    loop_timer_stop(s->sweep);
    void (*drained)(void *ctx) = s->drained;
    void *ctx = s->drained_ctx;
    s->drained = NULL;
    if (s->freed)
        server_destroy(s);
    if (drained)
        drained(ctx);
}

void http_server_conn_freed(struct http_server *s) {
    ASSERT(s->conn_count > 0);
    s->conn_count--;
    stat_add(STAT_HTTP_CONNECTIONS, -1);
    check_end(s);
}

void http_server_stream_freed(struct http_server *s) {
    ASSERT(s->stream_count > 0);
    s->stream_count--;
    check_end(s);
}

static void stop_listening(struct http_server *s) {
    loop_tcp_listener_free(STEAL(s->listener));
}

void http_server_drain(struct http_server *s, int64_t drain_ms, void (*done)(void *ctx), void *ctx) {
    ASSERT(!s->draining);
    stop_listening(s);
    s->draining = true;
    s->drain_until_ns = http_server_mono_ns(s) + drain_ms * NS_PER_MS;
    s->drained = done;
    s->drained_ctx = ctx;
    for (struct http_conn *c = s->conns; c; c = c->next)
        http_conn_drain(c);
    check_end(s);
}

void http_server_free(struct http_server *s) {
    if (!s)
        return;
    stop_listening(s);
    s->freed = true;
    close_all(s);
    check_end(s);
}
