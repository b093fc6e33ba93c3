#include "base/heap.h"
#include "store/index_words.h"
#include "store/merge.h"
#include "store/store_fixture.h"
#include "store/store_state.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
/*
 * What flush, merge and lookups cost:
 *
 *     store_bench [rows in millions, default 4]      one flush for each two million, then all is merged
 *     store_bench MILLIONS close                      small merges, then the window closes
 *     store_bench 0 SEGMENTS                          scans over many segments
 *
 * Rows are like the lines of a small shop: eight services on 32 hosts, 2,400 message templates, one row in
 * five with a trace id, about 240 bytes as JSON. They come in blocks of 32,768 from two producers whose times
 * interleave.
 */
enum { SERVICES = 8, HOSTS = 4, TEMPLATES = 300, WORDS = 400, PIECES = 14, RAW_BYTES = 240 };

struct shop {
    struct store_fixture f;
    struct random random;
    char words[WORDS][12];
    char templates[SERVICES][TEMPLATES][PIECES * 13];
    uint32_t streams[SERVICES][HOSTS];
    uint64_t trace;
    int64_t time_ns;
    char text[BLOCK_ROWS_TARGET * 512];
    size_t used;
    uint64_t some_trace;
};

static int64_t mono_ns(void) {
    return clock_mono_ns(&clock_real);
}
static uint64_t below(struct shop *s, uint64_t n) {
    return random_below(&s->random, n);
}
static uint64_t skewed(struct shop *s, uint64_t n) {
    double u = random_unit(&s->random);
    return (uint64_t)(u * u * u * (double)n);
}

static void make_templates(struct shop *s) {
    for (unsigned w = 0; w < WORDS; w++) {
        size_t n = 3 + below(s, 6);
        for (size_t i = 0; i < n; i++)
            s->words[w][i] = (char)('a' + below(s, 26));
    }
    for (unsigned v = 0; v < SERVICES; v++)
        for (unsigned t = 0; t < TEMPLATES; t++) {
            char *to = s->templates[v][t];
            size_t pieces = 8 + below(s, PIECES - 8);
            for (size_t p = 0; p < pieces; p++)
                to = stpcpy(stpcpy(to, p ? " " : ""),
                            p && below(s, 100) < 28 ? "#" : s->words[skewed(s, WORDS)]);
        }
}

static void make_streams(struct shop *s) {
    static const char *const names[SERVICES] = { "api",      "auth",   "billing", "cart",
                                                 "checkout", "ledger", "search",  "ship" };
    for (unsigned v = 0; v < SERVICES; v++)
        for (unsigned h = 0; h < HOSTS; h++) {
            char host[24];
            (void)snprintf(host, sizeof host, "%s-%u.eu.example", names[v], h);
            struct label labels[] = { { STR("service"), str_of(names[v]) }, { STR("host"), str_of(host) } };
            AUTO(buf) canonical = { 0 };
            if (labels_canonical(labels, 2, &canonical, NULL) != ERR_OK)
                abort();
            s->streams[v][h] = stream_dict_put(&s->f.streams, buf_str(&canonical));
        }
}

static struct str take(struct shop *s, char *end) {
    struct str t = { s->text + s->used, (size_t)(end - (s->text + s->used)) };
    s->used += t.n;
    return t;
}

static struct str message(struct shop *s, unsigned service) {
    char *to = s->text + s->used;
    for (const char *p = s->templates[service][skewed(s, TEMPLATES)]; *p; p++) {
        if (*p != '#')
            *to++ = *p;
        else if (below(s, 3))
            to += sprintf(to, "%" PRIu64, skewed(s, 60000));
        else
            to += sprintf(to, "ord-%" PRIu64, 100000 + skewed(s, 50000));
    }
    return take(s, to);
}

static void add(struct shop *s, const char *name, enum value_type type, struct str text) {
    batch_cell(&s->f.batch, cell_bytes(field_dict_put(&s->f.fields, str_of(name)), type, text));
}

static void add_row(struct shop *s, int64_t skew_ns) {
    static const char *const levels[] = { "info", "info", "info", "debug", "warn", "error" };
    unsigned service = (unsigned)below(s, SERVICES);
    struct row *r = batch_row_begin(&s->f.batch);
    s->time_ns += (int64_t)below(s, 2000);
    r->time_ns = (s->time_ns - skew_ns) / 1000 * 1000;
    r->received_ms = s->time_ns / 1000000;
    r->stream = s->streams[service][below(s, HOSTS)];
    r->raw_bytes = RAW_BYTES;
    add(s, "@message", VALUE_STRING, message(s, service));
    add(s, "level", VALUE_STRING, str_of(levels[below(s, COUNT_OF(levels))]));
    add(s, "user_id", VALUE_STRING,
        take(s, s->text + s->used + sprintf(s->text + s->used, "u-%" PRIu64, below(s, 1000000))));
    batch_cell(&s->f.batch,
               cell_int(field_dict_put(&s->f.fields, STR("status")), VALUE_INT, below(s, 20) ? 200 : 500));
    batch_cell(&s->f.batch,
               cell_float(field_dict_put(&s->f.fields, STR("duration_ms")), (double)skewed(s, 30000) / 10));
    if (below(s, 5) == 0) {
        s->trace += below(s, 3) == 0;
        uint64_t id = s->trace * (uint64_t)0x9e3779b97f4a7c15;
        s->some_trace = id;
        add(s, "trace_id", VALUE_STRING,
            take(s, s->text + s->used +
                        sprintf(s->text + s->used, "%016" PRIx64 "%016" PRIx64, id, id ^ (id >> 7))));
    }
    batch_row_end(&s->f.batch);
}

static void fill(struct shop *s, size_t blocks) {
    for (size_t b = 0; b < blocks; b++) {
        s->used = 0;
        for (size_t i = 0; i < BLOCK_ROWS_TARGET; i++)
            add_row(s, b % 2 ? 40000000 : 0);
        if (!fixture_publish(&s->f, TABLE_LOGS))
            abort();
    }
}

static size_t resident_bytes(const char *what) {
    char line[256];
    size_t kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, what, strlen(what)) == 0)
            kib = strtoull(line + strlen(what) + 1, NULL, 10);
    if (f)
        (void)fclose(f);
    return kib << 10;
}

static void print_stats(struct shop *s, const char *what) {
    struct store_stats st;
    store_stats(s->f.store, &st);
    printf("%-10s %" PRIu64
           " segments, %.2f bytes a row, raw : segments %.1f, VmHWM %zu MiB, VmRSS %zu MiB\n",
           what, st.segments, st.segment_rows ? (double)st.segment_bytes / (double)st.segment_rows : 0,
           st.segment_bytes ? (double)st.raw_bytes / (double)st.segment_bytes : 0,
           resident_bytes("VmHWM:") >> 20, resident_bytes("VmRSS:") >> 20);
}

static void lookup(struct shop *s, const char *what, struct scan_request r) {
    size_t blocks = 0;
    int64_t best_ns = INT64_MAX;
    for (int run = 0; run < 5; run++) {
        int64_t start_ns = mono_ns();
        struct scan *c;
        if (store_scan(s->f.store, &r, &s->f.why, &c) != ERR_OK)
            abort();
        int64_t took_ns = mono_ns() - start_ns;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
        blocks = scan_count(c);
        scan_close(c);
    }
    printf("scan %-10s %zu blocks, %.3f ms\n", what, blocks, (double)best_ns / 1e6);
}

static void timed(struct shop *s, const char *what, enum err (*work)(struct store *s, struct err_text *why),
                  size_t rows) {
    struct timespec a, b;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    int64_t start_ns = mono_ns();
    if (work(s->f.store, &s->f.why) != ERR_OK) {
        printf("%s: %s\n", what, s->f.why.msg);
        exit(1);
    }
    int64_t took_ns = mono_ns() - start_ns;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    double cpu_ns = (double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec);
    printf("%-10s %.0f ns a row (%.0f of CPU), %.2f s\n", what, (double)took_ns / (double)rows,
           cpu_ns / (double)rows, (double)took_ns / 1e9);
    print_stats(s, what);
}

/* Small merges in an open window, then the window closes. */
static void close_window(struct shop *s, size_t blocks) {
    enum { FLUSH_BLOCKS = 10 };
    for (size_t done = 0; done < blocks; done += FLUSH_BLOCKS) {
        fill(s, FLUSH_BLOCKS);
        row_lines_fini(&s->f.ledger);
        s->f.now_ns = s->time_ns + 61 * NS_PER_S;
        if (store_flush(s->f.store, &s->f.why) != ERR_OK || merge_due(s->f.store, &s->f.why) != ERR_OK)
            abort();
    }
    print_stats(s, "small");
    s->f.now_ns += 2 * 3600 * NS_PER_S;
    timed(s, "close", merge_due,
          (blocks + FLUSH_BLOCKS - 1) / FLUSH_BLOCKS * FLUSH_BLOCKS * BLOCK_ROWS_TARGET);
}

/* Many small segments: what a scan costs when nothing matches. */
static void many_segments(struct shop *s, size_t count) {
    for (size_t i = 0; i < count; i++) {
        s->time_ns += 3600 * NS_PER_S;
        s->used = 0;
        for (size_t k = 0; k < 2000; k++)
            add_row(s, 0);
        if (!fixture_publish(&s->f, TABLE_LOGS))
            abort();
        row_lines_fini(&s->f.ledger);
        if (i % 16 == 15 && store_flush(s->f.store, &s->f.why) != ERR_OK)
            abort();
    }
    timed(s, "many", store_merge, count * 2000);
    fixture_reopen(&s->f);
    print_stats(s, "reopened");
}

/* Where the bytes of segments go. */
static void breakdown(struct shop *s) {
    uint64_t blocks = 0, words = 0, tail = 0, all = 0, rows = 0;
    for (size_t i = 0; i < s->f.store->segments.n; i++) {
        struct segment *g = s->f.store->segments.p[i];
        AUTO(arena) mem;
        arena_init(&mem, 0);
        struct segment_block *b;
        struct segment_footer footer;
        uint32_t count;
        bool walked;
        if (segment_pin(g, NULL) != ERR_OK || segment_blocks(g, &mem, &b, &count, &walked) != ERR_OK ||
            segment_footer(g, &footer) != ERR_OK)
            abort();
        for (uint32_t k = 0; k < count; k++) {
            blocks += b[k].size_bytes;
            words += b[k].filter_lines ? (b[k].filter_lines + 1ull) * WORD_LINE_BYTES : 0;
        }
        for (unsigned k = 0; k < SEGMENT_SECTION_SLOTS; k++)
            tail += footer.sections[k].size_bytes;
        all += g->m.size_bytes;
        rows += g->m.rows;
        segment_unpin(g);
    }
    double n = rows ? (double)rows : 1;
    printf("bytes a row: blocks %.2f, word filters %.2f, id pages %.2f, sections %.2f\n", (double)blocks / n,
           (double)words / n, (double)(all - blocks - words - tail) / n, (double)tail / n);
}

static void lookups(struct shop *s) {
    breakdown(s);
    int64_t start_ns = mono_ns();
    fixture_reopen(&s->f);
    printf("reopen %.1f ms\n", (double)(mono_ns() - start_ns) / 1e6);
    struct scan_request all = fixture_request(TABLE_LOGS), word = all, id = all;
    uint64_t hash = 0x123456789abcdef, trace = s->some_trace;
    word.words = &hash;
    word.word_count = 1;
    id.ids = &trace;
    id.id_count = 1;
    lookup(s, "all", all);
    lookup(s, "word", word);
    lookup(s, "id", id);
}

int main(int argc, char **argv) {
    size_t blocks = (size_t)((argc > 1 ? atof(argv[1]) : 4) * 1e6 / BLOCK_ROWS_TARGET);
    struct shop *s = HEAP_NEW(struct shop);
    random_init(&s->random, 7);
    fixture_temp(&s->f);
    make_templates(s);
    make_streams(s);
    s->time_ns = s->f.now_ns / 3600000000000 * 3600000000000 + 1000000000;
    s->f.config.flush_bytes = 1ull << 40;
    if (fixture_open(&s->f) != ERR_OK)
        return 1;
    if (argc > 2) {
        if (strcmp(argv[2], "close") == 0)
            close_window(s, blocks);
        else
            many_segments(s, (size_t)atoi(argv[2]));
        lookups(s);
        fixture_fini(&s->f);
        return 0;
    }
    int64_t start_ns = mono_ns();
    size_t rows = blocks * BLOCK_ROWS_TARGET;
    for (size_t done = 0; done < blocks;) {
        size_t n = blocks - done < 64 ? blocks - done : 64;
        fill(s, n);
        row_lines_fini(&s->f.ledger);
        done += n;
        if (done < blocks && store_flush(s->f.store, &s->f.why) != ERR_OK)
            return 1;
    }
    printf("%zu rows made and published in %.1f s\n", rows, (double)(mono_ns() - start_ns) / 1e9);
    print_stats(s, "live");
    timed(s, "flush", store_flush, rows);
    timed(s, "merge", store_merge, rows);
    lookups(s);
    fixture_fini(&s->f);
    return 0;
}
