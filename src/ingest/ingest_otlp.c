#include "ingest/otlp_row.h"
#include "net/http_error.h"
#include "wire/json.h"
#include "wire/protobuf.h"
/*
 * OTLP logs over HTTP: POST /v1/logs, an ExportLogsServiceRequest in protobuf or JSON. The answer has the
 * request's encoding. This file reads the protobuf form and writes the answers; otlp_row.h says what becomes
 * of the records.
 *
 *     ExportLogsServiceRequest  1 resource_logs*
 *     ResourceLogs              1 resource  2 scope_logs*
 *     ScopeLogs                 1 scope  2 log_records*
 *     LogRecord                 1 time  2 severity number  3 severity text  5 body  6 attributes*  7 dropped
 * attributes 8 flags  9 trace id  10 span id  11 observed time  12 event name KeyValue                  1 key
 * 2 value AnyValue                  1 string  2 bool  3 int  4 double  5 array  6 map  7 bytes
 *
 * The fields of a message may come in any order: a resource and a scope are looked up before the records are
 * read. Damage refuses the whole request; a row over a cap is a rejected record of a partial success.
 */

static enum err damaged(const char *what, struct err_text *why) {
    return err_say(why, ERR_INVALID, "the %s is damaged: not protobuf of its schema", what);
}

/* ---- values ---- */

static enum err read_pair(struct otlp *o, struct str bytes, struct otlp_list *list, unsigned depth,
                          struct err_text *why);

static enum err read_value(struct otlp *o, struct str bytes, struct otlp_value *out, unsigned depth,
                           struct err_text *why);

/* ArrayValue and KeyValueList: both are repeated messages in field 1. */
static enum err read_values(struct otlp *o, struct str bytes, bool map, struct otlp_value *out,
                            unsigned depth, struct err_text *why) {
    struct otlp_list list = { 0 };
    struct reader r = reader_of(bytes);
    struct protobuf_field f;
    if (depth == OTLP_DEPTH_MAX)
        return err_say(why, ERR_INVALID, "values nested more than %d deep", OTLP_DEPTH_MAX);
    while (protobuf_next(&r, &f)) {
        if (f.number != 1 || f.wire != PROTOBUF_BYTES)
            continue;
        if (map) {
            TRY(read_pair(o, f.bytes, &list, depth + 1, why));
            continue;
        }
        struct otlp_pair *item = otlp_append(o, &list);
        if (!item)
            return err_say(why, ERR_LIMIT, "an array of more than %d bytes", OTLP_VALUES_BYTES_MAX);
        TRY(read_value(o, f.bytes, &item->value, depth + 1, why));
    }
    *out = (struct otlp_value){ .kind = map ? OTLP_MAP : OTLP_ARRAY, .first = list.first };
    return r.failed ? damaged("list of values", why) : ERR_OK;
}

static enum err read_value(struct otlp *o, struct str bytes, struct otlp_value *out, unsigned depth,
                           struct err_text *why) {
    struct otlp_value v = { 0 };
    struct reader r = reader_of(bytes);
    struct protobuf_field f;
    while (protobuf_next(&r, &f)) {
        switch (protobuf_key(f.number, f.wire)) {
        case protobuf_key(1, PROTOBUF_BYTES): v = (struct otlp_value){ OTLP_STRING, .s = f.bytes }; break;
        case protobuf_key(2, PROTOBUF_VARINT): v = (struct otlp_value){ OTLP_BOOL, .b = f.value != 0 }; break;
        case protobuf_key(3, PROTOBUF_VARINT):
            v = (struct otlp_value){ OTLP_INT, .i = (int64_t)f.value };
            break;
        case protobuf_key(4, PROTOBUF_FIXED64):
            v = (struct otlp_value){ OTLP_DOUBLE, .f = protobuf_double(f.value) };
            break;
        case protobuf_key(5, PROTOBUF_BYTES): TRY(read_values(o, f.bytes, false, &v, depth, why)); break;
        case protobuf_key(6, PROTOBUF_BYTES): TRY(read_values(o, f.bytes, true, &v, depth, why)); break;
        case protobuf_key(7, PROTOBUF_BYTES): v = (struct otlp_value){ OTLP_BYTES, .s = f.bytes }; break;
        }
    }
    *out = v;
    return r.failed ? damaged("value", why) : ERR_OK;
}

static enum err read_pair(struct otlp *o, struct str bytes, struct otlp_list *list, unsigned depth,
                          struct err_text *why) {
    struct reader r = reader_of(bytes);
    struct protobuf_field f;
    struct otlp_pair *p = otlp_append(o, list);
    if (!p)
        return err_say(why, ERR_LIMIT, "attributes of more than %d bytes", OTLP_VALUES_BYTES_MAX);
    while (protobuf_next(&r, &f)) {
        if (f.wire != PROTOBUF_BYTES)
            continue;
        if (f.number == 1)
            p->key = f.bytes;
        else if (f.number == 2)
            TRY(read_value(o, f.bytes, &p->value, depth, why));
    }
    return r.failed ? damaged("attribute", why) : ERR_OK;
}

/* ---- messages ---- */

/* Lower-case hexadecimal digits; empty when the id is all zero or has not the right length. */
static struct str hex_id(struct otlp *o, struct str id, size_t bytes) {
    static const char digits[] = "0123456789abcdef";
    char *to = id.n == bytes ? ARENA_RAW(&o->m->batch->mem, char, 2 * bytes) : NULL;
    unsigned any = 0;
    for (size_t i = 0; to && i < bytes; i++) {
        unsigned char c = (unsigned char)id.p[i];
        to[2 * i] = digits[c >> 4];
        to[2 * i + 1] = digits[c & 15];
        any |= c;
    }
    return any ? (struct str){ to, 2 * bytes } : (struct str){ 0 };
}

static enum err read_record(struct otlp *o, struct str bytes, struct err_text *why) {
    struct otlp_record rec = { 0 };
    struct reader r = reader_of(bytes);
    struct protobuf_field f;
    otlp_record_begin(o);
    while (protobuf_next(&r, &f)) {
        switch (protobuf_key(f.number, f.wire)) {
        case protobuf_key(1, PROTOBUF_FIXED64): rec.time_unix_nano = f.value; break;
        case protobuf_key(11, PROTOBUF_FIXED64): rec.observed_time_unix_nano = f.value; break;
        case protobuf_key(2, PROTOBUF_VARINT): rec.severity_number = (int64_t)f.value; break;
        case protobuf_key(3, PROTOBUF_BYTES): rec.severity_text = f.bytes; break;
        case protobuf_key(5, PROTOBUF_BYTES): TRY(read_value(o, f.bytes, &rec.body, 0, why)); break;
        case protobuf_key(6, PROTOBUF_BYTES): TRY(read_pair(o, f.bytes, &rec.attributes, 0, why)); break;
        case protobuf_key(7, PROTOBUF_VARINT): rec.dropped_attributes_count = f.value; break;
        case protobuf_key(8, PROTOBUF_FIXED32): rec.flags = f.value; break;
        case protobuf_key(9, PROTOBUF_BYTES): rec.trace_id = hex_id(o, f.bytes, 16); break;
        case protobuf_key(10, PROTOBUF_BYTES): rec.span_id = hex_id(o, f.bytes, 8); break;
        case protobuf_key(12, PROTOBUF_BYTES): rec.event_name = f.bytes; break;
        }
    }
    return r.failed ? damaged("log record", why) : otlp_record_end(o, &rec, bytes, why);
}

/* The last field `number` of a message, or an empty one. */
static struct str find_message(struct str bytes, uint32_t number) {
    struct str found = { 0 };
    struct reader r = reader_of(bytes);
    struct protobuf_field f;
    while (protobuf_next(&r, &f))
        if (f.number == number && f.wire == PROTOBUF_BYTES)
            found = f.bytes;
    return found;
}

static enum err read_scope(struct otlp *o, struct str bytes, struct err_text *why) {
    struct str name = { 0 }, version = { 0 };
    struct otlp_list attributes = { 0 };
    struct reader r = reader_of(bytes);
    struct protobuf_field f;
    otlp_scope_begin(o);
    while (protobuf_next(&r, &f)) {
        switch (protobuf_key(f.number, f.wire)) {
        case protobuf_key(1, PROTOBUF_BYTES): name = f.bytes; break;
        case protobuf_key(2, PROTOBUF_BYTES): version = f.bytes; break;
        case protobuf_key(3, PROTOBUF_BYTES): TRY(read_pair(o, f.bytes, &attributes, 0, why)); break;
        }
    }
    return r.failed ? damaged("scope", why) : otlp_scope_end(o, name, version, &attributes, why);
}

static enum err read_scope_logs(struct otlp *o, struct str bytes, struct err_text *why) {
    TRY(read_scope(o, find_message(bytes, 1), why));
    struct reader r = reader_of(bytes);
    struct protobuf_field f;
    while (protobuf_next(&r, &f))
        if (f.number == 2 && f.wire == PROTOBUF_BYTES)
            TRY(read_record(o, f.bytes, why));
    return r.failed ? damaged("list of records", why) : ERR_OK;
}

static enum err read_resource(struct otlp *o, struct str bytes, struct err_text *why) {
    struct otlp_list attributes = { 0 };
    struct reader r = reader_of(bytes);
    struct protobuf_field f;
    otlp_resource_begin(o);
    while (protobuf_next(&r, &f))
        if (f.number == 1 && f.wire == PROTOBUF_BYTES)
            TRY(read_pair(o, f.bytes, &attributes, 0, why));
    return r.failed ? damaged("resource", why) : otlp_resource_end(o, &attributes, why);
}

static enum err read_resource_logs(struct otlp *o, struct str bytes, struct err_text *why) {
    TRY(read_resource(o, find_message(bytes, 1), why));
    struct reader r = reader_of(bytes);
    struct protobuf_field f;
    while (protobuf_next(&r, &f))
        if (f.number == 2 && f.wire == PROTOBUF_BYTES)
            TRY(read_scope_logs(o, f.bytes, why));
    return r.failed ? damaged("list of scopes", why) : ERR_OK;
}

static enum err read_request(struct otlp *o, struct str body, struct err_text *why) {
    struct reader r = reader_of(body);
    struct protobuf_field f;
    while (protobuf_next(&r, &f))
        if (f.number == 1 && f.wire == PROTOBUF_BYTES)
            TRY(read_resource_logs(o, f.bytes, why));
    return r.failed ? damaged("request", why) : ERR_OK;
}

static bool is_json(const struct decode_input *in) {
    return str_find_nocase(in->content_type, STR("json"), 0) != SIZE_MAX;
}

static enum err decode(const struct decode_input *in, struct decode_output *out, struct err_text *why) {
    AUTO(otlp) o;
    TRY(otlp_init(&o, in, out, why));
    ingest_claim_batch(in, out);
    TRY(is_json(in) ? otlp_json_decode(&o, in->body, why) : read_request(&o, in->body, why));
    row_maker_close(o.m);
    return ERR_OK;
}

/* ---- the answer ---- */

/* google.rpc.Code */
static unsigned rpc_code(enum err e) {
    switch (e) {
    case ERR_INVALID: return 3;
    case ERR_LIMIT: return 8;
    case ERR_UNAVAILABLE: return 14;
    default: return 13;
    }
}

/* google.rpc.Status: 1 code, 2 message */
static void reply_refused(bool json, enum err result, const struct err_text *why,
                          struct ingest_reply *reply) {
    reply->status = http_status_of(result);
    if (!json) {
        protobuf_add_varint(&reply->body, 1, rpc_code(result));
        protobuf_add_bytes(&reply->body, 2, str_of(why->msg));
        return;
    }
    buf_addf(&reply->body, "{\"code\":%u,\"message\":", rpc_code(result));
    json_add_string(&reply->body, str_of(why->msg));
    buf_add_char(&reply->body, '}');
}

/* ExportLogsServiceResponse: 1 partial_success { 1 rejected_log_records 2 error_message }, not set when all
 * went well. */
static void reply_partial(bool json, const struct decode_output *out, struct buf *body) {
    struct str reason = out->rejects.p[0].reason;
    if (json) {
        buf_addf(body,
                 "{\"partialSuccess\":{\"rejectedLogRecords\":\"%zu\",\"errorMessage\":", out->rejects.n);
        json_add_string(body, reason);
        buf_add(body, STR("}}"));
        return;
    }
    AUTO(buf) partial = { 0 };
    protobuf_add_varint(&partial, 1, out->rejects.n);
    protobuf_add_bytes(&partial, 2, reason);
    protobuf_add_bytes(body, 1, buf_str(&partial));
}

static void reply(const struct decode_input *in, const struct decode_output *out, enum err result,
                  const struct err_text *why, struct ingest_reply *to) {
    bool json = is_json(in);
    to->status = 200;
    to->content_type = json ? "application/json" : "application/x-protobuf";
    if (result != ERR_OK)
        reply_refused(json, result, why, to);
    else if (out->rejects.n)
        reply_partial(json, out, &to->body);
    else if (json)
        buf_add(&to->body, STR("{}"));
}

const struct ingest_proto ingest_otlp = {
    .name = "otlp",
    .http_method = "POST",
    .http_paths = { "/v1/logs", "/otlp/v1/logs" },
    .help = "OpenTelemetry logs over HTTP, protobuf or JSON.",
    .decode = decode,
    .reply = reply,
    .memo_free = row_maker_memo_free,
};
