#include "base/clock.h"
#include "base/heap.h"
#include "base/random.h"
#include "block/block_build.h"
#include "block/block_private.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * What a block costs: nanoseconds a line for each stage, bytes a line for each column, and the ratio to the
 * raw JSON lines.
 *
 *     block_bench                     made-up logs: eight services, 2,400 templates, ids, durations
 *     block_bench FILE…               the same, with lines of the files as messages, each file a service
 *     block_bench --raw FILE…         lines of the files as they are: nothing but a message
 *     block_bench --templates …       with template encoding, as merges do
 *     block_bench --words …           telling words and ids, as merges do
 *
 * Made-up lines are 240 bytes of JSON on average; a cell points into its line as it does after a real
 * decoder. Nothing but the vocabulary is drawn twice: times, ids and numbers differ from line to line.
 */
enum {
    SERVICES = 8,
    SERVICES_MAX = 24,
    TEMPLATES = 300 /* a service */,
    WORDS = 400,
    PIECES_MAX = 24,
    HOSTS = 32,
    RUNS = 7
};

enum variable {
    VAR_NONE,
    VAR_SMALL,
    VAR_SIZE,
    VAR_PORT,
    VAR_IP,
    VAR_COUNTER,
    VAR_ORDER,
    VAR_HEX,
    VAR_MILLIS,
    VAR_KINDS
};
struct piece {
    char text[24];
    enum variable variable;
};
struct message_template {
    struct piece pieces[PIECES_MAX];
    unsigned count;
};
struct corpus {
    struct field_dict fields;
    struct stream_dict streams;
    struct batch batch;
    struct random random;
    struct message_template *templates;
    char words[WORDS][12];
    uint32_t stream_numbers[SERVICES_MAX][HOSTS];
    uint64_t counters[SERVICES];
    uint64_t traces[64];
    char *bytes;
    size_t bytes_used;
    int64_t time_ns;
};

static uint64_t below(struct corpus *c, uint64_t n) {
    return random_below(&c->random, n);
}

/* Low numbers are likely: about 1 / (k + 1). */
static uint64_t zipf(struct corpus *c, uint64_t n) {
    double u = random_unit(&c->random);
    uint64_t k = 1;
    double x = u;
    while (k * 2 <= n && x < 0.85)
        k *= 2, x = random_unit(&c->random);
    uint64_t v = k - 1 + below(c, k);
    return v < n ? v : n - 1;
}

static void make_words(struct corpus *c) {
    static const char *const onsets[] = { "b", "c", "d", "f", "g",  "l",  "m", "n",
                                          "p", "r", "s", "t", "st", "tr", "v" };
    static const char *const rimes[] = { "ait", "ate", "ail", "ect", "est", "ing",
                                         "o",   "ush", "ock", "age", "ed",  "er" };
    for (unsigned i = 0; i < WORDS; i++)
        (void)snprintf(c->words[i], sizeof c->words[i], "%s%s%s", onsets[below(c, COUNT_OF(onsets))],
                       rimes[below(c, COUNT_OF(rimes))], below(c, 2) ? rimes[below(c, COUNT_OF(rimes))] : "");
}

/* About 11 tokens, 4 or 5 of them with digits (an address is four). */
static void make_templates(struct corpus *c) {
    c->templates = HEAP_ARRAY(struct message_template, SERVICES * TEMPLATES);
    for (unsigned t = 0; t < SERVICES * TEMPLATES; t++) {
        struct message_template *m = &c->templates[t];
        unsigned count = 8 + (unsigned)below(c, 7);
        for (unsigned i = 0; i < count; i++) {
            struct piece *p = &m->pieces[m->count++];
            bool variable = i > 0 && below(c, 100) < 26;
            static const char *const joints[] = { " ", " ", " ", "=", ": ", " [", "/" };
            (void)snprintf(p->text, sizeof p->text, "%s%s", i ? joints[below(c, COUNT_OF(joints))] : "",
                           variable ? "" : c->words[zipf(c, WORDS)]);
            p->variable = variable ? (enum variable)(1 + below(c, VAR_KINDS - 1)) : VAR_NONE;
        }
    }
}

static char *add_variable(struct corpus *c, enum variable v, unsigned service, char *to) {
    switch (v) {
    case VAR_SMALL: return to + sprintf(to, "%u", (unsigned)zipf(c, 10));
    case VAR_SIZE: return to + sprintf(to, "%u", (unsigned)zipf(c, 60000) * 8);
    case VAR_PORT: return to + sprintf(to, "%u", 1024 + (unsigned)zipf(c, 60000));
    case VAR_IP: return to + sprintf(to, "10.%u.3.%u", service, (unsigned)zipf(c, 250));
    case VAR_COUNTER: return to + sprintf(to, "%" PRIu64, 4000000 + c->counters[service]++);
    case VAR_ORDER: return to + sprintf(to, "ord-%u", 100000 + (unsigned)zipf(c, 50000));
    case VAR_HEX: return to + sprintf(to, "0x%06x", (unsigned)zipf(c, 1 << 22));
    case VAR_MILLIS: return to + sprintf(to, "%ums", (unsigned)zipf(c, 3000));
    default: return to;
    }
}

static struct str made_message(struct corpus *c, unsigned service, char *to) {
    const struct message_template *m = &c->templates[service * TEMPLATES + zipf(c, TEMPLATES)];
    char *p = to;
    for (unsigned i = 0; i < m->count; i++) {
        p += sprintf(p, "%s", m->pieces[i].text);
        p = add_variable(c, m->pieces[i].variable, service, p);
    }
    return (struct str){ to, (size_t)(p - to) };
}

static void corpus_init(struct corpus *c, size_t bytes) {
    static const char *const names[] = { "api-gateway", "auth",   "billing", "cart",
                                         "checkout",    "ledger", "search",  "shipping" };
    *c = (struct corpus){ .bytes = heap_alloc(bytes), .time_ns = 1700000000000000000 };
    random_init(&c->random, 42);
    field_dict_init(&c->fields);
    stream_dict_init(&c->streams);
    batch_init(&c->batch, &c->fields, &c->streams, 0);
    make_words(c);
    make_templates(c);
    for (unsigned s = 0; s < SERVICES_MAX; s++)
        for (unsigned h = 0; h < HOSTS; h++) {
            char labels[64];
            int n = snprintf(labels, sizeof labels, "service%c%s-%u%chost%chost-%02u", 0,
                             names[s % COUNT_OF(names)], s, 0, 0, h);
            c->stream_numbers[s][h] = stream_dict_put(&c->streams, (struct str){ labels, (size_t)n + 1 });
        }
}

/* Appends `text` to the line and remembers it as a cell. */
static char *text_cell(struct corpus *c, char *p, const char *before, uint32_t field, struct str text) {
    p += sprintf(p, "%s", before);
    memcpy(p, text.p, text.n);
    batch_cell(&c->batch, cell_bytes(field, VALUE_STRING, (struct str){ p, text.n }));
    return p + text.n;
}

static char *trace_cell(struct corpus *c, char *p) {
    char id[40];
    uint64_t *trace = &c->traces[below(c, COUNT_OF(c->traces))];
    if (*trace == 0 || below(c, 4) == 0)
        *trace = random_u64(&c->random);
    (void)sprintf(id, "%016" PRIx64 "%016" PRIx64, *trace * 0x9e3779b97f4a7c15, *trace);
    return text_cell(c, p, "\",\"trace_id\":\"", FIELD_TRACE_ID, (struct str){ id, 32 });
}

static void add_line(struct corpus *c, unsigned service, struct str message) {
    static const char *const levels[] = { "INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR" };
    static const int statuses[] = { 200, 200, 200, 204, 404, 500, 503 };
    struct row *r = batch_row_begin(&c->batch);
    char *line = c->bytes + c->bytes_used, *p = line, text[32];
    unsigned host = (unsigned)zipf(c, HOSTS);
    c->time_ns += below(c, 3) == 0 ? 1000000 : 0; /* in bursts: lines of one millisecond */
    r->time_ns = c->time_ns;
    r->received_ms = c->batch.rows.n % 4000 ? r[-1].received_ms : c->time_ns / 1000000;
    r->stream = c->stream_numbers[service][host];
    p += sprintf(p,
                 "{\"@timestamp\":\"2026-11-21T06:52:%02" PRId64 ".%03" PRId64
                 "Z\",\"service\":\"checkout\",\"host\":\"host-%02u",
                 c->time_ns / 1000000000 % 60, c->time_ns / 1000000 % 1000, host);
    p = text_cell(c, p, "\",\"level\":\"", FIELD_LEVEL, str_of(levels[zipf(c, 6)]));
    if (below(c, 5) == 0)
        p = trace_cell(c, p);
    (void)sprintf(text, "u-%" PRIu64, 10000 + zipf(c, 40000));
    p = text_cell(c, p, "\",\"user_id\":\"", field_dict_put(&c->fields, STR("user_id")), str_of(text));
    double millis = (double)(zipf(c, 20000) + below(c, 10)) / 10;
    batch_cell(&c->batch, cell_float(field_dict_put(&c->fields, STR("duration_ms")), millis));
    int status = statuses[zipf(c, 7)];
    batch_cell(&c->batch, cell_int(field_dict_put(&c->fields, STR("status")), VALUE_INT, status));
    p += sprintf(p, "\",\"duration_ms\":%g,\"status\":%d", millis, status);
    p = text_cell(c, p, ",\"region\":\"", field_dict_put(&c->fields, STR("region")),
                  below(c, 3) ? STR("eu-west-1") : STR("us-east-2"));
    p = text_cell(c, p, "\",\"message\":\"", FIELD_MESSAGE, message);
    p += sprintf(p, "\"}\n");
    r->raw_bytes = (uint32_t)(p - line);
    c->bytes_used += r->raw_bytes;
    batch_row_end(&c->batch);
}

static void made_corpus(struct corpus *c, size_t rows) {
    char message[1024];
    corpus_init(c, rows * 1024);
    for (size_t i = 0; i < rows; i++) {
        unsigned service = (unsigned)zipf(c, SERVICES);
        add_line(c, service, made_message(c, service, message));
    }
}

static void add_raw(struct corpus *c, unsigned service, struct str line) {
    struct row *r = batch_row_begin(&c->batch);
    r->time_ns = c->time_ns += 1000000;
    r->received_ms = c->time_ns / 1000000;
    r->stream = c->stream_numbers[service][0];
    r->raw_bytes = (uint32_t)line.n + 1;
    batch_cell(&c->batch, cell_bytes(FIELD_MESSAGE, VALUE_STRING, line));
    batch_row_end(&c->batch);
}

/* Lines of files, in turn from each file. */
static void file_corpus(struct corpus *c, char **paths, int count, size_t rows, bool raw) {
    struct str rest[SERVICES_MAX] = { { 0 } };
    size_t bytes = 0;
    for (int i = 0; i < count && i < SERVICES_MAX; i++) {
        FILE *f = fopen(paths[i], "r"); // tidy: allow
        if (!f)
            exit(2);
        char *text = heap_alloc(64 << 20);
        rest[i] = (struct str){ text, fread(text, 1, 64 << 20, f) };
        bytes += rest[i].n;
        (void)fclose(f);
    }
    corpus_init(c, bytes * 8);
    for (bool more = true; more && c->batch.rows.n < rows;) {
        more = false;
        for (int i = 0; i < count && i < SERVICES_MAX && c->batch.rows.n < rows; i++) {
            struct str line;
            if (!str_cut(&rest[i], '\n', &line))
                continue;
            more = true;
            (raw ? add_raw : add_line)(c, (unsigned)i, line);
        }
    }
}

struct stage {
    struct str name;
    int64_t ns, longest_ns;
};
struct timing {
    struct stage stages[32];
    unsigned count;
    int64_t total_ns;
};

static struct str timed_build(struct block_builder *b, const struct corpus *c,
                              const struct block_build_options *o, struct timing *t) {
    *t = (struct timing){ 0 };
    block_builder_start(b, o, &c->batch, NULL, c->batch.rows.n);
    for (bool done = false; !done;) {
        struct str name = block_builder_phase(b);
        int64_t from_ns = clock_mono_ns(&clock_real);
        done = block_builder_step(b);
        int64_t ns = clock_mono_ns(&clock_real) - from_ns;
        if (t->count == 0 || !str_eq(t->stages[t->count - 1].name, name))
            t->stages[t->count++] = (struct stage){ .name = name };
        struct stage *s = &t->stages[t->count - 1];
        s->ns += ns;
        s->longest_ns = ns > s->longest_ns ? ns : s->longest_ns;
        t->total_ns += ns;
    }
    return block_builder_finish(b);
}

/* The fastest of several runs. */
static struct str best_build(struct block_builder *b, const struct corpus *c,
                             const struct block_build_options *o, struct timing *best) {
    struct str bytes = { 0 };
    for (int i = 0; i < RUNS; i++) {
        struct timing t;
        bytes = timed_build(b, c, o, &t);
        if (i == 0 || t.total_ns < best->total_ns)
            *best = t;
    }
    return bytes;
}

static void print_stages(const struct timing *t, const struct timing *plain, size_t rows) {
    printf("  %-12s %10s %14s %14s\n", "stage", "ns/line", "without zstd", "longest step us");
    for (unsigned i = 0; i < t->count; i++)
        printf("  %-12.*s %10.1f %14.1f %14.0f\n", STR_ARG(t->stages[i].name),
               (double)t->stages[i].ns / (double)rows, (double)plain->stages[i].ns / (double)rows,
               (double)t->stages[i].longest_ns / 1e3);
    printf("  %-12s %10.1f %14.1f\n", "all", (double)t->total_ns / (double)rows,
           (double)plain->total_ns / (double)rows);
}

static void print_column(const char *name, struct str label, uint64_t shared, uint64_t pages,
                         uint8_t encoding, size_t rows) {
    printf("  %-10s " STR_FMT "%*s %10.3f %10.3f   encoding %u\n", name, STR_ARG(label), (int)(16 - label.n),
           "", (double)shared / (double)rows, (double)pages / (double)rows, encoding);
}

static uint64_t pages_bytes(const struct block *b, const struct page_entry *pages) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < b->info.page_count; i++)
        bytes += pages[i].part.bytes;
    return bytes;
}

static void print_columns(struct str bytes, size_t rows) {
    struct block *b;
    struct err_text why;
    if (block_open(&(struct block_source){ .mem = bytes.p, .size_bytes = bytes.n }, &why, &b))
        exit(3);
    printf("  bytes a line: %20s %10s\n", "shared", "pages");
    print_column("", STR("(head, streams)"), b->parts_offset + b->streams_part.bytes, 0, 0, rows);
    print_column("", STR("(time)"), 0, pages_bytes(b, b->times), ENCODING_INT, rows);
    print_column("", STR("(received)"), 0, pages_bytes(b, b->received), ENCODING_INT, rows);
    for (uint32_t i = 0; i < b->info.column_count; i++)
        print_column("", b->columns[i].name, b->entries[i].shared.bytes, pages_bytes(b, b->entries[i].pages),
                     b->entries[i].pages[0].encoding, rows);
    block_free(b);
}

static int64_t read_all(const struct block *b, uint32_t column, struct arena *mem) {
    int64_t from_ns = clock_mono_ns(&clock_real);
    for (uint32_t page = 0; page < b->info.page_count; page++) {
        struct column_page p;
        arena_reset(mem);
        if (block_read_column(b, column, page, mem, &p))
            exit(4);
    }
    return clock_mono_ns(&clock_real) - from_ns;
}

static void print_time_reading(const struct block *b, struct arena *mem, size_t rows) {
    int64_t best_ns = INT64_MAX;
    for (int run = 0; run < RUNS; run++) {
        int64_t from_ns = clock_mono_ns(&clock_real);
        for (uint32_t page = 0; page < b->info.page_count; page++) {
            const int64_t *times;
            arena_reset(mem);
            if (block_read_times(b, page, mem, &times))
                exit(4);
        }
        int64_t ns = clock_mono_ns(&clock_real) - from_ns;
        best_ns = ns < best_ns ? ns : best_ns;
    }
    printf("  %-24s %8.2f\n", "(time)", (double)best_ns / (double)rows);
}

static void print_reading(struct str bytes, size_t rows) {
    AUTO(arena) mem;
    arena_init(&mem, 0);
    printf("  reading, ns a line:\n");
    struct block *b;
    struct err_text why;
    int64_t open_ns = INT64_MAX;
    for (int run = 0; run < RUNS; run++) {
        int64_t from_ns = clock_mono_ns(&clock_real);
        if (block_open(&(struct block_source){ .mem = bytes.p, .size_bytes = bytes.n }, &why, &b))
            exit(3);
        int64_t ns = clock_mono_ns(&clock_real) - from_ns;
        open_ns = ns < open_ns ? ns : open_ns;
        block_free(b);
    }
    printf("  %-24s %8.2f (%.0f us)\n", "(open)", (double)open_ns / (double)rows, (double)open_ns / 1e3);
    if (block_open(&(struct block_source){ .mem = bytes.p, .size_bytes = bytes.n }, &why, &b))
        exit(3);
    print_time_reading(b, &mem, rows);
    for (uint32_t i = 0; i < b->info.column_count; i++) {
        int64_t best_ns = INT64_MAX;
        for (int run = 0; run < RUNS; run++) {
            int64_t ns = read_all(b, i, &mem);
            best_ns = ns < best_ns ? ns : best_ns;
        }
        printf("  " STR_FMT "%*s %8.2f\n", STR_ARG(b->columns[i].name), (int)(24 - b->columns[i].name.n), "",
               (double)best_ns / (double)rows);
    }
    block_free(b);
}

static void hear_word(void *ctx, uint64_t hash) {
    *(uint64_t *)ctx += hash;
}
static void hear_id(void *ctx, uint64_t prefix, uint32_t page) {
    *(uint64_t *)ctx += prefix + page;
}

static void bench(const char *title, const struct corpus *c, bool templates, bool words) {
    struct block_builder *b = block_builder_new();
    struct block_build_options o = { .table = TABLE_LOGS, .templates = templates };
    struct timing plain, full;
    size_t rows = c->batch.rows.n;
    uint64_t heard = 0;
    if (words) {
        o.word = hear_word;
        o.id = hear_id;
        o.ctx = &heard;
    }
    o.zstd_level = BLOCK_ZSTD_NONE;
    (void)best_build(b, c, &o, &plain);
    o.zstd_level = 0;
    struct str bytes = best_build(b, c, &o, &full);
    printf("%s: %zu rows, %.1f raw bytes a line, block %zu bytes = %.2f a line, ratio %.2f; %.0f us\n", title,
           rows, (double)c->batch.raw_bytes / (double)rows, bytes.n, (double)bytes.n / (double)rows,
           (double)c->batch.raw_bytes / (double)bytes.n, (double)full.total_ns / 1e3);
    print_stages(&full, &plain, rows);
    print_columns(bytes, rows);
    print_reading(bytes, rows);
    block_builder_free(b);
}

int main(int argc, char **argv) {
    static const size_t sizes[] = { 32768, 8192, 1000, 100, 1 };
    bool templates = false, raw = false, words = false;
    int first = 1;
    for (; first < argc && argv[first][0] == '-'; first++) {
        templates |= strcmp(argv[first], "--templates") == 0;
        raw |= strcmp(argv[first], "--raw") == 0;
        words |= strcmp(argv[first], "--words") == 0;
    }
    struct corpus *c = HEAP_NEW(struct corpus);
    if (argc > first) {
        file_corpus(c, argv + first, argc - first, BLOCK_ROWS_TARGET, raw);
        bench("files", c, templates, words);
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        made_corpus(c, sizes[i]);
        bench("made up", c, templates, words);
    }
    return 0;
}
