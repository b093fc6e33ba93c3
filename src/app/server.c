#include "app/server.h"
#include "api/jobs.h"
#include "app/shard.h"
#include "app/wire_up.h"
#include "base/assert.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/version.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHARDS_MAX = 64 };

struct server {
    const struct config *config;
    int lock_fd;
    struct disk *disk;
    struct api api;
    struct shard *shards[SHARDS_MAX];
    unsigned shard_count;
    char data[4096];
};

/* Two servers on one folder would each trim the other's journal. */
static enum err lock_data(struct server *s, struct err_text *why) {
    char path[4200];
    (void)snprintf(s->data, sizeof s->data, STR_FMT, STR_ARG(s->config->data));
    (void)snprintf(path, sizeof path, "%s/lock", s->data);
    if (mkdir(s->data, 0750) && errno != EEXIST)
        return err_say(why, ERR_IO, "server.data: cannot make the folder %s: %s", s->data, strerror(errno));
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (s->lock_fd < 0)
        return err_say(why, ERR_IO, "server.data: cannot open %s: %s", path, strerror(errno));
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB))
        return err_say(why, ERR_CONFLICT, "server.data: another sonde is running on %s", s->data);
    return ERR_OK;
}

static enum err start_shards(struct server *s, struct err_text *why) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned want = s->config->shards ? (unsigned)s->config->shards : (unsigned)(cores > 0 ? cores : 1);
    if (want > SHARDS_MAX)
        want = SHARDS_MAX;
    while (s->shard_count < want) {
        struct shard_config c = { s->config, &clock_real, s->shard_count };
        TRY(shard_start(&c, why, &s->shards[s->shard_count]));
        s->shard_count++;
    }
    return ERR_OK;
}

static enum err start(struct server *s, struct err_text *why) {
    TRY(lock_data(s, why));
    TRY(start_shards(s, why));
    if (disk_real_open(s->data, &s->disk) != ERR_OK)
        return err_say(why, ERR_IO, "server.data: cannot open %s: %s", s->data, strerror(file_errno()));
    TRY(wire_up(s->config, s->disk, &s->api, why));
    for (unsigned i = 0; i < s->shard_count; i++)
        shard_serve(s->shards[i], &s->api);
    return ERR_OK;
}

static void stop(struct server *s) {
    s->api.stopping = true;
    for (unsigned i = 0; i < s->shard_count; i++)
        shard_stop(s->shards[i]);
    for (unsigned i = 0; i < s->shard_count; i++)
        shard_free(s->shards[i]);
    wire_down(&s->api);
    disk_close(s->disk);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
}

static void set_log_level(struct str level) {
    static const char *const names[] = { "debug", "info", "warn", "error" };
    for (unsigned i = 0; i < COUNT_OF(names); i++)
        if (str_eq(level, str_of(names[i])))
            log_threshold((enum log_level)i);
}

int server_run(const struct config *c) {
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL); /* all threads inherit it; this one waits for them */
    (void)signal(SIGPIPE, SIG_IGN);
    set_log_level(c->log_level);
    struct server *s = HEAP_NEW(struct server);
    struct err_text why = { "" };
    s->config = c;
    s->lock_fd = -1;
    enum err e = start(s, &why);
    if (e == ERR_OK) {
        log_info("server", "sonde " SONDE_VERSION " is ready on http://" STR_FMT "/, data in %s", STR_ARG(c->listen), s->data);
        int got = 0;
        (void)sigwait(&signals, &got);
        log_info("server", "stopping: %s", got == SIGINT ? "interrupt" : "terminated");
    } else {
        log_error("server", "cannot start: %s", why.msg[0] ? why.msg : err_name(e));
    }
    stop(s);
    heap_free(s);
    return e == ERR_OK ? 0 : 1;
}
