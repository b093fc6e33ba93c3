#include "net/loop.h"
#include "base/assert.h"
#include "base/heap.h"
#include "net/loop_uv.h"
#include <signal.h>
/*
 * One turn of the loop: timers, [prepare: the step], poll (sockets, wake-ups), closed handles.
 *
 * The step runs right before the poll, so it sees everything that this turn brought. When it says that
 * there is more to do, an idle handle keeps the next poll from sleeping: sockets are served between any two
 * steps, and the loop sleeps only after a step that had nothing left.
 *
 * Stopping: loop_stop() wakes the loop, which closes every handle; libuv then runs the close callbacks
 * and uv_run returns because nothing is left. Letters that arrive later are opened by loop_free().
 */

static void part_closed(uv_handle_t *h) {
    struct loop_part *p = h->data;
    p->closed = true;
    if (p->on_closed)
        p->on_closed(p);
    if (p->released)
        heap_free(p);
}

void loop_part_init(struct loop_part *p, void *h) {
    p->handle = h;
    p->handle->data = p;
}

void loop_part_release(struct loop_part *p) {
    ASSERT(!p->released);
    p->released = true;
    if (p->closed)
        heap_free(p);
    else if (!uv_is_closing(p->handle))
        uv_close(p->handle, part_closed);
}

static void close_handle(uv_handle_t *h, void *arg) {
    (void)arg;
    if (!uv_is_closing(h))
        uv_close(h, h->data ? part_closed : NULL); /* the loop's own handles have no part */
}

static void close_all(struct loop *l) {
    l->closing = true;
    uv_walk(&l->uv, close_handle, NULL);
}

static void woken(uv_async_t *h) {
    struct loop *l = (struct loop *)h->loop;
    (void)mailbox_drain(&l->mailbox);
    if (atomic_load(&l->stopping) && !l->closing)
        close_all(l);
}

static void wake(void *ctx) {
    struct loop *l = ctx;
    ASSERT(uv_async_send(&l->wake) == 0);
}

static void stay_awake(uv_idle_t *h) {
    (void)h;
}

static void before_sleep(uv_prepare_t *h) {
    struct loop *l = (struct loop *)h->loop;
    if (l->step && l->step(l->step_ctx))
        (void)uv_idle_start(&l->stay_awake, stay_awake);
    else
        (void)uv_idle_stop(&l->stay_awake);
}

struct loop *loop_new(const struct clock *clock) {
    (void)signal(SIGPIPE, SIG_IGN); /* libuv writes to sockets without MSG_NOSIGNAL */
    struct loop *l = HEAP_NEW(struct loop);
    _Static_assert(offsetof(struct loop, uv) == 0, "callbacks find the loop from its libuv part");
    l->clock = clock;
    mailbox_init(&l->mailbox, wake, l);
    ASSERT(uv_loop_init(&l->uv) == 0);
    ASSERT(uv_async_init(&l->uv, &l->wake, woken) == 0);
    ASSERT(uv_prepare_init(&l->uv, &l->before_sleep) == 0);
    ASSERT(uv_idle_init(&l->uv, &l->stay_awake) == 0);
    ASSERT(uv_prepare_start(&l->before_sleep, before_sleep) == 0);
    uv_unref((uv_handle_t *)&l->before_sleep);
    return l;
}

void loop_free(struct loop *l) {
    if (!l)
        return;
    if (!l->closing)
        close_all(l);
    do /* a letter may close what another one opened */
        (void)uv_run(&l->uv, UV_RUN_DEFAULT);
    while (mailbox_drain(&l->mailbox));
    ASSERT(uv_loop_close(&l->uv) == 0);
    mailbox_fini(&l->mailbox);
    heap_free(l);
}

void loop_run(struct loop *l) {
    (void)uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l) {
    atomic_store(&l->stopping, true);
    wake(l);
}

struct mailbox *loop_mailbox(struct loop *l) {
    return &l->mailbox;
}
const struct clock *loop_clock(const struct loop *l) {
    return l->clock;
}

void loop_on_idle(struct loop *l, bool (*step)(void *ctx), void *ctx) {
    l->step = step;
    l->step_ctx = ctx;
}

struct loop_timer {
    struct loop_part part;
    uv_timer_t uv;
    void (*fire)(void *ctx);
    void *ctx;
};

static void timer_fired(uv_timer_t *h) {
    struct loop_timer *t = h->data;
    t->fire(t->ctx);
}

struct loop_timer *loop_timer_new(struct loop *l, void (*fire)(void *ctx), void *ctx) {
    struct loop_timer *t = HEAP_NEW(struct loop_timer);
    t->fire = fire;
    t->ctx = ctx;
    ASSERT(uv_timer_init(&l->uv, &t->uv) == 0);
    loop_part_init(&t->part, &t->uv);
    return t;
}

void loop_timer_start(struct loop_timer *t, int64_t after_ms, int64_t repeat_ms) {
    ASSERT(after_ms >= 0 && repeat_ms >= 0);
    if (!loop_part_closing(&t->part))
        ASSERT(uv_timer_start(&t->uv, timer_fired, (uint64_t)after_ms, (uint64_t)repeat_ms) == 0);
}

void loop_timer_stop(struct loop_timer *t) {
    if (!loop_part_closing(&t->part))
        (void)uv_timer_stop(&t->uv);
}

void loop_timer_free(struct loop_timer *t) {
    if (t)
        loop_part_release(&t->part);
}

bool loop_address(const char *address, unsigned port, struct sockaddr_storage *out) {
    if (port > UINT16_MAX)
        return false;
    memset(out, 0, sizeof *out);
    return uv_ip4_addr(address, (int)port, (struct sockaddr_in *)out) == 0 ||
           uv_ip6_addr(address, (int)port, (struct sockaddr_in6 *)out) == 0;
}

struct str loop_address_text(const struct sockaddr_storage *a, char *to) {
    to[0] = 0;
    if (a->ss_family == AF_INET)
        (void)uv_ip4_name((const struct sockaddr_in *)a, to, LOOP_ADDRESS_BYTES);
    else if (a->ss_family == AF_INET6)
        (void)uv_ip6_name((const struct sockaddr_in6 *)a, to, LOOP_ADDRESS_BYTES);
    struct str text = str_of(to);
    struct str mapped = STR("::ffff:");
    return str_starts(text, mapped) && strchr(to, '.') ? str_skip(text, mapped.n) : text;
}
