/*
 * hits, facets, patterns: one JSON document made from the rows of a derived query. The filter of `q` is kept, its pipes are
 * replaced by the command that does the counting.
 */
#include "api/ask.h"
#include "api/row_json.h"
#include "net/http_error.h"
#include "query/stage/stage.h"
#include "wire/json.h"

enum { HITS_BARS = 100 };

struct summary {
    struct ask ask; /* first: a job */
    struct letter letter;
    struct mailbox *mailbox;
    const struct summary_kind *kind;
    struct str filter, field;
    int64_t step_ns;
    uint64_t top;
    enum err result;
    struct query_error mistake;
    char last_field[256]; /* facets: the field whose values are being listed */
    bool any;
};

/* How one of the three differs. */
struct summary_kind {
    const char *path;
    enum err (*pipe)(struct summary *s, struct buf *query); /* appends the command; a worker thread */
    enum err (*row)(void *ctx, const struct query_row *row);
    void (*begin)(struct summary *s), (*end)(struct summary *s);
};

static const struct value *column(const struct query_row *row, struct str name) {
    static const struct value none = { .type = VALUE_NULL };
    for (size_t i = 0; i < row->count; i++)
        if (str_eq(row->names[i], name))
            return &row->values[i];
    return &none;
}

static enum err ask_again(struct summary *s, struct str text, const struct query_sink *sink) {
    struct query *q = NULL;
    struct query_context context = { s->ask.now_ns, query_plan(s->ask.query)->table };
    TRY(query_parse(text, &context, &s->mistake, &q));
    struct query_request request = s->ask.ask;
    request.query = q;
    request.limit = 0;
    enum err e = query_run(s->ask.api->store, s->ask.api->pool, &request, sink, &s->ask.stats, &s->ask.why);
    query_free(q);
    return e;
}

/* --- hits ------------------------------------------------------------------------------------------- */

struct span {
    int64_t first_ns, last_ns;
};

static enum err on_span(void *ctx, const struct query_row *row) {
    struct span *span = ctx;
    const struct value *first = column(row, STR("first")), *last = column(row, STR("last"));
    if (first->type == VALUE_TIME && last->type == VALUE_TIME)
        *span = (struct span){ first->i, last->i };
    return ERR_OK;
}

/* The smallest step a person would choose that gives at most HITS_BARS bars. */
static int64_t nice_step(int64_t span_ns) {
    static const int64_t steps_ms[] = { // tidy: table
        1,       5,       10,      50,       100,      500,      1000,     2000,      5000,      10000,     15000,
        30000,   60000,   120000,  300000,   600000,   900000,   1800000,  3600000,   7200000,   10800000,  21600000,
        43200000, 86400000, 172800000, 604800000,
    };
    for (size_t i = 0; i < COUNT_OF(steps_ms); i++)
        if (span_ns / (steps_ms[i] * NS_PER_MS) < HITS_BARS)
            return steps_ms[i] * NS_PER_MS;
    return 30 * 86400 * NS_PER_S;
}

static enum err hits_step(struct summary *s) {
    struct span span = { s->ask.ask.time_from_ns, s->ask.ask.time_to_ns };
    if (span.first_ns == INT64_MIN || span.last_ns == INT64_MAX) {
        AUTO(buf) text = { 0 };
        buf_add(&text, s->filter);
        buf_add(&text, STR(" | stats min(@timestamp) as first, max(@timestamp) as last"));
        span = (struct span){ 0, 0 };
        TRY(ask_again(s, buf_str(&text), &(struct query_sink){ on_span, &span }));
    }
    s->step_ns = nice_step(span.last_ns - span.first_ns);
    return ERR_OK;
}

static enum err hits_pipe(struct summary *s, struct buf *query) {
    if (!s->step_ns)
        TRY(hits_step(s));
    buf_addf(query, " | stats count() as hits by bin(@timestamp, %lldms) as bin", (long long)(s->step_ns / NS_PER_MS));
    if (s->field.n) {
        buf_add(query, STR(", `"));
        buf_add(query, s->field);
        buf_add(query, STR("` as key"));
    }
    buf_add(query, STR(" | sort bin"));
    return ERR_OK;
}

static void hits_begin(struct summary *s) {
    buf_addf(&s->ask.out, "{\"step_ms\":%lld,\"hits\":[", (long long)(s->step_ns / NS_PER_MS));
}

static enum err hits_row(void *ctx, const struct query_row *row) {
    struct summary *s = ctx;
    struct buf *out = &s->ask.out;
    buf_add(out, s->any ? STR(",{\"time\":") : STR("{\"time\":"));
    s->any = true;
    row_json_value(out, column(row, STR("bin")));
    buf_add(out, STR(",\"key\":"));
    row_json_value(out, column(row, STR("key")));
    buf_add(out, STR(",\"count\":"));
    row_json_value(out, column(row, STR("hits")));
    buf_add_char(out, '}');
    return buf_ok(out) ? ERR_OK : ERR_LIMIT;
}

/* --- facets ----------------------------------------------------------------------------------------- */

static enum err facets_pipe(struct summary *s, struct buf *query) {
    buf_addf(query, " | facets %llu", (unsigned long long)(s->top ? s->top : 10));
    return ERR_OK;
}

static void facets_begin(struct summary *s) { buf_add(&s->ask.out, STR("{\"facets\":[")); }

static enum err facets_row(void *ctx, const struct query_row *row) {
    struct summary *s = ctx;
    struct buf *out = &s->ask.out;
    struct str field = column(row, STR("field"))->s;
    if (!s->any || !str_eq(field, str_of(s->last_field))) {
        buf_add(out, s->any ? STR("]},{\"field\":") : STR("{\"field\":"));
        json_add_string(out, field);
        const struct value *distinct = column(row, STR("distinct"));
        if (distinct->type != VALUE_NULL) {
            buf_add(out, STR(",\"distinct\":"));
            row_json_value(out, distinct);
        }
        buf_add(out, STR(",\"values\":["));
        size_t n = field.n < sizeof s->last_field - 1 ? field.n : sizeof s->last_field - 1;
        memcpy(s->last_field, field.p, n);
        s->last_field[n] = '\0';
    } else {
        buf_add_char(out, ',');
    }
    s->any = true;
    buf_add(out, STR("{\"value\":"));
    row_json_value(out, column(row, STR("value")));
    buf_add(out, STR(",\"count\":"));
    row_json_value(out, column(row, STR("count")));
    buf_add_char(out, '}');
    return buf_ok(out) ? ERR_OK : ERR_LIMIT;
}

static void facets_end(struct summary *s) {
    if (s->any)
        buf_add(&s->ask.out, STR("]}"));
}

/* --- patterns --------------------------------------------------------------------------------------- */

static enum err patterns_pipe(struct summary *s, struct buf *query) {
    buf_addf(query, " | patterns | limit %llu", (unsigned long long)(s->top ? s->top : 100));
    return ERR_OK;
}

static void patterns_begin(struct summary *s) { buf_add(&s->ask.out, STR("{\"patterns\":[")); }

static enum err patterns_row(void *ctx, const struct query_row *row) {
    struct summary *s = ctx;
    if (s->any)
        buf_add_char(&s->ask.out, ',');
    s->any = true;
    row_json_row(&s->ask.out, row);
    return buf_ok(&s->ask.out) ? ERR_OK : ERR_LIMIT;
}

static const struct summary_kind kinds[] = {
    { "/api/records/hits", hits_pipe, hits_row, hits_begin, NULL },
    { "/api/records/facets", facets_pipe, facets_row, facets_begin, facets_end },
    { "/api/records/patterns", patterns_pipe, patterns_row, patterns_begin, NULL },
};

/* --- what they share --------------------------------------------------------------------------------- */

static void on_done(struct letter *l) {
    struct summary *s = (struct summary *)((char *)l - offsetof(struct summary, letter));
    if (s->result == ERR_OK)
        http_reply_json(s->ask.request, 200, buf_str(&s->ask.out));
    else if (s->mistake.msg[0])
        ask_reply_mistake(s->ask.request, &s->mistake);
    else
        http_reply_error(s->ask.request, s->result, &s->ask.why);
    ask_free(&s->ask);
}

static enum err make(struct summary *s) {
    AUTO(buf) query = { 0 };
    buf_add(&query, s->filter);
    TRY(s->kind->pipe(s, &query));
    s->kind->begin(s);
    TRY(ask_again(s, buf_str(&query), &(struct query_sink){ s->kind->row, s }));
    if (s->kind->end)
        s->kind->end(s);
    buf_add(&s->ask.out, STR("],\"stats\":"));
    row_json_stats(&s->ask.out, &s->ask.stats);
    buf_add(&s->ask.out, STR("}\n"));
    return ERR_OK;
}

static void run(struct job *job) {
    struct summary *s = (struct summary *)job;
    s->result = make(s);
    mailbox_post(s->mailbox, &s->letter);
}

static void handle(void *ctx, struct http_request *r, const struct summary_kind *kind) {
    struct summary *s = (struct summary *)ask_open_sized(ctx, r, NULL, sizeof *s);
    if (!s)
        return;
    struct str field = { 0 };
    s->kind = kind;
    s->mailbox = loop_mailbox(http_loop(r));
    s->letter.open = on_done;
    s->filter = ask_filter_text(&s->ask, s->ask.query);
    s->top = s->ask.ask.limit;
    if (!ask_duration(r, "step", &s->step_ns)) {
        ask_free(&s->ask);
        return;
    }
    if (http_param(r, STR("field"), &field))
        ERR_IGNORE(arena_dup(&s->ask.mem, field, &s->field), "smaller than the headers' limit");
    s->ask.job.run = run;
    ask_start(&s->ask);
}

static void handle_hits(void *ctx, struct http_request *r, const struct str *segments) {
    (void)segments;
    handle(ctx, r, &kinds[0]);
}
static void handle_facets(void *ctx, struct http_request *r, const struct str *segments) {
    (void)segments;
    handle(ctx, r, &kinds[1]);
}
static void handle_patterns(void *ctx, struct http_request *r, const struct str *segments) {
    (void)segments;
    handle(ctx, r, &kinds[2]);
}

void api_summary_routes(struct api *api, struct router *r) {
    route_handler *const handlers[] = { handle_hits, handle_facets, handle_patterns };
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        router_add(r, &(struct route){ .method = "GET|POST", .pattern = kinds[i].path, .handle = handlers[i], .ctx = api });
}
