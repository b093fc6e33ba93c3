#include "query/vector_leaf.h"
#include <math.h>

/* ---- one value ---- */

static struct value lone_field(void *ctx, struct str name) {
    (void)name;
    return *(const struct value *)ctx;
}
static bool no_text(void *ctx, bool (*each)(void *each_ctx, struct str text), void *each_ctx) {
    (void)ctx, (void)each, (void)each_ctx;
    return false;
}
static struct str no_labels(void *ctx) {
    (void)ctx;
    return (struct str){ 0 };
}

static bool test_expr(const struct vector_leaf *l, const struct value *value) {
    AUTO(arena) mem;
    arena_init(&mem, 2 * ROW_TEXT_BYTES_MAX);
    struct value v = *value;
    struct expr_row row = { lone_field, no_text, no_labels, &v };
    struct value result = expr_eval(l->e, &row, &mem, l->now_ns);
    return value_truth(&result);
}

static bool test(const struct vector_leaf *l, const struct value *v) {
    switch (l->shape) {
    case LEAF_COMPARE: return value_compare_op(v, l->e->op, &l->e->args[1]->literal);
    case LEAF_TEXT: return v->type != VALUE_NULL && expr_text_test(l->e, v);
    case LEAF_RANGE: return v->type != VALUE_NULL && expr_range_test(l->e, v);
    case LEAF_CIDR: return v->type != VALUE_NULL && expr_cidr_test(l->e, v);
    case LEAF_EXISTS: return v->type != VALUE_NULL;
    case LEAF_TRUTH: return value_truth(v);
    default: return test_expr(l, v);
    }
}

/* ---- what integers match ---- */

static const struct leaf_ints no_ints = { .known = true, .low = 1, .high = 0 };

/* The literal as a number that integers are compared with; false: this needs the general rule. */
static bool literal_number(const struct value *v, bool *is_int, int64_t *i, double *f) {
    *is_int = true;
    switch (v->type) {
    case VALUE_BOOL: *i = v->b; return true;
    case VALUE_INT:
    case VALUE_TIME: *i = v->i; return true;
    case VALUE_FLOAT: *f = v->f; break;
    case VALUE_STRING:
    case VALUE_NUMBER_TEXT:
        if (str_to_i64(v->s, i))
            return true;
        if (!value_number(v, f))
            return false;
        break;
    default: return false;
    }
    *is_int = false;
    return isfinite(*f) && fabs(*f) < 9.2e18;
}

static struct leaf_ints ints_of(enum expr_op op, const struct value *literal) {
    struct leaf_ints r = { .known = true, .low = INT64_MIN, .high = INT64_MAX };
    bool is_int;
    int64_t i = 0;
    double f = 0;
    if (!literal_number(literal, &is_int, &i, &f))
        return (struct leaf_ints){ .known = false };
    int64_t floor_i = is_int ? i : (int64_t)floor(f), ceil_i = is_int ? i : (int64_t)ceil(f);
    switch (op) {
    case OP_EQ:
    case OP_NE:
        r.low = ceil_i;
        r.high = floor_i; /* low > high: no integer is equal */
        r.negate = op == OP_NE;
        return r;
    case OP_GE: r.low = ceil_i; return r;
    case OP_LE: r.high = floor_i; return r;
    case OP_GT:
        if (floor_i == INT64_MAX)
            return no_ints;
        r.low = floor_i + 1;
        return r;
    case OP_LT:
        if (ceil_i == INT64_MIN)
            return no_ints;
        r.high = ceil_i - 1;
        return r;
    default: return (struct leaf_ints){ .known = false };
    }
}

static struct leaf_ints ints_of_range(const struct expr *e) {
    struct leaf_ints r = { .known = true, .low = INT64_MIN, .high = INT64_MAX };
    struct leaf_ints low = r, high = r;
    if (e->literal.type != VALUE_NULL)
        low = ints_of(e->low_open ? OP_GT : OP_GE, &e->literal);
    if (e->high.type != VALUE_NULL)
        high = ints_of(e->high_open ? OP_LT : OP_LE, &e->high);
    if (low.low > low.high || high.low > high.high)
        return no_ints;
    r.known = low.known && high.known;
    r.low = low.low;
    r.high = high.high;
    return r;
}

/* Against a time a text is a time and a bool nothing: only these are what they are against an integer. */
static bool same_for_times(const struct value *v) {
    return v->type == VALUE_INT || v->type == VALUE_FLOAT || v->type == VALUE_TIME ||
           v->type == VALUE_NUMBER_TEXT || v->type == VALUE_NULL;
}

/* ---- compiling ---- */

static enum leaf_shape shape_of(const struct expr *e) {
    switch (e->kind) {
    case EXPR_COMPARE:
        return e->args[0]->kind == EXPR_FIELD && e->args[1]->kind == EXPR_LITERAL ? LEAF_COMPARE : LEAF_EXPR;
    case EXPR_TEXT: return LEAF_TEXT;
    case EXPR_RANGE: return LEAF_RANGE;
    case EXPR_CIDR: return LEAF_CIDR;
    case EXPR_EXISTS: return LEAF_EXISTS;
    case EXPR_FIELD: return LEAF_TRUTH;
    default: return LEAF_EXPR;
    }
}

/* field = "text": the pages' own search does it, unless the text is also something else. */
static enum err equal_text(struct vector_leaf *l, struct text_match **out_owned) {
    const struct value *literal = &l->e->args[1]->literal;
    struct err_text why;
    if ((l->e->op != OP_EQ && l->e->op != OP_NE) || literal->type != VALUE_STRING)
        return ERR_OK;
    if (text_match_new(TEXT_EXACT, literal->s, &why, out_owned) != ERR_OK)
        return ERR_OK; /* over a cap of the search: value by value then */
    l->text = *out_owned;
    l->text_negate = l->e->op == OP_NE;
    return ERR_OK;
}

enum err vector_leaf_init(struct vector_leaf *l, const struct expr *e, unsigned field,
                          const struct vector_field *f, int64_t now_ns, struct text_match **out_owned) {
    struct value null = value_null();
    *l = (struct vector_leaf){ .shape = shape_of(e), .e = e, .field = field, .names = *f, .now_ns = now_ns };
    l->absent = test(l, &null);
    if (l->shape == LEAF_COMPARE) {
        const struct value *literal = &e->args[1]->literal;
        l->ints = ints_of(e->op, literal);
        if (same_for_times(literal))
            l->times = l->ints;
        return equal_text(l, out_owned);
    }
    if (l->shape == LEAF_RANGE) {
        l->ints = ints_of_range(e);
        if (same_for_times(&e->literal) && same_for_times(&e->high))
            l->times = l->ints;
    }
    if (l->shape == LEAF_TEXT) {
        l->text = e->text;
        if (e->literal.type == VALUE_INT)
            l->ints = ints_of(OP_EQ, &e->literal);
    }
    return ERR_OK;
}

enum vector_verdict vector_leaf_stream(const struct vector_leaf *l, struct str labels, struct arena *mem) {
    struct value v;
    if (!vector_stream_value(&l->names, labels, mem, &v))
        return VERDICT_MAYBE;
    return test(l, &v) ? VERDICT_YES : VERDICT_NO;
}

/* ---- pages ---- */

/* Drops the rows of `part` from `rows` word by word where `keep` is off. */
static void apply(const struct vector_part *part, const uint64_t *keep, uint64_t *rows) {
    for (size_t w = part->from / 64; w < bits_words(part->to); w++)
        rows[w] &= ~part->rows[w] | keep[w];
}

static void drop_all(const struct vector_part *part, uint64_t *rows) {
    for (size_t w = part->from / 64; w < bits_words(part->to); w++)
        rows[w] &= ~part->rows[w];
}

static void keep_ints(const struct leaf_ints *r, const int64_t *ints, uint32_t count, uint64_t *keep) {
    uint64_t low = (uint64_t)r->low, width = (uint64_t)r->high - low, flip = r->negate ? ~0ull : 0;
    bool none = r->low > r->high;
    for (uint32_t i = 0; i < count; i += 64) {
        uint32_t n = count - i < 64 ? count - i : 64;
        uint64_t word = 0;
        for (uint32_t k = 0; k < n; k++)
            word |= (uint64_t)((uint64_t)ints[i + k] - low <= width) << k;
        keep[i / 64] = (none ? 0 : word) ^ flip;
    }
}

static enum err each_value(const struct vector_leaf *l, struct vector_view *v, const struct vector_part *part,
                           uint64_t *rows) {
    struct vector_part p = *part;
    if (p.kind == PART_COLUMN)
        TRY(vector_column_texts(v, p.column, p.rows, &p.column));
    BITS_EACH (row, p.rows, p.to) {
        struct value value;
        TRY(vector_value(v, &p, (uint32_t)row, &value));
        if (!test(l, &value))
            bits_clear(rows, row);
    }
    return ERR_OK;
}

/* Each entry is tested when a row first has it. */
static enum err each_entry(const struct vector_leaf *l, struct vector_view *v, const struct vector_part *part,
                           uint64_t *rows) {
    enum { UNKNOWN, NO, YES };
    const struct column_page *c = part->column;
    uint8_t *known = ARENA_NEW(&v->mem, uint8_t, c->dict_count);
    if (!known)
        return ERR_LIMIT;
    BITS_EACH (row, part->rows, part->to) {
        uint8_t *entry = &known[c->codes[row]];
        if (*entry == UNKNOWN) {
            struct value value = { .type = c->type, .s = c->dict[c->codes[row]] };
            *entry = test(l, &value) ? YES : NO;
        }
        if (*entry == NO)
            bits_clear(rows, row);
    }
    return ERR_OK;
}

static enum err by_search(const struct vector_leaf *l, struct vector_view *v, const struct vector_part *part,
                          uint64_t *rows) {
    uint64_t *keep = vector_bits(v);
    if (!keep)
        return ERR_LIMIT;
    for (size_t w = 0; w < bits_words(v->row_count); w++)
        keep[w] = part->rows[w];
    TRY(column_page_match(part->column, l->text, &v->mem, keep));
    if (l->text_negate)
        for (size_t w = 0; w < bits_words(v->row_count); w++)
            keep[w] = part->rows[w] & ~keep[w];
    apply(part, keep, rows);
    return ERR_OK;
}

static enum err on_column(const struct vector_leaf *l, struct vector_view *v, const struct vector_part *part,
                          uint64_t *rows) {
    const struct column_page *c = part->column;
    const struct leaf_ints *ints = c->type == VALUE_INT ? &l->ints : &l->times;
    if (l->shape == LEAF_EXISTS)
        return ERR_OK;
    if (c->form == PAGE_INTS && ints->known && (c->type == VALUE_INT || c->type == VALUE_TIME)) {
        uint64_t *keep = vector_bits(v);
        if (!keep)
            return ERR_LIMIT;
        keep_ints(ints, c->ints, v->row_count, keep);
        apply(part, keep, rows);
        return ERR_OK;
    }
    if (c->form == PAGE_DICT && c->type != VALUE_JSON)
        return each_entry(l, v, part, rows);
    if (l->text && c->type == VALUE_STRING && (c->form == PAGE_STRINGS || c->form == PAGE_TEMPLATES))
        return by_search(l, v, part, rows);
    return each_value(l, v, part, rows);
}

/* The page's least and greatest value may say it all, before anything is decoded. Only when one column of
 * numbers is where the field can be. */
static bool by_page_range(const struct vector_leaf *l, const struct vector_view *v,
                          enum vector_verdict *out) {
    const struct vector_bound *b = &v->bound[l->field];
    struct value min, max;
    if (b->counts[0] != 1 || b->counts[1] || v->rest_column != UINT32_MAX || l->absent ||
        l->names.names[0].special != VECTOR_PLAIN)
        return false;
    uint32_t column = b->columns[0][0];
    enum value_type type = v->block_columns[column].type;
    const struct leaf_ints *r = type == VALUE_INT ? &l->ints : &l->times;
    if ((type != VALUE_INT && type != VALUE_TIME) || !r->known || r->negate)
        return false;
    if (!block_page_range(v->block, column, v->page, &min, &max))
        return false;
    bool none = r->low > r->high || max.i < r->low || min.i > r->high;
    bool all = min.i >= r->low && max.i <= r->high &&
               block_page_value_count(v->block, column, v->page) == v->row_count;
    *out = none ? VERDICT_NO : VERDICT_YES;
    return none || all;
}

static bool has_label(const struct vector_leaf *l, const struct vector_view *v) {
    struct vector_run run;
    for (bool more = vector_run_first(v, &run); more; more = vector_run_next(v, &run))
        if (labels_get(v->streams[run.stream].labels, l->names.names[0].text).n)
            return true;
    return false;
}

enum err vector_leaf_page(const struct vector_leaf *l, struct vector_view *v, uint64_t *rows) {
    struct vector_walk walk;
    struct vector_part part;
    enum vector_verdict verdict;
    bool more;
    if (by_page_range(l, v, &verdict) && !has_label(l, v)) {
        if (verdict == VERDICT_NO)
            bits_zero(rows, v->row_count);
        return ERR_OK;
    }
    TRY(vector_walk_begin(&walk, v, l->field, rows));
    TRY(vector_walk_next(&walk, &part, &more));
    while (more) {
        if (part.kind == PART_COLUMN)
            TRY(on_column(l, v, &part, rows));
        else if (part.kind == PART_VALUES)
            TRY(each_value(l, v, &part, rows));
        else if (!test(l, &part.constant))
            drop_all(&part, rows);
        TRY(vector_walk_next(&walk, &part, &more));
    }
    if (!l->absent)
        bits_andnot(rows, walk.left, v->row_count);
    return ERR_OK;
}
