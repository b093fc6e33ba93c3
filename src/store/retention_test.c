#include "base/test.h"
#include "store/retention.h"
#include "store/store_fixture.h"

static const int64_t HOUR = 3600ll * 1000000000, DAY = 24 * 3600ll * 1000000000;

static struct str labels_of(const char *service, struct buf *out) {
    struct label l = { STR("service"), str_of(service) };
    buf_clear(out);
    CHECK_OK(labels_canonical(&l, 1, out, NULL));
    return buf_str(out);
}

TEST(rules_with_a_selector_are_asked_first_whatever_their_place) {
    struct retention_rule rules[] = {
        { .table = TABLE_LOGS, .keep_ns = 30 * DAY },
        { .table = TABLE_LOGS, .selector = STR("{service=\"debug\"}"), .keep_ns = DAY },
        { .table = TABLE_LOGS, .selector = STR("{service=\"audit\"}") }
    };
    struct retention *r;
    AUTO(buf) b = { 0 };
    int64_t now = 1000 * DAY;
    CHECK_OK(retention_new(rules, COUNT_OF(rules), NULL, &r));
    CHECK(retention_keep_from(r, TABLE_LOGS, labels_of("cart", &b), now) == now - 30 * DAY);
    CHECK(retention_keep_from(r, TABLE_LOGS, labels_of("debug", &b), now) == now - DAY);
    CHECK(retention_keep_from(r, TABLE_LOGS, labels_of("audit", &b), now) == INT64_MIN);
    CHECK(retention_keep_from(r, TABLE_DEAD_LETTERS, labels_of("cart", &b), now) == INT64_MIN);
    CHECK(retention_floor(r, TABLE_LOGS, now) == INT64_MIN);
    CHECK(retention_ceiling(r, TABLE_LOGS, now) == now - DAY);
    retention_free(r);
}

TEST(whole_segments_may_go_only_when_every_rule_has_passed) {
    struct retention_rule rules[] = {
        { .table = TABLE_LOGS, .selector = STR("{service=\"debug\"}"), .keep_ns = DAY }
    };
    struct retention *r;
    CHECK_OK(retention_new(rules, 1, NULL, &r));
    CHECK(retention_floor(r, TABLE_LOGS, 100 * DAY) == INT64_MIN);
    retention_free(r);
    struct retention_rule both[] = { rules[0], { .table = TABLE_LOGS, .keep_ns = 3 * DAY } };
    CHECK_OK(retention_new(both, 2, NULL, &r));
    CHECK(retention_floor(r, TABLE_LOGS, 100 * DAY) == 97 * DAY);
    retention_free(r);
}

TEST(bad_rules_are_refused) {
    struct retention_rule bad_selector = { .table = TABLE_LOGS,
                                           .selector = STR("{service}"),
                                           .keep_ns = DAY };
    struct retention_rule bytes = { .table = TABLE_LOGS, .selector = STR("{a=\"b\"}"), .keep_bytes = 5 };
    struct retention *r;
    CHECK(retention_new(&bad_selector, 1, NULL, &r) == ERR_INVALID);
    CHECK(retention_new(&bytes, 1, NULL, &r) == ERR_INVALID);
}

struct fake {
    int64_t now, mono;
};
static int64_t fake_now(void *ctx) {
    return ((struct fake *)ctx)->now;
}
static int64_t fake_mono(void *ctx) {
    return ((struct fake *)ctx)->mono;
}

TEST(a_clock_that_jumps_is_believed_only_after_a_steady_day) {
    struct fake f = { 10000 * DAY, 0 };
    struct clock c = { fake_now, fake_mono, &f };
    struct trusted_clock t;
    trusted_clock_start(&t, &c, f.now - HOUR);
    CHECK(trusted_clock_now(&t, &c) == f.now);
    f.now += HOUR, f.mono += HOUR;
    CHECK(trusted_clock_now(&t, &c) == f.now);
    int64_t right = f.now;
    f.now += 3650 * DAY; /* the jump */
    CHECK(trusted_clock_now(&t, &c) == right);
    f.now += 23 * HOUR, f.mono += 23 * HOUR, right += 23 * HOUR;
    CHECK(trusted_clock_now(&t, &c) == right);
    f.now -= 3650 * DAY; /* and back */
    CHECK(trusted_clock_now(&t, &c) == f.now);
    f.now += 3650 * DAY;
    CHECK(trusted_clock_now(&t, &c) == right);
    f.now += DAY, f.mono += DAY;
    CHECK(trusted_clock_now(&t, &c) == f.now);
    f.now -= 20 * DAY; /* backwards keeps more: believed at once */
    CHECK(trusted_clock_now(&t, &c) == f.now);
}

TEST(a_start_long_after_the_newest_row_deletes_nothing_early) {
    struct fake f = { 10000 * DAY, 5 };
    struct clock c = { fake_now, fake_mono, &f };
    struct trusted_clock t;
    trusted_clock_start(&t, &c, f.now - 400 * DAY);
    CHECK(trusted_clock_now(&t, &c) == f.now - 400 * DAY);
    trusted_clock_start(&t, &c, INT64_MIN);
    CHECK(trusted_clock_now(&t, &c) == f.now);
}

TEST_MAIN(RUN(rules_with_a_selector_are_asked_first_whatever_their_place),
          RUN(whole_segments_may_go_only_when_every_rule_has_passed), RUN(bad_rules_are_refused),
          RUN(a_clock_that_jumps_is_believed_only_after_a_steady_day),
          RUN(a_start_long_after_the_newest_row_deletes_nothing_early))
