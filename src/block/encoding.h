#pragma once
#include "block/block_read.h"
#include "block/dict_table.h"
#include "block/int_run.h"
#include "block/template.h"
#include "model/value.h"
#include <pthread.h>
/*
 * The interface of one encoding: how the values of one column become bytes and come back. One file each,
 * enc_x.c, named in list.def; nothing else lists them. The bytes are in docs/design/format.md, "Page parts".
 *
 * Writing, column by column: `plan` sees each page once, in order, and may decline; `plan_end` has the last
 * word; then come write_shared (a part of the column for all its pages, if any) and write_page for each page.
 * Only present values are seen. Reading: read_shared once a block, then read_page for each page asked for;
 * they see only the payload.
 */
enum encoding_id { /* stored: these never change */
                   ENCODING_NONE = 0,
                   ENCODING_CONST = 1,
                   ENCODING_INT = 2,
                   ENCODING_FLOAT = 3,
                   ENCODING_TEXT = 4,
                   ENCODING_DICT = 5,
                   ENCODING_HEX = 6,
                   ENCODING_TEMPLATE = 7,
                   ENCODING_ID_COUNT
};
enum {
    TYPES_BYTES =
        1 << VALUE_STRING | 1 << VALUE_NUMBER_TEXT | 1 << VALUE_JSON | 1 << VALUE_IP | 1 << VALUE_BYTES,
    TYPES_TEXT = 1 << VALUE_STRING | 1 << VALUE_NUMBER_TEXT | 1 << VALUE_JSON,
    TYPES_INT = 1 << VALUE_NULL | 1 << VALUE_BOOL | 1 << VALUE_INT | 1 << VALUE_TIME,
    TYPES_FLOAT = 1 << VALUE_FLOAT
};

/* One value as gathered from the rows of a block, in sorted row order. */
struct column_value {
    union {
        const char *p;
        int64_t i;
        double f;
        uint64_t bits;
    };
    uint32_t bytes; /* of p */
    uint32_t row;
};
static inline struct str column_value_str(const struct column_value *v) {
    return (struct str){ v->p, v->bytes };
}

/* Neighbours of one column: a page's values, or all of a block's. */
struct value_run {
    const struct column_value *v;
    uint32_t count;
    uint32_t first; /* number of v[0] among the column's values */
};

/* Texts lie all over the request bodies: asks for one that will be needed soon. */
static inline void value_run_prefetch(const struct value_run *run, uint32_t i) {
    enum { AHEAD = 12 };
    __builtin_prefetch(run->v[i + AHEAD < run->count ? i + AHEAD : i].p);
}

/* What encodings share while they write: scratch, and the plan of the column at hand. One for each builder.
 */
struct encoder {
    struct strip_writer *strips;
    struct int_runs ints;
    struct template_encoder *templates; /* made at first use */
    bool use_templates;
    int zstd_level;
    void (*word)(void *ctx, uint64_t token_hash); /* may be NULL */
    void *word_ctx;
    const uint64_t *times_ns; /* of the block's rows; borrowed */
    /* The column at hand. */
    enum value_type type;
    uint32_t value_count;
    enum encoding_id page_encoding;   /* what its pages are written as */
    enum encoding_id shared_encoding; /* ENCODING_NONE: no shared part */
    struct column_value const_value;
    /* Distinct values found by a plan. */
    VEC(uint32_t) codes; /* entry of each value */
    struct dict_table dict;
    size_t dict_bytes;      /* of all entries */
    VEC(unsigned char) ids; /* binary ids: entries of enc_hex, or all its values */
    uint32_t id_bytes, id_shape;
    VEC(struct str) texts; /* of enc_template */
    struct buf template_part;
    /* Scratch. */
    VEC(uint64_t) numbers;
    VEC(uint32_t) lengths;
    struct buf text;
    uint64_t recent_words[1024];
};

/* A shared part, decoded: kept by the block, read by any thread. */
struct shared_part {
    struct arena mem;
    struct str *dict; /* ENCODING_DICT, ENCODING_HEX */
    uint32_t dict_count;
    struct template_part *templates; /* ENCODING_TEMPLATE: used under `lock` */
    pthread_mutex_t lock;
};

/* One page being read. Values come out dense; block_column.c then spreads them over the rows. */
struct page_reader {
    struct reader payload;
    struct arena *mem;
    struct shared_part *shared; /* NULL when the column has none */
    enum value_type type;
    uint32_t row_count;
    uint32_t value_count; /* 1 .. row_count */
    uint32_t first;       /* values of the column in earlier pages */
};
/* Dense values; arrays have room for row_count elements (+ 1 for lengths). One of them is set. */
struct page_values {
    enum page_form form;
    int64_t *ints;
    double *floats;
    uint32_t *codes;
    const struct str *dict;
    uint32_t dict_count;
    const char *bytes; /* PAGE_STRINGS: one after the other, */
    uint32_t *lengths; /* so long each */
};

struct encoding {
    enum encoding_id id;
    uint32_t types;                                                /* bit for each value_type it can hold */
    bool (*plan)(struct encoder *e, const struct value_run *page); /* NULL: always */
    bool (*plan_end)(struct encoder *e, const struct value_run *column); /* NULL: always */
    /* Writers may end with strip_put_begin(): the builder finishes that strip before it asks for more. */
    void (*write_shared)(struct encoder *e, struct buf *out); /* NULL: none */
    void (*write_page)(struct encoder *e, const struct value_run *page, struct buf *out);
    enum err (*read_shared)(struct reader *r, struct shared_part *s); /* NULL: none */
    enum err (*read_page)(struct page_reader *p, struct page_values *out);
};
/* In the order of list.def; false at the end. */
const struct encoding *encoding_at(size_t i);
/* NULL: no such number. */
const struct encoding *encoding_of(uint8_t id);

void encoder_init(struct encoder *e);
struct block_build_options;
void encoder_start(struct encoder *e, const struct block_build_options *o);
void encoder_fini(struct encoder *e);
/* Calls e->word for the tokens of a text, most repeats left out. */
void encoder_words(struct encoder *e, struct str text);

/* Shared by enc_dict and enc_hex: pages as entry numbers. */
void enc_codes_write(struct encoder *e, const struct value_run *page, struct buf *out);
NODISCARD enum err enc_codes_read(struct page_reader *p, struct page_values *out);
