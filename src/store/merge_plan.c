/*
 * Merge planning. A row is rewritten at most twice: L0 -> L1 and L1 -> final.
 *
 *   open window     L0s wait until they are worth a merge: a million rows, eight files, or nothing new for a
 * minute closed window   (its end and ten minutes have passed) what is small becomes final together, L0s
 * directly late            the same as an open window's; the merge splits them by window
 *
 * Segments of MERGE_GOOD_ROWS and more are left alone: their blocks are full, so merging them again would
 * cost a rewrite and give nothing. Exceptions to "twice": rows of finals smaller than a block (late rows
 * trickle in), and rewrites that carry out deletes or a stream's retention.
 *
 * The window with most L0 parts goes first, since parts are what slows senders down; then closes, then
 * rewrites.
 */
#include "store/merge_plan.h"
#include "base/assert.h"

enum {
    PARTS_WORTH_IT = 8,
    CLOSE_PARTS_WORTH_IT = 4,
    FINAL_SMALL_ROWS = 65536,
    INPUTS_MAX = 64,
};
static const uint64_t LATE_ROWS_WORTH_IT = 262144, JOB_ROWS_MAX = 8 << 20, JOB_BYTES_MAX = 1ull << 30;
static const int64_t QUIET_S = 60, CLOSE_QUIET_S = 600;
static const int64_t CLOSE_AFTER_NS = 600ll * 1000000000;

struct group { /* candidates of one table and window */
    size_t parts, l0_parts;
    uint64_t rows, l0_rows;
    int64_t received_max_ms;
};

static bool usable(const struct merge_candidate *c) {
    return !c->excluded;
}

static bool same_window(const struct manifest_segment *a, const struct manifest_segment *b) {
    return a->table == b->table && a->late == b->late &&
           (a->late || a->window_start_ns == b->window_start_ns);
}

static bool is_closed(const struct merge_wish *w, const struct manifest_segment *m) {
    return w->force || (!m->late && m->window_end_ns < INT64_MAX - CLOSE_AFTER_NS &&
                        w->now_ns > m->window_end_ns + CLOSE_AFTER_NS);
}

/* Not worth another rewrite? */
static bool is_settled(const struct merge_candidate *c) {
    const struct manifest_segment *m = c->m;
    return c->settled || m->rows >= MERGE_GOOD_ROWS || (m->level == 2 && m->rows >= FINAL_SMALL_ROWS);
}

/* Would the segment be input of a merge of its window? */
static bool takes_part(const struct merge_candidate *c, bool close) {
    if (c->m->late && c->m->level > 0) /* rows of many windows, few of each */
        return usable(c) && !c->settled && c->m->rows < LATE_ROWS_WORTH_IT;
    return usable(c) && (c->m->level == 0 || (close && !is_settled(c)));
}

static struct group measure(const struct merge_wish *w, size_t like, bool close) {
    struct group g = { .received_max_ms = INT64_MIN };
    for (size_t i = 0; i < w->count; i++) {
        const struct manifest_segment *m = w->candidates[i].m;
        if (!takes_part(&w->candidates[i], close) || !same_window(m, w->candidates[like].m))
            continue;
        g.parts++;
        g.rows += m->rows;
        g.l0_parts += m->level == 0;
        g.l0_rows += m->level == 0 ? m->rows : 0;
        g.received_max_ms = m->received_max_ms > g.received_max_ms ? m->received_max_ms : g.received_max_ms;
    }
    return g;
}

static bool quiet_for(const struct merge_wish *w, const struct group *g, int64_t seconds) {
    return w->now_ns / 1000000 - g->received_max_ms >= seconds * 1000;
}

static bool worth_merging(const struct merge_wish *w, const struct group *g, bool late) {
    uint64_t rows = late ? LATE_ROWS_WORTH_IT : MERGE_GOOD_ROWS;
    return g->l0_parts > 0 &&
           (w->force || g->l0_rows >= rows || g->l0_parts >= PARTS_WORTH_IT || quiet_for(w, g, QUIET_S));
}

static bool worth_closing(const struct merge_wish *w, const struct group *g) {
    if (g->parts < 2 && g->l0_parts == 0)
        return false;
    return w->force || g->parts >= CLOSE_PARTS_WORTH_IT || (g->l0_parts && quiet_for(w, g, QUIET_S)) ||
           quiet_for(w, g, CLOSE_QUIET_S);
}

/* Older rows first: ties between equal times go by it. */
static bool older(const struct manifest_segment *a, const struct manifest_segment *b) {
    return a->position_min != b->position_min ? a->position_min < b->position_min : a->id < b->id;
}

static void add_input(const struct merge_wish *w, struct merge_job *job, size_t candidate) {
    size_t at = job->count++;
    for (; at > 0 && older(w->candidates[candidate].m, w->candidates[job->inputs[at - 1]].m); at--)
        job->inputs[at] = job->inputs[at - 1];
    job->inputs[at] = candidate;
}

/* Keeps the oldest inputs that stay below the caps of one job. */
static void limit(const struct merge_wish *w, struct merge_job *job) {
    uint64_t rows = 0, bytes = 0;
    size_t kept = 0;
    for (; kept < job->count; kept++) {
        const struct manifest_segment *m = w->candidates[job->inputs[kept]].m;
        rows += m->rows;
        bytes += m->size_bytes;
        if (kept > 0 && (kept == INPUTS_MAX || rows > JOB_ROWS_MAX || bytes > JOB_BYTES_MAX))
            break;
    }
    job->count = kept;
}

static void start_job(const struct manifest_segment *m, enum merge_kind kind, uint32_t level,
                      struct merge_job *out) {
    out->kind = kind;
    out->table = m->table;
    out->level = level;
    out->window_start_ns = m->window_start_ns;
    out->window_end_ns = m->window_end_ns;
    out->count = 0;
}

static void make_job(const struct merge_wish *w, size_t like, bool close, struct merge_job *out) {
    const struct manifest_segment *m = w->candidates[like].m;
    enum merge_kind kind = m->late ? MERGE_LATE : close ? MERGE_CLOSE : MERGE_WINDOW;
    start_job(m, kind, kind == MERGE_CLOSE ? 2 : 1, out);
    for (size_t i = 0; i < w->count && out->count < COUNT_OF(out->inputs); i++)
        if (takes_part(&w->candidates[i], close) && same_window(w->candidates[i].m, m))
            add_input(w, out, i);
    limit(w, out);
}

static bool first_of_group(const struct merge_wish *w, size_t i, bool close) {
    for (size_t k = 0; k < i; k++)
        if (takes_part(&w->candidates[k], close) && same_window(w->candidates[k].m, w->candidates[i].m))
            return false;
    return true;
}

static bool plan_rewrite(const struct merge_wish *w, struct merge_job *out) {
    for (size_t i = 0; i < w->count; i++) {
        const struct merge_candidate *c = &w->candidates[i];
        if (!usable(c) || !c->dirty || c->m->level == 0)
            continue;
        start_job(c->m, MERGE_REWRITE, c->m->level, out);
        add_input(w, out, i);
        return true;
    }
    return false;
}

void merge_plan(const struct merge_wish *w, struct merge_job *out) {
    size_t best = SIZE_MAX, best_parts = 0;
    bool best_close = false;
    out->kind = MERGE_NONE;
    out->count = 0;
    for (size_t i = 0; i < w->count; i++) {
        const struct manifest_segment *m = w->candidates[i].m;
        bool close = !m->late && is_closed(w, m);
        if (!takes_part(&w->candidates[i], close) || !first_of_group(w, i, close))
            continue;
        struct group g = measure(w, i, close);
        if (!(close ? worth_closing(w, &g) : worth_merging(w, &g, m->late)))
            continue;
        size_t parts = 1 + 2 * g.l0_parts; /* anything with L0 goes before what has none */
        if (parts > best_parts) {
            best = i;
            best_parts = parts;
            best_close = close;
        }
    }
    if (best != SIZE_MAX)
        make_job(w, best, best_close, out);
    else
        (void)plan_rewrite(w, out);
    ASSERT((out->kind == MERGE_NONE) == (out->count == 0));
}
