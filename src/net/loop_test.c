#include "base/heap.h"
#include "base/test.h"
#include "base/thread.h"
#include "net/loop.h"
#include "net/loop_tcp.h"
#include "net/loop_udp.h"
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LETTERS = 1000, DATAGRAMS = 50 };

/* What happened, in order; and the loop to stop when enough has. */
struct events {
    struct loop *loop;
    struct loop_timer *timer;
    unsigned letters, fired, steps, steps_wanted;
    unsigned steps_at_fire;
    size_t datagrams, bytes, peers_ok;
};

struct counted {
    struct letter letter;
    struct events *e;
};

static void count_letter(struct letter *l) {
    struct events *e = ((struct counted *)l)->e;
    heap_free(l);
    if (++e->letters == LETTERS)
        loop_stop(e->loop);
}

static void post_letters(void *ctx) {
    struct events *e = ctx;
    for (int i = 0; i < LETTERS; i++) {
        struct counted *c = HEAP_NEW(struct counted);
        c->letter.open = count_letter;
        c->e = e;
        mailbox_post(loop_mailbox(e->loop), &c->letter);
    }
}

TEST(letters_from_another_thread_wake_the_loop) {
    struct events e = { .loop = loop_new(&clock_real) };
    struct thread t = { 0 };
    thread_start(&t, "poster", post_letters, &e);
    loop_run(e.loop);
    thread_join(&t);
    CHECK(e.letters == LETTERS);
    loop_free(e.loop);
}

TEST(letters_that_come_after_the_stop_are_opened_by_free) {
    struct events e = { .loop = loop_new(&clock_real) };
    loop_stop(e.loop);
    loop_run(e.loop);
    post_letters(&e);
    loop_free(e.loop);
    CHECK(e.letters == LETTERS);
}

static void stop_at_third(void *ctx) {
    struct events *e = ctx;
    e->steps_at_fire = e->steps;
    if (++e->fired == 3)
        loop_stop(e->loop);
}

static bool one_step(void *ctx) {
    struct events *e = ctx;
    return ++e->steps < e->steps_wanted;
}

TEST(a_timer_repeats_and_may_be_freed_before_and_after_the_loop_ends) {
    struct events e = { .loop = loop_new(&clock_real) };
    struct loop_timer *unused = loop_timer_new(e.loop, stop_at_third, &e);
    e.timer = loop_timer_new(e.loop, stop_at_third, &e);
    loop_timer_start(e.timer, 0, 1);
    loop_timer_free(unused);
    loop_run(e.loop);
    CHECK(e.fired == 3);
    loop_timer_start(e.timer, 0, 1); /* nothing: the loop has closed it */
    loop_timer_stop(e.timer);
    loop_timer_free(e.timer);
    loop_free(e.loop);
}

TEST(steps_go_on_between_polls_until_there_is_no_more_to_do) {
    struct events e = { .loop = loop_new(&clock_real), .steps_wanted = 1000 };
    loop_on_idle(e.loop, one_step, &e);
    e.timer = loop_timer_new(e.loop, stop_at_third, &e);
    loop_timer_start(e.timer, 20, 1);
    loop_run(e.loop);
    CHECK(e.steps_at_fire >= 1000); /* without sleeping, or the timer would have come first */
    CHECK(e.steps < 1100);          /* and then it slept */
    loop_timer_free(e.timer);
    loop_free(e.loop);
}

static void on_datagrams(void *ctx, const struct loop_datagram *d, size_t count) {
    struct events *e = ctx;
    for (size_t i = 0; i < count; i++) {
        e->bytes += d[i].bytes.n;
        e->peers_ok += str_eq(d[i].peer, STR("127.0.0.1"));
    }
    e->datagrams += count;
    e->steps++;
    if (e->datagrams >= DATAGRAMS)
        loop_stop(e->loop);
}

static void send_datagrams(unsigned port, size_t count) {
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    char bytes[9000];
    memset(bytes, 'd', sizeof bytes);
    for (size_t i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_DGRAM, 0);
        CHECK(sendto(fd, bytes, i * 100, 0, (struct sockaddr *)&a, sizeof a) == (ssize_t)(i * 100));
        (void)close(fd);
    }
}

TEST(datagrams_come_in_batches_with_their_peers) {
    static const char *const addresses[] = { "127.0.0.1", "::" };
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        struct events e = { .loop = loop_new(&clock_real) };
        struct loop_udp *u;
        struct loop_udp_config c = {
            .address = addresses[i], .kernel_buffer_bytes = 1 << 20, .received = on_datagrams, .ctx = &e
        };
        CHECK_OK(loop_udp_open(e.loop, &c, NULL, &u));
        send_datagrams(loop_udp_port(u), DATAGRAMS);
        loop_run(e.loop);
        CHECK(e.datagrams == DATAGRAMS && e.peers_ok == DATAGRAMS);
        CHECK(e.bytes == DATAGRAMS * (DATAGRAMS - 1) / 2 * 100);
        CHECK(e.steps <= (DATAGRAMS + LOOP_UDP_BATCH_MAX - 1) / LOOP_UDP_BATCH_MAX);
        loop_udp_free(u);
        loop_free(e.loop);
    }
}

TEST(datagrams_that_the_kernel_drops_are_counted) {
    struct events e = { .loop = loop_new(&clock_real) };
    struct loop_udp *u;
    struct loop_udp_config c = {
        .address = "127.0.0.1", .kernel_buffer_bytes = 4096, .received = on_datagrams, .ctx = &e
    };
    CHECK_OK(loop_udp_open(e.loop, &c, NULL, &u));
    CHECK(loop_udp_dropped(u) == 0);
    send_datagrams(loop_udp_port(u), DATAGRAMS);
    CHECK(loop_udp_dropped(u) > 0 && loop_udp_dropped(u) < DATAGRAMS);
    struct loop_udp *second;
    struct err_text why;
    c.port = loop_udp_port(u);
    CHECK(loop_udp_open(e.loop, &c, &why, &second) == ERR_IO);
    CHECK(strstr(why.msg, "127.0.0.1") != NULL);
    loop_udp_free(u);
    loop_free(e.loop);
}

/* A connection that sends back what it gets, then closes. */
struct echo {
    struct loop *loop;
    struct loop_tcp *tcp;
    char room[64];
    size_t n;
    bool ended, written, closed;
};

static char *echo_room(void *ctx, size_t *out_bytes) {
    struct echo *e = ctx;
    *out_bytes = sizeof e->room - e->n;
    return e->room + e->n;
}
static void echo_received(void *ctx, size_t n) {
    ((struct echo *)ctx)->n += n;
}
static void echo_ended(void *ctx, enum err reason) {
    struct echo *e = ctx;
    e->ended = reason == ERR_OK;
    loop_tcp_write(e->tcp, (struct str){ e->room, e->n });
}
static void echo_written(void *ctx, enum err result) {
    struct echo *e = ctx;
    e->written = result == ERR_OK;
    loop_tcp_close(e->tcp);
}
static void echo_closed(void *ctx) {
    struct echo *e = ctx;
    e->closed = true;
    loop_stop(e->loop);
}
static const struct loop_tcp_events echo_events = { echo_room, echo_received, echo_ended, echo_written,
                                                    echo_closed };

static void echo_accepted(void *ctx, struct loop_tcp *c) {
    struct echo *e = ctx;
    e->tcp = c;
    loop_tcp_attach(c, &echo_events, e);
    loop_tcp_read(c, true);
}

static int connect_to(unsigned port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    return fd;
}

TEST(a_connection_tells_all_that_happens_to_it) {
    struct echo e = { .loop = loop_new(&clock_real) };
    struct loop_tcp_listener *t;
    struct loop_tcp_listen_config c = { .address = "127.0.0.1", .accepted = echo_accepted, .ctx = &e };
    CHECK_OK(loop_tcp_listen(e.loop, &c, NULL, &t));
    int fd = connect_to(loop_tcp_listener_port(t));
    CHECK(send(fd, "hello", 5, 0) == 5 && shutdown(fd, SHUT_WR) == 0);
    loop_run(e.loop);
    char got[8];
    CHECK(recv(fd, got, sizeof got, 0) == 5 && memcmp(got, "hello", 5) == 0);
    CHECK(recv(fd, got, sizeof got, 0) == 0);
    CHECK(e.ended && e.written && e.closed);
    (void)close(fd);
    loop_tcp_listener_free(t);
    loop_free(e.loop);
}

static void accept_and_stop(void *ctx, struct loop_tcp *c) {
    struct echo *e = ctx;
    loop_tcp_attach(c, &echo_events, e);
    loop_stop(e->loop);
}

TEST(stopping_the_loop_closes_its_connections) {
    struct echo e = { .loop = loop_new(&clock_real) };
    struct loop_tcp_listener *t;
    struct loop_tcp_listen_config c = { .address = "127.0.0.1", .accepted = accept_and_stop, .ctx = &e };
    CHECK_OK(loop_tcp_listen(e.loop, &c, NULL, &t));
    int fd = connect_to(loop_tcp_listener_port(t));
    loop_run(e.loop);
    CHECK(e.closed);
    char got;
    CHECK(recv(fd, &got, 1, 0) == 0);
    (void)close(fd);
    loop_tcp_listener_free(t);
    loop_free(e.loop);
}

TEST_MAIN(RUN(letters_from_another_thread_wake_the_loop),
          RUN(letters_that_come_after_the_stop_are_opened_by_free),
          RUN(a_timer_repeats_and_may_be_freed_before_and_after_the_loop_ends),
          RUN(steps_go_on_between_polls_until_there_is_no_more_to_do),
          RUN(datagrams_come_in_batches_with_their_peers), RUN(datagrams_that_the_kernel_drops_are_counted),
          RUN(a_connection_tells_all_that_happens_to_it), RUN(stopping_the_loop_closes_its_connections))
