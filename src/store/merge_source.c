#include "store/merge_source.h"
#include "base/assert.h"
#include "base/bits.h"
#include "store/store_state.h"
#include <inttypes.h>
#include <stdio.h>

void merge_source_init(struct merge_source *s, struct merge_context *c, const struct merge_input *input) {
    *s = (struct merge_source){ .context = c, .input = input };
    arena_init(&s->mem, 0);
}

void merge_source_fini(struct merge_source *s) {
    block_free(s->block);
    s->block = NULL;
    arena_fini(&s->mem);
}

uint64_t merge_source_cost(const struct segment_block *b, bool merged, uint32_t page_rows) {
    uint64_t rows = b->row_count < page_rows ? b->row_count : page_rows;
    uint64_t page = b->row_count ? b->raw_bytes / b->row_count * rows + rows * 16 : 0;
    uint64_t shared =
        merged ? b->raw_bytes / 4 * 3 : b->size_bytes / 8; /* dictionaries and templates are the block's */
    return page + shared + (16 << 10);
}

/* ---- damage ---- */

static void set_aside(struct merge_source *s, const struct segment_block *b) {
    struct segment *g = s->input->segment;
    char name[96];
    (void)snprintf(name, sizeof name, "segment-%" PRIu64 "-%" PRIu64 ".block", g->m.id, b->offset);
    segment_set_damaged(g);
    store_quarantine(s->context->store, name, segment_file(g), b->offset, b->size_bytes);
}

static const struct segment_block *block_line(const struct merge_source *s) {
    return &s->input->blocks[s->block_next - 1]; /* block_next is already behind the one at hand */
}

/* ---- pages ---- */

static enum err hide_deleted(struct merge_source *s, uint32_t rows) {
    if (s->input->delete_count == 0)
        return ERR_OK;
    const struct store_config *config = &s->context->store->config;
    uint64_t *visible = ARENA_NEW(&s->mem, uint64_t, bits_words(rows));
    uint64_t *hit = ARENA_NEW(&s->mem, uint64_t, bits_words(rows));
    bits_fill(visible, rows);
    for (size_t d = 0; d < s->input->delete_count; d++) {
        const struct scan_delete *del = &s->input->deletes[d];
        bits_zero(hit, rows);
        for (uint32_t i = 0; i < rows; i++)
            if (s->times_ns[i] >= del->time_from_ns && s->times_ns[i] < del->time_to_ns)
                bits_set(hit, i);
        if (!bits_any(hit, rows))
            continue;
        TRY(config->delete_match(config->delete_ctx, del->predicate, s->block, s->page, hit));
        bits_andnot(visible, hit, rows);
    }
    s->visible = visible;
    return ERR_OK;
}

/* An arena that grows wastes up to half, and a merge holds dozens of pages: so a page is decoded in scratch
 * and copied into one piece of memory of its size. */
static enum err copy_array(struct arena *to, const void *from, size_t count, size_t each_bytes,
                           const void *out) {
    void *p = arena_alloc_raw(to, count ? count : 1, each_bytes);
    if (!p)
        return ERR_LIMIT;
    memcpy(p, from, count * each_bytes);
    *(void **)out = p;
    return ERR_OK;
}

/* Large dictionaries are the block's, which all its pages share; a page of one value has one of its own. */
enum { DICT_SHARED_MIN = 64 };

static enum err copy_dict(struct arena *to, struct column_page *p) {
    struct str *dict = ARENA_RAW(to, struct str, p->dict_count + 1u);
    if (!dict)
        return ERR_LIMIT;
    for (uint32_t i = 0; i < p->dict_count; i++)
        TRY(arena_dup(to, p->dict[i], &dict[i]));
    p->dict = dict;
    return ERR_OK;
}

static enum err copy_column(struct arena *to, struct column_page *p) {
    size_t n = p->row_count;
    if (p->present)
        TRY(copy_array(to, p->present, bits_words(n), sizeof *p->present, &p->present));
    switch (p->form) {
    case PAGE_EMPTY:
    case PAGE_TEMPLATES: return ERR_OK;
    case PAGE_INTS: return copy_array(to, p->ints, n, sizeof *p->ints, &p->ints);
    case PAGE_FLOATS: return copy_array(to, p->floats, n, sizeof *p->floats, &p->floats);
    case PAGE_DICT:
        if (p->dict_count < DICT_SHARED_MIN)
            TRY(copy_dict(to, p));
        return copy_array(to, p->codes, n, sizeof *p->codes, &p->codes);
    case PAGE_STRINGS:
        TRY(copy_array(to, p->bytes, p->offsets[n], 1, &p->bytes));
        return copy_array(to, p->offsets, n + 1, sizeof *p->offsets, &p->offsets);
    }
    return ERR_OK;
}

static enum err copy_columns(struct merge_source *s, uint32_t column_count, size_t rows) {
    TRY(copy_array(&s->mem, s->times_ns, rows, sizeof *s->times_ns, &s->times_ns));
    TRY(copy_array(&s->mem, s->received_ms, rows, sizeof *s->received_ms, &s->received_ms));
    TRY(copy_array(&s->mem, s->columns, column_count, sizeof *s->columns, &s->columns));
    for (uint32_t c = 0; c < column_count; c++) {
        if (s->columns[c].form == PAGE_TEMPLATES) /* opaque: stays where it is decoded */
            TRY(block_read_column(s->block, c, s->page, &s->mem, &s->columns[c]));
        else
            TRY(copy_column(&s->mem, &s->columns[c]));
    }
    return ERR_OK;
}

/* Makes the arena one empty piece of at least `bytes`. */
static enum err reserve(struct arena *a, size_t bytes) {
    arena_fini(a);
    if (!arena_alloc_raw(a, bytes, 1))
        return ERR_LIMIT;
    arena_reset(a);
    return ERR_OK;
}

static enum err decode_page(struct merge_source *s, struct arena *to) {
    uint32_t column_count = block_info(s->block)->column_count;
    TRY(block_read_times(s->block, s->page, to, &s->times_ns));
    TRY(block_read_received(s->block, s->page, to, &s->received_ms));
    s->columns = ARENA_NEW(to, struct column_page, column_count + 1);
    if (!s->columns)
        return ERR_LIMIT;
    for (uint32_t c = 0; c < column_count; c++)
        if (block_page_value_count(s->block, c, s->page) > 0) /* else the form stays PAGE_EMPTY */
            TRY(block_read_column(s->block, c, s->page, to, &s->columns[c]));
    return ERR_OK;
}

/* ---- what the batch points into ---- */

/* Only what another page or block will follow makes memory grow; the end of a source moves it. */
static void retire_page(struct merge_source *s, bool more) {
    struct merge_context *c = s->context;
    if (s->page_used) {
        c->retired_bytes += more ? s->mem.used_bytes : 0;
        VEC_PUSH(&c->pages, s->mem);
        s->mem = (struct arena){ 0 };
    }
    s->page_used = false;
}

static void close_block(struct merge_source *s) {
    bool more = s->block_next < s->block_end;
    retire_page(s, more);
    arena_fini(&s->mem);
    if (s->block_used) {
        VEC_PUSH(&s->context->blocks, s->block);
    } else {
        block_free(s->block);
    }
    s->block_used = false;
    s->block = NULL;
}

void merge_context_release(struct merge_context *c) {
    for (size_t i = 0; i < c->pages.n; i++)
        arena_fini(&c->pages.p[i]);
    for (size_t i = 0; i < c->blocks.n; i++)
        block_free(c->blocks.p[i]);
    c->pages.n = c->blocks.n = 0;
    c->retired_bytes = 0;
}

void merge_context_fini(struct merge_context *c) {
    merge_context_release(c);
    VEC_FINI(&c->pages);
    VEC_FINI(&c->blocks);
    arena_fini(&c->scratch);
}

static enum err read_page(struct merge_source *s) {
    uint32_t column_count = block_info(s->block)->column_count, rows = block_page_rows(s->block, s->page);
    struct arena *scratch = &s->context->scratch;
    s->visible = NULL;
    retire_page(s, true);
    arena_reset(scratch);
    TRY(decode_page(s, scratch));
    TRY(reserve(&s->mem, scratch->used_bytes + column_count * (sizeof(uint16_t) + 16) + 4096));
    TRY(copy_columns(s, column_count, rows));
    s->fields = ARENA_NEW(&s->mem, uint16_t, column_count + 1);
    s->fields_generation = UINT32_MAX;
    return hide_deleted(s, rows);
}

static enum err load_page(struct merge_source *s, uint32_t page, struct err_text *why) {
    const struct block_info *info = block_info(s->block);
    s->page = page;
    s->page_first = page * info->page_rows;
    s->page_end = s->page_first + block_page_rows(s->block, page);
    enum err e = read_page(s);
    return e == ERR_OK || e == ERR_CORRUPT
               ? e
               : err_say(why, e, "merge: a page of segment %" PRIu64 " cannot be read: %s",
                         s->input->segment->m.id, err_name(e));
}

/* ---- streams ---- */

static void enter_stream(struct merge_source *s, uint32_t index) {
    struct merge_context *c = s->context;
    s->stream = &block_streams(s->block)[index];
    s->stream_generation = UINT32_MAX;
    s->keep_from_ns = retention_keep_from(c->store->retention, c->table, s->stream->labels, c->now_ns);
}

/* Rows go up by any number of pages, so by any number of streams. */
static void follow_stream(struct merge_source *s) {
    uint32_t end = s->stream->row_first + s->stream->row_count;
    if (s->row >= end)
        enter_stream(s, block_stream_of_row(s->block, s->row));
}

/* ---- blocks ---- */

static enum err open_block(struct merge_source *s, struct err_text *why) {
    const struct segment_block *b = &s->input->blocks[s->block_next++];
    struct block_source source = { .file = segment_file(s->input->segment),
                                   .offset = b->offset,
                                   .size_bytes = b->size_bytes };
    s->context->counts.rows_in += b->row_count;
    enum err e = block_open(&source, why, &s->block);
    if (e == ERR_CORRUPT) {
        s->block = NULL;
        s->context->counts.rows_damaged += b->row_count;
        set_aside(s, b);
        return ERR_OK;
    }
    TRY(e);
    s->tenant = block_info(s->block)->tenant;
    s->row = 0;
    s->page_first = s->page_end = 0;
    s->set_aside = false;
    enter_stream(s, 0);
    return ERR_OK;
}

/* A page failed: its rows are lost to the merge, the whole block's bytes are set aside once. */
static void skip_page(struct merge_source *s) {
    s->context->counts.rows_damaged += s->page_end - s->row;
    if (!s->set_aside)
        set_aside(s, block_line(s));
    s->set_aside = true;
    s->row = s->page_end;
}

static bool row_visible(const struct merge_source *s) {
    uint32_t i = s->row - s->page_first;
    return s->times_ns[i] >= s->keep_from_ns && (!s->visible || bits_get(s->visible, i));
}

/* From the row at hand to the first that is there and visible: through pages and blocks. */
static enum err settle(struct merge_source *s, struct err_text *why) {
    for (;;) {
        if (!s->block) {
            if (s->block_next == s->block_end)
                return ERR_OK;
            TRY(open_block(s, why));
            continue;
        }
        const struct block_info *info = block_info(s->block);
        if (s->row == info->row_count) {
            close_block(s);
            continue;
        }
        if (s->row >= s->page_end) {
            enum err e = load_page(s, s->row / info->page_rows, why);
            if (e == ERR_CORRUPT) {
                skip_page(s);
                continue;
            }
            TRY(e);
        }
        follow_stream(s);
        if (row_visible(s))
            return ERR_OK;
        s->context->counts.rows_hidden++;
        s->row++;
    }
}

enum err merge_source_start(struct merge_source *s, struct err_text *why) {
    return settle(s, why);
}

enum err merge_source_next(struct merge_source *s, struct err_text *why) {
    ASSERT(s->block);
    s->row++;
    return settle(s, why);
}

enum err merge_source_skip_damaged(struct merge_source *s, struct err_text *why) {
    skip_page(s);
    return settle(s, why);
}

/* ---- rows out ---- */

static enum err map_fields(struct merge_source *s) {
    const struct block_info *info = block_info(s->block);
    const struct block_column *columns = block_columns(s->block);
    for (uint32_t c = 0; c < info->column_count; c++) {
        if (s->columns[c].form == PAGE_EMPTY)
            continue;
        uint32_t field = field_dict_put(s->context->fields, columns[c].name);
        if (field == UINT32_MAX)
            return ERR_LIMIT;
        s->fields[c] = (uint16_t)field;
    }
    s->fields_generation = s->context->fields->generation;
    return ERR_OK;
}

static enum err map_stream(struct merge_source *s) {
    s->stream_number = stream_dict_put(s->context->streams, s->stream->labels);
    if (s->stream_number == UINT32_MAX)
        return ERR_LIMIT;
    s->stream_generation = s->context->streams->generation;
    return ERR_OK;
}

/* Shares of the block's raw bytes that sum to it. */
static uint32_t raw_share(const struct merge_source *s) {
    const struct block_info *i = block_info(s->block);
    unsigned __int128 raw = i->raw_bytes;
    uint64_t share = (uint64_t)(raw * (s->row + 1ull) / i->row_count - raw * s->row / i->row_count);
    return share > UINT32_MAX ? UINT32_MAX : (uint32_t)share;
}

/* Texts of a page are not copied: it is kept until the batch is sealed. A block is kept for its dictionaries
 * only where it is a source of its own; a merged block is large, and the next one of its source is opened
 * while the batch fills. */
static bool keeps_block(const struct merge_source *s) {
    return s->input->segment->m.level == 0;
}

static enum err text_cell(const struct merge_source *s, uint32_t column, uint32_t i, struct batch *batch,
                          struct cell *out) {
    const struct column_page *p = &s->columns[column];
    struct str text = { 0 };
    if (p->form == PAGE_STRINGS) {
        text = (struct str){ p->bytes + p->offsets[i], p->offsets[i + 1] - p->offsets[i] };
    } else if (p->form == PAGE_TEMPLATES) {
        TRY(column_page_text(p, i, &batch->mem, &text));
    } else {
        text = p->dict[p->codes[i]];
        if (!keeps_block(s))
            TRY(arena_dup(&batch->mem, text, &text));
    }
    *out = cell_bytes(s->fields[column], p->type, text);
    return ERR_OK;
}

static enum err add_cell(const struct merge_source *s, uint32_t column, uint32_t i, struct batch *batch,
                         size_t *bytes) {
    const struct column_page *p = &s->columns[column];
    struct cell c;
    switch (p->form) {
    case PAGE_EMPTY: return ERR_OK;
    case PAGE_INTS: c = cell_int(s->fields[column], p->type, p->ints[i]); break;
    case PAGE_FLOATS: c = cell_float(s->fields[column], p->floats[i]); break;
    case PAGE_STRINGS:
    case PAGE_DICT:
    case PAGE_TEMPLATES:
        TRY(text_cell(s, column, i, batch, &c));
        *bytes += c.bytes;
        break;
    }
    batch_cell(batch, c);
    return ERR_OK;
}

enum err merge_source_emit(struct merge_source *s, struct batch *batch, size_t *out_bytes) {
    if (s->fields_generation != s->context->fields->generation)
        TRY(map_fields(s));
    if (s->stream_generation != s->context->streams->generation)
        TRY(map_stream(s));
    uint32_t i = s->row - s->page_first, column_count = block_info(s->block)->column_count;
    struct batch_mark mark = batch_mark(batch);
    struct row *r = batch_row_begin(batch);
    r->time_ns = s->times_ns[i];
    r->received_ms = s->received_ms[i];
    r->stream = s->stream_number;
    r->raw_bytes = raw_share(s);
    size_t bytes = sizeof(struct row);
    for (uint32_t c = 0; c < column_count; c++) {
        const struct column_page *p = &s->columns[c];
        if (p->form == PAGE_EMPTY || (p->present && !bits_get(p->present, i)))
            continue;
        enum err e = add_cell(s, c, i, batch, &bytes);
        if (e != ERR_OK) {
            batch_rollback(batch, mark);
            return e;
        }
        bytes += sizeof(struct cell);
    }
    batch_row_end(batch);
    s->page_used = true;
    s->block_used = keeps_block(s);
    *out_bytes = bytes;
    return ERR_OK;
}
