#include "base/assert.h"
#include "query/parser_state.h"
#include <stdarg.h>
#include <stdio.h>

void parser_init(struct parser *p, struct str text, const struct query_context *c, struct arena *mem,
                 struct query_error *why) {
    *p = (struct parser){ .text = text, .mem = mem, .now_ns = c->now_ns, .why = why };
    *why = (struct query_error){ 0 };
}

void parser_owned_fini(struct parser_owned *o) {
    for (size_t i = 0; i < o->texts.n; i++)
        text_match_free(o->texts.p[i]);
    for (size_t i = 0; i < o->prepared.n; i++)
        o->prepared.p[i].release(o->prepared.p[i].p);
    VEC_FINI(&o->texts);
    VEC_FINI(&o->prepared);
}

void parser_fini(struct parser *p) {
    parser_owned_fini(&p->owned);
    VEC_FINI(&p->defined);
}

struct arena *parser_mem(struct parser *p) {
    return p->mem;
}

int64_t parser_now_ns(const struct parser *p) {
    return p->now_ns;
}

bool parser_failed(const struct parser *p) {
    return p->failed;
}

/* The first error is the cause; what follows it is noise. */
PRINTF(4, 0) static bool fail(struct parser *p, size_t offset, size_t length, const char *fmt, va_list ap) {
    if (p->failed)
        return false;
    p->failed = true;
    p->why->offset = offset;
    p->why->length = length;
    (void)vsnprintf(p->why->msg, sizeof p->why->msg, fmt, ap);
    return false;
}

bool parser_fail_at(struct parser *p, size_t offset, size_t length, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fail(p, offset, length, fmt, ap);
    va_end(ap);
    return false;
}

bool parser_fail(struct parser *p, const char *fmt, ...) {
    size_t at = lex_space(p->text, p->pos), end = lex_word(p->text, at, true);
    if (end == at && at < p->text.n)
        end = at + 1;
    va_list ap;
    va_start(ap, fmt);
    fail(p, at, end - at, fmt, ap);
    va_end(ap);
    return false;
}

bool parser_out_of_memory(struct parser *p) {
    return parser_fail_at(p, 0, p->text.n, "the query is too large: more than %d MiB of memory",
                          QUERY_MEMORY_MAX >> 20);
}

bool parser_enter(struct parser *p) {
    if (p->depth == QUERY_NESTING_MAX)
        return parser_fail(p, "more than %d levels of nesting", QUERY_NESTING_MAX);
    p->depth++;
    return true;
}

char parser_peek(struct parser *p) {
    p->pos = lex_space(p->text, p->pos);
    return lex_at(p->text, p->pos);
}

bool parser_starts(const struct parser *p, const char *s) {
    return str_starts(str_skip(p->text, p->pos), str_of(s));
}

bool parser_at_end(struct parser *p) {
    parser_peek(p);
    return p->failed || p->pos == p->text.n || (parser_starts(p, "|") && !parser_starts(p, "||"));
}

bool parser_peek_word(struct parser *p, const char *word) {
    parser_peek(p);
    size_t end = lex_name(p->text, p->pos, LEX_NAME_PLAIN);
    return !p->failed && str_eq_nocase((struct str){ p->text.p + p->pos, end - p->pos }, str_of(word));
}

bool parser_take_word(struct parser *p, const char *word) {
    if (!parser_peek_word(p, word))
        return false;
    p->pos += strlen(word);
    return true;
}

bool parser_keyword(struct parser *p, const char *word) {
    if (!parser_peek_word(p, word))
        return false;
    size_t end = p->pos + strlen(word);
    char next = lex_at(p->text, end);
    return lex_word(p->text, end, true) == end || next == '{' || next == '[';
}

bool parser_take_keyword(struct parser *p, const char *word) {
    if (!parser_keyword(p, word))
        return false;
    p->pos += strlen(word);
    return true;
}

bool parser_take_symbol(struct parser *p, const char *symbol) {
    parser_peek(p);
    if (p->failed || !parser_starts(p, symbol))
        return false;
    /* "=" is not the front of "=~" or "==", nor "|" that of "||". */
    size_t n = strlen(symbol);
    char last = symbol[n - 1], next = lex_at(p->text, p->pos + n);
    if ((strchr("=<>!", last) && next && strchr("=~>", next)) || (strcmp(symbol, "|") == 0 && next == '|'))
        return false;
    p->pos += n;
    return true;
}

bool parser_need_word(struct parser *p, const char *word) {
    return parser_take_word(p, word) || parser_fail(p, "expected '%s'", word);
}

bool parser_need_symbol(struct parser *p, const char *symbol) {
    return parser_take_symbol(p, symbol) || parser_fail(p, "expected '%s'", symbol);
}

bool parser_quoted(struct parser *p, struct str *out) {
    size_t end = lex_quoted(p->text, p->pos);
    if (end == SIZE_MAX)
        return parser_fail_at(p, p->pos, p->text.n - p->pos, "this %c is not closed", p->text.p[p->pos]);
    if (lex_unquote((struct str){ p->text.p + p->pos, end - p->pos }, p->mem, out) != ERR_OK)
        return parser_out_of_memory(p);
    p->pos = end;
    return true;
}

static bool is_quote(char c) {
    return c == '"' || c == '\'' || c == '`';
}

bool parser_field(struct parser *p, struct str *out) {
    char c = parser_peek(p);
    if (p->failed)
        return false;
    if (c == '"' || c == '`') {
        size_t at = p->pos;
        if (!parser_quoted(p, out))
            return false;
        return out->n > 0 || parser_fail_at(p, at, 2, "expected a field name between the quotes");
    }
    size_t end = lex_name(p->text, p->pos, LEX_NAME_FIELD);
    if (end == p->pos)
        return parser_fail(p, "expected a field name");
    *out = (struct str){ p->text.p + p->pos, end - p->pos };
    p->pos = end;
    return true;
}

bool parser_text(struct parser *p, struct str *out) {
    char c = parser_peek(p);
    if (p->failed)
        return false;
    if (is_quote(c))
        return parser_quoted(p, out);
    size_t end = lex_word(p->text, p->pos, true);
    if (end == p->pos)
        return parser_fail(p, "expected a word or a quoted text");
    *out = (struct str){ p->text.p + p->pos, end - p->pos };
    p->pos = end;
    return true;
}

bool parser_uint(struct parser *p, uint64_t *out) {
    parser_peek(p);
    size_t end = lex_word(p->text, p->pos, true);
    if (p->failed || !str_to_u64((struct str){ p->text.p + p->pos, end - p->pos }, out))
        return parser_fail(p, "expected a whole number");
    p->pos = end;
    return true;
}

bool parser_duration(struct parser *p, int64_t *out_ns) {
    size_t at = lex_space(p->text, p->pos);
    struct str text;
    if (!parser_text(p, &text))
        return false;
    return duration_parse(text, out_ns) ||
           parser_fail_at(p, at, p->pos - at, "expected a duration such as 30s, 5m or 1h30m");
}

bool parser_more(struct parser *p) {
    return parser_take_symbol(p, ",");
}

bool parser_call_name(struct parser *p, struct str *out_name) {
    parser_peek(p);
    size_t end = lex_name(p->text, p->pos, LEX_NAME_PLAIN);
    struct str name = { p->text.p + p->pos, end - p->pos };
    bool call = name.n && lex_at(p->text, lex_space(p->text, end)) == '(';
    if (p->failed || !call || fn_find(name) || expr_keyword(name)) /* sort not (a > 5) */
        return false;
    *out_name = name;
    p->pos = end;
    p->aggregated = true;
    return true;
}

size_t parser_offset(const struct parser *p) {
    return lex_space(p->text, p->pos);
}

struct str parser_source(const struct parser *p, size_t from, size_t to) {
    ASSERT(from <= p->text.n && to <= p->text.n);
    if (from >= to)
        return (struct str){ p->text.p + from, 0 };
    return str_trim((struct str){ p->text.p + from, to - from });
}

void parser_define(struct parser *p, struct str name) {
    if (!parser_is_defined(p, name))
        VEC_PUSH(&p->defined, name);
}

bool parser_is_defined(const struct parser *p, struct str name) {
    for (size_t i = 0; i < p->defined.n; i++)
        if (str_eq(p->defined.p[i], name))
            return true;
    return false;
}

/* A whole list item that is one name, also one that a value expression would take for a difference or a
 * quotient. */
static size_t lone_name(struct parser *p) {
    size_t end = lex_name(p->text, p->pos, LEX_NAME_FIELD), next = lex_space(p->text, end);
    char c = lex_at(p->text, next);
    struct str word = { p->text.p + next, lex_letters(p->text, next) - next };
    bool ends = next == p->text.n || c == ',' || c == ')' || (c == '|' && lex_at(p->text, next + 1) != '|') ||
                (next > end && word.n && !expr_keyword(word));
    return end > p->pos && ends ? end : p->pos;
}

struct expr *parser_item(struct parser *p) {
    parser_peek(p);
    size_t at = p->pos, end = lone_name(p);
    if (p->failed || end == at)
        return parser_any(p);
    p->pos = end;
    return parser_field_node(p, at, (struct str){ p->text.p + at, end - at });
}

struct expr *parser_expr(struct parser *p) {
    bool wide = p->wide;
    p->wide = false;
    struct expr *e = parser_any(p);
    p->wide = wide;
    return e;
}

bool parser_wildcard(struct parser *p, struct str *out) {
    parser_peek(p);
    size_t end = lex_word(p->text, p->pos, true), next = lex_space(p->text, end);
    struct str word = { p->text.p + p->pos, end - p->pos };
    bool alone = next == p->text.n || lex_at(p->text, next) == ',' || lex_at(p->text, next) == '|';
    if (p->failed || word.n == 0 || !alone || (word.p[0] != '*' && word.p[word.n - 1] != '*'))
        return false;
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] != '*' && word.p[i] != '-' && !lex_name_byte(word.p[i]))
            return false;
    *out = word;
    p->pos = end;
    return true;
}

bool parser_at_number(struct parser *p) {
    uint64_t number;
    parser_peek(p);
    size_t end = lex_word(p->text, p->pos, true);
    return !p->failed && str_to_u64((struct str){ p->text.p + p->pos, end - p->pos }, &number);
}
