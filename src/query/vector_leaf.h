#pragma once
#include "query/vector_filter.h"
/*
 * A predicate about one field: any expression that names no other. What a value must be is worked out when
 * the query is compiled, in the shape that each kind of page can use. Private to vector_filter.c.
 */
enum leaf_shape { LEAF_EXPR, LEAF_COMPARE, LEAF_TEXT, LEAF_RANGE, LEAF_CIDR, LEAF_EXISTS, LEAF_TRUTH };

/* Integers that match: low <= i <= high, or all others. */
struct leaf_ints {
    bool known, negate;
    int64_t low, high;
};
struct vector_leaf {
    enum leaf_shape shape;
    const struct expr *e;
    unsigned field;
    struct vector_field names;
    int64_t now_ns;
    bool absent;                   /* the answer for rows without the field */
    struct leaf_ints ints, times;  /* for columns of integers, and of times */
    const struct text_match *text; /* for columns of texts; NULL: value by value */
    bool text_negate;
};
/* *out_owned (may stay NULL) is freed by the caller after the leaf's last use. */
NODISCARD enum err vector_leaf_init(struct vector_leaf *l, const struct expr *e, unsigned field,
                                    const struct vector_field *f, int64_t now_ns,
                                    struct text_match **out_owned);
enum vector_verdict vector_leaf_stream(const struct vector_leaf *l, struct str labels, struct arena *mem);
NODISCARD enum err vector_leaf_page(const struct vector_leaf *l, struct vector_view *v, uint64_t *rows);
