#include "base/random.h"
#include "base/stat.h"
#include "base/test.h"
#include "store/claims.h"

static int64_t mono_now;
static int64_t fake(void *ctx UNUSED) {
    return mono_now;
}
static const struct clock clock_fake = { fake, fake, NULL };

static struct id128 id_of(uint64_t n) {
    return (struct id128){ n * (uint64_t)0x9e3779b97f4a7c15, n };
}

struct waiting {
    struct letter letter;
    unsigned woken;
};
static void wake(struct letter *l) {
    ((struct waiting *)l)->woken++;
}

TEST(an_id_is_new_once_then_pending_then_done) {
    struct claims *c = claims_new(&clock_fake);
    CHECK(claims_take(c, id_of(1), NULL, NULL) == CLAIMS_NEW);
    CHECK(claims_take(c, id_of(1), NULL, NULL) == CLAIMS_PENDING);
    CHECK(claims_take(c, id_of(2), NULL, NULL) == CLAIMS_NEW);
    claims_resolve(c, id_of(1), true);
    CHECK(claims_take(c, id_of(1), NULL, NULL) == CLAIMS_DONE);
    CHECK(claims_take(c, id_of(2), NULL, NULL) == CLAIMS_PENDING);
    claims_resolve(c, id_of(2), false);
    CHECK(claims_take(c, id_of(2), NULL, NULL) == CLAIMS_NEW);
    claims_free(c);
}

TEST(waiters_are_woken_whatever_the_fate) {
    for (int durable = 0; durable < 2; durable++) {
        struct claims *c = claims_new(&clock_fake);
        struct mailbox box;
        struct waiting w[2] = { { .letter.open = wake }, { .letter.open = wake } };
        mailbox_init(&box, NULL, NULL);
        CHECK(claims_take(c, id_of(7), &box, &w[0].letter) == CLAIMS_NEW);
        CHECK(claims_take(c, id_of(7), &box, &w[0].letter) == CLAIMS_PENDING);
        CHECK(claims_take(c, id_of(7), &box, &w[1].letter) == CLAIMS_PENDING);
        CHECK(!mailbox_drain(&box));
        claims_resolve(c, id_of(7), durable);
        CHECK(mailbox_drain(&box));
        CHECK(w[0].woken == 1 && w[1].woken == 1);
        claims_free(c);
        mailbox_fini(&box);
    }
}

TEST(ids_are_remembered_for_ten_minutes_and_forgotten_after_twenty) {
    struct claims *c = claims_new(&clock_fake);
    claims_remember(c, id_of(1));
    mono_now += CLAIM_WINDOW_NS - 1;
    claims_remember(c, id_of(2));
    mono_now += CLAIM_WINDOW_NS - 1;
    CHECK(claims_take(c, id_of(2), NULL, NULL) == CLAIMS_DONE);
    mono_now += 2 * CLAIM_WINDOW_NS;
    CHECK(claims_take(c, id_of(1), NULL, NULL) == CLAIMS_NEW);
    claims_free(c);
}

TEST(the_id_of_zeros_is_an_id) {
    struct claims *c = claims_new(&clock_fake);
    CHECK(claims_take(c, (struct id128){ 0, 0 }, NULL, NULL) == CLAIMS_NEW);
    claims_resolve(c, (struct id128){ 0, 0 }, true);
    CHECK(claims_take(c, (struct id128){ 0, 0 }, NULL, NULL) == CLAIMS_DONE);
    claims_free(c);
}

TEST(memory_stays_below_its_cap_and_the_newest_ids_are_kept) {
    struct claims *c = claims_new(&clock_fake);
    int64_t evicted = stat_get(STAT_CLAIMS_EVICTED);
    const uint64_t count = 5000000;
    for (uint64_t i = 1; i <= count; i++)
        claims_remember(c, id_of(i));
    CHECK(claims_memory_bytes(c) <= CLAIM_BYTES_MAX);
    CHECK(stat_get(STAT_CLAIMS_EVICTED) > evicted);
    for (uint64_t i = count - 1000000; i <= count; i++)
        CHECK(claims_take(c, id_of(i), NULL, NULL) == CLAIMS_DONE);
    claims_free(c);
}

TEST_MAIN(RUN(an_id_is_new_once_then_pending_then_done), RUN(waiters_are_woken_whatever_the_fate),
          RUN(ids_are_remembered_for_ten_minutes_and_forgotten_after_twenty), RUN(the_id_of_zeros_is_an_id),
          RUN(memory_stays_below_its_cap_and_the_newest_ids_are_kept))
