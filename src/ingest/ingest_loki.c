#include "ingest/loki_labels.h"
#include "ingest/row_maker.h"
#include "net/http_error.h"
#include "wire/compress.h"
#include "wire/json.h"
#include "wire/protobuf.h"
/*
 * Loki's push API, as its agents speak it: snappy-compressed protobuf, or JSON.
 *
 *     PushRequest  1 streams*                                           {"streams":[
 *     Stream       1 labels, `{a="b"}`  2 entries*                        {"stream":{"a":"b"},"values":[
 *     Entry        1 time {1 s, 2 ns}  2 line  3 metadata* {1 name, 2 value}
 * ["NANOSECONDS","line",{"name":"value"}]]}]}
 *
 * A line is @message, byte for byte; a stream's labels are ours (service_name is `service`); structured
 * metadata are fields. The older JSON of /api/prom/push, {"labels":"{…}","entries":[{"ts":…,"line":…}]}, is
 * read too.
 *
 * 204 when all is durable. When some entries could not be kept the rest is, and the answer is 400 with the
 * first reason, as Loki's: agents do not send such a request again.
 */
enum { LOKI_BODY_BYTES_MAX = 16 << 20 };

struct entry {
    struct str line;
    struct cell time;    /* VALUE_NULL: none */
    struct str metadata; /* protobuf: the entry's own bytes; JSON: the object's text; or empty */
};

static void begin_entry(struct row_maker *m, const struct entry *e) {
    row_maker_begin(m);
    row_maker_put(m, m->well_known[ROW_USE_MESSAGE], cell_bytes(0, VALUE_STRING, e->line));
    if (e->time.type != VALUE_NULL)
        row_maker_put(m, m->well_known[ROW_USE_TIME], e->time);
}

static enum err use_labels_text(struct row_maker *m, struct str text, struct err_text *why) {
    struct label labels[LABELS_COUNT_MAX];
    size_t count = 0;
    TRY(loki_labels_parse(text, m->out->mem, labels, &count, why));
    for (size_t i = 0; i < count; i++)
        labels[i].name = row_maker_label_name(labels[i].name);
    return row_maker_labels(m, labels, count, why);
}

/* ---- protobuf ---- */

static enum err damaged(struct err_text *why) {
    return err_say(why, ERR_INVALID, "the body is damaged: not a push request in protobuf");
}

static bool read_time(struct str bytes, struct cell *out) {
    int64_t seconds = 0, ns = 0;
    struct reader r = reader_of(bytes);
    struct protobuf_field f;
    while (protobuf_next(&r, &f)) {
        if (f.number == 1 && f.wire == PROTOBUF_VARINT)
            seconds = (int64_t)f.value;
        else if (f.number == 2 && f.wire == PROTOBUF_VARINT)
            ns = (int64_t)f.value;
    }
    if (r.failed || __builtin_mul_overflow(seconds, NS_PER_S, &seconds) ||
        __builtin_add_overflow(seconds, ns, &ns))
        return false;
    *out = cell_int(0, VALUE_TIME, ns);
    return true;
}

static bool put_metadata(struct row_maker *m, struct str pair) {
    struct str name = { 0 }, value = { 0 };
    struct reader r = reader_of(pair);
    struct protobuf_field f;
    while (protobuf_next(&r, &f)) {
        if (f.number == 1 && f.wire == PROTOBUF_BYTES)
            name = f.bytes;
        else if (f.number == 2 && f.wire == PROTOBUF_BYTES)
            value = f.bytes;
    }
    row_maker_put_named(m, name, cell_bytes(0, VALUE_STRING, value));
    return !r.failed;
}

static enum err read_entry(struct row_maker *m, struct str bytes, struct err_text *why) {
    struct entry e = { 0 };
    struct reader r = reader_of(bytes);
    struct protobuf_field f;
    bool good = true, more = false;
    while (protobuf_next(&r, &f)) {
        if (f.number == 1 && f.wire == PROTOBUF_BYTES)
            good = read_time(f.bytes, &e.time) && good;
        else if (f.number == 2 && f.wire == PROTOBUF_BYTES)
            e.line = f.bytes;
        more = more || f.number == 3;
    }
    if (r.failed || !good)
        return damaged(why);
    begin_entry(m, &e);
    for (r = reader_of(bytes); more && protobuf_next(&r, &f);)
        if (f.number == 3 && f.wire == PROTOBUF_BYTES && !put_metadata(m, f.bytes))
            return damaged(why);
    return row_maker_end(m, e.line, why);
}

static enum err read_stream(struct row_maker *m, struct str bytes, struct err_text *why) {
    struct str labels = { 0 };
    struct reader r = reader_of(bytes);
    struct protobuf_field f;
    while (protobuf_next(&r, &f))
        if (f.number == 1 && f.wire == PROTOBUF_BYTES)
            labels = f.bytes;
    if (r.failed)
        return damaged(why);
    TRY(use_labels_text(m, labels, why));
    for (r = reader_of(bytes); protobuf_next(&r, &f);)
        if (f.number == 2 && f.wire == PROTOBUF_BYTES)
            TRY(read_entry(m, f.bytes, why));
    return ERR_OK;
}

static enum err read_request(struct row_maker *m, struct str body, struct err_text *why) {
    struct reader r = reader_of(body);
    struct protobuf_field f;
    while (protobuf_next(&r, &f))
        if (f.number == 1 && f.wire == PROTOBUF_BYTES)
            TRY(read_stream(m, f.bytes, why));
    return r.failed ? damaged(why) : ERR_OK;
}

/* Rejects outlive the batch that keeps the inflated body alive: their text moves to the reply's memory. */
static void keep_reject_texts(struct decode_output *out) {
    for (size_t i = 0; i < out->rejects.n; i++)
        if (arena_dup(out->mem, out->rejects.p[i].raw, &out->rejects.p[i].raw) != ERR_OK)
            out->rejects.p[i].raw = (struct str){ 0 };
}

/* Snappy is part of the protocol and not said in a header; when it was said, the carrier has undone it
 * already. */
static enum err decode_protobuf(struct row_maker *m, struct str body, struct err_text *why) {
    struct body *plain;
    enum err e = decompress(ENCODING_SNAPPY, body, LOKI_BODY_BYTES_MAX, why, &plain);
    if (e == ERR_INVALID)
        return read_request(m, body, why);
    TRY(e);
    batch_keep(m->batch, plain);
    body_unref(plain);
    e = read_request(m, (struct str){ plain->data, plain->n }, why);
    keep_reject_texts(m->out);
    return e;
}

/* ---- JSON ---- */

struct json_walk {
    struct row_maker *m;
    struct json_reader r;
    struct err_text *why;
};

static struct str text(struct json_walk *w) {
    return json_string(&w->r, &w->m->batch->mem);
}

/* Nanoseconds in a string or a number; in the older form a date. */
static struct cell json_time(struct json_walk *w) {
    struct str s = json_kind(&w->r) == JSON_NUMBER ? json_number_text(&w->r) : text(w);
    int64_t ns;
    if (str_to_i64(s, &ns))
        return cell_int(0, VALUE_TIME, ns);
    return cell_bytes(0, VALUE_STRING, s);
}

static void json_metadata(struct json_walk *w) {
    struct json_text key;
    for (bool more = json_object(&w->r); more && json_key(&w->r, &key);) {
        struct str name = { 0 }, value;
        if (json_text_get(key, &w->m->batch->mem, &name) != ERR_OK)
            json_fail(&w->r, "not an escape");
        value = json_kind(&w->r) == JSON_STRING ? text(w) : json_skip(&w->r);
        if (!w->r.failed)
            row_maker_put_named(w->m, name, cell_bytes(0, VALUE_STRING, value));
    }
}

/* ["NANOSECONDS","line"] or ["NANOSECONDS","line",{…}] */
static enum err json_value(struct json_walk *w) {
    struct entry e = { 0 };
    if (!json_array(&w->r) || !json_item(&w->r))
        json_fail(&w->r, "expected [time, line]");
    e.time = json_time(w);
    if (!json_item(&w->r))
        json_fail(&w->r, "expected [time, line]");
    e.line = text(w);
    if (w->r.failed)
        return ERR_INVALID;
    begin_entry(w->m, &e);
    bool more = json_item(&w->r);
    if (more) {
        json_metadata(w);
        while (json_item(&w->r))
            (void)json_skip(&w->r);
    }
    return w->r.failed ? ERR_INVALID : row_maker_end(w->m, e.line, w->why);
}

/* {"ts":"2026-11-21T06:25:00Z","line":"…"} */
static enum err json_old_entry(struct json_walk *w) {
    struct entry e = { 0 };
    struct json_text key;
    for (bool more = json_object(&w->r); more && json_key(&w->r, &key);) {
        if (json_is(&key, "ts") || json_is(&key, "timestamp"))
            e.time = json_time(w);
        else if (json_is(&key, "line"))
            e.line = text(w);
        else
            (void)json_skip(&w->r);
    }
    if (w->r.failed)
        return ERR_INVALID;
    begin_entry(w->m, &e);
    return row_maker_end(w->m, e.line, w->why);
}

static enum err json_labels(struct json_walk *w) {
    struct label labels[LABELS_COUNT_MAX];
    size_t count = 0;
    struct json_text key;
    if (json_kind(&w->r) == JSON_STRING) {
        struct str labels_text = text(w);
        return w->r.failed ? ERR_INVALID : use_labels_text(w->m, labels_text, w->why);
    }
    for (bool more = json_object(&w->r); more && json_key(&w->r, &key);) {
        if (count == COUNT_OF(labels))
            return err_say(w->why, ERR_LIMIT, "a stream with more than %d labels", LABELS_COUNT_MAX);
        struct label *l = &labels[count++];
        if (json_text_get(key, w->m->out->mem, &l->name) != ERR_OK)
            json_fail(&w->r, "not an escape");
        l->value = json_kind(&w->r) == JSON_STRING ? text(w) : json_skip(&w->r);
        l->name = w->r.failed ? l->name : row_maker_label_name(l->name);
    }
    return w->r.failed ? ERR_INVALID : row_maker_labels(w->m, labels, count, w->why);
}

/* The labels may stand behind the entries, so both are looked up first. Leaves the reader behind the stream.
 */
static enum err json_stream(struct json_walk *w) {
    struct str labels = STR("{}"), entries = { 0 };
    bool old = false;
    struct json_text key;
    for (bool more = json_object(&w->r); more && json_key(&w->r, &key);) {
        bool list = json_kind(&w->r) == JSON_ARRAY;
        struct str value = json_skip(&w->r);
        if (json_is(&key, "stream") || json_is(&key, "labels"))
            labels = value;
        else if (list && (json_is(&key, "values") || json_is(&key, "entries"))) {
            entries = value;
            old = json_is(&key, "entries");
        }
    }
    if (w->r.failed)
        return ERR_INVALID;
    struct json_walk part = *w;
    json_reader_init(&part.r, labels);
    TRY(json_labels(&part));
    const char *behind = w->r.p;
    w->r.p = entries.p;
    for (bool more = entries.n && json_array(&w->r); more && json_item(&w->r);)
        TRY(old ? json_old_entry(w) : json_value(w));
    w->r.p = w->r.failed ? w->r.p : behind;
    w->r.first = false;
    return w->r.failed ? ERR_INVALID : ERR_OK;
}

static enum err json_request(struct json_walk *w) {
    struct json_text key;
    for (bool more = json_object(&w->r); more && json_key(&w->r, &key);) {
        if (!json_is(&key, "streams")) {
            (void)json_skip(&w->r);
            continue;
        }
        for (bool items = json_array(&w->r); items && json_item(&w->r);)
            TRY(json_stream(w));
    }
    return ERR_OK;
}

static enum err decode_json(struct row_maker *m, struct str body, struct err_text *why) {
    struct json_walk w = { .m = m, .why = why };
    json_reader_init(&w.r, body);
    ERR_IGNORE(err_say(why, ERR_INVALID, "the labels of a stream are no object of strings"),
               "unless said better below");
    enum err e = json_request(&w);
    return e != ERR_OK && !w.r.failed ? e : json_end(&w.r, why);
}

/* ---- the protocol ---- */

static enum err decode(const struct decode_input *in, struct decode_output *out, struct err_text *why) {
    static const struct row_options options = { 0 };
    struct row_maker *m;
    TRY(row_maker_open(in, out, &options, &m, why));
    ingest_claim_batch(in, out);
    bool json = str_find_nocase(in->content_type, STR("json"), 0) != SIZE_MAX;
    TRY(json ? decode_json(m, in->body, why) : decode_protobuf(m, in->body, why));
    row_maker_close(m);
    return ERR_OK;
}

static void reply(const struct decode_input *in UNUSED, const struct decode_output *out, enum err result,
                  const struct err_text *why, struct ingest_reply *to) {
    to->content_type = "text/plain; charset=utf-8";
    if (result != ERR_OK) {
        to->status = http_status_of(result);
        buf_addf(&to->body, "%s\n", why->msg);
    } else if (out->rejects.n) {
        const struct reject *first = &out->rejects.p[0];
        to->status = 400;
        buf_addf(&to->body, "%zu of %u entries were not kept; entry %u: " STR_FMT "\n", out->rejects.n,
                 out->row_count, first->row, STR_ARG(first->reason));
    } else {
        to->status = 204;
        to->content_type = NULL;
    }
}

const struct ingest_proto ingest_loki = {
    .name = "loki",
    .http_method = "POST",
    .http_paths = { "/loki/api/v1/push", "/api/prom/push" },
    .help = "Loki push: snappy protobuf or JSON.",
    .decode = decode,
    .reply = reply,
    .memo_free = row_maker_memo_free,
};
