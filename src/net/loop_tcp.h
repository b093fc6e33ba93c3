#pragma once
#include "net/loop.h"
/*
 * TCP on a loop: listeners and connections. Everything here runs on the loop's own thread.
 *
 * A connection is told where to put the next bytes before it reads them, so that a large body goes from
 * the kernel straight to where it will stay. Writing is two steps: loop_tcp_try_write() hands over what the
 * kernel takes now, from any memory; the rest goes to loop_tcp_write(), whose bytes must stay.
 */
struct loop_tcp;
struct loop_tcp_listener;

struct loop_tcp_events {
    /* Where the next bytes go, *out_bytes > 0. The memory must stay until `received` or `ended`. */
    char *(*room)(void *ctx, size_t *out_bytes);
    void (*received)(void *ctx, size_t n); /* 0 < n <= *out_bytes of them have come */
    /* ERR_OK: the peer has sent its last byte, we may still write. ERR_IO: the connection is broken.
     * Nothing is received after it; the owner still has to close. */
    void (*ended)(void *ctx, enum err reason);
    void (*written)(void *ctx, enum err result); /* the bytes of loop_tcp_write() are free again */
    void (*closed)(void *ctx);                   /* the last call, also when the loop stops */
};

struct loop_tcp_listen_config {
    const char *address; /* "127.0.0.1", "::1"; "::" takes IPv4 too */
    unsigned port;       /* 0: any free one */
    /* Several listeners share one address, the kernel spreads connections over them (SO_REUSEPORT).
     * `exclusive` refuses when anybody listens there already: for the first of several. */
    bool exclusive;
    /* A new connection: the callee owns it and calls loop_tcp_attach() or loop_tcp_close(). */
    void (*accepted)(void *ctx, struct loop_tcp *c);
    void *ctx;
};
/* ERR_IO with the address and the reason in `why`. */
NODISCARD enum err loop_tcp_listen(struct loop *l, const struct loop_tcp_listen_config *c,
                                   struct err_text *why, struct loop_tcp_listener **out);
unsigned loop_tcp_listener_port(const struct loop_tcp_listener *t);
void loop_tcp_listener_free(struct loop_tcp_listener *t); /* accepts no more; NULL is fine */

/* `events` must outlive the connection. Reading is off at first. */
void loop_tcp_attach(struct loop_tcp *c, const struct loop_tcp_events *events, void *ctx);
void loop_tcp_read(struct loop_tcp *c, bool on);
/* Writes at once as much as fits, in one system call. ERR_IO: broken. *out_sent bytes are gone, from the
 * front. */
NODISCARD enum err loop_tcp_try_write(struct loop_tcp *c, const struct str *parts, size_t count,
                                      size_t *out_sent);
/* Writes all of it, now or later; `written` follows, never from inside this call. One at a time. */
void loop_tcp_write(struct loop_tcp *c, struct str bytes);
/* Bytes of loop_tcp_write() that the kernel has not taken: falls while the peer reads. */
size_t loop_tcp_unsent_bytes(const struct loop_tcp *c);
/* Sends the end of our side after what is being written; reading goes on. */
void loop_tcp_shutdown(struct loop_tcp *c);
/* Ends it; `closed` follows, never from inside this call. A write under way is dropped: its `written` comes
 * with ERR_CANCELLED before `closed`. */
void loop_tcp_close(struct loop_tcp *c);
/* The same with a reset, so that the peer cannot take it for a clean end. */
void loop_tcp_abort(struct loop_tcp *c);
/* Text of the peer's address without port; lives as long as the connection. */
struct str loop_tcp_peer(const struct loop_tcp *c);
