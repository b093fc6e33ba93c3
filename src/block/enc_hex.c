#include "base/assert.h"
#include "block/encoding.h"
/*
 * Trace and span ids, digests, UUIDs: texts of one length that are lowercase hex digits, kept as half as many
 * bytes.
 *
 * A trace id is shared by a handful of lines that do not stand together. When a quarter or more of the values
 * are repeats, each id is stored once, in the order of first appearance, in a part that all pages share, and
 * pages hold entry numbers as enc_dict's do. Rows are sorted by stream, then time; ids appear in time order
 * in each stream; so the numbers mostly grow by small steps.
 */
enum {
    DIGITS_MIN = 16,
    DIGITS_MAX = 128,
    UUID_CHARS = 36,
    UUID_BYTES = 16,
    ENTRIES_MAX = 65535,
    BUCKETS = 8192
};
enum id_shape { SHAPE_HEX = 1, SHAPE_UUID = 2 }; /* stored */

static const int8_t nibbles[256] = {
    // tidy: table
    ['0'] = 16, ['1'] = 17, ['2'] = 18, ['3'] = 19, ['4'] = 20, ['5'] = 21, ['6'] = 22, ['7'] = 23,
    ['8'] = 24, ['9'] = 25, ['a'] = 26, ['b'] = 27, ['c'] = 28, ['d'] = 29, ['e'] = 30, ['f'] = 31,
}; /* 16 more than the digit's value; 0: no digit */

static bool hex_pack(const char *p, size_t bytes, unsigned char *to) {
    int all = 16;
    for (size_t i = 0; i < bytes; i++) {
        int high = nibbles[(unsigned char)p[2 * i]], low = nibbles[(unsigned char)p[2 * i + 1]];
        all &= high & low;
        to[i] = (unsigned char)((high & 15) << 4 | (low & 15));
    }
    return all == 16;
}

static void hex_unpack(const unsigned char *p, size_t bytes, char *to) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes; i++) {
        to[2 * i] = digits[p[i] >> 4];
        to[2 * i + 1] = digits[p[i] & 15];
    }
}

/* Bytes of each group of a UUID, and where its digits start in the text. */
static const struct uuid_group {
    uint8_t bytes, byte_at, char_at;
} uuid_groups[] = { { 4, 0, 0 }, { 2, 4, 9 }, { 2, 6, 14 }, { 2, 8, 19 }, { 6, 10, 24 } };

static bool uuid_pack(const char *p, unsigned char *to) {
    bool fine = p[8] == '-' && p[13] == '-' && p[18] == '-' && p[23] == '-';
    for (size_t i = 0; i < COUNT_OF(uuid_groups); i++) {
        struct uuid_group g = uuid_groups[i];
        fine = hex_pack(p + g.char_at, g.bytes, to + g.byte_at) && fine;
    }
    return fine;
}

static void uuid_unpack(const unsigned char *p, char *to) {
    memset(to, '-', UUID_CHARS);
    for (size_t i = 0; i < COUNT_OF(uuid_groups); i++) {
        struct uuid_group g = uuid_groups[i];
        hex_unpack(p + g.byte_at, g.bytes, to + g.char_at);
    }
}

/* The first value decides what all must look like. */
static bool choose_shape(struct encoder *e, uint32_t bytes) {
    if (bytes == UUID_CHARS) {
        e->id_shape = SHAPE_UUID;
        e->id_bytes = UUID_BYTES;
    } else {
        e->id_shape = SHAPE_HEX;
        e->id_bytes = bytes / 2;
        if (bytes % 2 || bytes < DIGITS_MIN || bytes > DIGITS_MAX)
            return false;
    }
    dict_table_reset(&e->dict);
    VEC_RESERVE(&e->codes, e->value_count);
    VEC_RESERVE(&e->ids, (size_t)e->value_count * e->id_bytes + 1); /* so that entries may point into it */
    e->ids.n = 0;
    return true;
}

static bool plan(struct encoder *e, const struct value_run *page) {
    if (page->first == 0 && !choose_shape(e, page->v[0].bytes))
        return false;
    uint32_t chars = e->id_shape == SHAPE_UUID ? (uint32_t)UUID_CHARS : e->id_bytes * 2;
    for (uint32_t i = 0; i < page->count; i++) {
        unsigned char *id = e->ids.p + e->ids.n;
        const struct column_value *v = &page->v[i];
        value_run_prefetch(page, i);
        if (v->bytes != chars ||
            !(e->id_shape == SHAPE_UUID ? uuid_pack(v->p, id) : hex_pack(v->p, e->id_bytes, id)))
            return false;
        size_t known = e->dict.entries.n;
        uint32_t entry = dict_table_put(&e->dict, (struct str){ (const char *)id, e->id_bytes });
        if (entry == UINT32_MAX)
            return false;
        if (entry == known)
            e->ids.n += e->id_bytes;
        e->codes.p[page->first + i] = entry;
    }
    return true;
}

/* First time of each entry, less the least, scaled down to a bucket. */
static void find_buckets(struct encoder *e, const struct value_run *column, uint32_t *bucket_of) {
    uint64_t *first = e->numbers.p, span = 0;
    int64_t least = INT64_MAX, t;
    for (size_t i = 0; i < e->dict.entries.n; i++)
        first[i] = INT64_MAX;
    for (uint32_t i = 0; i < column->count; i++) {
        t = (int64_t)e->times_ns[column->v[i].row];
        if (t < (int64_t)first[e->codes.p[i]])
            first[e->codes.p[i]] = (uint64_t)t;
        least = t < least ? t : least;
    }
    for (size_t i = 0; i < e->dict.entries.n; i++)
        span |= first[i] -= (uint64_t)least;
    unsigned shift = 0;
    while (span >> shift >= BUCKETS)
        shift++;
    for (size_t i = 0; i < e->dict.entries.n; i++)
        bucket_of[i] = (uint32_t)(first[i] >> shift);
}

/* Renumbers entries by time: codes, and `ids` in the new order. */
static void number_by_time(struct encoder *e, const struct value_run *column) {
    size_t count = e->dict.entries.n;
    VEC_RESERVE(&e->numbers, count);
    VEC_RESERVE(&e->lengths, BUCKETS + 2 * count);
    uint32_t *starts = e->lengths.p, *bucket_of = starts + BUCKETS, *rank = bucket_of + count, at = 0;
    find_buckets(e, column, bucket_of);
    memset(starts, 0, BUCKETS * sizeof *starts);
    for (size_t i = 0; i < count; i++)
        starts[bucket_of[i]]++;
    for (size_t i = 0; i < BUCKETS; i++) {
        uint32_t n = starts[i];
        starts[i] = at;
        at += n;
    }
    buf_clear(&e->text);
    char *sorted = buf_reserve(&e->text, count * e->id_bytes);
    for (size_t i = 0; i < count; i++) {
        rank[i] = starts[bucket_of[i]]++;
        memcpy(sorted + rank[i] * (size_t)e->id_bytes, e->ids.p + i * e->id_bytes, e->id_bytes);
    }
    memcpy(e->ids.p, sorted, count * e->id_bytes);
    for (size_t i = 0; i < column->count; i++)
        e->codes.p[i] = rank[e->codes.p[i]];
}

/* People paste ids into a search box without saying what they are: word filters know them like any other
 * word. */
static void tell_words(struct encoder *e) {
    char text[DIGITS_MAX];
    for (size_t i = 0; e->word && i < e->dict.entries.n; i++) {
        const unsigned char *id = (const unsigned char *)e->dict.entries.p[i].text.p;
        if (e->id_shape == SHAPE_UUID)
            uuid_unpack(id, text);
        else
            hex_unpack(id, e->id_bytes, text);
        encoder_words(e, (struct str){ text, e->id_shape == SHAPE_UUID ? (size_t)UUID_CHARS
                                                                       : (size_t)e->id_bytes * 2 });
    }
}

static bool plan_end(struct encoder *e, const struct value_run *column) {
    tell_words(e);
    if (e->dict.entries.n <= ENTRIES_MAX && e->dict.entries.n * 4 <= (size_t)column->count * 3) {
        number_by_time(e, column);
        e->shared_encoding = ENCODING_HEX;
        e->page_encoding = ENCODING_DICT;
    }
    return true;
}

static void write_ids(struct encoder *e, const void *ids, size_t count, struct buf *out) {
    buf_add_char(out, (char)e->id_shape);
    buf_add_varint(out, e->id_bytes);
    buf_add_varint(out, count);
    strip_put(e->strips, ids, count * e->id_bytes, out);
}

static void write_shared(struct encoder *e, struct buf *out) {
    write_ids(e, e->ids.p, e->dict.entries.n, out);
}

static void write_page(struct encoder *e, const struct value_run *page, struct buf *out) {
    if (e->shared_encoding == ENCODING_HEX) {
        enc_codes_write(e, page, out);
        return;
    }
    buf_clear(&e->text);
    for (uint32_t i = 0; i < page->count; i++)
        buf_add(&e->text, e->dict.entries.p[e->codes.p[page->first + i]].text);
    write_ids(e, e->text.p, page->count, out);
}

/* `*out_chars` characters an id, `*out_count` ids one after the other. */
static enum err read_ids(struct reader *r, size_t count_max, struct arena *mem, char **out, size_t *out_chars,
                         size_t *out_count) {
    unsigned shape = reader_u8(r);
    uint64_t bytes = reader_varint(r), count = reader_varint(r);
    struct str ids;
    bool fine = shape == SHAPE_UUID
                    ? bytes == UUID_BYTES
                    : shape == SHAPE_HEX && bytes >= DIGITS_MIN / 2 && bytes <= DIGITS_MAX / 2;
    if (r->failed || !fine || count == 0 || count > count_max)
        return ERR_CORRUPT;
    TRY(strip_get(r, (size_t)(count * bytes), mem, &ids));
    size_t chars = shape == SHAPE_UUID ? (size_t)UUID_CHARS : (size_t)bytes * 2;
    char *text = ARENA_RAW(mem, char, (size_t)count *chars);
    if (!text)
        return ERR_LIMIT;
    for (size_t i = 0; i < count; i++) {
        const unsigned char *id = (const unsigned char *)ids.p + i * bytes;
        if (shape == SHAPE_UUID)
            uuid_unpack(id, text + i * chars);
        else
            hex_unpack(id, (size_t)bytes, text + i * chars);
    }
    *out = text;
    *out_chars = chars;
    *out_count = (size_t)count;
    return ERR_OK;
}

static enum err read_shared(struct reader *r, struct shared_part *s) {
    char *text;
    size_t chars, count;
    TRY(read_ids(r, ENTRIES_MAX, &s->mem, &text, &chars, &count));
    struct str *dict = ARENA_RAW(&s->mem, struct str, count);
    if (!dict)
        return ERR_LIMIT;
    for (size_t i = 0; i < count; i++)
        dict[i] = (struct str){ text + i * chars, chars };
    s->dict = dict;
    s->dict_count = (uint32_t)count;
    return ERR_OK;
}

static enum err read_page(struct page_reader *p, struct page_values *out) {
    char *text;
    size_t chars, count;
    TRY(read_ids(&p->payload, p->value_count, p->mem, &text, &chars, &count));
    uint32_t *lengths = ARENA_RAW(p->mem, uint32_t, (size_t)p->row_count + 1);
    if (!lengths)
        return ERR_LIMIT;
    if (count != p->value_count)
        return ERR_CORRUPT;
    for (size_t i = 0; i < count; i++)
        lengths[i] = (uint32_t)chars;
    *out = (struct page_values){ .form = PAGE_STRINGS, .bytes = text, .lengths = lengths };
    return ERR_OK;
}

const struct encoding enc_hex = {
    .id = ENCODING_HEX,
    .types = 1 << VALUE_STRING,
    .plan = plan,
    .plan_end = plan_end,
    .write_shared = write_shared,
    .write_page = write_page,
    .read_shared = read_shared,
    .read_page = read_page,
};
