#pragma once
#include "query/exec.h"
/*
 * Aggregates: one file agg_<name>.c and one line AGG(agg_<name>) in list.def each. An aggregate is a state
 * that takes values, merges with another state of its kind and gives a result. States are zeroed memory; what
 * they point at lives in `mem` of the call. Merging is done in scan order, so that answers are the same every
 * time.
 */
struct agg_call { /* one aggregate of a query, as parsed */
    const struct agg *agg;
    struct str name;        /* of the column */
    struct str source;      /* as written */
    const struct expr *arg; /* NULL: count() */
    double parameter;       /* of quantiles, 0 to 1 */
    bool condition;         /* the argument is a condition, not a field: only truth counts */
    size_t offset;          /* of its state in a group's; the owner's */
};
struct agg_context {
    const struct agg_call *call;
    struct arena *mem;
    double seconds;     /* of the bin, or of the whole query: for rates; 0: not known */
    bool approximate;   /* set by result(): a sketch answered */
    const char *cut_by; /* set by result(): a cap left values out */
};
struct agg_row {
    struct value value;         /* not null, but for count */
    const struct exec_key *key; /* when the aggregate asked for it */
};
struct agg {
    const char *name, *aliases, *help;
    unsigned args_min, args_max;
    size_t state_bytes; /* a multiple of 8 */
    bool needs_key;
    bool commutes; /* any order of rows and merges gives the same result to the last bit */
    /* Takes a family of names: p99. Sets the parameter. May be NULL. */
    bool (*is)(struct str name, double *out_parameter);
    /* A number among the arguments behind the first is the parameter. */
    bool has_parameter;
    NODISCARD enum err (*add)(const struct agg_context *c, void *state, const struct agg_row *row);
    /* Many at once: value[i] into the state of group[i]. NULL: add() is called for each. */
    enum err (*add_ints)(const struct agg_context *c, char **states, const uint32_t *group,
                         const int64_t *value, size_t n);
    enum err (*add_floats)(const struct agg_context *c, char **states, const uint32_t *group,
                           const double *value, size_t n);
    NODISCARD enum err (*merge)(const struct agg_context *c, void *to, const void *from);
    /* Text borrowed from the state, or in c->mem. */
    NODISCARD enum err (*result)(struct agg_context *c, void *state, struct value *out);
};
size_t agg_count(void);
const struct agg *agg_at(size_t i);
/* Case ignored. */
const struct agg *agg_find(struct str name, double *out_parameter);

/* Reads one call: count(), p99(x) as slow, sum(a > 1). False: an error was left in the parser. */
NODISCARD bool agg_parse(struct parser *p, struct agg_call *out);
/* A call comes next. */
bool agg_comes(struct parser *p);

/* Parts that several aggregates are made of. */

/* A sum that loses nothing: integers exactly until they overflow, floats with Neumaier's compensation. */
struct agg_sum {
    int64_t ints;
    double sum, rest;
    uint64_t count;
    bool floats; /* sum and rest hold something */
};
void agg_sum_add(struct agg_sum *s, const struct value *v);
void agg_sum_add_int(struct agg_sum *s, int64_t i);
void agg_sum_add_float(struct agg_sum *s, double f);
void agg_sum_merge(struct agg_sum *to, const struct agg_sum *from);
struct value agg_sum_value(const struct agg_sum *s);
double agg_sum_f64(const struct agg_sum *s);
/* The value as a number, exactly when it is an integer. */
bool agg_number(const struct value *v, bool *out_is_int, int64_t *out_i, double *out_f);

/* A value that is kept, in memory that is used again. */
struct agg_kept {
    struct value value;
    char *p;
    uint32_t cap_bytes;
};
NODISCARD enum err agg_keep(const struct agg_context *c, struct agg_kept *k, const struct value *v);
