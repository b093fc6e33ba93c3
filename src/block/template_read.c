#include "base/assert.h"
#include "block/fuzz_mode.h"
#include "block/strip.h"
#include "block/template_part.h"
/*
 * Opening a part: the first group is read and checked (template numbers, templates); the other three are only
 * found. Each is checked and read when first asked for, and remembers when that failed.
 *
 * Positions are sums: the slots in order say how many bytes each has in which stream, so where a column
 * begins is known once all slots before it have been read. That is one cheap pass (no values), done with the
 * first slot.
 */
enum { HIGH_BYTES_FROM = 257 /* templates */ };

/* ---- open ---- */

static enum err group_find(struct reader *r, struct part_group *out) {
    out->crc = reader_le32(r);
    out->body = reader_str(r);
    return r->failed ? ERR_CORRUPT : ERR_OK;
}

static bool group_intact(const struct part_group *g) {
    return crc_matches(g->crc, g->body.p, g->body.n);
}

/* Cuts the bytes of all templates apart and counts their slots. */
static enum err templates_read(struct template_part *p) {
    p->templates = ARENA_NEW(p->mem, struct part_template, p->templates_count);
    if (!p->templates)
        return ERR_LIMIT;
    uint32_t done = 0;
    struct part_template *t = p->templates;
    *t = (struct part_template){ .digits_only = true };
    for (size_t i = 0; i < p->patterns.n; i++) {
        char c = p->patterns.p[i];
        if (!ascii_digit(c))
            continue;
        if (c > SLOT_REST || t->rest)
            if (c != SLOT_END)
                return ERR_CORRUPT;
        if (c != SLOT_END) {
            t->slot_count++;
            t->digits_only &= slot_is_digits((enum slot_kind)c);
            t->rest |= c == SLOT_REST;
            continue;
        }
        t->n = (uint32_t)i - t->at;
        p->slot_count += t->slot_count;
        if (p->slot_count > TEMPLATE_COLUMNS_MAX)
            return ERR_CORRUPT;
        if (++done == p->templates_count)
            return i + 1 == p->patterns.n ? ERR_OK : ERR_CORRUPT;
        *++t =
            (struct part_template){ .at = (uint32_t)i + 1, .first_slot = p->slot_count, .digits_only = true };
    }
    return ERR_CORRUPT;
}

static enum err numbers_count(struct template_part *p) {
    for (size_t i = 0; i < p->count; i++) {
        uint32_t number = part_number(p, i);
        if (number >= p->templates_count)
            return ERR_CORRUPT;
        p->templates[number].rows++;
    }
    return ERR_OK;
}

static enum err which_read(struct template_part *p, struct str body) {
    struct reader r = reader_of(body);
    for (size_t k = 0; k < (p->templates_count < HIGH_BYTES_FROM ? 1 : 2); k++) {
        struct str plane;
        TRY(strip_get(&r, p->count, p->mem, &plane));
        p->numbers[k] = (const uint8_t *)plane.p;
    }
    TRY(strip_get_any(&r, TEMPLATE_STREAM_BYTES_MAX, p->mem, &p->patterns));
    if (!reader_done(&r))
        return ERR_CORRUPT;
    TRY(templates_read(p));
    return numbers_count(p);
}

enum err template_part_open(struct str bytes, struct arena *mem, struct template_part **out) {
    struct reader r = reader_of(bytes);
    uint64_t count = reader_varint(&r), templates_count = reader_varint(&r);
    if (r.failed || count == 0 || count > TEMPLATE_TEXTS_MAX || templates_count == 0 ||
        templates_count > count)
        return ERR_CORRUPT;
    struct template_part *p = ARENA_NEW(mem, struct template_part, 1);
    if (!p)
        return ERR_LIMIT;
    p->mem = mem;
    p->count = (uint32_t)count;
    p->templates_count = (uint32_t)templates_count;
    struct part_group which;
    TRY(group_find(&r, &which));
    for (size_t i = 0; i < COUNT_OF(p->groups); i++)
        TRY(group_find(&r, &p->groups[i]));
    if (!reader_done(&r) || !group_intact(&which))
        return ERR_CORRUPT;
    TRY(which_read(p, which.body));
    *out = p;
    return ERR_OK;
}

size_t template_part_count(const struct template_part *p) {
    return p->count;
}

size_t template_part_templates(const struct template_part *p) {
    return p->templates_count;
}

uint32_t template_part_template(const struct template_part *p, size_t i) {
    ASSERT(i < p->count);
    return part_number(p, i);
}

/* ---- groups, each at its first use ---- */

static enum err group_need(struct template_part *p, size_t which,
                           enum err (*read)(struct template_part *p, struct reader *r)) {
    struct part_group *g = &p->groups[which];
    if (g->tried)
        return g->err;
    g->tried = true;
    g->err = ERR_CORRUPT;
    if (!group_intact(g))
        return g->err;
    struct reader r = reader_of(g->body);
    g->err = read(p, &r);
    if (g->err == ERR_OK && !reader_done(&r))
        g->err = ERR_CORRUPT;
    return g->err;
}

/* The streams that describe the slots. */
struct slots_reader {
    struct reader kinds, bases, words;
};

static void slot_take_planes(struct template_part *p, struct part_slot *s) {
    s->at = (uint32_t)p->int_bytes[SLOT_STREAMS - 1];
    p->int_bytes[SLOT_STREAMS - 1] += (size_t)(s->bits / 8) * s->rows;
    s->used_bits = (uint8_t)(s->bits % 8);
    if (s->used_bits) {
        s->used_at = (uint32_t)p->int_bytes[s->used_bits - 1];
        p->int_bytes[s->used_bits - 1] += s->rows;
    }
}

static bool slot_read_ints(struct template_part *p, struct slots_reader *r, struct part_slot *s) {
    uint8_t bits = reader_u8(&r->kinds);
    s->bits = bits & (uint8_t)~SLOT_DELTA;
    s->delta = (bits & SLOT_DELTA) != 0;
    s->base = reader_varint(&r->bases);
    if (s->bits > 64)
        return false;
    slot_take_planes(p, s);
    return true;
}

static enum err slot_read_dict(struct template_part *p, struct slots_reader *r, struct part_slot *s) {
    uint64_t count = reader_varint(&r->kinds) + 1;
    if (count == 0 || count > SLOT_DICT_MAX)
        return ERR_CORRUPT;
    struct str *dict = ARENA_NEW(p->mem, struct str, count);
    if (!dict)
        return ERR_LIMIT;
    for (size_t i = 0; i < count; i++) {
        dict[i] = reader_bytes(&r->words, (size_t)reader_varint(&r->kinds));
        s->length = dict[i].n > s->length ? (uint32_t)dict[i].n : s->length;
    }
    s->dict = dict;
    s->dict_count = (uint16_t)count;
    s->bits = (uint8_t)bit_width(count - 1);
    slot_take_planes(p, s);
    return ERR_OK;
}

/* Most bytes of a value; texts of any length count as none. */
static size_t slot_bytes_max(const struct part_slot *s) {
    switch (s->kind) {
    case SLOT_INT:
    case SLOT_DIGITS: return SLOT_DIGITS_MAX + 1;
    case SLOT_PADDED: return s->width;
    case SLOT_HEX: return SLOT_HEX_MAX + 2;
    case SLOT_DICT:
    case SLOT_FIXED: return s->length;
    default: return 0;
    }
}

static enum err slot_read(struct template_part *p, struct slots_reader *r, struct part_slot *s) {
    bool ok = true;
    switch (s->kind) {
    case SLOT_PADDED:
        s->width = reader_u8(&r->kinds);
        ok = s->width > 0 && s->width <= SLOT_DIGITS_MAX && slot_read_ints(p, r, s);
        break;
    case SLOT_HEX:
        s->width = reader_u8(&r->kinds);
        ok = (s->width & SLOT_HEX_WIDTH) <= SLOT_HEX_MAX && slot_read_ints(p, r, s);
        break;
    case SLOT_INT:
    case SLOT_DIGITS: ok = slot_read_ints(p, r, s); break;
    case SLOT_DICT: return slot_read_dict(p, r, s);
    case SLOT_FIXED: {
        uint64_t length = reader_varint(&r->kinds);
        ok = length <= TEMPLATE_STREAM_BYTES_MAX;
        s->length = ok ? (uint32_t)length : 0;
        break;
    }
    case SLOT_TEXT:
    case SLOT_REST: p->length_count += s->rows; break;
    case SLOT_END: ok = false; break;
    }
    return ok ? ERR_OK : ERR_CORRUPT;
}

static enum err template_read_slots(struct template_part *p, struct slots_reader *r,
                                    struct part_template *t) {
    struct part_slot *s = p->slots + t->first_slot;
    size_t constants = t->n - t->slot_count;
    t->longest_bytes = constants;
    uint32_t before = 0;
    for (size_t i = t->at; i < t->at + t->n; i++, before++) {
        if (!ascii_digit(p->patterns.p[i]))
            continue;
        *s = (struct part_slot){ .kind = (uint8_t)p->patterns.p[i], .before = before, .rows = t->rows };
        TRY(slot_read(p, r, s));
        t->longest_bytes += slot_bytes_max(s);
        t->texts |= s->kind == SLOT_TEXT || s->kind == SLOT_REST;
        before = UINT32_MAX; /* the loop makes it 0 */
        s++;
    }
    return ERR_OK;
}

/* Printing copies constants a few bytes too far. */
static enum err patterns_pad(struct template_part *p) {
    char *padded = ARENA_RAW(p->mem, char, p->patterns.n + PRINT_SPARE_BYTES);
    if (!padded)
        return ERR_LIMIT;
    memcpy(padded, p->patterns.p, p->patterns.n);
    memset(padded + p->patterns.n, 0, PRINT_SPARE_BYTES);
    p->patterns.p = padded;
    return ERR_OK;
}

static enum err slots_group_read(struct template_part *p, struct reader *r) {
    struct str kinds, bases, words;
    TRY(patterns_pad(p));
    TRY(strip_get_any(r, TEMPLATE_STREAM_BYTES_MAX, p->mem, &kinds));
    TRY(strip_get_any(r, TEMPLATE_STREAM_BYTES_MAX, p->mem, &bases));
    TRY(strip_get_any(r, TEMPLATE_STREAM_BYTES_MAX, p->mem, &words));
    p->slots = ARENA_NEW(p->mem, struct part_slot, p->slot_count);
    if (!p->slots)
        return ERR_LIMIT;
    struct slots_reader s = { reader_of(kinds), reader_of(bases), reader_of(words) };
    for (size_t i = 0; i < p->templates_count; i++)
        TRY(template_read_slots(p, &s, &p->templates[i]));
    return reader_done(&s.kinds) && reader_done(&s.bases) && reader_done(&s.words) ? ERR_OK : ERR_CORRUPT;
}

enum err part_need_slots(struct template_part *p) {
    return group_need(p, PART_SLOTS, slots_group_read);
}

static enum err ints_group_read(struct template_part *p, struct reader *r) {
    for (size_t i = 0; i < SLOT_STREAMS; i++) {
        if (p->int_bytes[i] > TEMPLATE_STREAM_BYTES_MAX)
            return ERR_CORRUPT;
        TRY(strip_get(r, p->int_bytes[i], p->mem, &p->ints[i]));
    }
    return ERR_OK;
}

/* Turns the lengths into offsets, and gives each column of texts its place. */
static enum err offsets_read(struct template_part *p, struct reader *lengths, size_t *out_bytes) {
    uint64_t at = 0;
    for (uint32_t i = 0; i < p->slot_count; i++) {
        struct part_slot *s = &p->slots[i];
        if (s->kind == SLOT_FIXED) {
            s->at = (uint32_t)at;
            at += (uint64_t)s->length * s->rows;
        }
        if (at > TEMPLATE_STREAM_BYTES_MAX)
            return ERR_CORRUPT;
        if (s->kind != SLOT_TEXT && s->kind != SLOT_REST)
            continue;
        uint32_t *offsets = ARENA_RAW(p->mem, uint32_t, (size_t)s->rows + 1);
        if (!offsets)
            return ERR_LIMIT;
        for (uint32_t row = 0; row < s->rows; row++) {
            offsets[row] = (uint32_t)at;
            uint64_t length = reader_varint(lengths);
            if (lengths->failed || length > TEMPLATE_STREAM_BYTES_MAX - at)
                return ERR_CORRUPT;
            at += length;
        }
        offsets[s->rows] = (uint32_t)at;
        s->offsets = offsets;
    }
    *out_bytes = at;
    return ERR_OK;
}

static enum err strings_group_read(struct template_part *p, struct reader *r) {
    struct str lengths;
    size_t bytes;
    TRY(strip_get_any(r, TEMPLATE_STREAM_BYTES_MAX, p->mem, &lengths));
    if (lengths.n < p->length_count)
        return ERR_CORRUPT;
    struct reader l = reader_of(lengths);
    TRY(offsets_read(p, &l, &bytes));
    if (!reader_done(&l))
        return ERR_CORRUPT;
    TRY(strip_get(r, bytes, p->mem, &p->strings));
    if (bytes == 0)
        p->strings = STR("");
    return ERR_OK;
}

/* ---- columns ---- */

static void plane_add(uint64_t *v, const char *plane, size_t rows, unsigned shift) {
    for (size_t i = 0; i < rows; i++)
        v[i] |= (uint64_t)(uint8_t)plane[i] << shift;
}

static enum err ints_decode(struct template_part *p, struct part_slot *s) {
    TRY(group_need(p, PART_INTS, ints_group_read));
    if (s->rows == 0)
        return ERR_OK;
    uint64_t *v = ARENA_NEW(p->mem, uint64_t, s->rows);
    if (!v)
        return ERR_LIMIT;
    unsigned planes = s->bits / 8;
    for (unsigned k = 0; k < planes; k++)
        plane_add(v, p->ints[SLOT_STREAMS - 1].p + s->at + (size_t)k * s->rows, s->rows, 8 * k);
    if (s->used_bits)
        plane_add(v, p->ints[s->used_bits - 1].p + s->used_at, s->rows, 8 * planes);
    uint64_t last = s->base;
    for (size_t i = 0; i < s->rows; i++)
        last = v[i] = s->delta ? last + (uint64_t)unzigzag(v[i]) : s->base + v[i];
    for (size_t i = 0; s->kind == SLOT_DICT && i < s->rows; i++)
        if (v[i] >= s->dict_count)
            return ERR_CORRUPT;
    s->ints = v;
    return ERR_OK;
}

enum err part_need_column(struct template_part *p, struct part_slot *s) {
    if (s->ready)
        return ERR_OK;
    if (s->kind == SLOT_FIXED || s->kind == SLOT_TEXT || s->kind == SLOT_REST)
        TRY(group_need(p, PART_STRINGS, strings_group_read));
    else
        TRY(ints_decode(p, s));
    s->ready = true;
    return ERR_OK;
}

enum err part_need_columns(struct template_part *p, struct part_template *t) {
    if (t->ready)
        return ERR_OK;
    TRY(part_need_slots(p));
    for (uint32_t k = 0; k < t->slot_count; k++)
        TRY(part_need_column(p, &p->slots[t->first_slot + k]));
    t->ready = true;
    return ERR_OK;
}

/* ---- rows ---- */

enum err part_need_order(struct template_part *p) {
    if (p->order)
        return ERR_OK;
    uint32_t *starts = ARENA_NEW(p->mem, uint32_t, (size_t)p->templates_count + 1);
    uint32_t *next = ARENA_NEW(p->mem, uint32_t, p->templates_count);
    uint32_t *order = ARENA_RAW(p->mem, uint32_t, p->count);
    if (!starts || !next || !order)
        return ERR_LIMIT;
    for (uint32_t i = 0; i < p->templates_count; i++) {
        next[i] = starts[i];
        starts[i + 1] = starts[i] + p->templates[i].rows;
    }
    for (uint32_t i = 0; i < p->count; i++)
        order[next[part_number(p, i)]++] = i;
    p->starts = starts;
    p->order = order;
    return ERR_OK;
}

enum err part_need_ranks(struct template_part *p) {
    if (p->ranks)
        return ERR_OK;
    uint32_t *next = ARENA_NEW(p->mem, uint32_t, p->templates_count);
    uint32_t *ranks = ARENA_RAW(p->mem, uint32_t, p->count);
    if (!next || !ranks)
        return ERR_LIMIT;
    for (uint32_t i = 0; i < p->count; i++)
        ranks[i] = next[part_number(p, i)]++;
    p->ranks = ranks;
    return ERR_OK;
}
