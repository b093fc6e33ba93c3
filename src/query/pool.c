#include "query/pool.h"
#include "base/heap.h"
#include "base/thread.h"
#include <stdio.h>

struct query_pool {
    struct thread *threads; /* set at start, then read-only */
    unsigned thread_count;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    struct pool_job ring; /* head of the jobs with steps left; guarded by lock, as all below */
    bool stopping;
};

/* The job at the front goes to the back: the next worker takes another one. Lock held. */
static struct pool_job *take_turn(struct query_pool *p) {
    struct pool_job *j = p->ring.next;
    if (j == &p->ring)
        return NULL;
    j->previous->next = j->next;
    j->next->previous = j->previous;
    j->next = &p->ring;
    j->previous = p->ring.previous;
    j->previous->next = j;
    p->ring.previous = j;
    return j;
}

/* Lock held. */
static void take_out(struct pool_job *j) {
    if (j->drained)
        return;
    j->drained = true;
    j->previous->next = j->next;
    j->next->previous = j->previous;
}

static void work(void *ctx) {
    struct query_pool *p = ctx;
    (void)pthread_mutex_lock(&p->lock);
    while (!p->stopping) {
        struct pool_job *j = take_turn(p);
        if (!j) {
            (void)pthread_cond_wait(&p->work, &p->lock);
            continue;
        }
        j->helpers++;
        (void)pthread_mutex_unlock(&p->lock);
        bool more = j->step(j->ctx);
        (void)pthread_mutex_lock(&p->lock);
        if (!more)
            take_out(j);
        if (--j->helpers == 0)
            (void)pthread_cond_broadcast(&p->done);
    }
    (void)pthread_mutex_unlock(&p->lock);
}

void pool_run(struct query_pool *p, struct pool_job *j) {
    if (!p) {
        while (j->step(j->ctx))
            ;
        return;
    }
    (void)pthread_mutex_lock(&p->lock);
    j->helpers = 0;
    j->drained = false;
    j->next = &p->ring;
    j->previous = p->ring.previous;
    j->previous->next = j;
    p->ring.previous = j;
    (void)pthread_cond_broadcast(&p->work);
    (void)pthread_mutex_unlock(&p->lock);
    while (j->step(j->ctx))
        ;
    (void)pthread_mutex_lock(&p->lock);
    take_out(j);
    while (j->helpers)
        (void)pthread_cond_wait(&p->done, &p->lock);
    (void)pthread_mutex_unlock(&p->lock);
}

struct query_pool *query_pool_new(unsigned threads) {
    struct query_pool *p = HEAP_NEW(struct query_pool);
    p->ring.next = p->ring.previous = &p->ring;
    (void)pthread_mutex_init(&p->lock, NULL);
    cond_init(&p->work);
    cond_init(&p->done);
    p->thread_count = threads;
    p->threads = HEAP_ARRAY(struct thread, threads ? threads : 1);
    for (unsigned i = 0; i < threads; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "query-%u", i % 1000);
        thread_start(&p->threads[i], name, work, p);
    }
    return p;
}

void query_pool_free(struct query_pool *p) {
    if (!p)
        return;
    (void)pthread_mutex_lock(&p->lock);
    p->stopping = true;
    (void)pthread_cond_broadcast(&p->work);
    (void)pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->thread_count; i++)
        thread_join(&p->threads[i]);
    (void)pthread_cond_destroy(&p->work);
    (void)pthread_cond_destroy(&p->done);
    (void)pthread_mutex_destroy(&p->lock);
    heap_free(p->threads);
    heap_free(p);
}
