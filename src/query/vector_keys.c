#include "query/vector_keys.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "query/value_time.h"
#include <math.h>

enum { DENSE_SPAN_MAX = 16384, PAIRS_DENSE_MAX = 1 << 16 };

/* ---- values as bytes ---- */

enum key_class { KEY_NULL, KEY_BOOL, KEY_INT, KEY_FLOAT, KEY_NOT_A_NUMBER, KEY_TIME, KEY_IP, KEY_TEXT };

static void add_word(enum key_class class, uint64_t word, struct buf *out) {
    buf_add_char(out, (char)class);
    buf_add_le64(out, word);
}

/* Whole numbers are one class, however they were written. */
static void add_number(double f, struct buf *out) {
    uint64_t bits;
    if (f >= -9223372036854775808.0 && f < 9223372036854775808.0 && f == floor(f)) {
        add_word(KEY_INT, (uint64_t)(int64_t)f, out);
        return;
    }
    memcpy(&bits, &f, sizeof bits);
    if (isnan(f))
        buf_add_char(out, KEY_NOT_A_NUMBER);
    else
        add_word(KEY_FLOAT, bits, out);
}

void vector_key_add(const struct value *v, struct buf *out) {
    int64_t i;
    double f;
    switch (v->type) {
    case VALUE_NULL: buf_add_char(out, KEY_NULL); return;
    case VALUE_BOOL: add_word(KEY_BOOL, v->b, out); return;
    case VALUE_INT: add_word(KEY_INT, (uint64_t)v->i, out); return;
    case VALUE_TIME: add_word(KEY_TIME, (uint64_t)v->i, out); return;
    case VALUE_FLOAT: add_number(v->f, out); return;
    case VALUE_NUMBER_TEXT:
        if (str_to_i64(v->s, &i))
            add_word(KEY_INT, (uint64_t)i, out);
        else
            add_number(value_number(v, &f) ? f : (double)NAN, out);
        return;
    default:
        buf_add_char(out, v->type == VALUE_IP ? KEY_IP : KEY_TEXT);
        buf_add_varint(out, v->s.n);
        buf_add(out, v->s);
    }
}

bool vector_key_prefer(const struct value *a, const struct value *b) {
    if (a->type != b->type)
        return b->type < a->type;
    return a->type == VALUE_NUMBER_TEXT && str_cmp(b->s, a->s) < 0;
}

/* ---- making codes ---- */

struct maker {
    struct vector_view *view;
    uint32_t *codes;
    struct value *values;
    uint32_t count, cap;
    /* Open addressing over the page's values: code + 1. Made when first needed. */
    uint32_t *slots;
    uint64_t *hashes; /* by code; only of those in slots */
    uint32_t slot_count;
    struct buf key;
};

static enum err maker_init(struct maker *m, struct vector_view *v) {
    *m = (struct maker){ .view = v, .count = 1, .cap = 64 };
    m->codes = ARENA_NEW(&v->mem, uint32_t, v->row_count);
    m->values = ARENA_NEW(&v->mem, struct value, m->cap);
    return m->codes && m->values ? ERR_OK : ERR_LIMIT;
}

static enum err reserve(struct maker *m, uint32_t more) {
    if (more <= m->cap - m->count)
        return ERR_OK;
    uint32_t cap = m->cap * 2 > m->count + more ? m->cap * 2 : m->count + more;
    struct value *values = ARENA_RAW(&m->view->mem, struct value, cap);
    if (!values)
        return ERR_LIMIT;
    memcpy(values, m->values, m->count * sizeof *values);
    m->values = values;
    m->cap = cap;
    return ERR_OK;
}

static void maker_done(struct maker *m, struct vector_codes *out) {
    *out = (struct vector_codes){ m->codes, m->count, m->values };
}

static enum err add_constant(struct maker *m, const struct vector_part *p) {
    const struct value *last = &m->values[m->count - 1];
    bool same = m->count > 1 && last->type == VALUE_STRING && p->constant.type == VALUE_STRING &&
                str_eq(last->s, p->constant.s);
    if (!same) {
        TRY(reserve(m, 1));
        m->values[m->count++] = p->constant;
    }
    for (size_t row = bits_next(p->rows, p->to, p->from); row < p->to;
         row = bits_next(p->rows, p->to, row + 1))
        m->codes[row] = m->count - 1;
    return ERR_OK;
}

/* A dictionary with more entries than the page has rows: codes for those that occur. */
static enum err add_large_dict(struct maker *m, const struct vector_part *p) {
    const struct column_page *c = p->column;
    uint32_t *known = ARENA_NEW(&m->view->mem, uint32_t, c->dict_count);
    if (!known)
        return ERR_LIMIT;
    BITS_EACH (row, p->rows, p->to) {
        uint32_t *code = &known[c->codes[row]];
        if (!*code) {
            TRY(reserve(m, 1));
            m->values[m->count] = (struct value){ .type = c->type, .s = c->dict[c->codes[row]] };
            *code = m->count++;
        }
        m->codes[row] = *code;
    }
    return ERR_OK;
}

static enum err add_dict(struct maker *m, const struct vector_part *p) {
    const struct column_page *c = p->column;
    if (c->dict_count > m->view->row_count)
        return add_large_dict(m, p);
    TRY(reserve(m, c->dict_count));
    uint32_t base = m->count;
    for (uint32_t i = 0; i < c->dict_count; i++)
        m->values[m->count++] = (struct value){ .type = c->type, .s = c->dict[i] };
    if (p->from == 0 && p->to == m->view->row_count && bits_count(p->rows, p->to) == p->to) {
        for (uint32_t i = 0; i < p->to; i++)
            m->codes[i] = base + c->codes[i];
        return ERR_OK;
    }
    BITS_EACH (row, p->rows, p->to)
        m->codes[row] = base + c->codes[row];
    return ERR_OK;
}

static struct value int_value(enum value_type type, int64_t i) {
    return type == VALUE_BOOL ? value_bool(i != 0) : (struct value){ .type = type, .i = i };
}

/* A narrow range of integers: the code is the distance to the least. */
static enum err add_dense_ints(struct maker *m, const struct vector_part *p, int64_t min, uint32_t span) {
    const struct column_page *c = p->column;
    TRY(reserve(m, span));
    uint32_t base = m->count;
    for (uint32_t i = 0; i < span; i++)
        m->values[m->count++] = int_value(c->type, min + i);
    BITS_EACH (row, p->rows, p->to)
        m->codes[row] = base + (uint32_t)((uint64_t)c->ints[row] - (uint64_t)min);
    return ERR_OK;
}

static enum err grow_slots(struct maker *m) {
    uint32_t count = m->slot_count ? m->slot_count * 2 : 256;
    uint32_t *slots = ARENA_NEW(&m->view->mem, uint32_t, count), *old = m->slots;
    uint64_t *hashes = ARENA_RAW(&m->view->mem, uint64_t, count);
    if (!slots || !hashes)
        return ERR_LIMIT;
    for (uint32_t i = 0; i < m->slot_count; i++) {
        if (!old[i])
            continue;
        uint32_t at = (uint32_t)m->hashes[i] & (count - 1);
        while (slots[at])
            at = (at + 1) & (count - 1);
        slots[at] = old[i];
        hashes[at] = m->hashes[i];
    }
    m->slots = slots;
    m->hashes = hashes;
    m->slot_count = count;
    return ERR_OK;
}

/* Written the same way, too: which of 1.5 and "1.50" stands for a group is the group's affair. */
static bool same_value(const struct value *a, const struct value *b) {
    if (a->type != b->type)
        return false;
    if (a->type == VALUE_BOOL)
        return a->b == b->b;
    return value_has_bytes(a->type) ? str_eq(a->s, b->s) : a->i == b->i;
}

static enum err code_of(struct maker *m, const struct value *v, uint32_t *out) {
    if (m->count * 4 >= m->slot_count * 3)
        TRY(grow_slots(m));
    uint64_t hash;
    if (v->type == VALUE_STRING) {
        hash = hash64(v->s);
    } else {
        buf_clear(&m->key);
        vector_key_add(v, &m->key);
        hash = hash64(buf_str(&m->key));
    }
    uint32_t at = (uint32_t)hash & (m->slot_count - 1);
    for (; m->slots[at]; at = (at + 1) & (m->slot_count - 1))
        if (m->hashes[at] == hash && same_value(&m->values[m->slots[at] - 1], v)) {
            *out = m->slots[at] - 1;
            return ERR_OK;
        }
    TRY(reserve(m, 1));
    m->values[m->count] = *v;
    m->slots[at] = m->count + 1;
    m->hashes[at] = hash;
    *out = m->count++;
    return ERR_OK;
}

static enum err add_each(struct maker *m, const struct vector_part *part) {
    struct vector_part p = *part;
    if (p.kind == PART_COLUMN)
        TRY(vector_column_texts(m->view, p.column, p.rows, &p.column));
    BITS_EACH (row, p.rows, p.to) {
        struct value v;
        TRY(vector_value(m->view, &p, (uint32_t)row, &v));
        if (v.type != VALUE_NULL)
            TRY(code_of(m, &v, &m->codes[row]));
    }
    return ERR_OK;
}

static enum err add_column(struct maker *m, const struct vector_part *p) {
    const struct column_page *c = p->column;
    if (c->form == PAGE_DICT)
        return add_dict(m, p);
    if (c->form != PAGE_INTS)
        return add_each(m, p);
    int64_t min = INT64_MAX, max = INT64_MIN;
    BITS_EACH (row, p->rows, p->to) {
        min = c->ints[row] < min ? c->ints[row] : min;
        max = c->ints[row] > max ? c->ints[row] : max;
    }
    uint64_t span = (uint64_t)max - (uint64_t)min;
    return span < DENSE_SPAN_MAX ? add_dense_ints(m, p, min, (uint32_t)span + 1) : add_each(m, p);
}

enum err vector_codes_field(struct vector_view *v, unsigned field, const uint64_t *rows,
                            struct vector_codes *out) {
    struct vector_walk walk;
    struct vector_part part;
    struct maker m;
    bool more;
    TRY(maker_init(&m, v));
    TRY(vector_walk_begin(&walk, v, field, rows));
    enum err e = vector_walk_next(&walk, &part, &more);
    while (e == ERR_OK && more) {
        e = part.kind == PART_CONSTANT ? add_constant(&m, &part)
            : part.kind == PART_COLUMN ? add_column(&m, &part)
                                       : add_each(&m, &part);
        if (e == ERR_OK)
            e = vector_walk_next(&walk, &part, &more);
    }
    buf_fini(&m.key);
    if (e == ERR_OK)
        maker_done(&m, out);
    return e;
}

/* Rows of a stream come in time order, so a bin lasts for many rows: the division is rare. */
static enum err bin_each(struct maker *m, int64_t step_ns, const uint64_t *rows) {
    const int64_t *times = m->view->times_ns;
    int64_t from = 1, to = 0;
    uint32_t code = 0;
    BITS_EACH (row, rows, m->view->row_count) {
        if (times[row] < from || times[row] >= to) {
            struct value bin = value_time(value_time_floor(times[row], step_ns));
            TRY(code_of(m, &bin, &code));
            from = bin.i;
            if (__builtin_add_overflow(from, step_ns, &to))
                to = INT64_MAX;
        }
        m->codes[row] = code;
    }
    return ERR_OK;
}

enum err vector_codes_bin(struct vector_view *v, int64_t step_ns, const uint64_t *rows,
                          struct vector_codes *out) {
    struct maker m;
    TRY(vector_times(v));
    TRY(maker_init(&m, v));
    enum err e = bin_each(&m, step_ns, rows);
    buf_fini(&m.key);
    if (e == ERR_OK)
        maker_done(&m, out);
    return e;
}

static enum err expr_each(struct maker *m, const struct expr *e, int64_t now_ns, const uint64_t *rows) {
    struct vector_row row = { .view = m->view };
    struct expr_row access = vector_expr_row(&row);
    BITS_EACH (i, rows, m->view->row_count) {
        row.row = (uint32_t)i;
        struct value v = expr_eval(e, &access, &m->view->mem, now_ns);
        if (row.err != ERR_OK)
            return row.err;
        if (v.type != VALUE_NULL && !(v.type == VALUE_FLOAT && !isfinite(v.f)))
            TRY(code_of(m, &v, &m->codes[i]));
    }
    return ERR_OK;
}

enum err vector_codes_expr(struct vector_view *v, const struct expr *e, int64_t now_ns, const uint64_t *rows,
                           struct vector_codes *out) {
    struct maker m;
    TRY(maker_init(&m, v));
    enum err result = expr_each(&m, e, now_ns, rows);
    buf_fini(&m.key);
    if (result == ERR_OK)
        maker_done(&m, out);
    return result;
}

/* ---- two keys ---- */

/* All pairs fit into one table: the code is a * count + b. */
static enum err join_dense(struct vector_view *v, const struct vector_codes *a, const struct vector_codes *b,
                           const uint64_t *rows, struct vector_codes *out,
                           const struct vector_pair **out_pairs) {
    uint32_t count = a->count * b->count;
    uint32_t *codes = ARENA_RAW(&v->mem, uint32_t, v->row_count);
    struct vector_pair *pairs = ARENA_RAW(&v->mem, struct vector_pair, count);
    if (!codes || !pairs)
        return ERR_LIMIT;
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t k = 0; k < b->count; k++)
            pairs[i * b->count + k] = (struct vector_pair){ i, k };
    (void)rows; /* codes of other rows are small too: rows that have no code yet have 0 */
    for (uint32_t i = 0; i < v->row_count; i++)
        codes[i] = a->codes[i] * b->count + b->codes[i];
    *out = (struct vector_codes){ .codes = codes, .count = count };
    *out_pairs = pairs;
    return ERR_OK;
}

/* At most one pair a row: found by hashing. */
static enum err join_sparse(struct vector_view *v, const struct vector_codes *a, const struct vector_codes *b,
                            const uint64_t *rows, struct vector_codes *out,
                            const struct vector_pair **out_pairs) {
    uint32_t slot_count = 64, count = 0;
    while (slot_count < v->row_count * 2)
        slot_count *= 2;
    uint32_t *codes = ARENA_NEW(&v->mem, uint32_t, v->row_count);
    uint32_t *slots = ARENA_NEW(&v->mem, uint32_t, slot_count);
    struct vector_pair *pairs = ARENA_RAW(&v->mem, struct vector_pair, v->row_count);
    if (!codes || !slots || !pairs)
        return ERR_LIMIT;
    BITS_EACH (row, rows, v->row_count) {
        uint32_t x = a->codes[row], y = b->codes[row];
        uint32_t at = (uint32_t)(((uint64_t)x << 32 | y) * 0x9e3779b97f4a7c15ull >> 32) & (slot_count - 1);
        while (slots[at] && (pairs[slots[at] - 1].a != x || pairs[slots[at] - 1].b != y))
            at = (at + 1) & (slot_count - 1);
        if (!slots[at]) {
            pairs[count] = (struct vector_pair){ x, y };
            slots[at] = ++count;
        }
        codes[row] = slots[at] - 1;
    }
    *out = (struct vector_codes){ .codes = codes, .count = count };
    *out_pairs = pairs;
    return ERR_OK;
}

enum err vector_codes_join(struct vector_view *v, const struct vector_codes *a, const struct vector_codes *b,
                           const uint64_t *rows, struct vector_codes *out,
                           const struct vector_pair **out_pairs) {
    bool dense = (uint64_t)a->count * b->count <= PAIRS_DENSE_MAX;
    return dense ? join_dense(v, a, b, rows, out, out_pairs) : join_sparse(v, a, b, rows, out, out_pairs);
}
