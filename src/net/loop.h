#pragma once
#include "base/clock.h"
#include "base/err.h"
#include "base/mailbox.h"
#include "base/str.h"
#include <stdbool.h>
/*
 * An event loop on one thread: timers, TCP and UDP sockets, wake-ups from other threads. loop.c and its
 * siblings net/loop_*.c are the only users of libuv. Every callback runs on the loop's own thread; only
 * loop_mailbox() posts and loop_stop() may come from others.
 */
struct loop;
NODISCARD struct loop *loop_new(const struct clock *clock);
void loop_free(struct loop *l);               /* after loop_run returned */
void loop_run(struct loop *l);                /* until loop_stop and all handles are closed */
void loop_stop(struct loop *l);               /* any thread */
struct mailbox *loop_mailbox(struct loop *l); /* letters open on the loop's thread */
const struct clock *loop_clock(const struct loop *l);
/* Called once after each round of socket events, before the loop sleeps; true: call again at once
 * (there is work in steps, e.g. block sealing), false: sleep until something happens. One per loop. */
void loop_on_idle(struct loop *l, bool (*step)(void *ctx), void *ctx);

struct loop_timer;
NODISCARD struct loop_timer *loop_timer_new(struct loop *l, void (*fire)(void *ctx), void *ctx);
void loop_timer_start(struct loop_timer *t, int64_t after_ms,
                      int64_t repeat_ms); /* restarts; repeat 0: once */
void loop_timer_stop(struct loop_timer *t);
void loop_timer_free(struct loop_timer *t);
