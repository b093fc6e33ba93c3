#include "api/ask.h"
#include "base/heap.h"
#include "net/http_error.h"
#include "query/stage/stage.h"
#include "wire/json.h"
#include <stdio.h>

enum { ASK_MEM_BYTES_MAX = 16 << 20, ASK_OUT_BYTES_MAX = 256 << 20 };

static bool bad_param(struct http_request *r, const char *name, struct str value, const char *wants) {
    struct err_text why;
    enum err e = err_say(&why, ERR_INVALID, "%s: '" STR_FMT "' is not %s", name, (int)(value.n < 80 ? value.n : 80), value.p,
                         wants);
    http_reply_error(r, e, &why);
    return false;
}

bool ask_time(struct http_request *r, const char *name, int64_t now_ns, int64_t *inout_ns) {
    struct str value;
    if (!http_param(r, str_of(name), &value) || value.n == 0 || time_parse(value, now_ns, inout_ns))
        return true;
    return bad_param(r, name, value, "a time: RFC 3339, Unix s, ms, us or ns, or now-1h");
}

bool ask_uint(struct http_request *r, const char *name, uint64_t *inout) {
    struct str value;
    if (!http_param(r, str_of(name), &value) || value.n == 0 || str_to_u64(value, inout))
        return true;
    return bad_param(r, name, value, "a whole number");
}

bool ask_duration(struct http_request *r, const char *name, int64_t *inout_ns) {
    struct str value;
    if (!http_param(r, str_of(name), &value) || value.n == 0 || (duration_parse(value, inout_ns) && *inout_ns > 0))
        return true;
    return bad_param(r, name, value, "a duration such as 30s or 5m");
}

bool ask_table(struct http_request *r, enum table *inout) {
    struct str value;
    if (!http_param(r, STR("table"), &value) || table_find(value, inout))
        return true;
    return bad_param(r, "table", value, "a table: logs or dead_letters");
}

void ask_reply_mistake(struct http_request *r, const struct query_error *why) {
    AUTO(buf) body = { .limit_bytes = 8192 };
    buf_add(&body, STR("{\"error\":"));
    json_add_string(&body, str_of(why->msg));
    buf_addf(&body, ",\"offset\":%zu,\"length\":%zu}\n", why->offset, why->length);
    http_reply_json(r, 400, buf_str(&body));
}

static bool read_params(struct ask *a, enum table *table) {
    struct http_request *r = a->request;
    struct query_request *ask = &a->ask;
    uint64_t memory_bytes = ask->limits.memory_bytes;
    bool ok = ask_table(r, table) && ask_time(r, "start", a->now_ns, &ask->time_from_ns) &&
              ask_time(r, "end", a->now_ns, &ask->time_to_ns) && ask_uint(r, "limit", &ask->limit) &&
              ask_uint(r, "max_rows_scanned", &ask->limits.rows_scanned) &&
              ask_uint(r, "max_bytes_scanned", &ask->limits.bytes_scanned) &&
              ask_uint(r, "max_memory_bytes", &memory_bytes) && ask_duration(r, "timeout", &ask->limits.time_ns);
    if (memory_bytes < ask->limits.memory_bytes) /* a request may ask for less than the operator allows, not for more */
        ask->limits.memory_bytes = memory_bytes;
    if (ask->limits.time_ns > a->api->limits.time_ns)
        ask->limits.time_ns = a->api->limits.time_ns;
    return ok;
}

struct ask *ask_open(struct api *api, struct http_request *r, const struct str *q) {
    return ask_open_sized(api, r, q, sizeof(struct ask));
}

struct ask *ask_open_sized(struct api *api, struct http_request *r, const struct str *q, size_t size_bytes) {
    struct ask *a = heap_alloc(size_bytes);
    struct str text = { 0 }, cursor = { 0 };
    enum table table = TABLE_LOGS;
    a->api = api;
    a->request = r;
    a->now_ns = clock_now_ns(api->clock);
    arena_init(&a->mem, ASK_MEM_BYTES_MAX);
    a->ask = (struct query_request){ .time_from_ns = INT64_MIN, .time_to_ns = INT64_MAX, .limits = api->limits };
    a->out.limit_bytes = ASK_OUT_BYTES_MAX;
    if (!read_params(a, &table)) {
        ask_free(a);
        return NULL;
    }
    if (q)
        text = *q;
    else if (!http_param(r, STR("q"), &text))
        text = STR("*");
    if (http_param(r, STR("cursor"), &cursor))
        ERR_IGNORE(arena_dup(&a->mem, cursor, &a->ask.cursor), "a cursor is smaller than the headers' limit");
    struct query_error why = { .msg = "" };
    struct query_context context = { a->now_ns, table };
    if (query_parse(text, &context, &why, &a->query) != ERR_OK) {
        ask_reply_mistake(r, &why);
        ask_free(a);
        return NULL;
    }
    a->ask.query = a->query;
    return a;
}

void ask_free(struct ask *a) {
    if (!a)
        return;
    query_free(a->query);
    buf_fini(&a->out);
    arena_fini(&a->mem);
    heap_free(a);
}

void ask_start_stream(struct ask *a, const char *content_type, void (*run)(struct job *)) {
    static const struct http_header headers[] = { { { "Cache-Control", 13 }, { "no-store", 8 } },
                                                  { { "X-Accel-Buffering", 17 }, { "no", 2 } } };
    struct http_request *r = a->request;
    a->job.run = run;
    if (jobs_full(a->api->jobs)) {
        ask_start(a);
        return;
    }
    a->stream = http_stream_begin(r, &(struct http_answer){ .status = 200,
                                                           .content_type = content_type,
                                                           .headers = headers,
                                                           .header_count = COUNT_OF(headers) });
    a->request = NULL;
    a->ask.cancel = http_stream_gone_flag(a->stream);
    jobs_start_anyway(a->api->jobs, &a->job);
}

enum err ask_flush(struct ask *a) {
    enum err e = a->out.n ? http_stream_write(a->stream, buf_str(&a->out)) : ERR_OK;
    buf_clear(&a->out);
    return e;
}

void ask_start(struct ask *a) {
    if (jobs_start(a->api->jobs, &a->job) == ERR_OK)
        return;
    struct err_text why;
    enum err e = err_say(&why, ERR_LIMIT, "query.concurrent: too many queries are running and waiting; try again");
    http_reply_error(a->request, e, &why);
    ask_free(a);
}

struct str ask_filter_text(struct ask *a, const struct query *q) {
    AUTO(buf) text = { .limit_bytes = 256 << 10 };
    struct str kept = { 0 };
    expr_print(query_plan(q)->filter, &text);
    ERR_IGNORE(arena_dup(&a->mem, buf_str(&text), &kept), "capped by the query's own length");
    return kept;
}
