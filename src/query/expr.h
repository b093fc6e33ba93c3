#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "block/text_match.h"
#include "model/value.h"
/*
 * The expression tree of the records language: filters and values are one tree. Made by the parser (parse_expr.c), walked by
 * the vectorised executor, and by expr_eval.c for one row. Immutable; memory of the query's arena.
 *
 * Meaning of field names: a name is looked up in the row's columns and labels; when the row has none, its alias
 * (field_alias) is. `@timestamp`, `@ingested`: times. `@stream`: label set as text. `@logStream`: alias of @stream's
 * shortest useful name (service, else whole). Absent is null. A name may have values of several types in different rows.
 *
 * Comparison (one rule everywhere; value_compare_op() is it): null compares false with everything (also !=: `a != 1` is false when a is
 * absent; write NOT a = 1 to include absent ones). When one side is a number (also bool as 0/1 against a number) and the other is a
 * number or a text that parses as one, numerically (int exactly as int). Times against numbers of ns or time texts, durations and
 * sizes are numbers (ns, bytes), IP texts against IP literals by address. A number, time or IP against a text that is not one: not
 * equal, and neither less nor greater. Else as strings, by bytes. A JSON array matches when any of its scalar elements does.
 * Truth: null, false, 0, "" are false.
 * Sort order: null < bool < number < time < ip < string.
 */
enum expr_kind {
    EXPR_LITERAL,
    EXPR_FIELD,
    EXPR_CALL,
    EXPR_NOT,
    EXPR_AND,
    EXPR_OR,
    EXPR_ARITH,   /* op + - * / % ; int where both are and it is exact (/ gives a float unless it divides), else float; x/0 is null */
    EXPR_NEGATE,
    EXPR_COMPARE, /* op = != < <= > >= */
    EXPR_IN,      /* args[0] in args[1..] */
    EXPR_TEXT,    /* expr_text_test(): field (or any text field and label when name is empty) matches text; literal tokens, phrases, … */
    EXPR_RANGE,   /* field between two bounds: [a TO b] {a TO b}, either may be open (null) */
    EXPR_EXISTS,  /* field:* */
    EXPR_CIDR,    /* field is an address in a prefix */
    EXPR_STREAM,  /* {a="b",c=~"d.*",e!="f",g!~"h"} on labels; regexes are anchored at both ends as in Prometheus */
    EXPR_ALL,     /* `*` or nothing: every row */
};
enum expr_op { OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_MOD, OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE };
/* How a text needle was written. (`text` may be of another kind: a bare wildcard word becomes a regex over tokens.) */
enum expr_form { FORM_TOKENS, FORM_PREFIX, FORM_SUBSTRING, FORM_WILDCARD, FORM_REGEX, FORM_LIKE };
enum label_op { LABEL_EQ, LABEL_NE, LABEL_RE, LABEL_NRE };
struct label_matcher {
    struct str name, value;
    enum label_op op;
    struct text_match *regex; /* of the anchored value */
};
struct expr {
    enum expr_kind kind;
    enum expr_op op;
    size_t offset, length;          /* in the query text: for errors */
    struct str name;                /* FIELD, TEXT, RANGE, EXISTS, CIDR */
    struct value literal;           /* LITERAL; RANGE low; TEXT: the needle as a number when it is one (status:500): a
                                       number of the row matches when it equals it; else null */
    struct value high;              /* RANGE */
    bool low_open, high_open;       /* RANGE: bound itself excluded */
    struct text_match *text;        /* TEXT */
    struct str needle;              /* TEXT: without quotes and escapes (WILDCARD: with), for chips and printing */
    enum expr_form form;            /* TEXT */
    unsigned char cidr[16];         /* CIDR: IPv4 as ::ffff:a.b.c.d */
    unsigned cidr_bits;             /* of 128 */
    const struct fn *fn;            /* CALL */
    const void *prepared;           /* CALL: goes into fn_call.prepared; owned by the query */
    const struct label_matcher *matchers; /* STREAM */
    size_t matcher_count;
    struct expr **args;             /* CALL, NOT, AND, OR (2 or more), ARITH, NEGATE, COMPARE, IN */
    size_t arg_count;
    unsigned depth;                 /* of the tree below: 1 + the largest of args, at most EXPR_DEPTH_MAX */
};
enum {
    EXPR_DEPTH_MAX = 128,
    FN_ARGS_MAX = 32,
    ROW_TEXT_BYTES_MAX = 4 << 20, /* scratch for the elements of one array */
};

/* A scalar function: one file query/fn/<group>/fn_<name>.c and one line in the list.def beside it. */
struct fn_call {
    const struct value *args;
    size_t arg_count;
    struct arena *mem;  /* for results with bytes */
    int64_t now_ns;
    const void *prepared; /* expr.prepared: what fn.prepare made of the literal pattern, or NULL */
};
struct fn {
    const char *name;    /* lower case */
    const char *aliases; /* "ceil ceiling", space-separated, or NULL */
    unsigned args_min, args_max;
    const char *help;    /* "strlen(text): number of characters" */
    struct value (*eval)(const struct fn_call *c);
    bool time_first; /* called with one argument less than args_max, @timestamp goes in front: bin(5m) */
    /* For functions with a pattern: args[prepare_arg] must be a quoted text, compiled once when the query is parsed. */
    enum err (*prepare)(struct str pattern, struct err_text *why, void **out);
    void (*release)(void *prepared);
    unsigned prepare_arg;
};
const struct fn *fn_find(struct str name); /* case ignored */
size_t fn_count(void);
const struct fn *fn_at(size_t i);
const char *fn_group(size_t i); /* "Texts", "Times" …: functions of a group stand together */

/* The rules above, for everybody. */
bool value_truth(const struct value *v);
/* -1, 0, 1 in *out by the comparison rule; false: not comparable (null). `op` needs the answer only for equality when eq_only. */
bool value_compare(const struct value *a, const struct value *b, int *out);
bool value_compare_op(const struct value *a, enum expr_op op, const struct value *b);
int value_order(const struct value *a, const struct value *b); /* total order for sort */
struct value value_arith(enum expr_op op, const struct value *a, const struct value *b);
/* As a number: INT, FLOAT, NUMBER_TEXT, BOOL, TIME, or STRING that parses (also "12ms", "3kB"? no: those only as literals). */
bool value_number(const struct value *v, double *out);
/* Text as output shows it: times as RFC 3339 with 3, 6 or 9 decimals. Appends. */
void value_print(const struct value *v, struct buf *out);
/* Calls `test` with the value, or with each scalar element of a JSON array, until it says true. */
bool value_any_element(const struct value *v, bool (*test)(void *ctx, const struct value *element), void *ctx);
/* Times as literals: RFC 3339, dates, Unix s/ms/us/ns (by magnitude), NOW, NOW-4d, now-1h, now-1d/d (rounded down). */
NODISCARD bool time_parse(struct str text, int64_t now_ns, int64_t *out_ns);
/* 500ms, 1h30m, 4d, 1w -> ns. */
NODISCARD bool duration_parse(struct str text, int64_t *out_ns);
/* 10KB (1000), 10KiB (1024) -> bytes. */
NODISCARD bool size_parse(struct str text, int64_t *out_bytes);
NODISCARD bool ip_parse(struct str text, unsigned char out[16]);

/* One row, as the scalar evaluator sees it. */
struct expr_row {
    /* Values of `name` in this row (several when types differ never happen in one row; JSON arrays are one value). */
    struct value (*field)(void *ctx, struct str name);
    /* Calls `each` for every text-bearing value and label of the row until it returns true. */
    bool (*any_text)(void *ctx, bool (*each)(void *each_ctx, struct str text), void *each_ctx);
    struct str (*labels)(void *ctx);
    void *ctx;
};
struct value expr_eval(const struct expr *e, const struct expr_row *row, struct arena *mem, int64_t now_ns);
/* A TEXT node against one value of the row, of any type. */
bool expr_text_test(const struct expr *e, const struct value *v);
/* A RANGE or CIDR node against one value. */
bool expr_range_test(const struct expr *e, const struct value *v);
bool expr_cidr_test(const struct expr *e, const struct value *v);
/* A STREAM node against canonical labels. */
bool expr_stream_test(const struct expr *e, struct str labels);
/* The same tree, places in the text aside. */
bool expr_equal(const struct expr *a, const struct expr *b);
/* As text again; parsing it gives an equal tree. */
void expr_print(const struct expr *e, struct buf *out);
