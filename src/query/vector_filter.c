#include "query/vector_filter.h"
#include "block/words.h"
#include "model/batch.h"
#include "query/vector_leaf.h"
/*
 * Compiling: the expression becomes a tree of predicates with their costs. A part of the expression that
 * names exactly one field is one leaf (vector_leaf.c), however complicated it is; the words that may be
 * anywhere are another kind; labels a third; the rest is evaluated row by row.
 *
 *   level:error (timeout OR status > 499) NOT {service="noise"}
 *
 *   AND
 *   ├─ NOT ── LABELS {service="noise"}      cost 0
 *   ├─ LEAF level                           cost 2
 *   └─ OR                                   cost 5
 *      ├─ LEAF status > 499                 cost 2
 *      └─ WORDS timeout                     cost 5
 */
enum pred_kind { PRED_TRUE, PRED_AND, PRED_OR, PRED_NOT, PRED_LABELS, PRED_LEAF, PRED_WORDS, PRED_ROW };
enum { COST_LABELS, COST_TIME, COST_VALUE, COST_TEXT, COST_REGEX, COST_WORDS, COST_ROW };

struct pred {
    enum pred_kind kind;
    unsigned cost;
    const struct expr *e;
    int64_t now_ns;
    struct vector_leaf leaf;
    struct pred **args;
    size_t arg_count;
};
struct vector_filter {
    struct pred *root;
    int64_t now_ns;
    VEC(struct text_match *) texts;
};

/* ---- compiling ---- */

struct compile {
    struct vector_filter *filter;
    struct vector_fields *fields;
    struct arena *mem;
};

struct mention {
    struct str field;
    unsigned fields; /* distinct ones; 2 stands for more */
    bool other;      /* words anywhere, labels */
};

static void mentions(const struct expr *e, struct mention *m) {
    if (e->kind == EXPR_STREAM || (e->kind == EXPR_TEXT && e->name.n == 0))
        m->other = true;
    else if (e->kind == EXPR_FIELD || e->name.n) {
        if (m->fields == 0)
            m->field = e->name;
        if (m->fields == 0 || !str_eq(m->field, e->name))
            m->fields++;
    }
    for (size_t i = 0; i < e->arg_count; i++)
        mentions(e->args[i], m);
}

static enum err compile(struct compile *c, const struct expr *e, struct pred **out);

static enum err new_pred(struct compile *c, enum pred_kind kind, const struct expr *e, struct pred **out) {
    struct pred *p = ARENA_NEW(c->mem, struct pred, 1);
    if (!p)
        return ERR_LIMIT;
    p->kind = kind;
    p->e = e;
    p->now_ns = c->filter->now_ns;
    *out = p;
    return ERR_OK;
}

/* Cheapest first, else in the order written. An AND costs what its first does, an OR or NOT what its dearest
 * does. */
static void order_by_cost(struct pred *p) {
    for (size_t i = 1; i < p->arg_count; i++)
        for (size_t j = i; j > 0 && p->args[j]->cost < p->args[j - 1]->cost; j--) {
            struct pred *swap = p->args[j];
            p->args[j] = p->args[j - 1];
            p->args[j - 1] = swap;
        }
    p->cost = p->args[p->kind == PRED_AND ? 0 : p->arg_count - 1]->cost;
}

static enum err compile_args(struct compile *c, struct pred *p, const struct expr *const *args,
                             size_t count) {
    p->args = ARENA_NEW(c->mem, struct pred *, count);
    if (!p->args)
        return ERR_LIMIT;
    for (size_t i = 0; i < count; i++)
        TRY(compile(c, args[i], &p->args[p->arg_count++]));
    order_by_cost(p);
    return ERR_OK;
}

static unsigned text_cost(const struct expr *e) {
    bool slow = e->text && text_match_kind(e->text) == TEXT_REGEX;
    return slow ? COST_REGEX : COST_TEXT;
}

static unsigned leaf_cost(const struct expr *e, const struct vector_field *f) {
    if (f->names[0].special == VECTOR_TIME)
        return COST_TIME;
    if (f->names[0].special == VECTOR_STREAM || f->names[0].special == VECTOR_LOG_STREAM)
        return COST_LABELS;
    if (e->kind == EXPR_TEXT || str_eq(f->names[f->name_count - 1].text, STR("@message")))
        return text_cost(e);
    return e->kind == EXPR_CALL ? COST_TEXT : COST_VALUE;
}

static enum err compile_leaf(struct compile *c, struct pred *p, struct str field) {
    unsigned number = vector_fields_put(c->fields, field);
    struct text_match *owned = NULL;
    p->kind = PRED_LEAF;
    p->cost = leaf_cost(p->e, &c->fields->list.p[number]);
    TRY(vector_leaf_init(&p->leaf, p->e, number, &c->fields->list.p[number], c->filter->now_ns, &owned));
    if (owned)
        VEC_PUSH(&c->filter->texts, owned);
    return ERR_OK;
}

static enum err compile(struct compile *c, const struct expr *e, struct pred **out) {
    struct mention m = { .fields = 0 };
    struct pred *p;
    TRY(new_pred(c, PRED_ROW, e, out));
    p = *out;
    p->cost = COST_ROW;
    switch (e->kind) {
    case EXPR_ALL:
        p->kind = PRED_TRUE;
        p->cost = COST_LABELS;
        return ERR_OK;
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_NOT:
        p->kind = e->kind == EXPR_AND ? PRED_AND : e->kind == EXPR_OR ? PRED_OR : PRED_NOT;
        return compile_args(c, p, (const struct expr *const *)e->args, e->arg_count);
    case EXPR_STREAM:
        p->kind = PRED_LABELS;
        p->cost = COST_LABELS;
        return ERR_OK;
    case EXPR_TEXT:
        if (e->name.n == 0) {
            p->kind = PRED_WORDS;
            p->cost = COST_WORDS;
            return ERR_OK;
        }
        break;
    default: break;
    }
    mentions(e, &m);
    if (m.fields == 1 && !m.other)
        return compile_leaf(c, p, m.field);
    vector_fields_of(c->fields, e);
    return ERR_OK;
}

enum err vector_filter_new(const struct expr *const *exprs, size_t count, int64_t now_ns,
                           struct vector_fields *fields, struct arena *mem, struct vector_filter **out) {
    struct vector_filter *f = ARENA_NEW(mem, struct vector_filter, 1);
    if (!f)
        return ERR_LIMIT;
    f->now_ns = now_ns;
    struct compile c = { f, fields, mem };
    enum err e = new_pred(&c, count ? PRED_AND : PRED_TRUE, NULL, &f->root);
    if (e == ERR_OK && count)
        e = compile_args(&c, f->root, exprs, count);
    if (e != ERR_OK) {
        vector_filter_free(f);
        return e;
    }
    *out = f;
    return ERR_OK;
}

void vector_filter_free(struct vector_filter *f) {
    if (!f)
        return;
    for (size_t i = 0; i < f->texts.n; i++)
        text_match_free(f->texts.p[i]);
    VEC_FINI(&f->texts);
}

static bool is_all(const struct pred *p) {
    bool all = p->kind == PRED_TRUE || p->kind == PRED_AND;
    for (size_t i = 0; i < p->arg_count && all; i++)
        all = is_all(p->args[i]);
    return all;
}

bool vector_filter_is_all(const struct vector_filter *f) {
    return is_all(f->root);
}

/* ---- what labels say ---- */

static enum vector_verdict verdict_of(bool b) {
    return b ? VERDICT_YES : VERDICT_NO;
}

static bool word_in_labels(const struct expr *e, struct str labels) {
    for (struct label l; labels_next(&labels, &l);)
        if (text_match_test(e->text, l.value))
            return true;
    return false;
}

struct labels_view {
    struct str labels;
    struct arena *mem;
};

static enum vector_verdict on_labels(const struct pred *p, const struct labels_view *v) {
    enum vector_verdict all = p->kind == PRED_AND ? VERDICT_YES : VERDICT_NO;
    switch (p->kind) {
    case PRED_TRUE: return VERDICT_YES;
    case PRED_LABELS: return verdict_of(expr_stream_test(p->e, v->labels));
    case PRED_WORDS: return word_in_labels(p->e, v->labels) ? VERDICT_YES : VERDICT_MAYBE;
    case PRED_LEAF: return vector_leaf_stream(&p->leaf, v->labels, v->mem);
    case PRED_ROW: return VERDICT_MAYBE;
    case PRED_NOT: {
        enum vector_verdict inner = on_labels(p->args[0], v);
        return inner == VERDICT_MAYBE ? inner : verdict_of(inner == VERDICT_NO);
    }
    default: break;
    }
    for (size_t i = 0; i < p->arg_count; i++) {
        enum vector_verdict inner = on_labels(p->args[i], v);
        if (inner == (p->kind == PRED_AND ? VERDICT_NO : VERDICT_YES))
            return inner;
        if (inner == VERDICT_MAYBE)
            all = VERDICT_MAYBE;
    }
    return all;
}

enum vector_verdict vector_filter_stream(const struct vector_filter *f, struct str labels) {
    AUTO(arena) mem;
    arena_init(&mem, 16 * LABELS_BYTES_MAX);
    return on_labels(f->root, &(struct labels_view){ .labels = labels, .mem = &mem });
}

/* ---- pages ---- */

static enum err eval(const struct pred *p, struct vector_view *v, uint64_t *rows);

static enum err eval_or(const struct pred *p, struct vector_view *v, uint64_t *rows) {
    uint64_t *found = vector_bits(v), *rest = vector_bits(v);
    if (!found || !rest)
        return ERR_LIMIT;
    size_t words = bits_words(v->row_count);
    for (size_t i = 0; i < p->arg_count; i++) {
        for (size_t w = 0; w < words; w++)
            rest[w] = rows[w] & ~found[w];
        TRY(eval(p->args[i], v, rest));
        bits_or(found, rest, v->row_count);
    }
    memcpy(rows, found, words * sizeof *rows);
    return ERR_OK;
}

static enum err eval_not(const struct pred *p, struct vector_view *v, uint64_t *rows) {
    uint64_t *inner = vector_bits_copy(v, rows);
    if (!inner)
        return ERR_LIMIT;
    TRY(eval(p->args[0], v, inner));
    bits_andnot(rows, inner, v->row_count);
    return ERR_OK;
}

static void clear_range(uint64_t *rows, uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to; i++) {
        if (i % 64 == 0 && to - i >= 64) {
            rows[i / 64] = 0;
            i += 63;
        } else {
            bits_clear(rows, i);
        }
    }
}

static void eval_labels(const struct pred *p, struct vector_view *v, uint64_t *rows) {
    struct vector_run run;
    for (bool more = vector_run_first(v, &run); more; more = vector_run_next(v, &run))
        if (!expr_stream_test(p->e, v->streams[run.stream].labels))
            clear_range(rows, run.from, run.to);
}

static enum err eval_row(const struct pred *p, struct vector_view *v, uint64_t *rows) {
    struct vector_row row = { .view = v };
    struct expr_row access = vector_expr_row(&row);
    BITS_EACH (i, rows, v->row_count) {
        row.row = (uint32_t)i;
        struct value value = expr_eval(p->e, &access, &v->mem, p->now_ns);
        if (row.err != ERR_OK)
            return row.err;
        if (!value_truth(&value))
            bits_clear(rows, i);
    }
    return ERR_OK;
}

static bool searchable(enum value_type t) {
    return t == VALUE_STRING || t == VALUE_NUMBER_TEXT || t == VALUE_JSON;
}

static bool rest_matches(void *ctx, struct str name, const struct value *value) {
    (void)name;
    struct {
        const struct text_match *text;
        bool found;
    } *find = ctx;
    find->found = searchable(value->type) && text_match_test(find->text, value->s);
    return !find->found;
}

static enum err words_in_rest(const struct expr *e, struct vector_view *v, uint64_t *left, uint64_t *found) {
    if (v->rest_column == UINT32_MAX || block_page_value_count(v->block, v->rest_column, v->page) == 0)
        return ERR_OK;
    BITS_EACH (row, left, v->row_count) {
        struct {
            const struct text_match *text;
            bool found;
        } find = { e->text, false };
        TRY(vector_rest_each(v, (uint32_t)row, &v->mem, rest_matches, &find));
        if (find.found)
            bits_set(found, row);
    }
    return ERR_OK;
}

/* A word anywhere: labels, then every column with text; rows that have it are not looked at again. */
static enum err eval_words(const struct expr *e, struct vector_view *v, uint64_t *rows) {
    uint64_t *found = vector_bits(v), *left = vector_bits(v);
    struct vector_run run;
    if (!found || !left)
        return ERR_LIMIT;
    for (bool more = vector_run_first(v, &run); more; more = vector_run_next(v, &run))
        if (word_in_labels(e, v->streams[run.stream].labels))
            for (uint32_t i = run.from; i < run.to; i++)
                bits_set(found, i);
    bits_and(found, rows, v->row_count);
    bits_andnot(rows, found, v->row_count);
    for (uint32_t i = 0; i < v->info->column_count && bits_any(rows, v->row_count); i++) {
        const struct column_page *c;
        if (i == v->rest_column || !searchable(v->block_columns[i].type) ||
            !block_page_value_count(v->block, i, v->page))
            continue;
        TRY(vector_column(v, i, &c));
        memcpy(left, rows, bits_words(v->row_count) * sizeof *left);
        TRY(column_page_match(c, e->text, &v->mem, left));
        bits_or(found, left, v->row_count);
        bits_andnot(rows, left, v->row_count);
    }
    TRY(words_in_rest(e, v, rows, found));
    memcpy(rows, found, bits_words(v->row_count) * sizeof *rows);
    return ERR_OK;
}

static enum err eval(const struct pred *p, struct vector_view *v, uint64_t *rows) {
    if (!bits_any(rows, v->row_count))
        return ERR_OK;
    switch (p->kind) {
    case PRED_TRUE: return ERR_OK;
    case PRED_AND:
        for (size_t i = 0; i < p->arg_count; i++)
            TRY(eval(p->args[i], v, rows));
        return ERR_OK;
    case PRED_OR: return eval_or(p, v, rows);
    case PRED_NOT: return eval_not(p, v, rows);
    case PRED_LABELS: eval_labels(p, v, rows); return ERR_OK;
    case PRED_LEAF: return vector_leaf_page(&p->leaf, v, rows);
    case PRED_WORDS: return eval_words(p->e, v, rows);
    default: return eval_row(p, v, rows);
    }
}

enum err vector_filter_page(const struct vector_filter *f, struct vector_view *v, uint64_t *rows) {
    return eval(f->root, v, rows);
}

/* ---- what a matching row must contain ---- */

void vector_needs_fini(struct vector_needs *n) {
    VEC_FINI(&n->words);
    VEC_FINI(&n->ids);
}

static void add_word(void *ctx, uint64_t hash) {
    struct vector_needs *n = ctx;
    VEC_PUSH(&n->words, hash);
}

/* Could a column of numbers, bools or times print this? Word filters know texts and labels only. */
static bool might_be_number(struct str needle) {
    struct str token;
    if (str_eq_nocase(needle, STR("true")) || str_eq_nocase(needle, STR("false")))
        return true;
    while (token_next(&needle, &token))
        for (size_t i = 0; i < token.n; i++)
            if (!ascii_digit(token.p[i]) && !memchr("eETtZzxX+-", token.p[i], 10))
                return false;
    return true;
}

/* Texts that word filters do not know: printed label sets hold names of labels too, and an @id may be
 * computed. */
static bool is_made_text(struct str name) {
    return str_eq(name, STR("@stream")) || str_eq(name, STR("@logStream")) ||
           str_eq(field_alias(name), STR("@id"));
}

static void needs_of_text(const struct expr *e, struct vector_needs *out) {
    if (is_made_text(e->name))
        return;
    struct str needle = text_match_needle(e->text), id = str_trim(needle);
    if (e->name.n == 0 || (e->literal.type == VALUE_NULL && !might_be_number(needle)))
        text_match_must_have(e->text, add_word, out);
    bool tokens = text_match_kind(e->text) == TEXT_TOKENS || text_match_kind(e->text) == TEXT_EXACT;
    if (tokens && str_eq(e->name, STR("trace_id")) && id_is_hex(id))
        VEC_PUSH(&out->ids, id_prefix(id));
}

static void needs_of_equal(const struct expr *e, struct vector_needs *out) {
    if (e->kind != EXPR_COMPARE || e->op != OP_EQ || e->args[0]->kind != EXPR_FIELD ||
        e->args[1]->kind != EXPR_LITERAL || e->args[1]->literal.type != VALUE_STRING)
        return;
    struct str text = e->args[1]->literal.s, token;
    if (str_eq(e->args[0]->name, STR("trace_id")) && id_is_hex(text))
        VEC_PUSH(&out->ids, id_prefix(text));
    if (might_be_number(text) || is_made_text(e->args[0]->name))
        return;
    while (token_next(&text, &token))
        VEC_PUSH(&out->words, token_hash(token));
}

static void needs_of(const struct pred *p, struct vector_needs *out) {
    if (p->kind == PRED_AND)
        for (size_t i = 0; i < p->arg_count; i++)
            needs_of(p->args[i], out);
    else if (p->kind == PRED_WORDS || (p->kind == PRED_LEAF && p->e->kind == EXPR_TEXT))
        needs_of_text(p->e, out);
    else if (p->kind == PRED_LEAF)
        needs_of_equal(p->e, out);
}

void vector_filter_needs(const struct vector_filter *f, struct vector_needs *out) {
    needs_of(f->root, out);
}
