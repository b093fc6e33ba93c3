#include "bench/bench.h"
#include <stdio.h>
#include <stdlib.h>

struct shape {
    const char *name;
    unsigned connections, lines;
    double goal; /* lines a second */
};
static const struct shape shapes[] = {
    { "1 MB bodies", 8, 4370, 700000 },
    { "100-line bodies", 64, 100, 300000 },
    { "1-line bodies", 256, 1, 30000 },
};

static void print(const char *name, const struct bench_result *r, double goal, double zstd) {
    double rate = (double)r->lines / r->seconds, bytes = (double)r->bytes / r->seconds;
    printf("%-18s %9.0f lines/s  %7.1f MB/s  goal x %.2f  zstd -1 x %.2f  p50 %.1f ms  p99 %.1f ms  generator %.0f ns/line  refused %llu  "
           "RssAnon max %.0f MB\n", name, rate, bytes / 1e6, rate / goal, bytes / zstd, r->p50_ms, r->p99_ms,
           r->generate_seconds / (double)r->lines * 1e9, (unsigned long long)r->refused, (double)r->anon_kb_max / 1e3);
    fflush(stdout);
}

static enum err after(struct bench_server *s, uint64_t raw_bytes, struct err_text *why) {
    double flush_ms, merge_ms;
    TRY(bench_post(s, "/api/admin/flush", &flush_ms, why));
    TRY(bench_post(s, "/api/admin/merge", &merge_ms, why));
    uint64_t disk = bench_server_disk(s);
    printf("flush %.0f ms, merge %.0f ms; raw %.1f MB, disk %.1f MB: 1/%.1f; RssAnon %.0f MB, VmRSS %.0f MB; segments %.0f\n", flush_ms,
           merge_ms, (double)raw_bytes / 1e6, (double)disk / 1e6, (double)raw_bytes / (double)disk,
           (double)bench_server_memory(s, "RssAnon:") / 1e3, (double)bench_server_memory(s, "VmRSS:") / 1e3, bench_status(s, "segments"));
    return ERR_OK;
}

static enum err run(const struct traffic *t, double seconds, double zstd, const char *only, struct err_text *why) {
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        struct bench_server s = { 0 };
        struct bench_result r;
        if (only && !strstr(shapes[i].name, only))
            continue;
        TRY(bench_server_start(&s, NULL, why));
        struct bench_load load = { .connections = shapes[i].connections, .lines = shapes[i].lines, .seconds = seconds,
                                   .path = "/ingest/json" };
        enum err e = bench_load_run(&s, t, &load, &r, why);
        if (e == ERR_OK) {
            print(shapes[i].name, &r, shapes[i].goal, zstd);
            e = after(&s, r.bytes, why);
        }
        bench_server_stop(&s);
        if (e == ERR_OK)
            bench_server_remove_data(&s);
        TRY(e);
    }
    return ERR_OK;
}

int bench_ingest(const struct traffic *t, int argc, char **argv) {
    double seconds = argc > 0 ? strtod(argv[0], NULL) : 10;
    struct err_text why = { "" };
    double zstd = bench_zstd(t);
    printf("zstd -1, 1 MB blocks, one of two busy cores: %.1f MB/s\n", zstd / 1e6);
    enum err e = run(t, seconds > 0 ? seconds : 10, zstd, argc > 1 ? argv[1] : NULL, &why);
    return e == ERR_OK ? 0 : cli_fail("bench: %s", why.msg);
}
