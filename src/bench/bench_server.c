#include "base/clock.h"
#include "bench/bench.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void sleep_ms(int64_t ms) {
    struct timespec t = { ms / 1000, ms % 1000 * NS_PER_MS };
    (void)nanosleep(&t, NULL);
}

static enum err spawn(struct bench_server *s, struct err_text *why) {
    s->pid = fork();
    if (s->pid < 0)
        return err_say(why, ERR_IO, "fork: %s", strerror(errno));
    if (s->pid == 0) {
        char log[300];
        (void)snprintf(log, sizeof log, "%s.log", s->data);
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0640);
        if (fd >= 0)
            (void)dup2(fd, STDERR_FILENO);
        (void)execl("/proc/self/exe", "sonde", "serve", "--data", s->data, "--listen", s->address, (char *)NULL);
        _exit(127);
    }
    return ERR_OK;
}

/* A port that nobody listens on now. */
static unsigned free_port(void) {
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&at, bytes) == 0 && getsockname(fd, (struct sockaddr *)&at, &bytes) == 0;
    if (fd >= 0)
        (void)close(fd);
    return ok ? ntohs(at.sin_port) : 17663;
}

enum err bench_server_start(struct bench_server *s, const char *data, struct err_text *why) {
    const char *tmp = getenv("TMPDIR");
    if (data)
        (void)snprintf(s->data, sizeof s->data, "%s", data);
    else
        (void)snprintf(s->data, sizeof s->data, "%s/sonde-bench-%d", tmp ? tmp : "/tmp", (int)getpid());
    s->port = free_port();
    (void)snprintf(s->address, sizeof s->address, "127.0.0.1:%u", s->port);
    TRY(spawn(s, why));
    char url[80];
    (void)snprintf(url, sizeof url, "http://%s", s->address);
    s->client = http_client_new(str_of(url), (struct str){ 0 });
    for (int i = 0; i < 12000; i++) {
        struct http_call call = { .method = "GET", .path = "/-/ready", .timeout_ms = 1000 };
        enum err e = http_client_call(s->client, &call, why);
        buf_fini(&call.answer);
        if (e == ERR_OK)
            return ERR_OK;
        if (waitpid(s->pid, NULL, WNOHANG) == s->pid)
            return err_say(why, ERR_UNAVAILABLE, "the server ended at once; see %s.log", s->data);
        sleep_ms(5);
    }
    return err_say(why, ERR_TIMEOUT, "the server was not ready within a minute");
}

void bench_server_stop(struct bench_server *s) {
    if (s->pid > 0) {
        (void)kill(s->pid, SIGTERM);
        (void)waitpid(s->pid, NULL, 0);
    }
    s->pid = 0;
    http_client_free(s->client);
    s->client = NULL;
}

/* Adds up, or removes, what is below a folder. */
static uint64_t walk(const char *path, bool delete) {
    uint64_t sum = 0;
    DIR *d = opendir(path);
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        char child[4096];
        (void)snprintf(child, sizeof child, "%s/%s", path, e->d_name);
        struct stat st;
        if (lstat(child, &st))
            continue;
        if (S_ISDIR(st.st_mode)) {
            sum += walk(child, delete);
            if (delete)
                (void)rmdir(child);
            continue;
        }
        sum += (uint64_t)st.st_size;
        if (delete)
            (void)unlink(child);
    }
    if (d)
        (void)closedir(d);
    return sum;
}

void bench_server_remove_data(const struct bench_server *s) {
    char log[300];
    (void)walk(s->data, true);
    (void)rmdir(s->data);
    (void)snprintf(log, sizeof log, "%s.log", s->data);
    (void)unlink(log);
}

uint64_t bench_server_disk(const struct bench_server *s) { return walk(s->data, false); }

uint64_t bench_server_memory(const struct bench_server *s, const char *line) {
    char path[64], text[256];
    unsigned long long kb = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)s->pid);
    FILE *f = fopen(path, "re");
    while (f && fgets(text, sizeof text, f))
        if (strncmp(text, line, strlen(line)) == 0)
            kb = strtoull(text + strlen(line), NULL, 10);
    if (f)
        (void)fclose(f);
    return kb;
}

enum err bench_post(struct bench_server *s, const char *path, double *out_ms, struct err_text *why) {
    int64_t began_ns = clock_mono_ns(&clock_real);
    struct http_call call = { .method = "POST", .path = path };
    enum err e = http_client_call(s->client, &call, why);
    buf_fini(&call.answer);
    *out_ms = (double)(clock_mono_ns(&clock_real) - began_ns) / 1e6;
    return e;
}

double bench_status(struct bench_server *s, const char *key) {
    struct http_call call = { .method = "GET", .path = "/api/admin/status" };
    char quoted[64];
    double v = 0;
    (void)snprintf(quoted, sizeof quoted, "\"%s\":", key);
    if (http_client_call(s->client, &call, NULL) == ERR_OK) {
        buf_add_char(&call.answer, '\0');
        const char *at = strstr(call.answer.p, quoted);
        v = at ? strtod(at + strlen(quoted), NULL) : 0;
    }
    buf_fini(&call.answer);
    return v;
}
