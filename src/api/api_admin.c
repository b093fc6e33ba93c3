/* Administration: flush, merge, delete by query, status, health, metrics, and the language's own lists. */
#include "api/ask.h"
#include "api/row_json.h"
#include "base/heap.h"
#include "base/stat.h"
#include "base/version.h"
#include "net/http_error.h"
#include "query/agg/agg.h"
#include "query/stage/stage.h"
#include "queue/queue.h"
#include "wire/json.h"

/* A call of the store that takes its time, on a worker; the answer is one small document. */
struct chore {
    struct job job;
    struct letter letter;
    struct mailbox *mailbox;
    struct api *api;
    struct http_request *request;
    enum err (*work)(struct store *s, struct err_text *why);
    enum err result;
    struct err_text why;
    int64_t started_ns;
    struct ask *ask; /* delete: the filter; else NULL */
};

static void on_done(struct letter *l) {
    struct chore *c = (struct chore *)((char *)l - offsetof(struct chore, letter));
    if (c->result != ERR_OK) {
        http_reply_error(c->request, c->result, &c->why);
    } else {
        AUTO(buf) body = { 0 };
        buf_addf(&body, "{\"ok\":true,\"time_ms\":%.1f}\n",
                 (double)(clock_mono_ns(c->api->clock) - c->started_ns) / 1e6);
        http_reply_json(c->request, 200, buf_str(&body));
    }
    ask_free(c->ask);
    heap_free(c);
}

static void run(struct job *job) {
    struct chore *c = (struct chore *)job;
    if (c->ask) {
        const struct query_plan *plan = query_plan(c->ask->query);
        c->result = store_delete(c->api->store, plan->table, ask_filter_text(c->ask, c->ask->query), c->ask->ask.time_from_ns,
                                 c->ask->ask.time_to_ns, &c->why);
    } else {
        c->result = c->work(c->api->store, &c->why);
    }
    mailbox_post(c->mailbox, &c->letter);
}

static void chore_start(struct api *api, struct http_request *r, struct ask *ask,
                        enum err (*work)(struct store *s, struct err_text *why)) {
    struct chore *c = HEAP_NEW(struct chore);
    *c = (struct chore){ .job = { .run = run }, .letter = { .open = on_done }, .mailbox = loop_mailbox(http_loop(r)),
                         .api = api, .request = r, .work = work, .ask = ask, .started_ns = clock_mono_ns(api->clock) };
    if (jobs_start(api->jobs, &c->job) == ERR_OK)
        return;
    http_reply_error(r, ERR_LIMIT, &(struct err_text){ "query.concurrent: too much is running and waiting; try again" });
    ask_free(ask);
    heap_free(c);
}

static void handle_flush(void *ctx, struct http_request *r, const struct str *segments) {
    (void)segments;
    chore_start(ctx, r, NULL, store_flush);
}

/* Who asks for a merge wants everything in its final place. */
static enum err flush_and_merge(struct store *s, struct err_text *why) {
    TRY(store_flush(s, why));
    return store_merge(s, why);
}

static void handle_merge(void *ctx, struct http_request *r, const struct str *segments) {
    (void)segments;
    chore_start(ctx, r, NULL, flush_and_merge);
}

static void handle_delete(void *ctx, struct http_request *r, const struct str *segments) {
    (void)segments;
    struct str q;
    if (!http_param(r, STR("q"), &q) || str_trim(q).n == 0) {
        http_reply_status(r, 400, STR("q: say what to delete; q=* deletes all"), 0);
        return;
    }
    struct ask *a = ask_open(ctx, r, NULL);
    if (!a)
        return;
    if (!query_is_filter(a->query)) {
        http_reply_status(r, 400, STR("q: a delete takes a filter without pipes"), 0);
        ask_free(a);
        return;
    }
    chore_start(ctx, r, a, NULL);
}

static void handle_metrics(void *ctx, struct http_request *r, const struct str *segments) {
    (void)segments;
    struct api *api = ctx;
    AUTO(buf) body = { 0 };
    stat_print(&body);
    buf_addf(&body, "# HELP sonde_uptime_seconds Time since start.\n# TYPE sonde_uptime_seconds gauge\nsonde_uptime_seconds %.1f\n"
             "# HELP sonde_build_info Version.\n# TYPE sonde_build_info gauge\nsonde_build_info{version=\"" SONDE_VERSION "\"} 1\n",
             (double)(clock_now_ns(api->clock) - api->started_ns) / 1e9);
    http_reply(r, &(struct http_answer){ .status = 200, .content_type = "text/plain; version=0.0.4; charset=utf-8",
                                         .body = buf_str(&body) });
}

static void handle_healthy(void *ctx, struct http_request *r, const struct str *segments) {
    (void)ctx;
    (void)segments;
    http_reply(r, &(struct http_answer){ .status = 200, .content_type = "text/plain", .body = STR("sonde is healthy.\n") });
}

static void handle_ready(void *ctx, struct http_request *r, const struct str *segments) {
    (void)segments;
    struct api *api = ctx;
    struct err_text why = { "" };
    if (store_ready(api->store, &why))
        http_reply(r, &(struct http_answer){ .status = 200, .content_type = "text/plain", .body = STR("sonde is ready.\n") });
    else
        http_reply_status(r, 503, str_of(why.msg), 1);
}

static void handle_status(void *ctx, struct http_request *r, const struct str *segments) {
    (void)segments;
    struct api *api = ctx;
    struct store_stats s;
    store_stats(api->store, &s);
    AUTO(buf) body = { 0 };
    buf_addf(&body, "{\"version\":\"" SONDE_VERSION "\",\"uptime_seconds\":%.1f",
             (double)(clock_now_ns(api->clock) - api->started_ns) / 1e9);
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        { "live_blocks", s.live_blocks },     { "live_rows", s.live_rows },
        { "live_bytes", s.live_bytes },       { "segments", s.segments },
        { "segment_rows", s.segment_rows },   { "segment_bytes", s.segment_bytes },
        { "raw_bytes", s.raw_bytes },         { "unmerged_segments", s.unmerged_segments },
        { "quarantined", s.quarantined },     { "disk_bytes", s.disk_bytes },
        { "journal_bytes", queue_used_bytes(store_queue(api->store)) },
        { "position", queue_last_position(store_queue(api->store)) },
    };
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        buf_addf(&body, ",\"%s\":%llu", numbers[i].name, (unsigned long long)numbers[i].value);
    buf_add(&body, STR("}\n"));
    http_reply_json(r, 200, buf_str(&body));
}

static void add_entry(struct buf *out, bool first, struct str name, struct str help) {
    buf_add(out, first ? STR("{\"name\":") : STR(",{\"name\":"));
    json_add_string(out, name);
    buf_add(out, STR(",\"help\":"));
    json_add_string(out, help);
    buf_add_char(out, '}');
}

static void handle_language(void *ctx, struct http_request *r, const struct str *segments) {
    (void)ctx;
    (void)segments;
    AUTO(buf) body = { 0 };
    buf_add(&body, STR("{\"commands\":["));
    for (size_t i = 0; i < stage_kind_count(); i++)
        add_entry(&body, i == 0, str_of(stage_kind_at(i)->name), str_of(stage_kind_at(i)->help));
    buf_add(&body, STR("],\"functions\":["));
    for (size_t i = 0; i < fn_count(); i++)
        add_entry(&body, i == 0, str_of(fn_at(i)->name), str_of(fn_at(i)->help));
    buf_add(&body, STR("],\"aggregates\":["));
    for (size_t i = 0; i < agg_count(); i++)
        add_entry(&body, i == 0, str_of(agg_at(i)->name), str_of(agg_at(i)->help));
    buf_add(&body, STR("]}\n"));
    http_reply_json(r, 200, buf_str(&body));
}

void api_admin_routes(struct api *api, struct router *r) {
    const struct route routes[] = { // tidy: table
        { "POST", "/api/admin/flush", handle_flush, api, false },
        { "POST", "/api/admin/merge", handle_merge, api, false },
        { "POST", "/api/records/delete", handle_delete, api, false },
        { "GET", "/api/admin/status", handle_status, api, false },
        { "GET", "/api/language", handle_language, api, false },
        { "GET", "/metrics", handle_metrics, api, false },
        { "GET|HEAD", "/-/healthy", handle_healthy, api, true },
        { "GET|HEAD", "/-/ready", handle_ready, api, true },
    };
    for (size_t i = 0; i < COUNT_OF(routes); i++)
        router_add(r, &routes[i]);
}
