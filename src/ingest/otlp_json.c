#include "ingest/otlp_row.h"
#include "wire/base64.h"
#include "wire/json.h"
/*
 * The JSON form of OTLP logs. It is the JSON mapping of protobuf with two exceptions: trace and span ids are
 * hexadecimal, and enums are numbers. Names are lowerCamelCase, or the schema's own with underscores. 64-bit
 * integers are strings or numbers. Keys may come in any order, so a member that must wait (the records before
 * the resource) is kept as text.
 */

struct walk {
    struct otlp *o;
    struct json_reader r;
    struct err_text *why;
    unsigned depth;
};

static bool named(const struct json_text *key, const char *camel, const char *snake) {
    return json_is(key, camel) || json_is(key, snake);
}

static struct str text(struct walk *w) {
    return json_string(&w->r, &w->o->m->batch->mem);
}

/* A number, or a number in a string. */
static struct str number_text(struct walk *w) {
    return json_kind(&w->r) == JSON_STRING ? text(w) : json_number_text(&w->r);
}

static uint64_t read_u64(struct walk *w) {
    uint64_t v = 0;
    struct str s = number_text(w);
    if (!w->r.failed && s.n && !str_to_u64(s, &v))
        json_fail(&w->r, "expected an unsigned number");
    return v;
}

static int64_t read_i64(struct walk *w) {
    int64_t v = 0;
    struct str s = number_text(w);
    if (!w->r.failed && !str_to_i64(s, &v))
        json_fail(&w->r, "expected an integer");
    return v;
}

static double read_double(struct walk *w) {
    double f = 0;
    struct str s = number_text(w);
    if (str_eq(s, STR("NaN")))
        return __builtin_nan("");
    if (str_eq(s, STR("Infinity")) || str_eq(s, STR("-Infinity")))
        return s.p[0] == '-' ? -__builtin_inf() : __builtin_inf();
    if (!w->r.failed && !str_to_f64(s, &f))
        json_fail(&w->r, "expected a number");
    return f;
}

static struct str read_bytes(struct walk *w) {
    struct str coded = text(w);
    char *to = ARENA_RAW(&w->o->m->batch->mem, char, coded.n + 2);
    size_t n = to ? base64_decode(coded, to) : SIZE_MAX;
    if (n == SIZE_MAX) {
        json_fail(&w->r, "expected base64");
        return (struct str){ 0 };
    }
    return (struct str){ to, n };
}

/* Lower-case hexadecimal digits; empty for an id of zeros, of another length, or of other letters. */
static struct str read_id(struct walk *w, size_t digits) {
    struct str id = text(w);
    char *to = id.n == digits ? ARENA_RAW(&w->o->m->batch->mem, char, digits) : NULL;
    bool any = false;
    for (size_t i = 0; to && i < digits; i++) {
        to[i] = ascii_lower(id.p[i]);
        any = any || to[i] != '0';
        if (!ascii_digit(to[i]) && (to[i] < 'a' || to[i] > 'f'))
            return (struct str){ 0 };
    }
    return any ? (struct str){ to, digits } : (struct str){ 0 };
}

/* ---- values ---- */

static void read_value(struct walk *w, struct otlp_value *out);
static void read_pairs(struct walk *w, struct otlp_list *list);

static struct otlp_pair *append(struct walk *w, struct otlp_list *list) {
    struct otlp_pair *p = otlp_append(w->o, list);
    if (!p)
        json_fail(&w->r, "the memory for attributes is spent");
    return p;
}

/* {"values":[…]} of an array or a map. */
static struct otlp_pair *read_values(struct walk *w, bool map) {
    struct otlp_list list = { 0 };
    struct json_text key;
    if (++w->depth > OTLP_DEPTH_MAX)
        json_fail(&w->r, "values nested too deep");
    for (bool more = json_object(&w->r); more && json_key(&w->r, &key);) {
        if (!json_is(&key, "values")) {
            (void)json_skip(&w->r);
        } else if (map) {
            read_pairs(w, &list);
        } else {
            struct otlp_pair *p;
            for (bool items = json_array(&w->r); items && json_item(&w->r) && (p = append(w, &list));)
                read_value(w, &p->value);
        }
    }
    w->depth--;
    return list.first;
}

static void read_value(struct walk *w, struct otlp_value *out) {
    struct otlp_value v = { 0 };
    struct json_text key;
    for (bool more = json_object(&w->r); more && json_key(&w->r, &key);) {
        if (json_kind(&w->r) == JSON_NULL)
            (void)json_skip(&w->r);
        else if (named(&key, "stringValue", "string_value"))
            v = (struct otlp_value){ OTLP_STRING, .s = text(w) };
        else if (named(&key, "boolValue", "bool_value"))
            v = (struct otlp_value){ OTLP_BOOL, .b = json_bool(&w->r) };
        else if (named(&key, "intValue", "int_value"))
            v = (struct otlp_value){ OTLP_INT, .i = read_i64(w) };
        else if (named(&key, "doubleValue", "double_value"))
            v = (struct otlp_value){ OTLP_DOUBLE, .f = read_double(w) };
        else if (named(&key, "bytesValue", "bytes_value"))
            v = (struct otlp_value){ OTLP_BYTES, .s = read_bytes(w) };
        else if (named(&key, "arrayValue", "array_value"))
            v = (struct otlp_value){ OTLP_ARRAY, .first = read_values(w, false) };
        else if (named(&key, "kvlistValue", "kvlist_value"))
            v = (struct otlp_value){ OTLP_MAP, .first = read_values(w, true) };
        else
            (void)json_skip(&w->r);
    }
    *out = v;
}

/* [{"key":…,"value":…},…] */
static void read_pairs(struct walk *w, struct otlp_list *list) {
    struct json_text key;
    struct otlp_pair *p;
    for (bool more = json_array(&w->r); more && json_item(&w->r) && (p = append(w, list));)
        for (bool members = json_object(&w->r); members && json_key(&w->r, &key);) {
            if (json_is(&key, "key"))
                p->key = text(w);
            else if (json_is(&key, "value") && json_kind(&w->r) == JSON_OBJECT)
                read_value(w, &p->value);
            else
                (void)json_skip(&w->r);
        }
}

/* ---- messages ---- */

static void read_member(struct walk *w, const struct json_text *key, struct otlp_record *rec) {
    if (json_kind(&w->r) == JSON_NULL)
        (void)json_skip(&w->r);
    else if (named(key, "timeUnixNano", "time_unix_nano"))
        rec->time_unix_nano = read_u64(w);
    else if (named(key, "observedTimeUnixNano", "observed_time_unix_nano"))
        rec->observed_time_unix_nano = read_u64(w);
    else if (named(key, "severityNumber", "severity_number") && json_kind(&w->r) == JSON_NUMBER)
        rec->severity_number = read_i64(w);
    else if (named(key, "severityText", "severity_text"))
        rec->severity_text = text(w);
    else if (json_is(key, "body"))
        read_value(w, &rec->body);
    else if (json_is(key, "attributes"))
        read_pairs(w, &rec->attributes);
    else if (named(key, "droppedAttributesCount", "dropped_attributes_count"))
        rec->dropped_attributes_count = read_u64(w);
    else if (json_is(key, "flags"))
        rec->flags = read_u64(w);
    else if (named(key, "traceId", "trace_id"))
        rec->trace_id = read_id(w, 32);
    else if (named(key, "spanId", "span_id"))
        rec->span_id = read_id(w, 16);
    else if (named(key, "eventName", "event_name"))
        rec->event_name = text(w);
    else
        (void)json_skip(&w->r);
}

static enum err read_record(struct walk *w) {
    struct otlp_record rec = { 0 };
    struct json_text key;
    const char *start = json_scan_space(w->r.p, w->r.end);
    otlp_record_begin(w->o);
    for (bool more = json_object(&w->r); more && json_key(&w->r, &key);)
        read_member(w, &key, &rec);
    if (w->r.failed)
        return ERR_INVALID;
    return otlp_record_end(w->o, &rec, (struct str){ start, (size_t)(w->r.p - start) }, w->why);
}

static enum err read_scope(struct walk *w) {
    struct str name = { 0 }, version = { 0 };
    struct otlp_list attributes = { 0 };
    struct json_text key;
    otlp_scope_begin(w->o);
    bool given = json_kind(&w->r) == JSON_OBJECT;
    for (bool more = given && json_object(&w->r); more && json_key(&w->r, &key);) {
        if (json_is(&key, "name"))
            name = text(w);
        else if (json_is(&key, "version"))
            version = text(w);
        else if (json_is(&key, "attributes"))
            read_pairs(w, &attributes);
        else
            (void)json_skip(&w->r);
    }
    return w->r.failed ? ERR_INVALID : otlp_scope_end(w->o, name, version, &attributes, w->why);
}

static enum err read_resource(struct walk *w) {
    struct otlp_list attributes = { 0 };
    struct json_text key;
    otlp_resource_begin(w->o);
    bool given = json_kind(&w->r) == JSON_OBJECT;
    for (bool more = given && json_object(&w->r); more && json_key(&w->r, &key);) {
        if (json_is(&key, "attributes"))
            read_pairs(w, &attributes);
        else
            (void)json_skip(&w->r);
    }
    return w->r.failed ? ERR_INVALID : otlp_resource_end(w->o, &attributes, w->why);
}

/* Reads `part`, the text of a member met before, in the same document: places of mistakes stay those of the
 * body. */
static void reader_at(struct walk *w, struct str part) {
    w->r.p = part.n ? part.p : w->r.end;
    w->r.first = true;
}

/* An object with a head (the resource, the scope) and a list (of scopes, of records). Leaves the reader
 * behind it. */
static enum err read_group(struct walk *w, const char *head_name, const char *const list_names[2],
                           enum err (*read_head)(struct walk *w), enum err (*read_item)(struct walk *w)) {
    struct str head = { 0 }, list = { 0 };
    struct json_text key;
    for (bool more = json_object(&w->r); more && json_key(&w->r, &key);) {
        bool is_list = named(&key, list_names[0], list_names[1]) && json_kind(&w->r) == JSON_ARRAY;
        struct str value = json_skip(&w->r);
        if (is_list)
            list = value;
        else if (json_is(&key, head_name))
            head = value;
    }
    if (w->r.failed)
        return ERR_INVALID;
    struct json_reader behind = w->r;
    reader_at(w, head);
    TRY(read_head(w));
    reader_at(w, list);
    for (bool more = list.n && json_array(&w->r); more && json_item(&w->r);)
        TRY(read_item(w));
    if (w->r.failed)
        return ERR_INVALID;
    w->r = behind;
    return ERR_OK;
}

static enum err read_scope_logs(struct walk *w) {
    static const char *const list[2] = { "logRecords", "log_records" };
    return read_group(w, "scope", list, read_scope, read_record);
}

static enum err read_resource_logs(struct walk *w) {
    static const char *const list[2] = { "scopeLogs", "scope_logs" };
    return read_group(w, "resource", list, read_resource, read_scope_logs);
}

static enum err read_request(struct walk *w) {
    struct json_text key;
    for (bool more = json_object(&w->r); more && json_key(&w->r, &key);) {
        if (!named(&key, "resourceLogs", "resource_logs") || json_kind(&w->r) != JSON_ARRAY) {
            (void)json_skip(&w->r);
            continue;
        }
        for (bool items = json_array(&w->r); items && json_item(&w->r);)
            TRY(read_resource_logs(w));
    }
    return ERR_OK;
}

enum err otlp_json_decode(struct otlp *o, struct str body, struct err_text *why) {
    struct walk w = { .o = o, .why = why };
    json_reader_init(&w.r, body);
    enum err e = read_request(&w);
    return e != ERR_OK && !w.r.failed ? e : json_end(&w.r, why);
}
