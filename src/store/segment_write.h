#pragma once
#include "base/file.h"
#include "block/block_read.h"
#include "catalog/catalog.h"
#include "store/segment_format.h"
/*
 * Writes one segment: blocks one after the other, then the tail. The file gets its name only after its bytes
 * are synced; the caller then syncs the folder and commits the manifest row. Memory: streams, block index,
 * one run of ids. One thread.
 */
struct segment_writer;

struct segment_writer_options {
    struct disk *disk;
    struct manifest_segment m; /* id, table, level, late, window, deletes_applied; the rest is counted */
    bool words;                /* blocks come with their token hashes: write word filters */
};
/* Ends with segment_writer_free(), which removes what was not finished. */
NODISCARD enum err segment_writer_new(const struct segment_writer_options *o, struct err_text *why,
                                      struct segment_writer **out);
void segment_writer_free(struct segment_writer *w);

/* Of the next block: once for each distinct token, each id, each claim. `writer` is void to serve as a
 * callback's ctx. */
void segment_writer_word(void *writer, uint64_t token_hash);
void segment_writer_id(void *writer, uint64_t id_prefix, uint32_t page);
void segment_writer_claim(struct segment_writer *w, struct id128 claim);
/* Forgets words and ids given since the last add. */
struct segment_addition {
    const struct block *block; /* opened: for the indexes */
    struct str bytes;          /* the block, or, when p is NULL, … */
    struct file *file;         /* … block_info()->size_bytes of this file at offset */
    uint64_t offset;
    uint64_t position_min, position_max;
};
NODISCARD enum err segment_writer_add(struct segment_writer *w, const struct segment_addition *a,
                                      struct err_text *why);
/* Time to finish: the index in memory or the number of blocks has grown to its cap. */
bool segment_writer_full(const struct segment_writer *w);
uint64_t segment_writer_rows(const struct segment_writer *w);
uint64_t segment_writer_bytes(const struct segment_writer *w);
/* At least one block was added. Synced and renamed; the folder is not synced yet. */
NODISCARD enum err segment_writer_finish(struct segment_writer *w, struct manifest_segment *out,
                                         struct err_text *why);
