#pragma once
#include "query/vector.h"
/*
 * Group keys of a page as small numbers. Each row gets a code, each code has a value; two codes may have the
 * same value (a label and a column, say): whoever groups by value finds out once a code, not once a row. Code
 * 0 is null.
 */
struct vector_codes {
    const uint32_t *codes; /* by row; only of the rows asked for */
    uint32_t count;
    const struct value *values; /* by code */
};
NODISCARD enum err vector_codes_field(struct vector_view *v, unsigned field, const uint64_t *rows,
                                      struct vector_codes *out);
/* The event time, rounded down to a multiple of the step. */
NODISCARD enum err vector_codes_bin(struct vector_view *v, int64_t step_ns, const uint64_t *rows,
                                    struct vector_codes *out);
/* Any expression, row by row. */
NODISCARD enum err vector_codes_expr(struct vector_view *v, const struct expr *e, int64_t now_ns,
                                     const uint64_t *rows, struct vector_codes *out);
/* Both together: one code for each pair that occurs (or may occur). `out->values` is NULL; what a combined
 * code stands for is in *out_pairs: the two codes. */
struct vector_pair {
    uint32_t a, b;
};
NODISCARD enum err vector_codes_join(struct vector_view *v, const struct vector_codes *a,
                                     const struct vector_codes *b, const uint64_t *rows,
                                     struct vector_codes *out, const struct vector_pair **out_pairs);

/* The bytes of a value as a key: equal exactly when value_order() says equal. Appends. */
void vector_key_add(const struct value *v, struct buf *out);
/* Of two values that are equal as keys (1.5 and "1.50"), is `b` the one to show? The same whatever came
 * first. */
bool vector_key_prefer(const struct value *a, const struct value *b);
