#pragma once
#include <stdint.h>
/*
 * The only source of time: real in production, stepped by hand in tests and in tests/sim.
 * now_ns is UTC since 1970 and may jump; mono_ns only grows and is for timers and durations.
 */
struct clock {
    int64_t (*now_ns)(void *ctx);
    int64_t (*mono_ns)(void *ctx);
    void *ctx;
};
static inline int64_t clock_now_ns(const struct clock *c) { return c->now_ns(c->ctx); }
static inline int64_t clock_mono_ns(const struct clock *c) { return c->mono_ns(c->ctx); }

extern const struct clock clock_real;

static const int64_t NS_PER_US = 1000, NS_PER_MS = 1000 * 1000, NS_PER_S = 1000 * 1000 * 1000;
