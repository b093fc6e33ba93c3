#include "base/clock.h"
#include "bench/bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 5 };

struct question {
    const char *name, *text, *limit;
    double goal_ms; /* 0: none stated */
};
static const struct question questions[] = { // tidy: table
    { "count all", "* | stats count()", "0", 0 },
    { "rare word", "zebrafish", "100", 100 },
    { "trace id", "trace_id:@", "100", 100 },
    { "bare trace id", "@", "100", 100 },
    { "phrase", "\"reconciled with ledger\" | stats count()", "0", 0 },
    { "substring in a word", "@message:*onciled* | stats count()", "0", 0 },
    { "regex", "@message:/limit [0-9]+9 reached/ | stats count()", "0", 0 },
    { "count by level, minute", "* | stats count() by level, bin(1m)", "0", 600 },
    { "top 10 users", "* | top 10 user_id", "0", 0 },
    { "p99 by service", "* | stats p99(duration_ms) by service", "0", 0 },
    { "newest 100 errors", "level:error", "100", 0 },
};

static bool keep(void *ctx, struct str bytes) {
    struct buf *b = ctx;
    if (b->n < 64 << 20)
        buf_add(b, bytes);
    return true;
}

static enum err ask(struct bench_server *s, const char *text, const char *limit, struct buf *answer, double *out_ms,
                    struct err_text *why) {
    AUTO(buf) body = { 0 };
    buf_add(&body, STR("q="));
    http_client_encode(&body, str_of(text));
    buf_addf(&body, "&limit=%s", limit);
    buf_clear(answer);
    int64_t began_ns = clock_mono_ns(&clock_real);
    struct http_call call = { .method = "POST", .path = "/api/records/query", .body = buf_str(&body),
                              .content_type = "application/x-www-form-urlencoded", .piece = keep, .ctx = answer };
    enum err e = http_client_call(s->client, &call, why);
    *out_ms = (double)(clock_mono_ns(&clock_real) - began_ns) / 1e6;
    buf_fini(&call.answer);
    buf_add_char(answer, '\0');
    return e;
}

static double number(const char *text, const char *key) {
    const char *at = strstr(text, key);
    return at ? strtod(at + strlen(key), NULL) : 0;
}

static int cmp_double(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static enum err one(struct bench_server *s, const struct question *q, const char *trace, double rows, double raw,
                    struct err_text *why) {
    AUTO(buf) answer = { 0 };
    char text[256];
    double ms[RUNS], first_ms = 0;
    const char *at = strchr(q->text, '@');
    bool fill = at && (at[1] == '\0');
    (void)snprintf(text, sizeof text, "%.*s%s", fill ? (int)(at - q->text) : 255, q->text, fill ? trace : "");
    for (int i = 0; i < RUNS; i++)
        TRY(ask(s, text, q->limit, &answer, &ms[i], why));
    first_ms = ms[0];
    if (strstr(answer.p, "\"_error\""))
        return err_say(why, ERR_INVALID, "%s: %.200s", q->name, strstr(answer.p, "\"_error\""));
    qsort(ms, RUNS, sizeof *ms, cmp_double);
    double s_median = ms[RUNS / 2] / 1e3;
    printf("%-24s %8.1f ms  first %8.1f ms  %8.1f M rows/s  %7.2f GB/s of raw  skipped %4.0f of %4.0f blocks  rows %6.0f%s\n", q->name,
           ms[RUNS / 2], first_ms, rows / s_median / 1e6, raw / s_median / 1e9, number(answer.p, "\"blocks_skipped\":"),
           number(answer.p, "\"blocks\":"), number(strstr(answer.p, "_stats") ? strstr(answer.p, "_stats") : "", "\"rows\":"),
           q->goal_ms > 0 ? (ms[RUNS / 2] <= q->goal_ms ? "  within goal" : "  OVER GOAL") : "");
    fflush(stdout);
    return ERR_OK;
}

/* A few lines that the traffic does not have, in the middle of it. */
static enum err add_rare(struct bench_server *s, int64_t time_ns, struct err_text *why) {
    char when[25] = { 0 };
    traffic_time(when, time_ns);
    AUTO(buf) body = { 0 };
    for (int i = 0; i < 3; i++)
        buf_addf(&body, "{\"@timestamp\":\"%s\",\"service\":\"cart\",\"level\":\"info\",\"message\":\"a zebrafish swam by\"}\n", when);
    struct http_call call = { .method = "POST", .path = "/ingest/json", .body = buf_str(&body), .content_type = "application/x-ndjson" };
    enum err e = http_client_call(s->client, &call, why);
    buf_fini(&call.answer);
    return e;
}

static enum err find_trace(struct bench_server *s, char trace[33], struct err_text *why) {
    AUTO(buf) answer = { 0 };
    double ms;
    TRY(ask(s, "trace_id:*", "50000", &answer, &ms, why));
    const char *at = strstr(answer.p + answer.n / 2, "\"trace_id\":\"");
    if (!at)
        return err_say(why, ERR_NOT_FOUND, "no trace id in the answer");
    (void)snprintf(trace, 33, "%.32s", at + 12);
    return ERR_OK;
}

static enum err load(struct bench_server *s, const struct traffic *t, uint64_t lines, struct err_text *why) {
    struct bench_result r;
    /* spread over the last two hours, as a day's busy part would be */
    int64_t span_ns = 7200 * NS_PER_S, start_ns = clock_now_ns(&clock_real) - span_ns;
    struct bench_load spec = { .connections = 32, .lines = 4370, .lines_max = lines, .path = "/ingest/json", .start_ns = start_ns,
                               .step_ns = span_ns / (int64_t)lines };
    TRY(bench_load_run(s, t, &spec, &r, why));
    TRY(add_rare(s, start_ns + span_ns / 2, why));
    printf("loaded %.1f M lines, %.0f MB, at %.0f lines/s; RssAnon max %.0f MB\n", (double)r.lines / 1e6, (double)r.bytes / 1e6,
           (double)r.lines / r.seconds, (double)r.anon_kb_max / 1e3);
    double flush_ms, merge_ms;
    TRY(bench_post(s, "/api/admin/flush", &flush_ms, why));
    TRY(bench_post(s, "/api/admin/merge", &merge_ms, why));
    uint64_t disk = bench_server_disk(s);
    printf("flush %.0f ms, merge %.0f ms (%.0f ns/line); disk %.1f MB: 1/%.1f of raw; segments %.0f\n", flush_ms, merge_ms,
           merge_ms * 1e6 / (double)r.lines, (double)disk / 1e6, (double)r.bytes / (double)disk, bench_status(s, "segments"));
    return ERR_OK;
}

static enum err restart(struct bench_server *s, struct err_text *why) {
    char data[256];
    (void)snprintf(data, sizeof data, "%s", s->data);
    bench_server_stop(s);
    int64_t began_ns = clock_mono_ns(&clock_real);
    TRY(bench_server_start(s, data, why));
    printf("start with this data: %.0f ms until ready; idle RssAnon %.1f MB, VmRSS %.1f MB\n",
           (double)(clock_mono_ns(&clock_real) - began_ns) / 1e6, (double)bench_server_memory(s, "RssAnon:") / 1e3,
           (double)bench_server_memory(s, "VmRSS:") / 1e3);
    return ERR_OK;
}

static enum err run(struct bench_server *s, const struct traffic *t, uint64_t lines, struct err_text *why) {
    char trace[33];
    TRY(bench_server_start(s, NULL, why));
    TRY(load(s, t, lines, why));
    TRY(restart(s, why));
    TRY(find_trace(s, trace, why));
    double raw = bench_status(s, "raw_bytes"), rows = bench_status(s, "segment_rows");
    for (size_t i = 0; i < COUNT_OF(questions); i++)
        TRY(one(s, &questions[i], trace, rows, raw, why));
    printf("after the questions: RssAnon %.1f MB, VmRSS %.1f MB\n", (double)bench_server_memory(s, "RssAnon:") / 1e3,
           (double)bench_server_memory(s, "VmRSS:") / 1e3);
    return ERR_OK;
}

int bench_query(const struct traffic *t, int argc, char **argv) {
    uint64_t lines = 20000000;
    struct bench_server s = { 0 };
    struct err_text why = { "" };
    if (argc > 0 && !str_to_u64(str_of(argv[0]), &lines))
        return cli_fail("bench query wants a number of lines, not '%s'", argv[0]);
    enum err e = run(&s, t, lines, &why);
    bench_server_stop(&s);
    bench_server_remove_data(&s);
    return e == ERR_OK ? 0 : cli_fail("bench: %s", why.msg);
}
