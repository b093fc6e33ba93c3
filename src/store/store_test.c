#include "store/store.h"
#include "base/test.h"
#include "catalog/catalog.h"
#include "store/store_fixture.h"
#include <stdio.h>

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

TEST_MAIN(RUN(rows_are_visible_at_once_and_through_every_stage_and_restart))
