#pragma once
#include "base/err.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
/* Threads and their two primitives. A lock guards named fields, never a call outward. */
struct thread {
    pthread_t handle;
    bool started;
};
/* `name` shows in ps and gdb; at most 15 characters. Aborts when the system refuses (start-up only). */
void thread_start(struct thread *t, const char *name, void (*run)(void *ctx), void *ctx);
/* Waits for its end; nothing when it was never started. */
void thread_join(struct thread *t);
/* Scheduling priority of the calling thread: 0 is normal, 19 the lowest (merges). */
void thread_nice(int level);

struct lock_guard {
    pthread_mutex_t *held;
};
static inline struct lock_guard lock_take(pthread_mutex_t *m) {
    (void)pthread_mutex_lock(m);
    return (struct lock_guard){ m };
}
static inline void lock_guard_auto(struct lock_guard *g) {
    if (g->held)
        (void)pthread_mutex_unlock(g->held);
}
/* Holds `m` to the end of the enclosing block: `LOCKED(&s->lock);` */
#define LOCKED_NAME2(line) guard_##line
#define LOCKED_NAME(line)  LOCKED_NAME2(line)
#define LOCKED(m)          UNUSED AUTO(lock_guard) LOCKED_NAME(__LINE__) = lock_take(m)

/* Waits on a CLOCK_MONOTONIC condition; false after `timeout_ns`. Make it with cond_init(). */
void cond_init(pthread_cond_t *c);
bool cond_wait_for(pthread_cond_t *c, pthread_mutex_t *m, int64_t timeout_ns);
