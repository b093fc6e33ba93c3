#include "net/http_conn.h"
#include "base/assert.h"
#include "base/heap.h"
#include "wire/compress.h"
/*
 * One HTTP connection.
 *
 *               +--> BODY ----+
 *     HEAD -----+--> CHUNKED -+--> HANDLING --> answer: HEAD again, or DISCARD --> closed
 *      ^        +-------------+       +--> STREAM --> the same
 *
 * Input goes through consume(), which takes what the state can use; the rest waits in `in`. Between requests
 * a connection holds no buffers: reads land in the server's scratch and only a cut-off rest is copied. A body
 * of known length is read straight into its place.
 *
 * One request at a time: what is pipelined behind it stays unparsed, so that answers are in order by
 * construction. While the handler has it, a little is read ahead, because only a read tells that the peer is
 * gone. Going on after a late answer is posted to the loop, not called: handlers answer many requests in a
 * row and must not be entered again from inside http_reply().
 *
 * After a last answer our side is shut down and input dropped for a while (DISCARD): closing with unread
 * input would reset the connection and destroy the answer on its way.
 */
enum {
    SCRATCH_BYTES = HTTP_SCRATCH_BYTES,
    READ_BYTES = 16 << 10,          /* room asked behind what waits in `in` */
    READAHEAD_BYTES_MAX = 64 << 10, /* kept while a request is being handled */
    BODY_PROGRESS_BYTES = 4096,     /* less does not count as progress */
    DISCARD_BYTES_MAX = 64 << 20,
    LINGER_MS = 2000,
};

static void touch(struct http_conn *c) {
    c->since_ns = http_server_mono_ns(c->server);
}

static uint64_t limit_of(const struct http_conn *c, enum http_limit limit) {
    return c->server->limits[limit];
}

static uint64_t budget_of(const struct http_conn *c) {
    return limit_of(c, HTTP_LIMIT_BODIES_IN_FLIGHT);
}

/* ---- its end ---- */

static void conn_free_when_done(struct http_conn *c) {
    if (!c->closed || c->request || c->resume_posted)
        return;
    struct http_server *s = c->server;
    *(c->prev ? &c->prev->next : &s->conns) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    buf_fini(&c->in);
    buf_fini(&c->out);
    buf_fini(&c->sending);
    heap_free(c);
    http_server_conn_freed(s);
}

static void conn_lost(struct http_conn *c) {
    c->tcp = NULL;
    http_intake_drop(&c->intake);
    if (c->stream)
        http_stream_lost(c->stream);
    if (c->request && c->state != CONN_HANDLING) { /* not handed to anybody yet */
        http_request_free(c->request);
        c->request = NULL;
    }
    c->state = CONN_GONE;
}

void http_conn_close(struct http_conn *c) {
    if (!c->tcp)
        return;
    loop_tcp_close(c->tcp);
    conn_lost(c);
}

void http_conn_abort(struct http_conn *c) {
    if (!c->tcp)
        return;
    loop_tcp_abort(c->tcp);
    conn_lost(c);
}

static void on_closed(void *ctx) {
    struct http_conn *c = ctx;
    if (c->tcp) /* the loop stops */
        conn_lost(c);
    c->closed = true;
    conn_free_when_done(c);
}

/* ---- output ---- */

static void clear_out(struct buf *b) {
    if (b->cap_bytes > READ_BYTES)
        buf_fini(b);
    else
        buf_clear(b);
}

bool http_conn_send(struct http_conn *c, struct str bytes) {
    if (!c->tcp) {
        buf_clear(&c->out);
        return true;
    }
    if (c->sending.n) {
        buf_add(&c->out, bytes);
        return false;
    }
    struct str parts[] = { buf_str(&c->out), bytes };
    size_t sent = 0, all = c->out.n + bytes.n;
    if (all == 0)
        return true;
    if (loop_tcp_try_write(c->tcp, parts, bytes.n ? 2 : 1, &sent) != ERR_OK) {
        http_conn_close(c);
        return true;
    }
    size_t from_out = sent < c->out.n ? sent : c->out.n;
    if (sent < all) {
        buf_add(&c->sending, str_skip(buf_str(&c->out), from_out));
        buf_add(&c->sending, str_skip(bytes, sent - from_out));
        touch(c);
        c->unsent_seen_bytes = c->sending.n;
        loop_tcp_write(c->tcp, buf_str(&c->sending));
    }
    clear_out(&c->out);
    return sent == all;
}

void http_conn_flush(struct http_conn *c) {
    if (c->out.n)
        (void)http_conn_send(c, (struct str){ 0 });
}

static void add_refusal(const struct http_conn *c, const struct http1_refusal *why, struct buf *out) {
    enum http_limit limit = http_limit_find(why->limit);
    buf_addf(out, "{\"error\":\"%s", why->message);
    if (limit != HTTP_LIMIT_COUNT)
        buf_addf(out, " (%llu)\",\"limit\":\"%s", (unsigned long long)limit_of(c, limit), why->limit);
    buf_add(out, STR("\"}\n"));
}

void http_conn_refuse(struct http_conn *c, const struct http1_refusal *why) {
    AUTO(buf) text = { .limit_bytes = 1024 };
    add_refusal(c, why, &text);
    http_reply_head(
        c->server,
        &(struct http_reply_shape){
            .answer = &(struct http_answer){ .status = why->status, .content_type = "application/json" },
            .extra = why->status == 503 ? STR("Retry-After: 1\r\n") : STR(""),
            .length_bytes = text.n },
        &c->out);
    buf_add(&c->out, buf_str(&text));
    stat_add(STAT_HTTP_REFUSED, 1);
    if (why->limit)
        http_limit_reached(http_limit_find(why->limit));
    http_intake_drop(&c->intake);
    http_request_free(STEAL(c->request));
    c->state = CONN_DISCARD;
    touch(c);
}

static void refuse_for(struct http_conn *c, unsigned status, const char *message, enum http_limit limit) {
    http_conn_refuse(c, &(struct http1_refusal){ status, message, http_limit_name(limit) });
}

static void refuse_body_size(struct http_conn *c) {
    refuse_for(c, 413, "the body is larger than http.body_bytes_max", HTTP_LIMIT_BODY_BYTES);
}

static void refuse_budget(struct http_conn *c) {
    refuse_for(c, 503, "too many bodies are being handled: http.bodies_in_flight_bytes_max is reached",
               HTTP_LIMIT_BODIES_IN_FLIGHT);
}

/* ---- input ---- */

static void dispatch(struct http_conn *c) {
    c->state = CONN_HANDLING;
    c->used = true;
    c->server->handle(c->server->ctx, c->request);
}

static void refuse_damaged(struct http_conn *c, enum err code) {
    if (code == ERR_LIMIT)
        refuse_for(c, 413, "the decompressed body is larger than http.body_bytes_max", HTTP_LIMIT_BODY_BYTES);
    else
        http_conn_refuse(c, &(struct http1_refusal){ 400, "the compressed body is damaged", NULL });
}

/* Replaces the intake's body by what it decompresses to; false when refused. */
static bool inflate(struct http_conn *c, enum encoding encoding) {
    struct body *packed = c->intake.body, *plain;
    struct str in = { packed->data, packed->n };
    enum err code = decompress(encoding, in, limit_of(c, HTTP_LIMIT_BODY_BYTES), NULL, &plain);
    if (code != ERR_OK) {
        refuse_damaged(c, code);
        return false;
    }
    body_unref(packed);
    c->intake.body = plain;
    return true;
}

static enum err find_encoding(const struct http_request *r, enum encoding *out) {
    return encoding_find(http1_header(&r->head, STR("Content-Encoding")), out);
}

/* The whole body is in the intake. */
static void body_complete(struct http_conn *c) {
    enum encoding encoding = ENCODING_IDENTITY;
    ERR_IGNORE(find_encoding(c->request, &encoding), "an unknown one was refused with the head");
    if (c->intake.body->n == 0) {
        http_intake_drop(&c->intake);
    } else if (encoding == ENCODING_IDENTITY || inflate(c, encoding)) {
        c->request->body = http_intake_take(&c->intake, budget_of(c));
        if (!c->request->body) {
            refuse_budget(c);
            return;
        }
    } else {
        return;
    }
    dispatch(c);
}

static bool step_body(struct http_conn *c, struct str *bytes) {
    struct body *b = c->intake.body;
    size_t left_bytes = b->cap_bytes - b->n;
    struct str part = { bytes->p, bytes->n < left_bytes ? bytes->n : left_bytes };
    *bytes = str_skip(*bytes, part.n);
    if (!http_intake_add(&c->intake, part, budget_of(c)))
        refuse_budget(c);
    else if (part.n == left_bytes)
        body_complete(c);
    else
        return false;
    return true;
}

static bool step_chunked(struct http_conn *c, struct str *bytes) {
    struct str data;
    struct http1_refusal why;
    enum http1_step step = http1_chunks_next(&c->chunks, bytes, &data, &why);
    if (step == HTTP1_REFUSED)
        http_conn_refuse(c, &why);
    else if (step == HTTP1_DONE)
        body_complete(c);
    else if (data.n == 0)
        return false;
    else if (data.n > limit_of(c, HTTP_LIMIT_BODY_BYTES) - c->intake.body->n)
        refuse_body_size(c);
    else if (!http_intake_add(&c->intake, data, budget_of(c)))
        refuse_budget(c);
    return true;
}

/* What follows the head. `more` is what has come behind it. */
static void begin_body(struct http_conn *c, struct str more) {
    const struct http1_head *h = &c->request->head;
    enum encoding encoding;
    if (!h->chunked && h->length_bytes == 0) {
        dispatch(c);
    } else if (find_encoding(c->request, &encoding) != ERR_OK) {
        http_conn_refuse(c, &(struct http1_refusal){ 415, "this Content-Encoding is not supported", NULL });
    } else if (h->length_bytes > limit_of(c, HTTP_LIMIT_BODY_BYTES)) {
        refuse_body_size(c);
    } else if (!http_intake_begin(&c->intake, (size_t)h->length_bytes, budget_of(c))) {
        refuse_budget(c);
    } else {
        c->state = h->chunked ? CONN_CHUNKED : CONN_BODY;
        c->chunks = (struct http1_chunks){ 0 };
        c->intake_seen_bytes = 0;
        touch(c);
        if (h->expect_continue && more.n == 0) {
            buf_add(&c->out, STR("HTTP/1.1 100 Continue\r\n\r\n"));
            http_conn_flush(c);
        }
    }
}

static bool step_head(struct http_conn *c, struct str *bytes) {
    if (bytes->n == 0 || c->sending.n > 0) /* the peer does not even read its last answer */
        return false;
    struct http1_refusal why;
    size_t head_bytes;
    enum http1_step step =
        http1_scan_head(&c->scan, *bytes, limit_of(c, HTTP_LIMIT_HEADER_BYTES), &head_bytes, &why);
    if (step == HTTP1_MORE)
        return false;
    if (step == HTTP1_DONE) {
        c->request = http_request_new(c);
        step = http_request_parse(c->request, (struct str){ bytes->p, head_bytes }, &why);
    }
    if (step == HTTP1_REFUSED) {
        http_conn_refuse(c, &why);
        return true;
    }
    *bytes = str_skip(*bytes, head_bytes);
    c->scan = (struct http1_scan){ 0 };
    begin_body(c, *bytes);
    return true;
}

static bool step_discard(struct http_conn *c, struct str *bytes) {
    c->discarded_bytes += bytes->n;
    *bytes = str_skip(*bytes, bytes->n);
    return false;
}

/* Each takes off the front of *bytes what its state can use; false: nothing more to do for now. */
static bool (*const steps[])(struct http_conn *c, struct str *bytes) = {
    [CONN_HEAD] = step_head, [CONN_BODY] = step_body, [CONN_CHUNKED] = step_chunked,
    [CONN_HANDLING] = NULL,  [CONN_STREAM] = NULL,    [CONN_DISCARD] = step_discard,
    [CONN_GONE] = NULL,
};

static size_t consume(struct http_conn *c, struct str bytes) {
    size_t all = bytes.n;
    ASSERT(!c->consuming);
    c->consuming = true;
    while (steps[c->state] && steps[c->state](c, &bytes)) {
    }
    c->consuming = false;
    return all - bytes.n;
}

static void in_skip(struct http_conn *c, size_t n) {
    c->in.n -= n;
    if (c->in.n == 0)
        buf_fini(&c->in);
    else if (n)
        memmove(c->in.p, c->in.p + n, c->in.n);
}

/* After anything that happened: sends, closes what is finished, and reads as long as it makes sense. */
static void settle(struct http_conn *c) {
    http_conn_flush(c);
    if (!c->tcp)
        return;
    bool quiet = c->sending.n == 0, between = c->state == CONN_HEAD && !c->resume_posted;
    if (quiet && c->state == CONN_DISCARD && !c->peer_ended)
        loop_tcp_shutdown(c->tcp);
    bool finished = (c->peer_ended && (between || c->state == CONN_DISCARD)) ||
                    (c->server->draining && between && c->in.n == 0);
    if ((quiet && finished) || c->discarded_bytes > DISCARD_BYTES_MAX)
        http_conn_close(c);
    else if (!c->peer_ended)
        loop_tcp_read(c->tcp, c->in.n < READAHEAD_BYTES_MAX || (quiet && c->state == CONN_HEAD));
}

static void go_on(struct http_conn *c) {
    in_skip(c, consume(c, buf_str(&c->in)));
    settle(c);
}

static void on_resume(struct letter *l) {
    struct http_conn *c = (struct http_conn *)((char *)l - offsetof(struct http_conn, resume));
    c->resume_posted = false;
    if (c->tcp)
        go_on(c);
    else
        conn_free_when_done(c);
}

void http_conn_answered(struct http_conn *c, bool keep_alive) {
    http_request_free(STEAL(c->request));
    if (!c->tcp) {
        conn_free_when_done(c);
        return;
    }
    c->state = keep_alive ? CONN_HEAD : CONN_DISCARD;
    touch(c);
    if (c->consuming)
        return;
    if (c->in.n && !c->resume_posted) {
        c->resume_posted = true;
        c->resume.open = on_resume;
        mailbox_post(loop_mailbox(c->server->loop), &c->resume);
    }
    settle(c);
}

/* ---- events ---- */

static char *on_room(void *ctx, size_t *out_bytes) {
    struct http_conn *c = ctx;
    if (c->state == CONN_BODY) {
        struct body *b = c->intake.body;
        *out_bytes = b->cap_bytes - b->n;
        return b->data + b->n;
    }
    *out_bytes = c->in.n ? READ_BYTES : SCRATCH_BYTES;
    return c->in.n ? buf_reserve(&c->in, READ_BYTES) : c->server->scratch;
}

static void received_in_place(struct http_conn *c, size_t n) {
    struct body *b = c->intake.body;
    if (!http_intake_grew(&c->intake, n, budget_of(c)))
        refuse_budget(c);
    else if (b->n == b->cap_bytes)
        body_complete(c);
}

static void body_progress(struct http_conn *c) {
    if (c->intake.body && c->intake.body->n - c->intake_seen_bytes >= BODY_PROGRESS_BYTES) {
        c->intake_seen_bytes = c->intake.body->n;
        touch(c);
    }
}

static void on_received(void *ctx, size_t n) {
    struct http_conn *c = ctx;
    if (c->state == CONN_BODY) {
        c->consuming = true;
        received_in_place(c, n);
        c->consuming = false;
    } else if (c->in.n) {
        c->in.n += n;
        in_skip(c, consume(c, buf_str(&c->in)));
    } else {
        size_t used = consume(c, (struct str){ c->server->scratch, n });
        buf_add_bytes(&c->in, c->server->scratch + used, n - used);
        if (c->in.n && c->state == CONN_HEAD)
            touch(c); /* its head has begun */
    }
    body_progress(c);
    settle(c);
}

static void on_ended(void *ctx, enum err reason) {
    struct http_conn *c = ctx;
    c->peer_ended = true;
    bool incomplete = c->state == CONN_BODY || c->state == CONN_CHUNKED;
    if (reason != ERR_OK || incomplete || c->state == CONN_STREAM)
        http_conn_close(c);
    else
        settle(c);
}

static void on_written(void *ctx, enum err result) {
    struct http_conn *c = ctx;
    clear_out(&c->sending);
    c->sending.n = 0;
    if (!c->tcp)
        return;
    if (result != ERR_OK) {
        http_conn_close(c);
        return;
    }
    touch(c);
    http_conn_flush(c);
    if (c->stream && c->sending.n == 0)
        http_stream_sent(c->stream);
    if (c->tcp && c->state == CONN_HEAD)
        go_on(c); /* input that waited for the peer to read */
    else
        settle(c);
}

static const struct loop_tcp_events conn_events = { on_room, on_received, on_ended, on_written, on_closed };

void http_conn_new(struct http_server *s, struct loop_tcp *tcp) {
    struct http_conn *c = HEAP_NEW(struct http_conn);
    c->server = s;
    c->tcp = tcp;
    c->next = s->conns;
    if (c->next)
        c->next->prev = c;
    s->conns = c;
    struct str peer = loop_tcp_peer(tcp);
    c->peer_bytes = peer.n < sizeof c->peer ? peer.n : sizeof c->peer;
    memcpy(c->peer, peer.p, c->peer_bytes);
    touch(c);
    loop_tcp_attach(tcp, &conn_events, c);
    loop_tcp_read(tcp, true);
}

void http_conn_drain(struct http_conn *c) {
    if (c->tcp)
        settle(c);
}

/* ---- time ---- */

static enum http_limit phase(const struct http_conn *c) {
    if (c->sending.n)
        return HTTP_LIMIT_WRITE_TIMEOUT;
    if (c->state == CONN_HEAD)
        return c->in.n || !c->used ? HTTP_LIMIT_HEADER_TIMEOUT : HTTP_LIMIT_IDLE_TIMEOUT;
    if (c->state == CONN_BODY || c->state == CONN_CHUNKED)
        return HTTP_LIMIT_BODY_TIMEOUT;
    return HTTP_LIMIT_COUNT;
}

static void out_of_time(struct http_conn *c, enum http_limit limit) {
    if (limit == HTTP_LIMIT_HEADER_TIMEOUT && c->in.n) {
        refuse_for(c, 408, "the headers did not arrive within http.header_timeout_ms", limit);
    } else if (limit == HTTP_LIMIT_BODY_TIMEOUT) {
        refuse_for(c, 408, "the body made no progress within http.body_timeout_ms", limit);
    } else {
        http_limit_reached(limit);
        http_conn_close(c);
        return;
    }
    buf_fini(&c->in);
    settle(c);
}

void http_conn_check(struct http_conn *c, int64_t now_ns) {
    if (!c->tcp)
        return;
    if (c->sending.n && loop_tcp_unsent_bytes(c->tcp) != c->unsent_seen_bytes) {
        c->unsent_seen_bytes = loop_tcp_unsent_bytes(c->tcp);
        c->since_ns = now_ns;
    }
    enum http_limit limit = phase(c);
    int64_t late_ms = (now_ns - c->since_ns) / NS_PER_MS;
    if (limit != HTTP_LIMIT_COUNT && late_ms > (int64_t)limit_of(c, limit))
        out_of_time(c, limit);
    else if (limit == HTTP_LIMIT_COUNT && c->state == CONN_DISCARD && late_ms > LINGER_MS)
        http_conn_close(c);
}
