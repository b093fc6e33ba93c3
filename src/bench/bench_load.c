/* The load: many keep-alive connections, one thread, bodies made before and patched before each send. */
#include "base/assert.h"
#include "base/clock.h"
#include "base/heap.h"
#include "base/thread.h"
#include "bench/bench.h"
#include "wire/compress.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ANSWER_BYTES = 4096, LATENCIES_MAX = 1 << 20, BODIES_MAX = 256, BODIES_BYTES = 64 << 20 };

struct link {
    int fd;
    struct traffic_body *body; /* in flight */
    char head[256];
    size_t head_bytes, sent_bytes;
    int64_t began_ns;
    char answer[ANSWER_BYTES];
    size_t answer_bytes;
};

struct load {
    const struct bench_load *spec;
    struct bench_result *result;
    struct bench_server *server;
    struct random random;
    struct traffic_body *bodies;
    unsigned body_count, next_body;
    struct link *links;
    int epoll;
    int64_t time_ns, ends_ns, sampled_ns;
    float *latencies;
    size_t latency_count;
    unsigned in_flight;
    struct err_text *why;
};

static enum err connect_all(struct load *l) {
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)l->server->port) };
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < l->spec->connections; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
        if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to))
            return err_say(l->why, ERR_UNAVAILABLE, "connect: %s", strerror(errno));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u32 = i };
        (void)epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev);
        l->links[i].fd = fd;
    }
    return ERR_OK;
}

static void make_bodies(struct load *l, const struct traffic *t) {
    unsigned want = l->spec->bodies ? l->spec->bodies : (unsigned)(BODIES_BYTES / (l->spec->lines * 240 + 1));
    l->body_count = want < l->spec->connections + 8 ? l->spec->connections + 8 : want > BODIES_MAX * 4 ? BODIES_MAX * 4 : want;
    l->bodies = HEAP_ARRAY(struct traffic_body, l->body_count);
    for (unsigned i = 0; i < l->body_count; i++)
        for (unsigned k = 0; k < l->spec->lines; k++)
            traffic_add_line(t, &l->random, TRAFFIC_SERVICES, &l->bodies[i]);
}

static bool more_to_send(const struct load *l) {
    if (l->spec->lines_max && l->result->lines + (uint64_t)l->in_flight * l->spec->lines >= l->spec->lines_max)
        return false;
    return l->spec->seconds <= 0 || clock_mono_ns(&clock_real) < l->ends_ns;
}

static enum err push(struct load *l, struct link *k) {
    while (k->sent_bytes < k->head_bytes + k->body->text.n) {
        struct iovec v[2];
        int n = 0;
        size_t body_at = k->sent_bytes > k->head_bytes ? k->sent_bytes - k->head_bytes : 0;
        if (k->sent_bytes < k->head_bytes)
            v[n++] = (struct iovec){ k->head + k->sent_bytes, k->head_bytes - k->sent_bytes };
        v[n++] = (struct iovec){ k->body->text.p + body_at, k->body->text.n - body_at };
        struct msghdr m = { .msg_iov = v, .msg_iovlen = (size_t)n };
        ssize_t put = sendmsg(k->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put < 0 && (errno == EAGAIN || errno == EINTR))
            return ERR_OK;
        if (put < 0)
            return err_say(l->why, ERR_IO, "send: %s", strerror(errno));
        k->sent_bytes += (size_t)put;
    }
    return ERR_OK;
}

static enum err start_request(struct load *l, struct link *k) {
    int64_t began_ns = clock_mono_ns(&clock_real);
    k->body = &l->bodies[l->next_body++ % l->body_count];
    if (!l->spec->step_ns)
        l->time_ns = clock_now_ns(&clock_real);
    traffic_patch(k->body, &l->random, &l->time_ns, l->spec->step_ns);
    k->began_ns = clock_mono_ns(&clock_real);
    l->result->generate_seconds += (double)(k->began_ns - began_ns) / 1e9;
    k->head_bytes = (size_t)snprintf(k->head, sizeof k->head, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", l->spec->path,
                                     k->body->text.n);
    k->sent_bytes = k->answer_bytes = 0;
    l->in_flight++;
    return push(l, k);
}

/* True when the whole answer is there. */
static bool answer_whole(const struct link *k, unsigned *out_status) {
    struct str a = { k->answer, k->answer_bytes };
    size_t head = str_find(a, STR("\r\n\r\n"), 0), at = str_find_nocase(a, STR("content-length:"), 0);
    if (head == SIZE_MAX || at == SIZE_MAX)
        return false;
    *out_status = (unsigned)strtoul(k->answer + 9, NULL, 10);
    return k->answer_bytes >= head + 4 + strtoul(k->answer + at + 15, NULL, 10);
}

static enum err on_answer(struct load *l, struct link *k, unsigned status) {
    struct bench_result *r = l->result;
    l->in_flight--;
    if (status == 200 || status == 204) {
        r->lines += l->spec->lines;
        r->bytes += k->body->text.n;
        r->requests++;
    } else if (status == 429 || status == 503) {
        r->refused++;
    } else {
        return err_say(l->why, ERR_INVALID, "the server said %u: %.160s", status, k->answer);
    }
    if (l->latency_count < LATENCIES_MAX)
        l->latencies[l->latency_count++] = (float)((double)(clock_mono_ns(&clock_real) - k->began_ns) / 1e6);
    k->body = NULL;
    return more_to_send(l) ? start_request(l, k) : ERR_OK;
}

static enum err pull(struct load *l, struct link *k) {
    for (;;) {
        ssize_t got = recv(k->fd, k->answer + k->answer_bytes, sizeof k->answer - 1 - k->answer_bytes, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return ERR_OK;
        if (got <= 0)
            return err_say(l->why, ERR_IO, "the server closed a connection: %s", got ? strerror(errno) : "end");
        k->answer_bytes += (size_t)got;
        k->answer[k->answer_bytes] = '\0';
        unsigned status;
        if (answer_whole(k, &status))
            TRY(on_answer(l, k, status));
    }
}

/* Four times a second, from the side: memory and backlog at their highest. */
static void sample(struct load *l) {
    int64_t now_ns = clock_mono_ns(&clock_real);
    if (now_ns - l->sampled_ns < NS_PER_S / 4)
        return;
    l->sampled_ns = now_ns;
    uint64_t kb = bench_server_memory(l->server, "RssAnon:");
    if (kb > l->result->anon_kb_max)
        l->result->anon_kb_max = kb;
}

static enum err serve_events(struct load *l) {
    struct epoll_event events[256];
    while (l->in_flight) {
        int n = epoll_wait(l->epoll, events, 256, 10000);
        if (n == 0)
            return err_say(l->why, ERR_TIMEOUT, "no answer for ten seconds");
        for (int i = 0; i < n; i++) {
            struct link *k = &l->links[events[i].data.u32];
            if (k->body && (events[i].events & EPOLLOUT))
                TRY(push(l, k));
            if (k->body && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
                TRY(pull(l, k));
        }
        sample(l);
    }
    return ERR_OK;
}

static int cmp_float(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static enum err run_load(struct load *l) {
    TRY(connect_all(l));
    int64_t began_ns = clock_mono_ns(&clock_real);
    l->ends_ns = began_ns + (int64_t)(l->spec->seconds * 1e9);
    for (unsigned i = 0; i < l->spec->connections && more_to_send(l); i++)
        TRY(start_request(l, &l->links[i]));
    TRY(serve_events(l));
    l->result->seconds = (double)(clock_mono_ns(&clock_real) - began_ns) / 1e9;
    qsort(l->latencies, l->latency_count, sizeof *l->latencies, cmp_float);
    if (l->latency_count) {
        l->result->p50_ms = (double)l->latencies[l->latency_count / 2];
        l->result->p99_ms = (double)l->latencies[l->latency_count * 99 / 100];
    }
    return ERR_OK;
}

enum err bench_load_run(struct bench_server *s, const struct traffic *t, const struct bench_load *spec,
                        struct bench_result *out, struct err_text *why) {
    *out = (struct bench_result){ 0 };
    struct load l = { .spec = spec, .result = out, .server = s, .why = why };
    random_init(&l.random, 42);
    l.time_ns = spec->start_ns ? spec->start_ns : clock_now_ns(&clock_real);
    l.links = HEAP_ARRAY(struct link, spec->connections);
    l.latencies = HEAP_ARRAY(float, LATENCIES_MAX);
    make_bodies(&l, t);
    enum err e = run_load(&l);
    for (unsigned i = 0; i < spec->connections; i++)
        if (l.links[i].fd > 0)
            (void)close(l.links[i].fd);
    (void)close(l.epoll);
    for (unsigned i = 0; i < l.body_count; i++)
        traffic_body_fini(&l.bodies[i]);
    heap_free(l.bodies);
    heap_free(l.links);
    heap_free(l.latencies);
    return e;
}

/* --- zstd -1, to compare with ---------------------------------------------------------------------------- */

struct zstd_run {
    const struct traffic_body *body;
    _Atomic bool stop;
    uint64_t bytes;
};

static void compress_until_stopped(void *ctx) {
    struct zstd_run *z = ctx;
    AUTO(buf) out = { 0 };
    struct str rest = buf_str(&z->body->text);
    while (!z->stop) {
        if (rest.n < 1 << 20)
            rest = buf_str(&z->body->text);
        buf_clear(&out);
        ASSERT(compress_zstd((struct str){ rest.p, 1 << 20 }, 1, &out) == ERR_OK);
        rest = str_skip(rest, 1 << 20);
        z->bytes += 1 << 20;
    }
}

static int cmp_double(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_zstd(const struct traffic *t) {
    struct random r;
    struct traffic_body body = { 0 };
    double rates[5];
    int64_t time_ns = clock_now_ns(&clock_real);
    random_init(&r, 7);
    while (body.text.n < 16 << 20)
        traffic_add_line(t, &r, TRAFFIC_SERVICES, &body);
    traffic_patch(&body, &r, &time_ns, NS_PER_MS / 50);
    for (size_t i = 0; i < COUNT_OF(rates); i++) {
        struct zstd_run runs[2] = { { .body = &body }, { .body = &body } };
        struct thread threads[2] = { { 0 } };
        int64_t began_ns = clock_mono_ns(&clock_real);
        for (int k = 0; k < 2; k++)
            thread_start(&threads[k], "zstd", compress_until_stopped, &runs[k]);
        (void)usleep(400000);
        runs[0].stop = runs[1].stop = true;
        thread_join(&threads[0]);
        thread_join(&threads[1]);
        rates[i] = (double)runs[0].bytes / ((double)(clock_mono_ns(&clock_real) - began_ns) / 1e9);
    }
    qsort(rates, COUNT_OF(rates), sizeof *rates, cmp_double);
    traffic_body_fini(&body);
    return rates[2];
}
