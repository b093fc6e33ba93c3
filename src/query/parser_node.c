#include "base/assert.h"
#include "query/parser_state.h"
#include <stdio.h>
/* How nodes are made: all of them here, so that the cap on depth and the normal forms hold for every tree. */

struct expr *parser_node(struct parser *p, enum expr_kind kind, size_t offset) {
    if (p->failed)
        return NULL;
    struct expr *e = ARENA_NEW(p->mem, struct expr, 1);
    if (!e) {
        parser_out_of_memory(p);
        return NULL;
    }
    e->kind = kind;
    e->offset = offset;
    e->length = p->pos > offset ? p->pos - offset : 0;
    e->depth = 1;
    return e;
}

struct expr *parser_node_of(struct parser *p, enum expr_kind kind, size_t offset, struct expr *const *args,
                            size_t count) {
    struct expr *e = parser_node(p, kind, offset);
    if (!e)
        return NULL;
    e->args = ARENA_NEW(p->mem, struct expr *, count ? count : 1);
    if (!e->args) {
        parser_out_of_memory(p);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (!args[i])
            return NULL;
        e->args[i] = args[i];
        if (args[i]->depth >= e->depth)
            e->depth = args[i]->depth + 1;
    }
    e->arg_count = count;
    if (e->depth > EXPR_DEPTH_MAX) {
        parser_fail_at(p, e->offset, e->length,
                       "more than %d steps within each other; add parentheses or split it", EXPR_DEPTH_MAX);
        return NULL;
    }
    return e;
}

struct expr *parser_unary(struct parser *p, enum expr_kind kind, size_t offset, struct expr *arg) {
    return arg ? parser_node_of(p, kind, offset, &arg, 1) : NULL;
}

struct expr *parser_join(struct parser *p, enum expr_kind kind, size_t offset, struct expr *const *args,
                         size_t count) {
    VEC(struct expr *) flat = { 0 };
    for (size_t i = 0; i < count; i++) {
        if (kind == EXPR_AND && args[i]->kind == EXPR_ALL)
            continue;
        bool same = args[i]->kind == kind;
        for (size_t j = 0; j < (same ? args[i]->arg_count : 1); j++)
            VEC_PUSH(&flat, same ? args[i]->args[j] : args[i]);
    }
    struct expr *e;
    if (flat.n == 0)
        e = parser_node(p, EXPR_ALL, offset);
    else if (flat.n == 1)
        e = flat.p[0];
    else
        e = parser_node_of(p, kind, offset, flat.p, flat.n);
    VEC_FINI(&flat);
    return e;
}

struct expr *parser_literal(struct parser *p, size_t offset, struct value v) {
    struct expr *e = parser_node(p, EXPR_LITERAL, offset);
    if (e)
        e->literal = v;
    return e;
}

static struct expr *named(struct parser *p, enum expr_kind kind, size_t offset, struct str name) {
    struct expr *e = parser_node(p, kind, offset);
    if (e)
        e->name = name;
    return e;
}

struct expr *parser_field_node(struct parser *p, size_t offset, struct str name) {
    return named(p, EXPR_FIELD, offset, name);
}

struct expr *parser_exists(struct parser *p, size_t offset, struct str name) {
    return named(p, EXPR_EXISTS, offset, name);
}

bool parser_time_field(struct str name) {
    return str_eq(name, STR("@timestamp")) || str_eq(name, STR("@ingested"));
}

/* A number or a text beside @timestamp is a time. */
static bool literal_to_time(struct parser *p, struct expr *e) {
    char digits[48];
    struct str text = e->literal.s;
    int64_t ns;
    if (e->literal.type == VALUE_INT)
        text =
            (struct str){ digits, (size_t)snprintf(digits, sizeof digits, "%lld", (long long)e->literal.i) };
    else if (e->literal.type == VALUE_FLOAT)
        text = (struct str){ digits, (size_t)snprintf(digits, sizeof digits, "%.9f", e->literal.f) };
    else if (e->literal.type != VALUE_STRING)
        return true;
    if (text.n >= sizeof digits || !time_parse(text, p->now_ns, &ns))
        return parser_fail_at(p, e->offset, e->length,
                              "expected a time, such as now-1h or 2026-11-21T07:00:00Z");
    e->literal = value_time(ns);
    return true;
}

struct expr *parser_compare(struct parser *p, size_t offset, enum expr_op op, struct expr *left,
                            struct expr *right) {
    static const enum expr_op mirrored[] = {
        [OP_EQ] = OP_EQ, [OP_NE] = OP_NE, [OP_LT] = OP_GT, [OP_LE] = OP_GE, [OP_GT] = OP_LT, [OP_GE] = OP_LE
    };
    if (!left || !right)
        return NULL;
    if (left->kind == EXPR_LITERAL && right->kind != EXPR_LITERAL) {
        struct expr *swap = left;
        left = right;
        right = swap;
        op = mirrored[op];
    }
    bool time = left->kind == EXPR_FIELD && parser_time_field(left->name) && right->kind == EXPR_LITERAL;
    if (time && !literal_to_time(p, right))
        return NULL;
    struct expr *e = parser_node_of(p, EXPR_COMPARE, offset, (struct expr *const[]){ left, right }, 2);
    if (e)
        e->op = op;
    return e;
}
