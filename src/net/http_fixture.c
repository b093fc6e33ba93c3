#include "net/http_fixture.h"
#include "base/assert.h"
#include "base/heap.h"
#include "base/test.h"
#include "base/thread.h"
#include "base/vec.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_BYTES_MAX = 256 << 20, GUARD_S = 20, PIECE_BYTES = 50000 };

struct fixture {
    struct loop *loop;
    struct http_server *server;
    unsigned port;
    struct thread thread, writer;
    struct clock clock;
    _Atomic int64_t now_ns;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    VEC(struct http_request *) later; /* guarded by lock, answered on the loop */
    bool drained;                     /* guarded by lock */
    struct http_stream *stream;       /* of the writer */
    size_t stream_total_bytes;
    bool stream_bad, stream_hold;
    bool stream_done; /* guarded by lock */
    _Atomic uint64_t stream_bytes;
    enum err stream_result;
};

/* ---- the server's side ---- */

static int64_t read_clock(void *ctx) {
    struct fixture *f = ctx;
    return atomic_load(&f->now_ns);
}

static void reply_text(struct http_request *r, unsigned status, struct str text) {
    http_reply(r, &(struct http_answer){ .status = status, .content_type = "text/plain", .body = text });
}

static size_t number_of(struct http_request *r) {
    struct str text;
    uint64_t n = 0;
    return http_param(r, STR("n"), &text) && str_to_u64(text, &n) ? (size_t)n : 0;
}

static void echo(struct fixture *f, struct http_request *r) {
    (void)f;
    ASSERT((http_body_shared(r) == NULL) == (http_body(r).n == 0));
    reply_text(r, 200, http_body(r));
}

static void params(struct fixture *f, struct http_request *r) {
    (void)f;
    AUTO(buf) out = { 0 };
    for (size_t i = 0; i < http_param_count(r); i++) {
        struct str name, value;
        http_param_at(r, i, &name, &value);
        buf_addf(&out, STR_FMT "=" STR_FMT "\n", STR_ARG(name), STR_ARG(value));
    }
    reply_text(r, 200, buf_str(&out));
}

static void later(struct fixture *f, struct http_request *r) {
    LOCKED(&f->lock);
    VEC_PUSH(&f->later, r);
    (void)pthread_cond_broadcast(&f->changed);
}

static void header(struct fixture *f, struct http_request *r) {
    (void)f;
    struct http_header h = { STR("X-V"), STR("") };
    if (!http_param(r, STR("v"), &h.value))
        h.value = STR("none");
    http_reply(r, &(struct http_answer){ .status = 200, .headers = &h, .header_count = 1 });
}

static void large(struct fixture *f, struct http_request *r) {
    (void)f;
    AUTO(buf) body = { 0 };
    buf_add_fill(&body, 'j', number_of(r));
    http_reply(r, &(struct http_answer){ 200, "application/json", NULL, 0, buf_str(&body) });
}

static void head(struct fixture *f, struct http_request *r) {
    (void)f;
    AUTO(buf) out = { 0 };
    buf_addf(&out, "%d " STR_FMT " " STR_FMT " " STR_FMT, http_method(r), STR_ARG(http_path(r)),
             STR_ARG(http_query_string(r)), STR_ARG(http_peer(r)));
    reply_text(r, 200, buf_str(&out));
}

static void status(struct fixture *f, struct http_request *r) {
    (void)f;
    reply_text(r, (unsigned)number_of(r), STR("text"));
}

static void write_stream(void *ctx) {
    struct fixture *f = ctx;
    AUTO(buf) piece = { 0 };
    buf_add_fill(&piece, 's', PIECE_BYTES);
    enum err result = ERR_OK;
    while (f->stream_hold && !http_stream_gone(f->stream))
        usleep(100);
    while (result == ERR_OK && f->stream_bytes < f->stream_total_bytes) {
        size_t left = f->stream_total_bytes - f->stream_bytes;
        struct str s = { piece.p, left < PIECE_BYTES ? left : PIECE_BYTES };
        result = http_stream_write(f->stream, s);
        f->stream_bytes += s.n;
    }
    http_stream_end(f->stream, !f->stream_bad);
    LOCKED(&f->lock);
    f->stream_result = f->stream_hold ? ERR_CANCELLED : result;
    f->stream_done = true;
    (void)pthread_cond_broadcast(&f->changed);
}

static void stream(struct fixture *f, struct http_request *r) {
    struct str ignored;
    thread_join(&f->writer); /* of the stream before, which has ended */
    f->stream_total_bytes = number_of(r);
    f->stream_bad = http_param(r, STR("bad"), &ignored);
    f->stream_hold = http_param(r, STR("hold"), &ignored);
    f->stream_bytes = 0;
    {
        LOCKED(&f->lock);
        f->stream_done = false;
    }
    f->stream = http_stream_begin(r, &(struct http_answer){ .status = 200, .content_type = "text/plain" });
    thread_start(&f->writer, "writer", write_stream, f);
}

static const struct {
    struct str path;
    void (*answer)(struct fixture *f, struct http_request *r);
} paths[] = {
    { { "/echo", 5 }, echo },     { { "/params", 7 }, params }, { { "/later", 6 }, later },
    { { "/header", 7 }, header }, { { "/large", 6 }, large },   { { "/head", 5 }, head },
    { { "/status", 7 }, status }, { { "/stream", 7 }, stream },
};

static void handle(void *ctx, struct http_request *r) {
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        if (str_eq(http_path(r), paths[i].path)) {
            paths[i].answer(ctx, r);
            return;
        }
    }
    reply_text(r, 404, STR("no such path"));
}

static void run(void *ctx) {
    loop_run(ctx);
}

static struct fixture *start(struct http_server_config c) {
    struct fixture *f = HEAP_NEW(struct fixture);
    f->now_ns = 1700000000 * NS_PER_S;
    f->clock = (struct clock){ read_clock, read_clock, f };
    (void)pthread_mutex_init(&f->lock, NULL);
    cond_init(&f->changed);
    f->loop = loop_new(&f->clock);
    c.address = "127.0.0.1";
    if (!c.ctx)
        c.ctx = f;
    struct err_text why;
    CHECK_OK(http_server_open(f->loop, &c, &why, &f->server));
    f->port = http_server_port(f->server);
    thread_start(&f->thread, "loop", run, f->loop);
    return f;
}

struct fixture *fixture_new(const struct http_limits *limits) {
    return start((struct http_server_config){ .handle = handle,
                                              .limits = limits ? *limits : (struct http_limits){ 0 } });
}

struct fixture *fixture_new_for(void (*own)(void *ctx, struct http_request *r), void *ctx) {
    return start((struct http_server_config){ .handle = own, .ctx = ctx });
}

/* Work for the loop's thread. */
struct task {
    struct letter letter;
    struct fixture *f;
    struct http_request *request;
    int64_t drain_ms;
};

static void post_task(struct fixture *f, void (*open)(struct letter *l), struct task t) {
    struct task *posted = HEAP_NEW(struct task);
    *posted = t;
    posted->letter.open = open;
    posted->f = f;
    mailbox_post(loop_mailbox(f->loop), &posted->letter);
}

static void answer_task(struct letter *l) {
    struct task *t = (struct task *)l;
    reply_text(t->request, 200, STR("later"));
    heap_free(t);
}

static void wait_later(struct fixture *f, struct http_request **out_taken) {
    LOCKED(&f->lock);
    while (f->later.n == 0)
        CHECK(cond_wait_for(&f->changed, &f->lock, GUARD_S * NS_PER_S));
    if (!out_taken)
        return;
    *out_taken = f->later.p[0];
    f->later.n--;
    memmove(f->later.p, f->later.p + 1, f->later.n * sizeof f->later.p[0]);
}

void fixture_wait_later(struct fixture *f) {
    wait_later(f, NULL);
}

void fixture_answer_later(struct fixture *f) {
    struct http_request *r;
    wait_later(f, &r);
    post_task(f, answer_task, (struct task){ .request = r });
}

static void on_drained(void *ctx) {
    struct fixture *f = ctx;
    LOCKED(&f->lock);
    f->drained = true;
    (void)pthread_cond_broadcast(&f->changed);
}

static void drain_task(struct letter *l) {
    struct task *t = (struct task *)l;
    http_server_drain(t->f->server, t->drain_ms, on_drained, t->f);
    heap_free(t);
}

void fixture_drain(struct fixture *f, int64_t drain_ms) {
    post_task(f, drain_task, (struct task){ .drain_ms = drain_ms });
}

void fixture_wait_drained(struct fixture *f) {
    LOCKED(&f->lock);
    while (!f->drained)
        CHECK(cond_wait_for(&f->changed, &f->lock, GUARD_S * NS_PER_S));
}

void fixture_step_clock(struct fixture *f, int64_t ms) {
    f->now_ns += ms * NS_PER_MS;
}

void fixture_clock_until_readable(struct fixture *f, int fd, int64_t step_ms) {
    struct pollfd p = { .fd = fd, .events = POLLIN };
    for (int i = 0; poll(&p, 1, 5) == 0; i++) {
        CHECK(i < GUARD_S * 200);
        fixture_step_clock(f, step_ms);
    }
}

uint64_t fixture_stream_bytes(struct fixture *f) {
    return f->stream_bytes;
}

enum err fixture_wait_stream(struct fixture *f) {
    LOCKED(&f->lock);
    while (!f->stream_done)
        CHECK(cond_wait_for(&f->changed, &f->lock, GUARD_S * NS_PER_S));
    f->stream_done = false;
    return f->stream_result;
}

void fixture_free(struct fixture *f) {
    loop_stop(f->loop);
    thread_join(&f->thread);
    thread_join(&f->writer);
    for (size_t i = 0; i < f->later.n; i++) /* their peers have gone */
        reply_text(f->later.p[i], 200, STR("too late"));
    http_server_free(f->server);
    loop_free(f->loop);
    VEC_FINI(&f->later);
    heap_free(f);
}

/* ---- the client's side ---- */

int client_connect(struct fixture *f) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)f->port) };
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    struct timeval guard = { .tv_sec = GUARD_S };
    int on = 1;
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &guard, sizeof guard) == 0);
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
    return fd;
}

bool client_try_send(int fd, struct str bytes) {
    while (bytes.n > 0) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes = str_skip(bytes, (size_t)n);
    }
    return true;
}

void client_send(int fd, struct str bytes) {
    CHECK(client_try_send(fd, bytes));
}

void client_finish(int fd) {
    CHECK(shutdown(fd, SHUT_WR) == 0);
}

void client_reset(int fd) {
    struct linger none = { .l_onoff = 1, .l_linger = 0 };
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none) == 0);
    CHECK(close(fd) == 0);
}

bool client_at_end(int fd) {
    char c;
    return recv(fd, &c, 1, 0) <= 0;
}

/* Appends up to and including `stop`; false at the end of the connection. Byte by byte: what follows stays
 * there. */
static bool read_until(int fd, struct str stop, struct buf *to) {
    char c;
    while (to->n < stop.n || !str_ends(buf_str(to), stop)) {
        if (recv(fd, &c, 1, 0) != 1)
            return false;
        buf_add_char(to, c);
    }
    return true;
}

static bool read_bytes(int fd, size_t n, struct buf *to) {
    CHECK(n <= ANSWER_BYTES_MAX);
    while (n > 0) {
        char piece[65536];
        ssize_t got = recv(fd, piece, n < sizeof piece ? n : sizeof piece, 0);
        if (got <= 0)
            return false;
        buf_add_bytes(to, piece, (size_t)got);
        n -= (size_t)got;
    }
    return true;
}

static bool read_chunks(int fd, struct buf *to) {
    for (;;) {
        AUTO(buf) line = { 0 };
        if (!read_until(fd, STR("\r\n"), &line))
            return false;
        buf_add_char(&line, 0);
        size_t n = strtoul(line.p, NULL, 16);
        AUTO(buf) end = { 0 };
        if (!read_bytes(fd, n, to) || !read_until(fd, STR("\r\n"), &end))
            return false;
        if (n == 0)
            return true;
    }
}

struct str response_header(const struct response *r, const char *name) {
    AUTO(buf) line = { 0 };
    buf_addf(&line, "\r\n%s: ", name);
    size_t at = str_find_nocase(buf_str(&r->head), buf_str(&line), 0);
    if (at == SIZE_MAX)
        return STR("");
    struct str rest = str_skip(buf_str(&r->head), at + line.n), value;
    CHECK(str_cut(&rest, '\r', &value));
    return value;
}

bool client_receive(int fd, bool head_only, struct response *out) {
    *out = (struct response){ 0 };
    if (!read_until(fd, STR("\r\n\r\n"), &out->head))
        return false;
    CHECK(str_starts(buf_str(&out->head), STR("HTTP/1.1 ")));
    out->status = (unsigned)strtoul(out->head.p + 9, NULL, 10);
    uint64_t n = 0;
    struct str length = response_header(out, "Content-Length");
    CHECK(length.n == 0 || str_to_u64(length, &n));
    if (str_eq(response_header(out, "Transfer-Encoding"), STR("chunked")))
        out->complete = read_chunks(fd, &out->body);
    else
        out->complete = head_only || read_bytes(fd, (size_t)n, &out->body);
    return true;
}

void response_fini(struct response *r) {
    buf_fini(&r->head);
    buf_fini(&r->body);
}

void client_expect_answer(int fd, unsigned want, const char *body) {
    AUTO(response) r;
    CHECK(client_receive(fd, false, &r));
    CHECK(r.complete);
    if (r.status != want || (body && !str_eq(buf_str(&r.body), str_of(body))))
        fail_msg("got %u <" STR_FMT ">, not %u <%s>", r.status, STR_ARG(buf_str(&r.body)), want,
                 body ? body : "");
}

void client_expect(int fd, struct str request, unsigned want, const char *body) {
    client_send(fd, request);
    client_expect_answer(fd, want, body);
}
