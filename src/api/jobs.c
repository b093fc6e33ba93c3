#include "api/jobs.h"
#include "base/assert.h"
#include "base/heap.h"
#include "base/thread.h"

struct jobs {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct job *head, **tail;  /* guarded by lock */
    unsigned waiting, idle;    /* guarded by lock */
    unsigned started, max;     /* guarded by lock */
    bool stopping;             /* guarded by lock */
    struct thread *threads;
};

static struct job *next_job(struct jobs *j) {
    LOCKED(&j->lock);
    while (!j->head && !j->stopping) {
        j->idle++;
        (void)pthread_cond_wait(&j->work, &j->lock);
        j->idle--;
    }
    struct job *job = j->head;
    if (job) {
        j->head = job->next;
        if (!j->head)
            j->tail = &j->head;
        j->waiting--;
    }
    return job;
}

static void run(void *ctx) {
    struct jobs *j = ctx;
    for (struct job *job = next_job(j); job; job = next_job(j))
        job->run(job);
}

struct jobs *jobs_new(unsigned running_max) {
    ASSERT(running_max > 0);
    struct jobs *j = HEAP_NEW(struct jobs);
    (void)pthread_mutex_init(&j->lock, NULL);
    cond_init(&j->work);
    j->tail = &j->head;
    j->max = running_max;
    j->threads = HEAP_ARRAY(struct thread, running_max);
    return j;
}

void jobs_free(struct jobs *j) {
    if (!j)
        return;
    {
        LOCKED(&j->lock);
        j->stopping = true;
        (void)pthread_cond_broadcast(&j->work);
    }
    for (unsigned i = 0; i < j->max; i++)
        thread_join(&j->threads[i]);
    (void)pthread_cond_destroy(&j->work);
    (void)pthread_mutex_destroy(&j->lock);
    heap_free(j->threads);
    heap_free(j);
}

bool jobs_full(struct jobs *j) {
    LOCKED(&j->lock);
    return j->stopping || j->waiting >= JOBS_WAITING_MAX;
}

void jobs_start_anyway(struct jobs *j, struct job *job) {
    LOCKED(&j->lock);
    job->next = NULL;
    *j->tail = job;
    j->tail = &job->next;
    j->waiting++;
    if (j->waiting > j->idle && j->started < j->max)
        thread_start(&j->threads[j->started++], "query", run, j);
    (void)pthread_cond_signal(&j->work);
}

enum err jobs_start(struct jobs *j, struct job *job) {
    if (jobs_full(j))
        return ERR_LIMIT;
    jobs_start_anyway(j, job);
    return ERR_OK;
}
