#pragma once
#include "query/expr.h"
#include "world.h"
/*
 * A question as a structure: made at random (question_make.c), written as text for the engine (question_print.c), answered by the oracle from the structure
 * itself (naive*.c). So the parser is under test too: what it understands must be what was meant.
 */
enum node_kind {
    /* Values. */
    NODE_LITERAL,
    NODE_FIELD,
    NODE_CALL,
    NODE_ARITH,
    NODE_NEGATE,
    /* Conditions. */
    NODE_ALL,
    NODE_AND,
    NODE_OR,
    NODE_NOT,
    NODE_COMPARE,
    NODE_IN,
    NODE_NOT_IN,
    NODE_LIKE,
    NODE_NOT_LIKE,
    NODE_MATCH,
    NODE_NOT_MATCH,
    NODE_IS_NULL,
    NODE_IS_NOT_NULL,
    /* Conditions of filters only. */
    NODE_TEXT,
    NODE_RANGE,
    NODE_CIDR,
    NODE_EXISTS,
    NODE_STREAM,
};
enum text_form { TEXT_WORD, TEXT_START, TEXT_PART, TEXT_GLOB, TEXT_PATTERN };

/* A regular expression that a dozen lines can match: atoms one behind the other. */
enum atom_kind { ATOM_BYTE, ATOM_ANY, ATOM_DIGIT, ATOM_WORD, ATOM_SPACE, ATOM_RANGE, ATOM_CHOICE };
struct atom {
    enum atom_kind kind;
    char byte, high;         /* BYTE; RANGE: [byte-high] */
    struct str choices[3];   /* CHOICE: (a|b|c) */
    size_t choice_count;
    unsigned min, max;       /* repeats; at most PATTERN_REPEAT_MAX stands for ever */
};
enum { PATTERN_ATOMS_MAX = 24, PATTERN_REPEAT_EVER = 1000000 };
struct pattern {
    struct atom atoms[PATTERN_ATOMS_MAX];
    size_t count;
    bool at_begin, at_end, any_case;
};

struct label_wish {
    struct str name, value;
    enum label_op op;
    struct pattern *pattern;
};
struct node {
    enum node_kind kind;
    enum expr_op op;           /* ARITH, COMPARE */
    struct str name;           /* FIELD, CALL, TEXT (empty: anywhere), RANGE, CIDR, EXISTS */
    struct value literal, high;/* LITERAL; RANGE: null is open */
    struct str print, high_print; /* literals as they are written */
    bool low_open, high_open;
    enum text_form form;
    struct str needle;         /* TEXT, LIKE */
    bool quoted;
    struct pattern *pattern;
    unsigned char address[16]; /* CIDR */
    unsigned address_bits;     /* of 128 */
    struct label_wish *labels;
    size_t label_count;
    struct node **args;        /* IN: the value, then the list */
    size_t arg_count;
};

enum aggregate {
    AGGREGATE_COUNT, AGGREGATE_SUM, AGGREGATE_AVG, AGGREGATE_MIN, AGGREGATE_MAX, AGGREGATE_STDDEV, AGGREGATE_VARIANCE,
    AGGREGATE_QUANTILE, AGGREGATE_DISTINCT, AGGREGATE_FIRST, AGGREGATE_LAST, AGGREGATE_VALUES, AGGREGATE_LIST, AGGREGATE_RATE,
};
struct column { /* an item with a name: of eval, fields, stats, by, sort */
    struct node *value;  /* NULL: count() */
    struct str name;     /* of the result */
    bool named;          /* written `as name` */
    bool descending;     /* sort */
    enum aggregate aggregate;
    struct str function; /* as written: p99, avg, … */
    double parameter;
    int64_t bin_ns;      /* by bin(5m): 0 when not */
};
enum command_kind {
    COMMAND_FILTER, COMMAND_EVAL, COMMAND_FIELDS, COMMAND_DROP, COMMAND_RENAME, COMMAND_FILLNULL, COMMAND_STATS, COMMAND_SORT,
    COMMAND_LIMIT, COMMAND_TAIL, COMMAND_DEDUP, COMMAND_TOP, COMMAND_RARE, COMMAND_PATTERNS, COMMAND_CONTEXT,
};
enum { COLUMNS_MAX = 6, COMMANDS_MAX = 6 };
struct command {
    enum command_kind kind;
    struct node *condition;
    struct column columns[COLUMNS_MAX];
    size_t count;
    struct column keys[COLUMNS_MAX];
    size_t key_count;
    uint64_t most;          /* patterns: 0 is all */
    uint64_t before, after; /* context */
    enum stats_word { WORD_STATS, WORD_COUNT, WORD_TIMECHART } word;
};
struct question {
    struct node *filter; /* never NULL */
    struct command commands[COMMANDS_MAX];
    size_t command_count;
    int64_t from_ns, to_ns; /* parameters of the request */
    uint64_t limit;         /* of the request; 0: none */
    bool paged;             /* read page by page, `limit` rows each, through cursors */
    struct str text;
};
/* Memory of `mem`. Draws from the world's rows, so that most answers are not empty. */
struct question *question_make(const struct world *w, struct random *r, struct arena *mem);
/* Only a filter. */
struct node *question_make_filter(const struct world *w, struct random *r, struct arena *mem, unsigned depth);
void question_print(const struct question *q, struct random *r, struct buf *out);
void question_print_filter(const struct node *n, struct random *r, struct buf *out);
/* As a value expression stands in `eval`, `by`, …: always the same text. */
void question_print_value(const struct node *n, struct buf *out);
/* A name as a value expression needs it: with backticks or without. */
void question_print_name(struct str name, struct buf *out);
void pattern_print(const struct pattern *p, struct buf *out);
