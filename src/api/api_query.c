/* GET|POST /api/records/query: rows as they are found, newline-delimited, the cost last. */
#include "api/ask.h"
#include "api/row_json.h"
#include "net/http_error.h"
#include "wire/json.h"

enum { FLUSH_BYTES = 32 << 10 };

static enum err on_row(void *ctx, const struct query_row *row) {
    struct ask *a = ctx;
    row_json_row(&a->out, row);
    buf_add_char(&a->out, '\n');
    if (!buf_ok(&a->out))
        return ERR_LIMIT;
    return a->out.n >= FLUSH_BYTES ? ask_flush(a) : ERR_OK;
}

static void add_end(struct ask *a, enum err result) {
    buf_add_char(&a->out, '{');
    if (result != ERR_OK) {
        buf_add(&a->out, STR("\"_error\":{\"error\":"));
        json_add_string(&a->out, str_of(a->why.msg[0] ? a->why.msg : err_name(result)));
        buf_addf(&a->out, ",\"status\":%u},", http_status_of(result));
    }
    buf_add(&a->out, STR("\"_stats\":"));
    row_json_stats(&a->out, &a->stats);
    buf_add(&a->out, STR("}\n"));
}

static void run(struct job *job) {
    struct ask *a = (struct ask *)job;
    struct query_sink sink = { on_row, a };
    enum err e = query_run(a->api->store, a->api->pool, &a->ask, &sink, &a->stats, &a->why);
    add_end(a, e);
    bool sent = ask_flush(a) == ERR_OK;
    http_stream_end(a->stream, sent);
    ask_free(a);
}

static void handle(void *ctx, struct http_request *r, const struct str *segments) {
    (void)segments;
    struct ask *a = ask_open(ctx, r, NULL);
    if (a)
        ask_start_stream(a, "application/x-ndjson", run);
}

void api_query_routes(struct api *api, struct router *r) {
    router_add(r, &(struct route){ .method = "GET|POST", .pattern = "/api/records/query", .handle = handle, .ctx = api });
}
