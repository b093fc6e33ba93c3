#include "base/test.h"
#include "store/merge_plan.h"

static const int64_t HOUR = 3600ll * 1000000000, MINUTE = 60ll * 1000000000;
static const int64_t NOW = 500000ll * 3600 * 1000000000 + 30 * 60ll * 1000000000; /* half past */

struct world {
    struct manifest_segment m[300];
    struct merge_candidate c[300];
    size_t count;
};

static struct manifest_segment *add(struct world *w, uint32_t level, int64_t hours_ago, uint64_t rows,
                                    int64_t age_s) {
    struct manifest_segment *m = &w->m[w->count];
    *m = (struct manifest_segment){ .id = w->count + 1,
                                    .level = level,
                                    .window_start_ns = NOW / HOUR * HOUR - hours_ago * HOUR,
                                    .rows = rows,
                                    .size_bytes = rows * 15,
                                    .position_min = w->count + 1,
                                    .received_max_ms = NOW / 1000000 - age_s * 1000 };
    m->window_end_ns = m->window_start_ns + HOUR;
    w->c[w->count] = (struct merge_candidate){ .m = m };
    w->count++;
    return m;
}

static struct merge_job plan(const struct world *w, bool force) {
    struct merge_job job;
    merge_plan(&(struct merge_wish){ w->c, w->count, NOW, force }, &job);
    return job;
}

TEST(nothing_to_merge_is_no_job) {
    struct world w = { .count = 0 };
    CHECK(plan(&w, true).kind == MERGE_NONE);
    add(&w, 2, 3, 5000000, 9999);
    add(&w, 1, 3, 5000000, 9999);
    add(&w, 2, 5, 100, 9999);
    CHECK(plan(&w, true).kind == MERGE_NONE);
}

TEST(young_parts_of_an_open_window_wait_until_they_are_worth_it) {
    struct world w = { .count = 0 };
    for (int i = 0; i < 7; i++)
        add(&w, 0, 0, 1000, 5);
    CHECK(plan(&w, false).kind == MERGE_NONE);
    CHECK(plan(&w, true).kind == MERGE_CLOSE);
    add(&w, 0, 0, 1000, 5);
    struct merge_job job = plan(&w, false);
    CHECK(job.kind == MERGE_WINDOW && job.count == 8 && job.level == 1);
    for (size_t i = 0; i < job.count; i++)
        CHECK(job.inputs[i] == i);
    struct world big = { .count = 0 };
    add(&big, 0, 0, MERGE_GOOD_ROWS, 1);
    CHECK(plan(&big, false).kind == MERGE_WINDOW);
    struct world quiet = { .count = 0 };
    add(&quiet, 0, 0, 10, 61);
    CHECK(plan(&quiet, false).kind == MERGE_WINDOW);
}

TEST(a_window_closes_ten_minutes_after_its_end) {
    struct world w = { .count = 0 };
    add(&w, 1, 1, 1000, 700);
    add(&w, 1, 1, 1000, 700);
    w.m[0].window_end_ns = w.m[1].window_end_ns = NOW - 9 * MINUTE;
    CHECK(plan(&w, false).kind == MERGE_NONE);
    w.m[0].window_end_ns = w.m[1].window_end_ns = NOW - 11 * MINUTE;
    struct merge_job job = plan(&w, false);
    CHECK(job.kind == MERGE_CLOSE && job.level == 2 && job.count == 2);
}

TEST(closing_takes_what_is_small_and_leaves_what_is_good) {
    struct world w = { .count = 0 };
    add(&w, 1, 5, 2000000, 9999);
    add(&w, 1, 5, 1000, 9999);
    add(&w, 0, 5, 1000, 9999);
    add(&w, 2, 5, 70000, 9999);
    add(&w, 2, 5, 60000, 9999);
    add(&w, 1, 6, 1000, 9999);
    struct merge_job job = plan(&w, false);
    CHECK(job.kind == MERGE_CLOSE && job.count == 3);
    CHECK(job.inputs[0] == 1 && job.inputs[1] == 2 && job.inputs[2] == 4);
}

TEST(the_window_with_most_parts_goes_first) {
    struct world w = { .count = 0 };
    for (int i = 0; i < 9; i++)
        add(&w, 0, 0, 1000, 5);
    for (int i = 0; i < 12; i++)
        add(&w, 0, 3, 1000, 5);
    for (int i = 0; i < 20; i++)
        add(&w, 1, 7, 1000, 9999);
    struct merge_job job = plan(&w, false);
    CHECK(job.count == 12 && w.m[job.inputs[0]].window_start_ns == w.m[9].window_start_ns);
}

TEST(late_parts_are_merged_with_late_parts_only) {
    struct world w = { .count = 0 };
    for (int i = 0; i < 16; i++)
        add(&w, 0, i % 2 ? 0 : 9, 100, 5)->late = i % 2 == 0;
    struct merge_job job = plan(&w, false);
    CHECK(job.count == 8);
    for (size_t i = 1; i < job.count; i++)
        CHECK(w.m[job.inputs[i]].late == w.m[job.inputs[0]].late);
}

TEST(small_late_leftovers_wait_for_new_late_rows) {
    struct world w = { .count = 0 };
    add(&w, 1, 0, 5000, 9999)->late = true;
    add(&w, 1, 0, 300000, 9999)->late = true;
    CHECK(plan(&w, true).kind == MERGE_NONE);
    add(&w, 0, 0, 10, 61)->late = true;
    struct merge_job job = plan(&w, false);
    CHECK(job.kind == MERGE_LATE && job.count == 2 && job.inputs[0] == 0 && job.inputs[1] == 2);
}

TEST(tables_are_never_mixed) {
    struct world w = { .count = 0 };
    for (int i = 0; i < 20; i++)
        add(&w, 0, 0, 1000, 100)->table = i % 2 ? TABLE_LOGS : TABLE_DEAD_LETTERS;
    struct merge_job job = plan(&w, true);
    CHECK(job.count == 10);
    for (size_t i = 0; i < job.count; i++)
        CHECK(w.m[job.inputs[i]].table == job.table);
}

TEST(a_job_is_bounded_and_takes_the_oldest_first) {
    struct world w = { .count = 0 };
    for (int i = 0; i < 200; i++)
        add(&w, 0, 0, 400000, 5)->position_min = (uint64_t)(1000 - i);
    struct merge_job job = plan(&w, false);
    uint64_t rows = 0;
    for (size_t i = 0; i < job.count; i++)
        rows += w.m[job.inputs[i]].rows;
    CHECK(job.count > 1 && rows <= 8 << 20);
    CHECK(job.inputs[0] == 199 && job.inputs[1] == 198);
}

TEST(what_failed_too_often_is_left_out) {
    struct world w = { .count = 0 };
    for (int i = 0; i < 10; i++)
        add(&w, 0, 0, 1000, 100);
    w.c[3].excluded = true;
    struct merge_job job = plan(&w, true);
    CHECK(job.count == 9);
    for (size_t i = 0; i < job.count; i++)
        CHECK(job.inputs[i] != 3);
}

TEST(dirty_segments_are_rewritten_when_nothing_else_is_to_do) {
    struct world w = { .count = 0 };
    add(&w, 2, 9, 5000000, 9999);
    add(&w, 1, 0, 5000000, 5);
    w.c[0].dirty = w.c[1].dirty = true;
    struct merge_job job = plan(&w, false);
    CHECK(job.kind == MERGE_REWRITE && job.count == 1 && job.inputs[0] == 0 && job.level == 2);
    w.c[0].dirty = false;
    job = plan(&w, false);
    CHECK(job.kind == MERGE_REWRITE && job.inputs[0] == 1 && job.level == 1);
}

TEST_MAIN(RUN(nothing_to_merge_is_no_job), RUN(young_parts_of_an_open_window_wait_until_they_are_worth_it),
          RUN(a_window_closes_ten_minutes_after_its_end),
          RUN(closing_takes_what_is_small_and_leaves_what_is_good),
          RUN(the_window_with_most_parts_goes_first), RUN(late_parts_are_merged_with_late_parts_only),
          RUN(small_late_leftovers_wait_for_new_late_rows), RUN(tables_are_never_mixed),
          RUN(a_job_is_bounded_and_takes_the_oldest_first), RUN(what_failed_too_often_is_left_out),
          RUN(dirty_segments_are_rewritten_when_nothing_else_is_to_do))
