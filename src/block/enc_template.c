#include "block/encoding.h"
/* Messages: the texts of all pages as one part of templates and variables (template.c). Only when the builder
 * is asked for it. */

static bool plan(struct encoder *e, const struct value_run *page UNUSED) {
    return e->use_templates;
}

static bool plan_end(struct encoder *e, const struct value_run *column) {
    if (!e->templates)
        e->templates = template_encoder_new();
    VEC_RESERVE(&e->texts, column->count);
    for (uint32_t i = 0; i < column->count; i++)
        e->texts.p[i] = column_value_str(&column->v[i]);
    buf_clear(&e->template_part);
    enum err bad = template_encode(e->templates, e->texts.p, column->count, e->zstd_level, e->word,
                                   e->word_ctx, &e->template_part);
    e->shared_encoding = ENCODING_TEMPLATE;
    return bad == ERR_OK && buf_ok(&e->template_part);
}

static void write_shared(struct encoder *e, struct buf *out) {
    buf_add(out, buf_str(&e->template_part));
}

static void write_page(struct encoder *e UNUSED, const struct value_run *page UNUSED,
                       struct buf *out UNUSED) {}

static enum err read_shared(struct reader *r, struct shared_part *s) {
    return template_part_open(reader_bytes(r, reader_left(r)), &s->mem, &s->templates);
}

static enum err read_page(struct page_reader *p, struct page_values *out) {
    if (!p->shared || !p->shared->templates ||
        (uint64_t)p->first + p->value_count > template_part_count(p->shared->templates))
        return ERR_CORRUPT;
    *out = (struct page_values){ .form = PAGE_TEMPLATES };
    return ERR_OK;
}

const struct encoding enc_template = {
    .id = ENCODING_TEMPLATE,
    .types = TYPES_TEXT,
    .plan = plan,
    .plan_end = plan_end,
    .write_shared = write_shared,
    .write_page = write_page,
    .read_shared = read_shared,
    .read_page = read_page,
};
