/* sonde COMMAND …: `serve` is the server (app/), everything else its client (cli/). */
#include "app/server.h"
#include "base/version.h"
#include "bench/cmd_bench.h"
#include "cli/cli.h"
#include <stdio.h>

static int serve(int argc, char **argv);
static const struct command cmd_serve = { "serve", "[--data DIR] [--listen ADDR:PORT] [--config FILE]",
                                          "Run the server in the foreground.", serve };

static enum err read_config(struct config *c, const char *file, const struct option_list *sets, struct err_text *why) {
    AUTO(buf) text = { .limit_bytes = 1 << 20 };
    if (file) {
        TRY(config_read_file(file, &text, why));
        TRY(config_parse(c, buf_str(&text), why));
    }
    for (unsigned i = 0; i < sets->count; i++) {
        struct str value = str_of(sets->items[i]), name;
        if (!str_cut(&value, '=', &name))
            return err_say(why, ERR_INVALID, "--set wants key=value, not '%s'", sets->items[i]);
        TRY(config_set(c, name, value, why));
    }
    return ERR_OK;
}

static int serve(int argc, char **argv) {
    struct option_list words = { .count = 0 }, sets = { .count = 0 };
    const char *data = NULL, *listen = NULL, *file = NULL;
    bool standard_ports = false;
    const struct cli_option options[] = {
        { "--data", OPTION_TEXT, &data, "DIR", "where everything is stored (server.data; default ./data)" },
        { "--listen", OPTION_TEXT, &listen, "ADDR:PORT", "where to listen (server.listen; default 127.0.0.1:7663)" },
        { "--config", OPTION_TEXT, &file, "FILE", "YAML configuration; see docs/configuration.md" },
        { "--standard-ports", OPTION_FLAG, &standard_ports, NULL, "also the protocols' own ports (server.standard_ports)" },
        { "--set", OPTION_LIST, &sets, "KEY=VALUE", "one configuration key (repeat for more)" },
    };
    int status;
    if (!cli_parse(&cmd_serve, options, COUNT_OF(options), argc, argv, &words, &status))
        return status;
    if (words.count)
        return cli_fail("serve takes no words: '%s'", words.items[0]);
    struct config c;
    struct err_text why = { "" };
    config_init(&c);
    enum err e = read_config(&c, file, &sets, &why);
    if (e == ERR_OK && data)
        e = config_set(&c, STR("server.data"), str_of(data), &why);
    if (e == ERR_OK && listen)
        e = config_set(&c, STR("server.listen"), str_of(listen), &why);
    if (standard_ports)
        c.standard_ports = true;
    if (e == ERR_OK)
        e = config_validate(&c, &why);
    status = e == ERR_OK ? server_run(&c) : cli_fail("%s%s%s", file ? file : "", file ? ": " : "", why.msg);
    config_fini(&c);
    return status;
}

static int usage(void) {
    puts("sonde " SONDE_VERSION ": takes in logs, keeps them, answers questions about them\n\nusage: sonde COMMAND [options]\n");
    printf("  %-8s %s\n", cmd_serve.name, cmd_serve.help);
    command_list();
    printf("  %-8s %s\n", cmd_bench.name, cmd_bench.help);
    puts("\n'sonde COMMAND --help' tells a command's options.");
    return 0;
}

int main(int argc, char **argv) {
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return usage();
    if (strcmp(argv[1], "--version") == 0) {
        puts("sonde " SONDE_VERSION);
        return 0;
    }
    if (strcmp(argv[1], cmd_serve.name) == 0)
        return serve(argc - 1, argv + 1);
    const struct command *c = strcmp(argv[1], cmd_bench.name) == 0 ? &cmd_bench : command_find(argv[1]);
    return c ? c->run(argc - 1, argv + 1) : cli_fail("there is no command '%s'; see 'sonde --help'", argv[1]);
}
