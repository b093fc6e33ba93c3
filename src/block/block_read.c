#include "block/block_read.h"
#include "base/assert.h"
#include "base/heap.h"
#include "block/block_private.h"
#include "block/fuzz_mode.h"

/* What a first read fetches: header, directory and streams of most blocks. */
enum { HEAD_BYTES = 16 << 10, OPEN_BYTES_MAX = 1 << 30 };

static void block_auto_ptr(struct block **b) {
    block_free(*b);
}

void shared_part_free(struct shared_part *s) {
    if (!s)
        return;
    (void)pthread_mutex_destroy(&s->lock);
    arena_fini(&s->mem);
    heap_free(s);
}

void block_free(struct block *b) {
    if (!b)
        return;
    for (uint32_t i = 0; b->entries && i < b->header.column_count; i++)
        shared_part_free(atomic_load_explicit(&b->entries[i].cached, memory_order_acquire));
    arena_fini(&b->mem);
    heap_free(b);
}

/* Bytes [offset, offset + n) of the block: of `head` when they are there, else read into `mem`. */
static enum err fetch(const struct block_source *s, struct str head, uint64_t offset, uint64_t n,
                      struct arena *mem, struct str *out) {
    if (n <= head.n && offset <= head.n - n) {
        *out = (struct str){ head.p + offset, (size_t)n };
        return ERR_OK;
    }
    if (!s->file)
        return ERR_CORRUPT;
    char *to = ARENA_RAW(mem, char, n);
    if (!to)
        return ERR_LIMIT;
    TRY(file_read_all(s->file, to, (size_t)n, s->offset + offset));
    *out = (struct str){ to, (size_t)n };
    return ERR_OK;
}

static enum err fetch_head(const struct block_source *s, struct arena *mem, struct str *out) {
    if (!s->file) {
        *out = (struct str){ s->mem, (size_t)s->size_bytes };
        return ERR_OK;
    }
    size_t want = s->size_bytes && s->size_bytes < HEAD_BYTES ? (size_t)s->size_bytes : HEAD_BYTES, n = 0;
    char *to = ARENA_RAW(mem, char, want);
    if (!to)
        return ERR_LIMIT;
    TRY(file_read(s->file, to, want, s->offset, &n));
    *out = (struct str){ to, n };
    return ERR_OK;
}

enum err block_part(const struct block *b, struct part_ref part, struct arena *mem, struct str *out) {
    struct str bytes;
    if (b->parts)
        bytes = (struct str){ b->parts + part.offset, part.bytes };
    else
        TRY(fetch(&b->source, (struct str){ 0 }, b->parts_offset + part.offset, part.bytes, mem, &bytes));
    if (b->header.form == BLOCK_PAGED && !crc_matches(part.crc, bytes.p, bytes.n))
        return ERR_CORRUPT;
    *out = bytes;
    return ERR_OK;
}

/* Loads the directory, and in the small form everything. */
static enum err load_directory(struct block *b, struct str head, struct arena *scratch, struct str *out) {
    const struct block_header *h = &b->header;
    struct str stored, plain;
    TRY(fetch(&b->source, head, BLOCK_HEADER_BYTES, h->directory_stored_bytes, scratch, &stored));
    if (!crc_matches(h->directory_crc, stored.p, stored.n))
        return ERR_CORRUPT;
    b->parts_offset = BLOCK_HEADER_BYTES + (uint64_t)h->directory_stored_bytes;
    if (h->form == BLOCK_SMALL) {
        TRY(strip_frame_get(stored, h->small_plain_bytes, &b->mem, &plain));
        if (plain.p == stored.p && b->source.file)
            TRY(arena_dup(&b->mem, stored, &plain));
        b->parts = plain.p + h->directory_plain_bytes;
    } else {
        TRY(strip_frame_get(stored, h->directory_plain_bytes, scratch, &plain));
        b->parts = b->source.file ? NULL : b->source.mem + b->parts_offset;
    }
    *out = (struct str){ plain.p, h->directory_plain_bytes };
    return ERR_OK;
}

static enum err parse_streams(struct block *b, struct str part, struct arena *scratch) {
    struct reader r = reader_of(part);
    uint32_t count = b->header.stream_count, *lengths, *row_counts;
    struct str labels;
    if (reader_u8(&r) != 0)
        return ERR_CORRUPT;
    TRY(int_run_get_u32(&r, count, 0, LABELS_BYTES_MAX, scratch, &lengths));
    TRY(strip_get_any(&r, STRIP_PLAIN_BYTES_MAX, &b->mem, &labels));
    TRY(int_run_get_u32(&r, count, 0, b->header.row_count, scratch, &row_counts));
    if (!reader_done(&r))
        return ERR_CORRUPT;
    bool kept_raw = labels.p >= part.p && labels.p < part.p + part.n;
    if (kept_raw && b->source.file && b->header.form == BLOCK_PAGED)
        TRY(arena_dup(&b->mem, labels, &labels)); /* what was read for the opening ends with it */
    b->streams = ARENA_NEW(&b->mem, struct block_stream, count);
    if (!b->streams)
        return ERR_LIMIT;
    uint32_t row = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct block_stream *s = &b->streams[i];
        if (lengths[i] > labels.n || row_counts[i] == 0 || row_counts[i] > b->header.row_count - row)
            return ERR_CORRUPT;
        s->labels = (struct str){ labels.p, lengths[i] };
        s->row_first = row;
        s->row_count = row_counts[i];
        if (!labels_valid(s->labels) || (i && str_cmp(b->streams[i - 1].labels, s->labels) >= 0))
            return ERR_CORRUPT;
        s->id = hash128(s->labels);
        labels = str_skip(labels, lengths[i]);
        row += row_counts[i];
    }
    return labels.n == 0 && row == b->header.row_count ? ERR_OK : ERR_CORRUPT;
}

static void fill_info(struct block *b) {
    const struct block_header *h = &b->header;
    b->info = (struct block_info){ .table = h->table,
                                   .tenant = h->tenant,
                                   .row_count = h->row_count,
                                   .page_rows = h->page_rows,
                                   .page_count = block_header_pages(h),
                                   .stream_count = h->stream_count,
                                   .column_count = h->column_count,
                                   .time_min_ns = h->time_min_ns,
                                   .time_max_ns = h->time_max_ns,
                                   .received_min_ms = h->received_min_ms,
                                   .received_max_ms = h->received_max_ms,
                                   .raw_bytes = h->raw_bytes,
                                   .size_bytes = h->size_bytes };
}

static enum err load(struct block *b, struct str head, struct arena *scratch, struct err_text *why) {
    struct str directory, streams;
    uint64_t parts_bytes;
    enum err bad = load_directory(b, head, scratch, &directory);
    if (bad)
        return err_say(why, bad, "block: the directory is damaged");
    if (b->header.form == BLOCK_SMALL)
        parts_bytes = b->header.small_plain_bytes - b->header.directory_plain_bytes;
    else
        parts_bytes = b->header.size_bytes - b->parts_offset;
    bad = block_directory_parse(b, directory, parts_bytes);
    if (bad)
        return err_say(why, bad, "block: the directory contradicts itself");
    /* The streams follow the directory: mostly the first read has them. */
    uint64_t streams_end = b->parts_offset + b->streams_part.bytes;
    if (!b->parts && streams_end <= head.n) {
        b->parts = head.p + b->parts_offset;
        bad = block_part(b, b->streams_part, scratch, &streams);
        b->parts = NULL;
    } else {
        bad = block_part(b, b->streams_part, scratch, &streams);
    }
    if (!bad)
        bad = parse_streams(b, streams, scratch);
    return bad ? err_say(why, bad, "block: the streams are damaged") : ERR_OK;
}

enum err block_open(const struct block_source *source, struct err_text *why, struct block **out) {
    AUTO(arena) scratch;
    arena_init(&scratch, OPEN_BYTES_MAX);
    AUTO_PTR(block) b = HEAP_NEW(struct block);
    struct str head;
    arena_init(&b->mem, OPEN_BYTES_MAX);
    b->source = *source;
    enum err bad = fetch_head(source, &scratch, &head);
    if (bad)
        return err_say(why, bad, "block: cannot be read");
    TRY(block_header_read(head, why, &b->header));
    uint64_t size_bytes = b->header.size_bytes;
    if (source->size_bytes && source->size_bytes != size_bytes)
        return err_say(why, ERR_CORRUPT, "block: %llu bytes here, its header says %llu",
                       (unsigned long long)source->size_bytes, (unsigned long long)size_bytes);
    if (head.n > size_bytes)
        head.n = (size_t)size_bytes;
    fill_info(b);
    TRY(load(b, head, &scratch, why));
    b->info.memory_bytes = sizeof *b + b->mem.used_bytes;
    *out = STEAL(b);
    return ERR_OK;
}

const struct block_info *block_info(const struct block *b) {
    return &b->info;
}

const struct block_stream *block_streams(const struct block *b) {
    return b->streams;
}

uint32_t block_stream_of_row(const struct block *b, uint32_t row) {
    uint32_t low = 0, high = b->header.stream_count;
    ASSERT(row < b->header.row_count);
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (b->streams[mid].row_first <= row)
            low = mid;
        else
            high = mid;
    }
    return low;
}

const struct block_column *block_columns(const struct block *b) {
    return b->columns;
}

uint32_t block_column_find(const struct block *b, struct str name, enum value_type type) {
    uint32_t low = 0, high = b->header.column_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        const struct block_column *c = &b->columns[mid];
        int order = str_cmp(c->name, name);
        if (order == 0)
            order = (int)c->type - (int)type;
        if (order == 0)
            return mid;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return UINT32_MAX;
}

enum err block_claims(const struct block *b, struct arena *mem, const struct id128 **out, size_t *out_count) {
    size_t count = b->header.claim_count;
    struct str part, bytes;
    if (count == 0) {
        *out = NULL;
        *out_count = 0;
        return ERR_OK;
    }
    TRY(block_part(b, b->claims_part, mem, &part));
    struct reader r = reader_of(part);
    TRY(strip_get(&r, count * 16, mem, &bytes));
    struct id128 *ids = ARENA_RAW(mem, struct id128, count);
    if (!ids)
        return ERR_LIMIT;
    for (size_t i = 0; i < count; i++)
        ids[i] = (struct id128){ le64_get(bytes.p + 16 * i), le64_get(bytes.p + 16 * i + 8) };
    if (!reader_done(&r))
        return ERR_CORRUPT;
    *out = ids;
    *out_count = count;
    return ERR_OK;
}
