#include "base/random.h"
#include "base/test.h"
#include "block/int_run.h"

/* Runs of every shape come back, and the shapes that they are made for are small. */
struct run {
    uint64_t values[4000];
    size_t count;
};

static size_t round_trip(const struct run *run) {
    AUTO(buf) out = { 0 };
    AUTO(arena) mem;
    struct int_runs s = { .strips = strip_writer_new() };
    uint64_t *got;
    arena_init(&mem, 0);
    int_run_put(&s, run->values, run->count, &out);
    struct reader r = reader_of(buf_str(&out));
    CHECK_OK(int_run_get(&r, run->count, 3, &mem, &got));
    CHECK(reader_done(&r) && memcmp(got, run->values, run->count * sizeof *got) == 0);
    for (size_t cut = 0; cut < out.n; cut += 1 + out.n / 50) {
        r = reader_of((struct str){ out.p, cut });
        CHECK(int_run_get(&r, run->count, 0, &mem, &got) == ERR_CORRUPT);
    }
    int_runs_fini(&s);
    strip_writer_free(s.strips);
    return out.n;
}

TEST(runs_of_any_shape_and_length_come_back) {
    static const size_t counts[] = { 0, 1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 1000, 1025, 4000 };
    struct random random;
    struct run run;
    random_init(&random, 1);
    for (unsigned shape = 0; shape < 66 * 3; shape++)
        for (size_t c = 0; c < COUNT_OF(counts); c++) {
            uint64_t at = random_u64(&random), mask = shape / 3 >= 64 ? UINT64_MAX : (1ull << shape / 3) - 1;
            run.count = counts[c];
            for (size_t i = 0; i < run.count; i++) {
                uint64_t r = random_u64(&random) & mask;
                at += r;
                run.values[i] = shape % 3 == 0 ? r : shape % 3 == 1 ? at : r * 1000000;
            }
            (void)round_trip(&run);
        }
}

TEST(milliseconds_kept_as_nanoseconds_cost_a_byte_a_row_or_less) {
    struct run run = { .count = 4000 };
    struct random random;
    random_init(&random, 1);
    uint64_t time = 1700000000000000000;
    for (size_t i = 0; i < run.count; i++)
        run.values[i] = time += random_below(&random, 20) * 1000000;
    CHECK(round_trip(&run) < run.count * 6 / 10);
}

TEST(a_steady_clock_costs_nothing) {
    struct run run = { .count = 4000 };
    for (size_t i = 0; i < run.count; i++)
        run.values[i] = 1700000000000000000 + i * 15000000000;
    CHECK(round_trip(&run) < 40);
}

TEST(a_few_distinct_values_cost_their_numbers) {
    static const uint64_t statuses[] = { 200, 404, 500, 302, (uint64_t)-1, 70000 };
    struct run run = { .count = 4000 };
    struct random random;
    random_init(&random, 1);
    for (size_t i = 0; i < run.count; i++)
        run.values[i] = statuses[random_below(&random, COUNT_OF(statuses))];
    CHECK(round_trip(&run) < run.count * 3 / 8);
    for (size_t i = 0; i < run.count; i++)
        run.values[i] = random_below(&random, 2);
    CHECK(round_trip(&run) < run.count / 8 + 40);
}

TEST(a_value_that_the_sample_missed_does_not_spoil_a_table) {
    struct run run = { .count = 4000 };
    for (size_t i = 0; i < run.count; i++)
        run.values[i] = i % 3 ? 1000 : 77777777;
    for (size_t i = 0; i < 600; i++)
        run.values[300 + i] = i * i;
    (void)round_trip(&run);
}

TEST_MAIN(RUN(runs_of_any_shape_and_length_come_back),
          RUN(milliseconds_kept_as_nanoseconds_cost_a_byte_a_row_or_less), RUN(a_steady_clock_costs_nothing),
          RUN(a_few_distinct_values_cost_their_numbers),
          RUN(a_value_that_the_sample_missed_does_not_spoil_a_table))
