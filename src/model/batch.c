#include "model/batch.h"
#include "base/assert.h"

static const char *const well_known[FIELD_WELL_KNOWN_COUNT] = {
    [FIELD_MESSAGE] = "@message", [FIELD_LEVEL] = "level", [FIELD_TRACE_ID] = "trace_id",
    [FIELD_SPAN_ID] = "span_id",  [FIELD_RAW] = "@raw",    [FIELD_ID] = "@id",
    [FIELD_REASON] = "reason",
};

/* What senders call the well-known fields. */
static const struct {
    const char *alias, *name;
} aliases[] = { // tidy: table
    { "message", "@message" },
    { "msg", "@message" },
    { "_msg", "@message" },
    { "log", "@message" },
    { "body", "@message" },
    { "timestamp", "@timestamp" },
    { "ts", "@timestamp" },
    { "time", "@timestamp" },
    { "_time", "@timestamp" },
    { "datetime", "@timestamp" },
    { "severity", "level" },
    { "severity_text", "level" },
    { "log.level", "level" },
    { "lvl", "level" },
    { "loglevel", "level" },
    { "service.name", "service" },
    { "service_name", "service" },
    { "host.name", "host" },
    { "hostname", "host" },
    { "traceId", "trace_id" },
    { "traceID", "trace_id" },
    { "trace.id", "trace_id" },
    { "spanId", "span_id" },
    { "spanID", "span_id" },
    { "span.id", "span_id" },
    { "_id", "@id" },
};

unsigned field_alias_rank(struct str name) {
    for (unsigned i = 0; i < COUNT_OF(aliases); i++)
        if (str_eq(name, str_of(aliases[i].alias)))
            return i + 1;
    return 0;
}

struct str field_alias(struct str name) {
    unsigned rank = field_alias_rank(name);
    return rank ? str_of(aliases[rank - 1].name) : name;
}

static uint32_t field_add(struct field_dict *d, struct str name) {
    struct str kept;
    ERR_IGNORE(arena_dup(&d->mem, name, &kept), "the arena has no limit: names are capped by count and length");
    bool is_new;
    uint32_t number = map_put(&d->by_name, kept, (uint32_t)d->names.n, &is_new);
    ASSERT(is_new);
    VEC_PUSH(&d->names, kept);
    return number;
}

static void add_well_known(struct field_dict *d) {
    for (uint32_t i = 0; i < FIELD_WELL_KNOWN_COUNT; i++) {
        uint32_t number = field_add(d, str_of(well_known[i]));
        ASSERT(number == i);
    }
}

void field_dict_init(struct field_dict *d) {
    *d = (struct field_dict){ 0 };
    add_well_known(d);
}

void field_dict_fini(struct field_dict *d) {
    map_fini(&d->by_name);
    VEC_FINI(&d->names);
    arena_fini(&d->mem);
}

uint32_t field_dict_put(struct field_dict *d, struct str name) {
    uint32_t number;
    if (map_get(&d->by_name, name, &number))
        return number;
    if (name.n == 0 || name.n > FIELD_NAME_BYTES_MAX || d->names.n == FIELD_DICT_COUNT_MAX)
        return UINT32_MAX;
    return field_add(d, name);
}

bool field_dict_full(const struct field_dict *d) { return d->names.n > FIELD_DICT_COUNT_MAX / 4 * 3; }

void field_dict_reset(struct field_dict *d) {
    map_clear(&d->by_name);
    d->names.n = 0;
    arena_reset(&d->mem);
    d->generation++;
    add_well_known(d);
}

void stream_dict_init(struct stream_dict *d) { *d = (struct stream_dict){ 0 }; }

void stream_dict_fini(struct stream_dict *d) {
    map_fini(&d->by_labels);
    VEC_FINI(&d->entries);
    arena_fini(&d->mem);
}

uint32_t stream_dict_put(struct stream_dict *d, struct str canonical_labels) {
    uint32_t number;
    if (map_get(&d->by_labels, canonical_labels, &number))
        return number;
    if (d->entries.n == STREAM_DICT_COUNT_MAX)
        return UINT32_MAX;
    struct stream_entry e = { .id = hash128(canonical_labels) };
    ERR_IGNORE(arena_dup(&d->mem, canonical_labels, &e.labels), "the arena has no limit: streams are capped");
    bool is_new;
    number = map_put(&d->by_labels, e.labels, (uint32_t)d->entries.n, &is_new);
    VEC_PUSH(&d->entries, e);
    return number;
}

bool stream_dict_full(const struct stream_dict *d) { return d->entries.n > STREAM_DICT_COUNT_MAX / 4 * 3; }

void stream_dict_reset(struct stream_dict *d) {
    map_clear(&d->by_labels);
    d->entries.n = 0;
    arena_reset(&d->mem);
    d->generation++;
}

void batch_init(struct batch *b, struct field_dict *fields, struct stream_dict *streams, size_t mem_limit_bytes) {
    *b = (struct batch){ .fields = fields, .streams = streams };
    arena_init(&b->mem, mem_limit_bytes);
}

void batch_clear(struct batch *b) {
    for (size_t i = 0; i < b->bodies.n; i++)
        body_unref(b->bodies.p[i]);
    b->rows.n = b->cells.n = b->bodies.n = b->claims.n = 0;
    b->raw_bytes = 0;
    arena_reset(&b->mem);
}

void batch_fini(struct batch *b) {
    batch_clear(b);
    VEC_FINI(&b->rows);
    VEC_FINI(&b->cells);
    VEC_FINI(&b->bodies);
    VEC_FINI(&b->claims);
    arena_fini(&b->mem);
}

void batch_keep(struct batch *b, struct body *body) { VEC_PUSH(&b->bodies, body_ref(body)); }

struct batch_mark batch_mark(const struct batch *b) {
    return (struct batch_mark){ b->rows.n, b->cells.n, b->claims.n, b->raw_bytes };
}

void batch_rollback(struct batch *b, struct batch_mark m) {
    ASSERT(m.rows <= b->rows.n && m.cells <= b->cells.n && m.claims <= b->claims.n);
    b->rows.n = m.rows;
    b->cells.n = m.cells;
    b->claims.n = m.claims;
    b->raw_bytes = m.raw_bytes;
}

void batch_compact(struct batch *b, size_t first) {
    size_t kept = first;
    for (size_t i = first; i < b->rows.n; i++)
        if (b->rows.p[i].stream != ROW_DROPPED)
            b->rows.p[kept++] = b->rows.p[i];
    b->rows.n = kept;
}
