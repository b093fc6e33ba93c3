#include "block/template_column.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/hash.h"
/*
 * How a column is kept, by the first line that fits all of its values:
 *
 *     17 9 2048            SLOT_INT     numbers
 *     08 11 59             SLOT_PADDED  numbers, printed in so many digits
 *     5 05 345             SLOT_DIGITS  numbers with a 1 before: 15 105 1345
 *     err7 err9 err7 err7  SLOT_DICT    when values repeat often
 *     rdd_2_14ms rdd_4_9ms              a slot of digits for each run: rdd_1_1ms
 *     7f3a 0042, 0x5 0x1f  SLOT_HEX     numbers
 *     a1 b2 a1             SLOT_DICT    when values repeat at all
 *     xY7 q3Z              SLOT_FIXED   bytes, one length
 *     xY7 Z3               SLOT_TEXT    lengths and bytes
 *
 * Numbers are kept as the difference to the column's smallest (or to zero, or to the number before: whichever
 * is estimated smallest), cut into bytes, lowest first; each byte goes to a stream for its number of used
 * bits:
 *
 *     0 .. 1000 (10 bits):   low byte -> stream of 8 bits    high byte, 2 bits -> stream of 2 bits
 *
 * A part has thousands of columns, most with a dozen values. Bytes of one stream are alike whatever column
 * they come from, which is what the entropy coder of zstd needs: a column of 2-bit bytes costs 2 bits a
 * value, as bit packing would, and less where values repeat.
 */

void column_writer_fini(struct column_writer *w) {
    buf_fini(&w->kinds);
    buf_fini(&w->bases);
    buf_fini(&w->words);
    for (size_t i = 0; i < SLOT_STREAMS; i++)
        buf_fini(&w->ints[i]);
    buf_fini(&w->lengths);
    buf_fini(&w->strings);
    VEC_FINI(&w->values);
    VEC_FINI(&w->parts);
}

void column_writer_start(struct column_writer *w, const char *texts) {
    w->texts = texts;
    w->slot_count = 0;
    buf_clear(&w->kinds);
    buf_clear(&w->bases);
    buf_clear(&w->words);
    for (size_t i = 0; i < SLOT_STREAMS; i++)
        buf_clear(&w->ints[i]);
    buf_clear(&w->lengths);
    buf_clear(&w->strings);
    memset(w->said, 0, sizeof w->said);
}

static struct str cell_str(const struct column_writer *w, struct cell c) {
    return (struct str){ w->texts + c.at, c.n };
}

/* ---- words ---- */

static void say_hash(struct column_writer *w, uint64_t hash) {
    uint64_t *said = &w->said[hash % COUNT_OF(w->said)];
    if (*said == hash && hash != 0)
        return;
    *said = hash;
    w->word(w->ctx, hash);
}

void column_writer_say(struct column_writer *w, struct str token) {
    say_hash(w, token_hash(token));
}

/* Values without capital letters: the hash of the bytes is token_hash. */
static void say_lower(struct column_writer *w, const struct cell *cells, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (i == 0 || w->values.p[i] != w->values.p[i - 1])
            say_hash(w, hash64(cell_str(w, cells[i])));
}

static void say_tokens(struct column_writer *w, const struct cell *cells, size_t count) {
    struct str token;
    for (size_t i = 0; i < count; i++)
        for (struct str rest = cell_str(w, cells[i]); token_next(&rest, &token);)
            column_writer_say(w, token);
}

/* ---- numbers ---- */

/* Eight decimal digits, one value a byte, the first digit in the lowest byte. */
static uint64_t digits8(uint64_t x) {
    x = x * 10 + (x >> 8);
    x = (x & 0x000000ff000000ffull) * 0x000f424000000064ull +
        (x >> 16 & 0x000000ff000000ffull) * 0x0000271000000001ull;
    return x >> 32;
}

/* The `n` (1 .. 8) characters at p as digit values behind leading zeros. */
static uint64_t digit_values(const char *p, size_t n) {
    return (le64_get(p) ^ 0x3030303030303030ull) << (64 - 8 * n);
}

static bool all_digits(uint64_t x) {
    return (((x + 0x0606060606060606ull) | x) & 0xf0f0f0f0f0f0f0f0ull) == 0;
}

/* 1 .. SLOT_DIGITS_MAX characters; false when one is no digit. Eight bytes behind them are readable. */
static inline bool digits_read(const char *p, size_t n, uint64_t *out) {
    uint64_t x = digit_values(p, n > 8 ? (n - 1) % 8 + 1 : n);
    bool ok = all_digits(x);
    uint64_t v = digits8(x);
    for (size_t i = n > 8 ? (n - 1) % 8 + 1 : n; i < n; i += 8) {
        x = digit_values(p + i, 8);
        ok &= all_digits(x);
        v = v * 100000000 + digits8(x);
    }
    *out = v;
    return ok;
}

/* What all runs of digits seen so far have in common. */
struct digits_seen {
    bool canonical; /* none has a leading zero */
    bool one_length;
    uint32_t first, longest; /* lengths */
};

static void digits_note(struct digits_seen *seen, const char *p, uint32_t n) {
    if (seen->longest == 0)
        *seen = (struct digits_seen){ true, true, n, n };
    seen->canonical &= n == 1 || *p != '0';
    seen->one_length &= n == seen->first;
    seen->longest = n > seen->longest ? n : seen->longest;
}

/* 0: no kind of digits. */
static int digits_kind(struct digits_seen seen) {
    if (seen.longest > SLOT_DIGITS_MAX)
        return 0;
    if (seen.canonical)
        return SLOT_INT;
    if (seen.one_length)
        return SLOT_PADDED;
    return seen.longest <= SLOT_LOOSE_DIGITS_MAX ? SLOT_DIGITS : 0;
}

/* Reads the column into w->values; 0 when it is not of digits. */
static int digits_column(struct column_writer *w, const struct cell *cells, size_t count,
                         struct digits_seen *seen) {
    for (size_t i = 0; i < count; i++) {
        const char *p = w->texts + cells[i].at;
        uint32_t n = cells[i].n;
        if (n == 0 || n > SLOT_DIGITS_MAX || !digits_read(p, n, &w->values.p[i]))
            return 0;
        digits_note(seen, p, n);
    }
    return digits_kind(*seen);
}

/* One byte of each value, bits shift .. shift + 7. */
static void put_plane(struct buf *out, const uint64_t *values, size_t count, unsigned shift) {
    char *to = buf_reserve(out, count);
    if (!to)
        return;
    for (size_t i = 0; i < count; i++)
        to[i] = (char)(values[i] >> shift);
    out->n += count;
}

static void put_planes(struct column_writer *w, size_t count, unsigned bits) {
    for (unsigned shift = 0; shift < bits; shift += 8) {
        unsigned used = bits - shift < 8 ? bits - shift : 8;
        put_plane(&w->ints[used - 1], w->values.p, count, shift);
    }
}

static size_t varint_bytes(uint64_t v) {
    return (bit_width(v | 1) + 6) / 7;
}

/* Values relative to the smallest, to zero or to the value before. */
static void put_ints(struct column_writer *w, size_t count) {
    uint64_t *v = w->values.p;
    uint64_t low = v[0], high = v[0], step = 0;
    for (size_t i = 1; i < count; i++) {
        low = v[i] < low ? v[i] : low;
        high = v[i] > high ? v[i] : high;
        step |= zigzag((int64_t)(v[i] - v[i - 1]));
    }
    size_t near_cost = bit_width(high - low) * count + 8 * varint_bytes(low);
    size_t zero_cost = bit_width(high) * count + 8;
    size_t step_cost = (bit_width(step) + 2) * count + 8 * varint_bytes(v[0]);
    uint64_t base = near_cost < zero_cost ? low : 0;
    unsigned bits = bit_width(high - base);
    bool delta = step_cost < near_cost && step_cost < zero_cost;
    if (delta) {
        base = v[0];
        bits = bit_width(step);
        for (size_t i = count - 1; i > 0; i--)
            v[i] = zigzag((int64_t)(v[i] - v[i - 1]));
        v[0] = 0;
    } else if (base) {
        for (size_t i = 0; i < count; i++)
            v[i] -= base;
    }
    buf_add_char(&w->kinds, (char)(bits | (delta ? SLOT_DELTA : 0)));
    buf_add_varint(&w->bases, base);
    put_planes(w, count, bits);
}

/* Digits in w->values; returns the kind. */
static char put_digits(struct column_writer *w, const struct cell *cells, size_t count,
                       struct digits_seen seen) {
    int kind = digits_kind(seen);
    if (kind == SLOT_PADDED)
        buf_add_char(&w->kinds, (char)seen.longest);
    for (size_t i = 0; kind == SLOT_DIGITS && i < count; i++) {
        uint64_t one = 10;
        for (uint32_t k = 1; k < cells[i].n; k++)
            one *= 10;
        w->values.p[i] += one;
    }
    put_ints(w, count);
    return (char)kind;
}

/* ---- hex ---- */

/* 0 .. 15, or 16 for what is no hex digit; letters of one case. */
static unsigned hex_value(char c, char first_letter) {
    unsigned digit = (unsigned char)c - (unsigned)'0',
             letter = (unsigned char)c - (unsigned char)first_letter;
    return digit < 10 ? digit : letter < 6 ? letter + 10 : 16;
}

static bool hex_read(struct str s, char first_letter, uint64_t *out) {
    uint64_t v = 0;
    if (s.n == 0 || s.n > SLOT_HEX_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = hex_value(s.p[i], first_letter);
        if (digit > 15)
            return false;
        v = v << 4 | digit;
    }
    *out = v;
    return true;
}

/* Reads the column into w->values. The width byte, or -1 when it is not of hex numbers. */
static int hex_column(struct column_writer *w, const struct cell *cells, size_t count, char first_letter) {
    bool prefixed = str_starts(cell_str(w, cells[0]), STR("0x")), one_length = true, canonical = true;
    for (size_t i = 0; i < count; i++) {
        struct str s = cell_str(w, cells[i]);
        if (prefixed && !str_starts(s, STR("0x")))
            return -1;
        if (prefixed)
            s = str_skip(s, 2);
        if (!hex_read(s, first_letter, &w->values.p[i]))
            return -1;
        one_length &= cells[i].n == cells[0].n;
        canonical &= s.n == 1 || s.p[0] != '0';
    }
    if (!one_length && !canonical)
        return -1;
    int width = one_length ? (int)cells[0].n - (prefixed ? 2 : 0) : 0;
    return width | (prefixed ? SLOT_HEX_0X : 0) | (first_letter == 'A' ? SLOT_HEX_UPPER : 0);
}

static bool put_hex(struct column_writer *w, const struct cell *cells, size_t count) {
    int width = hex_column(w, cells, count, 'a');
    if (width < 0)
        width = hex_column(w, cells, count, 'A');
    if (width < 0)
        return false;
    buf_add_char(&w->kinds, (char)width);
    put_ints(w, count);
    return true;
}

/* ---- dictionaries ---- */

enum { DICT_TABLE = 1024 };

/* Fills w->dict and w->values with codes; false with more than `limit` different texts. */
static bool dict_column(struct column_writer *w, const struct cell *cells, size_t count, size_t limit) {
    uint16_t table[DICT_TABLE] = { 0 };
    w->dict_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct str s = cell_str(w, cells[i]);
        size_t at = hash64(s) % DICT_TABLE;
        while (table[at] && !str_eq(s, cell_str(w, w->dict[table[at] - 1])))
            at = (at + 1) % DICT_TABLE;
        if (!table[at]) {
            if (w->dict_count == limit)
                return false;
            w->dict[w->dict_count++] = cells[i];
            table[at] = (uint16_t)w->dict_count;
        }
        w->values.p[i] = table[at] - 1u;
    }
    return true;
}

static size_t dict_limit(size_t count, size_t share) {
    size_t limit = count / share + 1;
    return limit < SLOT_DICT_MAX ? limit : SLOT_DICT_MAX;
}

static void put_dict(struct column_writer *w, size_t count) {
    buf_add_varint(&w->kinds, w->dict_count - 1);
    for (size_t i = 0; i < w->dict_count; i++) {
        buf_add_varint(&w->kinds, w->dict[i].n);
        buf_add(&w->words, cell_str(w, w->dict[i]));
    }
    put_planes(w, count, bit_width(w->dict_count - 1));
}

/* ---- texts ---- */

static char put_texts(struct column_writer *w, const struct cell *cells, size_t count, bool rest) {
    bool one_length = true;
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        one_length &= cells[i].n == cells[0].n;
        total += cells[i].n;
    }
    char *to = buf_reserve(&w->strings, total);
    for (size_t i = 0; to && i < count; i++) {
        memcpy(to, w->texts + cells[i].at, cells[i].n);
        to += cells[i].n;
    }
    w->strings.n += total;
    if (one_length && !rest) {
        buf_add_varint(&w->kinds, cells[0].n);
        return SLOT_FIXED;
    }
    for (size_t i = 0; i < count; i++)
        buf_add_varint(&w->lengths, cells[i].n);
    return rest ? SLOT_REST : SLOT_TEXT;
}

/* ---- runs of digits between the same bytes ---- */

struct parts {
    struct str skeleton; /* the first value */
    size_t count, count_max;
    struct digits_seen seen[SLOT_PARTS_MAX];
};

static size_t digit_run(struct str s, size_t from) {
    size_t to = from;
    while (to < s.n && ascii_digit(s.p[to]))
        to++;
    return to - from;
}

/* Takes one value apart as the skeleton says; its runs become cells[0], cells[stride], … */
static bool take_apart(struct parts *p, struct str s, uint32_t s_at, struct cell *cells, size_t stride) {
    size_t k = 0, at = 0;
    for (size_t i = 0; i < p->skeleton.n;) {
        size_t run = digit_run(p->skeleton, i);
        if (run == 0) {
            if (at == s.n || s.p[at++] != p->skeleton.p[i++])
                return false;
            continue;
        }
        size_t n = digit_run(s, at);
        if (n == 0 || n > SLOT_DIGITS_MAX || k == p->count_max)
            return false;
        digits_note(&p->seen[k], s.p + at, (uint32_t)n);
        cells[k++ * stride] = (struct cell){ s_at + (uint32_t)at, (uint32_t)n };
        at += n;
        i += run;
    }
    p->count = k;
    return at == s.n;
}

static bool put_parts(struct column_writer *w, const struct cell *cells, size_t count, size_t parts_max,
                      struct buf *pattern) {
    struct parts p = { .skeleton = cell_str(w, cells[0]), .count_max = parts_max };
    VEC_RESERVE(&w->parts, count * parts_max);
    for (size_t i = 0; i < count; i++)
        if (!take_apart(&p, cell_str(w, cells[i]), cells[i].at, w->parts.p + i, count))
            return false;
    for (size_t k = 0; k < p.count; k++)
        if (digits_kind(p.seen[k]) == 0)
            return false;
    size_t k = 0;
    for (size_t i = 0; i < p.skeleton.n;) {
        size_t run = digit_run(p.skeleton, i);
        if (run == 0) {
            buf_add_char(pattern, p.skeleton.p[i++]);
            continue;
        }
        const struct cell *part = w->parts.p + k * count;
        struct digits_seen again = { 0 };
        (void)digits_column(w, part, count, &again);
        w->slot_count += k > 0;
        buf_add_char(pattern, put_digits(w, part, count, p.seen[k++]));
        i += run;
    }
    return true;
}

/* ---- the choice ---- */

static void put_words(struct column_writer *w, const struct cell *cells, size_t count, struct buf *pattern) {
    bool repeats = dict_column(w, cells, count, dict_limit(count, 4));
    if (w->word && repeats)
        say_tokens(w, w->dict, w->dict_count);
    else if (w->word)
        say_tokens(w, cells, count);
    /* For a constant each run would cost as much as a whole dictionary. */
    size_t parts_max = !repeats ? SLOT_PARTS_MAX : w->dict_count == 1 ? 1 : 0;
    if (parts_max && put_parts(w, cells, count, parts_max, pattern))
        return;
    if (!repeats && put_hex(w, cells, count)) {
        buf_add_char(pattern, SLOT_HEX);
        return;
    }
    if (dict_column(w, cells, count, dict_limit(count, repeats ? 4 : 2))) {
        put_dict(w, count);
        buf_add_char(pattern, SLOT_DICT);
        return;
    }
    buf_add_char(pattern, put_texts(w, cells, count, false));
}

void column_writer_put(struct column_writer *w, const struct cell *cells, size_t count, bool rest,
                       struct buf *pattern) {
    ASSERT(count > 0);
    VEC_RESERVE(&w->values, count);
    w->slot_count++;
    struct digits_seen seen = { 0 };
    if (rest) {
        if (w->word)
            say_tokens(w, cells, count);
        buf_add_char(pattern, put_texts(w, cells, count, true));
    } else if (digits_column(w, cells, count, &seen)) {
        if (w->word)
            say_lower(w, cells, count);
        buf_add_char(pattern, put_digits(w, cells, count, seen));
    } else {
        put_words(w, cells, count, pattern);
    }
}
