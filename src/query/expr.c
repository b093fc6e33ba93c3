#include "query/expr.h"

static bool value_same(const struct value *a, const struct value *b) {
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case VALUE_NULL: return true;
    case VALUE_BOOL: return a->b == b->b;
    case VALUE_INT:
    case VALUE_TIME: return a->i == b->i;
    case VALUE_FLOAT: return a->f == b->f;
    default: return str_eq(a->s, b->s);
    }
}

static bool matchers_same(const struct expr *a, const struct expr *b) {
    for (size_t i = 0; i < a->matcher_count; i++) {
        const struct label_matcher *x = &a->matchers[i], *y = &b->matchers[i];
        if (x->op != y->op || !str_eq(x->name, y->name) || !str_eq(x->value, y->value))
            return false;
    }
    return true;
}

static bool node_same(const struct expr *a, const struct expr *b) {
    return a->kind == b->kind && a->op == b->op && str_eq(a->name, b->name) &&
           value_same(&a->literal, &b->literal) && value_same(&a->high, &b->high) &&
           a->low_open == b->low_open && a->high_open == b->high_open && a->form == b->form &&
           str_eq(a->needle, b->needle) && memcmp(a->cidr, b->cidr, sizeof a->cidr) == 0 &&
           a->cidr_bits == b->cidr_bits && a->fn == b->fn && a->matcher_count == b->matcher_count &&
           matchers_same(a, b) && a->arg_count == b->arg_count;
}

bool expr_equal(const struct expr *a, const struct expr *b) {
    if (!node_same(a, b))
        return false;
    for (size_t i = 0; i < a->arg_count; i++)
        if (!expr_equal(a->args[i], b->args[i]))
            return false;
    return true;
}
