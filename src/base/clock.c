#include "base/clock.h"
#include <time.h>

static int64_t read_clock(clockid_t id) {
    struct timespec t;
    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int64_t now_ns(void *ctx) {
    (void)ctx;
    return read_clock(CLOCK_REALTIME);
}

static int64_t mono_ns(void *ctx) {
    (void)ctx;
    return read_clock(CLOCK_MONOTONIC);
}

const struct clock clock_real = { now_ns, mono_ns, 0 };
