#include "ingest/otlp_row.h"
#include "wire/base64.h"
#include "wire/json.h"

enum err otlp_init(struct otlp *o, const struct decode_input *in, struct decode_output *out,
                   struct err_text *why) {
    static const struct row_options options = { 0 };
    *o = (struct otlp){ 0 };
    arena_init(&o->record_mem, OTLP_VALUES_BYTES_MAX);
    arena_init(&o->resource_mem, OTLP_VALUES_BYTES_MAX);
    o->mem = &o->resource_mem;
    return row_maker_open(in, out, &options, &o->m, why);
}

void otlp_fini(struct otlp *o) {
    arena_fini(&o->record_mem);
    arena_fini(&o->resource_mem);
    buf_fini(&o->path);
}

static enum err spent(struct err_text *why) {
    return err_say(why, ERR_LIMIT, "more than %d bytes of attributes in one record or resource",
                   OTLP_VALUES_BYTES_MAX);
}

struct otlp_pair *otlp_append(struct otlp *o, struct otlp_list *list) {
    struct otlp_pair *p = ARENA_NEW(o->mem, struct otlp_pair, 1);
    if (!p)
        return NULL;
    if (list->last)
        list->last->next = p;
    else
        list->first = p;
    list->last = p;
    return p;
}

/* ---- values ---- */

/* As JSON: bytes in base64, numbers that JSON cannot say as null. Depth was bounded when it was read. */
static void add_json(struct buf *out, const struct otlp_value *v) {
    switch (v->kind) {
    case OTLP_NONE: buf_add(out, STR("null")); break;
    case OTLP_STRING: json_add_string(out, v->s); break;
    case OTLP_BOOL: buf_add(out, v->b ? STR("true") : STR("false")); break;
    case OTLP_INT: buf_add_i64(out, v->i); break;
    case OTLP_DOUBLE: json_add_f64(out, v->f); break;
    case OTLP_BYTES:
        buf_add_char(out, '"');
        base64_add(out, v->s);
        buf_add_char(out, '"');
        break;
    case OTLP_ARRAY:
        buf_add_char(out, '[');
        for (const struct otlp_pair *p = v->first; p; p = p->next) {
            add_json(out, &p->value);
            if (p->next)
                buf_add_char(out, ',');
        }
        buf_add_char(out, ']');
        break;
    case OTLP_MAP:
        buf_add_char(out, '{');
        for (const struct otlp_pair *p = v->first; p; p = p->next) {
            json_add_string(out, p->key);
            buf_add_char(out, ':');
            add_json(out, &p->value);
            if (p->next)
                buf_add_char(out, ',');
        }
        buf_add_char(out, '}');
        break;
    }
}

static bool json_text(struct otlp *o, const struct otlp_value *v, struct str *out) {
    AUTO(buf) text = { .limit_bytes = ROW_BYTES_MAX };
    add_json(&text, v);
    return buf_ok(&text) && arena_dup(&o->m->batch->mem, buf_str(&text), out) == ERR_OK;
}

static bool put_value(struct otlp *o, struct str name, const struct otlp_value *v);

/* `name` is a front of o->path, or becomes it. */
static bool put_map(struct otlp *o, struct str name, const struct otlp_value *map) {
    size_t front = name.n;
    if (name.p != o->path.p) {
        buf_clear(&o->path);
        buf_add(&o->path, name);
    }
    for (const struct otlp_pair *p = map->first; p; p = p->next) {
        o->path.n = front;
        buf_add_char(&o->path, '.');
        buf_add(&o->path, p->key);
        if (!put_value(o, buf_str(&o->path), &p->value))
            return false;
    }
    return true;
}

/* A field; a map becomes a field for each of its leaves. False when memory is spent. */
static bool put_value(struct otlp *o, struct str name, const struct otlp_value *v) {
    struct str text = v->s;
    switch (v->kind) {
    case OTLP_NONE: return true;
    case OTLP_STRING:
    case OTLP_BYTES: row_maker_put_named(o->m, name, cell_bytes(0, VALUE_STRING, text)); return true;
    case OTLP_BOOL: row_maker_put_named(o->m, name, cell_int(0, VALUE_BOOL, v->b)); return true;
    case OTLP_INT: row_maker_put_named(o->m, name, cell_int(0, VALUE_INT, v->i)); return true;
    case OTLP_DOUBLE: row_maker_put_named(o->m, name, cell_float(0, v->f)); return true;
    case OTLP_MAP:
        if (v->first && name.n <= FIELD_NAME_BYTES_MAX)
            return put_map(o, name, v);
        break;
    case OTLP_ARRAY: break;
    }
    if (!json_text(o, v, &text))
        return false;
    row_maker_put_named(o->m, name, cell_bytes(0, VALUE_JSON, text));
    return true;
}

static bool put_list(struct otlp *o, const struct otlp_list *list) {
    for (const struct otlp_pair *p = list->first; p; p = p->next)
        if (!put_value(o, p->key, &p->value))
            return false;
    return true;
}

/* ---- resource and scope ---- */

void otlp_resource_begin(struct otlp *o) {
    arena_reset(&o->resource_mem);
    o->mem = &o->resource_mem;
    o->resource_fields = o->scope_fields = (struct otlp_list){ 0 };
}

/* The attribute's text as the value of a label; false when it cannot be one. */
static bool label_text(struct otlp *o, const struct otlp_value *v, struct str *out) {
    if (v->kind == OTLP_STRING) {
        *out = v->s;
        return v->s.n <= OTLP_LABEL_BYTES_MAX;
    }
    if (v->kind != OTLP_BOOL && v->kind != OTLP_INT && v->kind != OTLP_DOUBLE)
        return false;
    AUTO(buf) text = { 0 };
    add_json(&text, v);
    return arena_dup(o->mem, buf_str(&text), out) == ERR_OK;
}

enum err otlp_resource_end(struct otlp *o, const struct otlp_list *attributes, struct err_text *why) {
    struct label labels[LABELS_COUNT_MAX];
    size_t count = 0, bytes = 0;
    for (const struct otlp_pair *p = attributes->first; p; p = p->next) {
        struct label l = { .name = row_maker_label_name(p->key) };
        bool fits = p->key.n <= FIELD_NAME_BYTES_MAX && label_text(o, &p->value, &l.value) &&
                    count < COUNT_OF(labels) &&
                    bytes + 3 * (l.name.n + l.value.n) + 2 <= LABELS_BYTES_MAX; /* a NUL takes three bytes */
        if (fits) {
            labels[count++] = l;
            bytes += 3 * (l.name.n + l.value.n) + 2;
            continue;
        }
        struct otlp_pair *field = otlp_append(o, &o->resource_fields);
        if (!field)
            return spent(why);
        field->key = p->key;
        field->value = p->value;
    }
    return row_maker_labels(o->m, labels, count, why);
}

void otlp_scope_begin(struct otlp *o) {
    o->mem = &o->resource_mem;
    o->scope_fields = (struct otlp_list){ 0 };
}

static bool add_scope_field(struct otlp *o, struct str name, struct otlp_value value) {
    struct otlp_pair *p = otlp_append(o, &o->scope_fields);
    if (!p || arena_printf(o->mem, &p->key, "scope." STR_FMT, STR_ARG(name)) != ERR_OK)
        return false;
    p->value = value;
    return true;
}

static struct otlp_value string_value(struct str s) {
    return (struct otlp_value){ .kind = s.n ? OTLP_STRING : OTLP_NONE, .s = s };
}

enum err otlp_scope_end(struct otlp *o, struct str name, struct str version,
                        const struct otlp_list *attributes, struct err_text *why) {
    bool ok = add_scope_field(o, STR("name"), string_value(name)) &&
              add_scope_field(o, STR("version"), string_value(version));
    for (const struct otlp_pair *p = attributes->first; ok && p; p = p->next)
        ok = p->key.n > FIELD_NAME_BYTES_MAX || add_scope_field(o, p->key, p->value);
    return ok ? ERR_OK : spent(why);
}

/* ---- records ---- */

void otlp_record_begin(struct otlp *o) {
    arena_reset(&o->record_mem);
    o->mem = &o->record_mem;
    row_maker_begin(o->m);
}

static void put_severity(struct otlp *o, const struct otlp_record *r) {
    static const char *const ranges[] = { "trace", "debug", "info", "warn", "error", "fatal" };
    int64_t n = r->severity_number;
    struct str level = r->severity_text;
    if (level.n == 0 && n >= 1 && n <= 24)
        level = str_of(ranges[(n - 1) / 4]);
    if (level.n)
        row_maker_put(o->m, o->m->well_known[ROW_USE_LEVEL], cell_bytes(0, VALUE_STRING, level));
    if (n)
        row_maker_put_named(o->m, STR("severity_number"), cell_int(0, VALUE_INT, n));
}

static bool put_body(struct otlp *o, const struct otlp_value *body) {
    struct row_slot *message = o->m->well_known[ROW_USE_MESSAGE];
    struct str text;
    switch (body->kind) {
    case OTLP_NONE: return true;
    case OTLP_STRING:
    case OTLP_BYTES: row_maker_put(o->m, message, cell_bytes(0, VALUE_STRING, body->s)); return true;
    case OTLP_BOOL: row_maker_put(o->m, message, cell_int(0, VALUE_BOOL, body->b)); return true;
    case OTLP_INT: row_maker_put(o->m, message, cell_int(0, VALUE_INT, body->i)); return true;
    case OTLP_DOUBLE: row_maker_put(o->m, message, cell_float(0, body->f)); return true;
    default: break;
    }
    if (!json_text(o, body, &text))
        return false;
    row_maker_put(o->m, message, cell_bytes(0, VALUE_STRING, text));
    return true;
}

static void put_time(struct otlp *o, const struct otlp_record *r) {
    uint64_t ns = r->time_unix_nano ? r->time_unix_nano : r->observed_time_unix_nano;
    if (ns && ns <= INT64_MAX)
        row_maker_put(o->m, o->m->well_known[ROW_USE_TIME], cell_int(0, VALUE_TIME, (int64_t)ns));
}

enum err otlp_record_end(struct otlp *o, const struct otlp_record *r, struct str raw, struct err_text *why) {
    struct row_maker *m = o->m;
    put_time(o, r);
    put_severity(o, r);
    if (r->trace_id.n)
        row_maker_put(m, m->well_known[ROW_USE_TRACE_ID], cell_bytes(0, VALUE_STRING, r->trace_id));
    if (r->span_id.n)
        row_maker_put(m, m->well_known[ROW_USE_SPAN_ID], cell_bytes(0, VALUE_STRING, r->span_id));
    if (r->flags)
        row_maker_put_named(o->m, STR("flags"), cell_int(0, VALUE_INT, (int64_t)(r->flags & UINT32_MAX)));
    if (r->dropped_attributes_count)
        row_maker_put_named(o->m, STR("dropped_attributes_count"),
                            cell_int(0, VALUE_INT, (int64_t)(r->dropped_attributes_count & UINT32_MAX)));
    if (r->event_name.n)
        row_maker_put_named(o->m, STR("event_name"), cell_bytes(0, VALUE_STRING, r->event_name));
    if (!put_body(o, &r->body) || !put_list(o, &o->resource_fields) || !put_list(o, &o->scope_fields) ||
        !put_list(o, &r->attributes))
        return row_maker_reject(m, ERR_LIMIT, raw, why, "the record has more than %d bytes as JSON",
                                ROW_BYTES_MAX);
    return row_maker_end(m, raw, why);
}
