#pragma once
#include "base/arena.h"
#include "base/vec.h"
#include "catalog/catalog.h"
#include "store/store.h"
/*
 * Deletes in force. A delete hides rows of frames up to its position; since store_delete() flushes first,
 * that position is a boundary between segments: a segment's rows are all before it or all after it. Ids of
 * deletes and segments come from one counter, so a segment flushed after a delete has the greater id and
 * never needs it.
 */
enum { DELETE_PREDICATE_BYTES_MAX = 65536, DELETES_MAX = 1024 };
struct delete_rule {
    uint64_t id;
    enum table table;
    struct str predicate; /* in the same allocation */
    int64_t time_from_ns, time_to_ns;
    uint64_t position;
};
/* The owner locks. */
struct delete_list {
    VEC(struct delete_rule *) rules; /* by id */
};
void deletes_add(struct delete_list *l, const struct manifest_delete *d);
void deletes_remove(struct delete_list *l, uint64_t id);
void deletes_fini(struct delete_list *l);
/* Must rows of segment `m` still go through it? */
bool delete_applies(const struct delete_rule *d, const struct manifest_segment *m);
/* Copies of those that apply to `m`, in `mem`. `out_last_id` (may be NULL): the greatest id in force, 0
 * without any. */
NODISCARD enum err deletes_pending(const struct delete_list *l, const struct manifest_segment *m,
                                   struct arena *mem, const struct scan_delete **out, size_t *out_count);
uint64_t deletes_last_id(const struct delete_list *l);
/* Takes out of the catalog the deletes that every segment has been through. */
NODISCARD enum err deletes_forget_done(struct store *s, struct err_text *why);
