/*
 * sonde bench stages: nanoseconds a line for each stage of the write path, in this process, one thread, on the benchmark's own lines. The
 * fastest of several rounds: what the stage costs when nobody else runs.
 */
#include "base/assert.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/heap.h"
#include "bench/bench.h"
#include "block/block_build.h"
#include "block/block_read.h"
#include "ingest/ingest.h"
#include "wire/compress.h"
#include <stdio.h>
#include <stdlib.h>

enum { LINES = 32768, ROUNDS = 7, STAGES_MAX = 32 };

struct stage {
    char name[32];
    double ns; /* a line */
};
struct stages {
    struct stage s[STAGES_MAX];
    size_t count;
};

static void add(struct stages *t, const char *name, int64_t ns) {
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->s[i].name, name) == 0) {
            t->s[i].ns += (double)ns / LINES;
            return;
        }
    ASSERT(t->count < STAGES_MAX);
    (void)snprintf(t->s[t->count].name, sizeof t->s[0].name, "%s", name);
    t->s[t->count++].ns = (double)ns / LINES;
}

static int64_t since(int64_t *at_ns) {
    int64_t now_ns = clock_mono_ns(&clock_real), ns = now_ns - *at_ns;
    *at_ns = now_ns;
    return ns;
}

static void decode_all(struct batch *b, const struct traffic_body *body, struct decode_memo **memo, const struct str *labels) {
    AUTO(arena) mem;
    arena_init(&mem, 0);
    struct decode_output out = { .batch = b, .mem = &mem };
    struct err_text why;
    struct decode_input in = { .body = buf_str(&body->text), .content_type = STR("application/x-ndjson"), .memo = memo,
                               .received_ns = clock_now_ns(&clock_real), .label_fields = labels, .label_field_count = 2 };
    enum err e = ingest_find(STR("json"))->decode(&in, &out, &why);
    ASSERT(e == ERR_OK && out.rejects.n == 0 && b->rows.n == LINES);
    VEC_FINI(&out.rejects);
    VEC_FINI(&out.items);
}

struct words {
    VEC(uint64_t) hashes;
};

static void keep_word(void *ctx, uint64_t hash) {
    struct words *w = ctx;
    VEC_PUSH(&w->hashes, hash);
}

static int cmp_u64(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static size_t distinct(struct words *w) {
    size_t n = w->hashes.n > 0;
    qsort(w->hashes.p, w->hashes.n, sizeof *w->hashes.p, cmp_u64);
    for (size_t i = 1; i < w->hashes.n; i++)
        n += w->hashes.p[i] != w->hashes.p[i - 1];
    return n;
}

static struct str build(struct block_builder *builder, const struct batch *b, struct words *words, struct stages *t) {
    bool merge = words != NULL;
    struct block_build_options o = { .table = TABLE_LOGS, .templates = merge, .word = merge ? keep_word : NULL, .ctx = words };
    int64_t at_ns = clock_mono_ns(&clock_real);
    block_builder_start(builder, &o, b, NULL, b->rows.n);
    for (bool done = false; !done;) {
        char name[32];
        struct str phase = block_builder_phase(builder);
        (void)snprintf(name, sizeof name, "%s: " STR_FMT, merge ? "merge" : "block", STR_ARG(phase));
        done = block_builder_step(builder);
        add(t, name, since(&at_ns));
    }
    return block_builder_finish(builder);
}

static void read_back(struct str bytes, struct stages *t, const char *name) {
    struct block_source source = { .mem = bytes.p, .size_bytes = bytes.n };
    struct err_text why;
    struct block *block;
    AUTO(arena) mem;
    arena_init(&mem, 0);
    int64_t at_ns = clock_mono_ns(&clock_real);
    ASSERT(block_open(&source, &why, &block) == ERR_OK);
    uint32_t column = block_column_find(block, STR("@message"), VALUE_STRING);
    for (uint32_t p = 0; p < block_info(block)->page_count; p++) {
        struct column_page page;
        ASSERT(block_read_column(block, column, p, &mem, &page) == ERR_OK);
    }
    add(t, name, since(&at_ns));
    block_free(block);
}

struct round {
    struct traffic_body body;
    struct field_dict fields;
    struct stream_dict streams;
    struct batch batch;
    struct decode_memo *memo;
    struct block_builder *builder;
    struct random random;
    int64_t time_ns;
    size_t text_bytes, template_bytes, distinct_words;
    struct words words;
};

static void run_round(struct round *r, struct stages *t) {
    static const struct str labels[] = { { "service", 7 }, { "host", 4 } };
    AUTO(buf) packed = { 0 };
    int64_t at_ns = clock_mono_ns(&clock_real);
    traffic_patch(&r->body, &r->random, &r->time_ns, NS_PER_MS / 50);
    add(t, "generator: patch", since(&at_ns));
    ASSERT(compress_zstd(buf_str(&r->body.text), 1, &packed) == ERR_OK);
    add(t, "(zstd -1 of the raw lines)", since(&at_ns));
    batch_clear(&r->batch);
    at_ns = clock_mono_ns(&clock_real);
    decode_all(&r->batch, &r->body, &r->memo, labels);
    add(t, "JSON decode", since(&at_ns));
    struct str bytes = build(r->builder, &r->batch, NULL, t);
    r->text_bytes = bytes.n;
    at_ns = clock_mono_ns(&clock_real);
    (void)crc32c(0, bytes.p, bytes.n);
    add(t, "frame: CRC32C", since(&at_ns));
    read_back(bytes, t, "read: message as text");
    r->words.hashes.n = 0;
    bytes = build(r->builder, &r->batch, &r->words, t);
    r->template_bytes = bytes.n;
    r->distinct_words = distinct(&r->words);
    read_back(bytes, t, "read: message as templates");
}

int bench_stages(const struct traffic *traffic) {
    struct round *r = HEAP_NEW(struct round);
    struct stages best = { .count = 0 };
    random_init(&r->random, 3);
    for (int i = 0; i < LINES; i++)
        traffic_add_line(traffic, &r->random, TRAFFIC_SERVICES, &r->body);
    field_dict_init(&r->fields);
    stream_dict_init(&r->streams);
    batch_init(&r->batch, &r->fields, &r->streams, 0);
    r->builder = block_builder_new();
    r->time_ns = clock_now_ns(&clock_real);
    for (int i = 0; i < ROUNDS; i++) {
        struct stages t = { .count = 0 };
        run_round(r, &t);
        for (size_t k = 0; k < t.count; k++)
            if (i == 0 || t.s[k].ns < best.s[k].ns)
                best.s[k] = t.s[k];
        best.count = t.count;
    }
    printf("%-32s %10s\n", "stage", "ns/line");
    for (size_t k = 0; k < best.count; k++)
        printf("%-32s %10.1f\n", best.s[k].name, best.s[k].ns);
    printf("%.0f raw bytes a line; block of text %.2f (1/%.1f), of templates %.2f (1/%.1f); %.2f distinct words a line\n", (double)r->body.text.n / LINES,
           (double)r->text_bytes / LINES, (double)r->body.text.n / (double)r->text_bytes, (double)r->template_bytes / LINES,
           (double)r->body.text.n / (double)r->template_bytes, (double)r->distinct_words / LINES);
    VEC_FINI(&r->words.hashes);
    block_builder_free(r->builder);
    batch_fini(&r->batch);
    field_dict_fini(&r->fields);
    stream_dict_fini(&r->streams);
    if (r->memo && ingest_find(STR("json"))->memo_free)
        ingest_find(STR("json"))->memo_free(r->memo);
    traffic_body_fini(&r->body);
    heap_free(r);
    return 0;
}
