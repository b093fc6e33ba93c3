#include "base/test.h"
#include "catalog/catalog.h"
#include "store/store.h"
#include "store/store_fixture.h"
#include <stdio.h>
#include <stdlib.h>

static const int64_t HOUR = 3600ll * 1000000000, MINUTE = 60ll * 1000000000;

/* The start of an hour some hours before the fixture's now. */
static int64_t hours_ago(const struct store_fixture *f, int64_t hours) {
    return f->now_ns / HOUR * HOUR - hours * HOUR;
}

static struct store_stats stats_of(struct store_fixture *f) {
    struct store_stats s;
    store_stats(f->store, &s);
    return s;
}

static void put_random(struct store_fixture *f, struct random *r, size_t count, int64_t time_ns) {
    fixture_random(f, r, count, time_ns, 10 * MINUTE);
    CHECK(fixture_publish(f, TABLE_LOGS));
}

TEST(rows_are_visible_at_once_and_through_every_stage_and_restart) {
    struct store_fixture f;
    struct random r;
    random_init(&r, 1);
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    for (int round = 0; round < 4; round++) {
        for (int block = 0; block < 3; block++)
            put_random(&f, &r, 1 + random_below(&r, 3000), hours_ago(&f, 3 - round % 2));
        CHECK(fixture_same(&f));
        fixture_reopen(&f);
        CHECK(fixture_same(&f));
        CHECK_OK(store_flush(f.store, &f.why));
        CHECK(stats_of(&f).live_blocks == 0);
        CHECK(fixture_same(&f));
        fixture_reopen(&f);
        CHECK(fixture_same(&f));
        if (round == 1) {
            CHECK_OK(store_merge(f.store, &f.why));
            CHECK(stats_of(&f).unmerged_segments == 0);
            CHECK(fixture_same(&f));
            fixture_reopen(&f);
            CHECK(fixture_same(&f));
        }
    }
    CHECK_OK(store_merge(f.store, &f.why));
    CHECK(fixture_same(&f));
    CHECK(stats_of(&f).segments == 2);
    fixture_fini(&f);
}

/* Takes out of the ledger what a delete hides. */
static void forget(struct store_fixture *f, const char *part, int64_t from_ns, int64_t to_ns) {
    size_t kept = 0;
    for (size_t i = 0; i < f->ledger.lines.n; i++) {
        struct str line = f->ledger.lines.p[i];
        int64_t time_ns = strtoll(line.p, NULL, 10);
        if (str_find(line, str_of(part), 0) == SIZE_MAX || time_ns < from_ns || time_ns >= to_ns)
            f->ledger.lines.p[kept++] = line;
    }
    f->ledger.lines.n = kept;
}

static void must(struct store_fixture *f, enum err e) {
    if (e != ERR_OK)
        fail_msg("%s: %s", err_name(e), f->why.msg);
}

static void count_delete(void *ctx, const struct manifest_delete *d UNUSED) {
    (*(size_t *)ctx)++;
}
static size_t deletes_in_catalog(struct store_fixture *f) {
    size_t n = 0;
    CHECK_OK(catalog_deletes(store_catalog(f->store), count_delete, &n, NULL));
    return n;
}

TEST(a_delete_hides_at_once_what_came_before_it_and_nothing_that_comes_after) {
    struct store_fixture f;
    struct random r;
    random_init(&r, 2);
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    int64_t at = hours_ago(&f, 2);
    put_random(&f, &r, 500, at);
    must(&f, store_flush(f.store, &f.why));
    put_random(&f, &r, 500, at);
    must(&f, store_delete(f.store, TABLE_LOGS, STR("service=cart"), INT64_MIN, INT64_MAX, &f.why));
    forget(&f, "service=\"cart\"", INT64_MIN, INT64_MAX);
    CHECK(fixture_same(&f));
    put_random(&f, &r, 500, at);
    CHECK(fixture_same(&f));
    fixture_reopen(&f);
    CHECK(fixture_same(&f));
    must(&f, store_flush(f.store, &f.why));
    CHECK(fixture_same(&f));
    CHECK(deletes_in_catalog(&f) == 1);
    uint64_t before = stats_of(&f).segment_rows;
    must(&f, store_merge(f.store, &f.why));
    CHECK(fixture_same(&f));
    CHECK(stats_of(&f).segment_rows < before);
    CHECK(stats_of(&f).segment_rows == f.ledger.lines.n);
    CHECK(deletes_in_catalog(&f) == 0);
    fixture_fini(&f);
}

TEST(a_delete_has_a_time_range_and_reaches_final_segments) {
    struct store_fixture f;
    struct random r;
    random_init(&r, 3);
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    for (int64_t h = 2; h < 6; h++)
        put_random(&f, &r, 800, hours_ago(&f, h));
    must(&f, store_flush(f.store, &f.why));
    must(&f, store_merge(f.store, &f.why));
    int64_t from = hours_ago(&f, 4) + 3 * MINUTE, to = hours_ago(&f, 3) + 5 * MINUTE;
    must(&f, store_delete(f.store, TABLE_LOGS, STR("service=payment"), from, to, &f.why));
    forget(&f, "service=\"payment\"", from, to);
    CHECK(fixture_same(&f));
    must(&f, store_delete(f.store, TABLE_LOGS, STR("service=search"), INT64_MIN, INT64_MAX, &f.why));
    forget(&f, "service=\"search\"", INT64_MIN, INT64_MAX);
    CHECK(fixture_same(&f));
    put_random(&f, &r, 300, hours_ago(&f, 4));
    fixture_random(&f, &r, 500, hours_ago(&f, 900), 800 * HOUR); /* late, and few of each window */
    CHECK(fixture_publish(&f, TABLE_LOGS));
    must(&f, store_flush(f.store, &f.why));
    must(&f, store_merge(f.store, &f.why));
    CHECK(fixture_same(&f));
    CHECK(deletes_in_catalog(&f) == 0);
    must(&f, store_delete(f.store, TABLE_LOGS, STR("service=cart"), INT64_MIN, INT64_MAX, &f.why));
    forget(&f, "service=\"cart\"", INT64_MIN, INT64_MAX);
    must(&f, store_merge(f.store, &f.why));
    CHECK(fixture_same(&f));
    CHECK(deletes_in_catalog(&f) == 0);
    CHECK(stats_of(&f).segment_rows == f.ledger.lines.n);
    fixture_fini(&f);
}

TEST(deleting_everything_leaves_no_segment) {
    struct store_fixture f;
    struct random r;
    random_init(&r, 4);
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    struct fixture_row row = { .time_ns = hours_ago(&f, 2), .service = "cart", .host = "a", .message = "x" };
    for (int i = 0; i < 100; i++)
        fixture_add(&f, &row);
    CHECK(fixture_publish(&f, TABLE_LOGS));
    must(&f, store_delete(f.store, TABLE_LOGS, STR("message=x"), INT64_MIN, INT64_MAX, &f.why));
    must(&f, store_merge(f.store, &f.why));
    CHECK(stats_of(&f).segments == 0);
    forget(&f, "", INT64_MIN, INT64_MAX);
    CHECK(fixture_same(&f));
    fixture_fini(&f);
}

TEST(bad_deletes_are_refused) {
    struct store_fixture f;
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    CHECK(store_delete(f.store, TABLE_LOGS, STR("a=b"), 5, 5, &f.why) == ERR_INVALID);
    static char huge[1 << 17];
    CHECK(store_delete(f.store, TABLE_LOGS, (struct str){ huge, sizeof huge }, 1, 5, &f.why) == ERR_LIMIT);
    fixture_close(&f);
    f.config.delete_match = NULL;
    CHECK_OK(fixture_open(&f));
    CHECK(store_delete(f.store, TABLE_LOGS, STR("a=b"), 1, 5, &f.why) == ERR_UNSUPPORTED);
    fixture_fini(&f);
}

static size_t rows_seen(struct store_fixture *f) {
    struct row_lines got = { 0 };
    struct scan_request all = fixture_request(TABLE_LOGS);
    fixture_read(f, &all, &got, NULL);
    size_t n = got.lines.n;
    row_lines_fini(&got);
    return n;
}

static void pass_time(struct store_fixture *f, int64_t ns) {
    while (ns > 0) { /* in steps, as a clock does */
        int64_t step = ns < 12 * HOUR ? ns : 12 * HOUR;
        f->now_ns += step;
        f->mono_ns += step;
        CHECK(rows_seen(f) <= 100000);
        ns -= step;
    }
}

TEST(retention_is_exact_at_query_time_and_drops_whole_segments) {
    struct store_fixture f;
    struct retention_rule rules[] = { { .table = TABLE_LOGS, .keep_ns = 48 * HOUR } };
    fixture_temp(&f);
    f.config.retention = rules;
    f.config.retention_count = 1;
    CHECK_OK(fixture_open(&f));
    int64_t start = f.now_ns;
    for (int i = 0; i < 100; i++) {
        struct fixture_row row = {
            .time_ns = start + i * MINUTE, .service = "s", .host = "a", .message = "x"
        };
        fixture_add(&f, &row);
        if (i % 50 == 49)
            CHECK(fixture_publish(&f, TABLE_LOGS));
    }
    must(&f, store_flush(f.store, &f.why));
    must(&f, store_merge(f.store, &f.why));
    CHECK(rows_seen(&f) == 100);
    pass_time(&f, 48 * HOUR + 30 * MINUTE);
    CHECK(rows_seen(&f) == 70);
    pass_time(&f, 4 * HOUR);
    CHECK(rows_seen(&f) == 0);
    must(&f, store_merge(f.store, &f.why));
    CHECK(stats_of(&f).segments == 0);
    fixture_fini(&f);
}

TEST(retention_of_a_stream_drops_its_rows_and_keeps_the_others) {
    struct store_fixture f;
    struct retention_rule rules[] = {
        { .table = TABLE_LOGS, .selector = STR("{service=\"debug\"}"), .keep_ns = 24 * HOUR }
    };
    fixture_temp(&f);
    f.config.retention = rules;
    f.config.retention_count = 1;
    CHECK_OK(fixture_open(&f));
    for (int i = 0; i < 100; i++) {
        struct fixture_row row = {
            .time_ns = f.now_ns - 3 * HOUR, .service = i % 4 ? "cart" : "debug", .host = "a", .message = "x"
        };
        fixture_add(&f, &row);
    }
    CHECK(fixture_publish(&f, TABLE_LOGS));
    must(&f, store_flush(f.store, &f.why));
    must(&f, store_merge(f.store, &f.why));
    CHECK(stats_of(&f).segment_rows == 100);
    pass_time(&f, 25 * HOUR);
    CHECK(rows_seen(&f) == 75);
    must(&f, store_merge(f.store, &f.why));
    CHECK(stats_of(&f).segment_rows == 75);
    CHECK(rows_seen(&f) == 75);
    fixture_fini(&f);
}

TEST(retention_by_bytes_drops_the_oldest) {
    struct store_fixture f;
    struct random r;
    random_init(&r, 5);
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    for (int64_t h = 9; h > 1; h--)
        put_random(&f, &r, 1000, hours_ago(&f, h));
    must(&f, store_flush(f.store, &f.why));
    must(&f, store_merge(f.store, &f.why));
    struct retention_rule rules[] = { { .table = TABLE_LOGS, .keep_bytes = stats_of(&f).segment_bytes / 2 } };
    f.config.retention = rules;
    f.config.retention_count = 1;
    fixture_reopen(&f);
    must(&f, store_merge(f.store, &f.why));
    CHECK(stats_of(&f).segment_bytes <= rules[0].keep_bytes && stats_of(&f).segments >= 3);
    struct scan_request old = fixture_request(TABLE_LOGS);
    old.time_to_ns = hours_ago(&f, 5);
    struct row_lines got = { 0 };
    fixture_read(&f, &old, &got, NULL);
    CHECK(got.lines.n == 0);
    row_lines_fini(&got);
    fixture_fini(&f);
}

TEST(a_clock_that_jumps_ten_years_deletes_nothing) {
    struct store_fixture f;
    struct random r;
    struct retention_rule rules[] = { { .table = TABLE_LOGS, .keep_ns = 24 * HOUR } };
    random_init(&r, 6);
    fixture_temp(&f);
    f.config.retention = rules;
    f.config.retention_count = 1;
    CHECK_OK(fixture_open(&f));
    put_random(&f, &r, 100, hours_ago(&f, 1));
    must(&f, store_flush(f.store, &f.why));
    f.now_ns += 10 * 365 * 24 * HOUR;
    CHECK(rows_seen(&f) == 100);
    must(&f, store_merge(f.store, &f.why));
    CHECK(stats_of(&f).segment_rows == 100);
    fixture_reopen(&f); /* the data is ten years older than the clock: still nothing */
    must(&f, store_merge(f.store, &f.why));
    CHECK(rows_seen(&f) == 100);
    fixture_fini(&f);
}

TEST(claims_survive_a_restart_at_every_stage) {
    struct store_fixture f;
    struct random r;
    random_init(&r, 7);
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    struct id128 id = { 11, 22 }, other = { 33, 44 };
    CHECK(store_claim(f.store, id, NULL, NULL) == CLAIM_NEW);
    fixture_random(&f, &r, 10, hours_ago(&f, 1), MINUTE);
    fixture_claim(&f, id);
    CHECK(fixture_publish(&f, TABLE_LOGS));
    store_claim_resolve(f.store, &id, 1, true);
    for (int stage = 0; stage < 3; stage++) {
        CHECK(store_claim(f.store, id, NULL, NULL) == CLAIM_DONE);
        fixture_reopen(&f);
        CHECK(store_claim(f.store, id, NULL, NULL) == CLAIM_DONE);
        CHECK(store_claim(f.store, other, NULL, NULL) == CLAIM_NEW);
        must(&f, stage ? store_merge(f.store, &f.why) : store_flush(f.store, &f.why));
    }
    f.now_ns += HOUR;
    fixture_reopen(&f);
    CHECK(store_claim(f.store, id, NULL, NULL) == CLAIM_NEW);
    fixture_fini(&f);
}

static void touch(struct store_fixture *f, const char *path) {
    struct file *file;
    CHECK_OK(disk_open(f->disk, path, FILE_WRITE | FILE_CREATE, &file));
    file_close(file);
}

static bool exists(struct store_fixture *f, const char *path) {
    bool there;
    CHECK_OK(disk_exists(f->disk, path, &there));
    return there;
}

TEST(files_that_the_manifest_does_not_name_are_set_aside) {
    struct store_fixture f;
    struct random r;
    random_init(&r, 8);
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    put_random(&f, &r, 10, hours_ago(&f, 1));
    must(&f, store_flush(f.store, &f.why));
    touch(&f, "segments/0000000000009999.seg");
    touch(&f, "segments/0000000000009998.tmp");
    touch(&f, "segments/what-is-this");
    fixture_reopen(&f);
    CHECK(exists(&f, "orphans/0000000000009999.seg") && exists(&f, "orphans/what-is-this"));
    CHECK(!exists(&f, "segments/0000000000009999.seg") && !exists(&f, "segments/0000000000009998.tmp"));
    CHECK(fixture_same(&f));
    fixture_reopen(&f);
    CHECK(exists(&f, "orphans/0000000000009999.seg"));
    touch(&f, "segments/0000000000007777.seg");
    fixture_reopen(&f);
    CHECK(!exists(&f, "orphans/0000000000009999.seg") && exists(&f, "orphans/0000000000007777.seg"));
    fixture_fini(&f);
}

TEST(a_tail_sees_only_live_blocks_after_its_position) {
    struct store_fixture f;
    struct random r;
    random_init(&r, 9);
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    put_random(&f, &r, 10, hours_ago(&f, 1));
    must(&f, store_flush(f.store, &f.why));
    put_random(&f, &r, 10, hours_ago(&f, 1));
    uint64_t position = queue_last_position(store_queue(f.store));
    put_random(&f, &r, 7, hours_ago(&f, 1));
    struct scan_request tail = fixture_request(TABLE_LOGS);
    tail.live_only = true;
    struct row_lines got = { 0 };
    fixture_read(&f, &tail, &got, NULL);
    CHECK(got.lines.n == 17);
    tail.live_after_position = position;
    fixture_read(&f, &tail, &got, NULL);
    CHECK(got.lines.n == 17 + 7);
    row_lines_fini(&got);
    fixture_fini(&f);
}

TEST(blocks_come_newest_first) {
    struct store_fixture f;
    struct random r;
    random_init(&r, 10);
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    for (int i = 0; i < 40; i++) {
        put_random(&f, &r, 5, hours_ago(&f, (int64_t)random_below(&r, 9)));
        if (i % 15 == 14)
            must(&f, store_flush(f.store, &f.why));
    }
    struct scan_request all = fixture_request(TABLE_LOGS);
    struct scan *c;
    CHECK_OK(store_scan(f.store, &all, &f.why, &c));
    CHECK(scan_count(c) == 40);
    for (size_t i = 1; i < scan_count(c); i++)
        CHECK(scan_block(c, i - 1)->time_max_ns >= scan_block(c, i)->time_max_ns);
    scan_close(c);
    fixture_fini(&f);
}

TEST(writes_are_refused_below_the_disk_reserve) {
    struct store_fixture f;
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    CHECK_OK(store_admit(f.store, &f.why));
    CHECK(store_ready(f.store, &f.why));
    fixture_close(&f);
    f.config.disk_reserve_bytes = UINT64_MAX;
    CHECK_OK(fixture_open(&f));
    CHECK(store_admit(f.store, &f.why) == ERR_UNAVAILABLE);
    CHECK(!store_ready(f.store, &f.why) && strstr(f.why.msg, "reserve"));
    fixture_fini(&f);
}

TEST(senders_are_slowed_down_while_merges_lag_behind) {
    struct store_fixture f;
    struct random r;
    random_init(&r, 12);
    fixture_temp(&f);
    f.config.merge_pause = 0;
    CHECK_OK(fixture_open(&f));
    for (int i = 0; i < 65; i++) {
        CHECK_OK(store_admit(f.store, &f.why));
        put_random(&f, &r, 2, hours_ago(&f, 1));
        must(&f, store_flush(f.store, &f.why));
    }
    CHECK(store_admit(f.store, &f.why) == ERR_LIMIT && strstr(f.why.msg, "merged"));
    must(&f, store_merge(f.store, &f.why));
    CHECK_OK(store_admit(f.store, &f.why));
    CHECK(fixture_same(&f));
    fixture_fini(&f);
}

static void heard_of(void *ctx, uint64_t position) {
    *(uint64_t *)ctx = position;
}

TEST(subscribers_hear_of_each_publish) {
    struct store_fixture f;
    struct random r;
    random_init(&r, 11);
    fixture_temp(&f);
    CHECK_OK(fixture_open(&f));
    uint64_t heard = 0;
    struct store_subscriber sub = { .published = heard_of, .ctx = &heard };
    store_subscribe(f.store, &sub);
    put_random(&f, &r, 3, hours_ago(&f, 1));
    CHECK(heard == queue_last_position(store_queue(f.store)) && heard > 0);
    store_unsubscribe(f.store, &sub);
    uint64_t before = heard;
    put_random(&f, &r, 3, hours_ago(&f, 1));
    CHECK(heard == before);
    fixture_fini(&f);
}

TEST_MAIN(RUN(rows_are_visible_at_once_and_through_every_stage_and_restart),
          RUN(a_delete_hides_at_once_what_came_before_it_and_nothing_that_comes_after),
          RUN(a_delete_has_a_time_range_and_reaches_final_segments),
          RUN(deleting_everything_leaves_no_segment), RUN(bad_deletes_are_refused),
          RUN(retention_is_exact_at_query_time_and_drops_whole_segments),
          RUN(retention_of_a_stream_drops_its_rows_and_keeps_the_others),
          RUN(retention_by_bytes_drops_the_oldest), RUN(a_clock_that_jumps_ten_years_deletes_nothing),
          RUN(claims_survive_a_restart_at_every_stage),
          RUN(files_that_the_manifest_does_not_name_are_set_aside),
          RUN(a_tail_sees_only_live_blocks_after_its_position), RUN(blocks_come_newest_first),
          RUN(writes_are_refused_below_the_disk_reserve),
          RUN(senders_are_slowed_down_while_merges_lag_behind), RUN(subscribers_hear_of_each_publish))
