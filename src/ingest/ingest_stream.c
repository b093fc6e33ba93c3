/*
 * Datagrams and byte streams into the open batch. Received bytes lie in counted bodies that the rows point into; a stream's body is
 * given up when it is full, and the unfinished message at its end moves to the next.
 */
#include "ingest/ingest_stream.h"
#include "base/heap.h"
#include "base/stat.h"
#include "ingest/validate.h"
#include "net/loop_tcp.h"
#include "net/loop_udp.h"

enum {
    STREAM_BODY_BYTES = 64 << 10,
    STREAM_MESSAGE_BYTES_MAX = 1 << 20, /* ingest.stream_message_bytes_max: a longer one ends the connection */
    STREAM_CONNECTIONS_MAX = 1024,      /* ingest.stream_connections_max, a shard */
    STREAM_RETRY_MS = 50,               /* how often a full store is asked again */
    STREAM_LISTENERS_MAX = 32,
    UDP_KERNEL_BUFFER_BYTES = 8 << 20,
};

struct listener {
    struct ingest_stream *owner;
    const struct ingest_proto *proto;
    struct loop_tcp_listener *tcp;
    struct loop_udp *udp;
    struct decode_memo *memo;
    uint64_t kernel_drops; /* told to the counter already */
};

struct connection {
    struct connection *next, **link;
    struct listener *listener;
    struct loop_tcp *tcp;
    struct body *body;
    size_t start; /* first byte that is not decoded */
    bool ended;   /* the peer sends no more */
};

struct ingest_stream {
    struct ingest_stream_config config;
    struct listener *listeners[STREAM_LISTENERS_MAX];
    unsigned listener_count, connection_count;
    struct connection *connections;
    struct loop_timer *retry;
    bool paused;
};

/* --- decoding ------------------------------------------------------------------------------------------- */

/* One message into the open batch; bad rows into the dead letters. `body` holds the bytes. */
static void take_message(struct listener *l, struct str message, struct str peer, struct body *body) {
    struct ingest_stream *s = l->owner;
    struct err_text why = { "" };
    struct batch *b = submit_open_batch(s->config.submit, TABLE_LOGS);
    struct batch_mark mark = batch_mark(b);
    struct decode_input in = { .body = message,
                               .received_ns = clock_now_ns(s->config.clock),
                               .label_fields = s->config.label_fields,
                               .label_field_count = s->config.label_field_count,
                               .peer = peer,
                               .memo = &l->memo };
    struct decode_output out = { .batch = b, .mem = &b->mem };
    enum err e = l->proto->decode(&in, &out, &why);
    if (e != ERR_OK) {
        batch_rollback(b, mark);
        struct str reason = { 0 };
        ERR_IGNORE(arena_dup(&b->mem, str_of(why.msg), &reason), "a dead letter without its reason still has its text");
        VEC_PUSH(&out.rejects, (struct reject){ .code = e, .reason = reason, .raw = message });
    }
    struct validate_limits limits = { in.received_ns + s->config.future_limit_ns };
    validate_rows(&out, mark.rows, &limits);
    batch_compact(b, mark.rows);
    if (b->rows.n > mark.rows) {
        batch_keep(b, body);
        submit_commit(s->config.submit, TABLE_LOGS, NULL);
    }
    if (out.rejects.n) {
        struct batch *dead = submit_open_batch(s->config.submit, TABLE_DEAD_LETTERS);
        batch_keep(dead, body);
        dead_letters_add(&in, &out, str_of(l->proto->name), dead);
        stat_add(STAT_INGEST_REJECTED, (int64_t)out.rejects.n);
        submit_commit(s->config.submit, TABLE_DEAD_LETTERS, NULL);
    }
    VEC_FINI(&out.rejects);
    VEC_FINI(&out.items);
}

/* --- datagrams ------------------------------------------------------------------------------------------ */

static void on_datagrams(void *ctx, const struct loop_datagram *datagrams, size_t count) {
    struct listener *l = ctx;
    uint64_t dropped = loop_udp_dropped(l->udp);
    stat_add(STAT_INGEST_DATAGRAMS_DROPPED, (int64_t)(dropped - l->kernel_drops));
    l->kernel_drops = dropped;
    if (store_admit(l->owner->config.store, NULL) != ERR_OK) {
        stat_add(STAT_INGEST_DATAGRAMS_DROPPED, (int64_t)count);
        return;
    }
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += datagrams[i].bytes.n;
    struct body *body = body_new(bytes ? bytes : 1);
    for (size_t i = 0; i < count; i++) {
        struct str message = { body->data + body->n, datagrams[i].bytes.n };
        if (message.n == 0)
            continue;
        memcpy(body->data + body->n, datagrams[i].bytes.p, message.n);
        body->n += message.n;
        take_message(l, message, datagrams[i].peer, body);
    }
    body_unref(body);
}

/* --- streams -------------------------------------------------------------------------------------------- */

static void pause_all(struct ingest_stream *s) {
    s->paused = true;
    for (struct connection *c = s->connections; c; c = c->next)
        loop_tcp_read(c->tcp, false);
    loop_timer_start(s->retry, STREAM_RETRY_MS, 0);
}

/* Decodes every whole message that is there. False when the connection must end. */
static bool take_messages(struct connection *c) {
    struct listener *l = c->listener;
    struct err_text why;
    while (c->body) {
        struct str rest = { c->body->data + c->start, c->body->n - c->start }, message = { 0 };
        if (rest.n == 0)
            break;
        if (store_admit(l->owner->config.store, NULL) != ERR_OK) {
            pause_all(l->owner);
            break;
        }
        if (l->proto->frame(&rest, &message, &why) != ERR_OK)
            return false;
        if (message.n == 0 && rest.n == c->body->n - c->start) { /* nothing was cut: more bytes are needed */
            if (!c->ended)
                return rest.n < STREAM_MESSAGE_BYTES_MAX;
            message = rest; /* the peer's last words need no delimiter */
            rest = str_skip(rest, rest.n);
        }
        c->start = c->body->n - rest.n;
        if (message.n)
            take_message(l, message, loop_tcp_peer(c->tcp), c->body);
    }
    return true;
}

static char *on_room(void *ctx, size_t *out_bytes) {
    struct connection *c = ctx;
    size_t kept = c->body ? c->body->n - c->start : 0;
    if (!c->body || c->body->n == c->body->cap_bytes) {
        struct body *next = body_new(kept * 2 > STREAM_BODY_BYTES ? kept * 2 : STREAM_BODY_BYTES);
        if (kept)
            memcpy(next->data, c->body->data + c->start, kept);
        next->n = kept;
        body_unref(c->body);
        c->body = next;
        c->start = 0;
    }
    *out_bytes = c->body->cap_bytes - c->body->n;
    return c->body->data + c->body->n;
}

static void on_received(void *ctx, size_t n) {
    struct connection *c = ctx;
    c->body->n += n;
    if (!take_messages(c)) {
        stat_add(STAT_INGEST_STREAMS_BROKEN, 1);
        loop_tcp_close(c->tcp);
    }
}

static void on_ended(void *ctx, enum err reason) {
    struct connection *c = ctx;
    (void)reason;
    c->ended = true;
    (void)take_messages(c);
    loop_tcp_close(c->tcp);
}

static void on_written(void *ctx, enum err result) {
    (void)ctx;
    (void)result; /* nothing is ever written */
}

static void on_closed(void *ctx) {
    struct connection *c = ctx;
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    c->listener->owner->connection_count--;
    body_unref(c->body);
    heap_free(c);
}

static const struct loop_tcp_events events = { on_room, on_received, on_ended, on_written, on_closed };

static void on_accepted(void *ctx, struct loop_tcp *tcp) {
    struct listener *l = ctx;
    struct ingest_stream *s = l->owner;
    struct connection *c = HEAP_NEW(struct connection);
    *c = (struct connection){ .next = s->connections, .link = &s->connections, .listener = l, .tcp = tcp };
    if (s->connections)
        s->connections->link = &c->next;
    s->connections = c;
    loop_tcp_attach(tcp, &events, c);
    if (++s->connection_count > STREAM_CONNECTIONS_MAX) {
        stat_add(STAT_INGEST_STREAMS_BROKEN, 1);
        loop_tcp_close(tcp);
        return;
    }
    loop_tcp_read(tcp, !s->paused);
}

static void on_retry(void *ctx) {
    struct ingest_stream *s = ctx;
    s->paused = false;
    for (struct connection *c = s->connections, *next; c && !s->paused; c = next) {
        next = c->next;
        if (!take_messages(c))
            loop_tcp_close(c->tcp);
        else if (!s->paused)
            loop_tcp_read(c->tcp, true);
    }
}

/* --- listeners ------------------------------------------------------------------------------------------ */

struct ingest_stream *ingest_stream_new(const struct ingest_stream_config *c) {
    struct ingest_stream *s = HEAP_NEW(struct ingest_stream);
    s->config = *c;
    if (!s->config.future_limit_ns)
        s->config.future_limit_ns = 3600 * NS_PER_S;
    s->retry = loop_timer_new(c->loop, on_retry, s);
    return s;
}

enum err ingest_stream_listen(struct ingest_stream *s, struct str protocol, struct str host, unsigned port, bool udp,
                              struct err_text *why) {
    const struct ingest_proto *proto = ingest_find(protocol);
    char address[64];
    if (!proto || !(udp ? proto->udp : proto->tcp))
        return err_say(why, ERR_INVALID, STR_FMT " is not spoken over %s", STR_ARG(protocol), udp ? "UDP" : "TCP");
    if (host.n >= sizeof address || s->listener_count == STREAM_LISTENERS_MAX)
        return err_say(why, ERR_LIMIT, "too many listeners, or an address that is too long");
    memcpy(address, host.p, host.n);
    address[host.n] = '\0';
    struct listener *l = HEAP_NEW(struct listener);
    *l = (struct listener){ .owner = s, .proto = proto };
    enum err e;
    if (udp)
        e = loop_udp_open(s->config.loop, &(struct loop_udp_config){ .address = address, .port = port, .received = on_datagrams,
                                                                      .kernel_buffer_bytes = UDP_KERNEL_BUFFER_BYTES, .ctx = l },
                          why, &l->udp);
    else
        e = loop_tcp_listen(s->config.loop, &(struct loop_tcp_listen_config){ .address = address, .port = port, .exclusive = true,
                                                                               .accepted = on_accepted, .ctx = l },
                            why, &l->tcp);
    if (e != ERR_OK) {
        heap_free(l);
        return e;
    }
    s->listeners[s->listener_count++] = l;
    return ERR_OK;
}

static void free_when_closed(struct ingest_stream *s) {
    for (unsigned i = 0; i < s->listener_count; i++) {
        struct listener *l = s->listeners[i];
        if (l->memo && l->proto->memo_free)
            l->proto->memo_free(l->memo);
        heap_free(l);
    }
    heap_free(s);
}

static void on_wait_closed(void *ctx) {
    struct ingest_stream *s = ctx;
    if (s->connections) {
        loop_timer_start(s->retry, 5, 0);
        return;
    }
    loop_timer_free(s->retry);
    free_when_closed(s);
}

void ingest_stream_close(struct ingest_stream *s) {
    if (!s)
        return;
    for (unsigned i = 0; i < s->listener_count; i++) {
        loop_tcp_listener_free(s->listeners[i]->tcp);
        loop_udp_free(s->listeners[i]->udp);
    }
    for (struct connection *c = s->connections; c; c = c->next) {
        (void)take_messages(c);
        loop_tcp_close(c->tcp);
    }
    loop_timer_free(s->retry);
    s->retry = loop_timer_new(s->config.loop, on_wait_closed, s);
    loop_timer_start(s->retry, 0, 0);
}
