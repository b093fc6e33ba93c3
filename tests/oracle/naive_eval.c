#include "naive.h"
#include "base/assert.h"
#include "naive_text.h"

/* ---- fields ---- */

static const struct value *cell(const struct naive_record *r, struct str name) {
    for (size_t i = 0; i < r->count; i++)
        if (str_eq(r->cells[i].name, name))
            return &r->cells[i].value;
    return NULL;
}

struct value naive_field(const struct naive_subject *s, struct str name) {
    if (!s->record)
        return world_field(s->world, s->row, name);
    const struct value *v = cell(s->record, name);
    if (!v)
        v = cell(s->record, field_alias(name));
    return v ? *v : value_null();
}

/* ---- texts ---- */

static bool fits(const struct node *n, struct str text) {
    if (n->kind == NODE_LIKE || n->kind == NODE_NOT_LIKE)
        return naive_like(n->needle, text);
    if (n->kind == NODE_MATCH || n->kind == NODE_NOT_MATCH)
        return naive_pattern(n->pattern, text, false);
    switch (n->form) {
    case TEXT_WORD: return naive_words(n->needle, text, false);
    case TEXT_START: return naive_words(n->needle, text, true);
    case TEXT_PART: return naive_part(n->needle, text);
    case TEXT_GLOB: return n->name.n ? naive_glob(n->needle, text) : naive_glob_words(n->needle, text);
    default: return naive_pattern(n->pattern, text, false);
    }
}

static bool is_text(enum value_type t) { return t == VALUE_STRING || t == VALUE_NUMBER_TEXT || t == VALUE_JSON; }

/* status:500, as a number; false: the needle is none. */
static bool needle_number(const struct node *n, struct value *out) {
    int64_t i;
    double f;
    if (n->kind != NODE_TEXT || n->form != TEXT_WORD || n->quoted)
        return false;
    char c = n->needle.p[0], second = n->needle.n > 1 ? n->needle.p[1] : '\0';
    if (!ascii_digit(c) && !(c == '-' && ascii_digit(second)))
        return false;
    if (str_to_i64(n->needle, &i))
        *out = value_int(i);
    else if (str_to_f64(n->needle, &f))
        *out = value_float(f);
    else
        return false;
    return true;
}

/* A number meets a number as one: ms:4 is not 4.5. Anything else is a text. */
static bool element_fits(void *ctx, const struct value *v) {
    const struct node *n = ctx;
    struct value number;
    bool is_number = v->type == VALUE_INT || v->type == VALUE_FLOAT || v->type == VALUE_NUMBER_TEXT;
    if (is_number && needle_number(n, &number))
        return value_compare_op(v, OP_EQ, &number);
    AUTO(buf) print = { 0 };
    value_print(v, &print);
    return fits(n, buf_str(&print));
}

static bool value_fits(const struct node *n, const struct value *v) {
    if (v->type == VALUE_NULL)
        return false;
    if (v->type == VALUE_JSON && fits(n, v->s))
        return true;
    return value_any_element(v, element_fits, (void *)(uintptr_t)n);
}

static bool anywhere(const struct node *n, const struct naive_subject *s) {
    if (s->record) {
        for (size_t i = 0; i < s->record->count; i++)
            if (!s->record->cells[i].hidden && is_text(s->record->cells[i].value.type) &&
                fits(n, s->record->cells[i].value.s))
                return true;
        return false;
    }
    struct str rest = s->world->streams.p[s->row->stream].labels;
    for (struct label l; labels_next(&rest, &l);)
        if (fits(n, l.value))
            return true;
    for (size_t i = 0; i < s->row->cell_count; i++)
        if (is_text(s->row->cells[i].value.type) && fits(n, s->row->cells[i].value.s))
            return true;
    return false;
}

static bool text_fits(const struct node *n, const struct naive_subject *s) {
    if (n->kind == NODE_TEXT && n->name.n == 0)
        return anywhere(n, s);
    struct value v = naive_field(s, n->kind == NODE_TEXT ? n->name : n->args[0]->name);
    return value_fits(n, &v);
}

/* ---- ranges, networks, labels ---- */

static bool in_range(void *ctx, const struct value *v) {
    const struct node *n = ctx;
    bool above = n->literal.type == VALUE_NULL || value_compare_op(v, n->low_open ? OP_GT : OP_GE, &n->literal);
    return above && (n->high.type == VALUE_NULL || value_compare_op(v, n->high_open ? OP_LT : OP_LE, &n->high));
}

static bool in_network(void *ctx, const struct value *v) {
    const struct node *n = ctx;
    unsigned char ip[16];
    if (v->type != VALUE_STRING || !ip_parse(v->s, ip))
        return false;
    for (unsigned bit = 0; bit < n->address_bits; bit++)
        if ((ip[bit / 8] ^ n->address[bit / 8]) >> (7 - bit % 8) & 1)
            return false;
    return true;
}

static bool any_element(const struct node *n, const struct naive_subject *s,
                        bool (*test)(void *ctx, const struct value *v)) {
    struct value v = naive_field(s, n->name);
    return v.type != VALUE_NULL && value_any_element(&v, test, (void *)(uintptr_t)n);
}

static bool labels_fit(const struct node *n, struct str labels) {
    for (size_t i = 0; i < n->label_count; i++) {
        const struct label_wish *l = &n->labels[i];
        struct str have = labels_get(labels, l->name);
        bool hit = l->pattern ? naive_pattern(l->pattern, have, true) : str_eq(have, l->value);
        if (hit != (l->op == LABEL_EQ || l->op == LABEL_RE))
            return false;
    }
    return true;
}

/* ---- values ---- */

static struct value call(const struct node *n, const struct naive_subject *s) {
    struct value args[FN_ARGS_MAX];
    const struct fn *fn = fn_find(n->name);
    size_t count = 0;
    ASSERT(fn && !fn->prepare && n->arg_count < FN_ARGS_MAX);
    if (fn->time_first && n->arg_count + 1 == fn->args_max)
        args[count++] = naive_field(s, STR("@timestamp"));
    for (size_t i = 0; i < n->arg_count; i++)
        args[count++] = naive_value(n->args[i], s);
    return fn->eval(&(struct fn_call){ args, count, s->mem, s->world->now_ns, NULL });
}

static bool listed(const struct node *n, const struct naive_subject *s) {
    struct value v = naive_value(n->args[0], s);
    for (size_t i = 1; i < n->arg_count; i++) {
        struct value item = naive_value(n->args[i], s);
        if (value_compare_op(&v, OP_EQ, &item))
            return true;
    }
    return false;
}

static struct value pair(const struct node *n, const struct naive_subject *s) {
    struct value a = naive_value(n->args[0], s), b = naive_value(n->args[1], s);
    return n->kind == NODE_ARITH ? value_arith(n->op, &a, &b) : value_bool(value_compare_op(&a, n->op, &b));
}

static bool all_of(const struct node *n, const struct naive_subject *s) {
    for (size_t i = 0; i < n->arg_count; i++)
        if (!naive_truth(n->args[i], s))
            return false;
    return true;
}
static bool one_of(const struct node *n, const struct naive_subject *s) {
    for (size_t i = 0; i < n->arg_count; i++)
        if (naive_truth(n->args[i], s))
            return true;
    return false;
}

static bool condition(const struct node *n, const struct naive_subject *s) {
    switch (n->kind) {
    case NODE_ALL: return true;
    case NODE_AND: return all_of(n, s);
    case NODE_OR: return one_of(n, s);
    case NODE_NOT: return !naive_truth(n->args[0], s);
    case NODE_IN: return listed(n, s);
    case NODE_NOT_IN: return !listed(n, s);
    case NODE_LIKE:
    case NODE_MATCH:
    case NODE_TEXT: return text_fits(n, s);
    case NODE_NOT_LIKE: return !text_fits(n, s);
    case NODE_NOT_MATCH: return naive_field(s, n->args[0]->name).type != VALUE_NULL && !text_fits(n, s);
    case NODE_IS_NULL: return naive_field(s, n->args[0]->name).type == VALUE_NULL;
    case NODE_IS_NOT_NULL: return naive_field(s, n->args[0]->name).type != VALUE_NULL;
    case NODE_RANGE: return any_element(n, s, in_range);
    case NODE_CIDR: return any_element(n, s, in_network);
    case NODE_EXISTS: return naive_field(s, n->name).type != VALUE_NULL;
    case NODE_STREAM: return labels_fit(n, s->world->streams.p[s->row->stream].labels);
    default: ASSERT(false && "a condition"); return false;
    }
}

struct value naive_value(const struct node *n, const struct naive_subject *s) {
    struct value v;
    switch (n->kind) {
    case NODE_LITERAL: return n->literal;
    case NODE_FIELD: return naive_field(s, n->name);
    case NODE_CALL: return call(n, s);
    case NODE_ARITH:
    case NODE_COMPARE: return pair(n, s);
    case NODE_NEGATE:
        v = naive_value(n->args[0], s);
        return value_arith(OP_SUB, &(struct value){ .type = VALUE_INT }, &v);
    default: return value_bool(condition(n, s));
    }
}

bool naive_truth(const struct node *n, const struct naive_subject *s) {
    struct value v = naive_value(n, s);
    return value_truth(&v);
}
