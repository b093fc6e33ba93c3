#pragma once
#include "query/parser.h"
/*
 * A pipe command: one file stage_<name>.c and one line in list.def. The parser knows shapes, the list knows names; a command parses its own arguments
 * and makes the operators that run it (exec.h). `next` and order of commands are the query's.
 */
struct stage {
    const struct stage_kind *kind;
    void *args; /* the kind's own, in the query's arena */
};
struct stage_kind {
    const char *name;
    const char *aliases; /* space-separated, or NULL */
    const char *help;    /* one line: "sort FIELD [asc|desc], …: order rows" */
    /* Reads the arguments up to the `|`. NULL args are fine. False: an error was left in the parser. */
    bool (*parse)(struct parser *p, void **out_args);
    bool streaming; /* each row goes through, or not, by itself: can be tailed */
    /* How it runs is the executor's business: exec.h extends this descriptor. */
    const struct stage_exec *exec;
};
const struct stage_kind *stage_find(struct str name); /* case ignored */
size_t stage_kind_count(void);
const struct stage_kind *stage_kind_at(size_t i);

/* The parsed query, as the executor sees it. */
struct query_plan {
    const struct expr *filter; /* never NULL; EXPR_ALL when nothing was asked */
    const struct stage *stages;
    size_t stage_count;
    int64_t time_from_ns, time_to_ns; /* narrowed by @timestamp ranges that are ANDed at the top; INT64_MIN, INT64_MAX */
    int64_t now_ns;
    enum table table;
    struct arena *mem;
};
struct query;
const struct query_plan *query_plan(const struct query *q);
