#include "base/assert.h"
#include "block/template_part.h"
/*
 * Joining: constants and values back into the text. Constants are copied 16 bytes at a time and a little too
 * far (both sides have room for it), because most are shorter than that and a call of memcpy would cost more
 * than the copy.
 *
 * Foreign values may be larger than their kind prints; they are cut to its width, so nothing is written
 * beyond part_text_bound().
 */

static inline char *copy_loosely(char *to, const char *from, size_t n) {
    for (size_t i = 0; i < n; i += 16)
        memcpy(to + i, from + i, 16);
    return to + n;
}

static const char pairs[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/* The last `n` decimal digits of v, zeros before. */
static char *print_padded(char *to, uint64_t v, size_t n) {
    size_t i = n;
    for (; i >= 2; i -= 2, v /= 100)
        memcpy(to + i - 2, pairs + v % 100 * 2, 2);
    if (i)
        to[0] = (char)('0' + v % 10);
    return to + n;
}

static size_t decimal_digits(uint64_t v) {
    static const uint64_t powers[] = { // tidy: table
                                       0,
                                       10,
                                       100,
                                       1000,
                                       10000,
                                       100000,
                                       1000000,
                                       10000000,
                                       100000000,
                                       1000000000,
                                       10000000000,
                                       100000000000,
                                       1000000000000,
                                       10000000000000,
                                       100000000000000,
                                       1000000000000000,
                                       10000000000000000,
                                       100000000000000000,
                                       1000000000000000000,
                                       10000000000000000000u
    };
    size_t about = bit_width(v | 1) * 1233 >> 12; /* log2 to log10; one too few at most */
    return about + (v >= powers[about]);
}

static char *print_hex(char *to, uint64_t v, uint8_t width) {
    const char *letters = width & SLOT_HEX_UPPER ? "0123456789ABCDEF" : "0123456789abcdef";
    if (width & SLOT_HEX_0X) {
        *to++ = '0';
        *to++ = 'x';
    }
    size_t n = width & SLOT_HEX_WIDTH;
    if (n == 0)
        n = (bit_width(v | 1) + 3) / 4;
    for (size_t i = n; i > 0; i--, v >>= 4)
        to[i - 1] = letters[v & 15];
    return to + n;
}

struct str part_slot_text(const struct template_part *p, const struct part_slot *s, uint32_t rank) {
    if (s->kind == SLOT_DICT)
        return s->dict[s->ints[rank]];
    if (s->kind == SLOT_FIXED)
        return (struct str){ p->strings.p + s->at + (size_t)rank * s->length, s->length };
    return (struct str){ p->strings.p + s->offsets[rank], s->offsets[rank + 1] - s->offsets[rank] };
}

static char *print_slot(const struct template_part *p, const struct part_slot *s, uint32_t rank, char *to) {
    if (s->kind == SLOT_INT)
        return print_padded(to, s->ints[rank], decimal_digits(s->ints[rank]));
    if (s->kind == SLOT_PADDED)
        return print_padded(to, s->ints[rank], s->width);
    if (s->kind == SLOT_DIGITS)
        return print_padded(to, s->ints[rank], decimal_digits(s->ints[rank]) - 1);
    if (s->kind == SLOT_HEX)
        return print_hex(to, s->ints[rank], s->width);
    struct str text = part_slot_text(p, s, rank);
    if (text.n)
        memcpy(to, text.p, text.n);
    return to + text.n;
}

size_t part_text_bound(const struct template_part *p, const struct part_template *t, uint32_t rank) {
    size_t bound = t->longest_bytes;
    for (uint32_t k = 0; t->texts && k < t->slot_count; k++) {
        const struct part_slot *s = &p->slots[t->first_slot + k];
        if (s->kind == SLOT_TEXT || s->kind == SLOT_REST)
            bound += s->offsets[rank + 1] - s->offsets[rank];
    }
    return bound;
}

char *part_print(const struct template_part *p, const struct part_template *t, uint32_t rank, char *to) {
    const char *constants = p->patterns.p + t->at, *end = constants + t->n;
    const struct part_slot *s = p->slots + t->first_slot;
    for (const struct part_slot *last = s + t->slot_count; s < last; s++) {
        to = copy_loosely(to, constants, s->before);
        constants += s->before + 1;
        to = print_slot(p, s, rank, to);
    }
    return copy_loosely(to, constants, (size_t)(end - constants));
}

enum err template_part_texts(struct template_part *p, const uint32_t *rows, size_t count, struct buf *out,
                             uint32_t *offsets) {
    TRY(part_need_slots(p));
    TRY(part_need_ranks(p));
    for (size_t i = 0; i < count; i++) {
        uint32_t row = rows ? rows[i] : (uint32_t)i;
        ASSERT(row < p->count);
        struct part_template *t = &p->templates[part_number(p, row)];
        TRY(part_need_columns(p, t));
        uint32_t rank = p->ranks[row];
        char *to = buf_reserve(out, part_text_bound(p, t, rank) + PRINT_SPARE_BYTES);
        if (!to || out->n > UINT32_MAX / 2)
            return ERR_LIMIT;
        offsets[i] = (uint32_t)out->n;
        out->n += (size_t)(part_print(p, t, rank, to) - to);
    }
    offsets[count] = (uint32_t)out->n;
    return ERR_OK;
}

enum err template_part_text(struct template_part *p, size_t i, struct arena *mem, struct str *out) {
    ASSERT(i < p->count);
    struct part_template *t = &p->templates[part_number(p, i)];
    TRY(part_need_columns(p, t));
    TRY(part_need_ranks(p));
    char *to = ARENA_RAW(mem, char, part_text_bound(p, t, p->ranks[i]) + PRINT_SPARE_BYTES);
    if (!to)
        return ERR_LIMIT;
    *out = (struct str){ to, (size_t)(part_print(p, t, p->ranks[i], to) - to) };
    return ERR_OK;
}

enum err template_part_template_pattern(struct template_part *p, uint32_t number, struct arena *mem,
                                        struct str *out) {
    ASSERT(number < p->templates_count);
    AUTO(buf) pattern = { 0 };
    template_pattern(part_pattern(p, &p->templates[number]), &pattern);
    return arena_dup(mem, buf_str(&pattern), out);
}

enum err template_part_pattern(struct template_part *p, size_t i, struct arena *mem, struct str *out) {
    return template_part_template_pattern(p, template_part_template(p, i), mem, out);
}
