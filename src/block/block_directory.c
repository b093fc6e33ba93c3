#include "block/block_build.h"
#include "block/block_private.h"
/*
 * The directory of a block: docs/design/format.md, "Directory". Foreign bytes: every number is checked
 * against what it counts before it is used, and parts must fill the block exactly, so no later read can leave
 * it.
 */
struct directory {
    struct block *block;
    struct reader r;
    uint64_t offset; /* of the next part */
    uint64_t parts_bytes;
};

static bool get_part(struct directory *d, struct part_ref *out) {
    uint64_t bytes = reader_varint(&d->r);
    *out = (struct part_ref){ .offset = d->offset, .bytes = (uint32_t)bytes };
    if (d->r.failed || bytes > d->parts_bytes - d->offset || bytes > UINT32_MAX)
        return false;
    if (bytes && d->block->header.form == BLOCK_PAGED)
        out->crc = reader_le32(&d->r);
    d->offset += bytes;
    return !d->r.failed;
}

static bool get_range(struct directory *d, enum value_type type, struct page_entry *p) {
    uint8_t flags = reader_u8(&d->r);
    p->has_range = flags & 1;
    if (flags > 1 || d->r.failed)
        return false;
    if (!p->has_range)
        return true;
    if (1 << type & TYPES_INT) {
        p->least.i = unzigzag(reader_varint(&d->r));
        p->most.i = (int64_t)((uint64_t)p->least.i + reader_varint(&d->r));
        return p->least.i <= p->most.i;
    }
    p->least.i = (int64_t)reader_le64(&d->r);
    p->most.i = (int64_t)reader_le64(&d->r);
    return type == VALUE_FLOAT && p->least.f <= p->most.f;
}

static bool get_page(struct directory *d, enum value_type type, uint32_t page, struct page_entry *p) {
    uint64_t count = reader_varint(&d->r);
    *p = (struct page_entry){ .value_count = (uint32_t)count };
    if (d->r.failed || count > block_page_rows(d->block, page))
        return false;
    if (count == 0)
        return true;
    p->encoding = reader_u8(&d->r);
    const struct encoding *encoding = encoding_of(p->encoding);
    return encoding && (encoding->types & 1u << type) && get_range(d, type, p) && get_part(d, &p->part);
}

/* The pages of a column; the number of its values in *out_values. */
static enum err get_pages(struct directory *d, enum value_type type, struct page_entry **out,
                          uint32_t *out_values) {
    uint32_t count = d->block->info.page_count, values = 0;
    struct page_entry *pages = ARENA_RAW(&d->block->mem, struct page_entry, count);
    if (!pages)
        return ERR_LIMIT;
    for (uint32_t i = 0; i < count; i++) {
        if (!get_page(d, type, i, &pages[i]))
            return ERR_CORRUPT;
        pages[i].value_first = values;
        values += pages[i].value_count;
    }
    *out = pages;
    *out_values = values;
    return ERR_OK;
}

/* Times: every row has one, and every page says its range. */
static enum err get_times(struct directory *d, struct page_entry **out) {
    uint32_t values;
    TRY(get_pages(d, VALUE_INT, out, &values));
    if (values != d->block->info.row_count)
        return ERR_CORRUPT;
    for (uint32_t i = 0; i < d->block->info.page_count; i++)
        if (!(*out)[i].has_range)
            return ERR_CORRUPT;
    return ERR_OK;
}

static bool in_order(const struct block_column *a, const struct block_column *b) {
    int order = str_cmp(a->name, b->name);
    return order < 0 || (order == 0 && a->type < b->type);
}

static enum err get_column(struct directory *d, struct block_column *c, struct column_entry *e) {
    struct str name = reader_str(&d->r);
    c->type = (enum value_type)reader_u8(&d->r);
    e->shared_encoding = reader_u8(&d->r);
    if (d->r.failed || name.n == 0 || name.n > BLOCK_NAME_BYTES_MAX || c->type >= VALUE_HISTOGRAM)
        return ERR_CORRUPT;
    if (e->shared_encoding) {
        const struct encoding *shared = encoding_of(e->shared_encoding);
        if (!shared || !shared->read_shared || !(shared->types & 1u << c->type) || !get_part(d, &e->shared))
            return ERR_CORRUPT;
    }
    TRY(arena_dup(&d->block->mem, name, &c->name));
    TRY(get_pages(d, c->type, &e->pages, &c->value_count));
    return c->value_count ? ERR_OK : ERR_CORRUPT;
}

enum err block_directory_parse(struct block *b, struct str directory, uint64_t parts_bytes) {
    struct directory d = { .block = b, .r = reader_of(directory), .parts_bytes = parts_bytes };
    uint32_t count = b->header.column_count;
    if (!get_part(&d, &b->streams_part) || !get_part(&d, &b->claims_part))
        return ERR_CORRUPT;
    TRY(get_times(&d, &b->times));
    TRY(get_times(&d, &b->received));
    b->columns = ARENA_NEW(&b->mem, struct block_column, count);
    b->entries = ARENA_NEW(&b->mem, struct column_entry, count);
    if (!b->columns || !b->entries)
        return ERR_LIMIT;
    for (uint32_t i = 0; i < count; i++) {
        TRY(get_column(&d, &b->columns[i], &b->entries[i]));
        if (i && !in_order(&b->columns[i - 1], &b->columns[i]))
            return ERR_CORRUPT;
    }
    return reader_done(&d.r) && d.offset == parts_bytes ? ERR_OK : ERR_CORRUPT;
}
