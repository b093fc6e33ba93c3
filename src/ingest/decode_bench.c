#include "base/random.h"
#include "ingest/decode_fixture.h"
#include "wire/protobuf.h"
#include <stdio.h>
#include <stdlib.h>
/*
 * Nanoseconds a line for each decoder, on bodies of 1 MB of lines of about 240 bytes: eight services, many
 * message shapes, a trace id on every fifth line. Prints the best and the median of the rounds. Argument:
 * rounds (31).
 */
enum { BODY_BYTES = 1 << 20, ROUNDS_MAX = 1001 };

static const char *const services[] = { "checkout", "payments", "inventory", "frontend",
                                        "search",   "auth",     "shipping",  "email" };
static const char *const verbs[] = { "accepted", "declined", "retried", "queued",
                                     "expired",  "loaded",   "stored",  "dropped" };
static const char *const nouns[] = {
    "order", "card", "session", "batch", "cart", "invoice", "user", "request"
};

static void add_message(struct random *r, struct buf *b) {
    buf_addf(b, "%s %s %llu for customer c-%llu after %llu ms (attempt %llu of 5)", nouns[random_below(r, 8)],
             verbs[random_below(r, 8)], (unsigned long long)random_below(r, 1000000),
             (unsigned long long)random_below(r, 50000), (unsigned long long)random_below(r, 900),
             (unsigned long long)random_below(r, 5));
}

static void add_field(struct random *r, struct buf *b, unsigned field, uint64_t n) {
    switch (field) {
    case 0:
        buf_addf(b, "\"@timestamp\":\"2026-11-21T06:%02llu:%02llu.%03lluZ\"",
                 (unsigned long long)(n / 3600 % 60), (unsigned long long)(n / 60 % 60),
                 (unsigned long long)(n % 1000));
        break;
    case 1: buf_addf(b, "\"level\":\"%s\"", random_below(r, 10) ? "info" : "error"); break;
    case 2: buf_addf(b, "\"service\":\"%s\"", services[random_below(r, 8)]); break;
    case 3: buf_addf(b, "\"host\":\"web-%02llu\"", (unsigned long long)random_below(r, 4)); break;
    case 4:
        buf_add(b, STR("\"message\":\""));
        add_message(r, b);
        buf_add_char(b, '"');
        break;
    case 5:
        buf_addf(b, "\"duration_ms\":%llu.%llu", (unsigned long long)random_below(r, 900),
                 (unsigned long long)(1 + random_below(r, 9)));
        break;
    case 6: buf_addf(b, "\"status\":%d", random_below(r, 20) ? 200 : 500); break;
    default: buf_addf(b, "\"user_id\":\"u-%llu\"", (unsigned long long)random_below(r, 100000)); break;
    }
}

static void add_object(struct random *r, struct buf *b, uint64_t n, bool shuffled) {
    unsigned order[8] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    for (size_t i = 7; shuffled && i > 0; i--) {
        size_t k = random_below(r, i + 1);
        unsigned t = order[i];
        order[i] = order[k], order[k] = t;
    }
    buf_add_char(b, '{');
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        if (i)
            buf_add_char(b, ',');
        add_field(r, b, order[i], n);
        if (i == 3 && random_below(r, 5) == 0)
            buf_addf(b, ",\"trace_id\":\"%016llx%016llx\"", (unsigned long long)random_u64(r),
                     (unsigned long long)random_u64(r));
    }
    buf_add(b, STR("}\n"));
}

static void add_message_field(struct buf *to, uint32_t number, struct buf *message) {
    protobuf_add_bytes(to, number, buf_str(message));
    buf_fini(message);
}

/* A log record with five attributes. */
static void add_otlp_record(struct random *r, struct buf *scope_logs) {
    static const char *const names[] = { "http.route", "user.id", "region", "http.status_code",
                                         "duration_ms" };
    struct buf record = { 0 }, text = { 0 }, body = { 0 };
    protobuf_add_fixed64(&record, 1, (uint64_t)fixture_now_ns);
    protobuf_add_varint(&record, 2, 9);
    add_message(r, &text);
    add_message_field(&body, 1, &text);
    add_message_field(&record, 5, &body);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct buf pair = { 0 }, value = { 0 };
        protobuf_add_bytes(&pair, 1, str_of(names[i]));
        if (i < 3)
            protobuf_add_bytes(&value, 1, str_of(services[random_below(r, 8)]));
        else
            protobuf_add_varint(&value, 3, random_below(r, 1000));
        add_message_field(&pair, 2, &value);
        add_message_field(&record, 6, &pair);
    }
    add_message_field(scope_logs, 2, &record);
}

static void make_otlp(uint64_t seed, struct buf *b) {
    struct random r;
    struct buf scope_logs = { 0 }, resource_logs = { 0 };
    random_init(&r, seed);
    while (scope_logs.n < BODY_BYTES)
        add_otlp_record(&r, &scope_logs);
    add_message_field(&resource_logs, 2, &scope_logs);
    add_message_field(b, 1, &resource_logs);
}

enum shape { SHAPE_ORDERED, SHAPE_SHUFFLED, SHAPE_RAW, SHAPE_BULK, SHAPE_LOKI, SHAPE_OTLP };

static void make_body(enum shape shape, uint64_t seed, struct buf *b) {
    struct random r;
    random_init(&r, seed);
    buf_clear(b);
    if (shape == SHAPE_OTLP) {
        make_otlp(seed, b);
        return;
    }
    if (shape == SHAPE_LOKI)
        buf_add(
            b,
            STR("{\"streams\":[{\"stream\":{\"app\":\"x\"},\"values\":[[\"1795242300000000000\",\"first\"]"));
    for (uint64_t n = 0; b->n < BODY_BYTES; n++) {
        if (shape == SHAPE_BULK)
            buf_add(b, STR("{\"create\":{\"_index\":\"logs-app\"}}\n"));
        if (shape == SHAPE_LOKI)
            buf_add(b, STR(",[\"1795242300000000001\",\""));
        if (shape == SHAPE_LOKI || shape == SHAPE_RAW)
            add_message(&r, b);
        else
            add_object(&r, b, n, shape == SHAPE_SHUFFLED);
        if (shape == SHAPE_LOKI)
            buf_add(b, STR("\"]"));
        if (shape == SHAPE_RAW)
            buf_add_char(b, '\n');
    }
    if (shape == SHAPE_LOKI)
        buf_add(b, STR("]}]}"));
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static const char *only;

static void measure(const char *what, const char *name, enum shape shape, int rounds) {
    enum { BODIES = 8 };
    static double ns[ROUNDS_MAX];
    if (only && strcmp(only, what) != 0)
        return;
    const struct ingest_proto *proto = ingest_find(str_of(name));
    struct buf bodies[BODIES] = { 0 };
    struct fixture f;
    fixture_init(&f);
    f.in.path = STR("/_bulk");
    f.in.content_type = shape == SHAPE_OTLP ? STR("application/x-protobuf") : STR("application/json");
    for (size_t i = 0; i < BODIES; i++)
        make_body(shape, i + 1, &bodies[i]);
    double bytes = 0;
    for (int i = -BODIES; i < rounds; i++) {
        struct str body = buf_str(&bodies[(i + BODIES) % BODIES]);
        int64_t start_ns = clock_mono_ns(&clock_real);
        if (fixture_decode(&f, proto, body, NULL) != ERR_OK)
            abort();
        int64_t took_ns = clock_mono_ns(&clock_real) - start_ns;
        bytes = (double)body.n / (double)f.batch.rows.n;
        if (i >= 0)
            ns[i] = (double)took_ns / (double)f.batch.rows.n;
    }
    qsort(ns, (size_t)rounds, sizeof *ns, by_value);
    printf("%-34s %6.0f bytes/line  best %6.1f  median %6.1f ns/line  %6.0f MB/s\n", what, bytes, ns[0],
           ns[rounds / 2], bytes * 1e3 / ns[rounds / 2]);
    fixture_fini(&f, proto);
    for (size_t i = 0; i < BODIES; i++)
        buf_fini(&bodies[i]);
}

/* A message a call, as they come from sockets. */
static void measure_syslog(void) {
    enum { MESSAGES = 200000 };
    static const char message[] =
        "<86>Nov 21 06:25:00 web1 sshd[24200]: Accepted publickey for root from 192.0.2.1 port 51224";
    const struct ingest_proto *proto = ingest_find(STR("syslog"));
    struct fixture f;
    if (only && strcmp(only, "syslog") != 0)
        return;
    fixture_init(&f);
    int64_t start_ns = clock_mono_ns(&clock_real);
    for (int i = 0; i < MESSAGES; i++)
        if (fixture_decode(&f, proto, str_of(message), NULL) != ERR_OK)
            abort();
    printf("%-34s %6zu bytes/line  mean %6.1f ns/line\n", "syslog, one message a call", sizeof message - 1,
           (double)(clock_mono_ns(&clock_real) - start_ns) / MESSAGES);
    fixture_fini(&f, proto);
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 31;
    only = argc > 2 ? argv[2] : NULL;
    rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    measure("json, usual order of keys", "json", SHAPE_ORDERED, rounds);
    measure("json, any order of keys", "json", SHAPE_SHUFFLED, rounds);
    measure("es_bulk, usual order of keys", "es_bulk", SHAPE_BULK, rounds);
    measure("raw", "raw", SHAPE_RAW, rounds);
    measure("loki json", "loki", SHAPE_LOKI, rounds);
    measure("otlp protobuf, five attributes", "otlp", SHAPE_OTLP, rounds);
    measure_syslog();
    return 0;
}
