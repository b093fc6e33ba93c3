#include "base/assert.h"
#include "query/parser_state.h"
#include "query/value_ip.h"
#include <math.h>
#include <stdio.h>
/*
 * Terms: what stands behind `field:` in a filter, or a word, phrase or regex by itself.
 *
 *     word   word*   *part*   w?rd*s   "a phrase"   "a phra"*   *"any part"*   /regex/i
 *     >5   >=NOW-1h   =text   [a TO b]   {a TO *}   10.0.0.0/8   *             (these behind field: only)
 *
 * A word is read as a pattern first: a run of bytes, each plain, `*` (any bytes) or `?` (one byte). Its shape
 * then says what it is. Behind a field a general pattern must match the whole value; by itself it must match
 * whole tokens somewhere in a text.
 */
enum glob_kind { GLOB_BYTE, GLOB_ANY, GLOB_ONE };
struct glob {
    char *bytes;
    unsigned char *kinds; /* enum glob_kind */
    size_t n;
    size_t specials; /* of n */
    bool quoted;
    size_t offset;
    struct str source;
};

struct value parser_word_literal(struct parser *p, struct str word) {
    int64_t i;
    double f;
    unsigned char ip[16];
    if (str_to_i64(word, &i))
        return value_int(i);
    if (str_to_f64(word, &f) && isfinite(f))
        return value_float(f);
    if (duration_parse(word, &i) || size_parse(word, &i))
        return value_int(i);
    bool time = word.n && (ascii_digit(word.p[0]) || ascii_lower(word.p[0]) == 'n');
    if (time && time_parse(word, p->now_ns, &i))
        return value_time(i);
    if (str_eq_nocase(word, STR("true")) || str_eq_nocase(word, STR("false")))
        return value_bool(word.n == 4);
    struct str kept;
    if (ip_parse(word, ip) && arena_dup(p->mem, (struct str){ (char *)ip, 16 }, &kept) == ERR_OK)
        return (struct value){ .type = VALUE_IP, .s = kept };
    return value_string(word);
}

/* ---- nodes of texts ---- */

struct text_match *parser_match_new(struct parser *p, size_t offset, enum text_match_kind kind,
                                    struct str needle) {
    struct err_text why;
    struct text_match *m;
    if (p->owned.texts.n == QUERY_TEXTS_MAX || (kind == TEXT_REGEX && p->regexes++ == QUERY_REGEXES_MAX)) {
        parser_fail_at(p, offset, p->pos - offset, "more than %d %s in one query",
                       kind == TEXT_REGEX ? QUERY_REGEXES_MAX : QUERY_TEXTS_MAX,
                       kind == TEXT_REGEX ? "regular expressions" : "texts");
        return NULL;
    }
    if (text_match_new(kind, needle, &why, &m) != ERR_OK) {
        parser_fail_at(p, offset, p->pos - offset, "%s", why.msg);
        return NULL;
    }
    VEC_PUSH(&p->owned.texts, m);
    return m;
}

static struct expr *text_node(struct parser *p, size_t offset, struct expr shape, enum text_match_kind kind,
                              struct str pattern) {
    struct text_match *m = p->failed ? NULL : parser_match_new(p, offset, kind, pattern);
    struct expr *e = m ? parser_node(p, EXPR_TEXT, offset) : NULL;
    if (!e)
        return NULL;
    e->name = shape.name;
    e->form = shape.form;
    e->needle = shape.needle;
    e->literal = shape.literal;
    e->text = m;
    return e;
}

static void add_escaped(struct buf *out, char c) {
    bool plain = lex_name_byte(c) && c != '.' && c != '$';
    if ((unsigned char)c < 0x20 || c == 0x7f)
        buf_addf(out, "\\x%02x", (unsigned)(unsigned char)c);
    else
        buf_addf(out, plain ? "%c" : "\\%c", c);
}

/* % any bytes, _ one byte; a backslash takes their meaning away. Without any %, a text to contain (as
 * CloudWatch has it). */
static void like_regex(struct str like, struct buf *out) {
    bool anywhere = like.n == 0 || !memchr(like.p, '%', like.n);
    buf_add(out, anywhere ? STR("(?is)") : STR("(?is)^"));
    for (size_t i = 0; i < like.n; i++) {
        char c = like.p[i], next = i + 1 < like.n ? like.p[i + 1] : '\0';
        if (!anywhere && c == '\\' && (next == '%' || next == '_'))
            add_escaped(out, like.p[++i]);
        else if (c == '%')
            buf_add(out, STR(".*"));
        else if (!anywhere && c == '_')
            buf_add_char(out, '.');
        else
            add_escaped(out, c);
    }
    if (!anywhere)
        buf_add_char(out, '$');
}

bool parser_like_regex(struct parser *p, struct str like, struct str *out) {
    AUTO(buf) b = { .limit_bytes = 8 * QUERY_BYTES_MAX };
    like_regex(like, &b);
    return arena_dup(p->mem, buf_str(&b), out) == ERR_OK || parser_out_of_memory(p);
}

/* Most patterns need no regex, and page search is faster without. */
static struct expr *like_node(struct parser *p, size_t offset, struct expr shape) {
    struct str s = shape.needle;
    size_t percents = 0, others = 0;
    for (size_t i = 0; i < s.n; i++) {
        percents += s.p[i] == '%';
        others += memchr("_\\*?", s.p[i], 4) != NULL;
    }
    if (percents == 0)
        return text_node(p, offset, shape, TEXT_SUBSTRING, s);
    AUTO(buf) pattern = { .limit_bytes = 8 * QUERY_BYTES_MAX };
    if (others)
        like_regex(s, &pattern);
    else
        for (size_t i = 0; i < s.n; i++)
            buf_add_char(&pattern, s.p[i] == '%' ? '*' : s.p[i]);
    return text_node(p, offset, shape, others ? TEXT_REGEX : TEXT_WILDCARD, buf_str(&pattern));
}

struct expr *parser_text_node(struct parser *p, size_t offset, struct str name, enum expr_form form,
                              struct str needle) {
    static const enum text_match_kind kinds[] = { [FORM_TOKENS] = TEXT_TOKENS,
                                                  [FORM_PREFIX] = TEXT_PREFIX,
                                                  [FORM_SUBSTRING] = TEXT_SUBSTRING,
                                                  [FORM_REGEX] = TEXT_REGEX };
    struct expr shape = { .name = name, .form = form, .needle = needle };
    ASSERT(form != FORM_WILDCARD);
    if (needle.n == 0) {
        parser_fail_at(p, offset, p->pos - offset, "expected some text to look for");
        return NULL;
    }
    return form == FORM_LIKE ? like_node(p, offset, shape) : text_node(p, offset, shape, kinds[form], needle);
}

/* ---- regexes ---- */

static size_t regex_flags(struct parser *p, size_t at) {
    while (lex_at(p->text, at) && strchr("ims", lex_at(p->text, at)))
        at++;
    return at;
}

bool parser_at_regex(struct parser *p) {
    if (lex_at(p->text, p->pos) != '/')
        return false;
    size_t end = lex_regex(p->text, p->pos);
    if (end == SIZE_MAX || end == p->pos + 2)
        return false;
    end = regex_flags(p, end);
    return end == p->text.n || lex_word(p->text, end, true) == end;
}

bool parser_regex(struct parser *p, struct str *out) {
    size_t at = p->pos, end = lex_regex(p->text, at);
    if (end == SIZE_MAX)
        return parser_fail_at(p, at, p->text.n - at, "this / is not closed");
    p->pos = regex_flags(p, end);
    AUTO(buf) b = { .limit_bytes = QUERY_BYTES_MAX + 16 };
    if (p->pos > end)
        buf_addf(&b, "(?" STR_FMT ")", (int)(p->pos - end), p->text.p + end);
    for (size_t i = at + 1; i + 1 < end; i++) {
        if (p->text.p[i] == '\\' && i + 2 < end) {
            i++;
            if (p->text.p[i] != '/')
                buf_add_char(&b, '\\');
        }
        buf_add_char(&b, p->text.p[i]);
    }
    return arena_dup(p->mem, buf_str(&b), out) == ERR_OK || parser_out_of_memory(p);
}

/* ---- words ---- */

static void glob_add(struct glob *g, char c, enum glob_kind kind) {
    g->bytes[g->n] = c;
    g->kinds[g->n++] = (unsigned char)kind;
    g->specials += kind != GLOB_BYTE;
}

static void glob_add_word(struct glob *g, struct str word) {
    for (size_t i = 0; i < word.n; i++) {
        char c = word.p[i];
        if (c == '\\' && i + 1 < word.n)
            glob_add(g, word.p[++i], GLOB_BYTE);
        else if (c == '*' && g->n && g->kinds[g->n - 1] == GLOB_ANY)
            continue;
        else
            glob_add(g, c, c == '*' ? GLOB_ANY : c == '?' ? GLOB_ONE : GLOB_BYTE);
    }
}

static bool glob_add_quoted(struct parser *p, struct glob *g) {
    struct str text;
    if (!parser_quoted(p, &text))
        return false;
    for (size_t i = 0; i < text.n; i++)
        glob_add(g, text.p[i], GLOB_BYTE);
    g->quoted = true;
    return true;
}

/* [*] "quoted" [*], or a word. */
static bool glob_read(struct parser *p, struct glob *g) {
    size_t at = p->pos, room = p->text.n - at;
    *g = (struct glob){ .bytes = ARENA_RAW(p->mem, char, room + 1),
                        .kinds = ARENA_RAW(p->mem, unsigned char, room + 1),
                        .offset = at };
    if (!g->bytes || !g->kinds)
        return parser_out_of_memory(p);
    char c = lex_at(p->text, at);
    bool star = c == '*' && lex_at(p->text, at + 1) == '"';
    if (star) {
        glob_add(g, '*', GLOB_ANY);
        p->pos++;
    }
    if (star || c == '"' || c == '\'') {
        if (!glob_add_quoted(p, g))
            return false;
        if (lex_at(p->text, p->pos) == '*') {
            glob_add(g, '*', GLOB_ANY);
            p->pos++;
        }
    } else {
        p->pos = lex_word(p->text, at, false);
        glob_add_word(g, (struct str){ p->text.p + at, p->pos - at });
    }
    g->source = (struct str){ p->text.p + at, p->pos - at };
    return g->n > 0 || g->quoted || parser_fail(p, "expected a word, a quoted text or a /regex/");
}

/* The canonical text of a pattern: parsing it gives the same pattern. */
static void glob_print(const struct glob *g, struct buf *out) {
    for (size_t i = 0; i < g->n; i++) {
        if (g->kinds[i] == GLOB_BYTE && !lex_name_byte(g->bytes[i]))
            buf_add_char(out, '\\');
        buf_add_char(out, g->bytes[i]);
    }
}

static void add_edge(const struct glob *g, size_t i, const char *regex, struct buf *out) {
    if (g->kinds[i] == GLOB_BYTE && token_byte((unsigned char)g->bytes[i]))
        buf_add(out, str_of(regex));
}

/* Whole tokens of a text; `*` does not cross spaces. */
static void glob_token_regex(const struct glob *g, struct buf *out) {
    buf_add(out, STR("(?is)"));
    add_edge(g, 0, "(^|[^0-9A-Za-z_\\x80-\\xff])", out);
    for (size_t i = 0; i < g->n; i++) {
        if (g->kinds[i] == GLOB_BYTE)
            add_escaped(out, g->bytes[i]);
        else
            buf_add(out, g->kinds[i] == GLOB_ANY ? STR("[^ \\t\\r\\n]*") : STR("[^ \\t\\r\\n]"));
    }
    add_edge(g, g->n - 1, "([^0-9A-Za-z_\\x80-\\xff]|$)", out);
}

/* The whole of a value. */
static enum text_match_kind glob_whole(const struct glob *g, struct buf *out) {
    bool plain = true;
    for (size_t i = 0; i < g->n; i++)
        plain = plain && !(g->kinds[i] == GLOB_BYTE && (g->bytes[i] == '*' || g->bytes[i] == '?'));
    if (plain) {
        buf_add_bytes(out, g->bytes, g->n);
        return TEXT_WILDCARD;
    }
    buf_add(out, STR("(?is)^"));
    for (size_t i = 0; i < g->n; i++) {
        if (g->kinds[i] == GLOB_BYTE)
            add_escaped(out, g->bytes[i]);
        else
            buf_add(out, g->kinds[i] == GLOB_ANY ? STR(".*") : STR("."));
    }
    buf_add_char(out, '$');
    return TEXT_REGEX;
}

static struct expr *wildcard_node(struct parser *p, struct str name, const struct glob *g) {
    AUTO(buf) needle = { .limit_bytes = 2 * QUERY_BYTES_MAX };
    AUTO(buf) pattern = { .limit_bytes = 16 * QUERY_BYTES_MAX };
    struct expr shape = { .name = name, .form = FORM_WILDCARD };
    glob_print(g, &needle);
    if (arena_dup(p->mem, buf_str(&needle), &shape.needle) != ERR_OK) {
        parser_out_of_memory(p);
        return NULL;
    }
    enum text_match_kind kind = TEXT_REGEX;
    if (name.n)
        kind = glob_whole(g, &pattern);
    else
        glob_token_regex(g, &pattern);
    return text_node(p, g->offset, shape, kind, buf_str(&pattern));
}

static bool looks_numeric(struct str s) {
    return s.n && (ascii_digit(s.p[0]) || (s.n > 1 && s.p[0] == '-' && ascii_digit(s.p[1])));
}

static struct expr *glob_node(struct parser *p, struct str name, const struct glob *g) {
    struct str all = { g->bytes, g->n };
    if (g->specials == 0) {
        struct expr *e = parser_text_node(p, g->offset, name, FORM_TOKENS, all);
        struct value number = { .type = VALUE_NULL };
        if (e && name.n && !g->quoted && looks_numeric(all))
            number = parser_word_literal(p, all);
        if (number.type == VALUE_FLOAT || (number.type == VALUE_INT && str_to_i64(all, &number.i)))
            e->literal = number;
        return e;
    }
    bool first = g->kinds[0] == GLOB_ANY, last = g->kinds[g->n - 1] == GLOB_ANY;
    if (g->n == 1 && first)
        return name.n ? parser_exists(p, g->offset, name) : parser_node(p, EXPR_ALL, g->offset);
    if (g->specials == 1 && last)
        return parser_text_node(p, g->offset, name, FORM_PREFIX, (struct str){ all.p, all.n - 1 });
    if (g->specials == 2 && first && last && g->n > 2)
        return parser_text_node(p, g->offset, name, FORM_SUBSTRING, (struct str){ all.p + 1, all.n - 2 });
    return wildcard_node(p, name, g);
}

/* ---- behind field: ---- */

static bool read_bound(struct parser *p, struct str name, struct value *out) {
    char c = parser_peek(p);
    size_t at = p->pos;
    struct str text;
    int64_t ns;
    bool quoted = c == '"' || c == '\'';
    if (!parser_text(p, &text))
        return false;
    if (!quoted && str_eq(text, STR("*"))) {
        *out = value_null();
        return true;
    }
    if (parser_time_field(name)) {
        if (!time_parse(text, p->now_ns, &ns))
            return parser_fail_at(p, at, p->pos - at,
                                  "expected a time, such as now-1h or 2026-11-21T07:00:00Z");
        *out = value_time(ns);
        return true;
    }
    *out = quoted ? value_string(text) : parser_word_literal(p, text);
    return true;
}

static struct expr *range(struct parser *p, struct str name) {
    size_t at = p->pos;
    bool low_open = p->text.p[p->pos++] == '{';
    struct value low, high;
    if (!read_bound(p, name, &low))
        return NULL;
    if (!parser_take_word(p, "TO")) {
        parser_fail(p, "expected TO, as in [1 TO 5]");
        return NULL;
    }
    if (!read_bound(p, name, &high))
        return NULL;
    char c = parser_peek(p);
    if (c != ']' && c != '}') {
        parser_fail(p, "expected ] or } to end the range");
        return NULL;
    }
    p->pos++;
    struct expr *e = parser_node(p, EXPR_RANGE, at);
    if (!e)
        return NULL;
    e->name = name;
    e->literal = low;
    e->high = high;
    e->low_open = low_open && low.type != VALUE_NULL;
    e->high_open = c == '}' && high.type != VALUE_NULL;
    if (low.type == VALUE_NULL && high.type == VALUE_NULL)
        e->kind = EXPR_EXISTS;
    return e;
}

static const struct {
    const char *symbol;
    enum expr_op op;
} operators[] = { { ">=", OP_GE }, { "<=", OP_LE }, { "!=", OP_NE },
                  { ">", OP_GT },  { "<", OP_LT },  { "=", OP_EQ } };

static struct expr *field_comparison(struct parser *p, struct str name, enum expr_op op) {
    size_t at = p->pos;
    struct value bound;
    struct expr *left = parser_field_node(p, at, name);
    if (!read_bound(p, name, &bound))
        return NULL;
    if (bound.type == VALUE_NULL) {
        parser_fail_at(p, at, p->pos - at, "expected a value to compare with, not *");
        return NULL;
    }
    return parser_compare(p, at, op, left, parser_literal(p, at, bound));
}

static struct expr *cidr_node(struct parser *p, struct str name, const struct glob *g,
                              const unsigned char ip[16], unsigned bits) {
    struct expr *e = parser_node(p, EXPR_CIDR, g->offset);
    if (!e)
        return NULL;
    e->name = name;
    e->cidr_bits = bits;
    memcpy(e->cidr, ip, 16);
    return e;
}

/* @timestamp:2026-11-21 is that day; with a clock time, that very moment. */
static struct expr *time_node(struct parser *p, struct str name, const struct glob *g, struct str text) {
    static const int64_t day_ns = 86400ll * 1000000000;
    int64_t ns, next;
    if (g->specials || !time_parse(text, p->now_ns, &ns)) {
        parser_fail_at(p, g->offset, p->pos - g->offset,
                       "expected a time or a range such as [now-4d TO now]");
        return NULL;
    }
    if (text.n != 10 || memchr(text.p, '-', text.n) == NULL || __builtin_add_overflow(ns, day_ns, &next))
        return parser_compare(p, g->offset, OP_EQ, parser_field_node(p, g->offset, name),
                              parser_literal(p, g->offset, value_time(ns)));
    struct expr *e = parser_node(p, EXPR_RANGE, g->offset);
    if (!e)
        return NULL;
    e->name = name;
    e->literal = value_time(ns);
    e->high = value_time(next);
    e->high_open = true;
    return e;
}

static struct expr *field_glob(struct parser *p, struct str name) {
    struct glob g;
    unsigned char ip[16];
    unsigned bits;
    if (!glob_read(p, &g))
        return NULL;
    struct str text = { g.bytes, g.n };
    if (g.n == 0)
        return parser_compare(p, g.offset, OP_EQ, parser_field_node(p, g.offset, name),
                              parser_literal(p, g.offset, value_string((struct str){ 0 })));
    if (parser_time_field(name) && !(g.n == 1 && g.specials))
        return time_node(p, name, &g, text);
    if (!g.quoted && g.specials == 0 && value_ip_prefix_parse(text, ip, &bits))
        return cidr_node(p, name, &g, ip, bits);
    if (!g.quoted && g.specials == 0 && memchr(text.p, ':', text.n) && ip_parse(text, ip))
        return cidr_node(p, name, &g, ip, 128);
    return glob_node(p, name, &g);
}

static struct expr *regex_term(struct parser *p, struct str name) {
    size_t at = p->pos;
    struct str needle;
    return parser_regex(p, &needle) ? parser_text_node(p, at, name, FORM_REGEX, needle) : NULL;
}

struct expr *parser_term(struct parser *p, struct str name) {
    struct glob g;
    char c = parser_peek(p);
    if (p->failed)
        return NULL;
    if (parser_at_regex(p))
        return regex_term(p, name);
    if (name.n == 0)
        return glob_read(p, &g) ? glob_node(p, name, &g) : NULL;
    if (c == '[' || c == '{')
        return range(p, name);
    for (size_t i = 0; i < COUNT_OF(operators); i++)
        if (parser_take_symbol(p, operators[i].symbol))
            return field_comparison(p, name, operators[i].op);
    return field_glob(p, name);
}
