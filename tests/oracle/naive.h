#pragma once
#include "question.h"
/*
 * The oracle: a question's answer over rows in memory, in the plainest way. Shares with the engine what a *value* means (value_…, scalar functions); nothing of
 * how rows are found, grouped, sorted or matched.
 */
struct naive_cell {
    struct str name;
    struct value value; /* never null */
    bool hidden;        /* `fields` did not pick it: not shown, but found by its name */
};
struct naive_record {
    const struct world_row *row; /* NULL: made by a command */
    struct naive_cell *cells;
    size_t count;
};
struct naive_answer {
    VEC(struct naive_record) records; /* in order */
    size_t matched;                   /* rows that pass the filter */
    /* 1.50 and 1.5 fell into one group: which of them is shown is the engine's choice, and a later command depends on it. */
    bool unsure, either;
};
void naive_answer_fini(struct naive_answer *a);
/* `live`: by row of the world, false when deleted; NULL: all are there. Memory of `mem`. */
void naive_answer(const struct world *w, const bool *live, const struct question *q, struct arena *mem,
                  struct naive_answer *out);

/* What an expression is evaluated over: a row of the world, or a record. */
struct naive_subject {
    const struct world *world;
    const struct world_row *row;
    const struct naive_record *record; /* when set, the row does not matter */
    struct arena *mem;
};
struct value naive_value(const struct node *n, const struct naive_subject *s);
bool naive_truth(const struct node *n, const struct naive_subject *s);
/* Null when absent: the name, then what it is an alias of. */
struct value naive_field(const struct naive_subject *s, struct str name);

/* One group's rows, in the order of the answer so far. */
struct value naive_aggregate(const struct column *c, struct naive_record *const *rows, size_t count,
                             const struct naive_subject *s);
/* < 0: row `a` is shown before row `b`. */
int naive_row_order(const struct world *w, const struct world_row *a, const struct world_row *b);
