#include "query/parser_state.h"
/*
 * Filters, in the query_string form that people know, with comparisons among the words:
 *
 *     any        = all { OR all }
 *     all        = not { [AND] not }
 *     not        = ( NOT | "-" | "!" ) not | primary
 *     primary    = "(" any ")" | "{" labels "}" | "*" | field ":" value | comparison | call | word | phrase |
 * regex value      = "(" any ")" | term                      (inside, words belong to the field)
 *
 * What a word is depends on what follows it: `a` is a word to search for, `a > 1` compares a field, `a + b >
 * 1` a sum. The parser never guesses twice: looks_like_comparison() skims over one chain of operands, without
 * making nodes, to see whether a comparison operator ends it. In a comparison bare words on the left are
 * fields; on the right of = and != they are texts (level = error), of < and > fields; names that earlier
 * commands made are fields everywhere.
 */
enum { CHAIN_MAX = 16 }; /* operands skimmed before a comparison operator */

/* ---- skimming ---- */

static size_t skim_operand(const struct parser *p, size_t at) {
    struct str t = p->text;
    char c = lex_at(t, at);
    if (c == '"' || c == '\'' || c == '`')
        return lex_quoted(t, at);
    if (c == '(')
        return lex_group(t, at);
    size_t end = lex_name(t, at, LEX_NAME_FILTER);
    if (ascii_digit(c))
        for (end = at + 1; end < t.n; end++) {
            bool inside = lex_at(t, end) && strchr(":-/+", t.p[end]) && lex_name_byte(lex_at(t, end + 1));
            if (!inside && !lex_name_byte(t.p[end]))
                break;
        }
    if (end == at)
        return SIZE_MAX;
    bool call = lex_at(t, end) == '(' && lex_name(t, at, LEX_NAME_PLAIN) == end;
    return call ? lex_group(t, end) : end;
}

static bool word_at(struct str t, size_t at, const char *word, size_t *out_end) {
    size_t end = lex_name(t, at, LEX_NAME_PLAIN);
    *out_end = lex_space(t, end);
    return str_eq_nocase((struct str){ t.p + at, end - at }, str_of(word));
}

static bool word_operator_at(struct str t, size_t at) {
    size_t end;
    if (word_at(t, at, "is", &end))
        return word_at(t, end, "null", &at) ||
               (word_at(t, end, "not", &end) && word_at(t, end, "null", &end));
    if (word_at(t, at, "not", &end))
        at = end;
    if (word_at(t, at, "in", &end))
        return lex_at(t, end) == '(' || lex_at(t, end) == '[';
    char c = word_at(t, at, "like", &end) ? lex_at(t, end) : '\0';
    return c == '"' || c == '\'' || c == '/';
}

bool parser_comparison_at(struct str t, size_t at) {
    char c = lex_at(t, at), next = lex_at(t, at + 1);
    return c == '=' || c == '<' || c == '>' || (c == '!' && (next == '=' || next == '~')) ||
           word_operator_at(t, at);
}

/* Operands and operators up to a comparison. */
static bool looks_like_comparison(const struct parser *p) {
    size_t at = p->pos;
    for (unsigned i = 0; i < CHAIN_MAX; i++) {
        if (i > 0 && lex_at(p->text, at) == '-')
            at++;
        at = skim_operand(p, at);
        if (at == SIZE_MAX)
            return false;
        size_t next = lex_space(p->text, at);
        if (parser_comparison_at(p->text, next))
            return true;
        char c = lex_at(p->text, next);
        if (!c || !strchr("+-*/%", c) || !parser_binary(p->text, next))
            return false;
        at = lex_space(p->text, next + 1);
    }
    return false;
}

/* ---- comparisons ---- */

static struct expr *sum_in_filter(struct parser *p) {
    p->spaced = true;
    struct expr *e = parser_sum(p);
    p->spaced = false;
    return e;
}

static bool operator_follows(const struct parser *p, size_t end) {
    size_t at = lex_space(p->text, end);
    char c = lex_at(p->text, at);
    return c && strchr("+-*/%", c) && parser_binary(p->text, at);
}

struct expr *parser_filter_operand(struct parser *p, bool equal, bool in_list) {
    char c = parser_peek(p);
    size_t at = p->pos, end = lex_word(p->text, at, in_list);
    struct str word = { p->text.p + at, end - at };
    bool path = c == '/' && equal && word.n > 1; /* path = /health */
    bool bare = word.n && c != '\'' && (c != '/' || path) && lex_at(p->text, end) != '(';
    if (!bare || operator_follows(p, end))
        return sum_in_filter(p);
    struct value v = parser_word_literal(p, word);
    bool field = parser_is_defined(p, word) || c == '@' || !equal || ascii_digit(c) || c == '-';
    if (v.type == VALUE_STRING && field)
        return sum_in_filter(p);
    if (v.type == VALUE_STRING && str_eq_nocase(word, STR("null")))
        v = value_null();
    p->pos = end;
    return parser_literal(p, at, v);
}

/* A lone quoted name on the left is a field, as in SQL: a text compared with a text would say nothing about
 * rows. */
static struct expr *left_side(struct parser *p) {
    size_t at = p->pos, end = skim_operand(p, at);
    char c = lex_at(p->text, at);
    bool alone = end != SIZE_MAX && parser_comparison_at(p->text, lex_space(p->text, end));
    if (alone && c == '"') {
        struct str name;
        return parser_field(p, &name) ? parser_field_node(p, at, name) : NULL;
    }
    return sum_in_filter(p);
}

/* What was skimmed may still turn out not to be one. */
static struct expr *comparison(struct parser *p) {
    struct expr *left = left_side(p), *e = parser_comparison(p, left, true);
    if (e && e == left) {
        parser_fail(p, "expected a comparison, such as = or >");
        return NULL;
    }
    return e;
}

/* ---- {labels} ---- */

static bool label_operator(struct parser *p, enum label_op *out) {
    static const struct {
        const char *symbol;
        enum label_op op;
    } operators[] = { { "=~", LABEL_RE }, { "!~", LABEL_NRE }, { "!=", LABEL_NE }, { "=", LABEL_EQ } };
    for (size_t i = 0; i < COUNT_OF(operators); i++)
        if (parser_take_symbol(p, operators[i].symbol)) {
            *out = operators[i].op;
            return true;
        }
    return parser_fail(p, "expected =, !=, =~ or !~");
}

/* Prometheus regexes match the whole value. */
static bool label_regex(struct parser *p, size_t at, struct label_matcher *m) {
    AUTO(buf) b = { .limit_bytes = QUERY_BYTES_MAX + 16 };
    buf_add(&b, STR("^(?:"));
    buf_add(&b, m->value);
    buf_add(&b, STR(")$"));
    m->regex = parser_match_new(p, at, TEXT_REGEX, buf_str(&b));
    return m->regex != NULL;
}

static bool label_matcher(struct parser *p, struct label_matcher *m) {
    char c = parser_peek(p);
    size_t at = p->pos, end = lex_name(p->text, at, LEX_NAME_FILTER);
    if (c == '"' || c == '`') {
        if (!parser_quoted(p, &m->name))
            return false;
    } else if (end > at) {
        m->name = (struct str){ p->text.p + at, end - at };
        p->pos = end;
    } else {
        return parser_fail(p, "expected a label name");
    }
    if (!label_operator(p, &m->op))
        return false;
    c = parser_peek(p);
    at = p->pos;
    if (c != '"' && c != '\'' && c != '`')
        return parser_fail(p, "expected a quoted text");
    if (!parser_quoted(p, &m->value))
        return false;
    return (m->op != LABEL_RE && m->op != LABEL_NRE) || label_regex(p, at, m);
}

static struct expr *stream(struct parser *p) {
    enum { MATCHERS_MAX = 64 };
    struct label_matcher *matchers = ARENA_NEW(p->mem, struct label_matcher, MATCHERS_MAX);
    size_t at = p->pos++, count = 0;
    if (!matchers) {
        parser_out_of_memory(p);
        return NULL;
    }
    do {
        if (count == MATCHERS_MAX) {
            parser_fail(p, "more than %d labels", MATCHERS_MAX);
            return NULL;
        }
        if (!label_matcher(p, &matchers[count++]))
            return NULL;
    } while (parser_more(p));
    if (!parser_take_symbol(p, "}")) {
        parser_fail(p, "expected ',' or '}'");
        return NULL;
    }
    struct expr *e = parser_node(p, EXPR_STREAM, at);
    if (!e)
        return NULL;
    e->matchers = matchers;
    e->matcher_count = count;
    return e;
}

/* ---- primaries ---- */

static struct expr *group(struct parser *p, struct str name) {
    if (!parser_enter(p))
        return NULL;
    p->pos++;
    struct expr *e = parser_filter_any(p, name);
    if (!e)
        return NULL;
    if (!parser_take_symbol(p, ")")) {
        parser_fail(p, "expected ')'");
        return NULL;
    }
    parser_leave(p);
    return e;
}

/* `name:` here, with the place behind the colon; not of std::vector, http://host or 12:30. */
static bool field_prefix(struct parser *p, struct str *out_name) {
    size_t at = p->pos, end;
    char c = lex_at(p->text, at);
    if (c == '"' || c == '`') {
        end = lex_quoted(p->text, at);
        if (end == SIZE_MAX || lex_at(p->text, end) != ':' || end == at + 2)
            return false;
        if (!parser_quoted(p, out_name))
            return false;
        p->pos++;
        return true;
    }
    end = lex_name(p->text, at, LEX_NAME_FILTER);
    struct str rest = str_skip(p->text, end);
    if (end == at || !str_starts(rest, STR(":")) || str_starts(rest, STR("::")) ||
        str_starts(rest, STR("://")))
        return false;
    *out_name = (struct str){ p->text.p + at, end - at };
    p->pos = end + 1;
    return true;
}

static struct expr *field_value(struct parser *p, struct str name) {
    size_t at = p->pos;
    if (str_eq(name, STR("_exists_"))) /* Elasticsearch's way to say name:* */
        return parser_field(p, &name) ? parser_exists(p, at, name) : NULL;
    if (parser_peek(p) == '(')
        return group(p, name);
    if (parser_at_end(p) || lex_at(p->text, p->pos) == ')') {
        parser_fail(p, "expected a value for '" STR_FMT "'", STR_ARG(name));
        return NULL;
    }
    return parser_term(p, name);
}

static struct expr *condition(struct parser *p, struct expr *e) {
    if (e && e->kind == EXPR_LITERAL) {
        parser_fail_at(p, e->offset, e->length, "this is no condition: compare it with something");
        return NULL;
    }
    return e;
}

/* A word that may be more than a word: a call, or the truth of a field that a command made. */
static struct expr *word_or_call(struct parser *p) {
    size_t at = p->pos, end = lex_name(p->text, at, LEX_NAME_PLAIN);
    struct str name = { p->text.p + at, end - at };
    if (name.n && lex_at(p->text, end) == '(')
        return condition(p, parser_call(p));
    size_t word_end = lex_word(p->text, at, false);
    if (word_end == end && parser_is_defined(p, name)) {
        p->pos = end;
        return parser_field_node(p, at, name);
    }
    if (str_eq((struct str){ p->text.p + at, word_end - at }, STR("*:*"))) { /* Elasticsearch's everything */
        p->pos = word_end;
        return parser_node(p, EXPR_ALL, at);
    }
    return parser_term(p, (struct str){ 0 });
}

static struct expr *backquoted(struct parser *p) {
    size_t at = p->pos;
    struct str name;
    return parser_field(p, &name) ? parser_field_node(p, at, name) : NULL;
}

static struct expr *primary(struct parser *p, struct str name) {
    char c = parser_peek(p);
    if (c == '(' && (name.n || !looks_like_comparison(p)))
        return group(p, name);
    if (c == '\0' ? p->pos == p->text.n : strchr(")|,]}=<>&", c) != NULL) {
        bool operator= name.n &&(c == '=' || c == '<' || c == '>');
        if (!operator) {
            parser_fail(p, p->pos == p->text.n ? "expected something to look for here, at the end"
                                               : "expected something to look for; quote it if this is it");
            return NULL;
        }
    }
    if (name.n)
        return parser_term(p, name);
    if (c == '{')
        return stream(p);
    if (field_prefix(p, &name))
        return field_value(p, name);
    if (p->failed)
        return NULL;
    if (looks_like_comparison(p))
        return comparison(p);
    return c == '`' ? backquoted(p) : word_or_call(p);
}

static bool take_not(struct parser *p) {
    char c = parser_peek(p), next = lex_at(p->text, p->pos + 1);
    if (c == '!' && next != '=' && next != '~') {
        p->pos++;
        return true;
    }
    if (c == '-' && p->pos + 1 < p->text.n && lex_space(p->text, p->pos + 1) == p->pos + 1) {
        p->pos++;
        return true;
    }
    return parser_take_keyword(p, "not");
}

static struct expr *negation(struct parser *p, struct str name) {
    size_t at = parser_offset(p);
    if (!take_not(p)) {
        /* "+word": wanted, as every word is here. */
        if (parser_peek(p) == '+' && lex_space(p->text, p->pos + 1) == p->pos + 1 && p->pos + 1 < p->text.n)
            p->pos++;
        return primary(p, name);
    }
    if (!parser_enter(p))
        return NULL;
    struct expr *arg = negation(p, name);
    if (!arg)
        return NULL;
    parser_leave(p);
    return parser_unary(p, EXPR_NOT, at, arg);
}

/* Ends at OR, ")" and the end; AND may be left out. */
static struct expr *conjunction(struct parser *p, struct str name) {
    VEC(struct expr *) items = { 0 };
    size_t at = parser_offset(p);
    struct expr *item, *e = NULL;
    bool more;
    do {
        item = negation(p, name);
        VEC_PUSH(&items, item);
        bool joined = item && (parser_take_keyword(p, "and") || parser_take_symbol(p, "&&"));
        more = joined || !(parser_at_end(p) || parser_peek(p) == ')' || parser_keyword(p, "or") ||
                           parser_starts(p, "||"));
    } while (item && more);
    if (item)
        e = parser_join(p, EXPR_AND, at, items.p, items.n);
    VEC_FINI(&items);
    return e;
}

struct expr *parser_filter_any(struct parser *p, struct str name) {
    VEC(struct expr *) items = { 0 };
    size_t at = parser_offset(p);
    struct expr *item, *e = NULL;
    do {
        item = conjunction(p, name);
        VEC_PUSH(&items, item);
    } while (item && (parser_take_keyword(p, "or") || parser_take_symbol(p, "||")));
    if (item)
        e = parser_join(p, EXPR_OR, at, items.p, items.n);
    VEC_FINI(&items);
    return e;
}

struct expr *parser_filter(struct parser *p) {
    bool wide = p->wide;
    p->wide = true;
    struct expr *e = parser_filter_any(p, (struct str){ 0 });
    p->wide = wide;
    if (e && !parser_at_end(p)) {
        parser_fail(p, "this ')' closes nothing");
        return NULL;
    }
    return e;
}
