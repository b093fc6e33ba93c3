#include "base/arena.h"
#include "base/bits.h"
#include "base/random.h"
#include "base/test.h"
#include "base/vec.h"
#include "block/strip.h"
#include "block/template.h"
#include "block/template_split.h"
#include <stdio.h>
#include <stdlib.h>

static const char *const loghub_files[] = {
    // tidy: table
    "Android", "Apache", "BGL", "HDFS", "Hadoop", "Linux", "OpenSSH", "OpenStack", "Spark", "Zookeeper",
};

/* The texts of a test, and their part. */
struct texts {
    VEC(struct str) all;
    struct arena mem;
    struct template_encoder *encoder;
    struct buf bytes;
    struct arena part_mem;
    struct template_part *part;
};

static void texts_init(struct texts *t) {
    *t = (struct texts){ .encoder = template_encoder_new() };
    arena_init(&t->mem, 0);
    arena_init(&t->part_mem, 0);
}

static void texts_fini(struct texts *t) {
    VEC_FINI(&t->all);
    arena_fini(&t->mem);
    arena_fini(&t->part_mem);
    buf_fini(&t->bytes);
    template_encoder_free(t->encoder);
}

static void texts_add(struct texts *t, struct str s) {
    struct str copy;
    CHECK_OK(arena_dup(&t->mem, s, &copy));
    VEC_PUSH(&t->all, copy);
}

PRINTF(2, 3) static void texts_addf(struct texts *t, const char *fmt, ...) {
    char line[1000];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    texts_add(t, (struct str){ line, (size_t)n });
}

/* False when the texts have no templates in common. */
static bool texts_encode(struct texts *t) {
    buf_clear(&t->bytes);
    enum err e = template_encode(t->encoder, t->all.p, t->all.n, 1, NULL, NULL, &t->bytes);
    if (e == ERR_UNSUPPORTED)
        return false;
    CHECK_OK(e);
    arena_reset(&t->part_mem);
    CHECK_OK(template_part_open(buf_str(&t->bytes), &t->part_mem, &t->part));
    return true;
}

static void check_round_trip(struct texts *t) {
    AUTO(arena) mem = { 0 };
    AUTO(buf) all = { 0 };
    uint32_t *offsets = ARENA_NEW(&mem, uint32_t, t->all.n + 1);
    CHECK(template_part_count(t->part) == t->all.n);
    CHECK_OK(template_part_texts(t->part, NULL, t->all.n, &all, offsets));
    for (size_t i = 0; i < t->all.n; i++) {
        struct str one, bulk = { all.p + offsets[i], offsets[i + 1] - offsets[i] };
        CHECK_OK(template_part_text(t->part, i, &mem, &one));
        if (!str_eq(one, t->all.p[i]) || !str_eq(bulk, t->all.p[i]))
            fail_msg("text %zu: '" STR_FMT "' came back as '" STR_FMT "'", i, STR_ARG(t->all.p[i]),
                     STR_ARG(one));
    }
}

/* Every pattern of the part is that of its texts. */
static void check_patterns(struct texts *t) {
    AUTO(arena) mem = { 0 };
    AUTO(buf) want = { 0 };
    for (size_t i = 0; i < t->all.n; i += 1 + i / 50) {
        struct str got;
        buf_clear(&want);
        template_pattern(t->all.p[i], &want);
        CHECK_OK(template_part_pattern(t->part, i, &mem, &got));
        if (!str_eq(got, buf_str(&want)))
            fail_msg("pattern of text %zu: '" STR_FMT "'", i, STR_ARG(got));
    }
}

static size_t check_match(struct texts *t, enum text_match_kind kind, struct str needle, struct random *r) {
    struct text_match *m = NULL;
    CHECK_OK(text_match_new(kind, needle, NULL, &m));
    AUTO(arena) mem = { 0 };
    size_t first = (size_t)random_below(r, t->all.n), count = (size_t)random_below(r, t->all.n - first + 1),
           hits = 0;
    if (random_below(r, 2))
        first = 0, count = t->all.n;
    uint64_t *got = ARENA_NEW(&mem, uint64_t, bits_words(count) + 1);
    memset(got, 0xff, bits_words(count) * 8);
    CHECK_OK(template_part_match(t->part, m, first, count, &mem, got));
    for (size_t i = 0; i < count; i++) {
        bool want = text_match_test(m, t->all.p[first + i]);
        hits += want;
        if (bits_get(got, i) != want)
            fail_msg("kind %d '" STR_FMT "' in '" STR_FMT "': not %d", (int)kind, STR_ARG(needle),
                     STR_ARG(t->all.p[first + i]), want);
    }
    text_match_free(m);
    return hits;
}

/* A piece of a random text, often cut at the edge of a token, sometimes with another letter case or digit. */
static struct str random_needle(struct texts *t, struct random *r, char *to, size_t max) {
    struct str s = t->all.p[random_below(r, t->all.n)];
    size_t from = s.n ? (size_t)random_below(r, s.n) : 0;
    if (random_below(r, 2))
        while (from > 0 && token_byte((unsigned char)s.p[from - 1]))
            from--;
    size_t n = s.n - from ? (size_t)random_below(r, s.n - from < max ? s.n - from : max) + 1 : 0;
    if (random_below(r, 2))
        while (from + n < s.n && n < max && token_byte((unsigned char)s.p[from + n]))
            n++;
    for (size_t i = 0; i < n; i++)
        to[i] = s.p[from + i];
    if (n && random_below(r, 3) == 0) {
        size_t at = (size_t)random_below(r, n);
        if (ascii_digit(to[at]))
            to[at] = (char)('0' + random_below(r, 10));
        else if (ascii_lower(to[at]) >= 'a' && ascii_lower(to[at]) <= 'z')
            to[at] ^= 0x20;
    }
    return (struct str){ to, n };
}

/* Returns how many needles were found. */
static size_t check_matches(struct texts *t, size_t rounds, uint64_t seed) {
    struct random r;
    random_init(&r, seed);
    size_t hits = 0;
    for (size_t i = 0; i < rounds; i++) {
        char needle[64], pattern[160];
        struct str s = random_needle(t, &r, needle, i % 5 ? 24 : 60);
        enum text_match_kind kind = (enum text_match_kind)random_below(&r, TEXT_WILDCARD + 1);
        if (kind == TEXT_EXACT && random_below(&r, 2))
            s = t->all.p[random_below(&r, t->all.n)];
        if (kind == TEXT_WILDCARD && random_below(&r, 2)) {
            int n = snprintf(pattern, sizeof pattern, "*%.*s?%.*s*", (int)(s.n / 2), s.p, (int)(s.n / 2),
                             s.p + s.n / 2);
            s = (struct str){ pattern, (size_t)n };
        }
        hits += check_match(t, kind, s, &r) > 0;
    }
    const char *expressions[] = { "[0-9]+\\.[0-9]", "(?i)error", "a.*[5-9]$", "^.{0,20}$",
                                  "blk_-?[0-9]{18}" };
    for (size_t i = 0; i < COUNT_OF(expressions); i++)
        (void)check_match(t, TEXT_REGEX, str_of(expressions[i]), &r);
    return hits;
}

/* Texts of random templates: few words, all kinds of variables. */
static void random_texts(struct texts *t, struct random *r, size_t count) {
    static const char *words[] = { "GET", "disk",  " ",         "/",   ".",  ":", "-",
                                   "=",   "user ", "\xc3\xa9 ", "_x ", "\r", "" };
    char lines[12][40];
    size_t lines_count = 1 + (size_t)random_below(r, COUNT_OF(lines));
    for (size_t i = 0; i < lines_count; i++)
        for (size_t k = 0; k < sizeof lines[i]; k++)
            lines[i][k] = (char)random_below(r, COUNT_OF(words) + 11);
    for (size_t i = 0; i < count; i++) {
        const char *line = lines[random_below(r, lines_count)];
        char text[2000];
        size_t n = 0;
        for (size_t k = 0; k < sizeof lines[0]; k++) {
            unsigned long long v = random_u64(r) >> random_below(r, 64), few = v % 5;
            char *to = text + n;
            switch (line[k] - (int)COUNT_OF(words)) {
            case 0: n += (size_t)sprintf(to, " %llu ", v); break;
            case 1: n += (size_t)sprintf(to, "%02llu:", v % 60); break;
            case 2: n += (size_t)sprintf(to, "(%08llx)", v & 0xffffffff); break;
            case 3: n += (size_t)sprintf(to, " 0x%llx ", v); break;
            case 4: n += (size_t)sprintf(to, " rdd_%llu_%llums ", few, v % 1000); break;
            case 5: n += (size_t)sprintf(to, "-v%lluB-", few); break;
            case 6: n += (size_t)sprintf(to, "%.*s.", (int)few + 1, "012345"); break;
            case 7: n += (size_t)sprintf(to, " %llX", v); break;
            case 8: n += (size_t)sprintf(to, " q%cZ%llu ", (char)('a' + v % 26), few); break;
            case 9: n += (size_t)sprintf(to, " %llu ", 1700000000000000000ull + i * 1000 + few); break;
            case 10: n += (size_t)sprintf(to, "%s7", few ? "" : "z"); break;
            default: n += (size_t)sprintf(to, "%s", words[(int)line[k]]); break;
            }
        }
        texts_add(t, (struct str){ text, n });
    }
}

TEST(random_templates_come_back_and_match_as_their_texts) {
    struct random r;
    random_init(&r, 1);
    size_t encoded = 0, hits = 0;
    for (size_t round = 0; round < 120; round++) {
        struct texts t;
        texts_init(&t);
        random_texts(&t, &r, 1 + (size_t)random_below(&r, round % 10 ? 60 : 2000));
        if (texts_encode(&t)) {
            encoded++;
            check_round_trip(&t);
            check_patterns(&t);
            hits += check_matches(&t, 60, round);
        }
        texts_fini(&t);
    }
    CHECK(encoded > 60 && hits > encoded * 8);
}

TEST(any_bytes_come_back) {
    struct random r;
    random_init(&r, 2);
    size_t encoded = 0;
    for (size_t round = 0; round < 400; round++) {
        struct texts t;
        texts_init(&t);
        const char *letters = round % 2 ? "01a " : NULL;
        for (size_t i = 0; i < 40; i++) {
            char text[300];
            size_t n = (size_t)random_below(&r, round % 3 ? 4 : sizeof text);
            for (size_t k = 0; k < n; k++)
                text[k] = letters ? letters[random_below(&r, 4)] : (char)random_below(&r, 256);
            for (size_t twice = 0; twice < 4; twice++)
                texts_add(&t, (struct str){ text, n });
        }
        if (texts_encode(&t)) {
            encoded++;
            check_round_trip(&t);
            check_patterns(&t);
        }
        texts_fini(&t);
    }
    CHECK(encoded > 300);
}

TEST(texts_with_too_many_variables_keep_the_rest) {
    struct texts t;
    texts_init(&t);
    for (size_t i = 0; i < 40; i++) {
        char text[1000];
        size_t n = 0, variables = TEMPLATE_SLOTS_MAX - 2 + i % 5;
        for (size_t k = 0; k < variables; k++)
            n += (size_t)sprintf(text + n, "a%zu b ", k * i);
        n += (size_t)sprintf(text + n, "end %s", i % 2 ? "here" : "");
        texts_add(&t, (struct str){ text, n });
    }
    CHECK(texts_encode(&t));
    check_round_trip(&t);
    check_patterns(&t);
    CHECK(check_matches(&t, 300, 5) > 50);
    texts_fini(&t);
}

TEST(numbers_at_the_edges_of_their_kinds_come_back) {
    static const char *values[] = {
        // tidy: table
        "0",
        "1",
        "9",
        "10",
        "18446744073709551615",
        "18446744073709551616",
        "9999999999999999999",
        "09999999999999999999",
        "999999999999999999",
        "0999999999999999999",
        "099999999999999999",
        "00",
        "000000001",
        "0x0",
        "0x00",
        "0xffffffffffffffff",
        "0x1ffffffffffffffff",
        "0X1f",
        "1F",
        "f0",
        "F0",
        "fF0",
        "1e5",
        "0x",
        "0x1G",
        "1\xff",
        "_1",
        "1_",
        "12345678",
        "123456789",
        "1234567890123456",
        "12345678901234567",
    };
    for (size_t round = 0; round < COUNT_OF(values) * COUNT_OF(values); round++) {
        struct texts t;
        texts_init(&t);
        for (size_t i = 0; i < 12; i++)
            texts_addf(&t, "value %s.", values[i % 3 ? round % COUNT_OF(values) : round / COUNT_OF(values)]);
        CHECK(texts_encode(&t));
        check_round_trip(&t);
        struct random r;
        random_init(&r, round);
        CHECK(check_match(&t, TEXT_TOKENS, str_of(values[round % COUNT_OF(values)]), &r) > 0 || round > 0);
        (void)check_match(&t, TEXT_TOKENS, str_of(values[random_below(&r, COUNT_OF(values))]), &r);
        texts_fini(&t);
    }
}

TEST(texts_without_common_templates_are_refused) {
    struct texts t;
    texts_init(&t);
    CHECK(!texts_encode(&t));
    for (size_t i = 0; i < 26 * 26; i++)
        texts_addf(&t, "word %c%c", (char)('a' + i / 26), (char)('a' + i % 26));
    CHECK(!texts_encode(&t));
    CHECK(t.bytes.n == 0);
    texts_fini(&t);
}

TEST(the_vector_and_the_plain_split_agree) {
    struct random r;
    random_init(&r, 6);
    char text[400];
    size_t variables = 0;
    for (size_t i = 0; i < 100000; i++) {
        size_t n = (size_t)random_below(&r, i % 7 ? 80 : sizeof text);
        for (size_t k = 0; k < n; k++)
            text[k] = i % 2   ? (char)random_below(&r, 256)
                      : i % 4 ? "aaaaaaa1 "[random_below(&r, 9)]
                              : "0a"[k % 67 == 0];
        struct template_span a[TEMPLATE_SLOTS_MAX], b[TEMPLATE_SLOTS_MAX];
        size_t count = template_split((struct str){ text, n }, a);
        CHECK(count == template_split_plain((struct str){ text, n }, b));
        CHECK(memcmp(a, b, count * sizeof *a) == 0);
        variables += count;
    }
    CHECK(variables > 100000);
}

TEST(a_variable_is_a_whole_token_with_a_digit) {
    struct random r;
    random_init(&r, 7);
    char text[200];
    for (size_t i = 0; i < 20000; i++) {
        size_t n = (size_t)random_below(&r, sizeof text);
        for (size_t k = 0; k < n; k++)
            text[k] = "abZ_09 .-\xc3"[random_below(&r, i % 2 ? 10 : 4) * (i % 2 ? 1 : 2)];
        struct template_span spans[TEMPLATE_SLOTS_MAX];
        size_t count = template_split((struct str){ text, n }, spans), at = 0;
        struct str rest = { text, n }, token;
        while (at < count && token_next(&rest, &token)) {
            bool digit = false;
            for (size_t k = 0; k < token.n; k++)
                digit |= ascii_digit(token.p[k]);
            if (!digit)
                continue;
            CHECK(spans[at].from == (size_t)(token.p - text));
            CHECK(at + 1 == TEMPLATE_SLOTS_MAX ? spans[at].to == n
                                               : spans[at].to == spans[at].from + token.n);
            at++;
        }
        CHECK(at == count);
    }
}

TEST(what_people_see_as_one_value_is_one_variable_of_the_pattern) {
    const struct {
        const char *text, *pattern;
    } rows[] = {
        { "took 17 ms", "took <*> ms" },
        { "", "" },
        { "42", "<*>" },
        { "2015-07-29 17:41:44,747 - INFO [/10.10.34.11:3888]", "<*> <*> - INFO [/<*>]" },
        { "at 2026-11-21T06:58:35.123+01:00", "at <*>" },
        { "run 6ba7b810-dead-11d1-80b4-00c04fd430c8 took 3ms", "run <*> took <*>" },
        { "run 6ba7b810-9dad-11d1-80b4-00c04fd430c8 took 3ms", "run <*> took <*>" },
        { "mac 00:1b:ab:ff:12:03 up", "mac <*> up" },
        { "1-word-2", "<*>-word-<*>" },
        { "1 - 2", "<*> - <*>" },
        { "a=1 b=2", "a=<*> b=<*>" },
        { "1.-2", "<*>.-<*>" },
        { "user_7 rdd_2_3", "<*> <*>" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(buf) out = { 0 };
        template_pattern(str_of(rows[i].text), &out);
        CHECK_STR(buf_str(&out), rows[i].pattern);
    }
}

/* ---- words ---- */

struct words {
    VEC(uint64_t) all;
};

static void hear(void *ctx, uint64_t hash) {
    struct words *w = ctx;
    VEC_PUSH(&w->all, hash);
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The words told are those of the texts, no fewer and no others. */
static void check_words(struct texts *t) {
    struct words told = { 0 }, real = { 0 };
    buf_clear(&t->bytes);
    CHECK_OK(template_encode(t->encoder, t->all.p, t->all.n, 1, hear, &told, &t->bytes));
    for (size_t i = 0; i < t->all.n; i++) {
        struct str rest = t->all.p[i], token;
        while (token_next(&rest, &token))
            VEC_PUSH(&real.all, token_hash(token));
    }
    qsort(told.all.p, told.all.n, sizeof(uint64_t), by_value);
    qsort(real.all.p, real.all.n, sizeof(uint64_t), by_value);
    size_t i = 0, k = 0;
    while (i < told.all.n && k < real.all.n) {
        uint64_t hash = real.all.p[k];
        CHECK(told.all.p[i] == hash);
        while (i < told.all.n && told.all.p[i] == hash)
            i++;
        while (k < real.all.n && real.all.p[k] == hash)
            k++;
    }
    CHECK(i == told.all.n && k == real.all.n);
    VEC_FINI(&told.all);
    VEC_FINI(&real.all);
}

TEST(every_word_is_told_and_no_other) {
    struct random r;
    random_init(&r, 8);
    for (size_t round = 0; round < 60; round++) {
        struct texts t;
        texts_init(&t);
        random_texts(&t, &r, 300);
        if (texts_encode(&t))
            check_words(&t);
        texts_fini(&t);
    }
}

/* ---- damage ---- */

/* Reads all there is; any error is fine, any crash is not. */
static void read_all(struct str bytes) {
    struct arena mem;
    arena_init(&mem, 1 << 20);
    struct template_part *p = NULL;
    if (template_part_open(bytes, &mem, &p) == ERR_OK) {
        struct str s;
        struct text_match *m = NULL;
        CHECK_OK(text_match_new(TEXT_TOKENS, STR("rdd_2_17ms"), NULL, &m));
        uint64_t *bits = ARENA_NEW(&mem, uint64_t, bits_words(template_part_count(p)));
        for (size_t i = 0; i < template_part_count(p); i++)
            ERR_IGNORE(template_part_text(p, i, &mem, &s), "only a crash counts");
        if (bits)
            ERR_IGNORE(template_part_match(p, m, 0, template_part_count(p), &mem, bits),
                       "only a crash counts");
        text_match_free(m);
    }
    arena_fini(&mem);
}

TEST(no_flipped_bit_and_no_cut_crashes_the_reader) {
    struct random r;
    random_init(&r, 9);
    struct texts t;
    texts_init(&t);
    for (size_t i = 0; i < 30; i++)
        texts_addf(&t, "rdd_%zu_%zums 0x%zx %s at %02zu:%02zu q%zuz", i % 3, i * 7, i * 999,
                   i % 2 ? "a1" : "B2", i % 24, i % 60, i * i);
    CHECK(texts_encode(&t));
    AUTO(buf) copy = { 0 };
    for (size_t bit = 0; bit < t.bytes.n * 8; bit++) {
        buf_clear(&copy);
        buf_add(&copy, buf_str(&t.bytes));
        copy.p[bit / 8] ^= (char)(1 << bit % 8);
        read_all(buf_str(&copy));
    }
    for (size_t n = 0; n < t.bytes.n; n++)
        read_all((struct str){ t.bytes.p, n });
    texts_fini(&t);
}

TEST(a_spent_arena_is_an_error) {
    struct random r;
    random_init(&r, 10);
    struct texts t;
    texts_init(&t);
    random_texts(&t, &r, 500);
    CHECK(texts_encode(&t));
    size_t refused = 0;
    for (size_t limit = 64; limit < 1 << 16; limit += 509) {
        struct arena mem;
        arena_init(&mem, limit);
        struct template_part *p = NULL;
        struct str s;
        enum err e = template_part_open(buf_str(&t.bytes), &mem, &p);
        if (e == ERR_OK)
            e = template_part_text(p, 7, &mem, &s);
        CHECK(e == ERR_OK || e == ERR_LIMIT);
        refused += e == ERR_LIMIT;
        arena_fini(&mem);
    }
    CHECK(refused > 10);
    texts_fini(&t);
}

/* ---- real logs ---- */

static bool read_file(const char *path, struct buf *out) {
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    char *to = buf_reserve(out, 1 << 20);
    out->n = fread(to, 1, 1 << 20, f);
    (void)fclose(f);
    return true;
}

static void add_lines(struct texts *t, struct str all) {
    while (all.n) {
        struct str line = all;
        if (!str_cut(&all, '\n', &line))
            all.n = 0;
        texts_add(t, line);
    }
}

static size_t strip_bytes(struct str plain) {
    AUTO(buf) out = { 0 };
    struct strip_writer *w = strip_writer_new();
    strip_put(w, plain.p, plain.n, &out);
    strip_writer_free(w);
    return out.n;
}

TEST(real_logs_come_back_and_are_smaller_than_compressed_text) {
    const char *folder = getenv("SONDE_LOGHUB");
    size_t found = 0;
    for (size_t i = 0; i < COUNT_OF(loghub_files); i++) {
        char path[300];
        (void)snprintf(path, sizeof path, "%s/%s/%s_2k.log", folder ? folder : "../shared/data/loghub",
                       loghub_files[i], loghub_files[i]);
        AUTO(buf) file = { 0 };
        if (!read_file(path, &file))
            continue;
        found++;
        struct texts t;
        texts_init(&t);
        add_lines(&t, buf_str(&file));
        CHECK(texts_encode(&t));
        check_round_trip(&t);
        check_patterns(&t);
        check_words(&t);
        CHECK(check_matches(&t, 20, i) > 5);
        double lines = (double)t.all.n, plain = (double)strip_bytes(buf_str(&file));
        print_message("%-10s %6.1f bytes/line, zstd -1 %6.2f, templates %6.2f\n", loghub_files[i],
                      (double)file.n / lines, plain / lines, (double)t.bytes.n / lines);
        CHECK((double)t.bytes.n < plain * 0.8);
        texts_fini(&t);
    }
    if (!found)
        print_message(
            "no samples of Loghub in $SONDE_LOGHUB or ../shared/data/loghub: not tested with real logs\n");
}

TEST_MAIN(RUN(random_templates_come_back_and_match_as_their_texts), RUN(any_bytes_come_back),
          RUN(texts_with_too_many_variables_keep_the_rest),
          RUN(numbers_at_the_edges_of_their_kinds_come_back), RUN(texts_without_common_templates_are_refused),
          RUN(the_vector_and_the_plain_split_agree), RUN(a_variable_is_a_whole_token_with_a_digit),
          RUN(what_people_see_as_one_value_is_one_variable_of_the_pattern),
          RUN(every_word_is_told_and_no_other), RUN(no_flipped_bit_and_no_cut_crashes_the_reader),
          RUN(a_spent_arena_is_an_error), RUN(real_logs_come_back_and_are_smaller_than_compressed_text))
