#include "base/test.h"
#include "catalog/catalog.h"
#include "store/merge.h"
#include "store/segment_check.h"
#include "store/store_fixture.h"
#include "store/store_state.h"
#include <stdio.h>
#include <stdlib.h>

static const int64_t HOUR = 3600ll * 1000000000, MINUTE = 60ll * 1000000000, SECOND = 1000000000;

static int64_t hours_ago(const struct store_fixture *f, int64_t hours) {
    return f->now_ns / HOUR * HOUR - hours * HOUR;
}

static void must(struct store_fixture *f, enum err e) {
    if (e != ERR_OK)
        fail_msg("%s: %s", err_name(e), f->why.msg);
}

/* What merged segments promise: one window, sorted by (stream, time), checked parts, counts that are those of
 * the manifest. */
struct order_check {
    struct str labels;
    int64_t time_ns;
    bool any;
    struct arena mem;
};

static void check_block(struct order_check *o, const struct manifest_segment *m, const struct block *b) {
    const struct block_info *info = block_info(b);
    for (uint32_t p = 0; p < info->page_count; p++) {
        AUTO(arena) mem;
        arena_init(&mem, 0);
        const int64_t *times;
        CHECK_OK(block_read_times(b, p, &mem, &times));
        for (uint32_t i = 0; i < block_page_rows(b, p); i++) {
            struct str labels = block_streams(b)[block_stream_of_row(b, p * info->page_rows + i)].labels;
            int c = o->any ? str_cmp(o->labels, labels) : -1;
            CHECK(c < 0 || (c == 0 && o->time_ns <= times[i]));
            CHECK(m->late || (times[i] >= m->window_start_ns && times[i] < m->window_end_ns));
            if (c)
                CHECK_OK(arena_dup(&o->mem, labels, &o->labels));
            o->time_ns = times[i];
            o->any = true;
        }
    }
}

static void check_segment(struct segment *g) {
    struct err_text why = { 0 };
    if (segment_check(g, &why) != ERR_OK)
        fail_msg("segment %llu: %s", (unsigned long long)g->m.id, why.msg);
    CHECK_OK(segment_pin(g, &why));
    AUTO(arena) mem;
    arena_init(&mem, 0);
    struct segment_block *blocks;
    uint32_t count;
    bool walked;
    CHECK_OK(segment_blocks(g, &mem, &blocks, &count, &walked));
    struct order_check o = { 0 };
    uint64_t rows = 0, raw = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct block_source source = { .file = segment_file(g),
                                       .offset = blocks[i].offset,
                                       .size_bytes = blocks[i].size_bytes };
        struct block *b;
        CHECK_OK(block_open(&source, &why, &b));
        check_block(&o, &g->m, b);
        rows += block_info(b)->row_count;
        raw += block_info(b)->raw_bytes;
        block_free(b);
    }
    CHECK(rows == g->m.rows && raw == g->m.raw_bytes && count == g->m.blocks);
    arena_fini(&o.mem);
    segment_unpin(g);
}

static void check_segments(struct store_fixture *f) {
    for (size_t i = 0; i < f->store->segments.n; i++)
        if (f->store->segments.p[i]->m.level > 0)
            check_segment(f->store->segments.p[i]);
}

/* Rows of all kinds: in one window, across two, far away, with many equal times. */
static void put_something(struct store_fixture *f, struct random *r) {
    size_t rows = 1 + random_below(r, random_below(r, 6) ? 300 : 9000);
    int64_t at = hours_ago(f, (int64_t)random_below(r, 4)) + (int64_t)random_below(r, 59) * MINUTE;
    int64_t spreads[] = { 0, 3, 2 * SECOND, MINUTE, 3 * HOUR };
    fixture_random(f, r, rows, at, spreads[random_below(r, COUNT_OF(spreads))]);
    CHECK(fixture_publish(f, random_below(r, 8) ? TABLE_LOGS : TABLE_DEAD_LETTERS));
}

TEST(whatever_comes_in_whichever_order_stays_the_same_rows) {
    const char *seeds = getenv("SONDE_MERGE_SEEDS");
    for (long seed = 1; seed <= (seeds ? atol(seeds) : 6); seed++) {
        struct store_fixture f;
        struct random r;
        random_init(&r, (uint64_t)seed);
        fixture_temp(&f);
        CHECK_OK(fixture_open(&f));
        for (int step = 0; step < 30; step++) {
            f.now_ns += (int64_t)random_below(&r, 4) * MINUTE;
            switch (random_below(&r, 8)) {
            case 0: must(&f, store_flush(f.store, &f.why)); break;
            case 1: must(&f, merge_due(f.store, &f.why)); break;
            case 2: must(&f, random_below(&r, 2) ? store_merge(f.store, &f.why) : ERR_OK); break;
            case 3: fixture_reopen(&f); break;
            default: put_something(&f, &r); break;
            }
        }
        if (!fixture_same(&f))
            fail_msg("seed %ld", seed);
        must(&f, store_flush(f.store, &f.why));
        must(&f, store_merge(f.store, &f.why));
        if (!fixture_same(&f))
            fail_msg("seed %ld, merged", seed);
        check_segments(&f);
        struct store_stats s;
        store_stats(f.store, &s);
        CHECK(s.unmerged_segments == 0);
        fixture_fini(&f);
    }
}

TEST(rows_of_one_time_keep_the_order_in_which_they_came) {
    struct store_fixture f;
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    int64_t at = hours_ago(&f, 2);
    for (int i = 0; i < 60; i++) {
        struct fixture_row row = {
            .time_ns = at, .service = "cart", .host = "a", .message = "same", .number = i
        };
        fixture_add(&f, &row);
        if (i % 3 == 2)
            CHECK(fixture_publish(&f, TABLE_LOGS));
        if (i % 10 == 9)
            must(&f, store_flush(f.store, &f.why));
        if (i == 30)
            must(&f, store_merge(f.store, &f.why));
    }
    must(&f, store_flush(f.store, &f.why));
    must(&f, store_merge(f.store, &f.why));
    struct row_lines got = { 0 };
    struct scan_request all = fixture_request(TABLE_LOGS);
    fixture_read(&f, &all, &got, NULL);
    CHECK(got.lines.n == 60);
    for (size_t i = 0; i < got.lines.n; i++) {
        char want[32];
        (void)snprintf(want, sizeof want, "number:2=%zu", i);
        CHECK(str_ends(got.lines.p[i], str_of(want)));
    }
    row_lines_fini(&got);
    fixture_fini(&f);
}

TEST(a_late_segment_is_split_by_window) {
    struct store_fixture f;
    struct random r;
    random_init(&r, 3);
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    fixture_random(&f, &r, 60000, hours_ago(&f, 40), 30 * HOUR);
    CHECK(fixture_publish(&f, TABLE_LOGS));
    must(&f, store_flush(f.store, &f.why));
    CHECK(f.store->segments.n == 1 && f.store->segments.p[0]->m.late);
    must(&f, store_merge(f.store, &f.why));
    CHECK(f.store->segments.n >= 29 && f.store->segments.n <= 31);
    check_segments(&f);
    CHECK(fixture_same(&f));
    fixture_fini(&f);
}

TEST(rows_all_over_the_years_do_not_become_a_file_an_hour) {
    struct store_fixture f;
    struct random r;
    random_init(&r, 5);
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    for (int i = 0; i < 6; i++) {
        fixture_random(&f, &r, 2000, hours_ago(&f, 400000), 390000 * HOUR);
        fixture_random(&f, &r, 1500, hours_ago(&f, 77), HOUR - 1);
        CHECK(fixture_publish(&f, TABLE_LOGS));
        must(&f, store_flush(f.store, &f.why));
        if (i % 2)
            must(&f, store_merge(f.store, &f.why));
    }
    CHECK(f.store->segments.n <= 4);
    check_segments(&f);
    CHECK(fixture_same(&f));
    fixture_fini(&f);
}

TEST(many_windows_in_one_flush_become_few_files) {
    struct store_fixture f;
    struct random r;
    random_init(&r, 4);
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    for (int i = 0; i < 60; i++) {
        fixture_random(&f, &r, i < 5 ? 200 : 3, hours_ago(&f, i), MINUTE);
        CHECK(fixture_publish(&f, TABLE_LOGS));
    }
    must(&f, store_flush(f.store, &f.why));
    CHECK(f.store->segments.n <= 17);
    must(&f, store_merge(f.store, &f.why));
    check_segments(&f);
    CHECK(fixture_same(&f));
    fixture_fini(&f);
}

TEST(many_columns_and_streams_survive) {
    struct store_fixture f;
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    int64_t at = hours_ago(&f, 3);
    for (int block = 0; block < 3; block++) {
        for (int i = 0; i < 2000; i++) {
            char host[32];
            (void)snprintf(host, sizeof host, "host-%d", (i * 7 + block * 500) % 4000);
            struct fixture_row row = { .time_ns = at + i, .service = "s", .host = host, .message = "m" };
            fixture_add(&f, &row);
        }
        CHECK(fixture_publish(&f, TABLE_LOGS));
    }
    must(&f, store_flush(f.store, &f.why));
    must(&f, store_merge(f.store, &f.why));
    check_segments(&f);
    CHECK(fixture_same(&f));
    fixture_fini(&f);
}

TEST(a_damaged_block_is_set_aside_and_the_rest_is_merged) {
    struct store_fixture f;
    struct random r;
    random_init(&r, 8);
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    for (int i = 0; i < 4; i++) {
        fixture_random(&f, &r, 2000, hours_ago(&f, 2), MINUTE);
        CHECK(fixture_publish(&f, TABLE_LOGS));
    }
    must(&f, store_flush(f.store, &f.why));
    char path[SEGMENT_PATH_BYTES];
    segment_path(f.store->segments.p[0]->m.id, "seg", path);
    struct file *file;
    unsigned char byte;
    CHECK_OK(disk_open(f.disk, path, FILE_WRITE, &file));
    uint64_t at = f.store->segments.p[0]->m.size_bytes / 2; /* inside of a page of some block */
    CHECK_OK(file_read_all(file, &byte, 1, at));
    byte ^= 0x10;
    CHECK_OK(file_write(file, &byte, 1, at));
    file_close(file);
    must(&f, store_merge(f.store, &f.why));
    struct row_lines got = { 0 };
    struct scan_request all = fixture_request(TABLE_LOGS);
    fixture_read(&f, &all, &got, NULL);
    CHECK(got.lines.n == 6000);
    row_lines_fini(&got);
    check_segments(&f);
    CHECK(f.says > 0 && strstr(f.said, "set aside"));
    struct store_stats s;
    store_stats(f.store, &s);
    CHECK(s.quarantined > 0);
    fixture_fini(&f);
}

TEST(a_missing_file_does_not_stop_the_others) {
    struct store_fixture f;
    struct random r;
    random_init(&r, 9);
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    for (int i = 0; i < 3; i++) {
        fixture_random(&f, &r, 100, hours_ago(&f, 2 + i), MINUTE);
        CHECK(fixture_publish(&f, TABLE_LOGS));
    }
    must(&f, store_flush(f.store, &f.why));
    CHECK(f.store->segments.n == 3);
    char path[SEGMENT_PATH_BYTES];
    segment_path(f.store->segments.p[1]->m.id, "seg", path);
    CHECK_OK(disk_unlink(f.disk, path));
    int failed = 0;
    for (int i = 0; i < 8; i++)
        failed += store_merge(f.store, &f.why) != ERR_OK;
    CHECK(failed > 0 && failed < 8);
    struct row_lines got = { 0 };
    struct scan_request all = fixture_request(TABLE_LOGS);
    size_t damaged = 0;
    fixture_read(&f, &all, &got, &damaged);
    CHECK(got.lines.n == 200 && damaged == 1);
    row_lines_fini(&got);
    fixture_fini(&f);
}

TEST(a_scan_keeps_reading_inputs_that_a_merge_has_replaced) {
    struct store_fixture f;
    struct random r;
    random_init(&r, 10);
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    fixture_random(&f, &r, 500, hours_ago(&f, 2), MINUTE);
    CHECK(fixture_publish(&f, TABLE_LOGS));
    struct scan_request all = fixture_request(TABLE_LOGS);
    struct scan *live, *l0;
    CHECK_OK(store_scan(f.store, &all, &f.why, &live));
    must(&f, store_flush(f.store, &f.why));
    CHECK_OK(store_scan(f.store, &all, &f.why, &l0));
    char path[SEGMENT_PATH_BYTES];
    segment_path(f.store->segments.p[0]->m.id, "seg", path);
    must(&f, store_merge(f.store, &f.why));
    bool there = false;
    CHECK_OK(disk_exists(f.disk, path, &there));
    CHECK(there);
    struct block *b;
    for (int i = 0; i < 2; i++) {
        CHECK_OK(scan_open(i ? l0 : live, 0, &f.why, &b));
        CHECK(block_info(b)->row_count == 500);
        block_free(b);
        scan_close(i ? l0 : live);
    }
    CHECK_OK(disk_exists(f.disk, path, &there));
    CHECK(!there);
    fixture_fini(&f);
}

TEST_MAIN(RUN(whatever_comes_in_whichever_order_stays_the_same_rows),
          RUN(rows_of_one_time_keep_the_order_in_which_they_came), RUN(a_late_segment_is_split_by_window),
          RUN(rows_all_over_the_years_do_not_become_a_file_an_hour),
          RUN(many_windows_in_one_flush_become_few_files), RUN(many_columns_and_streams_survive),
          RUN(a_damaged_block_is_set_aside_and_the_rest_is_merged),
          RUN(a_missing_file_does_not_stop_the_others),
          RUN(a_scan_keeps_reading_inputs_that_a_merge_has_replaced))
