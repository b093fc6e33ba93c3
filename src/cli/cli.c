#include "cli/cli.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CMD(c) extern const struct command c;
#include "cli/list.def"
#undef CMD
static const struct command *const all[] = {
#define CMD(c) &c,
#include "cli/list.def"
#undef CMD
};

const struct command *command_find(const char *name) {
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    return NULL;
}

void command_list(void) {
    for (size_t i = 0; i < COUNT_OF(all); i++)
        printf("  %-8s %s\n", all[i]->name, all[i]->help);
}

int cli_fail(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fputs("sonde: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return 1;
}

static void print_help(const struct command *c, const struct cli_option *options, size_t count) {
    printf("usage: sonde %s %s\n%s\n", c->name, c->usage, c->help);
    if (count)
        puts("\noptions:");
    for (size_t i = 0; i < count; i++) {
        char left[64];
        (void)snprintf(left, sizeof left, "%s %s", options[i].name, options[i].value ? options[i].value : "");
        printf("  %-24s %s\n", left, options[i].help);
    }
}

static const struct cli_option *find(const struct cli_option *options, size_t count, struct str name) {
    for (size_t i = 0; i < count; i++)
        if (str_eq(name, str_of(options[i].name)))
            return &options[i];
    return NULL;
}

static bool set(const struct cli_option *o, const char *value) {
    uint64_t number;
    switch (o->type) {
    case OPTION_TEXT: *(const char **)o->to = value; return true;
    case OPTION_FLAG: *(bool *)o->to = true; return true;
    case OPTION_UINT:
        if (!str_to_u64(str_of(value), &number))
            return cli_fail("%s wants a number, not '%s'", o->name, value) == 0;
        *(uint64_t *)o->to = number;
        return true;
    case OPTION_LIST: {
        struct option_list *list = o->to;
        if (list->count == OPTION_LIST_MAX)
            return cli_fail("%s: at most %d", o->name, OPTION_LIST_MAX) == 0;
        list->items[list->count++] = value;
        return true;
    }
    }
    return false;
}

bool cli_parse(const struct command *c, const struct cli_option *options, size_t count, int argc, char **argv,
               struct option_list *words, int *out_status) {
    *out_status = 2;
    for (int i = 1; i < argc; i++) {
        struct str word = str_of(argv[i]), name = word, rest = word;
        if (str_eq(word, STR("--help")) || str_eq(word, STR("-h"))) {
            print_help(c, options, count);
            *out_status = 0;
            return false;
        }
        if (!str_starts(word, STR("--"))) {
            if (words->count < OPTION_LIST_MAX)
                words->items[words->count++] = argv[i];
            continue;
        }
        bool joined = str_cut(&rest, '=', &name);
        const struct cli_option *o = find(options, count, name);
        if (!o) {
            (void)cli_fail("%s: unknown option " STR_FMT "; see 'sonde %s --help'", c->name, STR_ARG(name), c->name);
            return false;
        }
        const char *value = joined ? rest.p : NULL;
        if (!value && o->type != OPTION_FLAG) {
            if (i + 1 == argc) {
                (void)cli_fail("%s wants a value", o->name);
                return false;
            }
            value = argv[++i];
        }
        if (!set(o, value))
            return false;
    }
    return true;
}

struct http_client *cli_connect(const struct cli_server *s) {
    const char *url = s->url ? s->url : getenv("SONDE_SERVER"), *token = s->token ? s->token : getenv("SONDE_TOKEN");
    return http_client_new(str_of(url ? url : "http://127.0.0.1:7663"), str_of(token));
}
