/*
 * GET /api/records/tail: rows as they are acknowledged, as server-sent events. A tail is a job that sleeps until the store publishes; it
 * never slows ingest: when its reader is slower than the rows come, the oldest waiting rows are skipped and counted.
 */
#include "api/ask.h"
#include "api/row_json.h"
#include "base/heap.h"
#include "base/thread.h"
#include "net/http_error.h"
#include "queue/queue.h"

enum { FLUSH_BYTES = 32 << 10, TAILS_MAX = 32, ROUND_ROWS_MAX = 5000 };

struct tail {
    struct ask *ask;
    struct thread thread;
    struct store_subscriber subscriber;
    pthread_mutex_t lock;
    pthread_cond_t news;
    bool published;          /* guarded by lock */
    uint64_t position;
    uint64_t rows, dropped, round_rows;
};

static _Atomic unsigned tails_running;

static void on_published(void *ctx, uint64_t position) {
    (void)position;
    struct tail *t = ctx;
    LOCKED(&t->lock);
    t->published = true;
    (void)pthread_cond_signal(&t->news);
}

static enum err on_row(void *ctx, const struct query_row *row) {
    struct tail *t = ctx;
    struct buf *out = &t->ask->out;
    if (++t->round_rows > ROUND_ROWS_MAX) {
        t->dropped++;
        return ERR_OK;
    }
    buf_add(out, STR("event: row\ndata: "));
    row_json_row(out, row);
    buf_add(out, STR("\n\n"));
    t->rows++;
    return out->n >= FLUSH_BYTES ? ask_flush(t->ask) : ERR_OK;
}

static void add_stats(struct tail *t) {
    buf_addf(&t->ask->out, "event: stats\ndata: {\"rows\":%llu,\"dropped\":%llu}\n\n", (unsigned long long)t->rows,
             (unsigned long long)t->dropped);
}

static void wait_for_news(struct tail *t) {
    LOCKED(&t->lock);
    if (!t->published)
        (void)cond_wait_for(&t->news, &t->lock, NS_PER_S);
    t->published = false;
}

static void run(void *ctx) {
    struct tail *t = ctx;
    struct ask *a = t->ask;
    struct query_sink sink = { on_row, t };
    int64_t said_ns = 0;
    while (!http_stream_gone(a->stream) && !a->api->stopping) {
        t->round_rows = 0;
        enum err e = query_tail(a->api->store, &a->ask, &sink, &t->position, &a->stats, &a->why);
        int64_t now_ns = clock_mono_ns(a->api->clock);
        if (now_ns - said_ns >= NS_PER_S) {
            add_stats(t);
            said_ns = now_ns;
        }
        if (e != ERR_OK || ask_flush(a) != ERR_OK)
            break;
        wait_for_news(t);
    }
    store_unsubscribe(a->api->store, &t->subscriber);
    http_stream_end(a->stream, true);
    ask_free(a);
    (void)pthread_cond_destroy(&t->news);
    (void)pthread_mutex_destroy(&t->lock);
    heap_free(t);
    tails_running--;
}

static void start(struct ask *a) {
    struct tail *t = HEAP_NEW(struct tail);
    t->ask = a;
    (void)pthread_mutex_init(&t->lock, NULL);
    cond_init(&t->news);
    t->position = queue_last_position(store_queue(a->api->store));
    t->subscriber = (struct store_subscriber){ .published = on_published, .ctx = t };
    store_subscribe(a->api->store, &t->subscriber);
    a->stream = http_stream_begin(a->request, &(struct http_answer){ .status = 200, .content_type = "text/event-stream" });
    a->request = NULL;
    a->ask.cancel = http_stream_gone_flag(a->stream);
    a->ask.limits.time_ns = 0;
    struct thread thread = { 0 };
    thread_start(&thread, "tail", run, t);
    (void)pthread_detach(thread.handle);
}

static void handle(void *ctx, struct http_request *r, const struct str *segments) {
    (void)segments;
    struct ask *a = ask_open(ctx, r, NULL);
    if (!a)
        return;
    struct err_text why;
    enum err e = ERR_OK;
    if (!query_is_streaming(a->query))
        e = err_say(&why, ERR_INVALID, "only filters and commands that work row by row can be tailed (fields, filter, eval)");
    else if (++tails_running > TAILS_MAX) {
        tails_running--;
        e = err_say(&why, ERR_LIMIT, "query.tails: at most %d tails at a time", TAILS_MAX);
    }
    if (e == ERR_OK) {
        start(a);
        return;
    }
    http_reply_error(r, e, &why);
    ask_free(a);
}

void api_tail_routes(struct api *api, struct router *r) {
    router_add(r, &(struct route){ .method = "GET", .pattern = "/api/records/tail", .handle = handle, .ctx = api });
}
