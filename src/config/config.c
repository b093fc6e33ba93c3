#include "config/config.h"
#include "base/assert.h"
#include "base/units.h"
#include "base/vec.h"
#include <errno.h>
#include <stdio.h>
#include <yaml.h>

enum { CONFIG_DEPTH_MAX = 8 };

enum key_type { TYPE_STRING, TYPE_BOOL, TYPE_UINT, TYPE_BYTES, TYPE_DURATION, TYPE_LIST };

static const struct key {
    const char *name, *value, *help;
    enum key_type type;
    size_t offset;
} keys[] = {
#define KEY(field, name, value, help, type) { name, value, help, type, offsetof(struct config, field) },
#define KEY_STRING(field, name, value, help)   KEY(field, name, value, help, TYPE_STRING)
#define KEY_BOOL(field, name, value, help)     KEY(field, name, value, help, TYPE_BOOL)
#define KEY_UINT(field, name, value, help)     KEY(field, name, value, help, TYPE_UINT)
#define KEY_BYTES(field, name, value, help)    KEY(field, name, value, help, TYPE_BYTES)
#define KEY_DURATION(field, name, value, help) KEY(field, name, value, help, TYPE_DURATION)
#define KEY_LIST(field, name, value, help)     KEY(field, name, value, help, TYPE_LIST)
#include "config/keys.def"
};

static const struct {
    const char *name, *wants;
} types[] = {
    [TYPE_STRING] = { "text", "a text" },
    [TYPE_BOOL] = { "true or false", "true or false" },
    [TYPE_UINT] = { "number", "a whole number" },
    [TYPE_BYTES] = { "size", "a size such as 64MiB" },
    [TYPE_DURATION] = { "duration", "a duration such as 30s" },
    [TYPE_LIST] = { "list", "a list" },
};

static const struct key *key_find(struct str name) {
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (str_eq(name, str_of(keys[i].name)))
            return &keys[i];
    return NULL;
}

/* Number of single-letter edits between two short names. */
static size_t distance(struct str a, struct str b) {
    size_t row[64];
    if (a.n >= 64 || b.n >= 64)
        return 64;
    for (size_t j = 0; j <= b.n; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t next = diagonal + (a.p[i - 1] != b.p[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < next)
                next = row[j] + 1;
            if (row[j - 1] + 1 < next)
                next = row[j - 1] + 1;
            row[j] = next;
        }
    }
    return row[b.n];
}

static enum err unknown_key(struct str name, struct err_text *why) {
    const char *nearest = NULL;
    size_t best = 4;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        size_t d = distance(name, str_of(keys[i].name));
        if (d < best) {
            best = d;
            nearest = keys[i].name;
        }
    }
    return err_say(why, ERR_INVALID, "unknown key '" STR_FMT "'%s%s%s", STR_ARG(name), nearest ? "; did you mean '" : "",
                   nearest ? nearest : "", nearest ? "'?" : "");
}

static enum err list_add(struct config *c, struct config_list *list, struct str item) {
    struct str *items = ARENA_NEW(&c->mem, struct str, list->count + 1);
    ASSERT(items != NULL);
    if (list->count)
        memcpy(items, list->items, list->count * sizeof *items);
    TRY(arena_dup(&c->mem, str_trim(item), &items[list->count]));
    *list = (struct config_list){ items, list->count + 1 };
    return ERR_OK;
}

static enum err set_list(struct config *c, struct config_list *list, struct str value) {
    struct str item;
    *list = (struct config_list){ 0 };
    while (str_cut(&value, ',', &item))
        TRY(list_add(c, list, item));
    return value.n ? list_add(c, list, value) : ERR_OK;
}

static enum err set_key(struct config *c, const struct key *k, struct str value, struct err_text *why) {
    void *at = (char *)c + k->offset;
    bool ok = true;
    switch (k->type) {
    case TYPE_STRING: return arena_dup(&c->mem, value, at);
    case TYPE_LIST: return set_list(c, at, value);
    case TYPE_BOOL:
        ok = str_eq(value, STR("true")) || str_eq(value, STR("false"));
        *(bool *)at = str_eq(value, STR("true"));
        break;
    case TYPE_UINT: ok = str_to_i64(value, at) && *(int64_t *)at >= 0; break;
    case TYPE_BYTES: ok = units_bytes(value, at); break;
    case TYPE_DURATION: ok = units_duration(value, at); break;
    }
    return ok ? ERR_OK
              : err_say(why, ERR_INVALID, "%s wants %s, not '" STR_FMT "'", k->name, types[k->type].wants, STR_ARG(value));
}

void config_init(struct config *c) {
    *c = (struct config){ 0 };
    arena_init(&c->mem, 0);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        enum err e = set_key(c, &keys[i], str_of(keys[i].value), NULL);
        ASSERT(e == ERR_OK);
    }
}

void config_fini(struct config *c) { arena_fini(&c->mem); }

enum err config_set(struct config *c, struct str name, struct str value, struct err_text *why) {
    const struct key *k = key_find(name);
    return k ? set_key(c, k, value, why) : unknown_key(name, why);
}

/* --- YAML ------------------------------------------------------------------------------------------ */

struct walk {
    struct config *config;
    yaml_document_t document;
    struct err_text *why;
};

static struct str scalar(const yaml_node_t *n) {
    return (struct str){ (const char *)n->data.scalar.value, n->data.scalar.length };
}

static enum err at_line(struct walk *w, const yaml_node_t *n, enum err e) {
    if (e == ERR_OK)
        return e;
    struct err_text inner = *w->why;
    return err_say(w->why, e, "line %zu: %.200s", n->start_mark.line + 1, inner.msg);
}

static enum err retention_field(struct config_retention *r, struct arena *mem, struct str name, struct str value,
                                struct err_text *why) {
    if (str_eq(name, STR("table")))
        return arena_dup(mem, value, &r->table);
    if (str_eq(name, STR("selector")))
        return arena_dup(mem, value, &r->selector);
    if (str_eq(name, STR("keep")) && units_duration(value, &r->keep_ns))
        return ERR_OK;
    if (str_eq(name, STR("keep_bytes")) && units_bytes(value, &r->keep_bytes))
        return ERR_OK;
    return err_say(why, ERR_INVALID, "retention has table, selector, keep (a duration) and keep_bytes (a size), not '" STR_FMT
                   ": " STR_FMT "'", STR_ARG(name), STR_ARG(value));
}

static enum err retention_rule(struct walk *w, yaml_node_t *n) {
    struct config *c = w->config;
    struct config_retention rule = { .table = STR("logs"), .line = (unsigned)n->start_mark.line + 1 };
    if (n->type != YAML_MAPPING_NODE)
        return at_line(w, n, err_say(w->why, ERR_INVALID, "retention wants a list of rules"));
    for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
        yaml_node_t *k = yaml_document_get_node(&w->document, p->key), *v = yaml_document_get_node(&w->document, p->value);
        if (k->type != YAML_SCALAR_NODE || v->type != YAML_SCALAR_NODE)
            return at_line(w, k, err_say(w->why, ERR_INVALID, "a retention rule has plain values"));
        TRY(at_line(w, v, retention_field(&rule, &c->mem, scalar(k), scalar(v), w->why)));
    }
    struct config_retention *rules = ARENA_NEW(&c->mem, struct config_retention, c->retention_count + 1);
    ASSERT(rules != NULL);
    if (c->retention_count)
        memcpy(rules, c->retention, c->retention_count * sizeof *rules);
    rules[c->retention_count++] = rule;
    c->retention = rules;
    return ERR_OK;
}

static enum err sequence(struct walk *w, struct str name, yaml_node_t *n) {
    const struct key *k = key_find(name);
    bool is_retention = str_eq(name, STR("retention"));
    if (!is_retention && (!k || k->type != TYPE_LIST))
        return at_line(w, n, k ? err_say(w->why, ERR_INVALID, "%s wants %s, not a list", k->name, types[k->type].wants)
                               : unknown_key(name, w->why));
    if (!is_retention)
        *(struct config_list *)((char *)w->config + k->offset) = (struct config_list){ 0 };
    for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
        yaml_node_t *item = yaml_document_get_node(&w->document, *i);
        if (is_retention) {
            TRY(retention_rule(w, item));
            continue;
        }
        if (item->type != YAML_SCALAR_NODE)
            return at_line(w, item, err_say(w->why, ERR_INVALID, "%s wants a list of texts", k->name));
        TRY(list_add(w->config, (struct config_list *)((char *)w->config + k->offset), scalar(item)));
    }
    return ERR_OK;
}

static enum err mapping(struct walk *w, struct str prefix, yaml_node_t *n, int depth);

static enum err node(struct walk *w, struct str name, yaml_node_t *n, int depth) {
    switch (n->type) {
    case YAML_SCALAR_NODE: return at_line(w, n, config_set(w->config, name, scalar(n), w->why));
    case YAML_SEQUENCE_NODE: return sequence(w, name, n);
    case YAML_MAPPING_NODE: return mapping(w, name, n, depth + 1);
    default: return ERR_OK;
    }
}

static enum err mapping(struct walk *w, struct str prefix, yaml_node_t *n, int depth) {
    if (depth > CONFIG_DEPTH_MAX)
        return at_line(w, n, err_say(w->why, ERR_INVALID, "nested too deeply"));
    for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
        yaml_node_t *k = yaml_document_get_node(&w->document, p->key);
        if (k->type != YAML_SCALAR_NODE)
            return at_line(w, k, err_say(w->why, ERR_INVALID, "a key must be a plain text"));
        struct str name;
        TRY(arena_printf(&w->config->mem, &name, STR_FMT "%s" STR_FMT, STR_ARG(prefix), prefix.n ? "." : "",
                         STR_ARG(scalar(k))));
        TRY(node(w, name, yaml_document_get_node(&w->document, p->value), depth));
    }
    return ERR_OK;
}

static enum err document(struct walk *w, struct str yaml) {
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return err_say(w->why, ERR_LIMIT, "no memory for the YAML parser");
    yaml_parser_set_input_string(&parser, (const unsigned char *)yaml.p, yaml.n);
    if (!yaml_parser_load(&parser, &w->document)) {
        enum err e = err_say(w->why, ERR_INVALID, "line %zu: not YAML: %s", parser.problem_mark.line + 1,
                             parser.problem ? parser.problem : "unreadable");
        yaml_parser_delete(&parser);
        return e;
    }
    yaml_parser_delete(&parser);
    yaml_node_t *root = yaml_document_get_root_node(&w->document);
    enum err e = ERR_OK;
    if (root && root->type == YAML_MAPPING_NODE)
        e = mapping(w, (struct str){ 0 }, root, 0);
    else if (root && !(root->type == YAML_SCALAR_NODE && root->data.scalar.length == 0))
        e = err_say(w->why, ERR_INVALID, "line 1: the file must be a mapping of keys");
    yaml_document_delete(&w->document);
    return e;
}

enum err config_parse(struct config *c, struct str yaml, struct err_text *why) {
    struct err_text own;
    struct walk w = { .config = c, .why = why ? why : &own };
    return document(&w, yaml);
}

/* --- as a whole ------------------------------------------------------------------------------------- */

bool config_address(struct str text, struct str *out_host, unsigned *out_port) {
    size_t colon = text.n;
    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    uint64_t port;
    if (colon == 0 || !str_to_u64(str_skip(text, colon), &port) || port > 65535)
        return false;
    struct str host = { text.p, colon - 1 };
    if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = (struct str){ host.p + 1, host.n - 2 };
    *out_host = host.n ? host : STR("0.0.0.0");
    *out_port = (unsigned)port;
    return true;
}

bool config_is_loopback(struct str host) {
    return str_starts(host, STR("127.")) || str_eq(host, STR("::1")) || str_eq(host, STR("localhost"));
}

static enum err check_address(const struct config *c, const char *key, struct str address, struct err_text *why) {
    struct str host;
    unsigned port;
    if (!config_address(address, &host, &port))
        return err_say(why, ERR_INVALID, "%s: '" STR_FMT "' is not ADDRESS:PORT, e.g. 127.0.0.1:7663", key, STR_ARG(address));
    if (c->tokens.count == 0 && !config_is_loopback(host))
        return err_say(why, ERR_DENIED, "%s: " STR_FMT " can be reached from other machines and auth.tokens is empty; add a "
                       "token to the configuration (auth: {tokens: [\"...\"]}) or listen on 127.0.0.1", key, STR_ARG(address));
    return ERR_OK;
}

enum err config_validate(const struct config *c, struct err_text *why) {
    TRY(check_address(c, "server.listen", c->listen, why));
    for (size_t i = 0; i < c->tokens.count; i++)
        if (c->tokens.items[i].n < 16)
            return err_say(why, ERR_INVALID, "auth.tokens: a token needs at least 16 characters");
    static const char *const levels[] = { "debug", "info", "warn", "error" };
    for (size_t i = 0; i < COUNT_OF(levels); i++)
        if (str_eq(c->log_level, str_of(levels[i])))
            return ERR_OK;
    return err_say(why, ERR_INVALID, "log.level: debug, info, warn or error, not '" STR_FMT "'", STR_ARG(c->log_level));
}

void config_describe(struct buf *out) {
    buf_add(out, STR("| key | kind | default | meaning |\n|---|---|---|---|\n"));
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        buf_addf(out, "| `%s` | %s | %s%s%s | %s |\n", keys[i].name, types[keys[i].type].name, keys[i].value[0] ? "`" : "",
                 keys[i].value[0] ? keys[i].value : "none", keys[i].value[0] ? "`" : "", keys[i].help);
}

enum err config_read_file(const char *path, struct buf *out, struct err_text *why) {
    FILE *f = fopen(path, "re");
    if (!f)
        return err_say(why, ERR_NOT_FOUND, "%s: %s", path, strerror(errno));
    char piece[4096];
    for (size_t n = fread(piece, 1, sizeof piece, f); n; n = fread(piece, 1, sizeof piece, f))
        buf_add_bytes(out, piece, n);
    bool bad = ferror(f) != 0;
    (void)fclose(f);
    if (bad)
        return err_say(why, ERR_IO, "%s: cannot be read", path);
    return buf_ok(out) ? ERR_OK : err_say(why, ERR_LIMIT, "%s: larger than a configuration should be", path);
}
