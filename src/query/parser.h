#pragma once
#include "query/expr.h"
#include "query/query.h"
/*
 * What a pipe command uses to read its own arguments (query/stage/stage_<name>.c). Functions leave an error with its place and return
 * false or NULL; the caller just returns. Memory of the query's arena.
 */
struct parser;

struct arena *parser_mem(struct parser *p);
int64_t parser_now_ns(const struct parser *p);
/* Leaves an error at the token that comes next; returns false. */
PRINTF(2, 3) bool parser_fail(struct parser *p, const char *fmt, ...);
bool parser_failed(const struct parser *p);

/* At the end of this command: end of text or `|`. */
bool parser_at_end(struct parser *p);
/* Takes the word (case ignored) or the punctuation if it comes next. */
bool parser_take_word(struct parser *p, const char *word);
bool parser_take_symbol(struct parser *p, const char *symbol); /* "(", ")", ",", "=", "-", "+" … */
bool parser_peek_word(struct parser *p, const char *word);
/* The same, required: an error says what was expected. */
bool parser_need_word(struct parser *p, const char *word);
bool parser_need_symbol(struct parser *p, const char *symbol);
/* A field name: bare (letters, digits, _ . @ - / : inside), or quoted with " or `. */
bool parser_field(struct parser *p, struct str *out);
/* A bare word or a quoted text. */
bool parser_text(struct parser *p, struct str *out);
bool parser_uint(struct parser *p, uint64_t *out);
bool parser_duration(struct parser *p, int64_t *out_ns);
/* A value expression: arithmetic, functions, comparisons, and/or/not. In it a bare word is a field, a quoted one ("…" or '…') a text. */
struct expr *parser_expr(struct parser *p);
/* A filter: query_string form, in which `a = "b"` and `a > 1` also work. Ends at `|`. */
struct expr *parser_filter(struct parser *p);
/* `, ` separated list helper: true when another item follows. */
bool parser_more(struct parser *p);
/* A function-shaped name before "(" that is not a scalar function: for aggregates. The name is taken, "(" comes next. Leaves nothing
 * taken when it returns false. */
bool parser_call_name(struct parser *p, struct str *out_name);
/* The source text between two points, as a default column name: `count()`, `p99(duration_ms)`. */
size_t parser_offset(const struct parser *p);
struct str parser_source(const struct parser *p, size_t from, size_t to);

/* An item of a list of fields (by, fields, sort, dedup …): a lone name as parser_field() reads it (`user-id` is one), else a value
 * expression. */
struct expr *parser_item(struct parser *p);
/* Says that the command makes a field of this name (eval x = …, stats … as x), so that a later `filter x` means its truth and
 * `filter a = x` its value. `name` must stay as it is (text or memory of the query). */
void parser_define(struct parser *p, struct str name);
/* As parser_fail, at a place given in bytes of the text. */
PRINTF(4, 5) bool parser_fail_at(struct parser *p, size_t offset, size_t length, const char *fmt, ...);
/* For "did you mean": the name nearest to `word`, or NULL. `at` gives name i (or several, space-separated), NULL at the end. */
const char *parser_suggest(struct parser *p, struct str word, const char *(*at)(size_t i));
/* A lone bare word that starts or ends with `*` (`http_*`), star included, as an item of a list of fields. Nothing is taken when it
 * returns false. */
bool parser_wildcard(struct parser *p, struct str *out);
/* A whole number comes next, as a word of its own. */
bool parser_at_number(struct parser *p);
