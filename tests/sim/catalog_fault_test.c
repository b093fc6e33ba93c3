/*
 * A disk that refuses under the catalog: each call site once and for ever. A transaction that says ERR_OK is
 * there, also after a power cut; one that says anything else is not, unless it says that nobody knows
 * (ERR_UNAVAILABLE).
 */
#include "base/test.h"
#include "catalog/catalog.h"
#include "disk_sim.h"

enum { SEGMENTS = 24, NTH_MAX = 60, CHECKPOINT_EVERY = 7 };

struct found {
    bool there[SEGMENTS + 1];
};
struct outcome {
    enum err result[SEGMENTS + 1];
    size_t acknowledged;
};
static struct err_text why;

static void segment_found(void *ctx, const struct manifest_segment *s) {
    struct found *f = ctx;
    CHECK(s->id <= SEGMENTS);
    f->there[s->id] = true;
}

static void result_checked(struct catalog *c, const struct outcome *o, uint64_t up_to) {
    struct found f = { 0 };
    if (catalog_segments(c, segment_found, &f, &why) != ERR_OK)
        return; /* it does not answer: no answer is wrong */
    for (uint64_t id = 1; id <= up_to; id++) {
        if (o->result[id] == ERR_OK)
            CHECK(f.there[id]);
        else if (o->result[id] != ERR_UNAVAILABLE)
            CHECK(!f.there[id]);
    }
}

static void workload(struct catalog *c, struct outcome *o) {
    for (uint64_t id = 1; id <= SEGMENTS; id++) {
        struct manifest_segment s = { .id = id };
        o->result[id] = catalog_commit(c, &(struct manifest_change){ .add = &s, .add_count = 1 }, &why);
        o->acknowledged += o->result[id] == ERR_OK;
        result_checked(c, o, id);
        if (id % CHECKPOINT_EVERY == 0)
            ERR_IGNORE(catalog_checkpoint(c, &why), "nothing was promised");
    }
}

static struct outcome fault_run(enum disk_sim_op op, uint64_t nth, enum err result, bool for_ever) {
    struct disk *d = disk_sim_new(nth);
    struct catalog *c = NULL;
    struct outcome o = { 0 };
    CHECK_OK(catalog_open(d, "c.db", &why, &c));
    disk_sim_fail(d, op, nth, result, for_ever);
    workload(c, &o);
    disk_sim_fail(d, op, 0, ERR_OK, false);
    if (result == ERR_IO)
        CHECK(disk_sim_rule_breaks(d) == 0);
    struct disk *after = disk_sim_crash(d);
    catalog_close(c);
    CHECK_OK(catalog_open(after, "c.db", &why, &c));
    result_checked(c, &o, SEGMENTS);
    struct manifest_segment s = { .id = SEGMENTS + 0 };
    ERR_IGNORE(catalog_commit(c, &(struct manifest_change){ .add = &s, .add_count = 1 }, &why),
               "it may be there");
    catalog_close(c);
    disk_close(after);
    disk_close(d);
    return o;
}

static const enum disk_sim_op changing[] = { SIM_WRITE,  SIM_SYNC,   SIM_SYNC_DIR,
                                             SIM_CREATE, SIM_RENAME, SIM_UNLINK };

TEST(one_refusal_costs_at_most_one_transaction) {
    for (size_t op = 0; op < COUNT_OF(changing); op++)
        for (uint64_t nth = 1; nth <= NTH_MAX; nth++) {
            CHECK(fault_run(changing[op], nth, ERR_IO, false).acknowledged >= SEGMENTS - 1);
            CHECK(fault_run(changing[op], nth, ERR_LIMIT, false).acknowledged >= SEGMENTS - 1);
        }
}

TEST(a_disk_that_refuses_for_ever_is_never_said_to_have_written) {
    for (size_t op = 0; op < COUNT_OF(changing); op++)
        for (uint64_t nth = 1; nth <= NTH_MAX; nth += 3)
            (void)fault_run(changing[op], nth, ERR_IO, true);
    CHECK(fault_run(SIM_SYNC, 1, ERR_IO, true).acknowledged == 0);
    CHECK(fault_run(SIM_WRITE, 1, ERR_IO, true).acknowledged == 0);
}

TEST(after_a_refused_sync_the_catalog_heals_by_itself) {
    struct disk *d = disk_sim_new(4);
    struct catalog *c = NULL;
    CHECK_OK(catalog_open(d, "c.db", &why, &c));
    disk_sim_fail(d, SIM_SYNC, 1, ERR_IO, true);
    CHECK(catalog_set_setting(c, STR("a"), STR("1"), &why) != ERR_OK);
    CHECK(catalog_set_setting(c, STR("a"), STR("2"), &why) != ERR_OK);
    disk_sim_fail(d, SIM_SYNC, 0, ERR_OK, false);
    CHECK_OK(catalog_set_setting(c, STR("b"), STR("3"), &why));
    struct buf out = { .limit_bytes = 16 };
    CHECK_OK(catalog_setting(c, STR("b"), &out, &why));
    CHECK_STR(buf_str(&out), "3");
    buf_fini(&out);
    catalog_close(c);
    disk_close(d);
}

TEST(a_full_disk_refuses_changes_serves_reads_and_recovers) {
    struct disk *d = disk_sim_new(4);
    struct catalog *c = NULL;
    static char value[20000];
    memset(value, 'x', sizeof value);
    CHECK_OK(catalog_open(d, "c.db", &why, &c));
    CHECK_OK(catalog_set_setting(c, STR("first"), STR("1"), &why));
    disk_sim_capacity(d, 200000);
    enum err e = ERR_OK;
    size_t accepted = 0;
    for (char name = 'a'; e == ERR_OK && name <= 'z'; name++, accepted += e == ERR_OK)
        e = catalog_set_setting(c, (struct str){ &name, 1 }, (struct str){ value, sizeof value }, &why);
    CHECK(e == ERR_UNAVAILABLE && accepted > 2);
    struct buf out = { .limit_bytes = 16 };
    CHECK_OK(catalog_setting(c, STR("first"), &out, &why));
    buf_fini(&out);
    disk_sim_capacity(d, 0);
    CHECK_OK(catalog_set_setting(c, STR("last"), (struct str){ value, sizeof value }, &why));
    catalog_close(c);
    disk_close(d);
}

TEST_MAIN(RUN(one_refusal_costs_at_most_one_transaction),
          RUN(a_disk_that_refuses_for_ever_is_never_said_to_have_written),
          RUN(after_a_refused_sync_the_catalog_heals_by_itself),
          RUN(a_full_disk_refuses_changes_serves_reads_and_recovers))
