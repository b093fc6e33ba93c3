#pragma once
#include "block/encoding.h"
#include "block/row_order.h"
/*
 * From rows to columns: the cells of a batch, row by row, become one array of values for each (name, type),
 * in the order of the block's rows. Two passes: the first counts, so that the second writes each value once,
 * to its place. What does not get a column (more than BLOCK_COLUMNS_MAX of them, or a name given twice with
 * one type in one row) goes to
 * `@rest`: one JSON object a row.
 */
struct gathered_column {
    struct str name; /* borrowed from the field dictionary */
    enum value_type type;
    uint32_t field;
    uint32_t count;
    struct column_value *values; /* one element before them belongs to the column too */
};
struct column_gather { /* zero-initialise; reused */
    const struct batch *batch;
    const struct row_order *order;
    VEC(struct gathered_column) columns; /* sorted by name, type once gathered */
    uint64_t value_bytes;                /* of all bytes values */
    size_t cell_count;
    /* Private. */
    VEC(uint32_t) slots; /* by field and type: column + 1; 0: not met; SLOT_REST */
    VEC(struct column_value *) next;
    VEC(struct column_value) values;
    VEC(struct column_value) rest_values; /* p is an offset into rest until the end */
    struct buf rest;
};
void column_gather_fini(struct column_gather *g);
void column_gather_start(struct column_gather *g, const struct batch *batch, const struct row_order *order);
/* First pass, rows [from, to) of `rows` as they arrived (their cells lie one after the other; NULL: all of
 * the batch); the whole before column_gather_plan. */
void column_gather_count(struct column_gather *g, const uint32_t *rows, size_t from, size_t to);
void column_gather_plan(struct column_gather *g);
/* Second pass; then column_gather_end. */
void column_gather_fill(struct column_gather *g, size_t from, size_t to);
void column_gather_end(struct column_gather *g);
