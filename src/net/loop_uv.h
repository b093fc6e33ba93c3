#pragma once
#include "net/loop.h"
#include <stdatomic.h>
#include <uv.h>
/*
 * Shared by loop.c, loop_tcp.c and loop_udp.c only: the one place that sees libuv.
 *
 * A libuv handle may be freed only after its close callback. Whatever an owner frees therefore starts
 * with a loop_part: it lives until its owner has released it AND libuv has closed it, in either order
 * (loop_stop closes everything that owners have not).
 */
struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_prepare_t before_sleep;
    uv_idle_t stay_awake; /* started while the step has more to do, so that polls do not sleep */
    struct mailbox mailbox;
    const struct clock *clock;
    bool (*step)(void *ctx);
    void *step_ctx;
    _Atomic bool stopping; /* set by any thread */
    bool closing;
};

struct loop_part {
    uv_handle_t *handle;
    void (*on_closed)(struct loop_part *p); /* last call before the memory may go; may be NULL */
    bool released, closed;
};

/* `p` is the first member of a heap object, `h` is inside the same object. */
void loop_part_init(struct loop_part *p, void *h);
/* The owner's last word. */
void loop_part_release(struct loop_part *p);
static inline bool loop_part_closing(const struct loop_part *p) {
    return p->closed || uv_is_closing(p->handle);
}
/* False when `address` is no IPv4 or IPv6 address. */
NODISCARD bool loop_address(const char *address, unsigned port, struct sockaddr_storage *out);
/* Text of an address without its port, at most LOOP_ADDRESS_BYTES; IPv4 inside IPv6 as IPv4. */
enum { LOOP_ADDRESS_BYTES = 64 };
struct str loop_address_text(const struct sockaddr_storage *a, char *to);
