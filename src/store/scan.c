/*
 * A scan: which blocks of one snapshot may hold matching rows.
 *
 *   lock        refer to all live blocks and segments of the table: from here each row has one owner
 *   segments    time by the manifest; then pin, block index, and only what the request asks for: streams,
 * ids, words live        directories are in memory: time and streams order       newest first, ties by part
 * and block
 *
 * Everything the scan refers to stays until scan_close(). A damaged part is counted and costs only what it
 * covers: without its stream section, id index or filter a segment is not pruned; without its block index the
 * blocks are found by walking.
 */
#include "base/assert.h"
#include "base/bits.h"
#include "base/heap.h"
#include "base/stat.h"
#include "store/index_ids.h"
#include "store/index_labels.h"
#include "store/index_words.h"
#include "store/store_state.h"
#include <stdlib.h>

static const size_t SCAN_BYTES_MAX = 256u << 20, SECTION_BYTES_MAX = 256u << 20;

struct scan_part {
    struct live_block *live; /* one reference, … */
    struct segment *segment; /* … or one reference, which pinning turns into a pin */
    bool pinned;
    uint64_t id; /* of the segment; position of the live block */
    const struct scan_delete *deletes;
    size_t delete_count;
};
struct scan_entry {
    struct scan_block block; /* first: scan_block() gives its address */
    uint32_t part, number;   /* number: in its segment, or in its frame */
    uint64_t offset;
};
struct scan {
    struct store *store;
    struct scan_request request; /* borrowed pointers are used in store_scan() only */
    struct arena mem;
    struct scan_part *parts;
    size_t part_count;
    VEC(struct scan_entry) entries;
    struct scan_counts counts;
    int64_t now_ns; /* for retention */
};

static bool time_overlaps(const struct scan_request *r, int64_t min_ns, int64_t max_ns) {
    return max_ns >= r->time_from_ns && min_ns < r->time_to_ns;
}

static bool live_wanted(const struct scan_request *r, const struct live_block *l) {
    const struct block_info *i = block_info(l->block);
    return i->table == r->table && l->position > r->live_after_position;
}

/* Lock held. Live blocks first, then segments, all by reference; parts are compacted while they are pruned.
 */
static enum err take_snapshot(struct scan *c, struct store *s) {
    c->parts = ARENA_NEW(&c->mem, struct scan_part, s->live.blocks.n + s->segments.n + 1);
    if (!c->parts)
        return ERR_LIMIT;
    for (size_t i = 0; i < s->live.blocks.n; i++) {
        struct live_block *l = s->live.blocks.p[i];
        if (live_wanted(&c->request, l))
            c->parts[c->part_count++] = (struct scan_part){ .live = live_block_ref(l), .id = l->position };
    }
    for (size_t i = 0; i < s->segments.n && !c->request.live_only; i++) {
        struct segment *g = s->segments.p[i];
        if (g->m.table != c->request.table)
            continue;
        c->counts.rows_total += g->m.rows;
        c->counts.blocks += g->m.blocks;
        if (!time_overlaps(&c->request, g->m.time_min_ns, g->m.time_max_ns)) {
            c->counts.blocks_skipped_time += g->m.blocks;
            continue;
        }
        struct scan_part part = { .segment = segment_ref(g), .id = g->m.id };
        enum err e = deletes_pending(&s->deletes, &g->m, &c->mem, &part.deletes, &part.delete_count);
        c->parts[c->part_count++] = part;
        TRY(e);
    }
    return ERR_OK;
}

static bool asks_streams(const struct scan_request *r) {
    return r->stream != NULL || r->label_count > 0;
}

static bool stream_wanted(const struct scan_request *r, struct str labels) {
    for (size_t i = 0; i < r->label_count; i++)
        if (!str_eq(labels_get(labels, r->labels[i].name), r->labels[i].value))
            return false;
    return !r->stream || r->stream(r->stream_ctx, labels);
}

static void prune_live(struct scan *c, uint32_t part) {
    const struct scan_request *r = &c->request;
    struct live_block *l = c->parts[part].live;
    const struct block_info *i = block_info(l->block);
    c->counts.blocks++;
    c->counts.rows_total += i->row_count;
    if (i->tenant != r->tenant || !time_overlaps(r, i->time_min_ns, i->time_max_ns)) {
        c->counts.blocks_skipped_time++;
        return;
    }
    const struct block_stream *streams = block_streams(l->block);
    bool kept = !asks_streams(r);
    for (uint32_t k = 0; k < i->stream_count && !kept; k++)
        kept = stream_wanted(r, streams[k].labels);
    if (!kept) {
        c->counts.blocks_skipped_stream++;
        return;
    }
    VEC_PUSH(&c->entries, (struct scan_entry){ .block = { .time_min_ns = i->time_min_ns,
                                                          .time_max_ns = i->time_max_ns,
                                                          .row_count = i->row_count,
                                                          .page_count = i->page_count,
                                                          .size_bytes = l->size_bytes,
                                                          .raw_bytes = i->raw_bytes,
                                                          .position = l->position,
                                                          .pages = UINT64_MAX },
                                               .part = part,
                                               .number = l->number,
                                               .offset = l->offset });
}

/* ---- segments ---- */

struct segment_pruner {
    struct scan *scan;
    struct segment *segment;
    struct arena mem;
    struct segment_block *blocks;
    uint32_t block_count;
    uint64_t *keep;  /* blocks */
    uint64_t *pages; /* of each block; NULL: all */
    uint64_t *found; /* by the id being looked up */
    bool damaged;
};

/* Counts what `before` has more than keep now. */
static void count_skipped(const struct segment_pruner *p, const uint64_t *before, uint64_t *counter) {
    *counter += bits_count(before, p->block_count) - bits_count(p->keep, p->block_count);
}

static void keep_time(struct segment_pruner *p) {
    const struct scan_request *r = &p->scan->request;
    for (uint32_t i = 0; i < p->block_count; i++)
        if (p->blocks[i].tenant == r->tenant &&
            time_overlaps(r, p->blocks[i].time_min_ns, p->blocks[i].time_max_ns))
            bits_set(p->keep, i);
    p->scan->counts.blocks_skipped_time += p->block_count - bits_count(p->keep, p->block_count);
}

/* Streams, by rank, that carry all the labels asked for; NULL when none are asked for. */
static enum err find_labels(struct segment_pruner *p, uint32_t stream_count, uint64_t **out) {
    const struct scan_request *r = &p->scan->request;
    struct str section;
    *out = NULL;
    if (r->label_count == 0)
        return ERR_OK;
    TRY(segment_section(p->segment, SECTION_LABELS, &p->mem, &section));
    uint64_t *streams = ARENA_RAW(&p->mem, uint64_t, bits_words(stream_count) + 1);
    if (!streams)
        return ERR_LIMIT;
    bits_fill(streams, stream_count);
    for (size_t i = 0; i < r->label_count; i++)
        TRY(index_labels_keep(section, r->labels[i].name, r->labels[i].value, streams, stream_count));
    *out = streams;
    return ERR_OK;
}

static enum err keep_streams(struct segment_pruner *p) {
    const struct scan_request *r = &p->scan->request;
    struct str section, labels;
    TRY(segment_section(p->segment, SECTION_STREAMS, &p->mem, &section));
    uint64_t *wanted = ARENA_NEW(&p->mem, uint64_t, bits_words(p->block_count) + 1), *labelled;
    struct index_streams *x = ARENA_NEW(&p->mem, struct index_streams, 1);
    if (!wanted || !x)
        return ERR_LIMIT;
    index_streams_start(x, section);
    TRY(find_labels(p, x->count, &labelled));
    uint32_t tenant;
    for (uint32_t rank = 0; index_streams_next(x, &tenant, &labels); rank++) {
        if (tenant != r->tenant || (labelled && !bits_get(labelled, rank)))
            continue;
        if ((!r->stream || r->stream(r->stream_ctx, labels)) &&
            !index_streams_blocks(x, wanted, p->block_count))
            break;
    }
    if (!index_streams_ok(x))
        return ERR_CORRUPT;
    bits_and(p->keep, wanted, p->block_count);
    return ERR_OK;
}

static void found_id(void *ctx, uint32_t block, uint32_t page) {
    struct segment_pruner *p = ctx;
    if (block < p->block_count)
        p->found[block] |= page < 64 ? 1ull << page : UINT64_MAX;
}

static enum err keep_ids(struct segment_pruner *p) {
    const struct scan_request *r = &p->scan->request;
    struct str section;
    TRY(segment_section(p->segment, SECTION_IDS, &p->mem, &section));
    uint64_t *pages = ARENA_NEW(&p->mem, uint64_t, p->block_count + 1);
    p->found = ARENA_NEW(&p->mem, uint64_t, p->block_count + 1);
    if (!pages || !p->found)
        return ERR_LIMIT;
    for (size_t i = 0; i < r->id_count; i++) {
        memset(p->found, 0, p->block_count * sizeof *p->found);
        TRY(index_ids_find(segment_file(p->segment), section, r->ids[i], found_id, p));
        for (uint32_t b = 0; b < p->block_count; b++)
            pages[b] = i == 0 ? p->found[b] : pages[b] & p->found[b];
    }
    for (uint32_t b = 0; b < p->block_count; b++)
        if (!pages[b])
            bits_clear(p->keep, b);
    p->pages = pages;
    return ERR_OK;
}

static enum err keep_words(struct segment_pruner *p) {
    const struct scan_request *r = &p->scan->request;
    BITS_EACH (i, p->keep, p->block_count) {
        const struct segment_block *b = &p->blocks[i];
        bool may = true;
        for (size_t w = 0; w < r->word_count && may && b->filter_lines; w++)
            TRY(index_words_test(segment_file(p->segment), b->offset + b->size_bytes, b->filter_lines,
                                 r->words[w], &may));
        if (!may)
            bits_clear(p->keep, i);
    }
    return ERR_OK;
}

/* One kind of pruning. Damage leaves the blocks in: nothing is hidden because an index is broken. */
static enum err prune_by(struct segment_pruner *p, enum err (*keep)(struct segment_pruner *p),
                         uint64_t *counter) {
    size_t bytes = (bits_words(p->block_count) + 1) * sizeof(uint64_t);
    uint64_t *before = ARENA_NEW(&p->mem, uint64_t, bits_words(p->block_count) + 1);
    if (!before)
        return ERR_LIMIT;
    memcpy(before, p->keep, bytes);
    enum err e = keep(p);
    if (e == ERR_OK) {
        count_skipped(p, before, counter);
        return ERR_OK;
    }
    if (e == ERR_LIMIT)
        return e;
    memcpy(p->keep, before, bytes);
    p->pages = NULL;
    p->damaged = true;
    return ERR_OK;
}

static void add_entries(struct segment_pruner *p, uint32_t part) {
    BITS_EACH (i, p->keep, p->block_count) {
        const struct segment_block *b = &p->blocks[i];
        VEC_PUSH(&p->scan->entries,
                 (struct scan_entry){ .block = { .time_min_ns = b->time_min_ns,
                                                 .time_max_ns = b->time_max_ns,
                                                 .row_count = b->row_count,
                                                 .page_count = b->page_count,
                                                 .size_bytes = b->size_bytes,
                                                 .raw_bytes = b->raw_bytes,
                                                 .pages = p->pages ? p->pages[i] : UINT64_MAX },
                                      .part = part,
                                      .number = (uint32_t)i,
                                      .offset = b->offset });
    }
}

static enum err prune_pinned(struct segment_pruner *p, uint32_t part) {
    const struct scan_request *r = &p->scan->request;
    struct scan_counts *counts = &p->scan->counts;
    bool walked;
    enum err e = segment_blocks(p->segment, &p->mem, &p->blocks, &p->block_count, &walked);
    if (e == ERR_LIMIT)
        return e;
    if (e != ERR_OK || walked)
        p->damaged = true;
    if (e != ERR_OK)
        return ERR_OK;
    p->keep = ARENA_NEW(&p->mem, uint64_t, bits_words(p->block_count) + 1);
    if (!p->keep)
        return ERR_LIMIT;
    keep_time(p);
    if (asks_streams(r) && !walked)
        TRY(prune_by(p, keep_streams, &counts->blocks_skipped_stream));
    if (r->id_count && p->segment->m.level > 0 && !walked)
        TRY(prune_by(p, keep_ids, &counts->blocks_skipped_word));
    if (r->word_count)
        TRY(prune_by(p, keep_words, &counts->blocks_skipped_word));
    add_entries(p, part);
    return ERR_OK;
}

static void part_release(struct scan_part *p) {
    live_block_unref(p->live);
    if (p->pinned)
        segment_unpin(p->segment);
    else
        segment_unref(p->segment);
    p->live = NULL;
    p->segment = NULL;
}

static enum err prune_segment(struct scan *c, uint32_t part) {
    struct scan_part *taken = &c->parts[part];
    struct segment_pruner p = { .scan = c, .segment = taken->segment };
    if (segment_pin(p.segment, NULL) != ERR_OK) {
        c->counts.parts_damaged++;
        segment_set_damaged(p.segment);
        return ERR_OK;
    }
    segment_unref(p.segment); /* the pin holds it */
    taken->pinned = true;
    arena_init(&p.mem, SECTION_BYTES_MAX);
    size_t before = c->entries.n;
    enum err e = prune_pinned(&p, part);
    arena_fini(&p.mem);
    if (p.damaged || p.segment->damaged) {
        segment_set_damaged(p.segment);
        c->counts.parts_damaged++;
    }
    if (c->entries.n == before)
        part_release(taken);
    return e;
}

/* ---- order ---- */

static int newest_first(const void *a, const void *b, void *ctx) {
    const struct scan_entry *x = a, *y = b;
    const struct scan *c = ctx;
    if (x->block.time_max_ns != y->block.time_max_ns)
        return x->block.time_max_ns > y->block.time_max_ns ? -1 : 1;
    const struct scan_part *p = &c->parts[x->part], *q = &c->parts[y->part];
    if ((p->live == NULL) != (q->live == NULL))
        return p->live ? -1 : 1;
    if (p->id != q->id)
        return p->id > q->id ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static enum err fill(struct scan *c, struct store *s) {
    {
        LOCKED(&s->lock);
        c->now_ns = trusted_clock_now(&s->clock, s->config.clock);
        TRY(take_snapshot(c, s));
    }
    for (uint32_t i = 0; i < c->part_count; i++) {
        if (c->parts[i].live)
            prune_live(c, i);
        else
            TRY(prune_segment(c, i));
        if (c->entries.n * sizeof *c->entries.p > SCAN_BYTES_MAX)
            return ERR_LIMIT;
    }
    if (c->entries.n)
        qsort_r(c->entries.p, c->entries.n, sizeof *c->entries.p, newest_first, c);
    return ERR_OK;
}

enum err store_scan(struct store *s, const struct scan_request *r, struct err_text *why, struct scan **out) {
    struct scan *c = HEAP_NEW(struct scan);
    c->store = s;
    c->request = *r;
    arena_init(&c->mem, SCAN_BYTES_MAX);
    enum err e = fill(c, s);
    if (e != ERR_OK) {
        scan_close(c);
        return err_say(why, e, "scan: the list of blocks needs more than its memory");
    }
    *out = c;
    return ERR_OK;
}

void scan_close(struct scan *c) {
    if (!c)
        return;
    for (size_t i = 0; i < c->part_count; i++)
        part_release(&c->parts[i]);
    VEC_FINI(&c->entries);
    arena_fini(&c->mem);
    heap_free(c);
}

size_t scan_count(const struct scan *c) {
    return c->entries.n;
}

const struct scan_block *scan_block(const struct scan *c, size_t i) {
    ASSERT(i < c->entries.n);
    return &c->entries.p[i].block;
}

const struct scan_counts *scan_counts(const struct scan *c) {
    return &c->counts;
}

enum err scan_open(struct scan *c, size_t i, struct err_text *why, struct block **out) {
    ASSERT(i < c->entries.n);
    const struct scan_entry *e = &c->entries.p[i];
    const struct scan_part *p = &c->parts[e->part];
    struct block_source source = { .file = p->live ? queue_file_io(p->live->file) : segment_file(p->segment),
                                   .offset = e->offset,
                                   .size_bytes = e->block.size_bytes };
    enum err result = block_open(&source, why, out);
    if (result == ERR_CORRUPT && p->segment)
        segment_set_damaged(p->segment);
    return result;
}

size_t scan_deletes(const struct scan *c, size_t i, const struct scan_delete **out) {
    ASSERT(i < c->entries.n);
    const struct scan_part *p = &c->parts[c->entries.p[i].part];
    *out = p->deletes;
    return p->delete_count;
}

int64_t scan_keep_from(const struct scan *c, struct str labels) {
    return retention_keep_from(c->store->retention, c->request.table, labels, c->now_ns);
}
