#pragma once
#include "query/vector.h"
/*
 * A filter over pages. Its tree of AND, OR and NOT narrows a selection; cheap predicates come first, and what
 * they drop is never decoded for the dear ones. A predicate about one field is decided once for a label, once
 * for each entry of a dictionary, by a loop over numbers, by a search through all bytes of a text page; what
 * has no such shape is evaluated row by row. All ways give what expr_eval() gives.
 *
 * Immutable after vector_filter_new: any thread, each with its own view.
 */
struct vector_filter;
/* The rows for which all of `exprs` are true. Puts the fields it needs into `fields`; views must be made
 * after. Memory of `mem`; end with vector_filter_free(). The expressions must live as long. */
NODISCARD enum err vector_filter_new(const struct expr *const *exprs, size_t count, int64_t now_ns,
                                     struct vector_fields *fields, struct arena *mem,
                                     struct vector_filter **out);
void vector_filter_free(struct vector_filter *f);
static inline void vector_filter_auto_ptr(struct vector_filter **f) {
    vector_filter_free(*f);
}
/* True for every row: nothing to evaluate. */
bool vector_filter_is_all(const struct vector_filter *f);

/* What the labels alone say about a stream's rows. */
enum vector_verdict { VERDICT_MAYBE, VERDICT_NO, VERDICT_YES };
enum vector_verdict vector_filter_stream(const struct vector_filter *f, struct str labels);

/* Keeps in `rows` those rows of the view's page that match. */
NODISCARD enum err vector_filter_page(const struct vector_filter *f, struct vector_view *v, uint64_t *rows);

/* What every matching row must contain: tokens of its texts and labels (for word filters), prefixes of ids.
 */
struct vector_needs {
    VEC(uint64_t) words, ids;
};
void vector_filter_needs(const struct vector_filter *f, struct vector_needs *out);
void vector_needs_fini(struct vector_needs *n);
static inline void vector_needs_auto(struct vector_needs *n) {
    vector_needs_fini(n);
}
