#pragma once
#include "query/exec_group.h"
#include "query/exec_group_map.h"
/* The inside of a table of groups. Private to exec_group.c (args, records, merging, results) and
 * exec_group_page.c (pages). */
struct group_feed { /* of a call */
    unsigned field; /* when the argument is a lone field */
    bool is_field;
    struct vector_filter *filter; /* when it is a condition */
    struct exec_expr expr;        /* for records */
};
struct group_table {
    const struct group_args *args;
    struct exec *exec;
    struct arena *mem;
    struct group_map map;
    uint32_t *order;              /* after finish */
    struct agg_context *contexts; /* by call */
    struct group_feed *feeds;     /* by call */
    struct exec_expr *key_exprs;
    unsigned *key_fields;
    struct buf key;           /* scratch */
    struct value *key_values; /* scratch */
};
NODISCARD enum err group_table_find(struct group_table *t, const struct value *values, uint32_t *out);
