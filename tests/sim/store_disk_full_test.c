/* A disk that is full: writes are refused with a reason, reads go on, and everything resumes by itself when
 * there is space. */
#include "base/test.h"
#include "disk_sim.h"
#include "store/store_fixture.h"

/* The journal writes a mebibyte ahead and wants four free before it tries again: the reserve is above that.
 */
enum { CAPACITY = 8 << 20, SMALL = 2 << 20, RESERVE = 6 << 20 };

static void put(struct store_fixture *f, struct random *r) {
    fixture_random(f, r, 1500, f->now_ns - 3 * 3600 * NS_PER_S, NS_PER_S);
    (void)fixture_publish(f, TABLE_LOGS);
}

static void start(struct store_fixture *f, struct disk *d, uint64_t capacity, uint64_t reserve_bytes) {
    fixture_init(f, d);
    f->config.disk_reserve_bytes = reserve_bytes;
    f->config.journal_bytes_max = 64 << 20;
    disk_sim_capacity(d, capacity);
    CHECK_OK(fixture_open(f));
}

/* What a shard does: ask, then submit. True when it was told to stop. */
static bool fill(struct store_fixture *f, struct random *r, bool ask) {
    for (int i = 0; i < 600; i++) {
        if (ask && store_admit(f->store, &f->why) != ERR_OK)
            return true;
        size_t before = f->ledger.lines.n;
        put(f, r);
        if (f->ledger.lines.n == before)
            return true;
        if (i % 20 == 19)
            ERR_IGNORE(store_flush(f->store, &f->why), "it may not fit");
    }
    return false;
}

static void goes_on(struct store_fixture *f, struct disk *d, struct random *r) {
    disk_sim_capacity(d, 10 * CAPACITY);
    while (queue_step(store_queue(f->store))) {
    }
    CHECK_OK(store_admit(f->store, &f->why));
    size_t before = f->ledger.lines.n;
    put(f, r);
    CHECK(f->ledger.lines.n > before);
    CHECK_OK(store_flush(f->store, &f->why));
    CHECK_OK(store_merge(f->store, &f->why));
    CHECK(store_ready(f->store, &f->why));
    CHECK(fixture_same(f));
    fixture_reopen(f);
    CHECK(fixture_same(f));
}

TEST(writes_stop_at_the_reserve_and_go_on_when_there_is_space) {
    struct disk *d = disk_sim_new(1);
    struct store_fixture f;
    struct random r;
    random_init(&r, 1);
    start(&f, d, CAPACITY, RESERVE);
    CHECK(fill(&f, &r, true));
    CHECK(store_admit(f.store, &f.why) == ERR_UNAVAILABLE && strstr(f.why.msg, "reserve"));
    CHECK(!store_ready(f.store, &f.why));
    CHECK(f.says > 0 && strstr(f.said, "refused"));
    CHECK(fixture_same(&f));
    fixture_reopen(&f); /* starts on a full disk, too */
    CHECK(fixture_same(&f));
    goes_on(&f, d, &r);
    fixture_fini(&f);
    disk_close(d);
}

TEST(without_a_reserve_the_last_byte_is_refused_and_nothing_is_lost) {
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct disk *d = disk_sim_new(seed);
        struct store_fixture f;
        struct random r;
        random_init(&r, seed);
        start(&f, d, SMALL, 1);
        CHECK(fill(&f, &r, false));
        row_lines_fini(&f.unknown);
        CHECK(store_flush(f.store, &f.why) != ERR_OK || store_merge(f.store, &f.why) != ERR_OK);
        CHECK(f.why.msg[0]);
        CHECK(fixture_same(&f));
        goes_on(&f, d, &r);
        fixture_fini(&f);
        disk_close(d);
    }
}

TEST_MAIN(RUN(writes_stop_at_the_reserve_and_go_on_when_there_is_space),
          RUN(without_a_reserve_the_last_byte_is_refused_and_nothing_is_lost))
