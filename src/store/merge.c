/*
 * Merging: segments of one window become one sorted segment.
 *
 *   plan      merge_plan.c picks the inputs
 *   sources   each block of L0 is a sorted run, and so are all blocks of a merged segment together
 *   passes    as many sources as fit MERGE_OPEN_BYTES decoded, oldest rows first; each pass makes a segment
 * of its own pass      a heap of sources by (tenant, stream, time, age); rows go into a batch, a full batch
 * becomes a block with templates, a word filter and ids commit    ONE: all new segments in, all inputs out;
 * inputs are unlinked when no scan pins them
 *
 * Late segments go the other way round (merge_late.c): their rows belong to many windows.
 *
 * Rows that a delete or retention hides are left out; the outputs record the last delete they have been
 * through. What fails its check is set aside in quarantine/ and counted, and the merge goes on with the rest.
 * Every row that came in is accounted for before the commit.
 *
 * Memory: MERGE_OPEN_BYTES of decoded pages, one batch of at most BLOCK_RAW_BYTES_MAX, the block builder's
 * scratch, the indexes of the segment being written.
 */
#include "store/merge.h"
#include "base/assert.h"
#include "base/heap.h"
#include "base/stat.h"
#include "store/index_labels.h"
#include "store/manifest.h"
#include "store/merge_late.h"
#include "store/merge_out.h"
#include "store/merge_plan.h"
#include "store/merge_source.h"
#include "store/store_state.h"

enum { FAILURES_MAX = 3, PASS_SOURCES_MAX = 8192 };
static const int64_t EXPIRY_CHECK_NS = 3600ll * 1000000000;
static const uint64_t MERGE_OPEN_BYTES = 80ull << 20, PASS_ROWS_MAX = 4 << 20;

struct merge {
    struct store *store;
    struct merge_job job;
    struct arena mem;
    struct segment **segments; /* of job.inputs, one pin each */
    struct merge_input *inputs;
    struct merge_source *sources;
    size_t pinned, source_count;
    uint64_t *source_cost, *source_rows, *source_position_min, *source_position_max;
    struct merge_context context;
    struct merge_out out;
    struct merge_source **heap; /* of the pass; smallest first */
    size_t heap_count;
    uint64_t settled_from; /* ids of outputs from here on are not to be merged again; 0: none */
};

/* ---- the heap ---- */

static int stream_cmp(const struct merge_source *a, const struct merge_source *b) {
    if (a->tenant != b->tenant)
        return a->tenant < b->tenant ? -1 : 1;
    return id128_eq(a->stream->id, b->stream->id) ? 0 : str_cmp(a->stream->labels, b->stream->labels);
}

static int source_cmp(const struct merge_source *a, const struct merge_source *b) {
    int c = stream_cmp(a, b);
    if (c)
        return c;
    int64_t x = merge_source_time(a), y = merge_source_time(b);
    if (x != y)
        return x < y ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

static void sift_down(struct merge *m, size_t at) {
    struct merge_source *moving = m->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= m->heap_count)
            break;
        if (child + 1 < m->heap_count && source_cmp(m->heap[child + 1], m->heap[child]) < 0)
            child++;
        if (source_cmp(moving, m->heap[child]) <= 0)
            break;
        m->heap[at] = m->heap[child];
        at = child;
    }
    m->heap[at] = moving;
}

/* The smaller child of the root: until it is passed, the root stays the smallest. */
static const struct merge_source *runner_up(const struct merge *m) {
    if (m->heap_count < 2)
        return NULL;
    if (m->heap_count > 2 && source_cmp(m->heap[2], m->heap[1]) < 0)
        return m->heap[2];
    return m->heap[1];
}

/* ---- one pass ---- */

static enum err seal(struct merge *m, uint32_t tenant, bool reset, struct err_text *why) {
    if (m->out.batch.rows.n)
        TRY(merge_out_seal(&m->out, tenant, NULL, m->out.batch.rows.n, why));
    merge_out_clear(&m->out, reset);
    merge_context_release(&m->context);
    return ERR_OK;
}

/* The row at hand into the batch, and on to the next. `*batch_tenant`: of the rows in the batch. */
static enum err take_row(struct merge *m, struct merge_source *s, uint32_t *batch_tenant,
                         struct err_text *why) {
    if (merge_out_full(&m->out) || merge_context_full(&m->context) ||
        (m->out.batch.rows.n && *batch_tenant != s->tenant))
        TRY(seal(m, *batch_tenant, false, why));
    *batch_tenant = s->tenant;
    size_t bytes = 0;
    enum err e = merge_source_emit(s, &m->out.batch, &bytes);
    if (e == ERR_LIMIT) { /* a dictionary is full: a block is sealed early and both start anew */
        TRY(seal(m, *batch_tenant, true, why));
        e = merge_source_emit(s, &m->out.batch, &bytes);
    }
    if (e == ERR_CORRUPT)
        return merge_source_skip_damaged(s, why);
    TRY(e);
    m->out.batch_bytes += bytes;
    return merge_source_next(s, why);
}

/* Rows of the root while they come before the runner-up's. */
static enum err take_run(struct merge *m, uint32_t *batch_tenant, struct err_text *why) {
    struct merge_source *s = m->heap[0];
    const struct merge_source *next = runner_up(m);
    do {
        TRY(take_row(m, s, batch_tenant, why));
    } while (!merge_source_done(s) && (!next || source_cmp(s, next) < 0));
    return ERR_OK;
}

static enum err fill_heap(struct merge *m, size_t from, size_t end, struct err_text *why) {
    m->heap_count = 0;
    for (size_t i = from; i < end; i++) {
        TRY(merge_source_start(&m->sources[i], why));
        if (!merge_source_done(&m->sources[i]))
            m->heap[m->heap_count++] = &m->sources[i];
    }
    for (size_t i = m->heap_count / 2; i > 0; i--)
        sift_down(m, i - 1);
    return ERR_OK;
}

static enum err run_pass(struct merge *m, size_t from, size_t end, struct err_text *why) {
    uint32_t batch_tenant = 0;
    m->out.position_min = UINT64_MAX;
    m->out.position_max = 0;
    for (size_t i = from; i < end; i++) {
        if (m->source_position_min[i] < m->out.position_min)
            m->out.position_min = m->source_position_min[i];
        if (m->source_position_max[i] > m->out.position_max)
            m->out.position_max = m->source_position_max[i];
    }
    TRY(fill_heap(m, from, end, why));
    while (m->heap_count) {
        TRY(take_run(m, &batch_tenant, why));
        if (merge_source_done(m->heap[0]))
            m->heap[0] = m->heap[--m->heap_count];
        if (m->heap_count)
            sift_down(m, 0);
        if (store_stopping(m->store))
            return err_say(why, ERR_CANCELLED, "the store closes");
    }
    TRY(seal(m, batch_tenant, false, why));
    for (size_t i = from; i < end; i++)
        merge_source_fini(&m->sources[i]);
    return merge_out_finish_segment(&m->out, why);
}

static enum err run_passes(struct merge *m, struct err_text *why) {
    m->heap = ARENA_NEW(&m->mem, struct merge_source *, m->source_count + 1);
    for (size_t from = 0, end; from < m->source_count; from = end) {
        uint64_t cost = 0, rows = 0;
        for (end = from; end < m->source_count && end - from < PASS_SOURCES_MAX; end++) {
            cost += m->source_cost[end];
            rows += m->source_rows[end];
            if (end > from && (cost > MERGE_OPEN_BYTES || rows > PASS_ROWS_MAX))
                break;
        }
        TRY(run_pass(m, from, end, why));
    }
    return ERR_OK;
}

/* ---- inputs ---- */

static enum err pin_inputs(struct merge *m, struct err_text *why) {
    for (; m->pinned < m->job.count; m->pinned++) {
        struct segment *g = m->segments[m->pinned];
        TRY(segment_pin(g, why));
        struct merge_input *in = &m->inputs[m->pinned];
        in->segment = g;
        bool walked;
        enum err e = segment_blocks(g, &m->mem, &in->blocks, &in->block_count, &walked);
        if (walked)
            segment_set_damaged(g);
        if (e != ERR_OK) {
            m->pinned++; /* it is pinned */
            return err_say(why, e, "merge: the block index of segment %llu cannot be read",
                           (unsigned long long)g->m.id);
        }
    }
    return ERR_OK;
}

static void add_source(struct merge *m, const struct merge_input *in, uint32_t from, uint32_t end) {
    size_t at = m->source_count++;
    struct merge_source *s = &m->sources[at];
    merge_source_init(s, &m->context, in);
    s->block_next = from;
    s->block_end = end;
    s->order = (uint32_t)at;
    uint32_t page_rows = table_infos[m->job.table].page_rows;
    for (uint32_t i = from; i < end; i++) {
        uint64_t cost = merge_source_cost(&in->blocks[i], in->segment->m.level > 0, page_rows);
        m->source_cost[at] = cost > m->source_cost[at] ? cost : m->source_cost[at];
        m->source_rows[at] += in->blocks[i].row_count;
    }
    m->source_position_min[at] = in->segment->m.position_min;
    m->source_position_max[at] = in->segment->m.position_max;
}

static void make_sources(struct merge *m) {
    size_t most = 0;
    for (size_t i = 0; i < m->job.count; i++)
        most += m->inputs[i].block_count;
    m->sources = ARENA_NEW(&m->mem, struct merge_source, most + 1);
    m->source_cost = ARENA_NEW(&m->mem, uint64_t, most + 1);
    m->source_rows = ARENA_NEW(&m->mem, uint64_t, most + 1);
    m->source_position_min = ARENA_NEW(&m->mem, uint64_t, most + 1);
    m->source_position_max = ARENA_NEW(&m->mem, uint64_t, most + 1);
    for (size_t i = 0; i < m->job.count; i++) {
        const struct merge_input *in = &m->inputs[i];
        bool sorted = in->segment->m.level > 0;
        for (uint32_t b = 0; b < in->block_count; b += sorted ? in->block_count : 1)
            add_source(m, in, b, sorted ? in->block_count : b + 1);
    }
}

/* Claims younger than the dedup window go on with the rows; older ones are of no use any more. */
static void gather_claims(struct merge *m) {
    int64_t from_ms = (clock_now_ns(m->store->config.clock) - CLAIM_WINDOW_NS) / NS_PER_MS;
    AUTO(arena) mem;
    arena_init(&mem, SEGMENT_SECTION_BYTES_MAX);
    for (size_t i = 0; i < m->job.count; i++) {
        struct str bytes = { 0 };
        if (m->segments[i]->m.received_max_ms < from_ms)
            continue;
        if (segment_section(m->segments[i], SECTION_CLAIMS, &mem, &bytes) != ERR_OK)
            segment_set_damaged(m->segments[i]);
        for (size_t at = 0; at + 16 <= bytes.n; at += 16)
            VEC_PUSH(&m->out.claims, (struct id128){ le64_get(bytes.p + at), le64_get(bytes.p + at + 8) });
        arena_reset(&mem);
    }
}

static enum err reserve_disk(struct merge *m, struct err_text *why) {
    uint64_t need = 0, spare = store_spare_bytes(m->store);
    for (size_t i = 0; i < m->job.count; i++)
        need += m->segments[i]->m.size_bytes;
    need += need / 8;
    return need <= spare ? ERR_OK
                         : err_say(why, ERR_UNAVAILABLE,
                                   "merge: %llu MiB are needed above the disk's reserve, %llu are free",
                                   (unsigned long long)(need >> 20), (unsigned long long)(spare >> 20));
}

/* ---- one job ---- */

static enum err commit(struct merge *m, struct err_text *why) {
    const struct merge_counts *c = &m->context.counts;
    ASSERT(c->rows_in == m->out.rows_out + c->rows_hidden + c->rows_damaged);
    enum err e = m->out.made.n ? disk_sync_dir(m->store->disk, SEGMENT_FOLDER) : ERR_OK;
    if (e != ERR_OK)
        return err_say(why, e, "merge: syncing the folder of segments failed: %s", err_name(e));
    uint64_t *ids = ARENA_NEW(&m->mem, uint64_t, m->job.count);
    for (size_t i = 0; i < m->job.count; i++)
        ids[i] = m->segments[i]->m.id;
    struct manifest_change change = {
        .add = m->out.made.p, .add_count = m->out.made.n, .remove = ids, .remove_count = m->job.count
    };
    e = manifest_commit(m->store, &change, NULL, NULL, why);
    m->settled_from = m->job.kind == MERGE_CLOSE && m->out.made.n >= m->job.count ? m->out.made.p[0].id : 0;
    merge_out_keep(&m->out); /* also after a failure: the manifest may name them */
    TRY(e);
    stat_add(STAT_STORE_MERGES, 1);
    stat_add(STAT_STORE_MERGED_ROWS, (int64_t)m->out.rows_out);
    stat_add(STAT_STORE_DELETED_ROWS, (int64_t)c->rows_hidden);
    return ERR_OK;
}

static enum err run_job(struct merge *m, struct err_text *why) {
    TRY(reserve_disk(m, why));
    TRY(pin_inputs(m, why));
    make_sources(m);
    gather_claims(m);
    enum err e = m->job.kind == MERGE_LATE ? merge_late_run(&m->out, m->sources, m->source_count, why)
                                           : run_passes(m, why);
    return e == ERR_OK ? commit(m, why) : e;
}

static void merge_end(struct merge *m) {
    for (size_t i = 0; i < m->source_count; i++)
        merge_source_fini(&m->sources[i]);
    for (size_t i = 0; i < m->pinned; i++)
        segment_unpin(m->segments[i]);
    merge_out_fini(&m->out);
    merge_context_fini(&m->context);
    for (size_t i = 0; i < m->job.count; i++)
        segment_unref(m->segments[i]);
    arena_fini(&m->mem);
}

/* Lock held. */
static bool is_dirty(struct store *s, const struct segment *g) {
    for (size_t i = 0; i < s->deletes.rules.n; i++)
        if (delete_applies(s->deletes.rules.p[i], &g->m))
            return true;
    return g->expired;
}

/* Has it a stream whose rows are all past retention? Pinned. */
static bool has_expired_stream(struct merge *m, struct segment *g) {
    AUTO(arena) mem;
    arena_init(&mem, 0);
    struct str section;
    struct index_streams *x = ARENA_NEW(&mem, struct index_streams, 1);
    if (segment_section(g, SECTION_STREAMS, &mem, &section) != ERR_OK)
        return false;
    uint32_t tenant;
    struct str labels;
    for (index_streams_start(x, section); index_streams_next(x, &tenant, &labels);)
        if (retention_keep_from(m->store->retention, g->m.table, labels, m->context.now_ns) >
            g->m.time_max_ns)
            return true;
    return false;
}

/* Rules with a selector drop single streams: finds merged segments that hold such, now and then. */
static void find_expired(struct merge *m) {
    struct store *s = m->store;
    size_t count = 0;
    struct segment **due;
    {
        LOCKED(&s->lock);
        due = ARENA_NEW(&m->mem, struct segment *, s->segments.n + 1);
        for (size_t i = 0; i < s->segments.n; i++) {
            struct segment *g = s->segments.p[i];
            if (g->m.level > 0 && m->context.now_ns - g->expiry_checked_ns >= EXPIRY_CHECK_NS &&
                g->m.time_max_ns < retention_ceiling(s->retention, g->m.table, m->context.now_ns))
                due[count++] = segment_ref(g);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (segment_pin(due[i], NULL) == ERR_OK) {
            due[i]->expired = has_expired_stream(m, due[i]);
            due[i]->expiry_checked_ns = m->context.now_ns;
            segment_unpin(due[i]);
        }
        segment_unref(due[i]);
    }
}

/* Lock held: the job's segments by reference, with their deletes. */
static enum err take_inputs(struct merge *m) {
    struct store *s = m->store;
    uint64_t applied = UINT64_MAX;
    m->segments = ARENA_NEW(&m->mem, struct segment *, m->job.count);
    m->inputs = ARENA_NEW(&m->mem, struct merge_input, m->job.count);
    for (size_t i = 0; i < m->job.count; i++) {
        struct segment *g = segment_ref(s->segments.p[m->job.inputs[i]]);
        m->segments[i] = g;
        TRY(deletes_pending(&s->deletes, &g->m, &m->mem, &m->inputs[i].deletes, &m->inputs[i].delete_count));
        applied = g->m.deletes_applied < applied ? g->m.deletes_applied : applied;
    }
    uint64_t last = deletes_last_id(&s->deletes);
    bool still_late = m->job.kind == MERGE_REWRITE && m->segments[0]->m.late;
    m->out.m = (struct manifest_segment){ .table = m->job.table,
                                          .late = still_late,
                                          .level = m->job.level,
                                          .window_start_ns = m->job.window_start_ns,
                                          .window_end_ns = m->job.window_end_ns,
                                          .deletes_applied = last > applied ? last : applied };
    return ERR_OK;
}

static void choose(struct merge *m, bool force) {
    struct store *s = m->store;
    find_expired(m);
    LOCKED(&s->lock);
    struct merge_candidate *candidates = ARENA_NEW(&m->mem, struct merge_candidate, s->segments.n + 1);
    for (size_t i = 0; i < s->segments.n; i++) {
        struct segment *g = s->segments.p[i];
        candidates[i] = (struct merge_candidate){ .m = &g->m,
                                                  .excluded = g->merge_failures >= FAILURES_MAX,
                                                  .settled = g->merge_settled,
                                                  .dirty = is_dirty(s, g) };
    }
    struct merge_wish wish = { candidates, s->segments.n, clock_now_ns(s->config.clock), force };
    merge_plan(&wish, &m->job);
    ERR_IGNORE(take_inputs(m), "the arena has no limit");
}

/* merge_lock held. */
static void note_outcome(struct merge *m, enum err e) {
    struct store *s = m->store;
    bool input_failed = e != ERR_OK && e != ERR_UNAVAILABLE && e != ERR_CANCELLED && e != ERR_LIMIT;
    for (size_t i = 0; i < m->job.count; i++)
        m->segments[i]->merge_failures += input_failed;
    stat_add(STAT_STORE_MERGE_ERRORS, e != ERR_OK && e != ERR_CANCELLED);
    if (e != ERR_OK || m->settled_from == 0)
        return;
    LOCKED(&s->lock);
    for (size_t i = 0; i < s->segments.n; i++)
        if (s->segments.p[i]->m.id >= m->settled_from && s->segments.p[i]->m.id < m->out.next_id)
            s->segments.p[i]->merge_settled = true;
}

/* One job, if there is one. */
static enum err merge_one(struct store *s, bool force, bool *out_done, struct err_text *why) {
    LOCKED(&s->merge_lock);
    TRY(manifest_settle(s, why));
    struct merge *m = HEAP_NEW(struct merge);
    int64_t start_ns = clock_mono_ns(s->config.clock);
    m->store = s;
    merge_out_init(&m->out, s);
    m->context = (struct merge_context){
        .store = s, .now_ns = retention_now_ns(s), .fields = &m->out.fields, .streams = &m->out.streams
    };
    choose(m, force);
    m->context.table = m->job.table;
    enum err e = m->job.kind == MERGE_NONE ? ERR_OK : run_job(m, why);
    note_outcome(m, e);
    *out_done = m->job.kind == MERGE_NONE;
    stat_add(STAT_STORE_MERGE_US, (clock_mono_ns(s->config.clock) - start_ns) / NS_PER_US);
    merge_end(m);
    heap_free(m);
    return e;
}

static enum err merge_all(struct store *s, bool force, struct err_text *why) {
    enum err e = ERR_OK;
    bool done = false, merged = false;
    while (e == ERR_OK && !done && !store_stopping(s)) {
        e = merge_one(s, force, &done, why);
        merged |= !done;
    }
    if (merged)
        heap_trim();
    return e == ERR_OK ? deletes_forget_done(s, why) : e;
}

enum err merge_due(struct store *s, struct err_text *why) {
    return merge_all(s, false, why);
}

enum err store_merge(struct store *s, struct err_text *why) {
    TRY(retention_run(s, why));
    return merge_all(s, true, why);
}
