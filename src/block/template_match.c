#include "base/assert.h"
#include "base/bits.h"
#include "base/vec.h"
#include "block/template_part.h"
/*
 * Which texts match, without building them where that can be helped. Each template gets a verdict:
 *
 *   NEVER    its constants rule a match out, and no slot can bring one
 *   ALWAYS   its constants alone match, whatever the slots hold
 *   VALUES   a match needs certain values in certain slots (whole tokens with digits): the columns are
 * compared TEXTS    all else: its texts are built and tested
 *
 * What decides is that a digit is never in a constant and always in a variable:
 *
 *   - a needle of whole tokens without a digit is found in constants or nowhere;
 *   - a literal without a digit cannot touch a slot that holds decimal digits alone;
 *   - a token with a digit is a variable, so a phrase lies on a template in few ways, each of which says what
 *     the slots under it must hold:
 *
 *         needle     from 10.1 port           template   login from 1.1 port 1
 *                                                              from a.b port        a = 10, b = 1
 *
 * SLOT_REST holds whole pieces of text, so a template with it is looked at unless its constants match.
 */
enum verdict { NEVER, ALWAYS, VALUES, TEXTS };

struct want { /* that a slot holds this value */
    struct part_slot *slot;
    uint64_t number;    /* integers, hex */
    struct str letters; /* other kinds: in any case */
    bool last;          /* of the wants that belong together */
};

struct search {
    struct template_part *p;
    const struct text_match *m;
    size_t first, count;
    uint64_t *out;
    struct arena *mem;
    enum text_match_kind kind;
    struct str needle;
    bool digit_free;        /* the literal is known and has no digit */
    VEC(struct want) wants; /* of the template at hand */
    char *text;             /* room to build one */
    size_t text_bytes;
};

static bool has_digit(struct str s) {
    for (size_t i = 0; i < s.n; i++)
        if (ascii_digit(s.p[i]))
            return true;
    return false;
}

/* ---- what a slot must hold ---- */

static bool in_range(const struct part_slot *s, uint64_t v) {
    return s->delta || (v >= s->base && (s->bits == 64 || v - s->base < 1ull << s->bits));
}

static bool want_digits(const struct part_slot *s, struct str field, struct want *out) {
    uint64_t v;
    bool canonical = field.n == 1 || field.p[0] != '0';
    if (field.n > SLOT_DIGITS_MAX || !str_to_u64(field, &v))
        return false;
    if (s->kind == SLOT_DIGITS) {
        uint64_t one = 1;
        for (size_t i = 0; i < field.n && i < SLOT_LOOSE_DIGITS_MAX; i++)
            one *= 10;
        v += one;
        if (field.n > SLOT_LOOSE_DIGITS_MAX)
            return false;
    } else if (s->kind == SLOT_INT ? !canonical : field.n != s->width) {
        return false;
    }
    out->number = v;
    return in_range(s, v);
}

static bool want_hex(const struct part_slot *s, struct str field, struct want *out) {
    if (s->width & SLOT_HEX_0X) {
        if (field.n < 2 || field.p[0] != '0' || ascii_lower(field.p[1]) != 'x')
            return false;
        field = str_skip(field, 2);
    }
    size_t width = s->width & SLOT_HEX_WIDTH;
    if (field.n == 0 || field.n > SLOT_HEX_MAX ||
        (width ? field.n != width : field.n > 1 && field.p[0] == '0'))
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < field.n; i++) {
        char c = ascii_lower(field.p[i]);
        if (!ascii_digit(c) && (c < 'a' || c > 'f'))
            return false;
        v = v << 4 | (uint64_t)(ascii_digit(c) ? c - '0' : c - 'a' + 10);
    }
    out->number = v;
    return in_range(s, v);
}

static bool want_text(const struct part_slot *s, struct str field, struct want *out) {
    out->letters = field;
    if (s->kind == SLOT_FIXED)
        return s->length == field.n;
    for (uint32_t i = 0; s->kind == SLOT_DICT; i++) {
        if (i == s->dict_count)
            return false;
        if (str_eq_nocase(s->dict[i], field))
            return true;
    }
    return true;
}

/* False when the slot never holds it. */
static bool want_of(struct part_slot *s, struct str field, struct want *out) {
    *out = (struct want){ .slot = s };
    if (slot_is_digits(s->kind))
        return want_digits(s, field, out);
    return s->kind == SLOT_HEX ? want_hex(s, field, out) : want_text(s, field, out);
}

static bool want_met(const struct template_part *p, const struct want *w, uint32_t rank) {
    const struct part_slot *s = w->slot;
    if (slot_is_digits(s->kind) || s->kind == SLOT_HEX)
        return s->ints[rank] == w->number;
    return str_eq_nocase(part_slot_text(p, s, rank), w->letters);
}

/* ---- laying the needle on a template ---- */

/* The bytes of the needle that a slot takes: the run of digits, or the rest of the token. */
static struct str field_at(struct str needle, size_t at, enum slot_kind kind) {
    size_t end = at;
    while (end < needle.n &&
           (slot_is_digits(kind) ? ascii_digit(needle.p[end]) : token_byte((unsigned char)needle.p[end])))
        end++;
    return (struct str){ needle.p + at, end - at };
}

/* Lays the needle's first byte on pattern[at], which is in front of slot `slot`. On success the wants are
 * added. */
static bool lay(struct search *s, struct str pattern, size_t at, struct part_slot *slot) {
    size_t wants = s->wants.n, i = 0;
    while (i < s->needle.n && at < pattern.n) {
        if (!ascii_digit(pattern.p[at])) {
            if (ascii_lower(pattern.p[at]) != ascii_lower(s->needle.p[i]))
                break;
            at++;
            i++;
            continue;
        }
        struct want w;
        struct str field = field_at(s->needle, i, (enum slot_kind)slot->kind);
        if (field.n == 0 || !want_of(slot++, field, &w))
            break;
        VEC_PUSH(&s->wants, w);
        i += field.n;
        at++;
    }
    bool whole = s->kind == TEXT_EXACT ? at == pattern.n
                                       : at == pattern.n || !token_byte((unsigned char)pattern.p[at]);
    if (i < s->needle.n || !whole) {
        s->wants.n = wants;
        return false;
    }
    if (s->wants.n > wants)
        s->wants.p[s->wants.n - 1].last = true;
    return true;
}

/* All ways to lay a needle with digits on a template. */
static enum verdict lay_all(struct search *s, const struct part_template *t) {
    struct str pattern = part_pattern(s->p, t);
    struct part_slot *slot = s->p->slots + t->first_slot;
    s->wants.n = 0;
    for (size_t at = 0; at < pattern.n; at++) {
        bool begins = at == 0 || !token_byte((unsigned char)pattern.p[at - 1]);
        if (begins && token_byte((unsigned char)pattern.p[at]))
            (void)lay(s, pattern, at, slot);
        slot += ascii_digit(pattern.p[at]);
    }
    return s->wants.n ? VALUES : NEVER;
}

/* ---- verdicts ---- */

/* EXACT: the needle covers the whole template. Letter case is left to the test of the text. */
static enum verdict judge_exact(struct search *s, const struct part_template *t) {
    struct str pattern = part_pattern(s->p, t);
    if (t->slot_count == 0)
        return str_eq(pattern, s->needle) ? ALWAYS : NEVER;
    if (s->digit_free)
        return NEVER;
    if (t->rest)
        return TEXTS;
    s->wants.n = 0;
    return lay(s, pattern, 0, s->p->slots + t->first_slot) ? VALUES : NEVER;
}

/* `found`: the literal stands in the template's bytes. */
static enum verdict judge(struct search *s, const struct part_template *t, bool found) {
    struct str pattern = part_pattern(s->p, t);
    if (s->kind == TEXT_EXACT)
        return judge_exact(s, t);
    if (t->slot_count == 0)
        return text_match_test(s->m, pattern) ? ALWAYS : NEVER;
    bool constant_kind = s->kind == TEXT_TOKENS || s->kind == TEXT_PREFIX || s->kind == TEXT_SUBSTRING;
    if (s->digit_free) {
        if (found && constant_kind && text_match_test(s->m, pattern))
            return ALWAYS;
        if (s->kind == TEXT_TOKENS)
            return t->rest ? TEXTS : NEVER;
        if (t->digits_only && (constant_kind || !found))
            return NEVER;
    } else if (s->kind == TEXT_TOKENS && !t->rest) {
        return lay_all(s, t);
    }
    return TEXTS;
}

/* ---- looking at texts ---- */

static bool values_meet(const struct search *s, uint32_t rank) {
    bool all = true;
    for (size_t i = 0; i < s->wants.n; i++) {
        all = all && want_met(s->p, &s->wants.p[i], rank);
        if (!s->wants.p[i].last)
            continue;
        if (all)
            return true;
        all = true;
    }
    return false;
}

static enum err text_meets(struct search *s, const struct part_template *t, uint32_t rank, bool *out) {
    size_t bytes = part_text_bound(s->p, t, rank) + PRINT_SPARE_BYTES;
    if (bytes > s->text_bytes) {
        s->text = ARENA_RAW(s->mem, char, bytes * 2);
        if (!s->text)
            return ERR_LIMIT;
        s->text_bytes = bytes * 2;
    }
    char *end = part_print(s->p, t, rank, s->text);
    *out = text_match_test(s->m, (struct str){ s->text, (size_t)(end - s->text) });
    return ERR_OK;
}

/* Rank of the template's first text at or after `first`. */
static uint32_t rank_from(const struct part_template *t, const uint32_t *rows, size_t first) {
    uint32_t low = 0, high = t->rows;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (rows[middle] < first)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum err look(struct search *s, struct part_template *t, enum verdict verdict) {
    struct template_part *p = s->p;
    TRY(part_need_order(p));
    const uint32_t *rows = p->order + p->starts[t - p->templates];
    uint32_t rank = rank_from(t, rows, s->first);
    if (rank == t->rows || rows[rank] >= s->first + s->count)
        return ERR_OK;
    if (verdict == TEXTS || s->kind == TEXT_EXACT)
        TRY(part_need_columns(p, t));
    for (size_t i = 0; verdict == VALUES && i < s->wants.n; i++)
        TRY(part_need_column(p, s->wants.p[i].slot));
    for (; rank < t->rows && rows[rank] < s->first + s->count; rank++) {
        bool meets = verdict == TEXTS || values_meet(s, rank);
        if (meets && (verdict == TEXTS || s->kind == TEXT_EXACT))
            TRY(text_meets(s, t, rank, &meets));
        if (meets)
            bits_set(s->out, rows[rank] - s->first);
    }
    return ERR_OK;
}

/* ---- all templates, then all texts of those that always match ---- */

static enum err judge_all(struct search *s, uint8_t *always) {
    struct template_part *p = s->p;
    size_t next = s->digit_free ? text_match_scan(s->m, p->patterns, 0) : SIZE_MAX;
    for (uint32_t i = 0; i < p->templates_count; i++) {
        struct part_template *t = &p->templates[i];
        size_t end = (size_t)t->at + t->n;
        bool found = next < end;
        enum verdict verdict = t->rows ? judge(s, t, found) : NEVER;
        always[i] = verdict == ALWAYS;
        if (found)
            next = text_match_scan(s->m, p->patterns, end + 1);
        if (verdict == VALUES || verdict == TEXTS)
            TRY(look(s, t, verdict));
    }
    return ERR_OK;
}

static void set_always(const struct search *s, const uint8_t *always) {
    for (size_t at = 0; at < s->count; at += 64) {
        size_t n = s->count - at < 64 ? s->count - at : 64;
        uint64_t word = 0;
        for (size_t i = 0; i < n; i++)
            word |= (uint64_t)always[part_number(s->p, s->first + at + i)] << i;
        s->out[at / 64] |= word;
    }
}

enum err template_part_match(struct template_part *p, const struct text_match *m, size_t first, size_t count,
                             struct arena *mem, uint64_t *out) {
    ASSERT(first <= p->count && count <= p->count - first);
    struct str literal = text_match_literal(m);
    struct search s = { .p = p, .m = m, .first = first, .count = count, .out = out, .mem = mem };
    s.kind = text_match_kind(m);
    s.needle = text_match_needle(m);
    s.digit_free = literal.n > 0 && !has_digit(literal);
    uint8_t *always = ARENA_RAW(mem, uint8_t, p->templates_count);
    if (!always)
        return ERR_LIMIT;
    bits_zero(out, count);
    if (!s.digit_free)
        TRY(part_need_slots(p));
    enum err e = judge_all(&s, always);
    VEC_FINI(&s.wants);
    if (e == ERR_OK)
        set_always(&s, always);
    return e;
}
