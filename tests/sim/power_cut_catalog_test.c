/*
 * Power cuts under the catalog, SQLite's files included. A seed makes a disk, a run of transactions,
 * checkpoints, kills and clean restarts, and the moment of the cut. After each cut the catalog opens and is,
 * whole, either what was last acknowledged or that with the one transaction that was on its way. What a start
 * has shown stays.
 *
 * And with any one kind of sync left out, the same runs must end otherwise.
 */
#include "base/heap.h"
#include "base/random.h"
#include "base/test.h"
#include "catalog/catalog.h"
#include "disk_sim.h"
#include "power_cut.h"
#include <stdio.h>

enum { IDS_MAX = 2048, SETTINGS = 4, CUTS_A_SEED = 4, VALUE_BYTES_MAX = 20000 };
#define PATH "store/c.db"

/* Everything that the catalog holds. */
struct contents {
    bool segments[IDS_MAX];
    uint64_t positions[IDS_MAX]; /* position_max of each segment: content that must fit its id */
    uint64_t trimmed, next_id;
    uint64_t deletes[4]; /* ids; 0: none */
    struct {
        size_t bytes;
        char fill;
    } settings[SETTINGS];
};

enum leave_out { NOTHING, WAL_SYNC, FOLDER_SYNC, MAIN_SYNC, REWRITE_SYNC, REWRITE_FOLDER_SYNC };

struct run {
    struct random random;
    enum leave_out leave_out;
    struct contents is;     /* acknowledged */
    struct contents may_be; /* with the transaction on its way */
    uint64_t cuts, wrong, not_opened, commits;
};

static struct run run;
static struct err_text why;

static void forget_some(struct disk *d, bool opening) {
    disk_sim_ignore_none(d);
    if (run.leave_out == WAL_SYNC)
        disk_sim_ignore(d, SIM_SYNC, 0, "=" PATH "-wal");
    if (run.leave_out == MAIN_SYNC)
        disk_sim_ignore(d, SIM_SYNC, 0, "=" PATH);
    if (run.leave_out == REWRITE_SYNC)
        disk_sim_ignore(d, SIM_SYNC, 0, "=" PATH "-new");
    if (run.leave_out == FOLDER_SYNC || (run.leave_out == REWRITE_FOLDER_SYNC && opening))
        disk_sim_ignore(d, SIM_SYNC_DIR, 0, "store");
}

/* ---- reading it all back
 * ------------------------------------------------------------------------------------ */

static void segment_read(void *ctx, const struct manifest_segment *s) {
    struct contents *c = ctx;
    CHECK(s->id < IDS_MAX);
    c->segments[s->id] = true;
    c->positions[s->id] = s->position_max;
}

static void delete_read(void *ctx, const struct manifest_delete *d) {
    struct contents *c = ctx;
    c->deletes[d->id % 4] = d->id;
}

static void setting_read(void *ctx, struct str name, struct str value) {
    struct contents *c = ctx;
    size_t i = (size_t)(name.p[0] - 'a');
    CHECK(i < SETTINGS);
    c->settings[i].bytes = value.n;
    c->settings[i].fill = value.p[0];
    for (size_t at = 0; at < value.n; at++)
        run.wrong += value.p[at] != value.p[0]; /* a torn value */
}

static enum err contents_read(struct catalog *c, struct contents *out) {
    memset(out, 0, sizeof *out);
    TRY(catalog_segments(c, segment_read, out, &why));
    TRY(catalog_deletes(c, delete_read, out, &why));
    TRY(catalog_settings(c, STR(""), setting_read, out, &why));
    return catalog_trimmed_position(c, &out->trimmed, &why);
}

static bool contents_same(const struct contents *found, const struct contents *want) {
    struct contents w = *want;
    w.next_id = 0; /* not readable; checked when ids are reserved */
    return memcmp(found, &w, sizeof w) == 0;
}

/* ---- one transaction of each kind
 * ---------------------------------------------------------------------------- */

static enum err ids_reserve(struct catalog *c) {
    uint64_t first = 0;
    uint32_t count = 1 + (uint32_t)random_below(&run.random, 4);
    run.may_be.next_id += count;
    enum err e = catalog_reserve_ids(c, count, &first, &why);
    run.wrong += e == ERR_OK && first < run.is.next_id; /* given before */
    if (e == ERR_OK)
        run.may_be.next_id = first + count;
    return e;
}

static enum err segments_change(struct catalog *c) {
    struct manifest_segment add[3];
    uint64_t remove[3];
    struct manifest_change m = { .add = add, .remove = remove };
    struct contents *to = &run.may_be;
    for (uint64_t id = 1; id < to->next_id && id < IDS_MAX; id++) {
        if (run.is.segments[id] && m.remove_count < 3 && random_below(&run.random, 10) == 0) {
            remove[m.remove_count++] = id;
            to->segments[id] = false;
            to->positions[id] = 0;
        } else if (!run.is.segments[id] && m.add_count < 3 && random_below(&run.random, 6) == 0) {
            to->segments[id] = true;
            to->positions[id] = random_below(&run.random, 1000);
            add[m.add_count++] = (struct manifest_segment){ .id = id, .position_max = to->positions[id] };
        }
    }
    m.trimmed_position = to->trimmed += random_below(&run.random, 10);
    return catalog_commit(c, &m, &why);
}

static enum err delete_change(struct catalog *c) {
    uint64_t id = 1 + random_below(&run.random, 100), old = run.is.deletes[id % 4];
    struct manifest_delete d = { .id = id, .predicate = STR("a:b") };
    struct manifest_change m = { .add_delete = &d, .remove_delete = &old, .remove_delete_count = old != 0 };
    if (old == id)
        m.add_delete = NULL;
    run.may_be.deletes[id % 4] = old == id ? 0 : id;
    return catalog_commit(c, &m, &why);
}

static enum err setting_change(struct catalog *c) {
    static char value[VALUE_BYTES_MAX];
    size_t i = (size_t)random_below(&run.random, SETTINGS),
           bytes = (size_t)random_below(&run.random, VALUE_BYTES_MAX);
    char name = (char)('a' + i), fill = (char)('0' + random_below(&run.random, 10));
    memset(value, fill, bytes);
    run.may_be.settings[i].bytes = bytes;
    run.may_be.settings[i].fill = bytes ? fill : 0;
    return catalog_set_setting(c, (struct str){ &name, 1 }, (struct str){ value, bytes }, &why);
}

static enum err checkpoint(struct catalog *c) {
    return catalog_checkpoint(c, &why);
}

static enum err (*const transactions[])(struct catalog *c) = { ids_reserve,     segments_change,
                                                               segments_change, delete_change,
                                                               setting_change,  checkpoint };

/* ---- lives and cuts
 * ------------------------------------------------------------------------------------------ */

static bool found_right(struct catalog *c) {
    struct contents *found = HEAP_NEW(struct contents);
    bool right = contents_read(c, found) == ERR_OK;
    run.may_be.next_id = run.is.next_id; /* ids that nobody got may be given out again */
    if (right && contents_same(found, &run.may_be))
        run.is = run.may_be;
    right = right && contents_same(found, &run.is);
    if (right) /* else the power went while reading, and both are still possible */
        run.may_be = run.is;
    heap_free(found);
    return right;
}

static void life(struct disk *d) {
    struct catalog *c = NULL;
    forget_some(d, true);
    enum err e = catalog_open(d, PATH, &why, &c);
    forget_some(d, false);
    if (e != ERR_OK) {
        run.not_opened += disk_sim_powered(d);
        return;
    }
    if (!found_right(c))
        run.wrong += disk_sim_powered(d);
    while (disk_sim_powered(d) && !run.wrong && random_below(&run.random, 100) != 0) {
        run.may_be = run.is;
        e = transactions[random_below(&run.random, COUNT_OF(transactions))](c);
        run.wrong += e != ERR_OK && disk_sim_powered(d);
        if (e == ERR_OK)
            run.is = run.may_be;
        run.commits += e == ERR_OK;
    }
    catalog_close(c);
}

static void cuts_run(uint64_t seed) {
    random_init(&run.random, seed);
    memset(&run.is, 0, sizeof run.is);
    run.is.next_id = 1;
    run.may_be = run.is;
    struct disk *d = disk_sim_new(seed);
    CHECK_OK(disk_mkdir(d, "store"));
    CHECK_OK(disk_sync_dir(d, ""));
    for (int cut = 0; cut < CUTS_A_SEED && !run.wrong && !run.not_opened; cut++) {
        bool late =
            random_below(&run.random, 4) == 0; /* late enough for a log that SQLite begins again in place */
        disk_sim_power_off_after(d, 1 + random_below(&run.random, late ? 2500 : 200));
        while (disk_sim_powered(d) && !run.wrong && !run.not_opened) {
            life(d);
            if (!disk_sim_powered(d) && random_below(&run.random, 3) == 0) { /* killed, not cut */
                disk_sim_power_on(d);
                disk_sim_power_off_after(d, 1 + random_below(&run.random, 100));
            }
        }
        struct disk *after = disk_sim_crash(d);
        disk_close(d);
        d = after;
        run.cuts++;
    }
    disk_sim_power_off_after(d, 0);
    struct catalog *c = NULL;
    if (catalog_open(d, PATH, &why, &c) != ERR_OK)
        run.not_opened++;
    else
        run.wrong += !found_right(c);
    catalog_close(c);
    disk_close(d);
}

TEST(no_power_cut_loses_or_halves_a_transaction) {
    uint64_t cuts = power_cuts();
    for (uint64_t seed = power_cut_seed(); run.cuts < cuts; seed++) {
        cuts_run(seed);
        if (run.wrong || run.not_opened)
            fail_msg("seed %llu: wrong %llu, not opened %llu (%s)", (unsigned long long)seed,
                     (unsigned long long)run.wrong, (unsigned long long)run.not_opened, why.msg);
    }
    CHECK(run.commits > cuts); /* there was something to lose */
    print_message("%llu power cuts, %llu transactions acknowledged before them\n",
                  (unsigned long long)run.cuts, (unsigned long long)run.commits);
}

static void must_go_wrong(enum leave_out leave_out) {
    run = (struct run){ .leave_out = leave_out };
    for (uint64_t seed = 1; seed < 2000 && !run.wrong && !run.not_opened; seed++)
        cuts_run(seed);
    CHECK(run.wrong || run.not_opened);
    print_message("noticed after %llu cuts\n", (unsigned long long)run.cuts);
}

TEST(without_the_sync_of_the_log_a_transaction_is_lost) {
    must_go_wrong(WAL_SYNC);
}
TEST(without_the_sync_of_the_folder_a_transaction_is_lost) {
    must_go_wrong(FOLDER_SYNC);
}
TEST(without_the_sync_of_the_database_a_checkpoint_destroys_it) {
    must_go_wrong(MAIN_SYNC);
}
TEST(without_the_sync_of_the_rewritten_log_a_transaction_is_lost) {
    must_go_wrong(REWRITE_SYNC);
}
TEST(without_the_folder_sync_after_the_rewrite_what_was_seen_is_lost) {
    must_go_wrong(REWRITE_FOLDER_SYNC);
}

TEST_MAIN(RUN(no_power_cut_loses_or_halves_a_transaction),
          RUN(without_the_sync_of_the_log_a_transaction_is_lost),
          RUN(without_the_sync_of_the_folder_a_transaction_is_lost),
          RUN(without_the_sync_of_the_database_a_checkpoint_destroys_it),
          RUN(without_the_sync_of_the_rewritten_log_a_transaction_is_lost),
          RUN(without_the_folder_sync_after_the_rewrite_what_was_seen_is_lost))
