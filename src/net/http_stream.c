#include "base/assert.h"
#include "base/heap.h"
#include "base/thread.h"
#include "net/http_conn.h"
#include <stdio.h>
/*
 * An answer that another thread writes.
 *
 *     writer --lock--> pending --letter--> loop: takes all of it, gives it to the connection
 *       ^                                         |
 *       +------- waits above the cap <-- signal --+ the connection has handed everything to the kernel
 *
 * At most one letter is under way, and none while bytes are with the connection: the loop looks for more when
 * those are gone. So a writer of small pieces wakes the loop once for many of them.
 *
 * Two owners: the writer until http_stream_end(), the loop until it has seen the end. The loop frees it; the
 * connection may go first (then `gone` is set and writes fail), and the writer may end first.
 */
enum { UNSENT_BYTES_MAX = 256 << 10, PIECE_BYTES_MAX = 64 << 10 };

struct http_stream {
    struct letter letter;
    struct http_server *server;
    struct http_conn *conn; /* owner: the loop; NULL: lost */
    bool chunked, keep_alive;

    _Atomic bool gone;    /* shared: any thread reads */
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t room;
    struct buf pending;
    size_t with_conn_bytes;
    bool posted, ended, ok;
};

static void stream_free(struct http_stream *s) {
    struct http_server *server = s->server;
    buf_fini(&s->pending);
    (void)pthread_cond_destroy(&s->room);
    (void)pthread_mutex_destroy(&s->lock);
    heap_free(s);
    http_server_stream_freed(server);
}

/* What the writer has left for the loop. */
struct handover {
    struct buf bytes;
    bool ended, ok;
};

static void take(struct http_stream *s, struct handover *out) {
    LOCKED(&s->lock);
    *out = (struct handover){ .bytes = s->pending, .ended = s->ended, .ok = s->ok };
    s->pending = (struct buf){ 0 };
    s->with_conn_bytes = out->bytes.n;
    s->posted = false;
}

/* All given to the connection is gone; true when more has come meanwhile. */
static bool settle(struct http_stream *s) {
    LOCKED(&s->lock);
    s->with_conn_bytes = 0;
    bool more = (s->pending.n > 0 || s->ended) && !s->posted;
    s->posted |= more;
    (void)pthread_cond_signal(&s->room);
    return more;
}

void http_stream_sent(struct http_stream *s) {
    if (settle(s)) /* by letter, so that a fast writer does not hold up the other sockets */
        mailbox_post(loop_mailbox(s->server->loop), &s->letter);
}

static void finish(struct http_stream *s, bool ok) {
    struct http_conn *c = s->conn;
    bool keep_alive = s->keep_alive;
    if (c)
        c->stream = NULL;
    stream_free(s);
    if (c && ok)
        http_conn_answered(c, keep_alive);
    else if (c)
        http_conn_abort(c);
}

static void on_letter(struct letter *l) {
    struct http_stream *s = (struct http_stream *)l;
    struct handover h;
    take(s, &h);
    bool sent = !s->conn || http_conn_send(s->conn, buf_str(&h.bytes)); /* may lose the connection */
    buf_fini(&h.bytes);
    if (h.ended)
        finish(s, h.ok);
    else if (sent)
        http_stream_sent(s);
}

void http_stream_lost(struct http_stream *s) {
    s->conn->stream = NULL;
    s->conn = NULL;
    LOCKED(&s->lock);
    atomic_store(&s->gone, true);
    buf_clear(&s->pending);
    s->with_conn_bytes = 0;
    (void)pthread_cond_signal(&s->room);
}

static struct http_stream *stream_new(struct http_conn *c) {
    struct http_stream *s = HEAP_NEW(struct http_stream);
    _Static_assert(offsetof(struct http_stream, letter) == 0, "a letter is its stream");
    s->letter.open = on_letter;
    s->server = c->server;
    s->conn = c;
    (void)pthread_mutex_init(&s->lock, NULL);
    cond_init(&s->room);
    c->server->stream_count++;
    return s;
}

struct http_stream *http_stream_begin(struct http_request *r, const struct http_answer *head) {
    struct http_conn *c = r->conn;
    ASSERT(c->request == r && head->body.n == 0);
    struct http_stream *s = stream_new(c);
    stat_add(STAT_HTTP_REQUESTS, 1);
    bool safe = http_reply_safe(head), bodyless = r->head.method == HTTP_HEAD;
    s->chunked = !r->head.http10 && !bodyless;
    s->keep_alive = !r->head.http10 && http_reply_keep_alive(r);
    if (!c->tcp || !safe || bodyless) { /* nobody will read what is written */
        s->conn = NULL;
        atomic_store(&s->gone, true);
        http_reply(r, safe ? head : &http_reply_unsafe);
        return s;
    }
    http_reply_head(c->server,
                    &(struct http_reply_shape){ .answer = head,
                                                .chunked = s->chunked,
                                                .unknown_length = !s->chunked,
                                                .keep_alive = s->keep_alive },
                    &c->out);
    http_request_free(STEAL(c->request));
    c->state = CONN_STREAM;
    c->stream = s;
    if (c->peer_ended)
        http_conn_close(c);
    http_conn_flush(c);
    return s;
}

/* Whether the loop must be told; call it with the lock held. */
static bool must_post(struct http_stream *s) {
    bool post = !s->posted && s->with_conn_bytes == 0;
    s->posted |= post;
    return post;
}

static void add_piece(struct http_stream *s, struct str piece) {
    char size[24];
    if (s->chunked)
        buf_add_bytes(&s->pending, size, (size_t)snprintf(size, sizeof size, "%zx\r\n", piece.n));
    buf_add(&s->pending, piece);
    if (s->chunked)
        buf_add(&s->pending, STR("\r\n"));
}

static enum err write_piece(struct http_stream *s, struct str piece, bool *out_post) {
    LOCKED(&s->lock);
    while (!atomic_load(&s->gone) && s->pending.n + s->with_conn_bytes > UNSENT_BYTES_MAX)
        (void)pthread_cond_wait(&s->room, &s->lock);
    if (atomic_load(&s->gone))
        return ERR_CANCELLED;
    add_piece(s, piece);
    *out_post = must_post(s);
    return ERR_OK;
}

enum err http_stream_write(struct http_stream *s, struct str bytes) {
    while (bytes.n > 0) {
        struct str piece = { bytes.p, bytes.n < PIECE_BYTES_MAX ? bytes.n : PIECE_BYTES_MAX };
        bytes = str_skip(bytes, piece.n);
        bool post = false;
        TRY(write_piece(s, piece, &post));
        if (post)
            mailbox_post(loop_mailbox(s->server->loop), &s->letter);
    }
    return atomic_load(&s->gone) ? ERR_CANCELLED : ERR_OK;
}

_Atomic bool *http_stream_gone_flag(struct http_stream *s) {
    return &s->gone;
}

bool http_stream_gone(struct http_stream *s) {
    return atomic_load_explicit(&s->gone, memory_order_relaxed);
}

static bool end(struct http_stream *s, bool ok) {
    LOCKED(&s->lock);
    ASSERT(!s->ended);
    s->ended = true;
    s->ok = ok;
    if (ok && s->chunked && !atomic_load(&s->gone))
        buf_add(&s->pending, STR("0\r\n\r\n"));
    return must_post(s);
}

void http_stream_end(struct http_stream *s, bool ok) {
    struct mailbox *m = loop_mailbox(s->server->loop);
    if (end(s, ok))
        mailbox_post(m, &s->letter); /* otherwise it may be freed already */
}
