#include "block/block_build.h"
#include "base/assert.h"
#include "base/bits.h"
#include "base/hash.h"
#include "base/heap.h"
#include "block/block_header.h"
#include "block/column_gather.h"
#include "block/words.h"

/*
 * A block is built in phases, each cut into steps of about a millisecond:
 *
 *   order     rows by stream and time                        row_order.c
 *   count     cells of each (name, type)                     column_gather.c
 *   fill      cells to columns
 *   fixed     streams, claims, times
 *   columns   column by column: each encoding of list.def is offered the pages, then the one that accepted
 * writes its shared part and its pages                  enc_*.c seal      header, directory and parts become
 * one
 *
 * Directory and parts grow side by side, in the same order, so that the directory needs no offsets.
 */
enum { ROWS_A_STEP = 16384 };
enum column_stage { STAGE_BEGIN, STAGE_PLAN, STAGE_HEAD, STAGE_PAGES };

struct block_builder {
    struct block_build_options options;
    const struct batch *batch;
    const uint32_t *rows;
    size_t row_count;
    struct row_order order;
    struct column_gather gather;
    struct encoder encoder;
    struct block_header header;
    struct buf directory, parts, sealed;
    /* The cursor. */
    unsigned phase;
    size_t at; /* row or column */
    enum column_stage stage;
    size_t candidate;
    uint32_t page;
    size_t open_part;                         /* where the part begins whose last strip is being written */
    uint32_t page_first[BLOCK_PAGES_MAX + 1]; /* of the column at hand: first value of each page */
};

/* Columns whose values are looked up one by one: store keeps an index of them. */
static const char *const id_columns[] = { "trace_id" };

struct block_builder *block_builder_new(void) {
    struct block_builder *b = HEAP_NEW(struct block_builder);
    encoder_init(&b->encoder);
    return b;
}

void block_builder_free(struct block_builder *b) {
    if (!b)
        return;
    row_order_fini(&b->order);
    column_gather_fini(&b->gather);
    encoder_fini(&b->encoder);
    buf_fini(&b->directory);
    buf_fini(&b->parts);
    buf_fini(&b->sealed);
    heap_free(b);
}

static uint32_t choose_page_rows(const struct block_build_options *o, size_t row_count) {
    size_t rows = o->page_rows ? o->page_rows : table_infos[o->table].page_rows;
    size_t least = (row_count + BLOCK_PAGES_MAX - 1) / BLOCK_PAGES_MAX;
    if (least < BLOCK_PAGE_ROWS_MIN)
        least = BLOCK_PAGE_ROWS_MIN;
    return (uint32_t)(rows < least ? least : rows > BLOCK_ROWS_MAX ? (size_t)BLOCK_ROWS_MAX : rows);
}

void block_builder_start(struct block_builder *b, const struct block_build_options *options,
                         const struct batch *batch, const uint32_t *rows, size_t count) {
    ASSERT(count >= 1 && count <= BLOCK_ROWS_MAX && options->table < TABLE_COUNT);
    ASSERT(batch->claims.n <= BLOCK_CLAIMS_MAX);
    b->options = *options;
    if (!b->options.zstd_level)
        b->options.zstd_level = 1;
    b->batch = batch;
    b->rows = rows;
    b->row_count = count;
    b->header = (struct block_header){ .table = options->table,
                                       .tenant = options->tenant,
                                       .row_count = (uint32_t)count,
                                       .page_rows = choose_page_rows(options, count),
                                       .claim_count = (uint32_t)batch->claims.n };
    buf_clear(&b->directory);
    buf_clear(&b->parts);
    buf_clear(&b->sealed);
    b->phase = 0;
    b->at = 0;
    encoder_start(&b->encoder, &b->options);
}

/* Parts. */

static size_t part_begin(const struct block_builder *b) {
    return b->parts.n;
}

static void part_end(struct block_builder *b, size_t begin) {
    size_t bytes = b->parts.n - begin;
    buf_add_varint(&b->directory, bytes);
    if (bytes && b->header.form == BLOCK_PAGED)
        buf_add_le32(&b->directory, crc32c(0, b->parts.p + begin, bytes));
}

static void put_streams(struct block_builder *b) {
    struct encoder *e = &b->encoder;
    size_t count = b->order.streams.n, begin = part_begin(b);
    buf_add_char(&b->parts, 0);
    VEC_RESERVE(&e->lengths, count);
    buf_clear(&e->text);
    for (size_t i = 0; i < count; i++) {
        e->lengths.p[i] = (uint32_t)b->order.streams.p[i].labels.n;
        buf_add(&e->text, b->order.streams.p[i].labels);
    }
    int_run_put_u32(&e->ints, e->lengths.p, count, &b->parts);
    strip_put(e->strips, e->text.p, e->text.n, &b->parts);
    for (size_t i = 0; i < count; i++)
        e->lengths.p[i] = b->order.streams.p[i].count;
    int_run_put_u32(&e->ints, e->lengths.p, count, &b->parts);
    part_end(b, begin);
}

static void put_claims(struct block_builder *b) {
    size_t begin = part_begin(b);
    buf_clear(&b->encoder.text);
    for (size_t i = 0; i < b->batch->claims.n; i++) {
        buf_add_le64(&b->encoder.text, b->batch->claims.p[i].hi);
        buf_add_le64(&b->encoder.text, b->batch->claims.p[i].lo);
    }
    if (b->batch->claims.n)
        strip_put(b->encoder.strips, b->encoder.text.p, b->encoder.text.n, &b->parts);
    part_end(b, begin);
}

static void put_int_range(struct buf *out, int64_t least, int64_t most) {
    buf_add_char(out, 1);
    buf_add_varint(out, zigzag(least));
    buf_add_varint(out, (uint64_t)most - (uint64_t)least);
}

/* Event or received times: pages that every row has. */
static void put_times(struct block_builder *b, const uint64_t *times, int64_t *out_least, int64_t *out_most) {
    *out_least = INT64_MAX;
    *out_most = INT64_MIN;
    for (size_t from = 0; from < b->row_count; from += b->header.page_rows) {
        size_t count = b->row_count - from < b->header.page_rows ? b->row_count - from : b->header.page_rows;
        int64_t least = INT64_MAX, most = INT64_MIN;
        for (size_t i = from; i < from + count; i++) {
            least = (int64_t)times[i] < least ? (int64_t)times[i] : least;
            most = (int64_t)times[i] > most ? (int64_t)times[i] : most;
        }
        buf_add_varint(&b->directory, count);
        buf_add_char(&b->directory, ENCODING_INT);
        put_int_range(&b->directory, least, most);
        size_t begin = part_begin(b);
        int_run_put(&b->encoder.ints, times + from, count, &b->parts);
        part_end(b, begin);
        *out_least = least < *out_least ? least : *out_least;
        *out_most = most > *out_most ? most : *out_most;
    }
}

/* Columns. */

static const struct gathered_column *column_at_hand(const struct block_builder *b) {
    return &b->gather.columns.p[b->at];
}

static struct value_run page_values(const struct block_builder *b, uint32_t page) {
    uint32_t first = b->page_first[page];
    return (struct value_run){ column_at_hand(b)->values + first, b->page_first[page + 1] - first, first };
}

/* Where pages begin among the values: by halving, since values are sorted by row. */
static void find_pages(struct block_builder *b) {
    const struct gathered_column *c = column_at_hand(b);
    uint32_t page_count = block_header_pages(&b->header);
    for (uint32_t page = 0; page <= page_count; page++) {
        uint64_t row = (uint64_t)page * b->header.page_rows;
        uint32_t low = page ? b->page_first[page - 1] : 0, high = c->count;
        while (low < high) {
            uint32_t mid = low + (high - low) / 2;
            if (c->values[mid].row < row)
                low = mid + 1;
            else
                high = mid;
        }
        b->page_first[page] = low;
    }
}

static void put_presence(struct block_builder *b, const struct value_run *run, uint32_t page) {
    uint32_t row_first = page * b->header.page_rows;
    uint32_t rows = b->header.row_count - row_first;
    if (rows > b->header.page_rows)
        rows = b->header.page_rows;
    if (run->count == rows)
        return;
    VEC_RESERVE(&b->encoder.numbers, bits_words(rows));
    bits_zero(b->encoder.numbers.p, rows);
    for (uint32_t i = 0; i < run->count; i++)
        bits_set(b->encoder.numbers.p, run->v[i].row - row_first);
    strip_put(b->encoder.strips, b->encoder.numbers.p, bits_words(rows) * 8, &b->parts);
}

static void put_range(struct buf *out, enum value_type type, const struct value_run *run) {
    if (type == VALUE_FLOAT) {
        struct column_value least = run->v[0], most = least;
        bool ordered = true;
        for (uint32_t i = 0; i < run->count; i++) {
            ordered &= run->v[i].f == run->v[i].f;
            least.f = run->v[i].f < least.f ? run->v[i].f : least.f;
            most.f = run->v[i].f > most.f ? run->v[i].f : most.f;
        }
        buf_add_char(out, ordered);
        if (ordered) {
            buf_add_le64(out, least.bits);
            buf_add_le64(out, most.bits);
        }
    } else if (1 << type & (1 << VALUE_INT | 1 << VALUE_TIME | 1 << VALUE_BOOL)) {
        int64_t least = run->v[0].i, most = least;
        for (uint32_t i = 0; i < run->count; i++) {
            least = run->v[i].i < least ? run->v[i].i : least;
            most = run->v[i].i > most ? run->v[i].i : most;
        }
        put_int_range(out, least, most);
    } else {
        buf_add_char(out, 0);
    }
}

static void give_ids(struct block_builder *b, const struct value_run *run, uint32_t page) {
    struct str token;
    for (uint32_t i = 0; i < run->count; i++) {
        struct str value = column_value_str(&run->v[i]);
        b->options.id(b->options.ctx, id_prefix(value), page);
        if (id_is_hex(value))
            continue;
        for (struct str rest = value; token_next(&rest, &token);) /* an id inside of a longer text */
            if (id_is_hex(token))
                b->options.id(b->options.ctx, id_prefix(token), page);
    }
}

static bool is_id_column(const struct gathered_column *c) {
    for (size_t i = 0; i < COUNT_OF(id_columns); i++)
        if (str_eq(c->name, str_of(id_columns[i])))
            return (1 << c->type & TYPES_TEXT) != 0;
    return false;
}

/* Ends a part of a column, or leaves it open until its last strip is written. */
static void part_close(struct block_builder *b, size_t begin) {
    b->open_part = begin;
    if (!strip_put_busy(b->encoder.strips))
        part_end(b, begin);
}

/* One page: its line of the directory, its part. */
static void put_page(struct block_builder *b, uint32_t page) {
    const struct gathered_column *c = column_at_hand(b);
    struct value_run run = page_values(b, page);
    buf_add_varint(&b->directory, run.count);
    if (run.count == 0)
        return;
    buf_add_char(&b->directory, (char)b->encoder.page_encoding);
    put_range(&b->directory, c->type, &run);
    size_t begin = part_begin(b);
    put_presence(b, &run, page);
    encoding_at(b->candidate)->write_page(&b->encoder, &run, &b->parts);
    part_close(b, begin);
    if (b->options.id && is_id_column(c))
        give_ids(b, &run, page);
}

static void put_column_head(struct block_builder *b) {
    const struct gathered_column *c = column_at_hand(b);
    buf_add_varint(&b->directory, c->name.n);
    buf_add(&b->directory, c->name);
    buf_add_char(&b->directory, (char)c->type);
    buf_add_char(&b->directory, (char)b->encoder.shared_encoding);
    if (b->encoder.shared_encoding == ENCODING_NONE)
        return;
    size_t begin = part_begin(b);
    encoding_at(b->candidate)->write_shared(&b->encoder, &b->parts);
    part_close(b, begin);
}

/* The next encoding that can hold the column at hand. */
static void offer(struct block_builder *b, size_t candidate) {
    while (!(encoding_at(candidate)->types & 1u << column_at_hand(b)->type))
        candidate++;
    b->candidate = candidate;
    b->page = 0;
    b->stage = STAGE_PLAN;
    b->encoder.page_encoding = encoding_at(candidate)->id;
    b->encoder.shared_encoding = ENCODING_NONE;
}

/* Offers one page. The last encodings of list.def decline nothing, so this ends. */
static void plan_page(struct block_builder *b) {
    const struct encoding *encoding = encoding_at(b->candidate);
    uint32_t page_count = block_header_pages(&b->header);
    struct value_run run = page_values(b, b->page);
    bool accepted = !encoding->plan || run.count == 0 || encoding->plan(&b->encoder, &run);
    b->page = encoding->plan ? b->page + 1 : page_count;
    if (accepted && b->page < page_count)
        return;
    struct value_run all = { column_at_hand(b)->values, column_at_hand(b)->count, 0 };
    if (accepted && (!encoding->plan_end || encoding->plan_end(&b->encoder, &all)))
        b->stage = STAGE_HEAD;
    else
        offer(b, b->candidate + 1);
}

static void column_step(struct block_builder *b) {
    switch (b->stage) {
    case STAGE_BEGIN:
        b->encoder.type = column_at_hand(b)->type;
        b->encoder.value_count = column_at_hand(b)->count;
        find_pages(b);
        offer(b, 0);
        break;
    case STAGE_PLAN: plan_page(b); break;
    case STAGE_HEAD:
        put_column_head(b);
        b->stage = STAGE_PAGES;
        b->page = 0;
        break;
    case STAGE_PAGES:
        put_page(b, b->page++);
        if (b->page == block_header_pages(&b->header)) {
            b->at++;
            b->stage = STAGE_BEGIN;
        }
        break;
    }
}

/* Phases: each returns true when it is over. */

static bool phase_order(struct block_builder *b) {
    row_order_make(&b->order, b->batch, b->rows, b->row_count);
    b->header.stream_count = (uint32_t)b->order.streams.n;
    b->header.raw_bytes = b->order.raw_bytes;
    b->encoder.times_ns = b->order.times_ns.p;
    column_gather_start(&b->gather, b->batch, &b->order);
    return true;
}

static size_t rows_to(const struct block_builder *b) {
    return b->row_count - b->at < ROWS_A_STEP ? b->row_count : b->at + ROWS_A_STEP;
}

static bool phase_count(struct block_builder *b) {
    size_t to = rows_to(b);
    column_gather_count(&b->gather, b->rows, b->at, to);
    b->at = to;
    if (to < b->row_count)
        return false;
    column_gather_plan(&b->gather);
    return true;
}

static bool phase_fill(struct block_builder *b) {
    size_t to = rows_to(b);
    column_gather_fill(&b->gather, b->at, to);
    b->at = to;
    if (to < b->row_count)
        return false;
    column_gather_end(&b->gather);
    return true;
}

/* What a small block would hold, roughly. */
static uint64_t content_bytes(const struct block_builder *b) {
    uint64_t bytes =
        b->gather.value_bytes + b->gather.cell_count * 8 + b->batch->claims.n * sizeof(struct id128);
    for (size_t i = 0; i < b->order.streams.n; i++)
        bytes += b->order.streams.p[i].labels.n;
    return bytes;
}

static bool phase_fixed(struct block_builder *b) {
    bool small = b->row_count < BLOCK_SMALL_ROWS && content_bytes(b) <= BLOCK_SMALL_CONTENT_BYTES;
    ASSERT(b->gather.value_bytes <= BLOCK_VALUE_BYTES_MAX);
    b->header.form = small ? BLOCK_SMALL : BLOCK_PAGED;
    b->header.column_count = (uint32_t)b->gather.columns.n;
    strip_writer_level(b->encoder.strips, small ? BLOCK_ZSTD_NONE : b->options.zstd_level);
    put_streams(b);
    put_claims(b);
    put_times(b, b->order.times_ns.p, &b->header.time_min_ns, &b->header.time_max_ns);
    put_times(b, b->order.received_ms.p, &b->header.received_min_ms, &b->header.received_max_ms);
    b->stage = STAGE_BEGIN;
    return true;
}

static bool phase_columns(struct block_builder *b) {
    struct strip_writer *strips = b->encoder.strips;
    if (strip_put_busy(strips)) {
        strip_put_step(strips);
        if (!strip_put_busy(strips))
            part_end(b, b->open_part);
    } else if (b->at < b->gather.columns.n) {
        column_step(b);
    }
    return b->at == b->gather.columns.n && !strip_put_busy(strips);
}

static bool phase_seal(struct block_builder *b) {
    struct block_header *h = &b->header;
    buf_add_fill(&b->sealed, 0, BLOCK_HEADER_BYTES);
    h->directory_plain_bytes = (uint32_t)b->directory.n;
    if (h->form == BLOCK_SMALL) {
        strip_writer_level(b->encoder.strips, b->options.zstd_level);
        buf_add(&b->directory, buf_str(&b->parts));
        buf_clear(&b->parts);
        h->small_plain_bytes = (uint32_t)b->directory.n;
        ASSERT(b->directory.n <= BLOCK_SMALL_BYTES_MAX);
    }
    strip_frame_put(b->encoder.strips, buf_str(&b->directory), &b->sealed);
    h->directory_stored_bytes = (uint32_t)(b->sealed.n - BLOCK_HEADER_BYTES);
    h->directory_crc = crc32c(0, b->sealed.p + BLOCK_HEADER_BYTES, h->directory_stored_bytes);
    buf_add(&b->sealed, buf_str(&b->parts));
    h->size_bytes = b->sealed.n;
    block_header_write(h, b->sealed.p);
    return true;
}

static const struct {
    const char *name;
    bool (*step)(struct block_builder *b);
} phases[] = { { "order", phase_order }, { "count", phase_count },     { "fill", phase_fill },
               { "fixed", phase_fixed }, { "columns", phase_columns }, { "seal", phase_seal } };

struct str block_builder_phase(const struct block_builder *b) {
    if (b->phase == COUNT_OF(phases))
        return STR("sealed");
    if (phases[b->phase].step != phase_columns || b->gather.columns.n == 0)
        return str_of(phases[b->phase].name);
    bool of_last = b->stage == STAGE_BEGIN &&
                   strip_put_busy(b->encoder.strips); /* the column before ends with a strip */
    return b->gather.columns.p[b->at - of_last].name;
}

bool block_builder_step(struct block_builder *b) {
    if (b->phase < COUNT_OF(phases) && phases[b->phase].step(b)) {
        b->phase++;
        b->at = 0;
    }
    return b->phase == COUNT_OF(phases);
}

struct str block_builder_finish(struct block_builder *b) {
    while (!block_builder_step(b)) {
    }
    return buf_str(&b->sealed);
}
