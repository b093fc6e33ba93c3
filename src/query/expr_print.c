#include "base/assert.h"
#include "query/lex.h"
#include "query/parser_state.h"
#include "query/stage/stage.h"
#include "query/value_ip.h"
#include "query/value_time.h"
/*
 * A tree as text again, such that the parser makes the same tree of it. Whatever could be taken for something
 * else is quoted: names in backticks, words that are keywords or commands in double quotes. Parentheses stand
 * where the grammar's levels ask for them, and around what would read differently at the start of a
 * comparison in a filter (`-a > 1` is a NOT there).
 */
enum level {
    LEVEL_OR,
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_COMPARE,
    LEVEL_SUM,
    LEVEL_PRODUCT,
    LEVEL_UNARY,
    LEVEL_PRIMARY
};
enum place {
    PLACE_TRUTH,
    PLACE_LEFT,  /* of a comparison or of IN */
    PLACE_RIGHT, /* of these: a bare word would be a text */
    PLACE_VALUE, /* of arithmetic, or an argument */
};

static void print(const struct expr *e, enum level least, enum place place, struct buf *out);

static bool reserved(struct str word) {
    struct str now = { word.p, word.n < 3 ? word.n : 3 };
    return expr_keyword(word) || str_eq_nocase(now, STR("now")) || str_eq_nocase(word, STR("exists")) ||
           str_eq_nocase(word, STR("to")) || stage_find(word);
}

static void print_quoted(struct str s, char quote, struct buf *out) {
    buf_add_char(out, quote);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == quote || s.p[i] == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, s.p[i]);
    }
    buf_add_char(out, quote);
}

static bool plain_name(struct str name) {
    return name.n && lex_name(name, 0, LEX_NAME_PLAIN) == name.n && !reserved(name);
}

static void print_name(struct str name, bool bare, struct buf *out) {
    if (bare && plain_name(name))
        buf_add(out, name);
    else
        print_quoted(name, '`', out);
}

static void print_float(double f, struct buf *out) {
    size_t start = out->n;
    buf_add_f64(out, f);
    bool whole = true;
    for (size_t i = start; i < out->n; i++)
        whole = whole && (ascii_digit(out->p[i]) || out->p[i] == '-');
    if (whole)
        buf_add(out, STR(".0"));
}

static void print_literal(const struct value *v, struct buf *out) {
    switch (v->type) {
    case VALUE_NULL: buf_add(out, STR("null")); return;
    case VALUE_FLOAT: print_float(v->f, out); return;
    case VALUE_TIME: value_time_print(v->i, 9, out); return;
    case VALUE_STRING: print_quoted(v->s, '"', out); return;
    default: value_print(v, out); return;
    }
}

/* Between slashes `\/` means `/`, and a lone backslash at the end would hide the slash: such needles came in
 * quotes. */
static bool fits_slashes(struct str needle) {
    for (size_t i = 0; i < needle.n; i++)
        if (needle.p[i] == '\\' && (++i == needle.n || needle.p[i] == '/'))
            return false;
    return true;
}

static void print_regex(struct str needle, struct buf *out) {
    if (!fits_slashes(needle)) {
        print_quoted(needle, '"', out);
        return;
    }
    buf_add_char(out, '/');
    for (size_t i = 0; i < needle.n; i++) {
        if (needle.p[i] == '\\' && i + 1 < needle.n)
            buf_add_char(out, needle.p[i++]);
        else if (needle.p[i] == '/')
            buf_add_char(out, '\\');
        buf_add_char(out, needle.p[i]);
    }
    buf_add_char(out, '/');
}

/* Bare only when no reader of terms could take it for anything else. */
static void print_word(struct str word, bool numeric, struct buf *out) {
    bool bare = word.n > 0 && !reserved(word);
    for (size_t i = 0; i < word.n; i++)
        bare = bare && (ascii_digit(word.p[i]) || token_byte((unsigned char)word.p[i]) ||
                        (i && strchr("-._", word.p[i])));
    bool digit = word.n && ascii_digit(word.p[0]);
    if (numeric || (bare && !digit))
        buf_add(out, word);
    else
        print_quoted(word, '"', out);
}

static void print_text(const struct expr *e, struct buf *out) {
    if (e->name.n && (e->form == FORM_REGEX || e->form == FORM_LIKE)) {
        print_name(e->name, true, out);
        buf_add(out, e->form == FORM_REGEX ? STR(" =~ ") : STR(" like "));
    } else if (e->name.n) {
        print_name(e->name, true, out);
        buf_add_char(out, ':');
    }
    switch (e->form) {
    case FORM_TOKENS: print_word(e->needle, e->literal.type != VALUE_NULL, out); return;
    case FORM_PREFIX:
        print_quoted(e->needle, '"', out);
        buf_add_char(out, '*');
        return;
    case FORM_SUBSTRING:
        buf_add_char(out, '*');
        print_quoted(e->needle, '"', out);
        buf_add_char(out, '*');
        return;
    case FORM_WILDCARD: buf_add(out, e->needle); return;
    case FORM_REGEX: print_regex(e->needle, out); return;
    case FORM_LIKE: print_quoted(e->needle, '"', out); return;
    }
}

static void print_bound(const struct value *v, struct buf *out) {
    if (v->type == VALUE_NULL)
        buf_add_char(out, '*');
    else
        print_literal(v, out);
}

static void print_range(const struct expr *e, struct buf *out) {
    print_name(e->name, true, out);
    buf_add(out, e->low_open ? STR(":{") : STR(":["));
    print_bound(&e->literal, out);
    buf_add(out, STR(" TO "));
    print_bound(&e->high, out);
    buf_add_char(out, e->high_open ? '}' : ']');
}

static void print_stream(const struct expr *e, struct buf *out) {
    static const char *const symbols[] = {
        [LABEL_EQ] = "=", [LABEL_NE] = "!=", [LABEL_RE] = "=~", [LABEL_NRE] = "!~"
    };
    for (size_t i = 0; i < e->matcher_count; i++) {
        buf_add_char(out, i ? ',' : '{');
        print_name(e->matchers[i].name, true, out);
        buf_add(out, str_of(symbols[e->matchers[i].op]));
        print_quoted(e->matchers[i].value, '"', out);
    }
    buf_add_char(out, '}');
}

static void print_list(const struct expr *e, size_t from, enum level least, enum place place,
                       struct buf *out) {
    for (size_t i = from; i < e->arg_count; i++) {
        if (i > from)
            buf_add(out, STR(", "));
        print(e->args[i], least, place, out);
    }
}

static const char *const op_symbols[] = {
    [OP_ADD] = "+", [OP_SUB] = "-", [OP_MUL] = "*", [OP_DIV] = "/", [OP_MOD] = "%", [OP_EQ] = "=",
    [OP_NE] = "!=", [OP_LT] = "<",  [OP_LE] = "<=", [OP_GT] = ">",  [OP_GE] = ">="
};

static enum level level_of(const struct expr *e) {
    switch (e->kind) {
    case EXPR_OR: return LEVEL_OR;
    case EXPR_AND: return LEVEL_AND;
    case EXPR_NOT: return LEVEL_NOT;
    case EXPR_COMPARE:
    case EXPR_IN: return LEVEL_COMPARE;
    case EXPR_TEXT: return e->form == FORM_REGEX || e->form == FORM_LIKE ? LEVEL_COMPARE : LEVEL_PRIMARY;
    case EXPR_ARITH: return e->op == OP_ADD || e->op == OP_SUB ? LEVEL_SUM : LEVEL_PRODUCT;
    case EXPR_NEGATE: return LEVEL_UNARY;
    default: return LEVEL_PRIMARY;
    }
}

static void print_binary(const struct expr *e, struct buf *out) {
    bool arith = e->kind == EXPR_ARITH;
    enum level level = level_of(e);
    print(e->args[0], arith ? level : LEVEL_SUM, arith ? PLACE_VALUE : PLACE_LEFT, out);
    buf_addf(out, " %s ", op_symbols[e->op]);
    print(e->args[1], level + 1, arith ? PLACE_VALUE : PLACE_RIGHT, out);
}

static void print_joined(const struct expr *e, struct buf *out) {
    for (size_t i = 0; i < e->arg_count; i++) {
        if (i > 0)
            buf_add(out, e->kind == EXPR_AND ? STR(" AND ") : STR(" OR "));
        print(e->args[i], level_of(e) + 1, PLACE_TRUTH, out);
    }
}

static void print_in(const struct expr *e, struct buf *out) {
    print(e->args[0], LEVEL_SUM, PLACE_LEFT, out);
    buf_add(out, STR(" in ("));
    print_list(e, 1, LEVEL_SUM, PLACE_RIGHT, out);
    buf_add_char(out, ')');
}

/* On the left, what a filter would not take for the start of a comparison, or of another one. */
static bool misread(const struct expr *e, enum place place) {
    const struct value *v = &e->literal;
    if (e->kind == EXPR_ARITH || e->kind == EXPR_NEGATE)
        return place == PLACE_LEFT;
    if (e->kind != EXPR_LITERAL)
        return false;
    bool minus = (v->type == VALUE_INT && v->i < 0) || (v->type == VALUE_FLOAT && v->f < 0);
    return (place == PLACE_LEFT && (minus || v->type == VALUE_STRING || v->type == VALUE_IP)) ||
           (place == PLACE_TRUTH && v->type != VALUE_BOOL);
}

static void print_node(const struct expr *e, enum place place, struct buf *out) {
    switch (e->kind) {
    case EXPR_LITERAL: print_literal(&e->literal, out); return;
    case EXPR_FIELD: print_name(e->name, place != PLACE_TRUTH && place != PLACE_RIGHT, out); return;
    case EXPR_CALL:
        buf_addf(out, "%s(", e->fn->name);
        print_list(e, 0, LEVEL_OR, PLACE_VALUE, out);
        buf_add_char(out, ')');
        return;
    case EXPR_NOT:
        buf_add(out, STR("NOT "));
        print(e->args[0], LEVEL_NOT, PLACE_TRUTH, out);
        return;
    case EXPR_AND:
    case EXPR_OR: print_joined(e, out); return;
    case EXPR_ARITH:
    case EXPR_COMPARE: print_binary(e, out); return;
    case EXPR_NEGATE:
        buf_add_char(out, '-');
        print(e->args[0], LEVEL_UNARY, PLACE_VALUE, out);
        return;
    case EXPR_IN: print_in(e, out); return;
    case EXPR_TEXT: print_text(e, out); return;
    case EXPR_RANGE: print_range(e, out); return;
    case EXPR_EXISTS:
        buf_add(out, STR("exists("));
        print_quoted(e->name, '`', out);
        buf_add_char(out, ')');
        return;
    case EXPR_CIDR:
        print_name(e->name, true, out);
        buf_add_char(out, ':');
        value_ip_prefix_print(e->cidr, e->cidr_bits, out);
        return;
    case EXPR_STREAM: print_stream(e, out); return;
    case EXPR_ALL: buf_add_char(out, '*'); return;
    }
    ASSERT(false && "a kind of expression");
}

static void print(const struct expr *e, enum level least, enum place place, struct buf *out) {
    bool parentheses = level_of(e) < least || misread(e, place);
    if (parentheses)
        buf_add_char(out, '(');
    print_node(e, parentheses ? PLACE_VALUE : place, out);
    if (parentheses)
        buf_add_char(out, ')');
}

void expr_print(const struct expr *e, struct buf *out) {
    print(e, LEVEL_OR, PLACE_TRUTH, out);
}
