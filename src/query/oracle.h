#pragma once
#include "query/exec_fixture.h"
#include "query/expr.h"
/*
 * A second executor, for tests: rows as plain structs, one after the other, no pages, no vectors, no threads,
 * no shortcuts. It shares the parser of expressions and the rules of values (expr.h) with the real one and
 * nothing else. Commands are not parsed: the generator says what it means, and prints it as a query for the
 * real one.
 */
enum { ORACLE_FIELDS_MAX = 8, ORACLE_AGGS_MAX = 6, ORACLE_STAGES_MAX = 6 };
enum oracle_kind {
    ORACLE_FILTER,
    ORACLE_FIELDS,
    ORACLE_DROP,
    ORACLE_EVAL,
    ORACLE_STATS,
    ORACLE_SORT,
    ORACLE_LIMIT,
    ORACLE_TAIL,
    ORACLE_DEDUP,
    ORACLE_TOP,
    ORACLE_RARE,
    ORACLE_CONTEXT,
    ORACLE_FACETS,
    ORACLE_PATTERNS,
    ORACLE_RENAME,
    ORACLE_FILLNULL,
};
enum oracle_agg_kind {
    ORACLE_COUNT,
    ORACLE_SUM,
    ORACLE_AVG,
    ORACLE_MIN,
    ORACLE_MAX,
    ORACLE_STDDEV,
    ORACLE_QUANTILE,
    ORACLE_DISTINCT,
    ORACLE_FIRST,
    ORACLE_LAST,
    ORACLE_VALUES,
    ORACLE_LIST,
};
struct oracle_agg {
    enum oracle_agg_kind kind;
    char arg[200]; /* an expression; empty: count() */
    bool is_field;
    double quantile;
    char text[300]; /* as in the query */
    char name[64];
};
struct oracle_stage {
    enum oracle_kind kind;
    char text[1024];                    /* the command as in the query */
    char fields[ORACLE_FIELDS_MAX][64]; /* names; of stats keys, expressions; may be x* in FIELDS */
    char names[ORACLE_FIELDS_MAX][64];  /* of columns */
    bool descending[ORACLE_FIELDS_MAX];
    size_t field_count, by_count; /* TOP: the last by_count fields stand behind `by` */
    struct oracle_agg aggs[ORACLE_AGGS_MAX];
    size_t agg_count;
    uint64_t n, m;
    char expr[256]; /* FILTER, EVAL */
};
struct oracle_query {
    char filter[1024];
    struct oracle_stage stages[ORACLE_STAGES_MAX];
    size_t stage_count;
    int64_t time_from_ns, time_to_ns;
};
void oracle_print(const struct oracle_query *q, struct buf *out);
/* ERR_INVALID when the parser refuses one of the expressions. */
NODISCARD enum err oracle_run(const struct exec_case *c, const struct oracle_query *q,
                              struct exec_answer *out);
/* Deletes what the filter matches, from the store and from the case's rows, unless that would be more than
 * `percent_max` of them. */
void oracle_delete(struct exec_case *c, const char *filter, unsigned percent_max);
