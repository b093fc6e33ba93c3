#pragma once
#include "base/buf.h"
#include "net/http_client.h"
/*
 * The command line: everything but `serve` talks to a server over HTTP. A command is one file cmd_<name>.c and one line in
 * list.def; its options are a table, so that parsing, --help and mistakes are the same for all.
 */
enum option_type { OPTION_TEXT, OPTION_FLAG, OPTION_UINT, OPTION_LIST };
enum { OPTION_LIST_MAX = 32 };
struct option_list {
    const char *items[OPTION_LIST_MAX];
    unsigned count;
};
struct cli_option {
    const char *name;     /* "--since" */
    enum option_type type;
    void *to;             /* const char **, bool *, uint64_t *, struct option_list * */
    const char *value;    /* what --help calls it: "1h" */
    const char *help;
};
struct command {
    const char *name;
    const char *usage;    /* behind "sonde NAME " */
    const char *help;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit status */
};
const struct command *command_find(const char *name);
void command_list(void); /* prints all with their help */

/* Reads options and collects the other words into `words`. False after it printed a mistake or the help (status in *out_status). */
NODISCARD bool cli_parse(const struct command *c, const struct cli_option *options, size_t count, int argc, char **argv,
                         struct option_list *words, int *out_status);
/* Options that every command with a server has. */
struct cli_server {
    const char *url;   /* --server or SONDE_SERVER, else http://127.0.0.1:7663 */
    const char *token; /* --token or SONDE_TOKEN */
};
#define CLI_SERVER_OPTIONS(s)                                                                                  \
    { "--server", OPTION_TEXT, &(s).url, "URL", "the server (SONDE_SERVER; default http://127.0.0.1:7663)" },  \
    { "--token", OPTION_TEXT, &(s).token, "TOKEN", "bearer token (SONDE_TOKEN)" }
struct http_client *cli_connect(const struct cli_server *s);
/* "sonde: …" on standard error; returns 1. */
PRINTF(1, 2) int cli_fail(const char *fmt, ...);
