#pragma once
#include "catalog/catalog.h"
/*
 * What to merge next: a pure function of the manifest and the time. Picks one job, the most urgent; the
 * segments of a job are all of one table, and of one window unless they are late.
 */
enum merge_kind {
    MERGE_NONE,
    MERGE_LATE,   /* late L0 -> one L1 a window */
    MERGE_WINDOW, /* L0 -> L1 */
    MERGE_CLOSE,  /* everything small of a closed window -> final */
    MERGE_REWRITE /* one segment, to carry out deletes or retention */
};
static const uint64_t MERGE_GOOD_ROWS = 1 << 20; /* a merged segment this large is left alone */

struct merge_candidate {
    const struct manifest_segment *m;
    bool excluded; /* it failed too often, or is damaged beyond reading */
    bool settled;  /* merging it again gives nothing */
    bool dirty;    /* a delete or retention would drop rows of it */
};
struct merge_wish {
    const struct merge_candidate *candidates;
    size_t count;
    int64_t now_ns;
    bool force; /* all that can be merged, at once */
};
struct merge_job {
    enum merge_kind kind;
    enum table table;
    uint32_t level; /* of what is written */
    int64_t window_start_ns, window_end_ns;
    size_t count;
    size_t inputs[256]; /* indices of candidates, oldest rows first */
};
void merge_plan(const struct merge_wish *wish, struct merge_job *out);
