#include "block/encoding.h"
/* Texts of any kind: their lengths, then all their bytes, so that a scan searches them in one go. */

static void write_page(struct encoder *e, const struct value_run *page, struct buf *out) {
    VEC_RESERVE(&e->lengths, page->count);
    size_t bytes = 0;
    for (uint32_t i = 0; i < page->count; i++)
        bytes += e->lengths.p[i] = page->v[i].bytes;
    buf_clear(&e->text);
    char *to = buf_reserve(&e->text, bytes);
    for (uint32_t i = 0; i < page->count; i++) {
        value_run_prefetch(page, i);
        if (page->v[i].bytes)
            memcpy(to, page->v[i].p, page->v[i].bytes);
        to += page->v[i].bytes;
    }
    e->text.n = bytes;
    int_run_put_u32(&e->ints, e->lengths.p, page->count, out);
    strip_put_begin(e->strips, e->text.p, bytes, out);
    if (e->word && (1 << e->type & TYPES_TEXT))
        for (uint32_t i = 0; i < page->count; i++)
            encoder_words(e, column_value_str(&page->v[i]));
}

static enum err read_page(struct page_reader *p, struct page_values *out) {
    uint32_t *lengths;
    uint64_t bytes = 0;
    struct str all;
    TRY(int_run_get_u32(&p->payload, p->value_count, p->row_count - p->value_count + 1, STRIP_PLAIN_BYTES_MAX,
                        p->mem, &lengths));
    for (uint32_t i = 0; i < p->value_count; i++)
        bytes += lengths[i];
    if (bytes > STRIP_PLAIN_BYTES_MAX)
        return ERR_CORRUPT;
    TRY(strip_get(&p->payload, (size_t)bytes, p->mem, &all));
    *out = (struct page_values){ .form = PAGE_STRINGS, .bytes = all.p, .lengths = lengths };
    return ERR_OK;
}

const struct encoding enc_text = {
    .id = ENCODING_TEXT,
    .types = TYPES_BYTES,
    .write_page = write_page,
    .read_page = read_page,
};
