/*
 * Late segments hold a few rows of many windows each. They are read whole into one batch, a bounded number of
 * rows at a time, and the rows sorted by (window, tenant, stream, time); then each window's rows become a
 * segment. No page is decoded more than once, however many windows there are.
 */
#include "store/merge_late.h"
#include "base/assert.h"
#include "base/heap.h"
#include "store/store_state.h"
#include <stdlib.h>

static const size_t LATE_ROWS_MAX = 262144, LATE_BYTES_MAX = 48u << 20;

enum { WINDOWS_FREE = 4, WINDOW_ROWS_MIN = 1024 };
static const int64_t STAYS_LATE = INT64_MAX; /* in place of a window's start: sorts last */

struct late_row {
    int64_t window_ns;
    uint32_t tenant, row, bytes;
};
struct late {
    struct merge_out *out;
    struct merge_context *context;
    VEC(struct late_row) rows;
};

static int by_place(const void *a, const void *b, void *ctx) {
    const struct late_row *x = a, *y = b;
    const struct batch *batch = ctx;
    if (x->window_ns != y->window_ns)
        return x->window_ns < y->window_ns ? -1 : 1;
    if (x->tenant != y->tenant)
        return x->tenant < y->tenant ? -1 : 1;
    const struct row *p = &batch->rows.p[x->row], *q = &batch->rows.p[y->row];
    if (p->stream != q->stream)
        return str_cmp(batch->streams->entries.p[p->stream].labels,
                       batch->streams->entries.p[q->stream].labels);
    if (p->time_ns != q->time_ns)
        return p->time_ns < q->time_ns ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static void set_window(struct manifest_segment *m, int64_t window_ns) {
    m->late = window_ns == STAYS_LATE;
    m->window_start_ns = m->late ? 0 : window_ns;
    m->window_end_ns = 0;
    if (!m->late && __builtin_add_overflow(window_ns, table_infos[m->table].window_ns, &m->window_end_ns))
        m->window_end_ns = INT64_MAX;
}

/* Rows [from, end) are of one window: blocks of them, then the segment ends. */
static enum err write_window(struct late *l, size_t from, size_t end, struct err_text *why) {
    struct merge_out *o = l->out;
    uint32_t *rows = HEAP_ARRAY(uint32_t, BLOCK_ROWS_MAX);
    set_window(&o->m, l->rows.p[from].window_ns);
    enum err e = ERR_OK;
    for (size_t i = from, n; i < end && e == ERR_OK; i += n) {
        uint32_t tenant = l->rows.p[i].tenant;
        size_t bytes = 0;
        for (n = 0; n < BLOCK_ROWS_MAX && bytes < MERGE_BLOCK_BYTES && i + n < end &&
                    l->rows.p[i + n].tenant == tenant;
             n++) {
            rows[n] = l->rows.p[i + n].row;
            bytes += l->rows.p[i + n].bytes;
        }
        e = merge_out_seal(o, tenant, rows, n, why);
    }
    heap_free(rows);
    return e == ERR_OK ? merge_out_finish_segment(o, why) : e;
}

static size_t window_end(const struct late *l, size_t from) {
    size_t end = from + 1;
    while (end < l->rows.n && l->rows.p[end].window_ns == l->rows.p[from].window_ns)
        end++;
    return end;
}

static void sort_rows(struct late *l) {
    if (l->rows.n)
        qsort_r(l->rows.p, l->rows.n, sizeof *l->rows.p, by_place, &l->out->batch);
}

static void keep_small_together(struct late *l) {
    size_t windows = 0;
    for (size_t i = 0; i < l->rows.n; i = window_end(l, i))
        windows++;
    if (windows <= WINDOWS_FREE)
        return;
    for (size_t i = 0, end; i < l->rows.n; i = end) {
        end = window_end(l, i);
        for (size_t k = i; k < end && end - i < WINDOW_ROWS_MIN; k++)
            l->rows.p[k].window_ns = STAYS_LATE;
    }
    sort_rows(l);
}

static enum err write_all(struct late *l, struct err_text *why) {
    sort_rows(l);
    keep_small_together(l);
    for (size_t i = 0, end; i < l->rows.n; i = end) {
        end = window_end(l, i);
        TRY(write_window(l, i, end, why));
    }
    l->rows.n = 0;
    merge_out_clear(l->out, false);
    merge_context_release(l->context);
    return ERR_OK;
}

static int64_t window_of(const struct merge_out *o, int64_t time_ns) {
    return store_window_of(time_ns, table_infos[o->m.table].window_ns);
}

static enum err take_row(struct late *l, struct merge_source *s, struct err_text *why) {
    struct merge_out *o = l->out;
    if (l->rows.n >= LATE_ROWS_MAX || o->batch_bytes >= LATE_BYTES_MAX || merge_context_full(l->context))
        TRY(write_all(l, why));
    size_t bytes = 0;
    enum err e = merge_source_emit(s, &o->batch, &bytes);
    if (e == ERR_LIMIT) {
        TRY(write_all(l, why));
        merge_out_clear(o, true);
        e = merge_source_emit(s, &o->batch, &bytes);
    }
    if (e == ERR_CORRUPT)
        return merge_source_skip_damaged(s, why);
    TRY(e);
    o->batch_bytes += bytes;
    VEC_PUSH(&l->rows, (struct late_row){ window_of(o, merge_source_time(s)), s->tenant,
                                          (uint32_t)(o->batch.rows.n - 1), (uint32_t)bytes });
    return merge_source_next(s, why);
}

static enum err run(struct late *l, struct merge_source *sources, size_t count, struct err_text *why) {
    struct merge_out *o = l->out;
    o->position_min = UINT64_MAX;
    o->position_max = 0;
    for (size_t i = 0; i < count; i++) {
        const struct manifest_segment *m = &sources[i].input->segment->m;
        o->position_min = m->position_min < o->position_min ? m->position_min : o->position_min;
        o->position_max = m->position_max > o->position_max ? m->position_max : o->position_max;
        TRY(merge_source_start(&sources[i], why));
        while (!merge_source_done(&sources[i]))
            TRY(take_row(l, &sources[i], why));
        if (store_stopping(o->store))
            return err_say(why, ERR_CANCELLED, "the store closes");
    }
    return write_all(l, why);
}

enum err merge_late_run(struct merge_out *o, struct merge_source *sources, size_t count,
                        struct err_text *why) {
    struct late l = { .out = o, .context = count ? sources[0].context : NULL };
    ASSERT(count > 0);
    enum err e = run(&l, sources, count, why);
    VEC_FINI(&l.rows);
    return e;
}
