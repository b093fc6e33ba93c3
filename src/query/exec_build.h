#pragma once
#include "query/exec.h"
/*
 * Makes records of the rows of a page: late materialisation. Only the fields that are needed are looked up;
 * when all are, the order is
 * @timestamp, @message, level, the labels, then the other fields by name. `@id`, `@stream`, `@ingested`,
 * `@template` come only when a command names them, and are shown only when `fields` does.
 */
struct exec_pick {
    unsigned field; /* of the views */
    const struct exec_name *name;
    bool hidden;
};
struct exec_build { /* read-only once planned: shared by all threads */
    struct exec *exec;
    bool all;
    VEC(struct exec_pick) picks;
};
/* Puts the fields it will ask for into `fields`, before any view is made. */
NODISCARD enum err exec_build_plan(struct exec_build *b, struct exec *x, const struct exec_needs *needs,
                                   struct vector_fields *fields);
void exec_build_fini(struct exec_build *b);
static inline void exec_build_auto(struct exec_build *b) {
    exec_build_fini(b);
}

/* One thread's. Zero-initialise but for `build`. */
struct exec_builder {
    const struct exec_build *build;
    uint64_t generation;                   /* of the view, for which the names below are */
    const struct exec_name **column_names; /* by column, in the view's block memory; NULL: not shown */
    VEC(struct exec_cell) cells;           /* of the row at hand */
    uint32_t stream;                       /* whose labels are at hand */
    VEC(struct exec_cell) labels;
    struct str labels_text;
    bool has_labels;
    /* Values of the picks by row, when exec_builder_page() has made them for the page at hand. */
    const struct value **values;
};
void exec_builder_fini(struct exec_builder *b);
static inline void exec_builder_auto(struct exec_builder *b) {
    exec_builder_fini(b);
}
/* Many rows of the page will be asked for, at least those of `rows`: their values are looked up together. */
NODISCARD enum err exec_builder_page(struct exec_builder *b, struct vector_view *v, const uint64_t *rows);
/* The record of `row` of the view's page. `copy` NULL: cells are the builder's and values the view's, until
 * the next row; else everything is copied there (the same arena for all rows of a builder: rows of a stream
 * share its labels). `block` is the index in the scan. */
NODISCARD enum err exec_builder_row(struct exec_builder *b, struct vector_view *v, uint32_t row,
                                    uint32_t block, struct arena *copy, struct exec_record *out);
/* Order and identity of a row. */
NODISCARD enum err exec_row_key(struct vector_view *v, uint32_t row, uint32_t block, struct exec_key *out);
