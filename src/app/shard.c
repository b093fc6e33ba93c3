#include "app/shard.h"
#include "base/assert.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/stat.h"
#include "ingest/ingest_stream.h"
#include "net/http_error.h"
#include <stdio.h>

enum { SERVERS_MAX = 16 };

struct shard {
    struct shard_config config;
    struct thread thread;
    struct loop *loop;
    struct letter open_letter, stop_letter;
    struct loop_timer *drain_timer;
    /* owner: the loop, from shard_serve on */
    struct api *api;
    struct router *router;
    struct submit *submit;
    struct ingest_http *ingest;
    struct ingest_stream *streams;
    struct http_server *servers[SERVERS_MAX];
    struct str *label_fields;
    unsigned server_count, draining;
    char hosts[SERVERS_MAX][64];
};

/* --- requests ------------------------------------------------------------------------------------------- */

/* In constant time for equal lengths. */
static bool same_token(struct str a, struct str b) {
    unsigned char different = a.n != b.n;
    for (size_t i = 0; i < a.n && i < b.n; i++)
        different |= (unsigned char)(a.p[i] ^ b.p[i]);
    return !different;
}

static bool authorized(const struct shard *s, const struct http_request *r) {
    const struct config_list *tokens = &s->config.config->tokens;
    struct str given = http_header(r, STR("authorization"));
    if (tokens->count == 0)
        return true;
    if (given.n <= 7 || !str_eq_nocase((struct str){ given.p, 7 }, STR("Bearer ")))
        return false;
    bool any = false;
    for (size_t i = 0; i < tokens->count; i++)
        any |= same_token(str_trim(str_skip(given, 7)), tokens->items[i]);
    return any;
}

static void handle(void *ctx, struct http_request *r) {
    struct shard *s = ctx;
    if (s->router) {
        router_dispatch(s->router, r, authorized(s, r));
        return;
    }
    if (str_eq(http_path(r), STR("/-/healthy")))
        http_reply(r, &(struct http_answer){ .status = 200, .content_type = "text/plain", .body = STR("starting\n") });
    else
        http_reply_status(r, 503, STR("starting: the journal is being replayed"), 1);
}

/* --- listening ------------------------------------------------------------------------------------------ */

static struct http_limits limits_of(const struct config *c) {
    return (struct http_limits){
        .header_bytes_max = (uint32_t)c->http_header_bytes_max,
        .header_count_max = (uint32_t)c->http_header_count_max,
        .body_bytes_max = (uint64_t)c->http_body_bytes_max,
        .bodies_in_flight_bytes_max = (uint64_t)c->http_bodies_in_flight_bytes_max,
        .connections_max = (uint32_t)c->http_connections_max,
        .header_timeout_ms = (uint32_t)(c->http_header_timeout / NS_PER_MS),
        .body_timeout_ms = (uint32_t)(c->http_body_timeout / NS_PER_MS),
        .idle_timeout_ms = (uint32_t)(c->http_idle_timeout / NS_PER_MS),
        .write_timeout_ms = (uint32_t)(c->http_write_timeout / NS_PER_MS),
    };
}

static enum err listen_at(struct shard *s, struct str host, unsigned port, struct err_text *why) {
    ASSERT(s->server_count < SERVERS_MAX);
    char *z = s->hosts[s->server_count];
    if (host.n >= sizeof s->hosts[0])
        return err_say(why, ERR_INVALID, "server.listen: the address is too long");
    memcpy(z, host.p, host.n);
    struct http_server_config c = { .address = str_eq(host, STR("localhost")) ? "127.0.0.1" : z,
                                    .port = port,
                                    .exclusive = s->config.number == 0, /* a second server must not share the port */
                                    .limits = limits_of(s->config.config),
                                    .handle = handle,
                                    .ctx = s };
    TRY(http_server_open(s->loop, &c, why, &s->servers[s->server_count]));
    s->server_count++;
    return ERR_OK;
}

/* The protocols' own ports are a convenience: one that is taken is said and skipped. */
static void listen_standard(struct shard *s, struct str host) {
    unsigned seen[SERVERS_MAX], count = 0;
    for (size_t i = 0; i < ingest_proto_count && s->server_count < SERVERS_MAX; i++) {
        const struct ingest_proto *p = ingest_protos[i];
        bool again = !p->port || !p->http_paths[0];
        for (unsigned k = 0; k < count; k++)
            again |= seen[k] == p->port;
        if (again)
            continue;
        seen[count++] = p->port;
        struct err_text why;
        if (listen_at(s, host, p->port, &why) != ERR_OK)
            log_warn("http", "%s (%s)", why.msg, p->name);
        else if (s->config.number == 0)
            log_info("http", "listening on " STR_FMT ":%u for %s", STR_ARG(host), p->port, p->name);
    }
}

static enum err listen_all(struct shard *s, struct err_text *why) {
    struct str host;
    unsigned port;
    if (!config_address(s->config.config->listen, &host, &port))
        return err_say(why, ERR_INVALID, "server.listen is not ADDRESS:PORT");
    TRY(listen_at(s, host, port, why));
    if (s->config.config->standard_ports)
        listen_standard(s, host);
    return ERR_OK;
}

static void run(void *ctx) {
    struct shard *s = ctx;
    loop_run(s->loop);
}

enum err shard_start(const struct shard_config *c, struct err_text *why, struct shard **out) {
    struct shard *s = HEAP_NEW(struct shard);
    s->config = *c;
    s->loop = loop_new(c->clock);
    enum err e = listen_all(s, why);
    if (e != ERR_OK) {
        shard_free(s);
        return e;
    }
    char name[16];
    (void)snprintf(name, sizeof name, "shard-%u", c->number);
    thread_start(&s->thread, name, run, s);
    *out = s;
    return ERR_OK;
}

/* --- serving ---------------------------------------------------------------------------------------------- */

static void open_streams(struct shard *s) {
    struct ingest_stream_config c = { .store = s->api->store,
                                      .submit = s->submit,
                                      .loop = s->loop,
                                      .clock = s->config.clock,
                                      .label_fields = s->config.config->label_fields.items,
                                      .label_field_count = s->config.config->label_fields.count,
                                      .future_limit_ns = s->config.config->future_limit };
    s->streams = ingest_stream_new(&c);
    const struct config *config = s->config.config;
    struct str host;
    unsigned port;
    if (s->config.number != 0) /* one receiver: datagrams of one sender stay in order */
        return;
    struct config_list lists[] = { config->syslog_udp, config->syslog_tcp };
    for (size_t k = 0; k < COUNT_OF(lists); k++)
        for (size_t i = 0; i < lists[k].count; i++) {
            struct err_text why = { "not ADDRESS:PORT" };
            if (!config_address(lists[k].items[i], &host, &port) ||
                ingest_stream_listen(s->streams, STR("syslog"), host, port, k == 0, &why) != ERR_OK)
                log_error("syslog", STR_FMT ": %s", STR_ARG(lists[k].items[i]), why.msg);
        }
    if (!config->standard_ports || !config_address(config->listen, &host, &port))
        return;
    for (int udp = 0; udp <= 1; udp++) {
        struct err_text why;
        if (ingest_stream_listen(s->streams, STR("syslog"), host, 514, udp, &why) != ERR_OK)
            log_warn("syslog", "%s", why.msg);
    }
}

static void on_open(struct letter *l) {
    struct shard *s = (struct shard *)((char *)l - offsetof(struct shard, open_letter));
    const struct config *c = s->config.config;
    s->submit = submit_new(&(struct submit_config){ .store = s->api->store,
                                                    .loop = s->loop,
                                                    .clock = s->config.clock,
                                                    .future_limit_ns = c->future_limit });
    s->ingest = ingest_http_new(&(struct ingest_http_config){ .store = s->api->store,
                                                              .submit = s->submit,
                                                              .clock = s->config.clock,
                                                              .label_fields = c->label_fields.items,
                                                              .label_field_count = c->label_fields.count,
                                                              .future_limit_ns = c->future_limit });
    open_streams(s);
    struct router *r = router_new();
    ingest_http_routes(s->ingest, r);
    api_routes(s->api, r);
    s->router = r;
}

void shard_serve(struct shard *s, struct api *api) {
    s->api = api;
    s->open_letter.open = on_open;
    mailbox_post(loop_mailbox(s->loop), &s->open_letter);
}

/* --- stopping --------------------------------------------------------------------------------------------- */

static void end_when_durable(void *ctx) {
    struct shard *s = ctx;
    if (s->submit && submit_busy(s->submit)) {
        loop_timer_start(s->drain_timer, 5, 0);
        return;
    }
    loop_timer_free(s->drain_timer);
    s->drain_timer = NULL;
    submit_free(s->submit);
    s->submit = NULL;
    loop_stop(s->loop);
}

static void on_drained(void *ctx) {
    struct shard *s = ctx;
    if (--s->draining > 0)
        return;
    s->drain_timer = loop_timer_new(s->loop, end_when_durable, s);
    end_when_durable(s);
}

static void on_stop(struct letter *l) {
    struct shard *s = (struct shard *)((char *)l - offsetof(struct shard, stop_letter));
    ingest_stream_close(s->streams);
    s->streams = NULL;
    s->draining = s->server_count;
    for (unsigned i = 0; i < s->server_count; i++)
        http_server_drain(s->servers[i], s->config.config->drain / NS_PER_MS, on_drained, s);
}

void shard_stop(struct shard *s) {
    s->stop_letter.open = on_stop;
    mailbox_post(loop_mailbox(s->loop), &s->stop_letter);
}

void shard_free(struct shard *s) {
    if (!s)
        return;
    thread_join(&s->thread);
    for (unsigned i = 0; i < s->server_count; i++)
        http_server_free(s->servers[i]);
    ingest_http_free(s->ingest);
    router_free(s->router);
    loop_free(s->loop);
    heap_free(s);
}
