/* sonde tail ['FILTER']: rows as they are acknowledged, until interrupted. */
#include "cli/cli.h"
#include "cli/lines.h"
#include "wire/json.h"
#include <stdio.h>

static int run(int argc, char **argv);
extern const struct command cmd_tail;
const struct command cmd_tail = { "tail", "['FILTER'] [options]", "Follow rows as they are acknowledged.", run };

struct tail {
    bool json;
};

static bool on_piece(void *ctx, struct str bytes) {
    lines_feed(ctx, bytes);
    fflush(stdout);
    return !ferror(stdout);
}

static void print_text(struct str s) {
    for (size_t i = 0; i < s.n; i++)
        putchar((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t' ? '?' : s.p[i]);
}

/* time, level, message, then the rest as name=value */
static void print_row(struct str line) {
    static const char *const first[] = { "@timestamp", "level", "service", "@message" };
    struct str cells[COUNT_OF(first)] = { { 0 } };
    AUTO(arena) mem;
    AUTO(buf) rest = { .limit_bytes = 1 << 20 };
    arena_init(&mem, 16 << 20);
    struct json_reader j;
    struct json_text key;
    json_reader_init(&j, line);
    for (bool more = json_object(&j); more && json_key(&j, &key);) {
        struct str value = json_kind(&j) == JSON_STRING ? json_string(&j, &mem) : json_skip(&j);
        size_t at = COUNT_OF(first);
        for (size_t i = 0; i < COUNT_OF(first); i++)
            if (json_is(&key, first[i]))
                at = i;
        if (at < COUNT_OF(first))
            cells[at] = value;
        else
            buf_addf(&rest, " " STR_FMT "=" STR_FMT, STR_ARG(key.raw), STR_ARG(value));
    }
    for (size_t i = 0; i < COUNT_OF(first); i++) {
        if (!cells[i].n)
            continue;
        print_text(cells[i]);
        putchar(' ');
    }
    print_text(buf_str(&rest));
    putchar('\n');
}

static void on_line(void *ctx, struct str line) {
    const struct tail *t = ctx;
    if (!str_starts(line, STR("data: ")) || str_starts(line, STR("data: {\"rows\":")))
        return;
    line = str_skip(line, 6);
    if (t->json)
        printf(STR_FMT "\n", STR_ARG(line));
    else
        print_row(line);
}

static int run(int argc, char **argv) {
    struct cli_server server = { 0 };
    struct option_list words = { .count = 0 };
    struct tail tail = { false };
    const struct cli_option options[] = {
        { "--json", OPTION_FLAG, &tail.json, NULL, "print rows as JSON" },
        CLI_SERVER_OPTIONS(server),
    };
    int status;
    if (!cli_parse(&cmd_tail, options, COUNT_OF(options), argc, argv, &words, &status))
        return status;
    AUTO(buf) path = { 0 };
    buf_add(&path, STR("/api/records/tail?q="));
    http_client_encode(&path, str_of(words.count ? words.items[0] : "*"));
    buf_add_char(&path, '\0');
    struct lines lines = { .each = on_line, .ctx = &tail };
    struct http_client *client = cli_connect(&server);
    struct http_call call = { .method = "GET", .path = path.p, .piece = on_piece, .ctx = &lines };
    struct err_text why = { "" };
    enum err e = http_client_call(client, &call, &why);
    status = e == ERR_OK || e == ERR_CANCELLED ? 0 : cli_fail("%s", why.msg);
    lines_end(&lines);
    buf_fini(&call.answer);
    http_client_free(client);
    return status;
}
