#include "net/loop_tcp.h"
#include "base/assert.h"
#include "base/heap.h"
#include "net/loop_uv.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 1024, WRITE_PARTS_MAX = 8 };

struct loop_tcp_listener {
    struct loop_part part;
    uv_tcp_t uv;
    struct loop_tcp_listen_config config;
};

struct loop_tcp {
    struct loop_part part;
    uv_tcp_t uv;
    uv_write_t write;
    uv_shutdown_t shutdown;
    const struct loop_tcp_events *events;
    void *ctx;
    bool writing, shut;
    struct str peer;
    char peer_text[LOOP_ADDRESS_BYTES];
};

static void tcp_closed(struct loop_part *p) {
    struct loop_tcp *c = (struct loop_tcp *)p;
    c->part.released = true; /* when the loop stopped: nobody else ends it */
    if (c->events)
        c->events->closed(c->ctx);
}

static struct loop_tcp *tcp_new(struct loop *l) {
    struct loop_tcp *c = HEAP_NEW(struct loop_tcp);
    ASSERT(uv_tcp_init(&l->uv, &c->uv) == 0);
    loop_part_init(&c->part, &c->uv);
    c->part.on_closed = tcp_closed;
    return c;
}

static void peer_find(struct loop_tcp *c) {
    struct sockaddr_storage a = { 0 };
    int n = sizeof a;
    if (uv_tcp_getpeername(&c->uv, (struct sockaddr *)&a, &n) == 0)
        c->peer = loop_address_text(&a, c->peer_text);
}

static void incoming(uv_stream_t *h, int status) {
    struct loop_tcp_listener *t = h->data;
    if (status < 0) /* libuv has shed the connection, or it went away before we took it */
        return;
    struct loop_tcp *c = tcp_new((struct loop *)h->loop);
    if (uv_accept(h, (uv_stream_t *)&c->uv) != 0) {
        loop_part_release(&c->part);
        return;
    }
    (void)uv_tcp_nodelay(&c->uv, 1);
    peer_find(c);
    t->config.accepted(t->config.ctx, c);
}

/* Whether anybody listens there: without SO_REUSEPORT a second bind is refused. */
static int probe(const struct sockaddr_storage *a) {
    int fd = socket(a->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    int r = bind(fd, (const struct sockaddr *)a, sizeof *a) == 0 ? 0 : -errno;
    (void)close(fd);
    return r;
}

static int listen_on(struct loop_tcp_listener *t, const struct sockaddr_storage *a) {
    uv_os_fd_t fd;
    int r = t->config.exclusive && t->config.port ? probe(a) : 0;
    if (r == 0)
        r = uv_fileno((uv_handle_t *)&t->uv, &fd);
    int on = 1;
    if (r == 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        r = -errno;
    if (r == 0)
        r = uv_tcp_bind(&t->uv, (const struct sockaddr *)a, 0);
    if (r == 0)
        r = uv_listen((uv_stream_t *)&t->uv, LISTEN_BACKLOG, incoming);
    return r;
}

enum err loop_tcp_listen(struct loop *l, const struct loop_tcp_listen_config *c, struct err_text *why,
                         struct loop_tcp_listener **out) {
    struct sockaddr_storage a;
    if (!loop_address(c->address, c->port, &a))
        return err_say(why, ERR_IO, "'%s' port %u is not an address to listen on", c->address, c->port);
    struct loop_tcp_listener *t = HEAP_NEW(struct loop_tcp_listener);
    t->config = *c;
    int r = uv_tcp_init_ex(&l->uv, &t->uv, a.ss_family);
    if (r != 0) {
        heap_free(t);
        return err_say(why, ERR_IO, "cannot make a socket: %s", uv_strerror(r));
    }
    loop_part_init(&t->part, &t->uv);
    r = listen_on(t, &a);
    if (r != 0) {
        loop_part_release(&t->part);
        return err_say(why, ERR_IO, "cannot listen on %s port %u: %s", c->address, c->port, uv_strerror(r));
    }
    *out = t;
    return ERR_OK;
}

unsigned loop_tcp_listener_port(const struct loop_tcp_listener *t) {
    struct sockaddr_storage a = { 0 };
    int n = sizeof a;
    if (uv_tcp_getsockname(&t->uv, (struct sockaddr *)&a, &n) != 0)
        return 0;
    return ntohs(a.ss_family == AF_INET ? ((struct sockaddr_in *)&a)->sin_port
                                        : ((struct sockaddr_in6 *)&a)->sin6_port);
}

void loop_tcp_listener_free(struct loop_tcp_listener *t) {
    if (t)
        loop_part_release(&t->part);
}

void loop_tcp_attach(struct loop_tcp *c, const struct loop_tcp_events *events, void *ctx) {
    ASSERT(!c->events);
    c->events = events;
    c->ctx = ctx;
}

static void find_room(uv_handle_t *h, size_t suggested, uv_buf_t *out) {
    (void)suggested;
    struct loop_tcp *c = h->data;
    size_t n = 0;
    char *p = c->events->room(c->ctx, &n);
    ASSERT(n > 0);
    *out = uv_buf_init(p, n < UINT32_MAX ? (unsigned)n : UINT32_MAX);
}

static void received(uv_stream_t *h, ssize_t n, const uv_buf_t *room) {
    (void)room;
    struct loop_tcp *c = h->data;
    if (n > 0) {
        c->events->received(c->ctx, (size_t)n);
    } else if (n < 0) {
        (void)uv_read_stop(h);
        c->events->ended(c->ctx, n == UV_EOF ? ERR_OK : ERR_IO);
    } /* 0: nothing there after all */
}

void loop_tcp_read(struct loop_tcp *c, bool on) {
    uv_stream_t *s = (uv_stream_t *)&c->uv;
    if (loop_part_closing(&c->part))
        return;
    if (on)
        (void)uv_read_start(s, find_room, received); /* UV_EALREADY: it is on */
    else
        (void)uv_read_stop(s);
}

enum err loop_tcp_try_write(struct loop_tcp *c, const struct str *parts, size_t count, size_t *out_sent) {
    ASSERT(count > 0 && count <= WRITE_PARTS_MAX);
    if (loop_part_closing(&c->part))
        return ERR_IO;
    uv_buf_t bufs[WRITE_PARTS_MAX];
    for (size_t i = 0; i < count; i++) {
        ASSERT(parts[i].n <= UINT32_MAX);
        bufs[i] = uv_buf_init((char *)(uintptr_t)parts[i].p, (unsigned)parts[i].n);
    }
    int r = uv_try_write((uv_stream_t *)&c->uv, bufs, (unsigned)count);
    if (r < 0 && r != UV_EAGAIN)
        return ERR_IO;
    *out_sent = r < 0 ? 0 : (size_t)r;
    return ERR_OK;
}

static void write_done(uv_write_t *w, int status) {
    struct loop_tcp *c = w->handle->data;
    c->writing = false;
    if (c->events)
        c->events->written(c->ctx, status == 0 ? ERR_OK : status == UV_ECANCELED ? ERR_CANCELLED : ERR_IO);
}

void loop_tcp_write(struct loop_tcp *c, struct str bytes) {
    ASSERT(!c->writing && bytes.n > 0 && bytes.n <= UINT32_MAX);
    if (loop_part_closing(&c->part))
        return;
    uv_buf_t b = uv_buf_init((char *)(uintptr_t)bytes.p, (unsigned)bytes.n);
    c->writing = uv_write(&c->write, (uv_stream_t *)&c->uv, &b, 1, write_done) == 0;
    ASSERT(c->writing); /* fails only for bad handles; socket errors come to write_done */
}

size_t loop_tcp_unsent_bytes(const struct loop_tcp *c) {
    return uv_stream_get_write_queue_size((const uv_stream_t *)&c->uv);
}

static void shutdown_done(uv_shutdown_t *s, int status) {
    (void)s;
    (void)status;
}

void loop_tcp_shutdown(struct loop_tcp *c) {
    if (c->shut || loop_part_closing(&c->part))
        return;
    c->shut = true;
    (void)uv_shutdown(&c->shutdown, (uv_stream_t *)&c->uv, shutdown_done); /* not connected any more: fine */
}

void loop_tcp_close(struct loop_tcp *c) {
    if (!c->part.released)
        loop_part_release(&c->part);
}

void loop_tcp_abort(struct loop_tcp *c) {
    struct linger none = { .l_onoff = 1, .l_linger = 0 };
    uv_os_fd_t fd;
    if (!loop_part_closing(&c->part) && uv_fileno((uv_handle_t *)&c->uv, &fd) == 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    loop_tcp_close(c);
}

struct str loop_tcp_peer(const struct loop_tcp *c) {
    return c->peer;
}
