#pragma once
#include "block/block_header.h"
#include "block/encoding.h"
#include <stdatomic.h>
/* An opened block, as block_read.c (opening), block_directory.c (parsing) and block_column.c (pages) see it.
 */

/* Bytes of a block; offset from its first part. bytes 0: there is none. */
struct part_ref {
    uint64_t offset;
    uint32_t bytes, crc;
};
struct page_entry {
    struct part_ref part;
    uint32_t value_count, value_first; /* values of earlier pages */
    uint8_t encoding;
    bool has_range;
    union range_end {
        int64_t i;
        double f;
    } least, most;
};
struct column_entry {
    uint8_t shared_encoding;
    struct part_ref shared;
    struct page_entry *pages;
    struct shared_part *_Atomic cached; /* NULL until first use; set once, by whoever decodes first */
};
struct block {
    struct block_header header;
    struct block_info info;
    struct block_source source;
    uint64_t parts_offset; /* of the first part, from the block's first byte */
    const char *parts;     /* they are in memory (small form, memory source), or NULL */
    struct arena mem;
    struct block_stream *streams;
    struct block_column *columns;
    struct column_entry *entries;
    struct page_entry *times, *received;
    struct part_ref streams_part, claims_part;
};
/* Fills columns, entries, pages and part references from the plain directory. `parts_bytes`: all that follow
 * it. */
NODISCARD enum err block_directory_parse(struct block *b, struct str directory, uint64_t parts_bytes);
/* The checked bytes of a part: borrowed from memory, or read into `mem`. */
NODISCARD enum err block_part(const struct block *b, struct part_ref part, struct arena *mem,
                              struct str *out);
void shared_part_free(struct shared_part *s);
