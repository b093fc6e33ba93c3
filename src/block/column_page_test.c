#include "base/bits.h"
#include "base/heap.h"
#include "base/test.h"
#include "base/thread.h"
#include "block/block_world.h"
#include <stdio.h>
#include <unistd.h>

/* Pages of every form, looked at through the functions that a query uses; text_match_test() on each text is
 * the truth. */

static const enum text_match_kind kinds[] = { TEXT_TOKENS, TEXT_PREFIX,   TEXT_SUBSTRING,
                                              TEXT_EXACT,  TEXT_WILDCARD, TEXT_REGEX };
static const char *const needles[] = { "user",      "LEVEL",    "level-3", "10.0.0",  "took 7 ms",
                                       "constant",  "us",       "e",       "*",       "user*ms",
                                       "lev.*[12]", "",         "7",       "level-1", "zzzzz",
                                       "ser 1",     "?onstant", "3b",      "-",       "from 10" };

static struct text_match *match_of(size_t kind, size_t needle) {
    struct text_match *m = NULL;
    struct err_text why;
    if (text_match_new(kinds[kind], str_of(needles[needle]), &why, &m))
        return NULL; /* "*" is no regular expression */
    return m;
}

/* The page's rows that a match keeps are those that each alone would be kept. */
static size_t check_match(const struct column_page *p, const struct text_match *m, const uint64_t *asked) {
    AUTO(arena) mem;
    arena_init(&mem, 0);
    uint64_t *rows = ARENA_RAW(&mem, uint64_t, bits_words(p->row_count));
    memcpy(rows, asked, bits_words(p->row_count) * 8);
    CHECK_OK(column_page_match(p, m, &mem, rows));
    for (uint32_t i = 0; i < p->row_count; i++) {
        struct str text;
        CHECK_OK(column_page_text(p, i, &mem, &text));
        bool has_value = !p->present || bits_get(p->present, i);
        CHECK(bits_get(rows, i) == (bits_get(asked, i) && has_value && text_match_test(m, text)));
    }
    return bits_count(rows, p->row_count);
}

static size_t check_page(struct world *w, const struct column_page *p) {
    AUTO(arena) mem;
    size_t hits = 0;
    arena_init(&mem, 0);
    uint64_t *all = ARENA_RAW(&mem, uint64_t, bits_words(p->row_count));
    uint64_t *some = ARENA_NEW(&mem, uint64_t, bits_words(p->row_count));
    bits_fill(all, p->row_count);
    for (uint32_t i = 0; i < p->row_count; i++)
        if (random_below(&w->random, 40) == 0)
            bits_set(some, i);
    for (size_t kind = 0; kind < COUNT_OF(kinds); kind++)
        for (size_t needle = 0; needle < COUNT_OF(needles); needle++) {
            struct text_match *m = match_of(kind, needle);
            if (!m)
                continue;
            hits += check_match(p, m, all);
            hits += check_match(p, m, some);
            text_match_free(m);
        }
    return hits;
}

TEST(a_page_of_any_form_keeps_exactly_the_rows_that_match) {
    size_t hits = 0, forms[PAGE_TEMPLATES + 1] = { 0 };
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct world *w = world_new(seed);
        world_fill(w,
                   (struct shape){
                       .rows = 1500, .fields = 20, .streams = 5, .presence_percent = seed % 2 ? 100 : 50 });
        struct block *b = world_open(world_build(
            w, (struct block_build_options){ .page_rows = seed < 3 ? 400 : 2000, .templates = seed > 1 }));
        for (uint32_t c = 0; c < block_info(b)->column_count; c++)
            for (uint32_t page = 0; page < block_info(b)->page_count; page++) {
                AUTO(arena) mem;
                struct column_page p;
                arena_init(&mem, 0);
                CHECK_OK(block_read_column(b, c, page, &mem, &p));
                forms[p.form]++;
                if (value_has_bytes(p.type))
                    hits += check_page(w, &p);
            }
        block_free(b);
        world_free(w);
    }
    CHECK(hits > 10000 && forms[PAGE_STRINGS] && forms[PAGE_DICT] && forms[PAGE_TEMPLATES]);
}

TEST(a_pattern_is_the_same_from_a_template_page_and_from_plain_text) {
    struct world *w = world_new(5);
    AUTO(arena) mem;
    arena_init(&mem, 0);
    world_fill(w, (struct shape){ .rows = 1200, .fields = 20, .streams = 2, .presence_percent = 90 });
    struct block *plain = world_open(world_build(w, (struct block_build_options){ .table = TABLE_LOGS }));
    struct block_builder *other = block_builder_new();
    struct block_build_options o = { .templates = true };
    block_builder_start(other, &o, &w->batch, NULL, w->batch.rows.n);
    struct block *templated = world_open(block_builder_finish(other));
    size_t templates = 0;
    for (uint32_t column = 0; column < block_info(plain)->column_count; column++) {
        struct column_page p, t;
        struct str a, b;
        if (!value_has_bytes(block_columns(plain)[column].type))
            continue;
        CHECK_OK(block_read_column(plain, column, 0, &mem, &p));
        CHECK_OK(block_read_column(templated, column, 0, &mem, &t));
        templates += t.form == PAGE_TEMPLATES;
        for (uint32_t row = 0; row < p.row_count; row++) {
            CHECK_OK(column_page_pattern(&p, row, &mem, &a));
            CHECK_OK(column_page_pattern(&t, row, &mem, &b));
            CHECK(str_eq(a, b));
        }
    }
    CHECK(templates > 0);
    block_free(plain);
    block_free(templated);
    block_builder_free(other);
    world_free(w);
}

TEST(a_block_is_read_from_the_middle_of_a_file) {
    char folder[] = "/tmp/sonde-block-XXXXXX"; /* a name of the test's own */
    struct disk *disk;
    struct file *file;
    CHECK(mkdtemp(folder) != NULL);
    CHECK_OK(disk_real_open(folder, &disk));
    CHECK_OK(disk_open(disk, "blocks", FILE_WRITE | FILE_CREATE, &file));
    for (uint64_t seed = 1; seed < 5; seed++) {
        struct world *w = world_new(seed);
        world_fill(w, (struct shape){ .rows = seed % 2 ? 3000 : 50,
                                      .fields = 20,
                                      .streams = seed < 3 ? 3 : 2000,
                                      .presence_percent = 70 });
        struct str bytes =
            world_build(w, (struct block_build_options){ .page_rows = 512, .templates = seed == 3 });
        uint64_t offset = 1000 * seed;
        CHECK_OK(file_write(file, bytes.p, bytes.n, offset));
        for (int known = 0; known < 2; known++) {
            struct block_source source = { .file = file,
                                           .offset = offset,
                                           .size_bytes = known ? bytes.n : 0 };
            struct block *b;
            CHECK_OK(block_open(&source, NULL, &b));
            world_check(w, b);
            block_free(b);
            source.size_bytes = bytes.n - 1;
            CHECK(block_open(&source, NULL, &b) == ERR_CORRUPT);
        }
        CHECK_OK(file_truncate(file, offset + bytes.n - 1));
        struct block_source cut = { .file = file, .offset = offset };
        struct block *b;
        uint64_t digest;
        enum err bad = block_open(&cut, NULL, &b);
        if (!bad) {
            bad = world_read(b, &digest);
            block_free(b);
        }
        CHECK(bad == ERR_CORRUPT);
        world_free(w);
    }
    file_close(file);
    disk_close(disk);
    char path[64];
    (void)snprintf(path, sizeof path, "%s/blocks", folder);
    CHECK(unlink(path) == 0 && rmdir(folder) == 0);
}

TEST(a_spent_budget_is_an_error_not_a_crash) {
    struct world *w = world_new(6);
    world_fill(w, (struct shape){ .rows = 2000, .fields = 15, .streams = 2, .presence_percent = 90 });
    struct block *b = world_open(world_build(w, (struct block_build_options){ .page_rows = 1024 }));
    size_t refused = 0;
    for (uint32_t c = 0; c < block_info(b)->column_count; c++)
        for (size_t limit_bytes = 16; limit_bytes < 200000; limit_bytes *= 3) {
            AUTO(arena) mem;
            struct column_page p;
            arena_init(&mem, limit_bytes);
            enum err bad = block_read_column(b, c, 0, &mem, &p);
            CHECK(bad == ERR_OK || bad == ERR_LIMIT);
            refused += bad == ERR_LIMIT;
        }
    CHECK(refused > 20);
    block_free(b);
    world_free(w);
}

struct reader_thread {
    struct thread thread;
    const struct block *block;
    uint64_t digest;
    enum err result;
};
static void read_in_thread(void *ctx) {
    struct reader_thread *t = ctx;
    t->result = world_read(t->block, &t->digest);
}

TEST(threads_that_read_one_block_see_the_same) {
    struct world *w = world_new(7);
    world_fill(w, (struct shape){ .rows = 1500, .fields = 20, .streams = 3, .presence_percent = 80 });
    struct str bytes = world_build(w, (struct block_build_options){ .page_rows = 256, .templates = true });
    for (int round = 0; round < 5; round++) {
        struct block *b = world_open(bytes);
        struct reader_thread threads[4] = { 0 };
        for (size_t i = 0; i < COUNT_OF(threads); i++) {
            threads[i].block = b;
            thread_start(&threads[i].thread, "reader", read_in_thread, &threads[i]);
        }
        for (size_t i = 0; i < COUNT_OF(threads); i++) {
            thread_join(&threads[i].thread);
            CHECK(threads[i].result == ERR_OK && threads[i].digest == threads[0].digest);
        }
        block_free(b);
    }
    world_free(w);
}

/* What the builder says about words and ids. */
struct heard {
    uint64_t words[4096], ids[4096];
    uint32_t id_pages[4096];
    size_t word_count, id_count;
};
static void hear_word(void *ctx, uint64_t hash) {
    struct heard *h = ctx;
    CHECK(h->word_count < COUNT_OF(h->words));
    h->words[h->word_count++] = hash;
}
static void hear_id(void *ctx, uint64_t prefix, uint32_t page) {
    struct heard *h = ctx;
    CHECK(h->id_count < COUNT_OF(h->ids));
    h->ids[h->id_count] = prefix;
    h->id_pages[h->id_count++] = page;
}
static bool heard_word(const struct heard *h, const char *word) {
    for (size_t i = 0; i < h->word_count; i++)
        if (h->words[i] == token_hash(str_of(word)))
            return true;
    return false;
}

static void add_traced(struct world *w, size_t i, const char *trace) {
    char text[64];
    struct row *r = batch_row_begin(&w->batch);
    r->time_ns = (int64_t)i;
    r->stream = world_stream(w, 0);
    int n = snprintf(text, sizeof text, "Unique word%zu here", i);
    batch_cell(&w->batch, cell_bytes(FIELD_MESSAGE, VALUE_STRING, world_keep(w, text, (size_t)n)));
    batch_cell(&w->batch, cell_bytes(FIELD_LEVEL, VALUE_STRING, i % 2 ? STR("warn") : STR("info")));
    batch_cell(&w->batch, cell_bytes(world_field(w, "always"), VALUE_STRING, STR("same-thing")));
    batch_cell(&w->batch, cell_bytes(FIELD_TRACE_ID, VALUE_STRING, world_keep(w, trace, strlen(trace))));
    batch_row_end(&w->batch);
}

TEST(every_word_and_id_is_told) {
    for (int templates = 0; templates < 2; templates++) {
        struct world *w = world_new(8);
        struct heard *h = HEAP_NEW(struct heard);
        char trace[40];
        for (size_t i = 0; i < 150; i++) {
            (void)snprintf(trace, sizeof trace, "00000000000000%02zxaaaaaaaaaaaaaaaa", i);
            add_traced(w, i, trace);
        }
        struct block_build_options o = {
            .templates = templates, .word = hear_word, .id = hear_id, .ctx = h, .page_rows = 64
        };
        (void)world_build(w, o);
        CHECK(heard_word(h, "UNIQUE") && heard_word(h, "word0") && heard_word(h, "word149") &&
              heard_word(h, "here"));
        CHECK(heard_word(h, "info") && heard_word(h, "warn") && heard_word(h, "thing") &&
              !heard_word(h, "word150"));
        CHECK(heard_word(h, "0000000000000001aaaaaaaaaaaaaaaa"));
        CHECK(h->id_count == 150);
        for (size_t i = 0; i < h->id_count; i++)
            CHECK(h->ids[i] == i && h->id_pages[i] == i / 64);
        heap_free(h);
        world_free(w);
    }
}

TEST(the_words_of_a_uuid_are_told) {
    struct world *w = world_new(8);
    struct heard *h = HEAP_NEW(struct heard);
    add_traced(w, 0, "0123abcd-4567-89ab-cdef-00112233445f");
    add_traced(w, 1, "1123abcd-4567-89ab-cdef-00112233445f");
    (void)world_build(w, (struct block_build_options){ .word = hear_word, .id = hear_id, .ctx = h });
    CHECK(heard_word(h, "0123abcd") && heard_word(h, "1123abcd") && heard_word(h, "00112233445f"));
    CHECK(h->id_count == 2 && h->ids[0] != h->ids[1]);
    heap_free(h);
    world_free(w);
}

TEST(an_id_inside_of_a_longer_text_is_told_too) {
    struct world *w = world_new(8);
    struct heard *h = HEAP_NEW(struct heard);
    add_traced(w, 0, "span-00000000000000AB-01");
    (void)world_build(w, (struct block_build_options){ .word = hear_word, .id = hear_id, .ctx = h });
    CHECK(h->id_count == 2 && h->ids[1] == 0xab && heard_word(h, "00000000000000ab"));
    heap_free(h);
    world_free(w);
}

TEST_MAIN(RUN(a_page_of_any_form_keeps_exactly_the_rows_that_match),
          RUN(a_pattern_is_the_same_from_a_template_page_and_from_plain_text),
          RUN(a_block_is_read_from_the_middle_of_a_file), RUN(a_spent_budget_is_an_error_not_a_crash),
          RUN(threads_that_read_one_block_see_the_same), RUN(every_word_and_id_is_told),
          RUN(the_words_of_a_uuid_are_told), RUN(an_id_inside_of_a_longer_text_is_told_too))
