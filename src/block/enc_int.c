#include "block/encoding.h"
/* Integers, times, booleans: an int run a page. */

static void write_page(struct encoder *e, const struct value_run *page, struct buf *out) {
    VEC_RESERVE(&e->numbers, page->count);
    for (uint32_t i = 0; i < page->count; i++)
        e->numbers.p[i] = page->v[i].bits;
    int_run_put(&e->ints, e->numbers.p, page->count, out);
}

static enum err read_page(struct page_reader *p, struct page_values *out) {
    uint64_t *values;
    TRY(int_run_get(&p->payload, p->value_count, p->row_count - p->value_count, p->mem, &values));
    *out = (struct page_values){ .form = PAGE_INTS, .ints = (int64_t *)values };
    return ERR_OK;
}

const struct encoding enc_int = {
    .id = ENCODING_INT,
    .types = TYPES_INT,
    .write_page = write_page,
    .read_page = read_page,
};
