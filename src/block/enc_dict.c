#include "base/assert.h"
#include "block/encoding.h"
/*
 * Texts that repeat: each distinct one once, in the order of first appearance, in a part of the column that
 * all pages share; pages hold entry numbers. A filter runs once for each entry. Taken when values appear
 * twice or more on average.
 */
enum { ENTRIES_MAX = 65535, ENTRIES_FREE = 256 };
enum {
    SHARE = 2,
    LONG_SHARE = 4,
    LONG_BYTES = 32
}; /* values to an entry, at least; zstd finds repeats of long texts, too */

static bool plan(struct encoder *e, const struct value_run *page) {
    struct dict_table *t = &e->dict;
    if (page->first == 0) {
        dict_table_reset(t);
        VEC_RESERVE(&e->codes, e->value_count);
        e->dict_bytes = 0;
    }
    for (uint32_t i = 0; i < page->count; i++) {
        size_t seen = page->first + i, known = t->entries.n;
        value_run_prefetch(page, i);
        uint32_t entry = dict_table_put(t, column_value_str(&page->v[i]));
        if (entry == known) {
            e->dict_bytes += page->v[i].bytes;
            size_t share = e->dict_bytes > LONG_BYTES * t->entries.n ? LONG_SHARE : SHARE;
            if (entry == ENTRIES_MAX || entry > ENTRIES_FREE + seen / share)
                return false;
        }
        if (entry == UINT32_MAX)
            return false;
        e->codes.p[seen] = entry;
    }
    return true;
}

static bool plan_end(struct encoder *e, const struct value_run *column) {
    if (e->dict.entries.n * SHARE > column->count)
        return false;
    e->shared_encoding = ENCODING_DICT;
    return true;
}

static void write_shared(struct encoder *e, struct buf *out) {
    size_t count = e->dict.entries.n;
    buf_add_varint(out, count);
    VEC_RESERVE(&e->lengths, count);
    buf_clear(&e->text);
    for (size_t i = 0; i < count; i++) {
        struct str text = e->dict.entries.p[i].text;
        e->lengths.p[i] = (uint32_t)text.n;
        buf_add(&e->text, text);
        if (1 << e->type & TYPES_TEXT)
            encoder_words(e, text);
    }
    int_run_put_u32(&e->ints, e->lengths.p, count, out);
    strip_put_begin(e->strips, e->text.p, e->text.n, out);
}

static enum err read_shared(struct reader *r, struct shared_part *s) {
    uint64_t count = reader_varint(r), offset = 0;
    uint32_t *lengths;
    struct str all;
    if (r->failed || count == 0 || count > ENTRIES_MAX)
        return ERR_CORRUPT;
    TRY(int_run_get_u32(r, (size_t)count, 0, STRIP_PLAIN_BYTES_MAX, &s->mem, &lengths));
    TRY(strip_get_any(r, STRIP_PLAIN_BYTES_MAX, &s->mem, &all));
    struct str *dict = ARENA_RAW(&s->mem, struct str, count);
    if (!dict)
        return ERR_LIMIT;
    for (size_t i = 0; i < count; i++) {
        if (lengths[i] > all.n - offset)
            return ERR_CORRUPT;
        dict[i] = (struct str){ all.p + offset, lengths[i] };
        offset += lengths[i];
    }
    if (offset != all.n)
        return ERR_CORRUPT;
    s->dict = dict;
    s->dict_count = (uint32_t)count;
    return ERR_OK;
}

void enc_codes_write(struct encoder *e, const struct value_run *page, struct buf *out) {
    ASSERT(page->first + page->count <= e->value_count);
    int_run_put_u32(&e->ints, e->codes.p + page->first, page->count, out);
}

enum err enc_codes_read(struct page_reader *p, struct page_values *out) {
    uint32_t *codes;
    if (!p->shared || !p->shared->dict_count)
        return ERR_CORRUPT;
    TRY(int_run_get_u32(&p->payload, p->value_count, p->row_count - p->value_count, p->shared->dict_count - 1,
                        p->mem, &codes));
    *out = (struct page_values){
        .form = PAGE_DICT, .codes = codes, .dict = p->shared->dict, .dict_count = p->shared->dict_count
    };
    return ERR_OK;
}

const struct encoding enc_dict = {
    .id = ENCODING_DICT,
    .types = TYPES_BYTES,
    .plan = plan,
    .plan_end = plan_end,
    .write_shared = write_shared,
    .write_page = enc_codes_write,
    .read_shared = read_shared,
    .read_page = enc_codes_read,
};
