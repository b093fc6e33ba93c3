#include "base/assert.h"
#include "model/labels.h"
#include "query/expr.h"
#include "query/value_ip.h"
/* One row against a tree: the plain statement of what the vectorised executor computes. Recursion is bounded
 * by EXPR_DEPTH_MAX. */

static bool is_number(enum value_type t) {
    return t == VALUE_INT || t == VALUE_FLOAT || t == VALUE_NUMBER_TEXT;
}

/* ms:4 is not 4.5 and not -4, though both have the token: a number meets a number as one. */
static bool element_matches(void *ctx, const struct value *v) {
    const struct expr *e = ctx;
    if (e->literal.type != VALUE_NULL && is_number(v->type))
        return value_compare_op(v, OP_EQ, &e->literal);
    if (value_has_bytes(v->type) && v->type != VALUE_IP)
        return text_match_test(e->text, v->s);
    AUTO(buf) printed = { .limit_bytes = 1024 };
    value_print(v, &printed);
    return text_match_test(e->text, buf_str(&printed));
}

/* An array matches by an element, or by its text as a whole, which is what page search looks at. */
bool expr_text_test(const struct expr *e, const struct value *v) {
    if (v->type == VALUE_NULL)
        return false;
    if (v->type == VALUE_JSON && text_match_test(e->text, v->s))
        return true;
    return value_any_element(v, element_matches, (void *)(uintptr_t)e);
}

static bool element_in_range(void *ctx, const struct value *v) {
    const struct expr *e = ctx;
    if (e->literal.type != VALUE_NULL && !value_compare_op(v, e->low_open ? OP_GT : OP_GE, &e->literal))
        return false;
    return e->high.type == VALUE_NULL || value_compare_op(v, e->high_open ? OP_LT : OP_LE, &e->high);
}

bool expr_range_test(const struct expr *e, const struct value *v) {
    return v->type != VALUE_NULL && value_any_element(v, element_in_range, (void *)(uintptr_t)e);
}

static bool element_in_prefix(void *ctx, const struct value *v) {
    const struct expr *e = ctx;
    unsigned char ip[16];
    if (v->type == VALUE_IP && v->s.n == 16)
        return value_ip_in((const unsigned char *)v->s.p, e->cidr, e->cidr_bits);
    return v->type == VALUE_STRING && ip_parse(v->s, ip) && value_ip_in(ip, e->cidr, e->cidr_bits);
}

bool expr_cidr_test(const struct expr *e, const struct value *v) {
    return value_any_element(v, element_in_prefix, (void *)(uintptr_t)e);
}

bool expr_stream_test(const struct expr *e, struct str labels) {
    for (size_t i = 0; i < e->matcher_count; i++) {
        const struct label_matcher *m = &e->matchers[i];
        struct str value = labels_get(labels, m->name);
        bool regex = m->op == LABEL_RE || m->op == LABEL_NRE;
        bool hit = regex ? text_match_test(m->regex, value) : str_eq(value, m->value);
        if (hit != (m->op == LABEL_EQ || m->op == LABEL_RE))
            return false;
    }
    return true;
}

struct eval {
    const struct expr_row *row;
    struct arena *mem;
    int64_t now_ns;
};

static struct value eval(const struct eval *x, const struct expr *e);

static bool any_text_hit(void *ctx, struct str text) {
    const struct expr *e = ctx;
    return text_match_test(e->text, text);
}

static bool text_test(const struct eval *x, const struct expr *e) {
    if (e->name.n == 0)
        return x->row->any_text(x->row->ctx, any_text_hit, (void *)(uintptr_t)e);
    struct value v = x->row->field(x->row->ctx, e->name);
    return expr_text_test(e, &v);
}

static struct value call(const struct eval *x, const struct expr *e) {
    struct value args[FN_ARGS_MAX];
    ASSERT(e->arg_count <= FN_ARGS_MAX);
    for (size_t i = 0; i < e->arg_count; i++)
        args[i] = eval(x, e->args[i]);
    return e->fn->eval(&(struct fn_call){ args, e->arg_count, x->mem, x->now_ns, e->prepared });
}

/* AND ends at the first false, OR at the first true. */
static bool junction(const struct eval *x, const struct expr *e) {
    bool until = e->kind == EXPR_OR;
    for (size_t i = 0; i < e->arg_count; i++) {
        struct value v = eval(x, e->args[i]);
        if (value_truth(&v) == until)
            return until;
    }
    return !until;
}

static bool in_list(const struct eval *x, const struct expr *e) {
    struct value v = eval(x, e->args[0]);
    for (size_t i = 1; i < e->arg_count; i++) {
        struct value item = eval(x, e->args[i]);
        if (value_compare_op(&v, OP_EQ, &item))
            return true;
    }
    return false;
}

static struct value binary(const struct eval *x, const struct expr *e) {
    struct value a = eval(x, e->args[0]), b = eval(x, e->args[1]);
    return e->kind == EXPR_ARITH ? value_arith(e->op, &a, &b) : value_bool(value_compare_op(&a, e->op, &b));
}

static struct value field_of(const struct eval *x, const struct expr *e) {
    return x->row->field(x->row->ctx, e->name);
}

static struct value eval(const struct eval *x, const struct expr *e) {
    struct value v;
    switch (e->kind) {
    case EXPR_LITERAL: return e->literal;
    case EXPR_FIELD: return field_of(x, e);
    case EXPR_CALL: return call(x, e);
    case EXPR_NOT: v = eval(x, e->args[0]); return value_bool(!value_truth(&v));
    case EXPR_AND:
    case EXPR_OR: return value_bool(junction(x, e));
    case EXPR_ARITH:
    case EXPR_COMPARE: return binary(x, e);
    case EXPR_NEGATE:
        v = eval(x, e->args[0]);
        return value_arith(OP_SUB, &(struct value){ .type = VALUE_INT }, &v);
    case EXPR_IN: return value_bool(in_list(x, e));
    case EXPR_TEXT: return value_bool(text_test(x, e));
    case EXPR_RANGE: v = field_of(x, e); return value_bool(expr_range_test(e, &v));
    case EXPR_EXISTS: v = field_of(x, e); return value_bool(v.type != VALUE_NULL);
    case EXPR_CIDR: v = field_of(x, e); return value_bool(expr_cidr_test(e, &v));
    case EXPR_STREAM: return value_bool(expr_stream_test(e, x->row->labels(x->row->ctx)));
    case EXPR_ALL: return value_bool(true);
    }
    ASSERT(false && "a kind of expression");
    return value_null();
}

struct value expr_eval(const struct expr *e, const struct expr_row *row, struct arena *mem, int64_t now_ns) {
    return eval(&(struct eval){ row, mem, now_ns }, e);
}
