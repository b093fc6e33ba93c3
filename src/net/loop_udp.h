#pragma once
#include "net/loop.h"
/*
 * Datagrams on a loop. They come in batches: one system call and one callback for as many as are waiting, up
 * to LOOP_UDP_BATCH_MAX. Everything runs on the loop's own thread.
 */
enum { LOOP_UDP_BATCH_MAX = 20, LOOP_UDP_DATAGRAM_BYTES_MAX = 64 << 10 };

struct loop_datagram {
    struct str bytes;
    struct str peer; /* address text without port */
};
struct loop_udp_config {
    const char *address;        /* "::" takes IPv4 too */
    unsigned port;              /* 0: any free one */
    size_t kernel_buffer_bytes; /* asked of the kernel; 0: its default */
    /* Borrowed for the call. */
    void (*received)(void *ctx, const struct loop_datagram *datagrams, size_t count);
    void *ctx;
};
struct loop_udp;
/* Binds and receives. ERR_IO with the address and the reason in `why`. */
NODISCARD enum err loop_udp_open(struct loop *l, const struct loop_udp_config *c, struct err_text *why,
                                 struct loop_udp **out);
unsigned loop_udp_port(const struct loop_udp *u);
/* Datagrams that the kernel threw away because its buffer was full, since the socket was opened. */
uint64_t loop_udp_dropped(const struct loop_udp *u);
void loop_udp_free(struct loop_udp *u); /* NULL is fine */
