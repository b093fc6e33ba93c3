/* sonde query 'TEXT' [--since 1h] … */
#include "cli/cli.h"
#include "cli/lines.h"
#include "cli/rows.h"
#include <stdio.h>

static int run(int argc, char **argv);
extern const struct command cmd_query;
const struct command cmd_query = { "query", "'TEXT' [options]", "Ask a question; rows come newest first.", run };

static bool on_piece(void *ctx, struct str bytes) {
    lines_feed(ctx, bytes);
    return !ferror(stdout);
}

static void on_line(void *ctx, struct str line) { rows_line(ctx, line); }

static void add_param(struct buf *body, const char *name, const char *value) {
    if (!value)
        return;
    buf_addf(body, "%s%s=", body->n ? "&" : "", name);
    http_client_encode(body, str_of(value));
}

/* A duration alone ("1h") means so long ago. */
static void add_start(struct buf *body, const char *since) {
    if (!since)
        return;
    char text[64];
    bool ago = ascii_digit(since[0]) && strpbrk(since, "smhdw") && !strpbrk(since, "-T:");
    (void)snprintf(text, sizeof text, "%s%s", ago ? "now-" : "", since);
    add_param(body, "start", text);
}

static int run(int argc, char **argv) {
    struct cli_server server = { 0 };
    struct option_list words = { .count = 0 };
    const char *since = NULL, *until = NULL, *format_name = "table", *limit = NULL, *table = NULL;
    const struct cli_option options[] = {
        { "--since", OPTION_TEXT, &since, "1h", "from so long ago, or from a time (default: all)" },
        { "--until", OPTION_TEXT, &until, "TIME", "up to a time" },
        { "--limit", OPTION_TEXT, &limit, "N", "at most so many rows (default 1000; 0: all)" },
        { "--format", OPTION_TEXT, &format_name, "table|json|csv", "how to print rows" },
        { "--table", OPTION_TEXT, &table, "logs|dead_letters", "which table" },
        CLI_SERVER_OPTIONS(server),
    };
    int status;
    if (!cli_parse(&cmd_query, options, COUNT_OF(options), argc, argv, &words, &status))
        return status;
    enum rows_format format;
    if (words.count != 1)
        return cli_fail("query wants one text in quotes; see 'sonde query --help'");
    if (!rows_format_find(format_name, &format))
        return cli_fail("--format: table, json or csv, not '%s'", format_name);
    AUTO(buf) body = { 0 };
    add_param(&body, "q", words.items[0]);
    add_start(&body, since);
    add_param(&body, "end", until);
    add_param(&body, "table", table);
    add_param(&body, "limit", limit ? limit : "1000");
    struct rows *rows = rows_new(format);
    struct lines lines = { .each = on_line, .ctx = rows };
    struct http_client *client = cli_connect(&server);
    struct http_call call = { .method = "POST", .path = "/api/records/query", .body = buf_str(&body),
                              .content_type = "application/x-www-form-urlencoded", .piece = on_piece, .ctx = &lines };
    struct err_text why = { "" };
    enum err e = http_client_call(client, &call, &why);
    lines_end(&lines);
    rows_end(rows);
    status = e != ERR_OK ? cli_fail("%s", why.msg) : rows_failed(rows);
    buf_fini(&call.answer);
    http_client_free(client);
    rows_free(rows);
    return status;
}
