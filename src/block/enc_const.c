#include "block/encoding.h"
/* One value for all rows that have one: a version, an environment, a null. */

static bool same(enum value_type type, const struct column_value *a, const struct column_value *b) {
    return value_has_bytes(type) ? str_eq(column_value_str(a), column_value_str(b)) : a->bits == b->bits;
}

static bool plan(struct encoder *e, const struct value_run *page) {
    if (page->first == 0)
        e->const_value = page->v[0];
    for (uint32_t i = 0; i < page->count; i++)
        if (!same(e->type, &page->v[i], &e->const_value))
            return false;
    return true;
}

static void write_page(struct encoder *e, const struct value_run *page, struct buf *out) {
    const struct column_value *v = &page->v[0];
    if (value_has_bytes(e->type)) {
        buf_add_varint(out, v->bytes);
        buf_add(out, column_value_str(v));
        if (page->first == 0 && (1 << e->type & TYPES_TEXT))
            encoder_words(e, column_value_str(v));
    } else if (e->type == VALUE_FLOAT) {
        buf_add_le64(out, v->bits);
    } else {
        buf_add_varint(out, zigzag(v->i));
    }
}

static enum err read_bytes(struct page_reader *p, struct page_values *out) {
    struct str *entry = ARENA_NEW(p->mem, struct str, 1);
    uint32_t *codes = ARENA_NEW(p->mem, uint32_t, p->row_count);
    if (!entry || !codes)
        return ERR_LIMIT;
    TRY(arena_dup(p->mem, reader_str(&p->payload), entry));
    *out = (struct page_values){ .form = PAGE_DICT, .codes = codes, .dict = entry, .dict_count = 1 };
    return ERR_OK;
}

static enum err read_page(struct page_reader *p, struct page_values *out) {
    if (value_has_bytes(p->type))
        return read_bytes(p, out);
    union {
        int64_t i;
        double f;
        uint64_t bits;
    } v, *values = arena_alloc_raw(p->mem, p->row_count, sizeof v);
    if (!values)
        return ERR_LIMIT;
    if (p->type == VALUE_FLOAT)
        v.bits = reader_le64(&p->payload);
    else
        v.i = unzigzag(reader_varint(&p->payload));
    for (uint32_t i = 0; i < p->value_count; i++)
        values[i] = v;
    if (p->type == VALUE_FLOAT)
        *out = (struct page_values){ .form = PAGE_FLOATS, .floats = &values->f };
    else
        *out = (struct page_values){ .form = PAGE_INTS, .ints = &values->i };
    return ERR_OK;
}

const struct encoding enc_const = {
    .id = ENCODING_CONST,
    .types = TYPES_BYTES | TYPES_INT | TYPES_FLOAT,
    .plan = plan,
    .write_page = write_page,
    .read_page = read_page,
};
