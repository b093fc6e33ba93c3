#include "world.h"
#include "base/assert.h"
#include "base/hash.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const int64_t HOUR_NS = 3600ll * 1000000000;
enum { WIDE_NAMES = 900 };

static uint64_t below(struct world *w, uint64_t n) { return random_below(&w->random, n); }
static bool chance(struct world *w, unsigned percent) { return below(w, 100) < percent; }

static struct str keep(struct world *w, struct str s) {
    struct str kept;
    ASSERT(arena_dup(&w->mem, s, &kept) == ERR_OK);
    return kept;
}

/* ---- streams ---- */

static void add_stream(struct world *w, struct label *labels, size_t count) {
    AUTO(buf) canonical = { 0 };
    AUTO(buf) print = { 0 };
    ASSERT(labels_canonical(labels, count, &canonical, NULL) == ERR_OK);
    for (size_t i = 0; i < w->streams.n; i++)
        if (str_eq(w->streams.p[i].labels, buf_str(&canonical)))
            return;
    labels_print(buf_str(&canonical), &print);
    struct str kept = keep(w, buf_str(&canonical));
    VEC_PUSH(&w->streams, (struct world_stream){ kept, keep(w, buf_str(&print)), hash128(kept) });
}

static void make_streams(struct world *w) {
    static const char *const services[] = { "checkout", "cart", "payment-api", "search", "auth.service", "Ünïcode", "a" };
    static const char *const hosts[] = { "web-1", "web-2", "db-10", "10.0.0.7" };
    static const char *const envs[] = { "prod", "staging", "dev" };
    size_t count = 1 + below(w, 12);
    for (size_t i = 0; i < count; i++) {
        struct label labels[4] = { { STR("service"), str_of(services[below(w, COUNT_OF(services))]) } };
        size_t n = chance(w, 90);
        if (chance(w, 85))
            labels[n++] = (struct label){ STR("host"), str_of(hosts[below(w, COUNT_OF(hosts))]) };
        if (chance(w, 60))
            labels[n++] = (struct label){ STR("env"), str_of(envs[below(w, COUNT_OF(envs))]) };
        if (chance(w, 15))
            labels[n++] = (struct label){ STR("pod.name"), STR("pod 7f9c error") };
        add_stream(w, labels, n);
    }
}

/* ---- texts ---- */

static const char *const words[] = { "error",   "timeout", "card",  "declined", "user", "order", "retry", "failed", "OK",
                                     "disk",    "full",    "cache", "miss",     "GET",  "POST",  "naïve", "ошибка", "id_7",
                                     "limited", "Error",   "in",    "not",      "stats" };
static const char *const templates[] = {
    // tidy: table
    "request ~n for user-~n took ~n ms",
    "connection from ~i:~n closed",
    "card declined for order ~u",
    "GET ~p ~n ~nms",
    "POST ~p/items?id=~n&q=~w HTTP/1.1",
    "ошибка ~n в модуле ~w",
    "naïve café ~w ünïcode ~n",
    "",
    "line one\nline two ~n\r\n\tline three ~w",
    "~w",
    "~w ~w ~w ~w",
    "retry=~n timeout=~n.~ns error=\"~w ~w\"",
    "user_~n logged in as ~w",
    "  leading and trailing ~w  ",
    "back\\slash 'single' \"double\" 100% _under_ *star* ?mark? [~n]",
    "trace ~h done in ~n.~nms",
    "~h",
    "disk /dev/sda~n full: ~n%",
    "{\"json\": ~n, \"in\": [\"text\", ~n]}",
    "java.lang.IllegalStateException: ~w-~n at com.example.~w(~w.java:~n)",
    "~n",
    "~n ~n",
    "key:value path=/a/b/c ~u",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa~n",
    "(parens) | pipe || & && ~w ; end",
};

static void add_hex(struct world *w, struct buf *out, size_t digits, bool few) {
    uint64_t a = few ? below(w, 40) * (uint64_t)0x9e3779b97f4a7c15 : random_u64(&w->random);
    for (size_t i = 0; i < digits; i++)
        buf_add_char(out, "0123456789abcdef"[a >> (i % 16 * 4) & 15]);
}

static void add_variable(struct world *w, char kind, struct buf *out) {
    static const char *const paths[] = { "/api/v1/users", "/health", "/api/v2/cart", "/", "/static/app.js" };
    switch (kind) {
    case 'n': buf_add_u64(out, chance(w, 50) ? below(w, 20) : below(w, 100000)); break;
    case 'i': buf_addf(out, "10.0.%u.%u", (unsigned)below(w, 3), (unsigned)below(w, 256)); break;
    case 'w': buf_add(out, str_of(words[below(w, COUNT_OF(words))])); break;
    case 'p': buf_add(out, str_of(paths[below(w, COUNT_OF(paths))])); break;
    case 'h': add_hex(w, out, 32, chance(w, 50)); break;
    default:
        for (int i = 0; i < 5; i++) {
            add_hex(w, out, i == 0 ? 8 : i == 4 ? 12 : 4, false);
            if (i < 4)
                buf_add_char(out, '-');
        }
    }
}

static void add_weird(struct world *w, struct buf *out) {
    size_t n = below(w, 24);
    for (size_t i = 0; i < n; i++)
        buf_add_char(out, chance(w, 50) ? (char)below(w, 256) : "aE0 _-\xc3\xa9"[below(w, 8)]);
}

static struct str make_message(struct world *w) {
    AUTO(buf) b = { 0 };
    if (chance(w, 2))
        add_weird(w, &b);
    else {
        const char *t = templates[below(w, COUNT_OF(templates))];
        for (; *t; t++)
            if (*t == '~')
                add_variable(w, *++t, &b);
            else
                buf_add_char(&b, *t);
    }
    if (below(w, 500) == 0)
        for (size_t i = 0, n = below(w, 3000); i < n; i++)
            buf_addf(&b, " filler%u", (unsigned)(i % 7));
    return keep(w, buf_str(&b));
}

/* ---- values ---- */

static struct value text(struct world *w, const char *s) { return value_string(keep(w, str_of(s))); }
static struct value typed(struct world *w, enum value_type type, const char *s) {
    return (struct value){ .type = type, .s = keep(w, str_of(s)) };
}

PRINTF(3, 4) static struct value printed(struct world *w, enum value_type type, const char *fmt, ...) {
    char s[128];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(s, sizeof s, fmt, ap);
    va_end(ap);
    return typed(w, type, s);
}

static struct value make_status(struct world *w) {
    static const int codes[] = { 200, 200, 200, 201, 204, 301, 404, 404, 500, 503, 499, 400, 0, -1 };
    int code = codes[below(w, COUNT_OF(codes))];
    switch (below(w, 40)) {
    case 0: return printed(w, VALUE_STRING, "%d", code);
    case 1: return printed(w, VALUE_NUMBER_TEXT, "%d.0", code);
    case 2: return value_float(code);
    case 3: return text(w, "unknown");
    default: return value_int(code);
    }
}

static struct value make_big(struct world *w) {
    static const int64_t edges[] = { INT64_MAX, INT64_MIN, 9007199254740993, 9007199254740992, -9007199254740993, 0 };
    static const char *const texts[] = { "12345678901234567890", "-1e3", "1e400", "9223372036854775808", "0.1e1" };
    unsigned kind = (unsigned)below(w, 10);
    if (kind < 4)
        return value_int(edges[below(w, COUNT_OF(edges))]);
    if (kind == 4)
        return typed(w, VALUE_NUMBER_TEXT, texts[below(w, COUNT_OF(texts))]);
    if (kind == 5)
        return value_float(chance(w, 50) ? 9007199254740992.0 : 9.3e18);
    return value_int((int64_t)random_u64(&w->random));
}

static struct value make_duration(struct world *w) {
    if (chance(w, 30))
        return value_int((int64_t)below(w, 3000));
    if (chance(w, 5))
        return value_float(random_unit(&w->random) * 1e-7);
    return value_float((double)below(w, 300000) / 100);
}

static struct value make_amount(struct world *w) {
    switch (below(w, 4)) {
    case 0: return printed(w, VALUE_NUMBER_TEXT, "%u.%u0", (unsigned)below(w, 200), (unsigned)below(w, 10));
    case 1: return value_float((double)below(w, 2000) / 8);
    case 2: return printed(w, VALUE_STRING, "%u.%u", (unsigned)below(w, 200), (unsigned)below(w, 10));
    default: return value_int((int64_t)below(w, 200));
    }
}

static struct value make_tags(struct world *w) {
    static const char *const arrays[] = { "[\"a\",\"b c\",3]",
                                          "[]",
                                          "[1,2.5,\"error\",true,null]",
                                          "[\"caf\\u00e9\",\"x\\\"y\",[1,2]]",
                                          "[{\"deep\":1},\"user-7\"]",
                                          "{\"k\":\"error\",\"n\":5}",
                                          "[200,404]",
                                          "[\"10.0.1.5\",\"10.0.2.9\"]" };
    if (chance(w, 50))
        return printed(w, VALUE_JSON, "[%u,\"t%u\",\"%s\"]", (unsigned)below(w, 9), (unsigned)below(w, 9),
                       words[below(w, 16)]);
    return typed(w, VALUE_JSON, arrays[below(w, COUNT_OF(arrays))]);
}

static struct value make_client(struct world *w) {
    static const char *const odd[] = { "::1", "2001:db8::7", "::ffff:10.0.1.9", "10.0.1", "not an ip", "" };
    if (chance(w, 15))
        return text(w, odd[below(w, COUNT_OF(odd))]);
    return printed(w, VALUE_STRING, "10.0.%u.%u", (unsigned)below(w, 3), (unsigned)below(w, 256));
}

static struct value make_user(struct world *w) { return printed(w, VALUE_STRING, "user-%u", (unsigned)below(w, 60)); }

static struct value make_level(struct world *w) {
    static const char *const levels[] = { "info", "info", "info", "warn", "error", "ERROR", "debug" };
    return text(w, levels[below(w, COUNT_OF(levels))]);
}

static struct value make_trace(struct world *w) {
    AUTO(buf) b = { 0 };
    add_hex(w, &b, chance(w, 95) ? 32 : 16, chance(w, 80));
    if (chance(w, 3))
        return text(w, "none");
    return value_string(keep(w, buf_str(&b)));
}

static struct value make_bool(struct world *w) { return value_bool(chance(w, 50)); }
static struct value make_seq(struct world *w) { return value_int((int64_t)w->rows.n); }
static struct value make_seven(struct world *w UNUSED) { return value_int(7); }
static struct value make_message_value(struct world *w) { return value_string(make_message(w)); }
static struct value make_bytes(struct world *w) { return value_int((int64_t)(below(w, 1000) * below(w, 1000))); }

static struct value make_note(struct world *w) {
    AUTO(buf) b = { 0 };
    add_weird(w, &b);
    return value_string(keep(w, buf_str(&b)));
}

static struct value make_time_text(struct world *w) {
    return printed(w, VALUE_STRING, "2023-11-14T%02u:%02u:00Z", (unsigned)below(w, 24), (unsigned)below(w, 60));
}

static struct value make_path(struct world *w) {
    AUTO(buf) b = { 0 };
    add_variable(w, 'p', &b);
    return value_string(keep(w, buf_str(&b)));
}

static struct value make_mixed(struct world *w) {
    static struct value (*const makers[])(struct world *) = { make_status, make_user, make_bool, make_duration,
                                                              make_tags,   make_level, make_amount, make_path };
    return makers[below(w, COUNT_OF(makers))](w);
}

static const struct {
    const char *name;
    unsigned percent;
    struct value (*make)(struct world *w);
} fields[] = {
    // tidy: table
    { "@message", 96, make_message_value },
    { "level", 85, make_level },
    { "trace_id", 25, make_trace },
    { "status", 60, make_status },
    { "duration_ms", 50, make_duration },
    { "amount", 25, make_amount },
    { "bytes", 30, make_bytes },
    { "user", 50, make_user },
    { "client", 30, make_client },
    { "ok", 30, make_bool },
    { "tags", 15, make_tags },
    { "mixed", 40, make_mixed },
    { "note", 10, make_note },
    { "path", 30, make_path },
    { "seq", 90, make_seq },
    { "seven", 70, make_seven },
    { "big", 10, make_big },
    { "when", 10, make_time_text },
    { "user-id", 20, make_user },
    { "odd name", 10, make_status },
    { "http.status", 20, make_status },
    { "message", 3, make_message_value },
    { "host", 8, make_user },
    { "service", 2, make_path },
    { "rare", 1, make_mixed },
};

size_t world_name_count(void) { return COUNT_OF(fields); }
struct str world_name(size_t i) { return str_of(fields[i].name); }

static void make_cells(struct world *w, struct world_row *r) {
    struct world_cell cells[COUNT_OF(fields) + 4];
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (chance(w, fields[i].percent))
            cells[n++] = (struct world_cell){ str_of(fields[i].name), fields[i].make(w) };
    for (size_t i = 0; w->wide && i < 4; i++) {
        struct value name = printed(w, VALUE_STRING, "wide_%u", (unsigned)(below(w, WIDE_NAMES / 4) * 4 + i));
        cells[n++] = (struct world_cell){ name.s, chance(w, 50) ? make_mixed(w) : make_status(w) };
    }
    struct world_cell *kept = ARENA_NEW(&w->mem, struct world_cell, n + 1);
    memcpy(kept, cells, n * sizeof *cells);
    r->cells = kept;
    r->cell_count = n;
}

/* ---- times ---- */

static int64_t make_time(struct world *w) {
    int64_t hours = (w->to_ns - w->from_ns) / HOUR_NS, ns;
    switch (below(w, 8)) {
    case 0: ns = w->from_ns + (int64_t)below(w, (uint64_t)hours) * HOUR_NS + (int64_t)below(w, 3) - 1; break;
    case 1:
    case 2: ns = w->rows.n ? w->rows.p[below(w, w->rows.n)].time_ns : w->from_ns; break;
    case 3: ns = w->from_ns + (int64_t)below(w, (uint64_t)hours * 3600) * 1000000000; break;
    default: ns = w->from_ns + (int64_t)below(w, (uint64_t)(w->to_ns - w->from_ns));
    }
    return ns < w->from_ns ? w->from_ns : ns;
}

/* No two rows of a stream at one time: the later one moves on. */
static void make_unique(struct map *seen, struct world_row *r) {
    bool is_new = false;
    for (; !is_new; r->time_ns += !is_new) {
        char key[12];
        memcpy(key, &r->time_ns, 8);
        memcpy(key + 8, &r->stream, 4);
        (void)map_put(seen, (struct str){ key, sizeof key }, 0, &is_new);
    }
}

void world_init(struct world *w, uint64_t seed, size_t row_count, int64_t now_ns) {
    AUTO(map) seen = { 0 };
    *w = (struct world){ .now_ns = now_ns };
    random_init(&w->random, seed);
    int64_t hours = 1 + (int64_t)below(w, 5);
    w->from_ns = now_ns / HOUR_NS * HOUR_NS - (hours + 1) * HOUR_NS;
    w->to_ns = w->from_ns + hours * HOUR_NS;
    w->wide = row_count < 6000 && chance(w, 20);
    w->own_milliseconds = chance(w, 60);
    make_streams(w);
    for (size_t i = 0; i < row_count; i++) {
        struct world_row r = { .time_ns = make_time(w), .stream = (uint32_t)below(w, w->streams.n) };
        r.received_ms = now_ns / 1000000 + (w->own_milliseconds ? (int64_t)i : 0);
        if (!w->own_milliseconds)
            make_unique(&seen, &r);
        make_cells(w, &r);
        VEC_PUSH(&w->rows, r);
    }
}

void world_fini(struct world *w) {
    VEC_FINI(&w->rows);
    VEC_FINI(&w->streams);
    arena_fini(&w->mem);
}

/* ---- reading ---- */

static struct value named(const struct world *w, const struct world_row *r, struct str name) {
    const struct world_stream *s = &w->streams.p[r->stream];
    struct str label = labels_get(s->labels, name), service = labels_get(s->labels, STR("service"));
    if (str_eq(name, STR("@timestamp")))
        return value_time(r->time_ns);
    if (str_eq(name, STR("@ingested")))
        return value_time(r->received_ms * 1000000);
    if (str_eq(name, STR("@stream")))
        return value_string(s->print);
    if (str_eq(name, STR("@logStream")))
        return value_string(service.n ? service : s->print);
    if (label.n)
        return value_string(label);
    for (size_t i = 0; i < r->cell_count; i++)
        if (str_eq(r->cells[i].name, name))
            return r->cells[i].value;
    return value_null();
}

struct value world_field(const struct world *w, const struct world_row *r, struct str name) {
    struct value v = named(w, r, name);
    struct str alias = field_alias(name);
    return v.type == VALUE_NULL && !str_eq(alias, name) ? named(w, r, alias) : v;
}

void world_put(const struct world *w, const struct world_row *r, struct batch *out) {
    struct row *row = batch_row_begin(out);
    row->time_ns = r->time_ns;
    row->received_ms = r->received_ms;
    row->raw_bytes = 200;
    row->stream = stream_dict_put(out->streams, w->streams.p[r->stream].labels);
    for (size_t i = 0; i < r->cell_count; i++) {
        const struct value *v = &r->cells[i].value;
        uint32_t field = field_dict_put(out->fields, r->cells[i].name);
        ASSERT(field != UINT32_MAX);
        if (value_has_bytes(v->type))
            batch_cell(out, cell_bytes(field, v->type, v->s));
        else if (v->type == VALUE_FLOAT)
            batch_cell(out, cell_float(field, v->f));
        else
            batch_cell(out, cell_int(field, v->type, v->type == VALUE_BOOL ? v->b : v->i));
    }
    batch_row_end(out);
}
