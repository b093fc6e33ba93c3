#include "block/column_page.h"
#include "base/assert.h"
#include "base/bits.h"
#include "base/thread.h"

/* Its template part decodes slots as they are first needed, so it is used under the shared part's lock. */
struct template_page {
    struct shared_part *shared;
    uint32_t first, count;
};
enum { SPARSE = 16 /* one row in so many wanted: test them alone instead of scanning the page */ };

enum err column_page_templates(const struct page_reader *p, struct column_page *out) {
    struct template_page *t = ARENA_NEW(p->mem, struct template_page, 1);
    if (!t)
        return ERR_LIMIT;
    *t = (struct template_page){ p->shared, p->first, p->value_count };
    out->templates = t;
    return ERR_OK;
}

static bool has_value(const struct column_page *p, uint32_t row) {
    return !p->present || bits_get(p->present, row);
}

/* Number of the row's text in the template part. */
static size_t text_number(const struct column_page *p, uint32_t row) {
    size_t before = row;
    if (p->present) {
        before = bits_count(p->present, row & ~63u);
        if (row % 64)
            before += (size_t)__builtin_popcountll(p->present[row / 64] << (64 - row % 64));
    }
    return p->templates->first + before;
}

static struct str string_at(const struct column_page *p, uint32_t row) {
    return (struct str){ p->bytes + p->offsets[row], p->offsets[row + 1] - p->offsets[row] };
}

/* Keeps the rows whose entry is marked. */
static void keep_codes(const struct column_page *p, const uint8_t *marks, uint64_t *rows) {
    for (uint32_t i = 0; i < p->row_count; i += 64) {
        uint32_t n = p->row_count - i < 64 ? p->row_count - i : 64;
        uint64_t word = 0;
        for (uint32_t k = 0; k < n; k++)
            word |= (uint64_t)marks[p->codes[i + k]] << k;
        rows[i / 64] &= word;
    }
}

static enum err match_dict(const struct column_page *p, const struct text_match *m, struct arena *mem,
                           uint64_t *rows) {
    enum { UNKNOWN = 2 };
    uint8_t *marks = ARENA_RAW(mem, uint8_t, p->dict_count);
    if (!marks)
        return ERR_LIMIT;
    if (p->dict_count <= p->row_count) {
        for (uint32_t i = 0; i < p->dict_count; i++)
            marks[i] = text_match_test(m, p->dict[i]);
        keep_codes(p, marks, rows);
        return ERR_OK;
    }
    memset(marks, UNKNOWN, p->dict_count);
    BITS_EACH (row, rows, p->row_count) {
        uint8_t *mark = &marks[p->codes[row]];
        if (*mark == UNKNOWN)
            *mark = text_match_test(m, p->dict[p->codes[row]]);
        if (!*mark)
            bits_clear(rows, row);
    }
    return ERR_OK;
}

/* First row after `row` whose text ends after byte `at`: leaps of doubling width, then halving. */
static uint32_t row_of_byte(const struct column_page *p, uint32_t row, size_t at) {
    uint32_t low = row, step = 1;
    while (low + step < p->row_count && p->offsets[low + step] <= at) {
        low += step;
        step *= 2;
    }
    uint32_t high = low + step < p->row_count ? low + step : p->row_count;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (p->offsets[mid] <= at)
            low = mid;
        else
            high = mid;
    }
    return low;
}

static void match_each(const struct column_page *p, const struct text_match *m, uint64_t *rows) {
    BITS_EACH (row, rows, p->row_count) {
        if (!text_match_test(m, string_at(p, (uint32_t)row)))
            bits_clear(rows, row);
    }
}

/* Searches the bytes of all rows at once for what a match must contain; only texts that have it are tested.
 */
static enum err match_strings(const struct column_page *p, const struct text_match *m, struct arena *mem,
                              uint64_t *rows) {
    if (text_match_literal(m).n == 0 || bits_count(rows, p->row_count) < p->row_count / SPARSE) {
        match_each(p, m, rows);
        return ERR_OK;
    }
    uint64_t *found = ARENA_NEW(mem, uint64_t, bits_words(p->row_count));
    if (!found)
        return ERR_LIMIT;
    struct str all = { p->bytes, p->offsets[p->row_count] };
    uint32_t row = 0;
    for (size_t at = text_match_scan(m, all, 0); at < all.n;
         at = text_match_scan(m, all, p->offsets[row + 1])) {
        row = row_of_byte(p, row, at);
        if (bits_get(rows, row) && text_match_test(m, string_at(p, row)))
            bits_set(found, row);
    }
    bits_and(rows, found, p->row_count);
    return ERR_OK;
}

static enum err match_templates(const struct column_page *p, const struct text_match *m, struct arena *mem,
                                uint64_t *rows) {
    const struct template_page *t = p->templates;
    uint64_t *dense = ARENA_NEW(mem, uint64_t, bits_words(t->count));
    if (!dense)
        return ERR_LIMIT;
    {
        LOCKED(&t->shared->lock);
        TRY(template_part_match(t->shared->templates, m, t->first, t->count, mem, dense));
    }
    if (!p->present) {
        bits_and(rows, dense, p->row_count);
        return ERR_OK;
    }
    size_t text = 0;
    BITS_EACH (row, p->present, p->row_count) {
        if (!bits_get(dense, text++))
            bits_clear(rows, row);
    }
    return ERR_OK;
}

enum err column_page_match(const struct column_page *p, const struct text_match *m, struct arena *mem,
                           uint64_t *rows) {
    if (p->present)
        bits_and(rows, p->present, p->row_count);
    if (!bits_any(rows, p->row_count))
        return ERR_OK;
    switch (p->form) {
    case PAGE_DICT: return match_dict(p, m, mem, rows);
    case PAGE_STRINGS: return match_strings(p, m, mem, rows);
    case PAGE_TEMPLATES: return match_templates(p, m, mem, rows);
    default: return ERR_INVALID;
    }
}

enum err column_page_text(const struct column_page *p, uint32_t row, struct arena *mem, struct str *out) {
    ASSERT(row < p->row_count);
    *out = (struct str){ 0 };
    if (!has_value(p, row))
        return ERR_OK;
    switch (p->form) {
    case PAGE_DICT: *out = p->dict[p->codes[row]]; return ERR_OK;
    case PAGE_STRINGS: *out = string_at(p, row); return ERR_OK;
    case PAGE_TEMPLATES: {
        LOCKED(&p->templates->shared->lock);
        return template_part_text(p->templates->shared->templates, text_number(p, row), mem, out);
    }
    default: return ERR_INVALID;
    }
}

enum err column_page_pattern(const struct column_page *p, uint32_t row, struct arena *mem, struct str *out) {
    struct str text;
    if (p->form == PAGE_TEMPLATES && has_value(p, row)) {
        LOCKED(&p->templates->shared->lock);
        return template_part_pattern(p->templates->shared->templates, text_number(p, row), mem, out);
    }
    TRY(column_page_text(p, row, mem, &text));
    AUTO(buf) pattern = { 0 };
    template_pattern(text, &pattern);
    return arena_dup(mem, buf_str(&pattern), out);
}

/* ---- whole template pages ---- */

/* Rows of the bitmap that have a value, and the numbers of their texts. */
static size_t wanted_texts(const struct column_page *p, const uint64_t *rows, uint32_t *numbers,
                           uint32_t *places) {
    uint32_t text = p->templates->first;
    size_t count = 0;
    for (uint32_t row = 0; row < p->row_count; row++) {
        bool has = has_value(p, row);
        if (has && bits_get(rows, row)) {
            numbers[count] = text;
            places[count++] = row;
        }
        text += has;
    }
    return count;
}

enum err column_page_strings(const struct column_page *p, const uint64_t *rows, struct arena *mem,
                             struct column_page *out) {
    ASSERT(p->form == PAGE_TEMPLATES);
    uint32_t *numbers = ARENA_RAW(mem, uint32_t, p->row_count),
             *places = ARENA_RAW(mem, uint32_t, p->row_count);
    uint32_t *ends = ARENA_RAW(mem, uint32_t, p->row_count + 1u),
             *offsets = ARENA_NEW(mem, uint32_t, p->row_count + 1u);
    AUTO(buf) text = { .limit_bytes = UINT32_MAX };
    struct str kept;
    if (!numbers || !places || !ends || !offsets)
        return ERR_LIMIT;
    size_t count = wanted_texts(p, rows, numbers, places);
    {
        LOCKED(&p->templates->shared->lock);
        TRY(template_part_texts(p->templates->shared->templates, numbers, count, &text, ends));
    }
    TRY(arena_dup(mem, buf_str(&text), &kept));
    for (size_t i = 0; i < count; i++)
        offsets[places[i] + 1] = ends[i + 1];
    for (uint32_t row = 1; row <= p->row_count; row++)
        if (offsets[row] < offsets[row - 1])
            offsets[row] = offsets[row - 1];
    *out = *p;
    out->form = PAGE_STRINGS;
    out->bytes = kept.p;
    out->offsets = offsets;
    out->templates = NULL;
    return ERR_OK;
}

enum err column_page_template_numbers(const struct column_page *p, struct arena *mem, const uint32_t **out,
                                      size_t *out_count) {
    ASSERT(p->form == PAGE_TEMPLATES);
    uint32_t *numbers = ARENA_NEW(mem, uint32_t, p->row_count);
    uint32_t text = p->templates->first;
    if (!numbers)
        return ERR_LIMIT;
    const struct template_part *part = p->templates->shared->templates;
    LOCKED(&p->templates->shared->lock);
    for (uint32_t row = 0; row < p->row_count; row++)
        if (has_value(p, row))
            numbers[row] = template_part_template(part, text++);
    *out = numbers;
    *out_count = template_part_templates(part);
    return ERR_OK;
}

enum err column_page_template_pattern(const struct column_page *p, uint32_t number, struct arena *mem,
                                      struct str *out) {
    ASSERT(p->form == PAGE_TEMPLATES);
    LOCKED(&p->templates->shared->lock);
    return template_part_template_pattern(p->templates->shared->templates, number, mem, out);
}
