#pragma once
#include "base/vec.h"
#include "query/lex.h"
#include "query/parser.h"
/*
 * The parser from inside: shared by parser.c (text, errors, what commands use), parser_filter.c,
 * parser_expr.c, parser_term.c and query_parse.c; private to them. Recursive descent straight on the text; no
 * token is ever stored. One thread.
 */
enum {
    QUERY_BYTES_MAX = 64 << 10,
    QUERY_NESTING_MAX = 64, /* groups, calls, NOTs within each other */
    QUERY_MEMORY_MAX = 64 << 20,
    QUERY_TEXTS_MAX = 4096, /* words, phrases … to match */
    QUERY_REGEXES_MAX = 64,
};

struct parser_prepared {
    void *p;
    void (*release)(void *p);
};
/* What a tree points at and arena memory does not own. */
struct parser_owned {
    VEC(struct text_match *) texts;
    VEC(struct parser_prepared) prepared;
};
void parser_owned_fini(struct parser_owned *o);

struct parser {
    struct str text; /* in memory that lives as long as the tree */
    size_t pos;
    struct arena *mem;
    int64_t now_ns;
    struct query_error *why;
    bool failed;     /* the first error is in *why and stays */
    bool wide;       /* inside a filter: '-' and '/' may be part of a name */
    bool spaced;     /* in a filter, outside parentheses: ` -b` is a NOT and no minus */
    bool aggregated; /* an earlier command computed aggregates: their texts are columns now */
    unsigned depth;
    size_t regexes;
    struct parser_owned owned;
    VEC(struct str) defined; /* fields made by commands so far */
};
void parser_init(struct parser *p, struct str text, const struct query_context *c, struct arena *mem,
                 struct query_error *why);
/* What was not moved out of p->owned ends here. */
void parser_fini(struct parser *p);
static inline void parser_auto(struct parser *p) {
    parser_fini(p);
}

/* Behind spaces: the next byte, or NUL at the end of the text. */
char parser_peek(struct parser *p);
/* The text has `s` here; spaces are not skipped. */
bool parser_starts(const struct parser *p, const char *s);
/* A keyword is a word of its own, and no field name ("or:5"). Spaces are skipped. */
bool parser_keyword(struct parser *p, const char *word);
bool parser_take_keyword(struct parser *p, const char *word);
/* and or not in like is …: what a bare name in a value expression cannot be. */
bool expr_keyword(struct str word);
/* Takes the quoted text that starts here. */
bool parser_quoted(struct parser *p, struct str *out);
bool parser_out_of_memory(struct parser *p);
bool parser_is_defined(const struct parser *p, struct str name);
/* One level deeper; every successful enter has its leave. */
bool parser_enter(struct parser *p);
static inline void parser_leave(struct parser *p) {
    p->depth--;
}

/* Trees. Each returns NULL after an error; NULL arguments pass through as NULL. `offset` is where the text of
 * the node began; it ends at the parser's place. */
struct expr *parser_node(struct parser *p, enum expr_kind kind, size_t offset);
struct expr *parser_node_of(struct parser *p, enum expr_kind kind, size_t offset, struct expr *const *args,
                            size_t count);
/* EXPR_NOT or EXPR_NEGATE. */
struct expr *parser_unary(struct parser *p, enum expr_kind kind, size_t offset, struct expr *arg);
/* AND or OR. Arguments of the same kind are taken apart, EXPR_ALL falls out of an AND; one argument alone is
 * returned itself. */
struct expr *parser_join(struct parser *p, enum expr_kind kind, size_t offset, struct expr *const *args,
                         size_t count);
struct expr *parser_literal(struct parser *p, size_t offset, struct value v);
struct expr *parser_field_node(struct parser *p, size_t offset, struct str name);
struct expr *parser_exists(struct parser *p, size_t offset, struct str name);
/* Moves a lone literal to the right; literals against @timestamp become times. */
struct expr *parser_compare(struct parser *p, size_t offset, enum expr_op op, struct expr *left,
                            struct expr *right);

/* parser_term.c: what stands behind `field:`, or a word, phrase or regex by itself when `name` is empty. */
struct expr *parser_term(struct parser *p, struct str name);
/* The same for a needle that is already in hand. FORM_WILDCARD is not one of these. */
struct expr *parser_text_node(struct parser *p, size_t offset, struct str name, enum expr_form form,
                              struct str needle);
/* A matcher that the query owns; NULL after an error. */
struct text_match *parser_match_new(struct parser *p, size_t offset, enum text_match_kind kind,
                                    struct str needle);
/* The regex that a LIKE pattern stands for. */
bool parser_like_regex(struct parser *p, struct str like, struct str *out);
/* /regex/ with its flags, as `(?i)regex`. */
bool parser_regex(struct parser *p, struct str *out);
/* Is a /regex/ here, rather than a path? Its closing slash is followed by flags and then the end of a word.
 */
bool parser_at_regex(struct parser *p);
/* What a bare word means as a literal: number, duration, size, time, address, bool, else text. */
struct value parser_word_literal(struct parser *p, struct str word);
bool parser_time_field(struct str name);

/* parser_expr.c: a value expression without and/or/not/comparisons; what may follow it; the whole. */
struct expr *parser_sum(struct parser *p);
/* The operator at `at` stands between two values: not ` -b`, which has a space before it and none behind. */
bool parser_binary(struct str text, size_t at);
/* The rest of `left = …`, `left in (…)`, `left like …` or `left` itself. In a filter bare words on the right
 * are texts. */
struct expr *parser_comparison(struct parser *p, struct expr *left, bool in_filter);
struct expr *parser_any(struct parser *p);
/* A function call whose name is the next word. */
struct expr *parser_call(struct parser *p);
/* parser_filter.c: the right side of a comparison in a filter; `equal` for = != in. */
struct expr *parser_filter_operand(struct parser *p, bool equal, bool in_list);
/* A comparison operator, IN, LIKE or IS NULL is at `at`. */
bool parser_comparison_at(struct str text, size_t at);
/* OR level of a filter, up to `)` or `|`. `name` is the field of `field:(…)`, else empty. */
struct expr *parser_filter_any(struct parser *p, struct str name);
