/*
 * The id index of a segment.
 *
 * Problem: find the blocks and pages of one trace id among millions with one small read, at a few bytes an
 * entry and with bounded memory while writing. Entries (prefix, block, page) are collected up to a million,
 * sorted, and written as a run of pages among the blocks; the tail keeps only the first prefix of each page.
 *
 *   section   u32 runs, then for each run:
 *             u64 offset of its first page, u32 pages, u8 prefix bits, u8 block bits, u8 page bits, u8 0,
 *             pages × (u64 first prefix, u32 offset from the first page), u32 bytes of all pages
 *   page      u64 first prefix, u16 entries, u8 delta bits, u8 0,
 *             entries × delta bits   difference to the prefix before (the first: 0)
 *             entries × (block bits + page bits)
 *             u32 CRC32C of all before
 *
 * Prefixes are cut to log2(entries) + 8 bits: two ids fall together once in 256 lookups, and whoever
 * looks up checks the whole id anyway. That leaves about 3 bytes an entry. Entries of equal prefix may go on
 * in the next page.
 */
#include "store/index_ids.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "store/segment_format.h"
#include <stdlib.h>

enum {
    PAGE_ENTRIES = 512,
    PAGE_HEAD_BYTES = 12,
    RUN_HEAD_BYTES = 16,
    TOP_BYTES = 12,
    SPARE_BITS = 8,
    PACKED_BITS_MAX = 56, /* what one unaligned 8-byte load can give */
    PAGE_BYTES_MAX = PAGE_HEAD_BYTES + 2 * PAGE_ENTRIES * 8 + 4,
};

void index_ids_fini(struct index_ids *x) {
    VEC_FINI(&x->entries);
    buf_fini(&x->tops);
}

void index_ids_add(struct index_ids *x, uint64_t prefix, uint32_t block, uint32_t page) {
    VEC_PUSH(&x->entries, (struct index_id){ prefix, block, page });
}

static unsigned bits_for(uint64_t v) {
    return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

static int by_prefix(const void *a, const void *b) {
    const struct index_id *x = a, *y = b;
    if (x->prefix != y->prefix)
        return x->prefix < y->prefix ? -1 : 1;
    if (x->block != y->block)
        return x->block < y->block ? -1 : 1;
    return (x->page > y->page) - (x->page < y->page);
}

/* Cuts prefixes to `bits`, sorts, drops repeats. */
static void arrange(struct index_ids *x, unsigned bits) {
    for (size_t i = 0; i < x->entries.n; i++)
        x->entries.p[i].prefix >>= 64 - bits;
    qsort(x->entries.p, x->entries.n, sizeof *x->entries.p, by_prefix);
    size_t kept = 0;
    for (size_t i = 0; i < x->entries.n; i++)
        if (kept == 0 || by_prefix(&x->entries.p[i], &x->entries.p[kept - 1]) != 0)
            x->entries.p[kept++] = x->entries.p[i];
    x->entries.n = kept;
}

struct bit_writer {
    struct buf *out;
    uint64_t word;
    unsigned used;
};

static void put_bits(struct bit_writer *w, uint64_t v, unsigned bits) {
    ASSERT(bits <= PACKED_BITS_MAX && (bits == 0 || v >> bits == 0));
    w->word |= v << w->used;
    w->used += bits;
    for (; w->used >= 8; w->used -= 8, w->word >>= 8)
        buf_add_char(w->out, (char)(unsigned char)w->word);
}

static void put_end(struct bit_writer *w) {
    if (w->used)
        buf_add_char(w->out, (char)(unsigned char)w->word);
    w->word = 0;
    w->used = 0;
}

static void write_page(const struct index_id *e, size_t count, unsigned block_bits, unsigned page_bits,
                       struct buf *out) {
    size_t start = out->n;
    unsigned delta_bits = 0;
    for (size_t i = 1; i < count; i++) {
        unsigned bits = bits_for(e[i].prefix - e[i - 1].prefix);
        delta_bits = bits > delta_bits ? bits : delta_bits;
    }
    buf_add_le64(out, e[0].prefix);
    buf_add_le16(out, (uint16_t)count);
    buf_add_char(out, (char)delta_bits);
    buf_add_char(out, 0);
    struct bit_writer w = { .out = out };
    for (size_t i = 0; i < count; i++)
        put_bits(&w, i ? e[i].prefix - e[i - 1].prefix : 0, delta_bits);
    put_end(&w);
    for (size_t i = 0; i < count; i++) {
        put_bits(&w, e[i].block, block_bits);
        put_bits(&w, e[i].page, page_bits);
    }
    put_end(&w);
    buf_add_le32(out, crc32c(0, out->p + start, out->n - start));
}

void index_ids_spill(struct index_ids *x, uint64_t offset, struct buf *out) {
    if (x->entries.n == 0)
        return;
    unsigned prefix_bits = bits_for(x->entries.n) + SPARE_BITS, block_bits = 0, page_bits = 0;
    ASSERT(prefix_bits <= PACKED_BITS_MAX);
    arrange(x, prefix_bits);
    for (size_t i = 0; i < x->entries.n; i++) {
        unsigned b = bits_for(x->entries.p[i].block), p = bits_for(x->entries.p[i].page);
        block_bits = b > block_bits ? b : block_bits;
        page_bits = p > page_bits ? p : page_bits;
    }
    size_t base = out->n;
    buf_add_le64(&x->tops, offset);
    buf_add_le32(&x->tops, (uint32_t)((x->entries.n + PAGE_ENTRIES - 1) / PAGE_ENTRIES));
    buf_add_bytes(&x->tops,
                  (unsigned char[]){ (unsigned char)prefix_bits, (unsigned char)block_bits,
                                     (unsigned char)page_bits, 0 },
                  4);
    for (size_t i = 0; i < x->entries.n; i += PAGE_ENTRIES) {
        size_t count = x->entries.n - i < PAGE_ENTRIES ? x->entries.n - i : PAGE_ENTRIES;
        buf_add_le64(&x->tops, x->entries.p[i].prefix);
        buf_add_le32(&x->tops, (uint32_t)(out->n - base));
        write_page(&x->entries.p[i], count, block_bits, page_bits, out);
    }
    buf_add_le32(&x->tops, (uint32_t)(out->n - base));
    x->run_count++;
    x->entries.n = 0;
}

void index_ids_write(const struct index_ids *x, struct buf *out) {
    ASSERT(x->entries.n == 0);
    if (x->run_count == 0)
        return;
    buf_add_le32(out, x->run_count);
    buf_add(out, buf_str(&x->tops));
}

struct id_run {
    uint64_t offset;
    uint32_t page_count;
    unsigned prefix_bits, block_bits, page_bits;
    const char *tops; /* page_count of TOP_BYTES, then u32 */
};
struct id_want {
    uint64_t prefix; /* cut */
    void (*each)(void *ctx, uint32_t block, uint32_t page);
    void *ctx;
};

static uint64_t top_prefix(const struct id_run *r, uint32_t i) {
    return le64_get(r->tops + (size_t)i * TOP_BYTES);
}
/* Of page i, or behind the last. */
static uint32_t top_offset(const struct id_run *r, uint32_t i) {
    return le32_get(r->tops + (size_t)i * TOP_BYTES + (i < r->page_count ? 8 : 0));
}

static bool read_run(struct reader *r, struct id_run *out) {
    *out = (struct id_run){ .offset = reader_le64(r), .page_count = reader_le32(r) };
    out->prefix_bits = reader_u8(r);
    out->block_bits = reader_u8(r);
    out->page_bits = reader_u8(r);
    (void)reader_u8(r);
    out->tops = reader_bytes(r, (size_t)out->page_count * TOP_BYTES + 4).p;
    return !r->failed && out->prefix_bits >= 1 && out->prefix_bits <= PACKED_BITS_MAX &&
           out->block_bits <= 32 && out->page_bits <= 32 &&
           out->block_bits + out->page_bits <= PACKED_BITS_MAX;
}

/* The bytes have 8 spare ones behind them. */
static uint64_t get_bits(const unsigned char *p, size_t bit, unsigned bits) {
    return bits ? (le64_get(p + bit / 8) >> (bit % 8)) & ((1ull << bits) - 1) : 0;
}

static enum err find_in_page(const struct id_run *r, const unsigned char *page, size_t page_bytes,
                             const struct id_want *want) {
    if (page_bytes < PAGE_HEAD_BYTES + 4 ||
        !segment_crc_matches(le32_get(page + page_bytes - 4), crc32c(0, page, page_bytes - 4)))
        return ERR_CORRUPT;
    size_t count = le16_get(page + 8);
    unsigned delta_bits = page[10], place_bits = r->block_bits + r->page_bits;
    size_t delta_bytes = (count * delta_bits + 7) / 8, place_bytes = (count * place_bits + 7) / 8;
    if (delta_bits > PACKED_BITS_MAX || page_bytes != PAGE_HEAD_BYTES + delta_bytes + place_bytes + 4)
        return ERR_CORRUPT;
    const unsigned char *deltas = page + PAGE_HEAD_BYTES, *places = deltas + delta_bytes;
    uint64_t prefix = le64_get(page);
    for (size_t i = 0; i < count; i++) {
        prefix += get_bits(deltas, i * delta_bits, delta_bits);
        if (prefix > want->prefix)
            break;
        if (prefix != want->prefix)
            continue;
        uint64_t place = get_bits(places, i * place_bits, place_bits);
        want->each(want->ctx, (uint32_t)(place & ((1ull << r->block_bits) - 1)),
                   (uint32_t)(place >> r->block_bits));
    }
    return ERR_OK;
}

static enum err find_in_page_of(struct file *f, const struct id_run *r, uint32_t i,
                                const struct id_want *want) {
    unsigned char page[PAGE_BYTES_MAX + 8];
    uint32_t from = top_offset(r, i), to = top_offset(r, i + 1);
    if (to < from || to - from > PAGE_BYTES_MAX)
        return ERR_CORRUPT;
    memset(page + (to - from), 0, 8);
    TRY(file_read_all(f, page, to - from, r->offset + from));
    return find_in_page(r, page, to - from, want);
}

static enum err find_in_run(struct file *f, const struct id_run *r, const struct id_want *want) {
    uint32_t low = 0, high = r->page_count; /* the first page whose first prefix is not below the wanted */
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (top_prefix(r, mid) < want->prefix)
            low = mid + 1;
        else
            high = mid;
    }
    for (uint32_t i = low ? low - 1 : 0; i < r->page_count && top_prefix(r, i) <= want->prefix; i++)
        TRY(find_in_page_of(f, r, i, want));
    return ERR_OK;
}

static void found_nothing(void *ctx UNUSED, uint32_t block UNUSED, uint32_t page UNUSED) {}

enum err index_ids_check(struct file *f, struct str section) {
    struct reader r = reader_of(section);
    const struct id_want all = { UINT64_MAX, found_nothing, NULL };
    for (uint32_t left = section.n ? reader_le32(&r) : 0; left; left--) {
        struct id_run run;
        if (!read_run(&r, &run))
            return ERR_CORRUPT;
        for (uint32_t i = 0; i < run.page_count; i++)
            TRY(find_in_page_of(f, &run, i, &all));
    }
    return reader_done(&r) || section.n == 0 ? ERR_OK : ERR_CORRUPT;
}

enum err index_ids_find(struct file *f, struct str section, uint64_t prefix,
                        void (*each)(void *ctx, uint32_t block, uint32_t page), void *ctx) {
    struct reader r = reader_of(section);
    for (uint32_t left = section.n ? reader_le32(&r) : 0; left; left--) {
        struct id_run run;
        if (!read_run(&r, &run))
            return ERR_CORRUPT;
        struct id_want want = { prefix >> (64 - run.prefix_bits), each, ctx };
        TRY(find_in_run(f, &run, &want));
    }
    return reader_done(&r) || section.n == 0 ? ERR_OK : ERR_CORRUPT;
}
