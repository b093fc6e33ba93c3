#include "base/assert.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/heap.h"
#include "base/vec.h"
#include "block/template_column.h"
#include "block/template_split.h"
/*
 * Two passes.
 *
 * The first takes the texts in order: copies each behind the others (so that every later load may read a few
 * bytes too far), splits it, hashes its constants as they come, and finds the template with that hash. Equal
 * hashes are not trusted: the constants are compared, and a template with the same hash but other constants
 * is a template of its own.
 *
 * The second takes the templates in order, and of each its slots: gathers the values of all its texts and
 * hands them to template_column.c, which answers how it has kept them.
 *
 *     texts        -> rows: template, first cell      templates: constants, slots, texts
 *     cells        -> by template, then slot          -> columns -> streams -> strips
 */
struct known {
    uint64_t hash;
    uint32_t marked_at, marked_bytes; /* its constants, '0' for each slot, in encoder.marked */
    uint32_t slots, rows;
    uint32_t order_at; /* its rows in encoder.order */
};

struct encoded_row {
    uint32_t template, cell_at;
};

struct table_slot {
    uint64_t hash;
    uint32_t known; /* index + 1; 0: free */
};

struct template_encoder {
    struct strip_writer *strips;
    struct column_writer columns;
    struct buf texts;
    struct buf marked;
    struct buf patterns, group, numbers;
    VEC(struct cell) cells;
    VEC(struct encoded_row) rows;
    VEC(struct known) known;
    VEC(uint32_t) order; /* first cells of the rows, by template */
    VEC(struct cell) column;
    struct table_slot *table;
    size_t table_slots; /* power of two */
};

enum { TABLE_SLOTS_MIN = 4096, SPARE_BYTES = 64, EARLY_LOOK_ROWS = 2048 };

struct template_encoder *template_encoder_new(void) {
    struct template_encoder *e = HEAP_NEW(struct template_encoder);
    e->strips = strip_writer_new();
    e->table_slots = TABLE_SLOTS_MIN;
    e->table = HEAP_ARRAY(struct table_slot, TABLE_SLOTS_MIN);
    return e;
}

void template_encoder_free(struct template_encoder *e) {
    if (!e)
        return;
    strip_writer_free(e->strips);
    column_writer_fini(&e->columns);
    buf_fini(&e->texts);
    buf_fini(&e->marked);
    buf_fini(&e->patterns);
    buf_fini(&e->group);
    buf_fini(&e->numbers);
    VEC_FINI(&e->cells);
    VEC_FINI(&e->rows);
    VEC_FINI(&e->known);
    VEC_FINI(&e->order);
    VEC_FINI(&e->column);
    heap_free(e->table);
    heap_free(e);
}

/* ---- first pass: texts to templates ---- */

static uint64_t mix(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The first n (0 .. 8) of eight readable bytes. */
static uint64_t load_up_to_8(const char *p, size_t n) {
    return n ? le64_get(p) & (~0ull >> (64 - 8 * n)) : 0;
}

/* Goes on with one constant. Its length takes part, so that bytes cannot move from one to the next. */
static uint64_t hash_constant(uint64_t h, const char *p, size_t n) {
    size_t length = n;
    for (; n > 8; p += 8, n -= 8)
        h = mix(h ^ le64_get(p), 0x9e3779b97f4a7c15ull);
    return mix(h ^ load_up_to_8(p, n), 0xd1b54a32d192ed03ull + 2 * length);
}

static bool equal_bytes(const char *a, const char *b, size_t n) {
    for (; n > 8; a += 8, b += 8, n -= 8)
        if (le64_get(a) != le64_get(b))
            return false;
    return load_up_to_8(a, n) == load_up_to_8(b, n);
}

struct split_text {
    const char *p; /* 64 readable bytes behind its end */
    size_t n;
    size_t count;
    struct template_span spans[TEMPLATE_SLOTS_MAX];
};

static uint64_t hash_constants(const struct split_text *t) {
    uint64_t h = 0;
    size_t at = 0;
    for (size_t i = 0; i < t->count; at = t->spans[i++].to)
        h = hash_constant(h, t->p + at, t->spans[i].from - at);
    return hash_constant(h, t->p + at, t->n - at);
}

/* Constants have no digit, so equal bytes up to a mark are all of the constant. */
static bool is_known_as(const struct template_encoder *e, const struct known *k, const struct split_text *t) {
    if (k->slots != t->count)
        return false;
    const char *marked = e->marked.p + k->marked_at, *end = marked + k->marked_bytes;
    size_t at = 0;
    for (size_t i = 0; i <= t->count; i++) {
        size_t n = (i < t->count ? t->spans[i].from : t->n) - at;
        if ((size_t)(end - marked) < n || !equal_bytes(marked, t->p + at, n))
            return false;
        marked += n;
        if (i == t->count)
            return marked == end;
        if (marked == end || *marked++ != '0')
            return false;
        at = t->spans[i].to;
    }
    return false;
}

static void table_grow(struct template_encoder *e) {
    heap_free(e->table);
    e->table_slots *= 2;
    e->table = HEAP_ARRAY(struct table_slot, e->table_slots);
    for (size_t i = 0; i < e->known.n; i++) {
        size_t at = e->known.p[i].hash & (e->table_slots - 1);
        while (e->table[at].known)
            at = (at + 1) & (e->table_slots - 1);
        e->table[at] = (struct table_slot){ e->known.p[i].hash, (uint32_t)i + 1 };
    }
}

static uint32_t template_add(struct template_encoder *e, const struct split_text *t, uint64_t hash) {
    struct known k = { .hash = hash, .marked_at = (uint32_t)e->marked.n, .slots = (uint32_t)t->count };
    size_t at = 0;
    for (size_t i = 0; i < t->count; at = t->spans[i++].to) {
        buf_add_bytes(&e->marked, t->p + at, t->spans[i].from - at);
        buf_add_char(&e->marked, '0');
    }
    buf_add_bytes(&e->marked, t->p + at, t->n - at);
    k.marked_bytes = (uint32_t)e->marked.n - k.marked_at;
    char *spare = buf_reserve(&e->marked, SPARE_BYTES); /* is_known_as() reads a little further */
    memset(spare, 0, SPARE_BYTES);
    VEC_PUSH(&e->known, k);
    if (e->known.n * 2 > e->table_slots)
        table_grow(e);
    return (uint32_t)e->known.n - 1;
}

static uint32_t template_of(struct template_encoder *e, const struct split_text *t) {
    uint64_t hash = hash_constants(t);
    size_t at = hash & (e->table_slots - 1);
    for (; e->table[at].known; at = (at + 1) & (e->table_slots - 1)) {
        uint32_t known = e->table[at].known - 1;
        if (e->table[at].hash == hash && is_known_as(e, &e->known.p[known], t))
            return known;
    }
    e->table[at] = (struct table_slot){ hash, (uint32_t)e->known.n + 1 };
    return template_add(e, t, hash);
}

static void add_text(struct template_encoder *e, struct str text) {
    struct split_text t = { .p = e->texts.p + e->texts.n, .n = text.n };
    uint32_t base = (uint32_t)e->texts.n;
    if (text.n)
        memcpy(e->texts.p + e->texts.n, text.p, text.n);
    e->texts.n += text.n;
    t.count = template_split((struct str){ t.p, t.n }, t.spans);
    uint32_t id = template_of(e, &t);
    e->known.p[id].rows++;
    VEC_PUSH(&e->rows, (struct encoded_row){ id, (uint32_t)e->cells.n });
    VEC_RESERVE(&e->cells, e->cells.n + t.count);
    for (size_t i = 0; i < t.count; i++)
        e->cells.p[e->cells.n++] = (struct cell){ base + t.spans[i].from, t.spans[i].to - t.spans[i].from };
}

static enum err find_templates(struct template_encoder *e, const struct str *texts, size_t count) {
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += texts[i].n;
    if (count == 0 || count > TEMPLATE_TEXTS_MAX || total > TEMPLATE_STREAM_BYTES_MAX)
        return ERR_UNSUPPORTED;
    buf_clear(&e->texts);
    buf_clear(&e->marked);
    e->cells.n = e->rows.n = e->known.n = 0;
    memset(e->table, 0, e->table_slots * sizeof *e->table);
    char *room = buf_reserve(&e->texts, total + SPARE_BYTES);
    memset(room + total, 0, SPARE_BYTES);
    for (size_t i = 0; i < count; i++) {
        add_text(e, texts[i]);
        if (i + 1 == EARLY_LOOK_ROWS && e->known.n > EARLY_LOOK_ROWS / 4 * 3)
            return ERR_UNSUPPORTED;
    }
    return e->known.n > count / 2 ? ERR_UNSUPPORTED : ERR_OK;
}

/* ---- second pass: slots to columns ---- */

static void order_rows(struct template_encoder *e) {
    uint32_t at = 0;
    for (size_t i = 0; i < e->known.n; at += e->known.p[i++].rows)
        e->known.p[i].order_at = at;
    VEC_RESERVE(&e->order, e->rows.n);
    for (size_t i = 0; i < e->rows.n; i++)
        e->order.p[e->known.p[e->rows.p[i].template].order_at++] = e->rows.p[i].cell_at;
    for (size_t i = 0; i < e->known.n; i++)
        e->known.p[i].order_at -= e->known.p[i].rows;
}

static void put_column(struct template_encoder *e, const struct known *k, uint32_t slot) {
    const uint32_t *order = e->order.p + k->order_at;
    VEC_RESERVE(&e->column, k->rows);
    for (uint32_t i = 0; i < k->rows; i++)
        e->column.p[i] = e->cells.p[order[i] + slot];
    column_writer_put(&e->columns, e->column.p, k->rows, slot + 1 == TEMPLATE_SLOTS_MAX, &e->patterns);
}

static void put_template(struct template_encoder *e, const struct known *k) {
    struct str marked = { e->marked.p + k->marked_at, k->marked_bytes }, token;
    uint32_t slot = 0;
    size_t begin = 0;
    for (size_t i = 0; i < marked.n; i++) {
        if (marked.p[i] != '0')
            continue;
        buf_add_bytes(&e->patterns, marked.p + begin, i - begin);
        put_column(e, k, slot++);
        begin = i + 1;
    }
    buf_add_bytes(&e->patterns, marked.p + begin, marked.n - begin);
    buf_add_char(&e->patterns, SLOT_END);
    while (e->columns.word && token_next(&marked, &token))
        if (!ascii_digit(token.p[0]))
            column_writer_say(&e->columns, token);
}

/* ---- the part ---- */

static void put_group(struct template_encoder *e, struct buf *out) {
    buf_add_le32(out, crc32c(0, e->group.p, e->group.n));
    buf_add_varint(out, e->group.n);
    buf_add(out, buf_str(&e->group));
    buf_clear(&e->group);
}

static void put_strip(struct template_encoder *e, const struct buf *stream) {
    strip_put(e->strips, stream->p, stream->n, &e->group);
}

/* Template numbers, low bytes and then, when there are so many templates, high bytes. */
static void put_numbers(struct template_encoder *e) {
    for (unsigned shift = 0; shift == 0 || (e->known.n - 1) >> shift; shift += 8) {
        buf_clear(&e->numbers);
        char *to = buf_reserve(&e->numbers, e->rows.n);
        for (size_t i = 0; i < e->rows.n; i++)
            to[i] = (char)(e->rows.p[i].template >> shift);
        e->numbers.n = e->rows.n;
        put_strip(e, &e->numbers);
    }
}

enum err template_encode(struct template_encoder *e, const struct str *texts, size_t count, int zstd_level,
                         void (*word)(void *ctx, uint64_t token_hash), void *ctx, struct buf *out) {
    TRY(find_templates(e, texts, count));
    order_rows(e);
    strip_writer_level(e->strips, zstd_level);
    struct column_writer *w = &e->columns;
    column_writer_start(w, e->texts.p);
    w->word = word;
    w->ctx = ctx;
    buf_clear(&e->patterns);
    for (size_t i = 0; i < e->known.n; i++)
        put_template(e, &e->known.p[i]);
    if (e->columns.slot_count > TEMPLATE_COLUMNS_MAX)
        return ERR_UNSUPPORTED;
    buf_add_varint(out, count);
    buf_add_varint(out, e->known.n);
    buf_clear(&e->group);
    put_numbers(e);
    put_strip(e, &e->patterns);
    put_group(e, out);
    put_strip(e, &w->kinds);
    put_strip(e, &w->bases);
    put_strip(e, &w->words);
    put_group(e, out);
    for (size_t i = 0; i < SLOT_STREAMS; i++)
        put_strip(e, &w->ints[i]);
    put_group(e, out);
    put_strip(e, &w->lengths);
    put_strip(e, &w->strings);
    put_group(e, out);
    return buf_ok(out) ? ERR_OK : ERR_LIMIT;
}
