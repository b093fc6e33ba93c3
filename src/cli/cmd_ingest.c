/*
 * sonde ingest FILE… | -: files into a running server, in bodies of about one megabyte cut at line ends, with a batch id each, so that a
 * body that is sent again after an error is stored once.
 */
#include "base/clock.h"
#include "base/random.h"
#include "cli/cli.h"
#include "wire/compress.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int run(int argc, char **argv);
extern const struct command cmd_ingest;
const struct command cmd_ingest = { "ingest", "FILE… | - [options]", "Send files (plain, .gz, .zst) or standard input.", run };

enum { BODY_BYTES = 1 << 20, LINE_BYTES_MAX = 12 << 20, READ_BYTES = 256 << 10, TRIES_MAX = 60 };

struct upload {
    struct http_client *client;
    struct buf path[2];      /* raw lines, JSON */
    int json;                /* -1: not known yet */
    struct buf plain;        /* what is not sent yet */
    struct random random;
    uint64_t lines, rejected, bytes;
    uint64_t file_bytes, file_done;
    int64_t started_ns, shown_ns;
    const char *file;
    bool bar;
    struct err_text why;
};

static void show(struct upload *u, bool last) {
    int64_t now_ns = clock_mono_ns(&clock_real);
    if (!u->bar || (!last && now_ns - u->shown_ns < 200 * NS_PER_MS))
        return;
    u->shown_ns = now_ns;
    double seconds = (double)(now_ns - u->started_ns) / 1e9, rate = seconds > 0 ? (double)u->lines / seconds : 0;
    double share = u->file_bytes ? (double)u->file_done / (double)u->file_bytes : 0;
    int filled = (int)(share * 24);
    fprintf(stderr, "\r%-24.24s [%.*s%*s] %3.0f%%  %.0f lines/s  %.1f MB", u->file, filled, "========================", 24 - filled, "",
            share * 100, rate, (double)u->bytes / 1e6);
    if (share > 0.001 && !last)
        fprintf(stderr, "  %.0f s left   ", seconds / share * (1 - share));
    if (last)
        fputs("             \n", stderr);
}

static uint64_t number_after(struct str text, const char *key) {
    size_t at = str_find(text, str_of(key), 0), n = 0;
    if (at == SIZE_MAX)
        return 0;
    text = str_skip(text, at + strlen(key));
    while (n < text.n && ascii_digit(text.p[n]))
        n++;
    uint64_t v = 0;
    return str_to_u64((struct str){ text.p, n }, &v) ? v : 0;
}

static void print_reject(struct str answer) {
    size_t at = str_find(answer, STR("\"errors\":["), 0);
    if (at == SIZE_MAX)
        return;
    struct str first = str_skip(answer, at + 10);
    size_t end = str_find(first, STR("}"), 0);
    if (end != SIZE_MAX)
        fprintf(stderr, "\nsonde: a row was refused: " STR_FMT "}\n", (int)end, first.p);
}

/* One body; tries again with the same id while the server is busy. */
static enum err send_body(struct upload *u, struct str body) {
    char id[64];
    (void)snprintf(id, sizeof id, "X-Sonde-Batch-Id: cli-%016llx%016llx", (unsigned long long)random_u64(&u->random),
                   (unsigned long long)random_u64(&u->random));
    for (int tries = 1;; tries++) {
        struct http_call call = { .method = "POST", .path = u->path[u->json].p, .body = body, .extra_header = id,
                                  .content_type = u->json ? "application/x-ndjson" : "text/plain", .timeout_ms = 120000 };
        enum err e = http_client_call(u->client, &call, &u->why);
        bool again = (e == ERR_LIMIT && call.status == 429) || e == ERR_UNAVAILABLE;
        if (e == ERR_OK) {
            uint64_t rejected = number_after(buf_str(&call.answer), "\"rejected\":");
            u->lines += number_after(buf_str(&call.answer), "\"accepted\":");
            if (rejected && !u->rejected)
                print_reject(buf_str(&call.answer));
            u->rejected += rejected;
            u->bytes += body.n;
        }
        buf_fini(&call.answer);
        if (!again || tries == TRIES_MAX)
            return e;
        int64_t pause_ms = (int64_t)random_below(&u->random, (uint64_t)(tries < 6 ? 100 << tries : 5000)) + 50;
        struct timespec pause = { pause_ms / 1000, pause_ms % 1000 * NS_PER_MS };
        (void)nanosleep(&pause, NULL);
    }
}

/* Sends whole lines of what is waiting; all of it when `last`. */
static enum err send_ready(struct upload *u, bool last) {
    struct str rest = buf_str(&u->plain);
    if (u->json < 0 && rest.n)
        u->json = str_trim(rest).n && str_trim(rest).p[0] == '{';
    while (rest.n >= BODY_BYTES || (last && rest.n)) {
        size_t n = rest.n < BODY_BYTES ? rest.n : BODY_BYTES;
        const char *lf = memrchr(rest.p, '\n', n);
        if (!lf && rest.n > n)
            lf = memchr(rest.p + n, '\n', rest.n - n);
        if (!lf && !last)
            break;
        n = lf ? (size_t)(lf - rest.p) + 1 : rest.n;
        TRY(send_body(u, (struct str){ rest.p, n }));
        rest = str_skip(rest, n);
        show(u, false);
    }
    if (rest.n > LINE_BYTES_MAX)
        return err_say(&u->why, ERR_LIMIT, "a line is longer than %d bytes", LINE_BYTES_MAX);
    if (rest.n)
        memmove(u->plain.p, rest.p, rest.n);
    u->plain.n = rest.n;
    return ERR_OK;
}

static enum encoding encoding_of(const char *path) {
    struct str s = str_of(path);
    return str_ends(s, STR(".gz")) ? ENCODING_GZIP : str_ends(s, STR(".zst")) ? ENCODING_ZSTD : ENCODING_IDENTITY;
}

static enum err send_stream(struct upload *u, FILE *f, struct inflater *z) {
    AUTO(buf) raw = { 0 };
    char *piece = buf_reserve(&raw, READ_BYTES);
    for (size_t n = fread(piece, 1, READ_BYTES, f); n; n = fread(piece, 1, READ_BYTES, f)) {
        struct str in = { piece, n };
        u->file_done += n;
        while (in.n) {
            TRY(inflater_feed(z, &in, &u->plain, &u->why));
            TRY(send_ready(u, false));
        }
    }
    if (ferror(f))
        return err_say(&u->why, ERR_IO, "cannot be read");
    TRY(inflater_end(z, &u->why));
    return send_ready(u, true);
}

static enum err send_file(struct upload *u, const char *path) {
    bool standard = strcmp(path, "-") == 0;
    FILE *f = standard ? stdin : fopen(path, "re");
    if (!f)
        return err_say(&u->why, ERR_NOT_FOUND, "%s", strerror(errno));
    struct stat st;
    u->file_bytes = fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    u->file_done = 0;
    u->file = path;
    u->json = -1;
    struct inflater *z = inflater_new(standard ? ENCODING_IDENTITY : encoding_of(path));
    enum err e = send_stream(u, f, z);
    inflater_free(z);
    if (!standard)
        (void)fclose(f);
    show(u, true);
    return e;
}

/* `service=nginx` -> a query parameter of the raw path; JSON rows bring their own labels. */
static bool build_paths(struct upload *u, const struct option_list *labels, const char *stream) {
    buf_add(&u->path[0], STR("/ingest/raw?"));
    buf_add(&u->path[1], STR("/ingest/json?"));
    if (stream) {
        buf_add(&u->path[1], STR("stream="));
        http_client_encode(&u->path[1], str_of(stream));
    }
    for (unsigned i = 0; i < labels->count; i++) {
        struct str value = str_of(labels->items[i]), name;
        if (!str_cut(&value, '=', &name))
            return cli_fail("--label wants name=value, not '%s'", labels->items[i]) == 0;
        http_client_encode(&u->path[0], name);
        buf_add_char(&u->path[0], '=');
        http_client_encode(&u->path[0], value);
        buf_add_char(&u->path[0], '&');
    }
    buf_add_char(&u->path[0], '\0');
    buf_add_char(&u->path[1], '\0');
    return true;
}

static int run(int argc, char **argv) {
    struct cli_server server = { 0 };
    struct option_list files = { .count = 0 }, labels = { .count = 0 };
    const char *stream = NULL;
    bool quiet = false;
    const struct cli_option options[] = {
        { "--label", OPTION_LIST, &labels, "NAME=VALUE", "label of raw lines (repeat for more)" },
        { "--stream", OPTION_TEXT, &stream, "a,b", "fields of JSON rows that become labels" },
        { "--quiet", OPTION_FLAG, &quiet, NULL, "no progress" },
        CLI_SERVER_OPTIONS(server),
    };
    int status;
    if (!cli_parse(&cmd_ingest, options, COUNT_OF(options), argc, argv, &files, &status))
        return status;
    if (files.count == 0)
        return cli_fail("ingest wants files, or - for standard input");
    struct upload u = { .bar = !quiet && isatty(STDERR_FILENO), .started_ns = clock_mono_ns(&clock_real) };
    random_init(&u.random, random_seed_real());
    if (!build_paths(&u, &labels, stream))
        return 2;
    u.client = cli_connect(&server);
    enum err e = ERR_OK;
    for (unsigned i = 0; i < files.count && e == ERR_OK; i++) {
        e = send_file(&u, files.items[i]);
        if (e != ERR_OK)
            status = cli_fail("%s: %s", files.items[i], u.why.msg);
    }
    double seconds = (double)(clock_mono_ns(&clock_real) - u.started_ns) / 1e9;
    fprintf(stderr, "%llu rows kept, %llu refused, %.1f MB in %.2f s\n", (unsigned long long)u.lines, (unsigned long long)u.rejected,
            (double)u.bytes / 1e6, seconds);
    http_client_free(u.client);
    buf_fini(&u.plain);
    buf_fini(&u.path[0]);
    buf_fini(&u.path[1]);
    return e != ERR_OK ? status : u.rejected > 0;
}
