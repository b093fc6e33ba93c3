/*
 * Power cuts under the journal. A seed makes a disk, a workload (groups of frames, trims, kills, pinned
 * files, calls that fail) and the moment of the cut; then the journal is opened on what survived, and goes on
 * to the next cut.
 *
 * The ledger knows every frame that was acknowledged or published at a start. After each cut:
 *   each of them above the trimmed position is there, byte for byte, under its position;
 *   whatever else is there was once submitted;
 *   no position has ever belonged to two frames that anybody saw.
 *
 * A test that cannot fail proves nothing: the same workload with any one of the syncs left out must lose
 * frames.
 */
#include "base/test.h"
#include "disk_sim.h"
#include "power_cut.h"
#include "queue/journal_fixture.h"

enum { CUTS_A_SEED = 4, FRAMES_MAX = 4096 };

/* The sync that the program "forgets". */
enum leave_out { NOTHING, FILE_SYNC, FOLDER_SYNC, PARENT_SYNC, REPLAY_SYNC, REPLAY_FOLDER_SYNC };

struct ledger {
    struct random random;
    uint64_t submitted; /* ids 1 .. submitted */
    uint64_t trimmed;
    uint64_t position_of[FRAMES_MAX]; /* by id; 0: nobody has seen it */
    uint64_t lost, strange, cuts, kept;
    enum leave_out leave_out;
};

static struct queue_config config_of(struct ledger *l) {
    return (struct queue_config){
        .file_bytes = 20 << 10, .bytes_max = 400 << 10, .stepped = true, .trimmed_position = l->trimmed
    };
}

static void forget_some(const struct ledger *l, struct disk *d, bool starting) {
    disk_sim_ignore_none(d);
    bool any = l->leave_out == FILE_SYNC || (l->leave_out == REPLAY_SYNC && starting);
    bool folder = l->leave_out == FOLDER_SYNC || (l->leave_out == REPLAY_FOLDER_SYNC && starting);
    if (any)
        disk_sim_ignore(d, SIM_SYNC, 0, NULL);
    if (folder)
        disk_sim_ignore(d, SIM_SYNC_DIR, 0, "journal");
    if (l->leave_out == PARENT_SYNC)
        disk_sim_ignore(d, SIM_SYNC_DIR, 0, "=");
}

static void seen_note(struct ledger *l, uint64_t id, uint64_t position) {
    if (id == 0 || id > l->submitted || (l->position_of[id] && l->position_of[id] != position)) {
        l->strange++;
        return;
    }
    for (uint64_t other = 1; other <= l->submitted; other++)
        l->strange += other != id && l->position_of[other] == position;
    l->position_of[id] = position;
}

/* After an open: everything promised is there, and from now on what it shows is promised too. */
static void start_check(struct ledger *l, const struct journal *j) {
    l->strange += j->wrong;
    for (uint64_t id = 1; id <= l->submitted; id++)
        if (l->position_of[id] > l->trimmed) {
            l->lost += !journal_seen(j, id);
            l->kept++;
        }
    for (size_t i = 0; i < j->seen.n; i++)
        seen_note(l, j->seen.p[i].id, j->seen.p[i].position);
}

static void acknowledgements_note(struct ledger *l, struct journal *j) {
    for (size_t i = 0; i < j->frames.n; i++) {
        const struct journal_frame *f = j->frames.p[i];
        l->strange += f->done && f->s.result == ERR_OK && f->s.position == 0;
        if (f->done && f->s.result == ERR_OK)
            seen_note(l, f->id, f->s.position);
    }
    (void)journal_wait(j); /* forgets them */
}

static void group_submit(struct ledger *l, struct journal *j) {
    uint64_t count = 1 + random_below(&l->random, 5);
    for (uint64_t i = 0; i < count && l->submitted + 1 < FRAMES_MAX; i++) {
        size_t blocks = 1 + (size_t)random_below(&l->random, 3);
        size_t bytes = 8 + (size_t)random_below(&l->random, random_below(&l->random, 20) == 0 ? 25000 : 1500);
        if (journal_submit(j, l->submitted + 1, blocks, bytes) == ERR_OK)
            l->submitted++;
    }
    (void)queue_step(j->queue);
    (void)mailbox_drain(&j->box);
}

static void pins_change(struct ledger *l, struct journal *j) {
    j->pinning = random_below(&l->random, 2) == 0;
    while (j->pins.n > 0 && random_below(&l->random, 4) != 0)
        queue_file_unref(j->pins.p[--j->pins.n]);
}

/* One call of the disk will fail, now and then. */
static void fault_set(struct ledger *l, struct disk *d) {
    static const enum disk_sim_op ops[] = { SIM_WRITE,    SIM_SYNC,   SIM_SYNC,
                                            SIM_SYNC_DIR, SIM_CREATE, SIM_RENAME };
    enum disk_sim_op op = ops[random_below(&l->random, COUNT_OF(ops))];
    enum err result = random_below(&l->random, 4) == 0 ? ERR_LIMIT : ERR_IO;
    disk_sim_fail(d, op, 1 + random_below(&l->random, 6), result, random_below(&l->random, 8) == 0);
}

static void faults_clear(struct disk *d) {
    for (int op = 0; op < SIM_OP_COUNT; op++)
        disk_sim_fail(d, (enum disk_sim_op)op, 0, ERR_OK, false);
}

/* Until the power is gone or the process "ends". */
static void work(struct ledger *l, struct disk *d, struct journal *j) {
    while (disk_sim_powered(d) && random_below(&l->random, 40) != 0) {
        if (random_below(&l->random, 20) == 0)
            fault_set(l, d);
        group_submit(l, j);
        acknowledgements_note(l, j);
        if (random_below(&l->random, 4) == 0) {
            uint64_t last = queue_last_position(j->queue), ahead = last - l->trimmed;
            l->trimmed += random_below(&l->random, ahead + 1); /* "the catalog's commit is durable" */
            queue_trim(j->queue, l->trimmed);
        }
        if (random_below(&l->random, 8) == 0)
            pins_change(l, j);
    }
}

static void life(struct ledger *l, struct disk *d) {
    struct journal j;
    struct queue_config config = config_of(l);
    forget_some(l, d, true);
    faults_clear(d);
    enum err e = journal_open(&j, d, &config);
    forget_some(l, d, false);
    l->strange += e != ERR_OK && disk_sim_powered(d); /* a journal always starts */
    if (e == ERR_OK) {
        if (disk_sim_powered(d))
            start_check(l, &j);
        work(l, d, &j);
    }
    journal_close(&j);
}

static void cuts_run(struct ledger *l, uint64_t seed) {
    random_init(&l->random, seed);
    l->submitted = l->trimmed = 0;
    memset(l->position_of, 0, sizeof l->position_of);
    struct disk *d = disk_sim_new(seed);
    for (int cut = 0; cut < CUTS_A_SEED; cut++) {
        disk_sim_power_off_after(d, 1 + random_below(&l->random, 120));
        while (disk_sim_powered(
            d)) { /* the process ends and starts again, now and then in the middle of a call */
            life(l, d);
            if (!disk_sim_powered(d) && random_below(&l->random, 4) == 0) {
                disk_sim_power_on(d);
                disk_sim_power_off_after(d, 1 + random_below(&l->random, 60));
            }
        }
        l->strange += disk_sim_rule_breaks(d);
        struct disk *after = disk_sim_crash(d);
        disk_close(d);
        d = after;
        l->cuts++;
    }
    disk_sim_power_off_after(d, 0);
    faults_clear(d);
    struct journal j;
    struct queue_config config = config_of(l);
    if (journal_open(&j, d, &config) == ERR_OK)
        start_check(l, &j);
    else
        l->strange++;
    journal_close(&j);
    disk_close(d);
}

static struct ledger ledger;

TEST(no_power_cut_loses_what_was_acknowledged_or_seen) {
    uint64_t cuts = power_cuts();
    for (uint64_t seed = power_cut_seed(); ledger.cuts < cuts; seed++) {
        cuts_run(&ledger, seed);
        if (ledger.lost || ledger.strange)
            fail_msg("seed %llu: lost %llu, strange %llu", (unsigned long long)seed,
                     (unsigned long long)ledger.lost, (unsigned long long)ledger.strange);
    }
    CHECK(ledger.kept > cuts); /* there was something to lose */
    print_message("%llu power cuts, %llu frames checked after them\n", (unsigned long long)ledger.cuts,
                  (unsigned long long)ledger.kept);
}

static void must_lose(enum leave_out leave_out) {
    ledger = (struct ledger){ .leave_out = leave_out };
    for (uint64_t seed = 1; seed < 2000 && ledger.lost == 0; seed++)
        cuts_run(&ledger, seed);
    CHECK(ledger.lost > 0);
    print_message("noticed after %llu cuts\n", (unsigned long long)ledger.cuts);
}

TEST(without_the_sync_of_the_file_frames_are_lost) {
    must_lose(FILE_SYNC);
}
TEST(without_the_sync_of_the_folder_frames_are_lost) {
    must_lose(FOLDER_SYNC);
}
TEST(without_the_sync_of_the_parent_folder_frames_are_lost) {
    must_lose(PARENT_SYNC);
}
TEST(without_the_sync_at_replay_frames_that_were_seen_are_lost) {
    must_lose(REPLAY_SYNC);
}
TEST(without_the_folder_sync_at_replay_frames_that_were_seen_are_lost) {
    must_lose(REPLAY_FOLDER_SYNC);
}

TEST_MAIN(RUN(no_power_cut_loses_what_was_acknowledged_or_seen),
          RUN(without_the_sync_of_the_file_frames_are_lost),
          RUN(without_the_sync_of_the_folder_frames_are_lost),
          RUN(without_the_sync_of_the_parent_folder_frames_are_lost),
          RUN(without_the_sync_at_replay_frames_that_were_seen_are_lost),
          RUN(without_the_folder_sync_at_replay_frames_that_were_seen_are_lost))
