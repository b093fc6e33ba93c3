#pragma once
#include "base/buf.h"
#include "base/vec.h"
#include "block/strip.h"
#include "block/template_format.h"
/*
 * Columns of slots into the shared streams of a part: private to template_encode.c. One thread at a time.
 */
struct cell {
    uint32_t at, n; /* a value: n bytes at this offset of all texts */
};

struct column_writer {
    const char *texts;                            /* borrowed; 64 bytes behind the last text are readable */
    void (*word)(void *ctx, uint64_t token_hash); /* may be NULL */
    void *ctx;
    struct buf kinds;              /* one byte: widths, flags, counts */
    struct buf bases;              /* varints: first or smallest values of integer slots */
    struct buf words;              /* bytes of dictionaries */
    struct buf ints[SLOT_STREAMS]; /* [b - 1]: bytes of which b bits are used */
    struct buf lengths;            /* varints: of SLOT_TEXT */
    struct buf strings;            /* bytes of SLOT_TEXT and SLOT_FIXED */
    VEC(uint64_t) values;          /* of the column at hand */
    VEC(struct cell) parts; /* digit runs of the column at hand: all of the first, all of the second, … */
    struct cell dict[SLOT_DICT_MAX];
    uint32_t dict_count;
    size_t slot_count;   /* of all columns so far */
    uint64_t said[4096]; /* token hashes given to `word` of late, by their low bits */
};

void column_writer_fini(struct column_writer *w);
/* Empties the streams. */
void column_writer_start(struct column_writer *w, const char *texts);
/* One column; what stands for it in the template goes to `pattern`. `rest`: the values are not tokens but the
 * ends of long texts. */
void column_writer_put(struct column_writer *w, const struct cell *cells, size_t count, bool rest,
                       struct buf *pattern);
/* Tells the hash of one token to `word`, at least once. */
void column_writer_say(struct column_writer *w, struct str token);
