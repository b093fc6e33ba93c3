#include "base/assert.h"
#include "query/agg/agg.h"
#include "query/parser_state.h"
/*
 * Value expressions.
 *
 *     any        = all { OR all }                 sum     = product { ("+" | "-") product }
 *     all        = not { AND not }                product = unary { ("*" | "/" | "%") unary }
 *     not        = NOT not | comparison           unary   = "-" unary | primary
 *     comparison = sum [ = != < <= > >= sum | =~ !~ pattern | [NOT] LIKE text | [NOT] IN "(" … ")" | IS [NOT]
 * NULL ]
 *
 * A filter uses everything from `sum` down, and the comparison with its own right sides
 * (parser_filter_operand). Sums and products of literals become literals, so that `@timestamp > now() - 1h`
 * compares with a time.
 */

bool expr_keyword(struct str word) {
    static const char *const words[] = { "and", "or", "not", "in", "like", "is", "true", "false", "null" };
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_eq_nocase(word, str_of(words[i])))
            return true;
    return false;
}

static struct str source(const struct parser *p, size_t from, size_t to) {
    return (struct str){ p->text.p + from, to - from };
}

/* ---- literals ---- */

static size_t skip_of(struct str text, size_t at, const char *set) {
    while (at < text.n && (ascii_digit(text.p[at]) || strchr(set, text.p[at])) && text.p[at])
        at++;
    return at;
}

/* End of 2026-11-21[T07:01[:44[.5]]][Z|+02:00]; `at` when it is not a date. */
static size_t date_end(struct str text, size_t at) {
    static const char shape[] = "dddd-dd-dd";
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        char c = lex_at(text, at + i);
        if (shape[i] == 'd' ? !ascii_digit(c) : c != '-')
            return at;
    }
    size_t end = at + sizeof shape - 1;
    if ((lex_at(text, end) | 0x20) != 't' || !ascii_digit(lex_at(text, end + 1)))
        return end;
    end = skip_of(text, end + 1, ":.");
    char zone = lex_at(text, end);
    if (zone == 'Z' || zone == 'z')
        return end + 1;
    return (zone == '+' || zone == '-') && ascii_digit(lex_at(text, end + 1)) ? skip_of(text, end + 1, ":")
                                                                              : end;
}

/* End of what starts with a digit: 5, 1.5e-3, 10ms, 4KiB, 10.0.0.1, 2001:db8::1, a date. */
static size_t number_end(struct str text, size_t at) {
    size_t end = date_end(text, at);
    if (end > at)
        return end;
    for (end = at + 1; end < text.n; end++) {
        char c = text.p[end], next = lex_at(text, end + 1);
        bool exponent = (c == '-' || c == '+') && ascii_digit(next) && (text.p[end - 1] | 0x20) == 'e' &&
                        skip_of(text, at, ".") == end - 1;
        bool colon = c == ':' && (next == ':' || text.p[end - 1] == ':' || lex_name_byte(next));
        if (!lex_name_byte(c) && !colon && !exponent)
            break;
    }
    return end;
}

static struct expr *number(struct parser *p) {
    size_t at = p->pos, end = number_end(p->text, at);
    struct value v = parser_word_literal(p, source(p, at, end));
    p->pos = end;
    if (v.type == VALUE_STRING) {
        parser_fail_at(p, at, end - at,
                       "not a number, duration (5m), size (10KB), address or time; a field name that starts "
                       "with a digit needs backticks");
        return NULL;
    }
    return parser_literal(p, at, v);
}

/* now-4d, now/h: at "now" and not a call. */
static struct expr *now(struct parser *p) {
    size_t at = p->pos;
    int64_t ns;
    for (p->pos += 3; p->pos < p->text.n; p->pos++) {
        char c = p->text.p[p->pos], next = lex_at(p->text, p->pos + 1);
        bool step = ((c == '-' || c == '+') && ascii_digit(next)) ||
                    (c == '/' && lex_letters(p->text, p->pos + 1) > p->pos + 1);
        if (!step && !ascii_digit(c) && lex_letters(p->text, p->pos) == p->pos)
            break;
    }
    if (!time_parse(source(p, at, p->pos), p->now_ns, &ns)) {
        parser_fail_at(p, at, p->pos - at, "expected a time such as now-4d or now-1d/d");
        return NULL;
    }
    return parser_literal(p, at, value_time(ns));
}

static struct expr *text_literal(struct parser *p) {
    size_t at = p->pos;
    struct str text;
    bool ok = p->text.p[at] == '/' ? parser_regex(p, &text) : parser_quoted(p, &text);
    return ok ? parser_literal(p, at, value_string(text)) : NULL;
}

/* ---- calls ---- */

static const char *fn_names(size_t i) {
    if (i >= 2 * fn_count())
        return i == 2 * fn_count() ? "exists" : NULL;
    const struct fn *fn = fn_at(i / 2);
    return i % 2 == 0 ? fn->name : fn->aliases ? fn->aliases : "";
}

static bool is_aggregate(struct str name) {
    double parameter;
    return !fn_find(name) && agg_find(name, &parameter);
}

static const struct fn *need_fn(struct parser *p, size_t at, struct str name) {
    const struct fn *fn = fn_find(name);
    if (fn)
        return fn;
    if (is_aggregate(name)) {
        parser_fail_at(p, at, name.n, "'" STR_FMT "' is an aggregate: stats computes it", STR_ARG(name));
        return NULL;
    }
    const char *near = parser_suggest(p, name, fn_names);
    parser_fail_at(p, at, name.n, "unknown function '" STR_FMT "'%s%s%s", STR_ARG(name),
                   near ? "; did you mean '" : "", near ? near : "; to search for this text, quote it",
                   near ? "'?" : "");
    return NULL;
}

static bool prepare(struct parser *p, struct expr *call) {
    const struct fn *fn = call->fn;
    if (!fn->prepare || fn->prepare_arg >= call->arg_count)
        return true;
    const struct expr *arg = call->args[fn->prepare_arg];
    if (arg->kind != EXPR_LITERAL || arg->literal.type != VALUE_STRING)
        return parser_fail_at(p, arg->offset, arg->length, "%s: the pattern must be a quoted text", fn->name);
    if (p->regexes++ == QUERY_REGEXES_MAX)
        return parser_fail_at(p, arg->offset, arg->length, "more than %d regular expressions in one query",
                              QUERY_REGEXES_MAX);
    struct err_text why;
    void *made;
    if (fn->prepare(arg->literal.s, &why, &made) != ERR_OK)
        return parser_fail_at(p, arg->offset, arg->length, "%s: %s", fn->name, why.msg);
    VEC_PUSH(&p->owned.prepared, (struct parser_prepared){ made, fn->release });
    call->prepared = made;
    return true;
}

static struct expr *call_node(struct parser *p, size_t at, const struct fn *fn, struct expr *const *args,
                              size_t count) {
    struct expr *e = parser_node_of(p, EXPR_CALL, at, args, count);
    if (!e)
        return NULL;
    e->fn = fn;
    return prepare(p, e) ? e : NULL;
}

/* A call that the parser itself makes. */
static struct expr *call_named(struct parser *p, size_t at, const char *name, struct expr *const *args,
                               size_t count) {
    const struct fn *fn = fn_find(str_of(name));
    ASSERT(fn != NULL);
    return call_node(p, at, fn, args, count);
}

/* Behind "(": up to FN_ARGS_MAX arguments and ")". */
static bool call_args(struct parser *p, struct expr **args, size_t *out_count) {
    size_t count = 0;
    bool spaced = p->spaced;
    p->spaced = false;
    if (!parser_take_symbol(p, ")")) {
        do {
            if (count == FN_ARGS_MAX)
                return parser_fail(p, "more than %d arguments", FN_ARGS_MAX);
            args[count] = parser_any(p);
            if (!args[count++])
                return false;
        } while (parser_more(p));
        if (!parser_take_symbol(p, ")"))
            return parser_fail(p, "expected ',' or ')'");
    }
    p->spaced = spaced;
    *out_count = count;
    return true;
}

static struct expr *exists_call(struct parser *p, size_t at) {
    struct str name;
    if (!parser_need_symbol(p, "(") || !parser_field(p, &name) || !parser_need_symbol(p, ")"))
        return NULL;
    return parser_exists(p, at, name);
}

static struct expr *wrong_count(struct parser *p, size_t at, const struct fn *fn, size_t count) {
    parser_fail_at(p, at, p->pos - at, "%zu argument%s do%s not fit: %s", count, count == 1 ? "" : "s",
                   count == 1 ? "es" : "", fn->help);
    return NULL;
}

/* A column of an earlier stats, by the text that computed it: `stats count() by bin(5m) | filter count(*) > 5
 * | sort bin(5m)`. */
static struct expr *made_column(struct parser *p, size_t open) {
    size_t at = p->pos, end = lex_at(p->text, open) == '(' ? lex_group(p->text, open) : SIZE_MAX;
    if (end == SIZE_MAX)
        return NULL;
    bool computed = p->aggregated && is_aggregate(source(p, at, open));
    if (!computed && !parser_is_defined(p, source(p, at, end)))
        return NULL;
    p->pos = end;
    return parser_field_node(p, at, source(p, at, end));
}

struct expr *parser_call(struct parser *p) {
    size_t at = p->pos, end = lex_name(p->text, at, LEX_NAME_PLAIN);
    struct str name = source(p, at, end);
    struct expr *column = made_column(p, end);
    if (column)
        return column;
    struct expr *args[FN_ARGS_MAX + 1];
    size_t count = 0;
    p->pos = end;
    if (str_eq_nocase(name, STR("exists")))
        return exists_call(p, at);
    const struct fn *fn = need_fn(p, at, name);
    if (!fn || !parser_need_symbol(p, "(") || !parser_enter(p) || !call_args(p, args + 1, &count))
        return NULL;
    parser_leave(p);
    bool add_time = fn->time_first && count + 1 == fn->args_max;
    if (add_time) {
        args[0] = parser_field_node(p, at, STR("@timestamp"));
        if (args[1]->kind != EXPR_LITERAL)
            return wrong_count(p, at, fn, count);
        count++;
    }
    if (count < fn->args_min || count > fn->args_max)
        return wrong_count(p, at, fn, count);
    if (count == 0 && str_eq(str_of(fn->name), STR("now")))
        return parser_literal(p, at, value_time(p->now_ns));
    return call_node(p, at, fn, args + !add_time, count);
}

/* ---- operands ---- */

static struct expr *group(struct parser *p) {
    bool spaced = p->spaced;
    if (!parser_enter(p))
        return NULL;
    p->pos++;
    p->spaced = false;
    struct expr *e = parser_any(p);
    if (!e || !parser_need_symbol(p, ")"))
        return NULL;
    p->spaced = spaced;
    parser_leave(p);
    return e;
}

static struct expr *word(struct parser *p) {
    size_t at = p->pos, end = lex_name(p->text, at, LEX_NAME_PLAIN);
    struct str name = source(p, at, end);
    bool call = lex_at(p->text, lex_space(p->text, end)) == '(';
    if (call && (fn_find(name) || str_eq_nocase(name, STR("exists")) || lex_at(p->text, end) == '('))
        return parser_call(p);
    if (str_eq_nocase(name, STR("now")))
        return now(p);
    end = lex_name(p->text, at, p->wide ? LEX_NAME_FILTER : LEX_NAME_PLAIN);
    name = source(p, at, end);
    bool truth = str_eq_nocase(name, STR("true"));
    if (!truth && !str_eq_nocase(name, STR("false")) && !str_eq_nocase(name, STR("null")) &&
        expr_keyword(name)) {
        parser_fail(p, "expected a value; a field of this name needs backticks");
        return NULL;
    }
    p->pos = end;
    if (str_eq_nocase(name, STR("null")))
        return parser_literal(p, at, value_null());
    if (truth || str_eq_nocase(name, STR("false")))
        return parser_literal(p, at, value_bool(truth));
    return parser_field_node(p, at, name);
}

static struct expr *backquoted(struct parser *p) {
    size_t at = p->pos;
    struct str name;
    return parser_field(p, &name) ? parser_field_node(p, at, name) : NULL;
}

static struct expr *primary(struct parser *p) {
    char c = parser_peek(p);
    if (p->failed)
        return NULL;
    if (ascii_digit(c) || (c == '.' && ascii_digit(lex_at(p->text, p->pos + 1))))
        return number(p);
    if (c == '"' || c == '\'' || c == '/')
        return text_literal(p);
    if (c == '`')
        return backquoted(p);
    if (c == '(')
        return group(p);
    if (lex_name(p->text, p->pos, LEX_NAME_PLAIN) > p->pos)
        return word(p);
    parser_fail(p, p->pos == p->text.n ? "expected a value here, at the end"
                                       : "expected a field, number, text or function");
    return NULL;
}

static struct expr *fold(struct parser *p, struct expr *e, struct value v) {
    if (v.type == VALUE_NULL)
        return e;
    return parser_literal(p, e->offset, v);
}

/* `-5` is a literal, also the least int64, whose magnitude alone is not one. */
static struct expr *unary(struct parser *p) {
    struct value zero = value_int(0);
    if (parser_peek(p) != '-')
        return primary(p);
    size_t at = p->pos++;
    int64_t least;
    size_t end = ascii_digit(lex_at(p->text, at + 1)) ? number_end(p->text, at + 1) : at;
    if (str_to_i64(source(p, at, end), &least) && least == INT64_MIN) {
        p->pos = end;
        return parser_literal(p, at, value_int(least));
    }
    if (!parser_enter(p))
        return NULL;
    struct expr *arg = unary(p);
    if (!arg)
        return NULL;
    parser_leave(p);
    struct expr *e = parser_unary(p, EXPR_NEGATE, at, arg);
    bool number =
        arg->kind == EXPR_LITERAL && (arg->literal.type == VALUE_INT || arg->literal.type == VALUE_FLOAT);
    return e && number ? fold(p, e, value_arith(OP_SUB, &zero, &arg->literal)) : e;
}

static struct expr *arith(struct parser *p, size_t at, enum expr_op op, struct expr *left,
                          struct expr *right) {
    struct expr *e = parser_node_of(p, EXPR_ARITH, at, (struct expr *const[]){ left, right }, 2);
    if (!e)
        return NULL;
    e->op = op;
    bool literals = left->kind == EXPR_LITERAL && right->kind == EXPR_LITERAL;
    return literals ? fold(p, e, value_arith(op, &left->literal, &right->literal)) : e;
}

/* `a = 5 -b` ends before the minus; so does `conn* status > 5` behind the star, which belongs to the word. */
bool parser_binary(struct str text, size_t at) {
    bool before = at > 0 && lex_space(text, at - 1) == at, after = lex_space(text, at + 1) > at + 1;
    return text.p[at] == '*' ? before == after : !before || after;
}

static bool take_operator(struct parser *p, const char *symbol) {
    parser_peek(p);
    if (p->spaced && !parser_binary(p->text, p->pos))
        return false;
    return parser_take_symbol(p, symbol);
}

static struct expr *product(struct parser *p) {
    size_t at = parser_offset(p);
    struct expr *left = unary(p);
    while (left) {
        enum expr_op op;
        if (take_operator(p, "*"))
            op = OP_MUL;
        else if (take_operator(p, "/"))
            op = OP_DIV;
        else if (take_operator(p, "%"))
            op = OP_MOD;
        else
            return left;
        struct expr *right = unary(p);
        left = right ? arith(p, at, op, left, right) : NULL;
    }
    return NULL;
}

struct expr *parser_sum(struct parser *p) {
    size_t at = parser_offset(p);
    struct expr *left = product(p);
    while (left) {
        enum expr_op op;
        if (take_operator(p, "+"))
            op = OP_ADD;
        else if (take_operator(p, "-"))
            op = OP_SUB;
        else
            return left;
        struct expr *right = product(p);
        left = right ? arith(p, at, op, left, right) : NULL;
    }
    return NULL;
}

/* ---- comparisons ---- */

static const struct {
    const char *symbol;
    enum expr_op op;
} comparisons[] = { { "==", OP_EQ }, { "!=", OP_NE }, { "<>", OP_NE }, { "<=", OP_LE },
                    { ">=", OP_GE }, { "=", OP_EQ },  { "<", OP_LT },  { ">", OP_GT } };

static struct expr *pattern_test(struct parser *p, struct expr *left, enum expr_form form,
                                 struct str needle) {
    if (left->kind == EXPR_FIELD)
        return parser_text_node(p, left->offset, left->name, form, needle);
    if (form == FORM_LIKE && !parser_like_regex(p, needle, &needle))
        return NULL;
    struct expr *pattern = parser_literal(p, left->offset, value_string(needle));
    return pattern ? call_named(p, left->offset, "regexmatch", (struct expr *const[]){ left, pattern }, 2)
                   : NULL;
}

/* Behind =~, !~ and LIKE. */
static struct expr *pattern(struct parser *p, struct expr *left, enum expr_form form, bool in_filter) {
    char c = parser_peek(p);
    struct str needle;
    if (c == '/') {
        form = FORM_REGEX;
        if (!parser_regex(p, &needle))
            return NULL;
    } else if (c == '"' || c == '\'' || (in_filter && lex_word(p->text, p->pos, false) > p->pos)) {
        if (!parser_text(p, &needle))
            return NULL;
    } else {
        parser_fail(p, "expected a quoted text or a /regex/");
        return NULL;
    }
    return pattern_test(p, left, form, needle);
}

/* Like !=, false for a field that is absent. */
static struct expr *pattern_absent(struct parser *p, size_t at, struct expr *left, struct expr *match) {
    struct expr *negative = parser_unary(p, EXPR_NOT, at, match);
    if (!negative || left->kind != EXPR_FIELD)
        return negative;
    struct expr *exists = parser_exists(p, at, left->name);
    return exists ? parser_join(p, EXPR_AND, at, (struct expr *const[]){ exists, negative }, 2) : NULL;
}

static struct expr *in_list(struct parser *p, struct expr *left, bool in_filter) {
    VEC(struct expr *) args = { 0 };
    size_t at = left->offset;
    const char *end = parser_take_symbol(p, "[") ? "]" : ")";
    bool ok = *end == ']' || parser_need_symbol(p, "(");
    VEC_PUSH(&args, left);
    while (ok) {
        struct expr *item = in_filter ? parser_filter_operand(p, true, true) : parser_sum(p);
        VEC_PUSH(&args, item);
        ok = item != NULL;
        if (!ok || !parser_more(p))
            break;
    }
    if (ok && !parser_take_symbol(p, end))
        parser_fail(p, "expected ',' or '%s'", end);
    struct expr *e = ok ? parser_node_of(p, EXPR_IN, at, args.p, args.n) : NULL;
    VEC_FINI(&args);
    return e;
}

static struct expr *is_null(struct parser *p, struct expr *left) {
    bool negative = parser_take_keyword(p, "not");
    size_t at = left->offset;
    if (!parser_need_word(p, "null"))
        return NULL;
    if (left->kind == EXPR_FIELD) {
        struct expr *exists = parser_exists(p, at, left->name);
        return negative ? exists : parser_unary(p, EXPR_NOT, at, exists);
    }
    struct expr *call = call_named(p, at, "isnull", &left, 1);
    return negative ? parser_unary(p, EXPR_NOT, at, call) : call;
}

static struct expr *word_comparison(struct parser *p, struct expr *left, bool in_filter) {
    size_t before = p->pos;
    bool negative = parser_take_keyword(p, "not");
    struct expr *e;
    if (parser_take_keyword(p, "like"))
        e = pattern(p, left, FORM_LIKE, in_filter);
    else if (parser_take_keyword(p, "in"))
        e = in_list(p, left, in_filter);
    else if (!negative && parser_take_keyword(p, "is"))
        return is_null(p, left);
    else {
        p->pos = before;
        return left;
    }
    return negative ? parser_unary(p, EXPR_NOT, left->offset, e) : e;
}

static struct expr *no_chain(struct parser *p, struct expr *e) {
    if (!e || p->failed)
        return NULL;
    for (size_t i = 0; i < COUNT_OF(comparisons); i++) {
        parser_peek(p);
        if (parser_starts(p, comparisons[i].symbol)) {
            parser_fail(p, "comparisons do not chain: write a < b AND b < c");
            return NULL;
        }
    }
    return e;
}

struct expr *parser_comparison(struct parser *p, struct expr *left, bool in_filter) {
    if (!left)
        return NULL;
    size_t at = left->offset;
    if (parser_take_symbol(p, "=~"))
        return pattern(p, left, FORM_REGEX, in_filter);
    if (parser_take_symbol(p, "!~"))
        return pattern_absent(p, at, left, pattern(p, left, FORM_REGEX, in_filter));
    for (size_t i = 0; i < COUNT_OF(comparisons); i++) {
        if (!parser_take_symbol(p, comparisons[i].symbol))
            continue;
        enum expr_op op = comparisons[i].op;
        bool equal = op == OP_EQ || op == OP_NE;
        struct expr *right = in_filter ? parser_filter_operand(p, equal, false) : parser_sum(p);
        return no_chain(p, parser_compare(p, at, op, left, right));
    }
    return word_comparison(p, left, in_filter);
}

/* ---- and, or, not ---- */

static struct expr *negation(struct parser *p) {
    size_t at = parser_offset(p);
    bool bang = parser_peek(p) == '!' && !parser_starts(p, "!=") && !parser_starts(p, "!~");
    if (bang)
        p->pos++;
    else if (!parser_take_keyword(p, "not"))
        return parser_comparison(p, parser_sum(p), false);
    if (!parser_enter(p))
        return NULL;
    struct expr *arg = negation(p);
    if (!arg)
        return NULL;
    parser_leave(p);
    return parser_unary(p, EXPR_NOT, at, arg);
}

/* One level of operators: `next` items joined by the keyword or the symbol. */
static struct expr *joined(struct parser *p, enum expr_kind kind, struct expr *(*next)(struct parser *p)) {
    bool and = kind == EXPR_AND;
    size_t at = parser_offset(p);
    VEC(struct expr *) items = { 0 };
    struct expr *item, *e = NULL;
    do {
        item = next(p);
        VEC_PUSH(&items, item);
    } while (item && (parser_take_keyword(p, and? "and" : "or") || parser_take_symbol(p, and? "&&" : "||")));
    if (item)
        e = parser_join(p, kind, at, items.p, items.n);
    VEC_FINI(&items);
    return e;
}

static struct expr *conjunction(struct parser *p) {
    return joined(p, EXPR_AND, negation);
}

struct expr *parser_any(struct parser *p) {
    return joined(p, EXPR_OR, conjunction);
}
