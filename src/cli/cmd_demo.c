/*
 * sonde demo: log traffic of a small shop, over the public API. Steady lines with a slow wave in the rate; every few minutes one service has
 * an incident: ten times its lines, most of them errors.
 */
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/traffic.h"
#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int run(int argc, char **argv);
extern const struct command cmd_demo;
const struct command cmd_demo = { "demo", "[options]", "Send the log traffic of a small shop.", run };

enum { TICK_MS = 250, READY_TRIES_MAX = 600 };

struct demo {
    struct http_client *client;
    struct traffic *traffic;
    struct random random;
    uint64_t rate, backfill_minutes;
    bool with_parent;
    pid_t parent;
};

static void sleep_ms(int64_t ms) {
    struct timespec t = { ms / 1000, ms % 1000 * NS_PER_MS };
    (void)nanosleep(&t, NULL);
}

static bool orphaned(const struct demo *d) { return d->with_parent && getppid() != d->parent; }

static bool wait_until_ready(struct demo *d, struct err_text *why) {
    for (int i = 0; i < READY_TRIES_MAX && !orphaned(d); i++) {
        struct http_call call = { .method = "GET", .path = "/-/ready", .timeout_ms = 2000 };
        enum err e = http_client_call(d->client, &call, why);
        buf_fini(&call.answer);
        if (e == ERR_OK)
            return true;
        sleep_ms(200);
    }
    return false;
}

/* Lines a second at a moment: the rate, a five-minute wave, and one incident every four minutes that lasts forty seconds. */
static double rate_at(const struct demo *d, int64_t now_ns, unsigned *out_sick) {
    int64_t s = now_ns / NS_PER_S;
    bool incident = s % 240 < 40;
    *out_sick = incident ? (unsigned)(s / 240 % TRAFFIC_SERVICES) : TRAFFIC_SERVICES;
    double wave = 1 + 0.4 * sin((double)(s % 300) / 300 * 6.283185);
    return (double)d->rate * wave * (incident ? 2 : 1);
}

static enum err send_span(struct demo *d, int64_t from_ns, int64_t to_ns, struct err_text *why) {
    struct traffic_body body = { 0 };
    unsigned sick;
    double lines = rate_at(d, from_ns, &sick) * (double)(to_ns - from_ns) / 1e9;
    size_t count = (size_t)lines + (random_unit(&d->random) < lines - floor(lines));
    if (!count)
        return ERR_OK;
    for (size_t i = 0; i < count; i++)
        traffic_add_line(d->traffic, &d->random, sick < TRAFFIC_SERVICES && i % 2 ? sick : TRAFFIC_SERVICES, &body);
    traffic_patch(&body, &d->random, &from_ns, (to_ns - from_ns) / (int64_t)count);
    struct http_call call = { .method = "POST", .path = "/ingest/json", .body = buf_str(&body.text),
                              .content_type = "application/x-ndjson", .timeout_ms = 30000 };
    enum err e = http_client_call(d->client, &call, why);
    buf_fini(&call.answer);
    traffic_body_fini(&body);
    return e;
}

static enum err backfill(struct demo *d, int64_t now_ns, struct err_text *why) {
    int64_t minute_ns = 60 * NS_PER_S, at_ns = now_ns - (int64_t)d->backfill_minutes * minute_ns;
    for (; at_ns < now_ns && !orphaned(d); at_ns += minute_ns)
        TRY(send_span(d, at_ns, at_ns + minute_ns, why));
    return ERR_OK;
}

static int follow(struct demo *d) {
    struct err_text why = { "" };
    int64_t last_ns = clock_now_ns(&clock_real);
    int failures = 0;
    while (!orphaned(d)) {
        sleep_ms(TICK_MS);
        int64_t now_ns = clock_now_ns(&clock_real);
        enum err e = now_ns > last_ns ? send_span(d, last_ns, now_ns, &why) : ERR_OK;
        last_ns = now_ns;
        failures = e == ERR_OK ? 0 : failures + 1;
        if (failures == 1)
            fprintf(stderr, "sonde: demo: %s; trying again\n", why.msg);
        if (failures > 240)
            return cli_fail("demo: the server has been away for a minute: %s", why.msg);
    }
    return 0;
}

static int run(int argc, char **argv) {
    struct cli_server server = { 0 };
    struct option_list words = { .count = 0 };
    struct demo d = { .rate = 40, .backfill_minutes = 60, .parent = getppid() };
    uint64_t seed = 1;
    const struct cli_option options[] = {
        { "--rate", OPTION_UINT, &d.rate, "N", "lines a second (default 40)" },
        { "--backfill", OPTION_UINT, &d.backfill_minutes, "MINUTES", "start with the past (default 60)" },
        { "--seed", OPTION_UINT, &seed, "N", "another shop" },
        { "--with-parent", OPTION_FLAG, &d.with_parent, NULL, "end when the parent process does" },
        CLI_SERVER_OPTIONS(server),
    };
    int status;
    if (!cli_parse(&cmd_demo, options, COUNT_OF(options), argc, argv, &words, &status))
        return status;
    struct err_text why = { "" };
    random_init(&d.random, random_seed_real());
    d.traffic = traffic_new(seed);
    d.client = cli_connect(&server);
    if (!wait_until_ready(&d, &why))
        status = orphaned(&d) ? 0 : cli_fail("demo: %s", why.msg);
    else if (backfill(&d, clock_now_ns(&clock_real), &why) != ERR_OK)
        status = cli_fail("demo: %s", why.msg);
    else
        status = follow(&d);
    http_client_free(d.client);
    traffic_free(d.traffic);
    return status;
}
