#include "base/thread.h"
#include "base/assert.h"
#include "base/heap.h"
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct start {
    void (*run)(void *ctx);
    void *ctx;
};

static void *enter(void *arg) {
    struct start s = *(struct start *)arg;
    heap_free(arg);
    s.run(s.ctx);
    return NULL;
}

void thread_start(struct thread *t, const char *name, void (*run)(void *ctx), void *ctx) {
    struct start *s = HEAP_NEW(struct start);
    *s = (struct start){ run, ctx };
    ASSERT(pthread_create(&t->handle, NULL, enter, s) == 0);
    (void)pthread_setname_np(t->handle, name);
    t->started = true;
}

void thread_join(struct thread *t) {
    if (t->started)
        (void)pthread_join(t->handle, NULL);
    t->started = false;
}

void thread_nice(int level) {
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), level);
}

void cond_init(pthread_cond_t *c) {
    pthread_condattr_t a;
    (void)pthread_condattr_init(&a);
    (void)pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    (void)pthread_cond_init(c, &a);
    (void)pthread_condattr_destroy(&a);
}

bool cond_wait_for(pthread_cond_t *c, pthread_mutex_t *m, int64_t timeout_ns) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t at_ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec + timeout_ns;
    t = (struct timespec){ at_ns / 1000000000, at_ns % 1000000000 };
    return pthread_cond_timedwait(c, m, &t) == 0;
}
