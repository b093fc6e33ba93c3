#include "base/bits.h"
#include "base/clock.h"
#include "base/vec.h"
#include "block/strip.h"
#include "block/template.h"
#include "block/template_split.h"
#include <stdio.h>
#include <stdlib.h>
/*
 * template_bench FILE…: each file's lines as one part. Prints bytes a line beside zstd -1 of the same bytes,
 * and nanoseconds a line (the best of some rounds) of splitting, encoding (without and with words), and of
 * searching and building text, each from the encoded bytes (opening and decompressing included).
 */
enum { ROUNDS = 9, LINES_MAX = 65536, FILE_BYTES_MAX = 64 << 20 };

struct bench {
    VEC(struct str) lines;
    struct template_encoder *encoder;
    struct buf part, text;
    uint32_t *offsets;
    struct arena mem;
    size_t words;
};

static void count_word(void *ctx, uint64_t hash) {
    *(size_t *)ctx += hash != 0;
}

static double run_split(struct bench *b) {
    struct template_span spans[TEMPLATE_SLOTS_MAX];
    size_t variables = 0;
    for (size_t i = 0; i < b->lines.n; i++)
        variables += template_split(b->lines.p[i], spans);
    return (double)variables;
}

static double run_encode(struct bench *b) {
    buf_clear(&b->part);
    return template_encode(b->encoder, b->lines.p, b->lines.n, 1, NULL, NULL, &b->part);
}

static double run_encode_words(struct bench *b) {
    buf_clear(&b->part);
    return template_encode(b->encoder, b->lines.p, b->lines.n, 1, count_word, &b->words, &b->part);
}

static struct template_part *open_part(struct bench *b) {
    struct template_part *p = NULL;
    arena_reset(&b->mem);
    if (template_part_open(buf_str(&b->part), &b->mem, &p) != ERR_OK)
        exit(1);
    return p;
}

static double run_open(struct bench *b) {
    return (double)template_part_count(open_part(b));
}

static double match(struct bench *b, enum text_match_kind kind, const char *needle) {
    struct text_match *m = NULL;
    struct template_part *p = open_part(b);
    uint64_t *hits = ARENA_NEW(&b->mem, uint64_t, bits_words(b->lines.n));
    if (text_match_new(kind, str_of(needle), NULL, &m) != ERR_OK ||
        template_part_match(p, m, 0, b->lines.n, &b->mem, hits) != ERR_OK)
        exit(1);
    text_match_free(m);
    return (double)bits_count(hits, b->lines.n);
}

static double run_word(struct bench *b) {
    return match(b, TEXT_TOKENS, "failed");
}
static double run_number(struct bench *b) {
    return match(b, TEXT_TOKENS, "50010");
}
static double run_address(struct bench *b) {
    return match(b, TEXT_TOKENS, "10.251.43.21");
}
static double run_inside(struct bench *b) {
    return match(b, TEXT_SUBSTRING, "onnectio");
}
static double run_inside_digits(struct bench *b) {
    return match(b, TEXT_SUBSTRING, "=12");
}
static double run_regex(struct bench *b) {
    return match(b, TEXT_REGEX, "port [0-9]+ ssh");
}
static double run_regex_bare(struct bench *b) {
    return match(b, TEXT_REGEX, "[0-9]+\\.[0-9]+:");
}

static double run_texts(struct bench *b) {
    struct template_part *p = open_part(b);
    buf_clear(&b->text);
    if (template_part_texts(p, NULL, b->lines.n, &b->text, b->offsets) != ERR_OK)
        exit(1);
    return (double)b->text.n;
}

static const struct stage {
    const char *name;
    double (*run)(struct bench *b);
} stages[] = {
    { "split", run_split },
    { "encode", run_encode },
    { "encode and words", run_encode_words },
    { "open", run_open },
    { "open and match a word", run_word },
    { "open and match a number", run_number },
    { "open and match an address", run_address },
    { "open and match inside a word", run_inside },
    { "open and match inside, digits", run_inside_digits },
    { "open and match a regex", run_regex },
    { "open and match a bare regex", run_regex_bare },
    { "open and build all texts", run_texts },
};

static void run_stage(struct bench *b, const struct stage *s) {
    double best_ns = 1e18, result = 0;
    for (size_t i = 0; i < ROUNDS; i++) {
        int64_t start_ns = clock_mono_ns(&clock_real);
        result = s->run(b);
        double took_ns = (double)(clock_mono_ns(&clock_real) - start_ns);
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
    printf("    %-32s %8.1f ns/line   (%.0f)\n", s->name, best_ns / (double)b->lines.n, result);
}

static void run_file(const char *path, char *bytes) {
    FILE *f = fopen(path, "rb");
    if (!f) {
        printf("%s: cannot be opened\n", path);
        return;
    }
    struct str all = { bytes, fread(bytes, 1, FILE_BYTES_MAX, f) }, rest = all;
    (void)fclose(f);
    struct bench b = { .encoder = template_encoder_new() };
    struct str line;
    arena_init(&b.mem, 0);
    while (b.lines.n < LINES_MAX && str_cut(&rest, '\n', &line))
        VEC_PUSH(&b.lines, line);
    b.offsets = calloc(b.lines.n + 1, sizeof *b.offsets);
    struct strip_writer *w = strip_writer_new();
    AUTO(buf) plain = { 0 };
    all.n -= rest.n;
    strip_put(w, all.p, all.n, &plain);
    if (b.offsets && run_encode(&b) == ERR_OK) {
        double lines = (double)b.lines.n;
        printf("%s: %zu lines of %.1f bytes; zstd -1 %.2f, templates %.2f\n", path, b.lines.n,
               (double)all.n / lines, (double)plain.n / lines, (double)b.part.n / lines);
        for (size_t i = 0; i < COUNT_OF(stages); i++)
            run_stage(&b, &stages[i]);
    } else {
        printf("%s: no common templates\n", path);
    }
    strip_writer_free(w);
    template_encoder_free(b.encoder);
    VEC_FINI(&b.lines);
    buf_fini(&b.part);
    buf_fini(&b.text);
    arena_fini(&b.mem);
    free(b.offsets);
}

int main(int count, char **names) {
    char *bytes = malloc(FILE_BYTES_MAX);
    for (int i = 1; bytes && i < count; i++)
        run_file(names[i], bytes);
    free(bytes);
    return 0;
}
