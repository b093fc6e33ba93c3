#include "base/bits.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/heap.h"
#include "base/test.h"
#include "base/thread.h"
#include "block/block_header.h"
#include "block/block_world.h"
#include "block/words.h"
#include <stdio.h>
#include <unistd.h>

static void round_trip(uint64_t seed, struct shape s, struct block_build_options o) {
    struct world *w = world_new(seed);
    world_fill(w, s);
    struct block *b = world_open(world_build(w, o));
    world_check(w, b);
    block_free(b);
    world_free(w);
}

TEST(a_random_batch_comes_back_value_by_value) {
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct random r;
        random_init(&r, seed);
        round_trip(seed,
                   (struct shape){ .rows = 1 + random_below(&r, seed % 3 ? 300 : 3000),
                                   .fields = 1 + (unsigned)random_below(&r, 40),
                                   .streams = 1 + (unsigned)random_below(&r, seed % 4 ? 10 : 400),
                                   .presence_percent = (unsigned)random_below(&r, 101),
                                   .mixed_percent = (unsigned)random_below(&r, 20),
                                   .out_of_order = seed % 2 },
                   (struct block_build_options){ .page_rows = 64u << random_below(&r, 6),
                                                 .templates = seed % 5 == 0 });
    }
}

/* A row of its own cells, in a world. */
static void add_row(struct world *w, int64_t time_ns, const struct cell *cells, size_t count) {
    struct row *r = batch_row_begin(&w->batch);
    r->time_ns = time_ns;
    r->stream = world_stream(w, 0);
    for (size_t i = 0; i < count; i++)
        batch_cell(&w->batch, cells[i]);
    batch_row_end(&w->batch);
}

TEST(odd_texts_come_back) {
    struct world *w = world_new(1);
    uint32_t text = world_field(w, "text"), other = world_field(w, "\xff\x00 name");
    size_t huge_bytes = 2 << 20;
    char *huge = heap_alloc(huge_bytes);
    for (size_t i = 0; i < huge_bytes; i++)
        huge[i] = (char)random_u64(&w->random);
    struct str texts[] = {
        STR(""),     STR("\0\0\0"), STR("\xff\xfe\xc0"), { huge, huge_bytes }, STR("\x11\x12<*>\x01"),
        STR("plain")
    };
    for (size_t i = 0; i < 40; i++) {
        struct cell cells[] = { cell_bytes(text, VALUE_STRING, texts[i % COUNT_OF(texts)]),
                                cell_bytes(other, VALUE_JSON, texts[(i + 1) % COUNT_OF(texts)]) };
        add_row(w, (int64_t)i, cells, i % 3 ? 2 : 1);
    }
    for (int templates = 0; templates < 2; templates++) {
        struct block *b = world_open(world_build(w, (struct block_build_options){ .templates = templates }));
        world_check(w, b);
        block_free(b);
    }
    heap_free(huge);
    world_free(w);
}

TEST(times_before_1970_and_at_the_ends_of_the_range_are_sorted_and_kept) {
    static const int64_t times[] = { INT64_MAX, INT64_MIN, 0, -1, 1, INT64_MAX - 1, INT64_MIN + 1, -1000000 };
    struct world *w = world_new(1);
    for (size_t i = 0; i < 200; i++)
        add_row(w, times[i % COUNT_OF(times)], NULL, 0);
    struct block *b = world_open(world_build(w, (struct block_build_options){ .page_rows = 64 }));
    world_check(w, b);
    CHECK(block_info(b)->time_min_ns == INT64_MIN && block_info(b)->time_max_ns == INT64_MAX);
    block_free(b);
    world_free(w);
}

static struct str text_of(const struct block *b, const char *name, enum value_type type, uint32_t row,
                          struct arena *mem) {
    struct column_page p;
    struct str out;
    uint32_t column = block_column_find(b, str_of(name), type);
    CHECK(column != UINT32_MAX);
    CHECK_OK(block_read_column(b, column, row / block_info(b)->page_rows, mem, &p));
    CHECK_OK(column_page_text(&p, row % block_info(b)->page_rows, mem, &out));
    return out;
}

TEST(the_rarest_columns_beyond_the_cap_go_to_rest_and_none_is_lost) {
    struct world *w = world_new(1);
    struct shape s = { .rows = 300, .fields = 700, .streams = 3, .presence_percent = 40 };
    world_fill(w, s);
    struct block *b = world_open(world_build(w, (struct block_build_options){ .table = TABLE_LOGS }));
    uint32_t rest = block_column_find(b, STR("@rest"), VALUE_JSON);
    CHECK(block_info(b)->column_count == BLOCK_COLUMNS_MAX + 1 && rest != UINT32_MAX);
    size_t values = 0, members = 0;
    uint32_t fewest = UINT32_MAX;
    for (uint32_t c = 0; c < block_info(b)->column_count; c++) {
        values += c == rest ? 0 : block_columns(b)[c].value_count;
        if (c != rest && block_columns(b)[c].value_count < fewest)
            fewest = block_columns(b)[c].value_count;
    }
    AUTO(arena) mem;
    arena_init(&mem, 0);
    for (uint32_t row = 0; row < 300; row++) {
        struct str object = text_of(b, "@rest", VALUE_JSON, row, &mem);
        for (size_t at = 0; (at = str_find(object, STR("\"field"), at)) != SIZE_MAX; at++)
            members++;
    }
    CHECK(values + members == w->batch.cells.n);
    CHECK(fewest >= 100);
    block_free(b);
    world_free(w);
}

TEST(a_name_given_twice_keeps_both_values) {
    struct world *w = world_new(1);
    uint32_t a = world_field(w, "a"), b = world_field(w, "b"), rest = world_field(w, "@rest");
    struct cell cells[] = { cell_int(a, VALUE_INT, 1),
                            cell_int(a, VALUE_INT, -7),
                            cell_bytes(a, VALUE_STRING, STR("text")),
                            cell_bytes(b, VALUE_STRING, STR("x")),
                            cell_bytes(b, VALUE_STRING, STR("q\"\\\n\xff")),
                            cell_bytes(rest, VALUE_JSON, STR(" {\"old\":[1]} ")),
                            cell_bytes(b, VALUE_STRING, STR("z")),
                            cell_float(a, 0.5),
                            cell_float(a, 1e300),
                            cell_bytes(b, VALUE_NUMBER_TEXT, STR("1.50")),
                            cell_bytes(b, VALUE_NUMBER_TEXT, STR("1.50")),
                            cell_bytes(b, VALUE_NUMBER_TEXT, STR("007")),
                            cell_int(b, VALUE_BOOL, 1),
                            cell_int(b, VALUE_BOOL, 0),
                            cell_int(b, VALUE_NULL, 0),
                            cell_int(b, VALUE_NULL, 0) };
    add_row(w, 0, cells, 3);
    add_row(w, 1, cells, COUNT_OF(cells));
    struct block *block = world_open(world_build(w, (struct block_build_options){ .table = TABLE_LOGS }));
    AUTO(arena) mem;
    arena_init(&mem, 0);
    CHECK_STR(text_of(block, "@rest", VALUE_JSON, 0, &mem), "{\"a\":-7}");
    CHECK_STR(
        text_of(block, "@rest", VALUE_JSON, 1, &mem),
        "{\"a\":-7,\"b\":\"q\\\"\\\\\\u000a\xff\",\"old\":[1],\"b\":\"z\",\"a\":1e+300,\"b\":1.50,\"b\":\"007\","
        "\"b\":false,\"b\":null}");
    CHECK_STR(text_of(block, "b", VALUE_STRING, 1, &mem), "x");
    block_free(block);
    world_free(w);
}

/* Every bit: an error, or nothing changed. */
static void flip_bits(struct world *w, struct block_build_options o) {
    struct str sealed = world_build(w, o);
    char *bytes = heap_alloc(sealed.n);
    uint64_t want, got;
    memcpy(bytes, sealed.p, sealed.n);
    struct block *b = world_open((struct str){ bytes, sealed.n });
    CHECK_OK(world_read(b, &want));
    block_free(b);
    for (size_t bit = 0; bit < sealed.n * 8; bit++) {
        struct block_source source = { .mem = bytes, .size_bytes = sealed.n };
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        enum err bad = block_open(&source, NULL, &b);
        if (!bad) {
            bad = world_read(b, &got);
            block_free(b);
        }
        if (!bad && got != want)
            fail_msg("bit %zu of %zu changes the content unseen", bit, sealed.n * 8);
        CHECK(!bad || bad == ERR_CORRUPT || bad == ERR_UNSUPPORTED);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    heap_free(bytes);
}

TEST(no_flipped_bit_gives_a_wrong_value) {
    struct world *w = world_new(3);
    VEC_PUSH(&w->batch.claims, (struct id128){ 1, 2 });
    world_fill(w, (struct shape){
                      .rows = 130, .fields = 14, .streams = 3, .presence_percent = 80, .mixed_percent = 3 });
    flip_bits(w, (struct block_build_options){ .page_rows = 64 });
    world_free(w);
    w = world_new(4);
    world_fill(w, (struct shape){ .rows = 1100, .fields = 3, .streams = 2, .presence_percent = 30 });
    flip_bits(w, (struct block_build_options){ .page_rows = 512 });
    flip_bits(w, (struct block_build_options){ .page_rows = 1024, .templates = true });
    world_free(w);
}

TEST(few_rows_make_a_small_block_and_many_a_paged_one) {
    static const struct {
        size_t rows, value_bytes;
        enum block_form form;
    } cases[] = { { 1, 10, BLOCK_SMALL },
                  { 1023, 10, BLOCK_SMALL },
                  { 1024, 10, BLOCK_PAGED },
                  { 100, 4096, BLOCK_PAGED } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world *w = world_new(1);
        struct block_header h;
        char *text = heap_alloc(cases[i].value_bytes);
        struct cell c = cell_bytes(FIELD_MESSAGE, VALUE_STRING, (struct str){ text, cases[i].value_bytes });
        for (size_t row = 0; row < cases[i].rows; row++)
            add_row(w, (int64_t)row, &c, 1);
        struct str bytes = world_build(w, (struct block_build_options){ .table = TABLE_LOGS });
        CHECK_OK(block_header_read(bytes, NULL, &h));
        CHECK(h.form == cases[i].form);
        struct block *b = world_open(bytes);
        world_check(w, b);
        block_free(b);
        heap_free(text);
        world_free(w);
    }
}

TEST(steps_make_the_same_bytes_as_one_finish_and_as_a_used_builder) {
    struct world *w = world_new(9);
    world_fill(w, (struct shape){ .rows = 2500, .fields = 20, .streams = 30, .presence_percent = 70 });
    struct block_build_options o = { .page_rows = 256 };
    struct str bytes = world_build(w, o);
    char *first = heap_alloc(bytes.n);
    memcpy(first, bytes.p, bytes.n);
    size_t first_bytes = bytes.n, steps = 0;
    struct block_builder *fresh = block_builder_new();
    block_builder_start(fresh, &o, &w->batch, NULL, w->batch.rows.n);
    while (!block_builder_step(fresh))
        steps++;
    CHECK(steps > 100);
    CHECK(str_eq(block_builder_finish(fresh), (struct str){ first, first_bytes }));
    block_builder_free(fresh);
    heap_free(first);
    world_free(w);
}

TEST(chosen_rows_are_the_only_ones) {
    struct world *w = world_new(2);
    uint32_t field = world_field(w, "n"), rows[50];
    for (size_t i = 0; i < 200; i++)
        add_row(w, (int64_t)(1000 - i),
                &(struct cell){ .field = (uint16_t)field, .type = VALUE_INT, .i = (int64_t)i }, 1);
    for (uint32_t i = 0; i < 50; i++)
        rows[i] = 7 + i * 3;
    struct block_build_options o = { .table = TABLE_LOGS, .tenant = 77 };
    block_builder_start(w->builder, &o, &w->batch, rows, COUNT_OF(rows));
    struct block *b = world_open(block_builder_finish(w->builder));
    AUTO(arena) mem;
    arena_init(&mem, 0);
    struct column_page p;
    CHECK_OK(block_read_column(b, 0, 0, &mem, &p));
    CHECK(p.row_count == 50 && block_info(b)->tenant == 77);
    for (uint32_t i = 0; i < 50; i++)
        CHECK(p.ints[i] == rows[49 - i]);
    block_free(b);
    world_free(w);
}

TEST(streams_are_in_order_also_when_they_come_and_go_and_their_dictionary_is_another) {
    struct block_builder *builder = block_builder_new();
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct world *w = world_new(seed); /* mostly at the address of the last one */
        for (unsigned round = 0; round < 3; round++) {
            struct block_build_options o = { .table = TABLE_LOGS };
            unsigned streams = round < 2 ? 40 : 100;
            if (round == 1 && seed % 3 == 0)
                stream_dict_reset(&w->streams);
            world_fill(
                w, (struct shape){ .rows = 500, .fields = 2, .streams = streams, .presence_percent = 50 });
            block_builder_start(builder, &o, &w->batch, NULL, w->batch.rows.n);
            struct block *b = world_open(block_builder_finish(builder));
            world_check(w, b);
            block_free(b);
            batch_clear(&w->batch);
            if (round == 1 && seed % 2)
                break;
        }
        world_free(w);
    }
    block_builder_free(builder);
}

TEST(claims_come_back_in_order) {
    struct world *w = world_new(2);
    AUTO(arena) mem;
    arena_init(&mem, 0);
    add_row(w, 1, NULL, 0);
    for (uint64_t i = 0; i < 1000; i++)
        VEC_PUSH(&w->batch.claims, (struct id128){ i * 0x123456789abcdef, ~i });
    struct block *b = world_open(world_build(w, (struct block_build_options){ .table = TABLE_LOGS }));
    const struct id128 *claims;
    size_t count;
    CHECK_OK(block_claims(b, &mem, &claims, &count));
    CHECK(count == 1000);
    for (uint64_t i = 0; i < 1000; i++)
        CHECK(claims[i].hi == i * 0x123456789abcdef && claims[i].lo == ~i);
    block_free(b);
    world_free(w);
}

TEST(a_newer_block_is_refused_by_name_and_not_called_damaged) {
    struct world *w = world_new(2);
    struct err_text why;
    struct block *b;
    char bytes[4096];
    add_row(w, 1, NULL, 0);
    struct str sealed = world_build(w, (struct block_build_options){ .table = TABLE_LOGS });
    struct block_source source = { .mem = bytes, .size_bytes = sealed.n };
    CHECK(sealed.n <= sizeof bytes);
    struct block_header h;
    CHECK_OK(block_header_read(sealed, NULL, &h));
    memcpy(bytes, sealed.p, sealed.n);
    h.incompat = 1u << 0;
    block_header_write(&h, bytes);
    CHECK(block_open(&source, &why, &b) == ERR_UNSUPPORTED && strstr(why.msg, "stream references"));
    h.incompat = 1u << 9;
    block_header_write(&h, bytes);
    CHECK(block_open(&source, &why, &b) == ERR_UNSUPPORTED && strstr(why.msg, "bit 9"));
    h.incompat = 0;
    h.compat = 1u << 9;
    block_header_write(&h, bytes);
    CHECK_OK(block_open(&source, &why, &b));
    block_free(b);
    bytes[8] = 2;
    le32_put(bytes + 124, crc32c(0, bytes, 124));
    CHECK(block_open(&source, &why, &b) == ERR_UNSUPPORTED && strstr(why.msg, "version 2"));
    world_free(w);
}

TEST_MAIN(RUN(a_random_batch_comes_back_value_by_value), RUN(odd_texts_come_back),
          RUN(times_before_1970_and_at_the_ends_of_the_range_are_sorted_and_kept),
          RUN(the_rarest_columns_beyond_the_cap_go_to_rest_and_none_is_lost),
          RUN(a_name_given_twice_keeps_both_values), RUN(no_flipped_bit_gives_a_wrong_value),
          RUN(few_rows_make_a_small_block_and_many_a_paged_one),
          RUN(steps_make_the_same_bytes_as_one_finish_and_as_a_used_builder),
          RUN(chosen_rows_are_the_only_ones),
          RUN(streams_are_in_order_also_when_they_come_and_go_and_their_dictionary_is_another),
          RUN(claims_come_back_in_order), RUN(a_newer_block_is_refused_by_name_and_not_called_damaged))
