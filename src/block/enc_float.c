#include "block/encoding.h"
#include <math.h>
/*
 * Most floats that people log are short decimals: 12.3 is 123 tenths. A page takes the smallest power of ten
 * for which every value, scaled, rounded and divided again, is the same 64 bits (which keeps -0.0 and NaN
 * out); the integers then shrink like any others. Below 2^53 integer and divisor are exact and division
 * rounds once, so that the quotient is the double nearest to the decimal, on every machine. Pages of other
 * values keep their bits.
 */
enum { SCALE_MAX = 9, SCALE_BITS = 255 };
static const double powers[SCALE_MAX + 1] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9 };
static const double exact_max = 9007199254740992.0; /* 2^53 */

static inline uint64_t bits_of(double f) {
    uint64_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

static inline bool scaled(double f, unsigned scale, int64_t *out) {
    double big = f * powers[scale];
    if (!(fabs(big) < exact_max))
        return false;
    *out = llrint(big);
    return bits_of((double)*out / powers[scale]) == bits_of(f);
}

/* Integers of the page in `to`, or SCALE_BITS. */
static unsigned find_scale(const struct value_run *page, uint64_t *to) {
    unsigned scale = 0;
    int64_t n = 0;
    for (uint32_t i = 0; i < page->count; i++)
        while (!scaled(page->v[i].f, scale, &n))
            if (++scale > SCALE_MAX)
                return SCALE_BITS;
    for (uint32_t i = 0; i < page->count; i++) {
        if (!scaled(page->v[i].f, scale, &n))
            return SCALE_BITS;
        to[i] = (uint64_t)n;
    }
    return scale;
}

static void write_page(struct encoder *e, const struct value_run *page, struct buf *out) {
    VEC_RESERVE(&e->numbers, page->count);
    unsigned scale = find_scale(page, e->numbers.p);
    if (scale == SCALE_BITS)
        for (uint32_t i = 0; i < page->count; i++)
            e->numbers.p[i] = page->v[i].bits;
    buf_add_char(out, (char)scale);
    int_run_put(&e->ints, e->numbers.p, page->count, out);
}

static enum err read_page(struct page_reader *p, struct page_values *out) {
    unsigned scale = reader_u8(&p->payload);
    union number {
        uint64_t bits;
        int64_t i;
        double f;
    } * values;
    uint64_t *raw;
    if (scale > SCALE_MAX && scale != SCALE_BITS)
        return ERR_CORRUPT;
    TRY(int_run_get(&p->payload, p->value_count, p->row_count - p->value_count, p->mem, &raw));
    values = (union number *)raw;
    if (scale != SCALE_BITS)
        for (uint32_t i = 0; i < p->value_count; i++)
            values[i].f = (double)values[i].i / powers[scale];
    *out = (struct page_values){ .form = PAGE_FLOATS, .floats = &values->f };
    return ERR_OK;
}

const struct encoding enc_float = {
    .id = ENCODING_FLOAT,
    .types = TYPES_FLOAT,
    .write_page = write_page,
    .read_page = read_page,
};
