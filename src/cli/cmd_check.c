/* sonde check FILE: is this configuration right? */
#include "base/file.h"
#include "cli/cli.h"
#include "config/config.h"
#include <stdio.h>

static int run(int argc, char **argv);
extern const struct command cmd_check;
const struct command cmd_check = { "check", "FILE", "Check a configuration file.", run };

static int run(int argc, char **argv) {
    struct option_list words = { .count = 0 };
    bool keys = false;
    const struct cli_option options[] = { { "--keys", OPTION_FLAG, &keys, NULL, "print every key with its default, as Markdown" } };
    int status;
    if (!cli_parse(&cmd_check, options, COUNT_OF(options), argc, argv, &words, &status))
        return status;
    struct err_text why = { "" };
    AUTO(buf) text = { .limit_bytes = 1 << 20 };
    if (keys) {
        config_describe(&text);
        fwrite(text.p, 1, text.n, stdout);
        return 0;
    }
    if (words.count != 1)
        return cli_fail("check wants one file");
    if (config_read_file(words.items[0], &text, &why) != ERR_OK)
        return cli_fail("%s", why.msg);
    struct config c;
    config_init(&c);
    enum err e = config_parse(&c, buf_str(&text), &why);
    if (e == ERR_OK)
        e = config_validate(&c, &why);
    config_fini(&c);
    if (e != ERR_OK)
        return cli_fail("%s: %s", words.items[0], why.msg);
    printf("%s: ok\n", words.items[0]);
    return 0;
}
