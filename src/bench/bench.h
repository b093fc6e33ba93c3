#pragma once
#include "base/buf.h"
#include "cli/cli.h"
#include "cli/traffic.h"
#include <sys/types.h>
/*
 * `sonde bench`: a server in its own process on a fresh folder, load from this one, both on the same cores. Prints what was measured and
 * its ratio to something measured in the same run: these machines are noisy, ratios less so.
 */
struct bench_server {
    pid_t pid;
    char data[256];
    char address[64];   /* "127.0.0.1:17663" */
    unsigned port;
    struct http_client *client;
};
/* Starts `serve` of this very program and waits until it is ready. `data`: NULL for a new folder below TMPDIR, removed at the end. */
NODISCARD enum err bench_server_start(struct bench_server *s, const char *data, struct err_text *why);
/* SIGTERM, and waits. */
void bench_server_stop(struct bench_server *s);
void bench_server_remove_data(const struct bench_server *s);
/* Kilobytes of a line of /proc/PID/status: "RssAnon:", "VmRSS:". */
uint64_t bench_server_memory(const struct bench_server *s, const char *line);
/* Apparent bytes of all files in the data folder. */
uint64_t bench_server_disk(const struct bench_server *s);
/* POST without a body; milliseconds it took in *out_ms. */
NODISCARD enum err bench_post(struct bench_server *s, const char *path, double *out_ms, struct err_text *why);
/* A number of GET /api/admin/status. */
double bench_status(struct bench_server *s, const char *key);

struct bench_load {
    unsigned connections;
    unsigned lines;         /* a body */
    unsigned bodies;        /* prepared; 0: as many as fit 64 MB, at most 256 */
    double seconds;         /* or … */
    uint64_t lines_max;     /* … so many lines; 0: no limit */
    int64_t start_ns;       /* event time of the first line; 0: now */
    int64_t step_ns;        /* between lines; 0: real time */
    const char *path;       /* "/ingest/json" */
};
struct bench_result {
    uint64_t lines, requests, bytes, refused;
    double seconds;
    double generate_seconds; /* of it in the generator */
    double p50_ms, p99_ms;   /* of a request */
    uint64_t anon_kb_max, live_bytes_max, unmerged_max;
};
NODISCARD enum err bench_load_run(struct bench_server *s, const struct traffic *t, const struct bench_load *l,
                                  struct bench_result *out, struct err_text *why);
/* Bytes a second of zstd -1 on 1 MB blocks of such lines, the other core equally busy; median of five. */
double bench_zstd(const struct traffic *t);

int bench_ingest(const struct traffic *t, int argc, char **argv);
int bench_stages(const struct traffic *t);
int bench_query(const struct traffic *t, int argc, char **argv);
