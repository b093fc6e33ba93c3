#pragma once
#include "base/buf.h"
#include "base/file.h"
#include "base/vec.h"
/*
 * Where an id occurs: 64-bit prefix (id_prefix() of block/words.h) -> block and page. Sorted runs of
 * bit-packed pages in the file, a sparse top level in the tail.
 */
enum { IDS_RUN_ENTRIES_MAX = 1 << 20 };
struct index_id {
    uint64_t prefix;
    uint32_t block, page;
};
struct index_ids {
    VEC(struct index_id) entries; /* of the run being collected */
    struct buf tops;              /* of the runs spilled */
    uint32_t run_count;
};
void index_ids_fini(struct index_ids *x);
void index_ids_add(struct index_ids *x, uint64_t prefix, uint32_t block, uint32_t page);
static inline bool index_ids_full(const struct index_ids *x) {
    return x->entries.n >= IDS_RUN_ENTRIES_MAX;
}
/* Appends the collected run's pages to `out`; they will lie at `offset` of the file. */
void index_ids_spill(struct index_ids *x, uint64_t offset, struct buf *out);
/* Appends the section; nothing when there are no ids. */
void index_ids_write(const struct index_ids *x, struct buf *out);

/* Calls `each` for every place where an id with that prefix may be. The section was checked; pages are
 * checked here: ERR_CORRUPT. */
NODISCARD enum err index_ids_find(struct file *f, struct str section, uint64_t prefix,
                                  void (*each)(void *ctx, uint32_t block, uint32_t page), void *ctx);
/* All pages. */
NODISCARD enum err index_ids_check(struct file *f, struct str section);
