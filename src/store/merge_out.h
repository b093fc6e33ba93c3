#pragma once
#include "base/vec.h"
#include "block/block_build.h"
#include "store/segment_write.h"
#include "store/store.h"
/*
 * Where a merge's rows go: sorted rows in, sealed blocks of new segments out. One table; one thread.
 */
enum {
    MERGE_BLOCK_BYTES = BLOCK_RAW_BYTES_MAX - ROW_BYTES_MAX
}; /* a block ends behind the row that reaches it */
struct merge_out {
    struct store *store;
    struct field_dict fields;
    struct stream_dict streams;
    struct batch batch;
    size_t batch_bytes;
    struct block_builder *builder;
    struct segment_writer *writer; /* of the segment being written, or NULL */
    struct manifest_segment m; /* what the next segment starts from: table, level, window, deletes_applied */
    uint64_t position_min, position_max; /* of the rows given */
    uint64_t next_id, ids_left;          /* reserved */
    VEC(struct manifest_segment) made;
    VEC(struct id128) claims; /* go into the next segment */
    uint64_t rows_out;
};
void merge_out_init(struct merge_out *o, struct store *s);
/* Removes what was made and not handed over by merge_out_keep(). */
void merge_out_fini(struct merge_out *o);
/* The made segments are the manifest's now (or may be). */
void merge_out_keep(struct merge_out *o);

/* The batch holds at least a whole block. */
bool merge_out_full(const struct merge_out *o);
/* Seals `count` of the batch's rows (NULL: all) into one block. */
NODISCARD enum err merge_out_seal(struct merge_out *o, uint32_t tenant, const uint32_t *rows, size_t count,
                                  struct err_text *why);
/* Empties the batch; afterwards numbers of an old generation may be void. `reset`: also the dictionaries. */
void merge_out_clear(struct merge_out *o, bool reset);
/* Ends the segment being written, if any. */
NODISCARD enum err merge_out_finish_segment(struct merge_out *o, struct err_text *why);
