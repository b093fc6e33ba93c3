#include "query/source.h"
#include "base/heap.h"

struct source_delete {
    struct str text; /* borrowed from the scan */
    struct query *query;
    struct vector_fields fields;
    struct vector_filter *filter;
    struct arena mem;
};
enum { DELETE_BYTES_MAX = 16 << 20 };

/* ---- deletes ---- */

static void delete_free(struct source_delete *d) {
    vector_filter_free(d->filter);
    vector_fields_fini(&d->fields);
    arena_fini(&d->mem);
    query_free(d->query);
    heap_free(d);
}

static enum err delete_new(const struct source_options *o, struct str text, struct err_text *why,
                           struct source_delete **out) {
    struct query_context context = { o->now_ns, o->table };
    struct query_error mistake;
    struct source_delete *d = HEAP_NEW(struct source_delete);
    d->text = text;
    arena_init(&d->mem, DELETE_BYTES_MAX);
    enum err e = query_parse(text, &context, &mistake, &d->query);
    if (e == ERR_OK) {
        const struct expr *filter = query_plan(d->query)->filter;
        e = vector_filter_new(&filter, 1, o->now_ns, &d->fields, &d->mem, &d->filter);
    }
    if (e != ERR_OK) {
        delete_free(d);
        return err_say(why, ERR_CORRUPT, "a stored delete cannot be read: '" STR_FMT "'",
                       (int)(text.n < 150 ? text.n : 150), text.p);
    }
    *out = d;
    return ERR_OK;
}

static struct source_delete *delete_find(const struct source *s, struct str text) {
    for (size_t i = 0; i < s->deletes.n; i++)
        if (s->deletes.p[i]->text.p == text.p || str_eq(s->deletes.p[i]->text, text))
            return s->deletes.p[i];
    return NULL;
}

static enum err compile_deletes(struct source *s, struct err_text *why) {
    for (size_t i = 0; i < scan_count(s->scan); i++) {
        const struct scan_delete *list;
        size_t count = scan_deletes(s->scan, i, &list);
        for (size_t k = 0; k < count; k++) {
            struct source_delete *d = NULL;
            if (delete_find(s, list[k].predicate))
                continue;
            TRY(delete_new(&s->options, list[k].predicate, why, &d));
            VEC_PUSH(&s->deletes, d);
        }
    }
    return ERR_OK;
}

/* ---- the scan ---- */

static bool keep_stream(void *ctx, struct str labels) {
    return vector_filter_stream(ctx, labels) != VERDICT_NO;
}

enum err source_open(struct source *s, struct store *store, const struct source_options *o,
                     struct budget *budget, struct err_text *why) {
    AUTO(vector_needs) needs = { 0 };
    *s = (struct source){ .options = *o, .budget = budget };
    (void)pthread_mutex_init(&s->lock, NULL);
    struct scan_request request = { .table = o->table,
                                    .time_from_ns = o->time_from_ns,
                                    .time_to_ns = o->time_to_ns,
                                    .live_only = o->live_only,
                                    .live_after_position = o->live_after_position };
    if (!o->whole) {
        vector_filter_needs(o->filter, &needs);
        request.stream = keep_stream;
        request.stream_ctx = (void *)(uintptr_t)o->filter;
        request.words = needs.words.p;
        request.word_count = needs.words.n;
        request.ids = needs.ids.p;
        request.id_count = needs.ids.n;
    }
    enum err e = store_scan(store, &request, why, &s->scan);
    if (e == ERR_OK)
        e = compile_deletes(s, why);
    if (e != ERR_OK)
        source_close(s);
    return e;
}

static void reader_free(struct source_reader *r) {
    vector_fini(&r->view);
    vector_fini(&r->delete_view);
    VEC_FINI(&r->hides);
    block_free(r->block);
    heap_free(r);
}

void source_close(struct source *s) {
    for (size_t i = 0; i < s->readers.n; i++)
        reader_free(s->readers.p[i]);
    VEC_FINI(&s->readers);
    for (size_t i = 0; i < s->deletes.n; i++)
        delete_free(s->deletes.p[i]);
    VEC_FINI(&s->deletes);
    if (s->scan)
        scan_close(s->scan);
    (void)pthread_mutex_destroy(&s->lock);
    *s = (struct source){ 0 };
}

void source_refilter(struct source *s, const struct vector_filter *filter) {
    for (size_t i = 0; i < s->readers.n; i++)
        reader_free(s->readers.p[i]); /* they know what the labels said to the old one */
    s->readers.n = 0;
    s->options.filter = filter;
}

/* ---- readers ---- */

struct source_reader *source_reader_take(struct source *s) {
    {
        LOCKED(&s->lock);
        if (s->readers.n)
            return s->readers.p[--s->readers.n];
    }
    struct source_reader *r = HEAP_NEW(struct source_reader);
    r->source = s;
    vector_init(&r->view, s->options.fields);
    vector_init(&r->delete_view, s->options.fields);
    return r;
}

void source_reader_put(struct source_reader *r) {
    LOCKED(&r->source->lock);
    VEC_PUSH(&r->source->readers, r);
}

enum err source_reader_forgive(struct source_reader *r, enum err e) {
    if (e == ERR_LIMIT)
        return budget_stopped(r->source->budget) ? e : budget_memory_spent(r->source->budget);
    if (e != ERR_CORRUPT)
        return e;
    atomic_fetch_add(&r->source->budget->parts_damaged, 1);
    return ERR_OK;
}

static enum err open_streams(struct source_reader *r) {
    const struct block_info *info = r->view.info;
    r->verdicts = ARENA_NEW(&r->view.block_mem, uint8_t, info->stream_count);
    r->keep_from_ns = ARENA_RAW(&r->view.block_mem, int64_t, info->stream_count);
    if (!r->verdicts || !r->keep_from_ns)
        return ERR_LIMIT;
    for (uint32_t i = 0; i < info->stream_count; i++)
        r->keep_from_ns[i] = scan_keep_from(r->source->scan, r->view.streams[i].labels);
    return ERR_OK;
}

static void open_deletes(struct source_reader *r) {
    const struct scan_delete *list;
    size_t count = scan_deletes(r->source->scan, r->index, &list);
    r->hides.n = 0;
    for (size_t i = 0; i < count; i++) {
        const struct source_delete *d = delete_find(r->source, list[i].predicate);
        VEC_PUSH(&r->hides, (struct source_hide){ d, list[i].time_from_ns, list[i].time_to_ns });
    }
}

enum err source_reader_block(struct source_reader *r, uint32_t index, bool *out_open) {
    struct err_text why;
    *out_open = false;
    if (r->block && r->index == index) {
        *out_open = true;
        return ERR_OK;
    }
    block_free(r->block);
    r->block = NULL;
    r->index = index;
    enum err e = scan_open(r->source->scan, index, &why, &r->block);
    if (e == ERR_OK)
        e = vector_open(&r->view, r->block);
    if (e == ERR_OK)
        e = open_streams(r);
    if (e != ERR_OK) {
        block_free(r->block);
        r->block = NULL;
        e = source_reader_forgive(r, e);
        return e == ERR_OK || budget_stopped(r->source->budget) ? e : budget_fail(r->source->budget, e, &why);
    }
    open_deletes(r);
    if (!r->source->rereading) {
        atomic_fetch_add(&r->source->blocks_opened, 1);
        atomic_fetch_add(&r->source->budget->bytes_read, scan_block(r->source->scan, index)->size_bytes);
    }
    *out_open = true;
    return ERR_OK;
}

static enum vector_verdict verdict(struct source_reader *r, uint32_t stream) {
    uint8_t *known = &r->verdicts[stream];
    if (!*known)
        *known =
            (uint8_t)(vector_filter_stream(r->source->options.filter, r->view.streams[stream].labels) + 1);
    return (enum vector_verdict)(*known - 1);
}

static void fill_range(uint64_t *rows, uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to;) {
        if (i % 64 == 0 && to - i >= 64) {
            rows[i / 64] = ~0ull;
            i += 64;
        } else {
            bits_set(rows, i++);
        }
    }
}

/* First row of [low, high) at or after `ns`: rows of a stream are sorted by time. */
static uint32_t first_at(const int64_t *times, uint32_t low, uint32_t high, int64_t ns) {
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (times[mid] < ns)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The run's rows whose time is in [from, to): looked up only when the page's own range does not say it. */
static enum err fill_run(struct source_reader *r, const struct vector_run *run, int64_t from_ns,
                         int64_t to_ns, uint64_t *rows) {
    struct vector_view *v = &r->view;
    int64_t min_ns, max_ns;
    block_page_times(v->block, v->page, &min_ns, &max_ns);
    if (max_ns < from_ns || min_ns >= to_ns)
        return ERR_OK;
    if (min_ns >= from_ns && max_ns < to_ns) {
        fill_range(rows, run->from, run->to);
        return ERR_OK;
    }
    TRY(vector_times(v));
    uint32_t low = first_at(v->times_ns, run->from, run->to, from_ns);
    fill_range(rows, low, first_at(v->times_ns, low, run->to, to_ns));
    return ERR_OK;
}

struct selection {
    uint64_t *sure, *maybe;
    int64_t from_ns, to_ns;
};

static enum err select_runs(struct source_reader *r, struct selection *s) {
    struct vector_run run;
    s->sure = vector_bits(&r->view);
    s->maybe = vector_bits(&r->view);
    if (!s->sure || !s->maybe)
        return ERR_LIMIT;
    for (bool more = vector_run_first(&r->view, &run); more; more = vector_run_next(&r->view, &run)) {
        enum vector_verdict v = verdict(r, run.stream);
        int64_t keep_ns = r->keep_from_ns[run.stream];
        if (v != VERDICT_NO)
            TRY(fill_run(r, &run, keep_ns > s->from_ns ? keep_ns : s->from_ns, s->to_ns,
                         v == VERDICT_YES ? s->sure : s->maybe));
    }
    return ERR_OK;
}

static enum err hide_deleted(struct source_reader *r, uint64_t *rows) {
    struct vector_view *v = &r->view, *d = &r->delete_view;
    for (size_t i = 0; i < r->hides.n && bits_any(rows, v->row_count); i++) {
        const struct source_hide *h = &r->hides.p[i];
        d->fields = &h->predicate->fields;
        TRY(vector_open(d, v->block));
        TRY(vector_page(d, v->page));
        uint64_t *hit = vector_bits_copy(d, rows);
        if (!hit)
            return ERR_LIMIT;
        TRY(vector_times(v));
        BITS_EACH (row, rows, v->row_count) {
            if (v->times_ns[row] < h->time_from_ns || v->times_ns[row] >= h->time_to_ns)
                bits_clear(hit, row);
        }
        TRY(vector_filter_page(h->predicate->filter, d, hit));
        bits_andnot(rows, hit, v->row_count);
    }
    return ERR_OK;
}

static enum err select_rows(struct source_reader *r, struct selection *s) {
    struct vector_view *v = &r->view;
    TRY(select_runs(r, s));
    TRY(vector_filter_page(r->source->options.filter, v, s->maybe));
    bits_or(s->sure, s->maybe, v->row_count);
    return hide_deleted(r, s->sure);
}

enum err source_reader_page(struct source_reader *r, uint32_t page, int64_t from_ns, int64_t to_ns,
                            uint64_t **out_rows) {
    const struct source_options *o = &r->source->options;
    const struct block_info *info = r->view.info;
    struct selection s = { .from_ns = from_ns > o->time_from_ns ? from_ns : o->time_from_ns,
                           .to_ns = to_ns < o->time_to_ns ? to_ns : o->time_to_ns };
    int64_t min_ns, max_ns;
    *out_rows = NULL;
    TRY(budget_check(r->source->budget));
    block_page_times(r->block, page, &min_ns, &max_ns);
    if (max_ns < s.from_ns || min_ns >= s.to_ns)
        return ERR_OK;
    uint32_t count = block_page_rows(r->block, page);
    TRY(budget_scan(r->source->budget, count, info->raw_bytes * count / info->row_count));
    TRY(vector_page(&r->view, page));
    enum err e = select_rows(r, &s);
    if (e != ERR_OK)
        return source_reader_forgive(r, e);
    if (bits_any(s.sure, count))
        *out_rows = s.sure;
    return ERR_OK;
}
