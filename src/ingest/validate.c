#include "ingest/validate.h"
#include "base/assert.h"
#include "wire/json.h"

enum { DEAD_LETTER_RAW_BYTES_MAX = 64 << 10 };

static void add_cell(const struct batch *b, const struct cell *c, struct buf *out) {
    json_add_string(out, b->fields->names.p[c->field]);
    buf_add_char(out, ':');
    struct str text = { c->p, c->bytes };
    switch ((enum value_type)c->type) {
    case VALUE_BOOL: buf_add(out, c->i ? STR("true") : STR("false")); break;
    case VALUE_INT:
    case VALUE_TIME: buf_add_i64(out, c->i); break;
    case VALUE_FLOAT: buf_add_f64(out, c->f); break;
    case VALUE_NUMBER_TEXT:
    case VALUE_JSON: buf_add(out, text); break;
    default: json_add_string(out, text);
    }
}

/* The row as JSON, for a dead letter: the decoder no longer knows the bytes it came from. */
static struct str row_text(const struct batch *b, const struct row *r, struct arena *mem) {
    AUTO(buf) out = { .limit_bytes = DEAD_LETTER_RAW_BYTES_MAX };
    struct str labels = b->streams->entries.p[r->stream].labels;
    struct label l;
    buf_addf(&out, "{\"@timestamp\":%lld", (long long)r->time_ns);
    while (labels_next(&labels, &l)) {
        buf_add_char(&out, ',');
        json_add_string(&out, l.name);
        buf_add_char(&out, ':');
        json_add_string(&out, l.value);
    }
    for (uint32_t i = 0; i < r->cell_count; i++) {
        buf_add_char(&out, ',');
        add_cell(b, &b->cells.p[r->cell_first + i], &out);
    }
    buf_add_char(&out, '}');
    struct str text = { 0 };
    ERR_IGNORE(arena_dup(mem, buf_str(&out), &text), "a dead letter without its text still has its reason");
    return text;
}

static const char *check(const struct row *r, const struct validate_limits *limits) {
    if (r->time_ns > limits->time_max_ns)
        return "the time is further in the future than ingest.future_limit allows";
    return NULL;
}

/* The item that `row` came of, if the protocol has items, is rejected by the reject that comes next. */
static void mark_item(struct decode_output *out, uint32_t row) {
    for (size_t i = 0; i < out->items.n; i++) {
        struct decode_item *it = &out->items.p[i];
        if (!it->rejected && row >= it->row_first && row < it->row_first + it->row_count) {
            it->rejected = true;
            it->reject = (uint32_t)out->rejects.n;
        }
    }
}

void validate_rows(struct decode_output *out, size_t first_row, const struct validate_limits *limits) {
    struct batch *b = out->batch;
    for (size_t i = first_row; i < b->rows.n; i++) {
        const char *reason = check(&b->rows.p[i], limits);
        if (!reason)
            continue;
        mark_item(out, (uint32_t)i);
        VEC_PUSH(&out->rejects, (struct reject){ .row = (uint32_t)(i - first_row),
                                                 .code = ERR_INVALID,
                                                 .reason = str_of(reason),
                                                 .raw = row_text(b, &b->rows.p[i], out->mem) });
        batch_drop(b, i);
    }
}

void dead_letters_add(const struct decode_input *in, const struct decode_output *out, struct str protocol,
                      struct batch *dead) {
    AUTO(buf) labels = { .limit_bytes = LABELS_BYTES_MAX };
    struct label l[] = { { STR("protocol"), protocol }, { STR("peer"), in->peer } };
    ERR_IGNORE(labels_canonical(l, COUNT_OF(l), &labels, NULL), "two short labels fit");
    uint32_t stream = stream_dict_put(dead->streams, buf_str(&labels));
    uint32_t row_field = field_dict_put(dead->fields, STR("row"));
    if (stream == UINT32_MAX)
        stream = stream_dict_put(dead->streams, STR(""));
    for (size_t i = 0; i < out->rejects.n; i++) {
        const struct reject *r = &out->rejects.p[i];
        struct str raw = { r->raw.p, r->raw.n < DEAD_LETTER_RAW_BYTES_MAX ? r->raw.n : DEAD_LETTER_RAW_BYTES_MAX };
        struct row *row = batch_row_begin(dead);
        row->time_ns = in->received_ns;
        row->received_ms = in->received_ns / NS_PER_MS;
        row->stream = stream == UINT32_MAX ? 0 : stream;
        row->raw_bytes = (uint32_t)(raw.n + r->reason.n);
        batch_cell(dead, cell_bytes(FIELD_MESSAGE, VALUE_STRING, raw));
        batch_cell(dead, cell_bytes(FIELD_REASON, VALUE_STRING, r->reason));
        if (row_field != UINT32_MAX)
            batch_cell(dead, cell_int(row_field, VALUE_INT, r->row));
        batch_row_end(dead);
    }
}
