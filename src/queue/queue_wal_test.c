/* The contract of queue.h, on whichever disk contract_disk.h gives. */
#include "base/heap.h"
#include "base/stat.h"
#include "base/test.h"
#include "base/thread.h"
#include "queue/contract_disk.h"
#include "queue/journal_fixture.h"
#include "queue/queue_frame.h"

static struct disk *disk;

static int disk_set_up(void **state UNUSED) {
    disk = contract_disk_new();
    return 0;
}
static int disk_tear_down(void **state UNUSED) {
    contract_disk_free(disk);
    return 0;
}

TEST(what_was_acknowledged_is_replayed_in_order_byte_for_byte) {
    struct journal j;
    CHECK_OK(journal_open(&j, disk, NULL));
    for (uint64_t id = 1; id <= 40; id++)
        CHECK_OK(journal_submit(&j, id, 1 + id % 5, 8 + (size_t)id * 37));
    CHECK(journal_wait(&j) == 40);
    CHECK(!j.wrong && j.seen.n == 40);
    CHECK(queue_last_position(j.queue) == 40);
    journal_close(&j);

    CHECK_OK(journal_open(&j, disk, NULL));
    CHECK(!j.wrong && j.seen.n == 40 && j.replay.frames == 40);
    CHECK(j.replay.damaged_frames == 0 && j.replay.torn_bytes == 0 && j.why.msg[0] == '\0');
    for (uint64_t id = 1; id <= 40; id++)
        CHECK(j.seen.p[id - 1].id == id && j.seen.p[id - 1].position == id);
    CHECK(queue_last_position(j.queue) == 40);
    journal_close(&j);
}

TEST(positions_go_on_after_a_restart) {
    struct journal j;
    for (uint64_t round = 0; round < 5; round++) {
        CHECK_OK(journal_open(&j, disk, NULL));
        CHECK(j.seen.n == round && j.replay.damaged_frames == 0);
        CHECK_OK(journal_put(&j, 100 + round, 100));
        CHECK(!j.wrong && j.seen.p[j.seen.n - 1].position == round + 1);
        journal_close(&j);
    }
}

TEST(an_empty_journal_goes_on_above_the_trimmed_position) {
    struct journal j;
    CHECK_OK(journal_open(&j, disk, &(struct queue_config){ .trimmed_position = 77 }));
    CHECK(queue_last_position(j.queue) == 77);
    CHECK_OK(journal_put(&j, 1, 100));
    CHECK(j.seen.p[0].position == 78);
    journal_close(&j);
}

TEST(a_frame_larger_than_a_file_gets_a_file_of_its_own) {
    struct journal j;
    CHECK_OK(journal_open(&j, disk, NULL));
    CHECK_OK(journal_put(&j, 1, 100));
    CHECK_OK(journal_put(&j, 2, 200 << 10));
    CHECK_OK(journal_put(&j, 3, 100));
    CHECK(journal_files(disk, "journal", ".journal") == 3);
    journal_close(&j);
    CHECK_OK(journal_open(&j, disk, NULL));
    CHECK(!j.wrong && j.seen.n == 3 && j.seen.p[1].id == 2);
    journal_close(&j);
}

TEST(frames_over_the_caps_are_refused_now) {
    struct journal j;
    CHECK_OK(journal_open(&j, disk, NULL));
    struct submission none = { .block_count = 0 };
    CHECK(queue_submit(j.queue, &none) == ERR_LIMIT);
    struct str huge = { "x", (size_t)QUEUE_FRAME_BYTES_MAX };
    struct submission large = { .blocks = &huge, .block_count = 1 };
    CHECK(queue_submit(j.queue, &large) == ERR_LIMIT);
    journal_close(&j);
}

TEST(trimmed_frames_are_not_replayed_and_the_rest_is) {
    struct journal j;
    CHECK_OK(journal_open(&j, disk, NULL));
    for (uint64_t id = 1; id <= 20; id++)
        CHECK_OK(journal_put(&j, id, 9000));
    CHECK(journal_files(disk, "journal", ".journal") == 4);
    queue_trim(j.queue, 13);
    CHECK_OK(journal_put(&j, 21, 9000)); /* a commit comes after the trim */
    CHECK(journal_files(disk, "journal", ".journal") == 2);
    CHECK(journal_files(disk, "journal", ".spare") == 2);
    journal_close(&j);
    CHECK_OK(
        journal_open(&j, disk, &(struct queue_config){ .trimmed_position = 13, .file_bytes = 64 << 10 }));
    CHECK(!j.wrong && j.seen.n == 8 && j.seen.p[0].id == 14 && j.replay.damaged_frames == 0);
    journal_close(&j);
}

TEST(an_idle_journal_takes_no_space) {
    struct journal j;
    CHECK_OK(journal_open(&j, disk, &(struct queue_config){ .file_bytes = 64 << 10, .stepped = true }));
    for (uint64_t id = 1; id <= 20; id++)
        CHECK_OK(journal_put(&j, id, 9000));
    queue_trim(j.queue, 20);
    CHECK(queue_step(j.queue));
    CHECK(journal_files(disk, "journal", "") == 0);
    CHECK(queue_used_bytes(j.queue) == 0);
    CHECK_OK(journal_put(&j, 21, 100));
    CHECK(j.seen.p[20].position == 21);
    journal_close(&j);
}

TEST(a_recycled_file_never_gives_frames_of_its_earlier_life) {
    struct journal j;
    struct queue_config config = { .file_bytes = 64 << 10, .bytes_max = 1 << 20, .stepped = true };
    CHECK_OK(journal_open(&j, disk, &config));
    for (uint64_t id = 1; id <= 30; id++)
        CHECK_OK(journal_put(&j, id, 5000));
    queue_trim(j.queue, 24);
    CHECK(queue_step(j.queue));
    CHECK(journal_files(disk, "journal", ".spare") == 2);
    uint64_t id = 31;
    while (journal_files(disk, "journal", ".spare") > 0) /* until the last spare is in use again */
        CHECK_OK(journal_put(&j, id++, 5000));
    journal_close(&j);
    /* Says nothing is trimmed: only the salt keeps old frames out. */
    CHECK_OK(journal_open(&j, disk, &config));
    CHECK(!j.wrong && j.replay.damaged_frames == 0);
    CHECK(j.seen.p[0].id == 23 && j.seen.n == id - 23);
    journal_close(&j);
}

TEST(a_pinned_file_stays_readable_after_the_trim_and_after_the_close) {
    struct journal j;
    CHECK_OK(journal_open(&j, disk, &(struct queue_config){ .file_bytes = 64 << 10, .stepped = true }));
    j.pinning = true;
    for (uint64_t id = 1; id <= 20; id++)
        CHECK_OK(journal_put(&j, id, 9000));
    uint64_t used_bytes = queue_used_bytes(j.queue);
    queue_trim(j.queue, 20);
    CHECK(queue_step(j.queue));
    CHECK(queue_used_bytes(j.queue) == used_bytes); /* pinned: nothing is free yet */
    char page[64];
    CHECK_OK(file_read_all(queue_file_io(j.pins.p[0]), page, sizeof page, QUEUE_FILE_HEADER_BYTES));
    while (j.pins.n > 5)
        queue_file_unref(j.pins.p[--j.pins.n]);
    CHECK(queue_step(j.queue));
    CHECK(queue_used_bytes(j.queue) < used_bytes);
    struct queue_file *pinned = queue_file_ref(j.pins.p[0]);
    journal_close(&j);
    CHECK_OK(file_read_all(queue_file_io(pinned), page, sizeof page, QUEUE_FILE_HEADER_BYTES));
    queue_file_unref(pinned);
}

TEST(pressure_comes_at_half_and_the_cap_refuses_until_a_trim) {
    struct journal j;
    CHECK_OK(journal_open(&j, disk, &(struct queue_config){ .bytes_max = 400000, .stepped = true }));
    uint64_t id = 1;
    while (!j.pressed)
        CHECK_OK(journal_put(&j, id++, 9000));
    CHECK(queue_used_bytes(j.queue) > 200000 && queue_used_bytes(j.queue) < 220000);
    enum err e;
    while ((e = journal_put(&j, id, 9000)) == ERR_OK)
        id++;
    CHECK(e == ERR_UNAVAILABLE && queue_used_bytes(j.queue) <= 400000 && id > 40);
    CHECK(queue_writable(j.queue));
    queue_trim(j.queue, 20);
    CHECK(queue_step(j.queue));
    CHECK_OK(journal_put(&j, id++, 9000));
    CHECK(!j.wrong && j.pressed == 2); /* still above half: said again after the trim */
    journal_close(&j);
}

TEST(what_waits_is_one_commit) {
    struct journal j;
    CHECK_OK(journal_open(&j, disk, &(struct queue_config){ .stepped = true }));
    CHECK_OK(journal_put(&j, 1, 100));
    int64_t syncs = stat_get(STAT_JOURNAL_SYNCS);
    for (uint64_t id = 2; id <= 50; id++)
        CHECK_OK(journal_submit(&j, id, 1, 1000));
    CHECK(queue_step(j.queue));
    CHECK(stat_get(STAT_JOURNAL_SYNCS) == syncs + 1);
    CHECK(journal_wait(&j) == 49 && !j.wrong);
    CHECK(!queue_step(j.queue));
    journal_close(&j);
}

TEST(closing_waits_for_what_is_in_flight) {
    struct journal j;
    CHECK_OK(journal_open(&j, disk, &(struct queue_config){ .bytes_max = 64 << 20 }));
    for (uint64_t id = 1; id <= 300; id++)
        CHECK_OK(journal_submit(&j, id, 2, 200));
    journal_close(&j);
    CHECK_OK(journal_open(&j, disk, NULL));
    CHECK(!j.wrong && j.seen.n == 300);
    journal_close(&j);
}

/* A shard: its own mailbox, frames of its own ids. */
struct shard {
    struct journal *journal;
    struct mailbox box;
    struct submission submissions[200];
    struct str block;
    char bytes[64];
    size_t succeeded;
};

static void submitted_done(struct letter *l) {
    struct submission *s = (struct submission *)l;
    struct shard *shard = (struct shard *)(void *)((char *)s->mailbox - offsetof(struct shard, box));
    shard->succeeded += s->result == ERR_OK;
}

static void shard_run(void *arg) {
    struct shard *shard = arg;
    for (size_t i = 0; i < COUNT_OF(shard->submissions); i++) {
        shard->submissions[i] = (struct submission){
            .done.open = submitted_done, .mailbox = &shard->box, .blocks = &shard->block, .block_count = 1
        };
        CHECK_OK(queue_submit(shard->journal->queue, &shard->submissions[i]));
    }
}

TEST(several_threads_may_submit) {
    struct journal j;
    CHECK_OK(journal_open(&j, disk, &(struct queue_config){ .bytes_max = 64 << 20 }));
    struct shard *shards = HEAP_ARRAY(struct shard, 4);
    struct thread threads[4] = { 0 };
    for (size_t i = 0; i < 4; i++) {
        shards[i].journal = &j;
        shards[i].block = (struct str){ shards[i].bytes, 8 }; /* the frame of id i: eight bytes */
        shards[i].bytes[0] = (char)i;
        mailbox_init(&shards[i].box, NULL, NULL);
        thread_start(&threads[i], "shard", shard_run, &shards[i]);
    }
    for (size_t i = 0; i < 4; i++)
        thread_join(&threads[i]);
    queue_close(j.queue);
    j.queue = NULL;
    for (size_t i = 0; i < 4; i++) {
        (void)mailbox_drain(&shards[i].box);
        CHECK(shards[i].succeeded == COUNT_OF(shards[i].submissions));
        mailbox_fini(&shards[i].box);
    }
    CHECK(!j.wrong && j.seen.n == 800);
    journal_close(&j);
    heap_free(shards);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, disk_set_up, disk_tear_down)
TEST_MAIN(CASE(what_was_acknowledged_is_replayed_in_order_byte_for_byte),
          CASE(positions_go_on_after_a_restart), CASE(an_empty_journal_goes_on_above_the_trimmed_position),
          CASE(a_frame_larger_than_a_file_gets_a_file_of_its_own), CASE(frames_over_the_caps_are_refused_now),
          CASE(trimmed_frames_are_not_replayed_and_the_rest_is), CASE(an_idle_journal_takes_no_space),
          CASE(a_recycled_file_never_gives_frames_of_its_earlier_life),
          CASE(a_pinned_file_stays_readable_after_the_trim_and_after_the_close),
          CASE(pressure_comes_at_half_and_the_cap_refuses_until_a_trim), CASE(what_waits_is_one_commit),
          CASE(closing_waits_for_what_is_in_flight), CASE(several_threads_may_submit))
