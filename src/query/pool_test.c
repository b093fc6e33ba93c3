#include "base/test.h"
#include "base/thread.h"
#include "query/pool.h"

enum { STEPS = 5000, ASKERS = 4 };

struct counted {
    _Atomic unsigned next, done, inside;
    struct query_pool *pool;
    bool ended_early;
};

static bool step(void *ctx) {
    struct counted *c = ctx;
    c->inside++;
    bool mine = c->next++ < STEPS;
    if (mine)
        c->done++;
    c->inside--;
    return mine;
}

static void ask(void *ctx) {
    struct counted *c = ctx;
    pool_run(c->pool, &(struct pool_job){ .step = step, .ctx = c });
    c->ended_early = c->done != STEPS || c->inside != 0;
}

TEST(every_step_is_done_once_before_the_asker_goes_on) {
    struct query_pool *pools[] = { NULL, query_pool_new(0), query_pool_new(3) };
    for (size_t i = 0; i < COUNT_OF(pools); i++) {
        struct counted jobs[ASKERS] = { 0 };
        struct thread threads[ASKERS] = { 0 };
        for (size_t k = 0; k < ASKERS; k++) {
            jobs[k].pool = pools[i];
            thread_start(&threads[k], "asker", ask, &jobs[k]);
        }
        for (size_t k = 0; k < ASKERS; k++) {
            thread_join(&threads[k]);
            CHECK(jobs[k].done == STEPS && !jobs[k].ended_early);
        }
        query_pool_free(pools[i]);
    }
}

struct pair {
    struct query_pool *pool;
    _Atomic unsigned small_steps;
    _Atomic bool small_started, small_done;
};

static bool small_step(void *ctx) {
    struct pair *p = ctx;
    return ++p->small_steps < 3;
}

static void ask_small(void *ctx) {
    struct pair *p = ctx;
    p->small_started = true;
    pool_run(p->pool, &(struct pool_job){ .step = small_step, .ctx = p });
    p->small_done = true;
}

/* A big job has steps for as long as the small one is not done: if it kept the pool for itself, this would
 * not end. */
static bool big_step(void *ctx) {
    const struct pair *p = ctx;
    return !p->small_done;
}

TEST(a_big_query_does_not_keep_a_small_one_waiting) {
    struct pair p = { .pool = query_pool_new(1) };
    struct thread small = { 0 };
    thread_start(&small, "small", ask_small, &p);
    pool_run(p.pool, &(struct pool_job){ .step = big_step, .ctx = &p });
    thread_join(&small);
    CHECK(p.small_done && p.small_steps >= 3);
    query_pool_free(p.pool);
}

TEST_MAIN(RUN(every_step_is_done_once_before_the_asker_goes_on),
          RUN(a_big_query_does_not_keep_a_small_one_waiting))
