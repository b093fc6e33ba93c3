#pragma once
#include "base/arena.h"
#include "base/body.h"
#include "base/map.h"
#include "base/vec.h"
#include "model/labels.h"
#include "model/table.h"
#include "model/value.h"
/*
 * Rows in flight, between a decoder and a sealed block; merges use it too. Row-major and flat: a row
 * names a run of cells, a cell is 16 bytes and points into a request body (counted), the batch's arena, or
 * memory that the caller keeps until the batch is cleared. Names of fields and label sets of streams are small
 * numbers from two dictionaries that outlive the batch (one pair per shard), so that a decoder that
 * has seen a line's shape before hashes nothing.
 *
 * One thread at a time. Order: batch_init, then for each row batch_row_begin, batch_cell…,
 * batch_row_end; a block is sealed from it; batch_clear.
 */

/* Field names <-> numbers. The first FIELD_WELL_KNOWN_COUNT are fixed. */
enum field_id {
    FIELD_MESSAGE = 0, /* @message */
    FIELD_LEVEL,       /* level */
    FIELD_TRACE_ID,    /* trace_id */
    FIELD_SPAN_ID,     /* span_id */
    FIELD_RAW,         /* @raw */
    FIELD_ID,          /* @id, when the sender gave one */
    FIELD_REASON,      /* reason, of a dead letter */
    FIELD_WELL_KNOWN_COUNT
};
enum {
    FIELD_NAME_BYTES_MAX = 256,
    FIELD_DICT_COUNT_MAX = 32768,  /* then the dictionary asks for a reset between batches */
    ROW_BYTES_MAX = 2 << 20,       /* longer rows are dead letters */
    ROW_CELLS_MAX = 4096,
};
struct field_dict {
    struct map by_name;
    VEC(struct str) names; /* index: field number */
    struct arena mem;
    uint32_t generation; /* grows with each reset: numbers cached under an older one are void */
};
void field_dict_init(struct field_dict *d);
void field_dict_fini(struct field_dict *d);
/* Number of `name`, new if needed; UINT32_MAX when the dictionary is full or the name too long or
 * empty (the caller then rejects the row or stores it under `@rest`). Aliases are NOT applied here. */
uint32_t field_dict_put(struct field_dict *d, struct str name);
bool field_dict_full(const struct field_dict *d); /* over three quarters: reset at the next chance */
void field_dict_reset(struct field_dict *d);
/* The well-known name that `name` is an alias of (msg, message, log, body -> @message; severity,
 * log.level, lvl -> level; traceId, trace.id -> trace_id; timestamp, ts, time -> @timestamp …), or
 * `name` itself. One table, for ingest and queries alike (queries apply it when no such column exists). */
struct str field_alias(struct str name);
/* Which of several aliases in one row is meant: the lowest; 0 for a name that is not an alias. */
unsigned field_alias_rank(struct str name);

/* Label sets <-> numbers. */
enum { STREAM_DICT_COUNT_MAX = 65536 };
struct stream_dict {
    struct map by_labels; /* canonical bytes -> number */
    VEC(struct stream_entry {
        struct str labels; /* canonical */
        struct id128 id;
    }) entries;
    struct arena mem;
    uint32_t generation;
};
void stream_dict_init(struct stream_dict *d);
void stream_dict_fini(struct stream_dict *d);
/* UINT32_MAX when full. */
uint32_t stream_dict_put(struct stream_dict *d, struct str canonical_labels);
bool stream_dict_full(const struct stream_dict *d);
void stream_dict_reset(struct stream_dict *d);

struct cell {
    uint16_t field;
    uint8_t type;  /* enum value_type */
    uint8_t spare;
    uint32_t bytes; /* of p, when the type has bytes */
    union {
        const char *p;
        int64_t i; /* INT, TIME; BOOL as 0 or 1 */
        double f;
    };
};
_Static_assert(sizeof(struct cell) == 16, "cells are the hot array");

struct row {
    int64_t time_ns;
    int64_t received_ms; /* @ingested */
    uint32_t stream;     /* in the batch's stream_dict */
    uint32_t cell_first, cell_count;
    uint32_t raw_bytes;  /* of the row as it was sent: accounting and rate limits */
};

struct batch {
    struct field_dict *fields;   /* borrowed */
    struct stream_dict *streams; /* borrowed */
    struct arena mem;            /* unescaped strings and the like */
    VEC(struct row) rows;
    VEC(struct cell) cells;
    VEC(struct body *) bodies;   /* references held until batch_clear */
    VEC(struct id128) claims;    /* ids of requests and documents, made durable with the rows */
    uint64_t raw_bytes;
};
void batch_init(struct batch *b, struct field_dict *fields, struct stream_dict *streams, size_t mem_limit_bytes);
void batch_fini(struct batch *b);
void batch_clear(struct batch *b);
/* Keeps `body` alive until batch_clear (takes a reference of its own). */
void batch_keep(struct batch *b, struct body *body);

/* A point to return to when a row or a request turns out bad: drops all rows and cells added since. */
struct batch_mark {
    size_t rows, cells, claims;
    uint64_t raw_bytes;
};
struct batch_mark batch_mark(const struct batch *b);
void batch_rollback(struct batch *b, struct batch_mark m);

/* Takes a row out without moving the others, so that indices of rows stay true until batch_compact. */
static const uint32_t ROW_DROPPED = UINT32_MAX;
static inline void batch_drop(struct batch *b, size_t row) {
    b->raw_bytes -= b->rows.p[row].raw_bytes;
    b->rows.p[row].stream = ROW_DROPPED;
}
/* Closes the gaps that batch_drop left at or after `first`. */
void batch_compact(struct batch *b, size_t first);

/* The row's cells are those pushed between begin and end. */
static inline struct row *batch_row_begin(struct batch *b) {
    VEC_RESERVE(&b->rows, b->rows.n + 1);
    struct row *r = &b->rows.p[b->rows.n];
    *r = (struct row){ .cell_first = (uint32_t)b->cells.n };
    return r;
}
static inline void batch_cell(struct batch *b, struct cell c) { VEC_PUSH(&b->cells, c); }
static inline void batch_row_end(struct batch *b) {
    struct row *r = &b->rows.p[b->rows.n++];
    r->cell_count = (uint32_t)b->cells.n - r->cell_first;
    b->raw_bytes += r->raw_bytes;
}
static inline struct cell cell_bytes(uint32_t field, enum value_type type, struct str s) {
    return (struct cell){ .field = (uint16_t)field, .type = (uint8_t)type, .bytes = (uint32_t)s.n, .p = s.p };
}
static inline struct cell cell_int(uint32_t field, enum value_type type, int64_t i) {
    return (struct cell){ .field = (uint16_t)field, .type = (uint8_t)type, .i = i };
}
static inline struct cell cell_float(uint32_t field, double f) {
    return (struct cell){ .field = (uint16_t)field, .type = VALUE_FLOAT, .f = f };
}
