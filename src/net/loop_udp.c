#include "net/loop_udp.h"
#include "base/assert.h"
#include "base/heap.h"
#include "net/loop_uv.h"
#include <linux/sock_diag.h>
#include <sys/socket.h>
/*
 * libuv's recvmmsg mode: it asks once for a large buffer, cuts it into slots of the largest datagram, and
 * calls back once for each filled slot and once more when the buffer is free again. The batch is handed on at
 * that last call, so that the owner sees all of it at once. Slots nobody filled cost address space only.
 */
struct loop_udp {
    struct loop_part part;
    uv_udp_t uv;
    struct loop_udp_config config;
    struct loop_datagram batch[LOOP_UDP_BATCH_MAX];
    size_t batch_count;
    /* The peers of the batch: mostly one and the same, and its text is made once. */
    struct sockaddr_storage peer;
    char peer_text[LOOP_UDP_BATCH_MAX][LOOP_ADDRESS_BYTES];
    char *room;
};

enum { ROOM_BYTES = LOOP_UDP_BATCH_MAX * LOOP_UDP_DATAGRAM_BYTES_MAX };

static void udp_closed(struct loop_part *p) {
    struct loop_udp *u = (struct loop_udp *)p;
    heap_free(u->room);
    u->room = NULL;
}

static void find_room(uv_handle_t *h, size_t suggested, uv_buf_t *out) {
    (void)suggested;
    struct loop_udp *u = h->data;
    *out = uv_buf_init(u->room, ROOM_BYTES);
}

static void deliver(struct loop_udp *u) {
    size_t count = u->batch_count;
    u->batch_count = 0;
    if (count)
        u->config.received(u->config.ctx, u->batch, count);
}

static size_t address_bytes(const struct sockaddr *a) {
    return a->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/* The peer's text; ports differ, so only family and address count. */
static struct str peer_text(struct loop_udp *u, const struct sockaddr *from) {
    struct sockaddr_storage a = { 0 };
    memcpy(&a, from, address_bytes(from));
    *(a.ss_family == AF_INET ? &((struct sockaddr_in *)&a)->sin_port
                             : &((struct sockaddr_in6 *)&a)->sin6_port) = 0;
    if (u->batch_count > 0 && memcmp(&a, &u->peer, sizeof a) == 0)
        return u->batch[u->batch_count - 1].peer;
    u->peer = a;
    return loop_address_text(&a, u->peer_text[u->batch_count]);
}

static void received(uv_udp_t *h, ssize_t n, const uv_buf_t *b, const struct sockaddr *from, unsigned flags) {
    struct loop_udp *u = h->data;
    if (n >= 0 && from) {
        ASSERT(u->batch_count < LOOP_UDP_BATCH_MAX);
        struct str peer = peer_text(u, from);
        u->batch[u->batch_count++] = (struct loop_datagram){ { b->base, (size_t)n }, peer };
    }
    if (!(flags & UV_UDP_MMSG_CHUNK))
        deliver(u);
}

static int start(struct loop_udp *u, const struct sockaddr_storage *a) {
    int r = uv_udp_bind(&u->uv, (const struct sockaddr *)a, 0);
    int bytes = (int)u->config.kernel_buffer_bytes;
    if (r == 0 && bytes > 0)
        (void)uv_recv_buffer_size((uv_handle_t *)&u->uv, &bytes); /* the kernel caps it; drops are counted */
    return r == 0 ? uv_udp_recv_start(&u->uv, find_room, received) : r;
}

enum err loop_udp_open(struct loop *l, const struct loop_udp_config *c, struct err_text *why,
                       struct loop_udp **out) {
    struct sockaddr_storage a;
    if (!loop_address(c->address, c->port, &a))
        return err_say(why, ERR_IO, "'%s' port %u is not an address to receive on", c->address, c->port);
    struct loop_udp *u = HEAP_NEW(struct loop_udp);
    u->config = *c;
    int r = uv_udp_init_ex(&l->uv, &u->uv, a.ss_family | UV_UDP_RECVMMSG);
    if (r != 0) {
        heap_free(u);
        return err_say(why, ERR_IO, "cannot make a socket: %s", uv_strerror(r));
    }
    loop_part_init(&u->part, &u->uv);
    u->part.on_closed = udp_closed;
    u->room = HEAP_ARRAY(char, ROOM_BYTES);
    r = start(u, &a);
    if (r != 0) {
        loop_part_release(&u->part);
        return err_say(why, ERR_IO, "cannot receive on %s port %u: %s", c->address, c->port, uv_strerror(r));
    }
    *out = u;
    return ERR_OK;
}

unsigned loop_udp_port(const struct loop_udp *u) {
    struct sockaddr_storage a = { 0 };
    int n = sizeof a;
    if (uv_udp_getsockname(&u->uv, (struct sockaddr *)&a, &n) != 0)
        return 0;
    return ntohs(a.ss_family == AF_INET ? ((struct sockaddr_in *)&a)->sin_port
                                        : ((struct sockaddr_in6 *)&a)->sin6_port);
}

uint64_t loop_udp_dropped(const struct loop_udp *u) {
    uint32_t info[SK_MEMINFO_VARS] = { 0 };
    socklen_t n = sizeof info;
    uv_os_fd_t fd;
    if (uv_fileno((const uv_handle_t *)&u->uv, &fd) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &n) != 0)
        return 0;
    return info[SK_MEMINFO_DROPS];
}

void loop_udp_free(struct loop_udp *u) {
    if (u)
        loop_part_release(&u->part);
}
