#include "base/assert.h"
#include "base/hash.h"
#include "block/encoding.h"
/*
 * Texts that repeat: each distinct one once, in the order of first appearance, in a part of the column that
 * all pages share; pages hold entry numbers. A filter runs once for each entry. Taken when values appear
 * twice or more on average.
 */
enum { ENTRIES_MAX = 65535, ENTRIES_FREE = 256, SLOTS_MIN = 1024, PROBES_MAX = 64 };

/* A few nanoseconds for the short texts that dictionaries are made of. Collisions made on purpose only cost
 * the column its dictionary (PROBES_MAX). */
static inline uint32_t text_hash(struct str s) {
    uint64_t a, b;
    const char *p = s.p;
    if (s.n > 16)
        return (uint32_t)hash64(s);
    if (s.n >= 8) {
        a = le64_get(p);
        b = le64_get(p + s.n - 8);
    } else if (s.n >= 4) {
        a = le32_get(p);
        b = le32_get(p + s.n - 4);
    } else if (s.n) {
        a = (unsigned char)p[0] | (uint64_t)(unsigned char)p[s.n / 2] << 8;
        b = (unsigned char)p[s.n - 1];
    } else {
        return 0;
    }
    unsigned __int128 m = (unsigned __int128)(a ^ s.n ^ 0x9e3779b97f4a7c15ull) * (b ^ 0xe7037ed1a0b428dbull);
    return (uint32_t)((uint64_t)m ^ (uint64_t)(m >> 64));
}

void enc_slots_reset(struct encoder *e) {
    e->entries.n = e->codes.n = 0;
    VEC_RESERVE(&e->slots, SLOTS_MIN);
    VEC_RESERVE(&e->codes, e->value_count);
    e->slots.n = SLOTS_MIN;
    memset(e->slots.p, 0, e->slots.n * sizeof *e->slots.p);
}

static void slots_grow(struct encoder *e) {
    size_t old_count = e->slots.n, count = old_count * 4;
    VEC_RESERVE(&e->slots, count + old_count); /* the old ones wait behind the new */
    struct dict_slot *old = e->slots.p + count;
    memcpy(old, e->slots.p, old_count * sizeof *old);
    memset(e->slots.p, 0, count * sizeof *old);
    e->slots.n = count;
    for (size_t i = 0; i < old_count; i++) {
        size_t at = old[i].hash & (count - 1);
        while (old[i].entry_plus_one && e->slots.p[at].entry_plus_one)
            at = (at + 1) & (count - 1);
        if (old[i].entry_plus_one)
            e->slots.p[at] = old[i];
    }
}

struct dict_slot *enc_slot(struct encoder *e, uint32_t hash, struct str s) {
    if (e->entries.n * 2 > e->slots.n)
        slots_grow(e);
    size_t mask = e->slots.n - 1;
    for (size_t at = hash & mask, probes = 0; probes < PROBES_MAX; at = (at + 1) & mask, probes++) {
        struct dict_slot *slot = &e->slots.p[at];
        if (!slot->entry_plus_one ||
            (slot->hash == hash && str_eq(e->entries.p[slot->entry_plus_one - 1], s)))
            return slot;
    }
    return NULL;
}

static bool plan(struct encoder *e, const struct value_run *page) {
    if (page->first == 0)
        enc_slots_reset(e);
    for (uint32_t i = 0; i < page->count; i++) {
        struct str s = column_value_str(&page->v[i]);
        uint32_t hash = text_hash(s);
        struct dict_slot *slot = enc_slot(e, hash, s);
        if (!slot)
            return false;
        if (!slot->entry_plus_one) {
            size_t seen = page->first + i;
            if (e->entries.n == ENTRIES_MAX || e->entries.n > ENTRIES_FREE + seen / 2)
                return false;
            VEC_PUSH(&e->entries, s);
            *slot = (struct dict_slot){ hash, (uint32_t)e->entries.n };
        }
        e->codes.p[e->codes.n++] = slot->entry_plus_one - 1;
    }
    return true;
}

static bool plan_end(struct encoder *e, const struct value_run *column) {
    if (e->entries.n * 2 > column->count)
        return false;
    e->shared_encoding = ENCODING_DICT;
    return true;
}

static void write_shared(struct encoder *e, struct buf *out) {
    buf_add_varint(out, e->entries.n);
    VEC_RESERVE(&e->lengths, e->entries.n);
    buf_clear(&e->text);
    for (size_t i = 0; i < e->entries.n; i++) {
        e->lengths.p[i] = (uint32_t)e->entries.p[i].n;
        buf_add(&e->text, e->entries.p[i]);
        if (1 << e->type & TYPES_TEXT)
            encoder_words(e, e->entries.p[i]);
    }
    int_run_put_u32(&e->ints, e->lengths.p, e->entries.n, out);
    strip_put(e->strips, e->text.p, e->text.n, out);
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
    ASSERT(page->first + page->count <= e->codes.n);
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
