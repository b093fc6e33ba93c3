#include "base/bits.h"
#include "base/heap.h"
#include "base/test.h"
#include "block/words.h"
#include "store/segment.h"
#include "store/segment_check.h"
#include "store/segment_write.h"
#include "store/store_fixture.h"
#include "store/store_state.h"
#include <stdio.h>
#include <stdlib.h>

static const int64_t MINUTE = 60ll * 1000000000;

/* The store's segments are merged, with all indexes. */
static void one_segment(struct store_fixture *f, size_t rows, struct random *r) {
    fixture_temp(f);
    CHECK_OK(fixture_open(f));
    fixture_random(f, r, rows, f->now_ns, MINUTE);
    CHECK(fixture_publish(f, TABLE_LOGS));
    CHECK_OK(store_flush(f->store, &f->why));
    CHECK_OK(store_merge(f->store, &f->why));
    CHECK(f->store->segments.n == 1);
    row_lines_sort(&f->ledger);
}

struct flipper {
    struct store_fixture *f;
    struct file *file;
    struct scan_request requests[5];
    struct row_lines right[5]; /* what the requests should give */
    uint64_t word, id;
};

static bool checkout_only(void *ctx UNUSED, struct str labels) {
    return str_eq(labels_get(labels, STR("service")), STR("checkout"));
}

static void flipper_init(struct flipper *x, struct store_fixture *f) {
    char path[SEGMENT_PATH_BYTES];
    *x = (struct flipper){ .f = f };
    segment_path(f->store->segments.p[0]->m.id, "seg", path);
    CHECK_OK(disk_open(f->disk, path, FILE_WRITE, &x->file));
    x->word = token_hash(STR("request"));
    for (size_t i = 0; i < f->ledger.lines.n && !x->id; i++) {
        size_t at = str_find(f->ledger.lines.p[i], STR("trace_id"), 0);
        if (at != SIZE_MAX)
            x->id = id_prefix(str_skip(f->ledger.lines.p[i], at + strlen("trace_id:6=")));
    }
    for (size_t i = 0; i < COUNT_OF(x->requests); i++)
        x->requests[i] = fixture_request(TABLE_LOGS);
    x->requests[1].words = &x->word;
    x->requests[1].word_count = 1;
    x->requests[2].ids = &x->id;
    x->requests[2].id_count = 1;
    x->requests[3].stream = checkout_only;
    static const struct label host = { { "host", 4 }, { "a1", 2 } };
    x->requests[4].labels = &host;
    x->requests[4].label_count = 1;
    for (size_t i = 0; i < COUNT_OF(x->requests); i++) {
        fixture_read(f, &x->requests[i], &x->right[i], NULL);
        row_lines_sort(&x->right[i]);
        CHECK(x->right[i].lines.n > 0);
    }
}

static void flipper_fini(struct flipper *x) {
    for (size_t i = 0; i < COUNT_OF(x->requests); i++)
        row_lines_fini(&x->right[i]);
    file_close(x->file);
}

static void flip(struct flipper *x, uint64_t bit) {
    unsigned char byte;
    CHECK_OK(file_read_all(x->file, &byte, 1, bit / 8));
    byte ^= (unsigned char)(1 << bit % 8);
    CHECK_OK(file_write(x->file, &byte, 1, bit / 8));
}

/* Every line got is in `right`: nothing is made up, and nothing appears twice. */
static bool only_right(const struct row_lines *right, const struct row_lines *got) {
    size_t i = 0;
    for (size_t k = 0; k < got->lines.n; k++, i++) {
        while (i < right->lines.n && str_cmp(right->lines.p[i], got->lines.p[k]) < 0)
            i++;
        if (i == right->lines.n || !str_eq(right->lines.p[i], got->lines.p[k]))
            return false;
    }
    return true;
}

/* Each answer is right and whole, or says that something is damaged and is right in what it gives. */
static void answers_are_right(struct flipper *x, uint64_t bit) {
    for (size_t i = 0; i < COUNT_OF(x->requests); i++) {
        struct row_lines got = { 0 };
        size_t damaged = 0;
        fixture_read(x->f, &x->requests[i], &got, &damaged);
        row_lines_sort(&got);
        if (!only_right(&x->right[0], &got) || (!damaged && !only_right(&got, &x->right[i])))
            fail_msg("bit %llu, request %zu: %zu rows for %zu, %zu damaged", (unsigned long long)bit, i,
                     got.lines.n, x->right[i].lines.n, damaged);
        row_lines_fini(&got);
    }
}

static void flip_and_look(struct flipper *x, uint64_t bit, bool answers) {
    struct segment *s = x->f->store->segments.p[0];
    struct err_text why;
    flip(x, bit);
    s->damaged = false;
    if (segment_check(s, &why) == ERR_OK)
        fail_msg("bit %llu is not seen", (unsigned long long)bit);
    s->damaged = false;
    if (answers)
        answers_are_right(x, bit);
    flip(x, bit);
}

TEST(every_flipped_bit_of_a_small_segment_is_seen_and_never_makes_a_wrong_row) {
    struct store_fixture f;
    struct random r;
    struct flipper x;
    random_init(&r, 5);
    one_segment(&f, 380, &r);
    flipper_init(&x, &f);
    uint64_t bytes = f.store->segments.p[0]->m.size_bytes;
    print_message("%llu bytes\n", (unsigned long long)bytes);
    CHECK(bytes > 4000);
    for (uint64_t bit = 0; bit < bytes * 8; bit++)
        flip_and_look(
            &x, bit, bit % 7 == 0); /* seven is no divisor of a byte: all bits of all fields get their turn */
    f.store->segments.p[0]->damaged = false;
    CHECK_OK(segment_check(f.store->segments.p[0], NULL));
    flipper_fini(&x);
    fixture_fini(&f);
}

TEST(random_flipped_bits_of_a_large_segment_are_seen) {
    struct store_fixture f;
    struct random r;
    struct flipper x;
    random_init(&r, 6);
    one_segment(&f, 60000, &r);
    flipper_init(&x, &f);
    uint64_t bytes = f.store->segments.p[0]->m.size_bytes;
    const char *count = getenv("SONDE_BIT_FLIPS");
    for (long i = count ? atol(count) : 60; i > 0; i--)
        flip_and_look(&x, random_below(&r, bytes * 8), i % 20 == 0);
    flipper_fini(&x);
    fixture_fini(&f);
}

TEST(a_cut_file_is_damage_and_not_a_crash) {
    struct store_fixture f;
    struct random r;
    struct flipper x;
    random_init(&r, 8);
    one_segment(&f, 300, &r);
    flipper_init(&x, &f);
    for (uint64_t n = f.store->segments.p[0]->m.size_bytes; n > 0; n = n * 7 / 8) {
        CHECK_OK(file_truncate(x.file, n - 1));
        f.store->segments.p[0]->damaged = false;
        CHECK(segment_check(f.store->segments.p[0], NULL) == ERR_CORRUPT);
        answers_are_right(&x, n);
    }
    flipper_fini(&x);
    fixture_fini(&f);
}

TEST(pruning_reads_only_blocks_that_may_match) {
    struct store_fixture f;
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    struct random r;
    random_init(&r, 9);
    for (int i = 0; i < 5; i++) { /* five windows */
        fixture_random(&f, &r, 100, f.now_ns - i * 60 * MINUTE, MINUTE / 60);
        struct fixture_row row = { .time_ns = f.now_ns - i * 60 * MINUTE,
                                   .service = i == 3 ? "rare" : "cart",
                                   .host = "x",
                                   .message = i == 2 ? "the needle" : "hay",
                                   .trace_id = i == 1 ? "00112233445566778899aabbccddeeff" : NULL };
        fixture_add(&f, &row);
        CHECK(fixture_publish(&f, TABLE_LOGS));
    }
    CHECK_OK(store_flush(f.store, &f.why));
    CHECK_OK(store_merge(f.store, &f.why));
    uint64_t word = token_hash(STR("needle")), id = id_prefix(STR("00112233445566778899aabbccddeeff"));
    struct scan_request word_request = fixture_request(TABLE_LOGS), id_request = word_request,
                        time_request = word_request;
    word_request.words = &word;
    word_request.word_count = 1;
    id_request.ids = &id;
    id_request.id_count = 1;
    time_request.time_from_ns = f.now_ns;
    struct scan_request label_request = word_request, both_request;
    struct label label = { STR("service"), STR("rare") }, none = { STR("service"), STR("rar") };
    label_request.word_count = 0;
    label_request.labels = &label;
    label_request.label_count = 1;
    both_request = label_request;
    both_request.stream = checkout_only;
    const struct scan_request *requests[] = { &word_request, &id_request, &time_request, &label_request };
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        struct scan *c;
        CHECK_OK(store_scan(f.store, requests[i], &f.why, &c));
        CHECK(scan_count(c) == 1);
        const struct scan_counts *n = scan_counts(c);
        CHECK(n->blocks == 5 &&
              n->blocks_skipped_time + n->blocks_skipped_word + n->blocks_skipped_stream == 4);
        scan_close(c);
    }
    struct row_lines got = { 0 };
    fixture_read(&f, &both_request, &got, NULL);
    label_request.labels = &none;
    fixture_read(&f, &label_request, &got, NULL);
    CHECK(got.lines.n == 0);
    fixture_read(&f, &word_request, &got, NULL);
    CHECK(got.lines.n == 101);
    row_lines_fini(&got);
    fixture_fini(&f);
}

TEST_MAIN(RUN(every_flipped_bit_of_a_small_segment_is_seen_and_never_makes_a_wrong_row),
          RUN(random_flipped_bits_of_a_large_segment_are_seen), RUN(a_cut_file_is_damage_and_not_a_crash),
          RUN(pruning_reads_only_blocks_that_may_match))
