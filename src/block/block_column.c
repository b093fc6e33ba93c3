#include "base/assert.h"
#include "base/bits.h"
#include "base/heap.h"
#include "block/block_private.h"
#include "block/column_page.h"

/* Dictionaries and templates that a block keeps once decoded: no more memory than this each. */
enum { SHARED_BYTES_MAX = 1 << 30 };

uint32_t block_page_rows(const struct block *b, uint32_t page) {
    ASSERT(page < b->info.page_count);
    uint32_t first = page * b->header.page_rows, left = b->header.row_count - first;
    return left < b->header.page_rows ? left : b->header.page_rows;
}

void block_page_times(const struct block *b, uint32_t page, int64_t *out_min_ns, int64_t *out_max_ns) {
    ASSERT(page < b->info.page_count);
    *out_min_ns = b->times[page].least.i;
    *out_max_ns = b->times[page].most.i;
}

static const struct page_entry *page_entry(const struct block *b, uint32_t column, uint32_t page) {
    ASSERT(column < b->header.column_count && page < b->info.page_count);
    return &b->entries[column].pages[page];
}

bool block_page_range(const struct block *b, uint32_t column, uint32_t page, struct value *out_min,
                      struct value *out_max) {
    const struct page_entry *p = page_entry(b, column, page);
    enum value_type type = b->columns[column].type;
    if (!p->has_range)
        return false;
    *out_min = (struct value){ .type = type };
    *out_max = (struct value){ .type = type };
    if (type == VALUE_FLOAT) {
        out_min->f = p->least.f;
        out_max->f = p->most.f;
    } else if (type == VALUE_BOOL) {
        out_min->b = p->least.i != 0;
        out_max->b = p->most.i != 0;
    } else {
        out_min->i = p->least.i;
        out_max->i = p->most.i;
    }
    return true;
}

uint32_t block_page_value_count(const struct block *b, uint32_t column, uint32_t page) {
    return page_entry(b, column, page)->value_count;
}

/* The presence bitmap of a page, as the part's first strip says it, or NULL when all rows have a value. */
static enum err read_presence(struct page_reader *p, const uint64_t **out) {
    struct str bytes;
    *out = NULL;
    if (p->value_count == p->row_count)
        return ERR_OK;
    size_t words = bits_words(p->row_count);
    TRY(strip_get(&p->payload, words * 8, p->mem, &bytes));
    uint64_t *present = ARENA_RAW(p->mem, uint64_t, words);
    if (!present)
        return ERR_LIMIT;
    memcpy(present, bytes.p, words * 8);
    bool fine = p->row_count % 64 == 0 || present[words - 1] >> p->row_count % 64 == 0;
    if (!fine || bits_count(present, p->row_count) != p->value_count)
        return ERR_CORRUPT;
    *out = present;
    return ERR_OK;
}

/* Moves dense values to their rows, last first, so that none is overwritten before it moved; the others
 * become zero. */
#define SPREAD(type)                                                                                         \
    static void spread_##type(type *v, const uint64_t *present, uint32_t row_count, uint32_t value_count) {  \
        for (uint32_t i = row_count; present && i-- > 0;) {                                                  \
            uint32_t here = bits_get(present, i);                                                            \
            value_count -= here;                                                                             \
            v[i] = here ? v[value_count] : 0;                                                                \
        }                                                                                                    \
    }
SPREAD(int64_t)
SPREAD(uint32_t)
SPREAD(double)

/* Lengths of the rows become offsets of the rows. */
static void sum_up(uint32_t *lengths, uint32_t row_count) {
    uint32_t offset = 0;
    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t n = lengths[i];
        lengths[i] = offset;
        offset += n;
    }
    lengths[row_count] = offset;
}

static enum err spread(const struct page_reader *p, const struct page_values *v, struct column_page *out) {
    const uint64_t *present = out->present;
    uint32_t rows = p->row_count, count = p->value_count;
    out->form = v->form;
    switch (v->form) {
    case PAGE_INTS:
        spread_int64_t(v->ints, present, rows, count);
        out->ints = v->ints;
        return ERR_OK;
    case PAGE_FLOATS:
        spread_double(v->floats, present, rows, count);
        out->floats = v->floats;
        return ERR_OK;
    case PAGE_DICT:
        spread_uint32_t(v->codes, present, rows, count);
        out->codes = v->codes;
        out->dict = v->dict;
        out->dict_count = v->dict_count;
        return ERR_OK;
    case PAGE_STRINGS:
        spread_uint32_t(v->lengths, present, rows, count);
        sum_up(v->lengths, rows);
        out->offsets = v->lengths;
        out->bytes = v->bytes;
        return ERR_OK;
    case PAGE_TEMPLATES: return column_page_templates(p, out);
    case PAGE_EMPTY: break;
    }
    return ERR_CORRUPT;
}

static enum err decode_shared(const struct block *b, const struct column_entry *c, struct shared_part *s) {
    struct str bytes;
    TRY(block_part(b, c->shared, &s->mem, &bytes));
    struct reader r = reader_of(bytes);
    TRY(encoding_of(c->shared_encoding)->read_shared(&r, s));
    return reader_done(&r) ? ERR_OK : ERR_CORRUPT;
}

/* The column's shared part. Threads that come at the same time may each decode it; the first one's is kept.
 */
static enum err shared_part(const struct block *b, struct column_entry *c, struct shared_part **out) {
    struct shared_part *s = atomic_load_explicit(&c->cached, memory_order_acquire);
    if (!s && c->shared_encoding) {
        struct shared_part *kept = NULL;
        s = HEAP_NEW(struct shared_part);
        arena_init(&s->mem, SHARED_BYTES_MAX);
        (void)pthread_mutex_init(&s->lock, NULL);
        enum err bad = decode_shared(b, c, s);
        if (bad) {
            shared_part_free(s);
            return bad;
        }
        if (!atomic_compare_exchange_strong(&c->cached, &kept, s)) {
            shared_part_free(s);
            s = kept;
        }
    }
    *out = s;
    return ERR_OK;
}

static enum err read_page(const struct block *b, const struct page_entry *e, struct page_reader *p,
                          struct column_page *out) {
    struct str part;
    struct page_values values;
    struct column_page page = { .type = p->type, .row_count = p->row_count };
    TRY(block_part(b, e->part, p->mem, &part));
    p->payload = reader_of(part);
    TRY(read_presence(p, &page.present));
    TRY(encoding_of(e->encoding)->read_page(p, &values));
    if (!reader_done(&p->payload))
        return ERR_CORRUPT;
    TRY(spread(p, &values, &page));
    *out = page;
    return ERR_OK;
}

enum err block_read_column(const struct block *b, uint32_t column, uint32_t page, struct arena *mem,
                           struct column_page *out) {
    const struct page_entry *e = page_entry(b, column, page);
    struct page_reader p = { .mem = mem,
                             .type = b->columns[column].type,
                             .row_count = block_page_rows(b, page),
                             .value_count = e->value_count,
                             .first = e->value_first };
    if (e->value_count == 0) {
        uint64_t *none = ARENA_NEW(mem, uint64_t, bits_words(p.row_count));
        if (!none)
            return ERR_LIMIT;
        *out = (struct column_page){ PAGE_EMPTY, p.type, p.row_count, .present = none };
        return ERR_OK;
    }
    TRY(shared_part(b, &b->entries[column], &p.shared));
    return read_page(b, e, &p, out);
}

static enum err read_times(const struct block *b, const struct page_entry *e, uint32_t page,
                           struct arena *mem, const int64_t **out) {
    struct column_page times;
    struct page_reader p = {
        .mem = mem, .type = VALUE_INT, .row_count = block_page_rows(b, page), .value_count = e->value_count
    };
    TRY(read_page(b, e, &p, &times));
    if (times.form != PAGE_INTS)
        return ERR_CORRUPT;
    *out = times.ints;
    return ERR_OK;
}

enum err block_read_times(const struct block *b, uint32_t page, struct arena *mem, const int64_t **out_ns) {
    return read_times(b, &b->times[page], page, mem, out_ns);
}

enum err block_read_received(const struct block *b, uint32_t page, struct arena *mem,
                             const int64_t **out_ms) {
    return read_times(b, &b->received[page], page, mem, out_ms);
}
