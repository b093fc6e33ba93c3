#include "ingest/row_maker.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/heap.h"
#include "base/stat.h"
#include "ingest/json_row.h"
#include "wire/json.h"
#include <stdarg.h>
#include <stdio.h>

enum { STREAM_KEYS_BYTES_MAX = 4 << 20 };

/* What a protocol remembers on one shard: a maker for each set of options that it has seen lately. */
struct decode_memo {
    struct row_maker *makers[ROW_PROFILES_MAX];
    unsigned next; /* to be replaced */
};

static const struct {
    const char *name;
    uint16_t field;
} well_known[ROW_USE_LABEL] = {
    [ROW_USE_TIME] = { "@timestamp", UINT16_MAX },    [ROW_USE_MESSAGE] = { "@message", FIELD_MESSAGE },
    [ROW_USE_LEVEL] = { "level", FIELD_LEVEL },       [ROW_USE_TRACE_ID] = { "trace_id", FIELD_TRACE_ID },
    [ROW_USE_SPAN_ID] = { "span_id", FIELD_SPAN_ID }, [ROW_USE_ID] = { "@id", FIELD_ID },
};

/* Our own names that are no columns; a sender's field of such a name loses its '@'. */
static const char *const virtual_names[] = { "@ingested", "@template", "@stream", "@rest" };

static void forget_slots(struct row_maker *m) {
    map_clear(&m->slot_by_name);
    m->slots.n = 0;
    arena_reset(&m->names);
    m->slots_epoch++;
    m->field_rest = field_dict_put(m->batch->fields, STR("@rest"));
    for (size_t i = 0; i < ROW_USE_LABEL; i++)
        m->well_known[i] = row_maker_slot(m, str_of(well_known[i].name));
}

static void forget_streams(struct row_maker *m) {
    memset(m->streams, 0, ROW_STREAMS_CACHED_MAX * sizeof *m->streams);
    arena_reset(&m->stream_keys);
}

static void maker_free(struct row_maker *m) {
    if (!m)
        return;
    map_fini(&m->slot_by_name);
    VEC_FINI(&m->slots);
    arena_fini(&m->names);
    arena_fini(&m->stream_keys);
    arena_fini(&m->options_mem);
    buf_fini(&m->base_key);
    buf_fini(&m->key);
    buf_fini(&m->canonical);
    buf_fini(&m->rest);
    json_row_keys_free(m->keys);
    heap_free(m->streams);
    heap_free(m);
}

void row_maker_memo_free(struct decode_memo *memo) {
    if (!memo)
        return;
    for (size_t i = 0; i < ROW_PROFILES_MAX; i++)
        maker_free(memo->makers[i]);
    heap_free(memo);
}

static struct str param(const struct decode_input *in, const char *name) {
    for (size_t i = 0; i < in->param_count; i++)
        if (str_eq(in->params[i].name, str_of(name)))
            return in->params[i].value;
    return (struct str){ 0 };
}

static void add_part(struct buf *key, struct str part) {
    buf_add_le32(key, (uint32_t)part.n);
    buf_add(key, part);
}

/* Everything that decides what a slot is for: the names of label fields, then those of time and message. */
static enum err options_key(const struct decode_input *in, const struct row_options *o, struct buf *key,
                            struct err_text *why) {
    size_t count = 0;
    add_part(key, o->named_fields ? param(in, "time") : (struct str){ 0 });
    add_part(key, o->named_fields ? param(in, "message") : (struct str){ 0 });
    for (; o->label_fields && count < in->label_field_count; count++)
        add_part(key, in->label_fields[count]);
    struct str rest = o->label_fields ? param(in, "stream") : (struct str){ 0 }, name;
    while (rest.n) {
        if (!str_cut(&rest, ',', &name))
            name = rest, rest.n = 0;
        name = str_trim(name);
        if (name.n)
            add_part(key, name), count++;
    }
    if (count > ROW_LABEL_FIELDS_MAX || !buf_ok(key))
        return err_say(why, ERR_LIMIT, "more than %d label fields", ROW_LABEL_FIELDS_MAX);
    return ERR_OK;
}

static struct row_maker *maker_new(struct str key) {
    struct row_maker *m = HEAP_NEW(struct row_maker);
    arena_init(&m->options_mem, 0);
    arena_init(&m->names, 0);
    arena_init(&m->stream_keys, 0);
    m->streams = HEAP_ARRAY(struct row_stream, ROW_STREAMS_CACHED_MAX);
    m->key.limit_bytes = m->base_key.limit_bytes = m->canonical.limit_bytes = 4 * LABELS_BYTES_MAX;
    m->rest.limit_bytes = ROW_BYTES_MAX;
    ERR_IGNORE(arena_dup(&m->options_mem, key, &m->options_key), "no limit: the key is capped");
    struct reader parts = reader_of(m->options_key);
    m->time_name = reader_bytes(&parts, reader_le32(&parts));
    m->message_name = reader_bytes(&parts, reader_le32(&parts));
    while (reader_left(&parts))
        m->label_names[m->label_count++] = reader_bytes(&parts, reader_le32(&parts));
    ASSERT(!parts.failed);
    return m;
}

static struct row_maker *maker_find(struct decode_memo **memo, struct str key) {
    if (!*memo)
        *memo = HEAP_NEW(struct decode_memo);
    for (size_t i = 0; i < ROW_PROFILES_MAX; i++)
        if ((*memo)->makers[i] && str_eq((*memo)->makers[i]->options_key, key))
            return (*memo)->makers[i];
    struct row_maker **place = &(*memo)->makers[(*memo)->next++ % ROW_PROFILES_MAX];
    maker_free(*place);
    return *place = maker_new(key);
}

enum err row_maker_open(const struct decode_input *in, struct decode_output *out,
                        const struct row_options *options, struct row_maker **out_maker,
                        struct err_text *why) {
    AUTO(buf) key = { .limit_bytes = 64 << 10 };
    TRY(options_key(in, options, &key, why));
    struct row_maker *m = maker_find(in->memo, buf_str(&key));
    m->in = in;
    m->out = out;
    m->batch = out->batch;
    if (m->fields != m->batch->fields || m->field_generation != m->batch->fields->generation) {
        m->fields = m->batch->fields;
        m->field_generation = m->fields->generation;
        forget_slots(m);
    }
    if (m->stream_dict != m->batch->streams || m->stream_generation != m->batch->streams->generation) {
        m->stream_dict = m->batch->streams;
        m->stream_generation = m->stream_dict->generation;
        forget_streams(m);
    }
    m->unreadable_times = m->rest_fields = 0;
    TRY(row_maker_labels(m, NULL, 0, why));
    *out_maker = m;
    return ERR_OK;
}

void row_maker_close(struct row_maker *m) {
    if (m->unreadable_times)
        stat_add(STAT_INGEST_UNREADABLE_TIMES, m->unreadable_times);
    if (m->rest_fields)
        stat_add(STAT_INGEST_REST_FIELDS, m->rest_fields);
}

/* ---- slots ---- */

static bool use_of_label(const struct row_maker *m, struct str name, struct row_slot *slot) {
    for (size_t i = 0; i < m->label_count; i++)
        if (str_eq(name, m->label_names[i])) {
            slot->use = (uint8_t)(ROW_USE_LABEL + i);
            return true;
        }
    return false;
}

/* What a field of this name is for, and how strong its claim is. */
static void slot_resolve(const struct row_maker *m, struct row_slot *slot) {
    struct str name = slot->name, meant = field_alias(name);
    bool is_time = m->time_name.n && str_eq(name, m->time_name);
    if (is_time || (m->message_name.n && str_eq(name, m->message_name))) {
        slot->use = is_time ? ROW_USE_TIME : ROW_USE_MESSAGE;
        return;
    }
    slot->rank = 1;
    if (use_of_label(m, name, slot))
        return;
    slot->rank = (uint8_t)(1 + field_alias_rank(name));
    for (uint8_t i = 0; i < ROW_USE_LABEL; i++)
        if (str_eq(meant, str_of(well_known[i].name))) {
            slot->use = i;
            return;
        }
    if (!use_of_label(m, meant, slot))
        slot->use = ROW_USE_FIELD;
}

/* The name under which a field is stored when it is just a field. */
static struct str own_name(const struct row_slot *slot) {
    bool ours = slot->use < ROW_USE_LABEL;
    for (size_t i = 0; i < COUNT_OF(virtual_names); i++)
        ours = ours || str_eq(slot->name, str_of(virtual_names[i]));
    return ours && slot->name.p[0] == '@' && slot->name.n > 1 ? str_skip(slot->name, 1) : slot->name;
}

struct row_slot *row_maker_slot(struct row_maker *m, struct str name) {
    uint32_t at;
    if (map_get(&m->slot_by_name, name, &at))
        return m->slots.p[at];
    if (name.n == 0 || name.n > FIELD_NAME_BYTES_MAX)
        return NULL;
    struct row_slot *slot = ARENA_NEW(&m->names, struct row_slot, 1);
    ERR_IGNORE(arena_dup(&m->names, name, &slot->name), "no limit: slots are counted");
    slot_resolve(m, slot);
    if (slot->use == ROW_USE_FIELD) {
        uint32_t number = field_dict_put(m->batch->fields, own_name(slot));
        slot->field = (uint16_t)number;
        if (number == UINT32_MAX)
            slot->use = ROW_USE_REST;
    }
    VEC_PUSH(&m->slots, slot);
    bool is_new;
    at = map_put(&m->slot_by_name, name, (uint32_t)m->slots.n - 1, &is_new);
    ASSERT(is_new);
    return slot;
}

/* ---- values ---- */

void row_maker_begin(struct row_maker *m) {
    if (UNLIKELY(m->slots.n > ROW_SLOTS_MAX))
        forget_slots(m);
    struct batch *b = m->batch;
    m->mark = (struct batch_mark){ b->rows.n, b->cells.n, b->claims.n, b->raw_bytes };
    m->row_number++;
    m->uses = 0;
    m->rest.n = 0;
    m->rest.overflow = false;
    m->row_open = true;
    (void)batch_row_begin(b);
}

static void add_json(struct buf *out, struct cell value) {
    struct str bytes = { value.p, value.bytes };
    switch ((enum value_type)value.type) {
    case VALUE_BOOL: buf_add(out, value.i ? STR("true") : STR("false")); break;
    case VALUE_INT: buf_add_i64(out, value.i); break;
    case VALUE_FLOAT: json_add_f64(out, value.f); break;
    case VALUE_NUMBER_TEXT:
    case VALUE_JSON: buf_add(out, bytes); break;
    default: json_add_string(out, value_has_bytes(value.type) ? bytes : (struct str){ 0 }); break;
    }
}

void row_maker_rest(struct row_maker *m, struct str name, struct cell value) {
    m->rest_fields++;
    if (m->rest.n == 0)
        buf_add_char(&m->rest, '{');
    json_add_key(&m->rest, name);
    add_json(&m->rest, value);
}

void row_maker_put_named(struct row_maker *m, struct str name, struct cell value) {
    struct row_slot *slot = row_maker_slot(m, name);
    if (slot)
        row_maker_put(m, slot, value);
    else
        row_maker_rest(m, name, value);
}

/* As a column under the field's own name. */
static void put_own(struct row_maker *m, struct row_slot *slot, struct cell value) {
    struct str name = own_name(slot);
    struct row_slot *column = str_eq(name, slot->name) ? slot : row_maker_slot(m, name);
    uint32_t number = column ? field_dict_put(m->batch->fields, name) : UINT32_MAX;
    bool taken = column && column != slot && column->cell_row == m->row_number;
    if (number == UINT32_MAX || taken) {
        row_maker_rest(m, name, value);
        return;
    }
    value.field = (uint16_t)number;
    if (column->cell_row == m->row_number) {
        m->batch->cells.p[column->cell] = value;
        return;
    }
    column->cell_row = m->row_number;
    column->cell = (uint32_t)m->batch->cells.n;
    row_maker_cell(m, value);
}

void row_maker_put_slow(struct row_maker *m, struct row_slot *slot, struct cell value) {
    slot->row = m->row_number;
    if (slot->use == ROW_USE_REST) {
        row_maker_rest(m, own_name(slot), value);
        return;
    }
    struct row_use_state *state = slot->use < ROW_USE_COUNT ? &m->state[slot->use] : NULL;
    if (!state || (m->uses >> slot->use & 1 && state->slot != slot && slot->rank >= state->slot->rank)) {
        put_own(m, slot, value);
        return;
    }
    if (m->uses >> slot->use & 1 && state->slot != slot)
        put_own(m, state->slot, state->value);
    m->uses |= 1ull << slot->use;
    *state = (struct row_use_state){ slot, value };
}

/* ---- streams ---- */

struct str row_maker_label_name(struct str name) {
    struct str meant = field_alias(name);
    return str_eq(meant, STR("service")) || str_eq(meant, STR("host")) ? meant : name;
}

static uint32_t stream_new(struct row_maker *m, struct str key, struct err_text *why) {
    struct label labels[LABELS_COUNT_MAX + ROW_LABEL_FIELDS_MAX];
    size_t count = m->base_label_count;
    memcpy(labels, m->base_labels, count * sizeof *labels);
    struct reader r = reader_of(str_skip(key, m->base_key.n));
    while (reader_left(&r)) {
        labels[count].name = m->label_names[reader_u8(&r)];
        labels[count++].value = reader_bytes(&r, reader_le32(&r));
    }
    ASSERT(!r.failed);
    buf_clear(&m->canonical);
    if (labels_canonical(labels, count, &m->canonical, why) != ERR_OK)
        return UINT32_MAX;
    uint32_t number = stream_dict_put(m->batch->streams, buf_str(&m->canonical));
    if (number == UINT32_MAX)
        ERR_IGNORE(err_say(why, ERR_LIMIT, "more than %d streams at once", STREAM_DICT_COUNT_MAX), "said");
    return number;
}

static uint32_t stream_find(struct row_maker *m, struct str key, struct err_text *why) {
    uint64_t hash = hash64(key);
    struct row_stream *s = &m->streams[hash % ROW_STREAMS_CACHED_MAX];
    if (LIKELY(s->hash == hash && s->key.p && str_eq(s->key, key)))
        return s->number;
    uint32_t number = stream_new(m, key, why);
    if (number == UINT32_MAX)
        return number;
    if (m->stream_keys.used_bytes > STREAM_KEYS_BYTES_MAX)
        forget_streams(m);
    s->hash = hash;
    s->number = number;
    ERR_IGNORE(arena_dup(&m->stream_keys, key, &s->key), "no limit: emptied above");
    return number;
}

enum err row_maker_labels(struct row_maker *m, const struct label *labels, size_t count,
                          struct err_text *why) {
    if (count > LABELS_COUNT_MAX)
        return err_say(why, ERR_LIMIT, "%zu labels; at most %d", count, LABELS_COUNT_MAX);
    buf_clear(&m->base_key);
    buf_add_le32(&m->base_key, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        add_part(&m->base_key, labels[i].name);
        add_part(&m->base_key, labels[i].value);
        m->base_labels[i] = labels[i];
    }
    m->base_label_count = count;
    if (!buf_ok(&m->base_key))
        return err_say(why, ERR_LIMIT, "labels of more than %d bytes", LABELS_BYTES_MAX);
    m->base_stream = stream_find(m, buf_str(&m->base_key), why);
    return m->base_stream == UINT32_MAX ? ERR_LIMIT : ERR_OK;
}

/* Labels are short: a call of memcpy costs more than their copy. */
static inline char *copy_short(char *to, const char *from, size_t n) {
    if (n >= 8 && n <= 16) {
        uint64_t head = le64_get(from), tail = le64_get(from + n - 8);
        le64_put(to, head);
        le64_put(to + n - 8, tail);
    } else if (n >= 4 && n < 8) {
        uint32_t head = le32_get(from), tail = le32_get(from + n - 4);
        le32_put(to, head);
        le32_put(to + n - 4, tail);
    } else if (n) {
        memcpy(to, from, n);
    }
    return to + n;
}

/* A label that came as a number or a boolean gets its text. False when memory is spent. */
static bool label_to_text(struct row_maker *m, struct cell *value) {
    AUTO(buf) text = { 0 };
    struct str kept;
    add_json(&text, *value);
    if (arena_dup(&m->batch->mem, buf_str(&text), &kept) != ERR_OK)
        return false;
    *value = cell_bytes(0, VALUE_STRING, kept);
    return true;
}

/* The key of a stream: the protocol's labels, then (number, length, value) of each label field of the row. */
static bool stream_key(struct row_maker *m, uint64_t label_uses) {
    enum { HEAD_BYTES = 5 };
    size_t bytes = m->base_key.n;
    for (uint64_t left = label_uses; left; left &= left - 1) {
        struct cell *value = &m->state[__builtin_ctzll(left)].value;
        if (UNLIKELY(!value_has_bytes(value->type)) && !label_to_text(m, value))
            return false;
        bytes += HEAD_BYTES + value->bytes;
    }
    buf_clear(&m->key);
    char *to = buf_reserve(&m->key, bytes);
    if (!to)
        return false;
    to = copy_short(to, m->base_key.p, m->base_key.n);
    for (; label_uses; label_uses &= label_uses - 1) {
        unsigned use = (unsigned)__builtin_ctzll(label_uses);
        const struct cell *value = &m->state[use].value;
        *to = (char)(use - ROW_USE_LABEL);
        le32_put(to + 1, value->bytes);
        to = copy_short(to + HEAD_BYTES, value->p, value->bytes);
    }
    m->key.n = bytes;
    return true;
}

/* The stream of the row that is being ended: the protocol's labels and the row's label fields. */
static uint32_t row_stream(struct row_maker *m, uint64_t label_uses, struct err_text *why) {
    if (!label_uses)
        return m->base_stream;
    if (UNLIKELY(!stream_key(m, label_uses))) {
        ERR_IGNORE(err_say(why, ERR_LIMIT, "labels of more than %d bytes", LABELS_BYTES_MAX), "said");
        return UINT32_MAX;
    }
    return stream_find(m, buf_str(&m->key), why);
}

/* ---- the end of a row ---- */

static bool time_read(struct row_maker *m, struct cell value, int64_t *out_ns) {
    struct str text = { value.p, value.bytes };
    int64_t now_ns = m->in->received_ns;
    switch ((enum value_type)value.type) {
    case VALUE_STRING: return timestamp_parse_cached(&m->time_cache, text, now_ns, out_ns);
    case VALUE_TIME: *out_ns = value.i; return true;
    case VALUE_INT: return timestamp_from_i64(value.i, out_ns);
    case VALUE_NUMBER_TEXT: return timestamp_from_number(text, out_ns);
    case VALUE_FLOAT: {
        AUTO(buf) print = { .limit_bytes = 64 };
        buf_add_f64(&print, value.f);
        return timestamp_from_number(buf_str(&print), out_ns);
    }
    default: return false;
    }
}

/* Time and well-known fields, from the uses of the row. */
static int64_t end_uses(struct row_maker *m, uint64_t uses) {
    int64_t time_ns = m->in->received_ns;
    if (uses >> ROW_USE_TIME & 1) {
        struct row_use_state *s = &m->state[ROW_USE_TIME];
        if (!time_read(m, s->value, &time_ns)) {
            m->unreadable_times++;
            put_own(m, s->slot, s->value);
        }
    }
    for (uses &= ~(1ull << ROW_USE_TIME); uses; uses &= uses - 1) {
        unsigned use = (unsigned)__builtin_ctzll(uses);
        struct cell value = m->state[use].value;
        value.field = well_known[use].field;
        if (UNLIKELY(m->well_known[use]->cell_row ==
                     m->row_number)) /* `level` held a time that could not be read */
            row_maker_rest(m, m->state[use].slot->name, value);
        else
            row_maker_cell(m, value);
    }
    return time_ns;
}

static bool end_rest(struct row_maker *m) {
    struct str kept;
    if (m->rest.n == 0)
        return true;
    buf_add_char(&m->rest, '}');
    if (!buf_ok(&m->rest) || m->field_rest == UINT32_MAX ||
        arena_dup(&m->batch->mem, buf_str(&m->rest), &kept) != ERR_OK)
        return false;
    row_maker_cell(m, cell_bytes(m->field_rest, VALUE_JSON, kept));
    return true;
}

static const uint64_t label_use_bits = ~0ull << ROW_USE_LABEL;

enum err row_maker_end(struct row_maker *m, struct str raw, struct err_text *why) {
    struct batch *b = m->batch;
    if (UNLIKELY(raw.n > ROW_BYTES_MAX))
        return row_maker_reject(m, ERR_LIMIT, raw, why, "the row has %zu bytes; at most %d", raw.n,
                                ROW_BYTES_MAX);
    struct err_text labels_why;
    uint32_t stream = row_stream(m, m->uses & label_use_bits, &labels_why);
    if (UNLIKELY(stream == UINT32_MAX))
        return row_maker_reject(m, ERR_LIMIT, raw, why, "%s", labels_why.msg);
    int64_t time_ns = end_uses(m, m->uses & ~label_use_bits);
    if (UNLIKELY(!end_rest(m)))
        return row_maker_reject(m, ERR_LIMIT, raw, why, "no room for the fields of @rest");
    struct row *r = &b->rows.p[b->rows.n];
    if (UNLIKELY(b->cells.n - r->cell_first > ROW_CELLS_MAX))
        return row_maker_reject(m, ERR_LIMIT, raw, why, "more than %d fields", ROW_CELLS_MAX);
    r->time_ns = time_ns;
    r->received_ms = m->in->received_ns / NS_PER_MS;
    r->stream = stream;
    r->raw_bytes = (uint32_t)raw.n;
    batch_row_end(b);
    m->row_open = false;
    if (UNLIKELY(++m->out->row_count > ROW_REQUEST_ROWS_MAX))
        return err_say(why, ERR_LIMIT, "more than %d rows in one request", ROW_REQUEST_ROWS_MAX);
    return ERR_OK;
}

enum err row_maker_reject(struct row_maker *m, enum err code, struct str raw, struct err_text *why,
                          const char *format, ...) {
    char text[256];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (m->row_open)
        batch_rollback(m->batch, m->mark);
    m->row_open = false;
    uint32_t row = m->out->row_count++;
    if (m->out->rejects.n == ROW_REJECTS_MAX)
        return err_say(why, ERR_INVALID, "more than %d rows cannot be accepted; the last, row %u: %s",
                       ROW_REJECTS_MAX, row, text);
    struct reject r = { .row = row, .code = code, .raw = raw };
    if (r.raw.n > ROW_REJECT_RAW_BYTES_MAX)
        r.raw.n = ROW_REJECT_RAW_BYTES_MAX;
    if (arena_dup(m->out->mem, str_of(text), &r.reason) != ERR_OK)
        return err_say(why, ERR_LIMIT, "the memory for rejects is spent; row %u: %s", row, text);
    VEC_PUSH(&m->out->rejects, r);
    return ERR_OK;
}
