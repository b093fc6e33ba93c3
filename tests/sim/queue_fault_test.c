/*
 * A disk that refuses: each call site once and for ever. Whatever is refused, an acknowledgement is true
 * (checked after a power cut), what was acknowledged can be read, and no file is written or synced again
 * after it refused.
 */
#include "base/heap.h"
#include "base/stat.h"
#include "base/test.h"
#include "disk_sim.h"
#include "queue/journal_fixture.h"

enum { FRAMES = 60, NTH_MAX = 40, FRAME_BYTES = 3000 };

static const struct queue_config config = { .file_bytes = 20 << 10, .bytes_max = 1 << 20, .stepped = true };

struct outcome {
    size_t acknowledged;
    bool done[FRAMES + 1]; /* by id */
    bool writable;
    unsigned pressed;
    uint64_t trimmed;
};

/* Frame after frame, with trims, so that files are begun, recycled and removed. */
static void workload(struct journal *j, struct outcome *o) {
    for (uint64_t id = 1; id <= FRAMES; id++) {
        o->done[id] = journal_put(j, id, FRAME_BYTES) == ERR_OK;
        o->acknowledged += o->done[id];
        if (id % 16 == 0) {
            o->trimmed = queue_last_position(j->queue) > 8 ? queue_last_position(j->queue) - 8 : 0;
            queue_trim(j->queue, o->trimmed);
        }
    }
    o->writable = queue_writable(j->queue);
    o->pressed = j->pressed;
}

/* Ends the process and the power, starts again, and compares. */
static void acknowledged_are_there(struct disk *d, const struct outcome *o) {
    CHECK(disk_sim_rule_breaks(d) == 0);
    for (int i = 0; i < 3; i++) {
        struct disk *after = disk_sim_crash(d);
        struct journal j;
        struct queue_config c = config;
        c.trimmed_position = o->trimmed;
        CHECK_OK(journal_open(&j, after, &c));
        CHECK(!j.wrong);
        /* Positions follow ids here: what is not below the trim must be there. */
        for (size_t k = 0, last = 0; k < j.seen.n; k++) {
            CHECK(j.seen.p[k].id > last);
            last = (size_t)j.seen.p[k].id;
        }
        size_t expected = 0;
        for (uint64_t id = 1; id <= FRAMES; id++)
            expected += o->done[id] && id > o->trimmed && !journal_seen(&j, id);
        CHECK(expected == 0);
        journal_close(&j);
        disk_close(after);
    }
}

static struct outcome fault_run(enum disk_sim_op op, uint64_t nth, enum err result, bool for_ever) {
    struct disk *d = disk_sim_new(nth * 100 + (uint64_t)op);
    struct journal j;
    struct outcome o = { 0 };
    CHECK_OK(journal_open(&j, d, &config));
    disk_sim_fail(d, op, nth, result, for_ever);
    workload(&j, &o);
    CHECK(!j.wrong && j.seen.n == o.acknowledged);
    disk_sim_fail(d, op, 0, ERR_OK, false);
    acknowledged_are_there(d, &o);
    journal_close(&j);
    disk_close(d);
    return o;
}

static const enum disk_sim_op changing[] = { SIM_WRITE,  SIM_SYNC,   SIM_SYNC_DIR,
                                             SIM_CREATE, SIM_RENAME, SIM_UNLINK };

TEST(one_refusal_anywhere_costs_no_frame) {
    for (size_t op = 0; op < COUNT_OF(changing); op++)
        for (uint64_t nth = 1; nth <= NTH_MAX; nth++) {
            struct outcome o = fault_run(changing[op], nth, nth % 2 ? ERR_IO : ERR_LIMIT, false);
            CHECK(o.acknowledged == FRAMES && o.writable);
        }
}

TEST(a_disk_that_refuses_for_ever_makes_the_journal_read_only_and_lies_never) {
    static const enum disk_sim_op fatal[] = { SIM_WRITE, SIM_SYNC };
    for (size_t op = 0; op < COUNT_OF(fatal); op++)
        for (uint64_t nth = 1; nth <= NTH_MAX; nth++) {
            struct outcome o = fault_run(fatal[op], nth, ERR_IO, true);
            CHECK(o.acknowledged == nth - 1); /* one write and one sync a frame */
            CHECK(!o.writable && o.pressed > 0);
        }
    for (uint64_t nth = 1; nth <= 5; nth++) {
        struct outcome o = fault_run(SIM_SYNC_DIR, nth, ERR_IO, true);
        CHECK(o.acknowledged < FRAMES && !o.writable);
        o = fault_run(SIM_CREATE, nth, ERR_IO, true);
        CHECK(o.acknowledged < FRAMES && !o.writable);
    }
}

TEST(reads_go_on_when_writing_does_not) {
    struct disk *d = disk_sim_new(5);
    struct journal j;
    CHECK_OK(journal_open(&j, d, &config));
    j.pinning = true;
    CHECK_OK(journal_put(&j, 1, FRAME_BYTES));
    disk_sim_fail(d, SIM_SYNC, 1, ERR_IO, true);
    CHECK(journal_put(&j, 2, FRAME_BYTES) != ERR_OK);
    CHECK(!queue_writable(j.queue));
    CHECK(journal_submit(&j, 3, 1, FRAME_BYTES) == ERR_UNAVAILABLE); /* and now nothing is taken */
    char page[64];
    CHECK_OK(file_read_all(queue_file_io(j.pins.p[0]), page, sizeof page, 8192));
    CHECK(j.seen.n == 1 && queue_last_position(j.queue) == 1);
    journal_close(&j);
    disk_close(d);
}

TEST(a_failed_group_is_rewritten_whole_and_once) {
    struct disk *d = disk_sim_new(5);
    struct journal j;
    CHECK_OK(journal_open(&j, d, &config));
    CHECK_OK(journal_put(&j, 1, FRAME_BYTES));
    disk_sim_fail(d, SIM_SYNC, 1, ERR_IO, false);
    for (uint64_t id = 2; id <= 4; id++)
        CHECK_OK(journal_submit(&j, id, 2, 500));
    CHECK(journal_wait(&j) == 3);
    CHECK(j.seen.n == 4 && j.seen.p[3].position == 4);
    journal_close(&j);
    CHECK_OK(journal_open(&j, d, &config)); /* killed, not cut: the first copy is still readable */
    CHECK(!j.wrong && j.seen.n == 4 && j.replay.damaged_frames == 0);
    journal_close(&j);
    disk_close(d);
}

TEST(a_full_disk_refuses_and_writing_resumes_by_itself) {
    struct disk *d = disk_sim_new(7);
    struct journal j;
    struct queue_config c = config;
    c.bytes_max = 64 << 20;
    c.file_bytes = 1 << 20;
    disk_sim_capacity(d, 6 << 20);
    CHECK_OK(journal_open(&j, d, &c));
    uint64_t id = 1;
    size_t acknowledged = 0;
    while (journal_put(&j, id++, 100000) == ERR_OK)
        acknowledged++;
    CHECK(acknowledged > 40);
    CHECK(!queue_writable(j.queue) && j.pressed > 0);
    int64_t errors = stat_get(STAT_JOURNAL_ERRORS);
    for (int i = 0; i < 10; i++)
        CHECK(journal_put(&j, id++, 100000) != ERR_OK);
    CHECK(stat_get(STAT_JOURNAL_ERRORS) == errors); /* the full disk is not tried again and again */
    disk_sim_capacity(d, 60 << 20);
    CHECK(queue_writable(j.queue));
    CHECK_OK(journal_put(&j, id, 100000));
    CHECK(!j.wrong && j.seen.n == acknowledged + 1);
    journal_close(&j);
    struct disk *after = disk_sim_crash(d);
    CHECK_OK(journal_open(&j, after, &c));
    CHECK(!j.wrong && j.seen.n == acknowledged + 1 && journal_seen(&j, id));
    journal_close(&j);
    disk_close(after);
    disk_close(d);
}

TEST(a_trim_frees_a_full_disk) {
    struct disk *d = disk_sim_new(7);
    struct journal j;
    struct queue_config c = config;
    c.bytes_max = 64 << 20;
    c.file_bytes = 1 << 20;
    disk_sim_capacity(d, 6 << 20);
    CHECK_OK(journal_open(&j, d, &c));
    uint64_t id = 1;
    while (journal_put(&j, id, 100000) == ERR_OK)
        id++;
    queue_trim(j.queue, queue_last_position(j.queue) / 2);
    (void)queue_step(j.queue);
    CHECK_OK(journal_put(&j, id + 1, 100000));
    journal_close(&j);
    disk_close(d);
}

TEST(descriptors_that_run_out_come_back) {
    struct disk *d = disk_sim_new(9);
    struct journal j;
    CHECK_OK(journal_open(&j, d, &config));
    disk_sim_fail(d, SIM_CREATE, 1, ERR_LIMIT, true);
    CHECK(journal_put(&j, 1, FRAME_BYTES) != ERR_OK);
    disk_sim_fail(d, SIM_CREATE, 0, ERR_OK, false);
    CHECK(queue_writable(j.queue));
    CHECK_OK(journal_put(&j, 2, FRAME_BYTES));
    journal_close(&j);
    disk_close(d);
}

TEST(a_page_that_cannot_be_read_at_start_is_damage_not_an_end) {
    struct disk *d = disk_sim_new(11);
    struct journal j;
    struct queue_config c = config;
    c.file_bytes = 400 << 10;
    c.bytes_max = 4 << 20;
    CHECK_OK(journal_open(&j, d, &c));
    for (uint64_t id = 1; id <= FRAMES; id++)
        CHECK_OK(journal_put(&j, id, FRAME_BYTES));
    journal_close(&j);
    disk_sim_unreadable(d, ".journal", 100 << 10, 104 << 10); /* under two or three frames */
    CHECK_OK(journal_open(&j, d, &c));
    CHECK(!j.wrong && j.seen.n >= FRAMES - 3 && j.seen.n < FRAMES);
    CHECK(j.replay.damaged_frames == FRAMES - j.seen.n && queue_writable(j.queue));
    journal_close(&j);
    disk_close(d);
}

TEST_MAIN(RUN(one_refusal_anywhere_costs_no_frame),
          RUN(a_disk_that_refuses_for_ever_makes_the_journal_read_only_and_lies_never),
          RUN(reads_go_on_when_writing_does_not), RUN(a_failed_group_is_rewritten_whole_and_once),
          RUN(a_full_disk_refuses_and_writing_resumes_by_itself), RUN(a_trim_frees_a_full_disk),
          RUN(descriptors_that_run_out_come_back),
          RUN(a_page_that_cannot_be_read_at_start_is_damage_not_an_end))
