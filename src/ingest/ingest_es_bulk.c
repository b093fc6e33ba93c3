#include "base/assert.h"
#include "ingest/json_row.h"
#include "net/http_error.h"
#include "wire/json.h"
/*
 * Elasticsearch's bulk API: POST or PUT /_bulk and /{index}/_bulk. Pairs of lines, an action and its
 * document:
 *
 *     {"create":{"_index":"web","_id":"7"}}
 *     {"@timestamp":"…","message":"…"}
 *
 * A row is a document: its fields as in ingest_json, the label `index`, and @id when the action has an `_id`.
 * An action is answered for itself, so a bad document costs an item with status 400; but after an action line
 * that cannot be read nobody can tell actions from documents, so that one refuses the request, as
 * Elasticsearch does.
 *
 * Rows never change: `update` and `delete` are refused item by item. Of documents with one index and one
 * `_id` the first is kept (in the dedup window); for the later ones `create` answers 409, which shippers
 * count as delivered, and `index` 200 with the result "noop".
 *
 * The action object's unknown keys, and unknown keys beside the action, are accepted: clients put notes
 * there. `took` is always 0: a decoder has no clock. `filter_path` is ignored: it only asks for less.
 */
enum op { OP_INDEX, OP_CREATE, OP_UPDATE, OP_DELETE, OP_COUNT };
enum { DOCUMENT_ID_BYTES_MAX = 512, INDEX_BYTES_MAX = 255 };

static const char *const op_names[OP_COUNT] = { "index", "create", "update", "delete" };

struct action {
    enum op op;
    struct str index, id;
    bool has_id;
};

struct bulk_walk {
    const struct decode_input *in;
    struct decode_output *out;
    struct row_maker *m;
    const char *p, *end;
    uint32_t line; /* for people, from 1 */
    struct str path_index;
    struct str action_line; /* of `action`: senders repeat it */
    struct action action;
    struct str label_index; /* the label `index` of the maker */
};

/* ---- action lines ---- */

/* "/web/_bulk" -> "web" */
static struct str index_of_path(struct str path) {
    struct str tail = STR("/_bulk");
    if (!str_ends(path, tail) || path.n <= tail.n + 1)
        return (struct str){ 0 };
    return (struct str){ path.p + 1, path.n - tail.n - 1 };
}

/* A string, or the text of a number. */
static struct str text_value(struct json_reader *r, struct arena *mem) {
    return json_kind(r) == JSON_NUMBER ? json_number_text(r) : json_string(r, mem);
}

static void read_action_body(struct json_reader *r, struct arena *mem, struct action *a) {
    struct json_text key;
    for (bool more = json_object(r); more && json_key(r, &key);) {
        if (json_is(&key, "_index") && json_kind(r) != JSON_NULL) {
            a->index = text_value(r, mem);
        } else if (json_is(&key, "_id") && json_kind(r) != JSON_NULL) {
            a->id = text_value(r, mem);
            a->has_id = true;
        } else {
            (void)json_skip(r);
        }
    }
}

static enum err read_action(struct bulk_walk *w, struct str line, struct err_text *why) {
    struct json_reader r;
    struct json_text key;
    struct action a = { .op = OP_COUNT, .index = w->path_index };
    json_reader_init(&r, line);
    for (bool more = json_object(&r); more && json_key(&r, &key);) {
        enum op op = 0;
        while (op < OP_COUNT && !json_is(&key, op_names[op]))
            op++;
        if (op == OP_COUNT || a.op != OP_COUNT) {
            (void)json_skip(&r);
            continue;
        }
        a.op = op;
        read_action_body(&r, w->out->mem, &a);
    }
    struct err_text mistake;
    if (json_end(&r, &mistake) != ERR_OK)
        return err_say(why, ERR_INVALID, "Malformed action/metadata line [%u]: %s", w->line, mistake.msg);
    if (a.op == OP_COUNT)
        return err_say(why, ERR_INVALID,
                       "Malformed action/metadata line [%u], expected one of [create, delete, index, update]",
                       w->line);
    if (a.index.n == 0)
        return err_say(why, ERR_INVALID, "Validation Failed: line %u: index is missing;", w->line);
    if (a.index.n > INDEX_BYTES_MAX)
        return err_say(why, ERR_INVALID, "line %u: an index name of more than %d bytes", w->line,
                       INDEX_BYTES_MAX);
    w->action = a;
    w->action_line = line;
    return ERR_OK;
}

/* ---- documents ---- */

static struct id128 document_claim(const struct action *a) {
    AUTO(buf) key = { 0 };
    buf_add(&key, STR("document\0"));
    buf_add(&key, a->index);
    buf_add_char(&key, '\0');
    buf_add(&key, a->id);
    return hash128(buf_str(&key));
}

static enum err use_index(struct bulk_walk *w, struct str index, struct err_text *why) {
    if (w->label_index.p && str_eq(index, w->label_index))
        return ERR_OK;
    TRY(row_maker_labels(w->m, &(struct label){ STR("index"), index }, 1, why));
    w->label_index = index;
    return ERR_OK;
}

static enum err reject(struct bulk_walk *w, struct str raw, struct err_text *why, const char *what) {
    return row_maker_reject(w->m, ERR_INVALID, raw, why, "%s", what);
}

static enum err decode_document(struct bulk_walk *w, struct str line, struct err_text *why) {
    struct json_row_error mistake = { 0 };
    struct row_maker *m = w->m;
    row_maker_begin(m);
    const char *end = line.p + line.n, *start = json_scan_space(line.p, end);
    if (start == end || *start != '{')
        return reject(w, line, why, "the document is not an object");
    const char *behind = json_row_parse(m, start, w->end, &mistake);
    if (!behind || behind > end) /* what the reader found behind the line is not the document's mistake */
        return row_maker_reject(m, ERR_INVALID, line, why, "byte %td: %s",
                                mistake.at && mistake.at <= end ? mistake.at - line.p : end - line.p,
                                mistake.at && mistake.at <= end ? mistake.what : "the document has no end");
    if (json_scan_space(behind, end) != end)
        return row_maker_reject(m, ERR_INVALID, line, why, "byte %td: more text behind the document",
                                behind - line.p);
    if (w->action.has_id)
        row_maker_put(m, m->well_known[ROW_USE_ID], cell_bytes(0, VALUE_STRING, w->action.id));
    return row_maker_end(m, line, why);
}

static const char *refused_action(const struct action *a) {
    if (a->op == OP_UPDATE || a->op == OP_DELETE)
        return "rows never change: only index and create are accepted";
    if (a->has_id && a->id.n == 0)
        return "if _id is specified it must not be empty";
    if (a->has_id && a->id.n > DOCUMENT_ID_BYTES_MAX)
        return "_id is longer than 512 bytes";
    return NULL;
}

static enum err decode_item(struct bulk_walk *w, struct str action_line, struct str document,
                            struct err_text *why) {
    const struct action *a = &w->action;
    size_t rows = w->out->batch->rows.n, rejects = w->out->rejects.n;
    const char *refused = refused_action(a);
    struct decode_item item = {
        .row_first = (uint32_t)rows, .index = a->index, .id = a->id, .op = (uint8_t)a->op
    };
    if (refused) {
        TRY(reject(w, (struct str){ action_line.p, (size_t)(w->p - action_line.p) }, why, refused));
    } else {
        TRY(use_index(w, a->index, why));
        TRY(decode_document(w, document, why));
        if (a->has_id)
            item.claim = document_claim(a);
    }
    item.row_count = (uint32_t)(w->out->batch->rows.n - rows);
    item.rejected = w->out->rejects.n > rejects;
    item.reject = (uint32_t)rejects;
    ASSERT(item.rejected == (item.row_count == 0));
    VEC_PUSH(&w->out->items, item);
    return ERR_OK;
}

/* ---- the request ---- */

/* The next line, without its LF. The request ends with one: decode() has looked. */
static struct str take_line(struct bulk_walk *w) {
    const char *lf = memchr(w->p, '\n', (size_t)(w->end - w->p));
    ASSERT(lf != NULL);
    struct str line = { w->p, (size_t)(lf - w->p) };
    w->p = lf + 1;
    w->line++;
    return line;
}

static enum err decode_pair(struct bulk_walk *w, struct err_text *why) {
    struct str action_line = take_line(w), document = { 0 };
    if (json_scan_space(action_line.p, action_line.p + action_line.n) == action_line.p + action_line.n)
        return ERR_OK;
    if (!w->action_line.p || !str_eq(action_line, w->action_line))
        TRY(read_action(w, action_line, why));
    if (w->action.op != OP_DELETE) {
        if (w->p == w->end)
            return err_say(why, ERR_INVALID, "Validation Failed: line %u: no document behind the action;",
                           w->line);
        document = take_line(w);
    }
    return decode_item(w, action_line, document, why);
}

static enum err decode(const struct decode_input *in, struct decode_output *out, struct err_text *why) {
    static const struct row_options options = { .label_fields = true };
    struct bulk_walk w = { .in = in,
                           .out = out,
                           .p = in->body.p,
                           .end = in->body.n ? in->body.p + in->body.n : in->body.p,
                           .path_index = index_of_path(in->path) };
    if (in->body.n == 0)
        return err_say(why, ERR_INVALID, "request body is required");
    if (w.end[-1] != '\n')
        return err_say(why, ERR_INVALID, "The bulk request must be terminated by a newline [\\n]");
    TRY(row_maker_open(in, out, &options, &w.m, why));
    while (w.p < w.end)
        TRY(decode_pair(&w, why));
    row_maker_close(w.m);
    return ERR_OK;
}

/* ---- the answer ---- */

static const char *error_type(enum err result) {
    switch (result) {
    case ERR_INVALID: return "illegal_argument_exception";
    case ERR_LIMIT:
    case ERR_UNAVAILABLE: return "es_rejected_execution_exception";
    default: return "exception";
    }
}

static void add_error(struct buf *b, const char *type, struct str reason) {
    buf_addf(b, "{\"type\":\"%s\",\"reason\":", type);
    json_add_string(b, reason);
}

static void reply_refused(enum err result, const struct err_text *why, struct ingest_reply *reply) {
    const char *type = error_type(result);
    reply->status = http_status_of(result);
    buf_add(&reply->body, STR("{\"error\":{\"root_cause\":["));
    add_error(&reply->body, type, str_of(why->msg));
    buf_addf(&reply->body, "}],\"type\":\"%s\",\"reason\":", type);
    json_add_string(&reply->body, str_of(why->msg));
    buf_addf(&reply->body, "},\"status\":%u}", reply->status);
}

/* The id of a document that came without one: 20 letters from the time of arrival, the body and the item's
 * number. */
static void add_made_id(struct buf *b, int64_t received_ns, uint64_t body_hash, size_t item) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint64_t seed[3] = { (uint64_t)received_ns, body_hash, item };
    struct id128 h = hash128((struct str){ (const char *)seed, sizeof seed });
    buf_add_char(b, '"');
    for (int i = 0; i < 20; i++) {
        buf_add_char(b, letters[h.lo & 63]);
        h.lo = h.lo >> 6 | h.hi << 58;
        h.hi >>= 6;
    }
    buf_add_char(b, '"');
}

static void add_item_error(struct buf *b, const struct decode_output *out, const struct decode_item *it) {
    buf_add(b, STR(",\"status\":400,\"error\":"));
    bool refused = it->op == OP_UPDATE || it->op == OP_DELETE;
    add_error(b, refused ? "illegal_argument_exception" : "document_parsing_exception",
              out->rejects.p[it->reject].reason);
    buf_add_char(b, '}');
}

static void add_item_result(struct buf *b, const struct decode_item *it) {
    if (it->duplicate && it->op == OP_CREATE) {
        buf_add(b, STR(",\"status\":409,\"error\":"));
        add_error(b, "version_conflict_engine_exception", STR("version conflict, document already exists"));
        buf_add_char(b, '}');
        return;
    }
    buf_addf(b, ",\"_version\":1,\"result\":\"%s\",\"status\":%d", it->duplicate ? "noop" : "created",
             it->duplicate ? 200 : 201);
}

static bool item_failed(const struct decode_item *it) {
    return it->rejected || (it->duplicate && it->op == OP_CREATE);
}

static void reply_items(const struct decode_input *in, const struct decode_output *out, struct buf *b) {
    enum { HASHED_BYTES_MAX = 4096 };
    uint64_t body_hash =
        hash64((struct str){ in->body.p, in->body.n < HASHED_BYTES_MAX ? in->body.n : HASHED_BYTES_MAX });
    bool errors = false;
    for (size_t i = 0; i < out->items.n; i++)
        errors = errors || item_failed(&out->items.p[i]);
    buf_addf(b, "{\"took\":0,\"errors\":%s,\"items\":[", errors ? "true" : "false");
    for (size_t i = 0; i < out->items.n; i++) {
        const struct decode_item *it = &out->items.p[i];
        buf_addf(b, "%s{\"%s\":{\"_index\":", i ? "," : "", op_names[it->op]);
        json_add_string(b, it->index);
        buf_add(b, STR(",\"_id\":"));
        if (it->id.n)
            json_add_string(b, it->id);
        else
            add_made_id(b, in->received_ns, body_hash, i);
        if (it->rejected)
            add_item_error(b, out, it);
        else
            add_item_result(b, it);
        buf_add(b, STR("}}"));
    }
    buf_add(b, STR("]}"));
}

static void reply(const struct decode_input *in, const struct decode_output *out, enum err result,
                  const struct err_text *why, struct ingest_reply *to) {
    to->status = 200;
    to->content_type = "application/json";
    to->elastic_product = true;
    if (result != ERR_OK)
        reply_refused(result, why, to);
    else
        reply_items(in, out, &to->body);
}

const struct ingest_proto ingest_es_bulk = {
    .name = "es_bulk",
    .http_method = "POST|PUT",
    .http_paths = { "/_bulk", "/{index}/_bulk" },
    .help = "Elasticsearch's bulk API: index and create.",
    .decode = decode,
    .reply = reply,
    .memo_free = row_maker_memo_free,
};
