#include "base/heap.h"
#include "base/thread.h"
#include "net/http_server.h"
#include <signal.h>
#include <stdio.h>
/*
 * A server that takes bodies and says 204, to measure the HTTP layer alone: http_bench PORT SHARDS,
 * then for example wrk -t1 -c256 -s post.lua. Ends with SIGTERM.
 */
static void handle(void *ctx, struct http_request *r) {
    (void)ctx;
    http_reply(r, &(struct http_answer){ .status = http_body(r).n ? 204 : 200,
                                         .content_type = "text/plain",
                                         .body = STR("hello\n") });
}

static void run(void *ctx) {
    loop_run(ctx);
}

int main(int argc, char **argv) {
    uint64_t port, count;
    if (argc != 3 || !str_to_u64(str_of(argv[1]), &port) || !str_to_u64(str_of(argv[2]), &count)) {
        fprintf(stderr, "usage: http_bench PORT SHARDS\n");
        return 1;
    }
    struct loop **loops = HEAP_ARRAY(struct loop *, count);
    struct http_server **servers = HEAP_ARRAY(struct http_server *, count);
    struct thread *threads = HEAP_ARRAY(struct thread, count);
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (size_t i = 0; i < count; i++) {
        struct err_text why;
        struct http_server_config c = {
            .address = "127.0.0.1", .port = (unsigned)port, .exclusive = i == 0, .handle = handle
        };
        loops[i] = loop_new(&clock_real);
        if (http_server_open(loops[i], &c, &why, &servers[i]) != ERR_OK) {
            fprintf(stderr, "%s\n", why.msg);
            return 1;
        }
        thread_start(&threads[i], "shard", run, loops[i]);
    }
    int got;
    (void)sigwait(&set, &got);
    for (size_t i = 0; i < count; i++) {
        loop_stop(loops[i]);
        thread_join(&threads[i]);
        http_server_free(servers[i]);
        loop_free(loops[i]);
    }
    heap_free(loops);
    heap_free(servers);
    heap_free(threads);
    return 0;
}
