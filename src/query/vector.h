#pragma once
#include "base/bits.h"
#include "base/vec.h"
#include "block/block_read.h"
#include "query/expr.h"
/*
 * A page of a block as predicates, group keys and aggregates see it: columns of values, selections as bitmaps
 * of the page's rows.
 *
 * A field name means, for each row, the first of these that has a value: a label of the row's stream, a
 * column of the name (any type), a member of `@rest`; then the same for its alias. A view resolves a name
 * once a block; for a page, vector_walk hands out *parts*: sets of rows that get their value from one place,
 * so that loops run over typed arrays and a label is looked at once for a whole run of rows. Columns are
 * decoded when first asked for.
 *
 * Ownership: a view belongs to one thread; what it hands out lives until the next page.
 */
enum vector_special {
    VECTOR_PLAIN,
    VECTOR_TIME,
    VECTOR_INGESTED,
    VECTOR_STREAM,
    VECTOR_LOG_STREAM,
    VECTOR_TEMPLATE,
    VECTOR_ID
};
/* What a row knows without a column of that name. */
enum { VECTOR_NAMES = 2 };
struct vector_field {
    struct vector_name {
        struct str text;
        enum vector_special special;
    } names[VECTOR_NAMES]; /* the name, then its alias */
    unsigned name_count;
    bool strict; /* the name alone, also when it has an alias */
};
/* The fields that a query names, numbered. Made with the plan, read-only after. */
struct vector_fields {
    VEC(struct vector_field) list;
};
void vector_fields_fini(struct vector_fields *f);
static inline void vector_fields_auto(struct vector_fields *f) {
    vector_fields_fini(f);
}
/* Number of the field; `name` must outlive the list. */
unsigned vector_fields_put(struct vector_fields *f, struct str name);
/* The same, for a field that is not looked up by its alias. */
unsigned vector_fields_put_strict(struct vector_fields *f, struct str name);
/* Number of a field that was put; UINT_MAX when it was not. */
unsigned vector_fields_find(const struct vector_fields *f, struct str name);
/* Puts every field that `e` names. */
void vector_fields_of(struct vector_fields *f, const struct expr *e);

struct vector_bound { /* a field in one block: columns of its name, and of its alias */
    uint32_t columns[VECTOR_NAMES][VALUE_TYPE_COUNT];
    unsigned counts[VECTOR_NAMES];
};

struct vector_view {
    const struct block *block;
    const struct block_info *info;
    const struct block_stream *streams;
    const struct block_column *block_columns;
    const struct vector_fields *fields;
    struct vector_bound *bound; /* one for each field */
    uint32_t rest_column;       /* UINT32_MAX: none */
    struct arena block_mem;     /* emptied by vector_open */
    /* The page at hand. */
    uint32_t page, row_first, row_count;
    struct arena mem;                      /* emptied by vector_page */
    struct column_page **pages;            /* one for each column of the block, NULL: not decoded yet */
    const uint64_t *wanted;                /* rows whose values will be asked for one by one, or NULL */
    struct column_page **texts;            /* columns in a form that makes that cheap; NULL: not made yet */
    const int64_t *times_ns, *received_ms; /* NULL: not decoded yet */
    uint64_t generation;                   /* grows with each block */
};
void vector_init(struct vector_view *v, const struct vector_fields *fields);
void vector_fini(struct vector_view *v);
static inline void vector_view_auto(struct vector_view *v) {
    vector_fini(v);
}
/* `b` is borrowed until the next open or fini. */
NODISCARD enum err vector_open(struct vector_view *v, const struct block *b);
NODISCARD enum err vector_page(struct vector_view *v, uint32_t page);
/* Tells that the values of these rows of the page will be asked for one by one: vector_row_value(), records.
 */
void vector_want(struct vector_view *v, const uint64_t *rows);
NODISCARD enum err vector_times(struct vector_view *v);
NODISCARD enum err vector_received(struct vector_view *v);
NODISCARD enum err vector_column(struct vector_view *v, uint32_t column, const struct column_page **out);
/* As vector_column, for values one by one. */
NODISCARD enum err vector_value_column(struct vector_view *v, uint32_t column,
                                       const struct column_page **out);
/* For whoever will take the values of `rows` one by one: the same page in a form that makes that cheap. */
NODISCARD enum err vector_column_texts(struct vector_view *v, const struct column_page *c,
                                       const uint64_t *rows, const struct column_page **out);
/* A zeroed bitmap of the page's rows. NULL: out of memory. */
uint64_t *vector_bits(struct vector_view *v);
uint64_t *vector_bits_copy(struct vector_view *v, const uint64_t *rows);

/* Rows [from, to) of the page are one stream's. Start with row 0; false at the end. */
struct vector_run {
    uint32_t from, to, stream;
};
bool vector_run_first(const struct vector_view *v, struct vector_run *out);
bool vector_run_next(const struct vector_view *v, struct vector_run *run);

enum vector_part_kind { PART_CONSTANT, PART_COLUMN, PART_VALUES };
struct vector_part {
    enum vector_part_kind kind;
    uint32_t from, to;    /* rows outside of it are not part */
    const uint64_t *rows; /* those of [from, to) that are */
    struct value constant;
    const struct column_page *column;
    const struct value *values; /* by row */
};
struct vector_walk {
    struct vector_view *view;
    const struct vector_field *field;
    const struct vector_bound *bound;
    uint64_t *left; /* rows without a value so far; after the walk: where the field is absent */
    uint64_t *rows; /* of the part handed out */
    unsigned name, step, column;
    struct vector_run run;
    bool in_runs;
};
/* Walks the parts of `want`. */
NODISCARD enum err vector_walk_begin(struct vector_walk *w, struct vector_view *v, unsigned field,
                                     const uint64_t *want);
/* *out_more false: done. */
NODISCARD enum err vector_walk_next(struct vector_walk *w, struct vector_part *out, bool *out_more);
/* One row's value of a part; text of a template page is put together in the view's memory. */
NODISCARD enum err vector_value(struct vector_view *v, const struct vector_part *p, uint32_t row,
                                struct value *out);
NODISCARD enum err vector_column_value(struct vector_view *v, const struct column_page *c, uint32_t row,
                                       struct value *out);
/* The field's values in `rows`, by row; null where it is absent (and in other rows). */
NODISCARD enum err vector_field_values(struct vector_view *v, unsigned field, const uint64_t *rows,
                                       const struct value **out);
/* The field's value in one row, or null. */
NODISCARD enum err vector_row_value(struct vector_view *v, unsigned field, uint32_t row, struct value *out);
/* The value that every row of the stream has: a label, @stream. False: depends on the row. Text borrowed or
 * in `mem`. */
bool vector_stream_value(const struct vector_field *f, struct str labels, struct arena *mem,
                         struct value *out);

/* A row of the view for expr_eval. After use, look at `err`. */
struct vector_row {
    struct vector_view *view;
    uint32_t row;
    enum err err;
};
struct expr_row vector_expr_row(struct vector_row *r);
/* Members of the row's `@rest`, in order; values borrowed or in `mem`. Until `each` returns false. */
NODISCARD enum err vector_rest_each(struct vector_view *v, uint32_t row, struct arena *mem,
                                    bool (*each)(void *ctx, struct str name, const struct value *value),
                                    void *ctx);
