#pragma once
#include "base/map.h"
#include "ingest/ingest.h"
#include "parse/timestamp.h"
/*
 * What every decoder does with the fields of a row, once. A decoder asks for the *slot* of each field name
 * (kept from request to request) and puts values into slots; the maker knows which slot is the row's time, a
 * label of its stream, a well-known field under one of its aliases, or just a field.
 *
 *     row_maker_open     once a request
 *     row_maker_labels   the stream, where the protocol has one (else it comes from label fields alone)
 *     row_maker_begin, row_maker_put…, row_maker_end | row_maker_reject     for each row
 *
 * Several fields of one row can mean the same ("message" and "msg"). The best name wins whatever the order:
 * the option of the request, then the well-known name itself, then its aliases in the order of
 * field_alias()'s table. The loser is stored under its own name, so nothing is lost. The same name twice: the
 * last one wins.
 *
 * A time that cannot be read: the row is kept with the time of its arrival, and the text stays under the
 * field's own name (counted in sonde_ingest_unreadable_times_total). A field that gets no number of its own
 * (a name over FIELD_NAME_BYTES_MAX, a full dictionary) goes into the row's map `@rest`, as JSON.
 *
 * Names that begin with '@' and are ours (@timestamp, @ingested, @template, @stream, @rest) never become
 * columns of that name: as a loser or a stranger they are stored without the '@'.
 */
enum {
    ROW_SLOTS_MAX = 8192, /* known names; then they are forgotten between two rows */
    ROW_LABEL_FIELDS_MAX = 48,
    ROW_REJECTS_MAX = 10000,        /* of one request; then the request is refused */
    ROW_REQUEST_ROWS_MAX = 1 << 20, /* of one request */
    ROW_REJECT_RAW_BYTES_MAX = 64 << 10,
    ROW_STREAMS_CACHED_MAX = 1024,
    ROW_PROFILES_MAX = 8, /* different options that one shard remembers for one protocol */
};

/* What a slot's value is for. The numbers after ROW_USE_LABEL are labels. */
enum row_use {
    ROW_USE_TIME,
    ROW_USE_MESSAGE,
    ROW_USE_LEVEL,
    ROW_USE_TRACE_ID,
    ROW_USE_SPAN_ID,
    ROW_USE_ID,
    ROW_USE_LABEL,
    ROW_USE_COUNT = ROW_USE_LABEL + ROW_LABEL_FIELDS_MAX,
    ROW_USE_FIELD = ROW_USE_COUNT, /* none of these: a column of its own */
    ROW_USE_REST,                  /* no number to be had: into @rest */
};
_Static_assert(ROW_USE_COUNT <= 64, "one word says which uses a row has");

struct row_slot {
    uint64_t row;      /* in which it was put last */
    uint64_t cell_row; /* in which it got a cell of its own: batch->cells.p[cell] */
    uint32_t cell;
    uint16_t field; /* its own number */
    uint8_t use;
    uint8_t rank; /* of names with the same use the lowest wins */
    struct str name;
};

struct row_options {
    bool label_fields; /* the configured ones, and ?stream= */
    bool named_fields; /* ?time= and ?message= */
};

struct row_use_state {
    struct row_slot *slot;
    struct cell value;
};
struct row_stream {
    uint64_t hash;
    struct str key; /* empty: free */
    uint32_t number;
};

/* One set of options of one protocol on one shard. */
struct row_maker {
    const struct decode_input *in;
    struct decode_output *out;
    struct batch *batch;
    uint64_t row_number; /* grows with each begun row; never 0 in use */
    uint64_t uses;       /* bit: state[use] is set in this row */
    bool row_open;       /* begun, neither ended nor rejected */
    struct row_use_state state[ROW_USE_COUNT];
    struct batch_mark mark;
    uint32_t field_rest;
    int64_t unreadable_times, rest_fields;

    struct str options_key;
    struct str label_names[ROW_LABEL_FIELDS_MAX];
    size_t label_count;
    struct str time_name, message_name;

    struct map slot_by_name;
    VEC(struct row_slot *) slots;
    struct row_slot *well_known[ROW_USE_LABEL]; /* the slots of @timestamp, @message, … */
    struct arena names;                         /* names and slots */
    uint32_t slots_epoch;                       /* grows when they are forgotten */
    const struct field_dict *fields;            /* of which the slots' numbers are */
    const struct stream_dict *stream_dict;
    uint32_t field_generation, stream_generation;

    struct buf base_key; /* labels of the protocol, as the key of the cache */
    struct label base_labels[LABELS_COUNT_MAX];
    size_t base_label_count;
    uint32_t base_stream; /* of rows without label fields; UINT32_MAX: there is no room for it */
    struct buf key, canonical, rest;
    struct row_stream *streams; /* direct-mapped */
    struct arena stream_keys;
    struct timestamp_cache time_cache;
    struct key_tree *keys; /* of json_row.c; NULL until used */
    struct arena options_mem;
};

/* The maker of these options, from the protocol's memo. ERR_LIMIT: too many label fields. */
NODISCARD enum err row_maker_open(const struct decode_input *in, struct decode_output *out,
                                  const struct row_options *options, struct row_maker **out_maker,
                                  struct err_text *why);
/* Adds the counters of the request. */
void row_maker_close(struct row_maker *m);
void row_maker_memo_free(struct decode_memo *memo);

/* The labels that the following rows have in common. They must stay as long as the rows are made. ERR_LIMIT
 * when they are over a cap. */
NODISCARD enum err row_maker_labels(struct row_maker *m, const struct label *labels, size_t count,
                                    struct err_text *why);

/* What a protocol's own label is called here: `service` for service.name and service_name, `host` for
 * host.name and hostname, else as it is. */
struct str row_maker_label_name(struct str name);

/* Slots live until the next row begins. NULL: the name has no slot; use row_maker_rest(). */
struct row_slot *row_maker_slot(struct row_maker *m, struct str name);

void row_maker_begin(struct row_maker *m);
/* `value.field` is ignored. Bytes must live as long as the batch. */
void row_maker_put_slow(struct row_maker *m, struct row_slot *slot, struct cell value);
void row_maker_rest(struct row_maker *m, struct str name, struct cell value);
/* To the slot of that name, or to @rest when it has none. */
void row_maker_put_named(struct row_maker *m, struct str name, struct cell value);

static inline void row_maker_cell(struct row_maker *m, struct cell value) {
    struct batch *b = m->batch;
    if (UNLIKELY(b->cells.n == b->cells.cap))
        VEC_RESERVE(&b->cells, b->cells.n + 1);
    b->cells.p[b->cells.n++] = value;
}
static inline void row_maker_put(struct row_maker *m, struct row_slot *slot, struct cell value) {
    if (UNLIKELY(slot->row == m->row_number || slot->use > ROW_USE_FIELD)) {
        row_maker_put_slow(m, slot, value);
        return;
    }
    slot->row = m->row_number;
    if (slot->use == ROW_USE_FIELD) {
        slot->cell_row = m->row_number;
        slot->cell = (uint32_t)m->batch->cells.n;
        value.field = slot->field;
        row_maker_cell(m, value);
    } else if (LIKELY(!(m->uses >> slot->use & 1))) {
        m->uses |= 1ull << slot->use;
        m->state[slot->use] = (struct row_use_state){ slot, value };
    } else {
        row_maker_put_slow(m, slot, value);
    }
}

/* Ends the row. When it cannot be kept it becomes a reject, and that is no error: the error is that the
 * request has too many rows or rejects. `raw` is the row as sent. */
NODISCARD enum err row_maker_end(struct row_maker *m, struct str raw, struct err_text *why);
/* Ends the row as a reject: nothing of it stays. A row that has not begun can be rejected too. */
PRINTF(5, 6)
NODISCARD enum err row_maker_reject(struct row_maker *m, enum err code, struct str raw, struct err_text *why,
                                    const char *format, ...);
