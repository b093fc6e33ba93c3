#pragma once
#include "base/arena.h"
#include "base/file.h"
#include "block/text_match.h"
#include "model/labels.h"
#include "model/table.h"
#include "model/value.h"
/*
 * An opened block: header and directory in memory (bounded), pages fetched from the file by range and
 * checked (CRC32C) before they are decoded. Immutable after block_open, so any number of threads may
 * read one block. Every read of a damaged part says ERR_CORRUPT and never gives a wrong value; bytes of
 * a block are foreign bytes (fuzzed).
 */
struct block;

struct block_source {
    struct file *file; /* borrowed for the block's life, or NULL when mem is given */
    uint64_t offset;
    uint64_t size_bytes; /* exact; 0 with a file: read from the header */
    const char *mem;     /* borrowed for the block's life */
};
/* Caller owns *out and ends it with block_free(). ERR_UNSUPPORTED names an unknown incompat bit. */
NODISCARD enum err block_open(const struct block_source *source, struct err_text *why, struct block **out);
void block_free(struct block *b);

struct block_info {
    enum table table;
    uint32_t tenant;
    uint32_t row_count, page_rows, page_count;
    uint32_t stream_count, column_count;
    int64_t time_min_ns, time_max_ns;
    int64_t received_min_ms, received_max_ms;
    uint64_t raw_bytes;  /* of the rows as sent */
    uint64_t size_bytes; /* of the block */
    size_t memory_bytes; /* held by this struct block; dictionaries come on top once they are read */
};
const struct block_info *block_info(const struct block *b);

/* Streams in order; each owns one run of rows. */
struct block_stream {
    struct str labels; /* canonical, borrowed from the block */
    struct id128 id;
    uint32_t row_first, row_count;
};
const struct block_stream *block_streams(const struct block *b);
/* Index of the stream that owns `row`. */
uint32_t block_stream_of_row(const struct block *b, uint32_t row);

struct block_column {
    struct str name;
    enum value_type type;
    uint32_t value_count; /* rows that have a value of this type */
};
const struct block_column *block_columns(const struct block *b);
/* Index, or UINT32_MAX. Several types of one name are several columns. */
uint32_t block_column_find(const struct block *b, struct str name, enum value_type type);
/* Ids of requests and documents whose rows are here (dedup table at start). */
NODISCARD enum err block_claims(const struct block *b, struct arena *mem, const struct id128 **out,
                                size_t *out_count);

/* Rows of page `page`: page_rows, fewer in the last. */
uint32_t block_page_rows(const struct block *b, uint32_t page);
/* Smallest and largest event time of a page, from the directory (nothing is read). */
void block_page_times(const struct block *b, uint32_t page, int64_t *out_min_ns, int64_t *out_max_ns);
/* Decodes event (receive) times of the page's rows into memory of `mem`. */
NODISCARD enum err block_read_times(const struct block *b, uint32_t page, struct arena *mem,
                                    const int64_t **out_ns);
NODISCARD enum err block_read_received(const struct block *b, uint32_t page, struct arena *mem,
                                       const int64_t **out_ms);

/*
 * One decoded page of one column, in memory of the arena given to block_read_column; dictionaries and
 * templates, which all pages of a column share, are decoded once and kept by the block (block_free ends
 * them). Arrays have one element a row; rows without a value hold zero, an empty string or code 0: look at
 * `present` first.
 */
enum page_form { PAGE_EMPTY, PAGE_INTS, PAGE_FLOATS, PAGE_STRINGS, PAGE_DICT, PAGE_TEMPLATES };
struct column_page {
    enum page_form form;
    enum value_type type;
    uint32_t row_count;
    const uint64_t *present; /* bitmap, or NULL: every row has a value */
    const int64_t *ints;     /* PAGE_INTS: INT, TIME, BOOL (0, 1) */
    const double *floats;    /* PAGE_FLOATS */
    const char *bytes;       /* PAGE_STRINGS: value i is bytes[offsets[i] .. offsets[i+1]) */
    const uint32_t *offsets;
    const uint32_t *codes; /* PAGE_DICT: value i is dict[codes[i]] */
    const struct str *dict;
    uint32_t dict_count;
    const struct template_page *templates; /* PAGE_TEMPLATES: opaque; use the functions below */
};
/* Min and max of an INT, TIME, BOOL or FLOAT column's page, from the directory; false when not known. */
bool block_page_range(const struct block *b, uint32_t column, uint32_t page, struct value *out_min,
                      struct value *out_max);
/* Number of values in the page, from the directory (0: nothing to read; row count: present is NULL). */
uint32_t block_page_value_count(const struct block *b, uint32_t column, uint32_t page);
NODISCARD enum err block_read_column(const struct block *b, uint32_t column, uint32_t page, struct arena *mem,
                                     struct column_page *out);

/* Keeps in `rows` (bitmap of row_count bits) only the rows whose text matches. Columns with bytes only
 * (STRING, NUMBER_TEXT, JSON as their text). Rows without a value never match. `mem` is scratch. */
NODISCARD enum err column_page_match(const struct column_page *p, const struct text_match *m,
                                     struct arena *mem, uint64_t *rows);
/* The bytes of one row's value; for PAGE_TEMPLATES assembled in `mem`. */
NODISCARD enum err column_page_text(const struct column_page *p, uint32_t row, struct arena *mem,
                                    struct str *out);
/* The template of a row as people see it, variables as `<*>`, in `mem`. Any text form: a page that is not
 * template-encoded is split on the fly. */
NODISCARD enum err column_page_pattern(const struct column_page *p, uint32_t row, struct arena *mem,
                                       struct str *out);

/* Pages of the form PAGE_TEMPLATES, whole pages at a time instead of text by text. The texts of `rows`
 * (bitmap; the others are left empty) as a page of the form PAGE_STRINGS, in `mem`. */
NODISCARD enum err column_page_strings(const struct column_page *p, const uint64_t *rows, struct arena *mem,
                                       struct column_page *out);
/* The number of each row's template, below *out_count; rows without a value have 0. Numbers are the block's:
 * the same in all pages of the column. Several may have the same pattern. */
NODISCARD enum err column_page_template_numbers(const struct column_page *p, struct arena *mem,
                                                const uint32_t **out, size_t *out_count);
NODISCARD enum err column_page_template_pattern(const struct column_page *p, uint32_t number,
                                                struct arena *mem, struct str *out);
