#pragma once
#include "base/arena.h"
#include "base/buf.h"
/*
 * The server's configuration: one YAML file, every key with a documented default. The keys are a table (keys.def), which the
 * server, `sonde check` and docs/configuration.md share. Unknown keys and bad values are errors that name the line.
 */
struct config_retention {
    struct str table, selector;
    int64_t keep_ns;
    int64_t keep_bytes;
    unsigned line;
};
struct config_list {
    struct str *items;
    size_t count;
};
struct config {
    struct arena mem;
#define KEY_STRING(field, name, value, help)   struct str field;
#define KEY_BOOL(field, name, value, help)     bool field;
#define KEY_UINT(field, name, value, help)     int64_t field;
#define KEY_BYTES(field, name, value, help)    int64_t field;
#define KEY_DURATION(field, name, value, help) int64_t field;
#define KEY_LIST(field, name, value, help)     struct config_list field;
#include "config/keys.def"
    struct config_retention *retention;
    size_t retention_count;
};
/* All defaults. End it with config_fini(). */
void config_init(struct config *c);
void config_fini(struct config *c);
/* Reads YAML over what is there. ERR_INVALID: `why` begins with "line N: ". */
NODISCARD enum err config_parse(struct config *c, struct str yaml, struct err_text *why);
/* One key as on the command line or in the environment: "server.listen", "0.0.0.0:7663". */
NODISCARD enum err config_set(struct config *c, struct str name, struct str value, struct err_text *why);
/* What is wrong as a whole: a public address without a token, … */
NODISCARD enum err config_validate(const struct config *c, struct err_text *why);
/* The whole text of a configuration file, for config_parse. */
NODISCARD enum err config_read_file(const char *path, struct buf *out, struct err_text *why);
/* Markdown table of all keys. */
void config_describe(struct buf *out);
/* "127.0.0.1:7663", "[::1]:7663", ":7663" -> parts. */
NODISCARD bool config_address(struct str text, struct str *out_host, unsigned *out_port);
bool config_is_loopback(struct str host);
