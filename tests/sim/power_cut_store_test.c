/*
 * Power cuts under the whole store: journal, segments, manifest. A seed makes a disk, a workload (rows,
 * flushes, merges, deletes, restarts) and the moments of the cuts. After each cut the store opens and every
 * row that was acknowledged, or that a start has shown, is there once; every other row was once submitted,
 * and is there at most once; rows of an acknowledged delete stay away; nothing is damaged: a cut tears only
 * what nobody was told of.
 *
 * And with any one kind of sync left out, the same runs must lose rows.
 *
 * The same rules hold when the disk refuses single calls (EIO, no space): no false acknowledgement, and
 * everything goes on afterwards.
 */
#include "base/test.h"
#include "disk_sim.h"
#include "power_cut.h"
#include "store/store_fixture.h"
#include <stdio.h>
#include <stdlib.h>

static const int64_t MINUTE = 60ll * 1000000000;
enum { CUTS_A_SEED = 4, CHANGES_MAX = 160 };

enum leave_out { NOTHING, JOURNAL_SYNC, SEGMENT_SYNC, SEGMENT_FOLDER_SYNC, CATALOG_SYNC };

struct run {
    struct random random;
    enum leave_out leave_out;
    struct store_fixture f;
    int64_t next_number; /* makes each row different from all others */
    uint64_t cuts, lost, strange, not_opened, kept, merges, flushes, deletes;
};
static struct run run;

static void forget_some(struct disk *d) {
    disk_sim_ignore_none(d);
    if (run.leave_out == JOURNAL_SYNC)
        disk_sim_ignore(d, SIM_SYNC, 0, "journal");
    if (run.leave_out == SEGMENT_SYNC)
        disk_sim_ignore(d, SIM_SYNC, 0, "segments");
    if (run.leave_out == SEGMENT_FOLDER_SYNC)
        disk_sim_ignore(d, SIM_SYNC_DIR, 0, "segments");
    if (run.leave_out == CATALOG_SYNC)
        disk_sim_ignore(d, SIM_SYNC, 0, "catalog");
}

static void keep_line(struct row_lines *l, struct str line) {
    struct str kept;
    CHECK_OK(arena_dup(&l->mem, line, &kept));
    VEC_PUSH(&l->lines, kept);
}

/* Lines of `got` that are in neither list are strange, as are repeats; what is missing of the ledger is lost;
 * what is of unknown fate is settled by a start: then it is promised or gone. */
static void compare(struct row_lines *got, bool started) {
    struct store_fixture *f = &run.f;
    row_lines_sort(got);
    row_lines_sort(&f->ledger);
    row_lines_sort(&f->unknown);
    struct row_lines ledger = { 0 }, unknown = { 0 };
    size_t l = 0, u = 0;
    for (size_t g = 0; g < got->lines.n; g++) {
        struct str line = got->lines.p[g];
        for (; l < f->ledger.lines.n && str_cmp(f->ledger.lines.p[l], line) < 0; l++)
            run.lost++;
        for (; u < f->unknown.lines.n && str_cmp(f->unknown.lines.p[u], line) < 0; u++)
            keep_line(&unknown, f->unknown.lines.p[u]);
        bool promised = l < f->ledger.lines.n && str_eq(f->ledger.lines.p[l], line);
        bool possible = u < f->unknown.lines.n && str_eq(f->unknown.lines.p[u], line);
        run.strange += !promised && !possible;
        run.kept += promised;
        l += promised;
        u += possible;
        keep_line(possible && !promised && !started ? &unknown : &ledger, line);
    }
    run.lost += f->ledger.lines.n - l;
    for (; u < f->unknown.lines.n; u++)
        keep_line(&unknown, f->unknown.lines.p[u]);
    row_lines_fini(&f->ledger);
    row_lines_fini(&f->unknown);
    if (started)
        row_lines_fini(&unknown);
    f->ledger = ledger;
    f->unknown = unknown;
}

static void look(bool started) {
    struct row_lines got = { 0 };
    struct scan_request all = fixture_request(TABLE_LOGS);
    size_t damaged = 0;
    fixture_read(&run.f, &all, &got, &damaged);
    run.strange += damaged;
    compare(&got, started);
    row_lines_fini(&got);
}

static void put(void) {
    struct store_fixture *f = &run.f;
    size_t rows = 1 + random_below(&run.random, 20);
    int64_t spread = random_below(&run.random, 3) ? MINUTE : 300 * MINUTE;
    for (size_t i = 0; i < rows; i++) {
        static const char *const services[] = { "cart", "search", "pay" };
        struct fixture_row row = { .time_ns =
                                       f->now_ns - (int64_t)random_below(&run.random, (uint64_t)spread),
                                   .service = services[random_below(&run.random, 3)],
                                   .host = "a",
                                   .message = "a request came",
                                   .number = run.next_number++ };
        fixture_add(f, &row);
    }
    (void)fixture_publish(f, TABLE_LOGS);
}

/* Rows of the service leave the ledger; when the delete's fate is unknown they may be there or not. */
static void forget(const char *part, bool deleted) {
    struct store_fixture *f = &run.f;
    struct row_lines kept = { 0 }, unknown = { 0 };
    struct row_lines *lists[] = { &f->ledger, &f->unknown };
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < lists[k]->lines.n; i++) {
            struct str line = lists[k]->lines.p[i];
            bool hit = str_find(line, str_of(part), 0) != SIZE_MAX;
            if (k == 0 && !hit)
                keep_line(&kept, line);
            else if (k == 1 ||
                     !deleted) /* an unknown row may have been published later than the delete's position */
                keep_line(&unknown, line);
        }
    row_lines_fini(&f->ledger);
    row_lines_fini(&f->unknown);
    f->ledger = kept;
    f->unknown = unknown;
}

static void delete_some(void) {
    bool cart = random_below(&run.random, 2);
    enum err e = store_delete(run.f.store, TABLE_LOGS, cart ? STR("service=cart") : STR("service=pay"),
                              INT64_MIN, INT64_MAX, &run.f.why);
    run.deletes += e == ERR_OK;
    forget(cart ? "service=\"cart\"" : "service=\"pay\"", e == ERR_OK);
}

static void work(struct disk *d) {
    while (disk_sim_powered(d) && random_below(&run.random, 30) != 0) {
        struct store_fixture *f = &run.f;
        f->now_ns += (int64_t)random_below(&run.random, 5) * MINUTE;
        switch (random_below(&run.random, 10)) {
        case 0:
        case 1: run.flushes += store_flush(f->store, &f->why) == ERR_OK; break;
        case 2: run.merges += store_merge(f->store, &f->why) == ERR_OK; break;
        case 3:
            if (random_below(&run.random, 4) == 0)
                delete_some();
            break;
        default: put(); break;
        }
        if (disk_sim_powered(d) && random_below(&run.random, 10) == 0)
            look(false);
    }
}

static void life(struct disk *d) {
    struct store_fixture *f = &run.f;
    forget_some(d);
    enum err e = fixture_open(f);
    if (e == ERR_OK && disk_sim_powered(d)) { /* else the power failed just behind it */
        look(true);
        work(d);
    } else if (e != ERR_OK && disk_sim_powered(d)) {
        run.not_opened++;
        print_message("not opened: %s: %s\n", err_name(e), f->why.msg);
    }
    fixture_close(f);
}

static void move_to(struct disk *d) {
    run.f.disk = d;
    run.f.config.disk = d;
}

static void cuts_run(uint64_t seed) {
    random_init(&run.random, seed);
    struct disk *d = disk_sim_new(seed);
    fixture_init(&run.f, d);
    run.f.config.journal_bytes_max = 8 << 20;
    for (int cut = 0; cut < CUTS_A_SEED && run.lost + run.strange + run.not_opened == 0; cut++) {
        disk_sim_power_off_after(d, 1 + random_below(&run.random, CHANGES_MAX));
        while (disk_sim_powered(d) && run.not_opened == 0) {
            life(d);
            if (!disk_sim_powered(d) &&
                random_below(&run.random, 4) == 0) { /* killed, then the power fails */
                disk_sim_power_on(d);
                disk_sim_power_off_after(d, 1 + random_below(&run.random, CHANGES_MAX / 2));
            }
        }
        struct disk *after = disk_sim_crash(d);
        disk_close(d);
        d = after;
        move_to(d);
        run.cuts++;
    }
    disk_sim_power_off_after(d, 0);
    disk_sim_ignore_none(d);
    if (run.lost + run.strange + run.not_opened == 0) {
        run.not_opened += fixture_open(&run.f) != ERR_OK;
        if (run.f.store)
            look(true);
    }
    fixture_fini(&run.f);
    disk_close(d);
}

TEST(no_power_cut_loses_or_doubles_a_row) {
    uint64_t cuts = power_cuts();
    run = (struct run){ 0 };
    for (uint64_t seed = power_cut_seed(); run.cuts < cuts; seed++) {
        cuts_run(seed);
        if (run.lost || run.strange || run.not_opened)
            fail_msg("seed %llu: lost %llu, strange %llu, not opened %llu", (unsigned long long)seed,
                     (unsigned long long)run.lost, (unsigned long long)run.strange,
                     (unsigned long long)run.not_opened);
    }
    print_message("%llu power cuts, %llu flushes, %llu merges, %llu deletes, %llu rows checked\n",
                  (unsigned long long)run.cuts, (unsigned long long)run.flushes,
                  (unsigned long long)run.merges, (unsigned long long)run.deletes,
                  (unsigned long long)run.kept);
    CHECK(run.kept > cuts && run.merges > 0 && run.flushes > 0);
}

/* ---- a disk that refuses ---- */

static void refuse_something(struct disk *d) {
    static const enum disk_sim_op ops[] = { SIM_WRITE,  SIM_SYNC,   SIM_SYNC_DIR,
                                            SIM_CREATE, SIM_RENAME, SIM_UNLINK };
    disk_sim_fail(d, ops[random_below(&run.random, COUNT_OF(ops))], 1 + random_below(&run.random, 12),
                  random_below(&run.random, 2) ? ERR_IO : ERR_LIMIT, random_below(&run.random, 6) == 0);
}

static void refuse_nothing(struct disk *d) {
    for (int op = 0; op < SIM_OP_COUNT; op++)
        disk_sim_fail(d, (enum disk_sim_op)op, 0, ERR_OK, false);
}

static void faults_run(uint64_t seed) {
    random_init(&run.random, seed);
    struct disk *d = disk_sim_new(seed);
    fixture_init(&run.f, d);
    run.f.config.journal_bytes_max = 8 << 20;
    for (int life = 0; life < 6 && run.lost + run.strange + run.not_opened == 0; life++) {
        refuse_nothing(d);
        run.not_opened += fixture_open(&run.f) != ERR_OK;
        if (run.not_opened)
            break;
        look(true);
        for (int round = 0; round < 3; round++) {
            refuse_something(d);
            work(d);
            refuse_nothing(d);
            look(false);
        }
        run.cuts++;
        fixture_close(&run.f);
    }
    run.strange += disk_sim_rule_breaks(d);
    fixture_fini(&run.f);
    disk_close(d);
}

TEST(a_disk_that_refuses_calls_never_makes_a_false_acknowledgement) {
    uint64_t lives = 1 + power_cuts() / 5;
    run = (struct run){ 0 };
    for (uint64_t seed = power_cut_seed(); run.cuts < lives; seed++) {
        faults_run(seed);
        if (run.lost || run.strange || run.not_opened)
            fail_msg("seed %llu: lost %llu, strange %llu, not opened %llu: %s", (unsigned long long)seed,
                     (unsigned long long)run.lost, (unsigned long long)run.strange,
                     (unsigned long long)run.not_opened, run.f.why.msg);
    }
    print_message("%llu lives, %llu flushes, %llu merges, %llu rows checked\n", (unsigned long long)run.cuts,
                  (unsigned long long)run.flushes, (unsigned long long)run.merges,
                  (unsigned long long)run.kept);
    CHECK(run.merges > 0 && run.flushes > 0);
}

static void must_go_wrong(enum leave_out leave_out) {
    run = (struct run){ .leave_out = leave_out };
    for (uint64_t seed = 1; seed < 1000 && run.lost + run.strange + run.not_opened == 0; seed++)
        cuts_run(seed);
    CHECK(run.lost + run.strange + run.not_opened > 0);
    print_message("noticed after %llu cuts\n", (unsigned long long)run.cuts);
}

TEST(without_the_sync_of_the_journal_it_goes_wrong) {
    must_go_wrong(JOURNAL_SYNC);
}
TEST(without_the_sync_of_segments_it_goes_wrong) {
    must_go_wrong(SEGMENT_SYNC);
}
TEST(without_the_sync_of_their_folder_it_goes_wrong) {
    must_go_wrong(SEGMENT_FOLDER_SYNC);
}
TEST(without_the_sync_of_the_catalog_it_goes_wrong) {
    must_go_wrong(CATALOG_SYNC);
}

TEST_MAIN(RUN(no_power_cut_loses_or_doubles_a_row),
          RUN(a_disk_that_refuses_calls_never_makes_a_false_acknowledgement),
          RUN(without_the_sync_of_the_journal_it_goes_wrong), RUN(without_the_sync_of_segments_it_goes_wrong),
          RUN(without_the_sync_of_their_folder_it_goes_wrong),
          RUN(without_the_sync_of_the_catalog_it_goes_wrong))
