#include "block/regex_parse.h"

enum { FOLD = 1, DOT_ALL = 2, LINES = 4 };

struct parser {
    struct str re;
    size_t at;
    unsigned flags, depth;
    struct regex_tree *tree;
    struct err_text *why;
};

void regex_tree_fini(struct regex_tree *t) {
    VEC_FINI(&t->nodes);
    VEC_FINI(&t->sets);
}

static enum err mistake(const struct parser *p, size_t at, const char *what) {
    return err_say(p->why, ERR_INVALID, "regular expression: %s at offset %zu", what, at);
}

static bool more(const struct parser *p) {
    return p->at < p->re.n;
}
static char peek(const struct parser *p, size_t ahead) {
    return p->re.n - p->at > ahead ? p->re.p[p->at + ahead] : '\0';
}
/* The next bytes are `s`: passes them. */
static bool take(struct parser *p, struct str s) {
    if (!str_starts(str_skip(p->re, p->at), s))
        return false;
    p->at += s.n;
    return true;
}

/* ---- nodes ---- */

static uint32_t node_add(struct parser *p, struct regex_node n) {
    n.before = NODE_NONE;
    VEC_PUSH(&p->tree->nodes, n);
    return (uint32_t)p->tree->nodes.n - 1;
}

static uint32_t set_node(struct parser *p, struct byte_set s) {
    VEC_PUSH(&p->tree->sets, s);
    return node_add(p, (struct regex_node){ .kind = NODE_SET, .set = (uint32_t)p->tree->sets.n - 1 });
}

static uint32_t assert_node(struct parser *p, enum assertion a) {
    return node_add(p, (struct regex_node){ .kind = NODE_ASSERT, .assertion = a });
}

/* A list that grows at its end; the node stands for all of it. */
static uint32_t list_node(struct parser *p, enum node_kind kind) {
    return node_add(p, (struct regex_node){ .kind = kind, .child = NODE_NONE });
}
static void list_push(struct parser *p, uint32_t list, uint32_t node) {
    p->tree->nodes.p[node].before = p->tree->nodes.p[list].child;
    p->tree->nodes.p[list].child = node;
}

/* ---- sets of bytes ---- */

static void add_range(struct byte_set *s, unsigned from, unsigned to) {
    for (unsigned c = from; c <= to; c++)
        byte_set_add(s, (unsigned char)c);
}
static void add_set(struct byte_set *s, const struct byte_set *other, bool all_but) {
    for (size_t i = 0; i < 4; i++)
        s->w[i] |= all_but ? ~other->w[i] : other->w[i];
}
static void fold_set(struct byte_set *s) {
    for (unsigned char c = 'a'; c <= 'z'; c++)
        if (byte_set_has(s, c) || byte_set_has(s, c - 32)) {
            byte_set_add(s, c);
            byte_set_add(s, c - 32);
        }
}

/* Named sets as ranges: pairs of first and last. */
struct named_set {
    const char *name, *ranges;
};
static const struct named_set letters_sets[] = { { "d", "09" }, { "w", "09AZ__az" }, { "s", "\t\r  " } };
static const struct named_set posix_sets[] = {
    // tidy: table
    { "alnum", "09AZaz" },   { "alpha", "AZaz" },   { "blank", "\t\t  " }, { "cntrl", "\1\x1f\x7f\x7f" },
    { "digit", "09" },       { "graph", "!~" },     { "lower", "az" },     { "print", " ~" },
    { "punct", "!/:@[`{~" }, { "space", "\t\r  " }, { "upper", "AZ" },     { "word", "09AZ__az" },
    { "xdigit", "09AFaf" },
};

static bool named_find(const struct named_set *sets, size_t count, struct str name, struct byte_set *out) {
    for (size_t i = 0; i < count; i++) {
        if (!str_eq(name, str_of(sets[i].name)))
            continue;
        *out = (struct byte_set){ 0 };
        for (const char *r = sets[i].ranges; *r; r += 2)
            add_range(out, (unsigned char)r[0], (unsigned char)r[1]);
        return true;
    }
    return false;
}

/* \d and its kin, in capitals all other bytes. */
static bool letter_set(char c, struct byte_set *out) {
    char lower = ascii_lower(c);
    struct byte_set plain;
    if (!named_find(letters_sets, COUNT_OF(letters_sets), (struct str){ &lower, 1 }, &plain))
        return false;
    *out = (struct byte_set){ 0 };
    add_set(out, &plain, lower != c);
    return true;
}

/* ---- escapes ---- */

static int hex_digit(char c) {
    char l = ascii_lower(c);
    return ascii_digit(c) ? c - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/* Behind \x: HH or {HH}. */
static enum err read_hex(struct parser *p, unsigned char *out) {
    bool braces = take(p, STR("{"));
    unsigned v = 0;
    size_t n = 0;
    for (; n < 2 && hex_digit(peek(p, 0)) >= 0; n++)
        v = v * 16 + (unsigned)hex_digit(p->re.p[p->at++]);
    if (n == 0 || (braces ? !take(p, STR("}")) : n != 2))
        return mistake(p, p->at, "\\x needs two hex digits");
    *out = (unsigned char)v;
    return ERR_OK;
}

/* Behind the backslash: one byte. */
static enum err read_escaped_byte(struct parser *p, unsigned char *out) {
    static const char names[] = "tnrfvae", bytes[] = "\t\n\r\f\v\a\x1b";
    size_t start = p->at - 1;
    if (!more(p))
        return mistake(p, start, "\\ with nothing behind it");
    char c = p->re.p[p->at++];
    const char *at = c ? strchr(names, c) : NULL;
    if (at)
        *out = (unsigned char)bytes[at - names];
    else if (c == 'x')
        return read_hex(p, out);
    else if (c != '_' && token_byte((unsigned char)c) && (unsigned char)c < 0x80)
        return mistake(p, start, ascii_digit(c) ? "a backreference is not supported" : "an unknown escape");
    else
        *out = (unsigned char)c;
    return ERR_OK;
}

/* ---- classes ---- */

static enum err class_byte(struct parser *p, unsigned char *out) {
    size_t start = p->at;
    if (take(p, STR("\\"))) {
        if (take(p, STR("b"))) {
            *out = '\b';
            return ERR_OK;
        }
        return read_escaped_byte(p, out);
    }
    *out = (unsigned char)p->re.p[p->at++];
    return *out < 0x80 ? ERR_OK : mistake(p, start, "a set holds ASCII only: write (é|è)");
}

static enum err class_posix(struct parser *p, struct byte_set *out, bool *found) {
    size_t start = p->at;
    *found = false;
    if (!take(p, STR("[:")))
        return ERR_OK;
    struct str rest = str_skip(p->re, p->at);
    size_t end = str_find(rest, STR(":]"), 0);
    bool all_but = take(p, STR("^"));
    struct byte_set s;
    if (end == SIZE_MAX ||
        !named_find(posix_sets, COUNT_OF(posix_sets), (struct str){ rest.p + all_but, end - all_but }, &s))
        return mistake(p, start, "an unknown [:set:]");
    p->at = start + 2 + end + 2;
    add_set(out, &s, all_but);
    *found = true;
    return ERR_OK;
}

/* One element of a class: a named set, a byte or a range. */
static enum err class_element(struct parser *p, struct byte_set *out) {
    struct byte_set named;
    bool found;
    TRY(class_posix(p, out, &found));
    if (found)
        return ERR_OK;
    if (peek(p, 0) == '\\' && letter_set(peek(p, 1), &named)) {
        p->at += 2;
        add_set(out, &named, false);
        return ERR_OK;
    }
    size_t start = p->at;
    unsigned char from, to;
    TRY(class_byte(p, &from));
    to = from;
    if (peek(p, 0) == '-' && peek(p, 1) != ']' && p->at + 1 < p->re.n) {
        p->at++;
        if ((peek(p, 0) == '\\' && letter_set(peek(p, 1), &named)) ||
            (peek(p, 0) == '[' && peek(p, 1) == ':'))
            return mistake(p, start, "a range that ends in a set");
        TRY(class_byte(p, &to));
    }
    if (to < from)
        return mistake(p, start, "a range that runs backwards");
    add_range(out, from, to);
    return ERR_OK;
}

static enum err parse_class(struct parser *p, uint32_t *out) {
    size_t start = p->at - 1;
    bool all_but = take(p, STR("^")), first = true;
    struct byte_set s = { 0 }, all = { 0 };
    for (; first || peek(p, 0) != ']'; first = false) {
        if (!more(p))
            return mistake(p, start, "[ without ]");
        TRY(class_element(p, &s));
    }
    p->at++;
    if (p->flags & FOLD)
        fold_set(&s);
    add_set(&all, &s, all_but);
    *out = set_node(p, all);
    return ERR_OK;
}

/* ---- atoms ---- */

static uint32_t byte_node(struct parser *p, unsigned char c) {
    struct byte_set s = { 0 };
    byte_set_add(&s, c);
    if (p->flags & FOLD)
        fold_set(&s);
    return set_node(p, s);
}

/* Bytes that belong together: what repeats, repeats all of them. */
static uint32_t bytes_node(struct parser *p, struct str s) {
    if (s.n == 1)
        return byte_node(p, (unsigned char)s.p[0]);
    uint32_t list = list_node(p, NODE_CAT);
    for (size_t i = 0; i < s.n; i++)
        list_push(p, list, byte_node(p, (unsigned char)s.p[i]));
    return list;
}

/* Bytes of the UTF-8 character here; 1 for what is none. */
static size_t character_bytes(struct str s) {
    unsigned char c = (unsigned char)s.p[0];
    size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 1;
    for (size_t i = 1; i < n; i++)
        if (i >= s.n || ((unsigned char)s.p[i] & 0xc0) != 0x80)
            return 1;
    return n;
}

static uint32_t parse_plain(struct parser *p) {
    struct str rest = str_skip(p->re, p->at);
    size_t n = character_bytes(rest);
    p->at += n;
    return bytes_node(p, (struct str){ rest.p, n });
}

static uint32_t parse_dot(struct parser *p) {
    struct byte_set newline = { 0 }, s = { 0 };
    if (!(p->flags & DOT_ALL))
        byte_set_add(&newline, '\n');
    add_set(&s, &newline, true);
    return set_node(p, s);
}

/* Behind the backslash. */
static enum err parse_escape(struct parser *p, uint32_t *out) {
    static const struct {
        char name;
        enum assertion assertion;
    } assertions[] = {
        { 'A', AT_BEGIN }, { 'z', AT_END }, { 'Z', AT_END }, { 'b', AT_EDGE }, { 'B', AT_NO_EDGE }
    };
    struct byte_set s;
    for (size_t i = 0; i < COUNT_OF(assertions); i++)
        if (peek(p, 0) == assertions[i].name) {
            p->at++;
            *out = assert_node(p, assertions[i].assertion);
            return ERR_OK;
        }
    if (letter_set(peek(p, 0), &s)) {
        p->at++;
        *out = set_node(p, s);
        return ERR_OK;
    }
    if (more(p) && (unsigned char)p->re.p[p->at] >= 0x80) {
        *out = parse_plain(p);
        return ERR_OK;
    }
    unsigned char c;
    TRY(read_escaped_byte(p, &c));
    *out = byte_node(p, c);
    return ERR_OK;
}

/* ---- groups ---- */

static enum err parse_alternatives(struct parser *p, uint32_t *out);

/* Behind "(?": letters that switch flags, ended by ')' (they hold to the end of the group around) or ':'. */
static enum err parse_flags(struct parser *p, size_t start) {
    bool off = false;
    for (; more(p) && peek(p, 0) != ')' && peek(p, 0) != ':'; p->at++) {
        static const char names[] = "ism";
        const char *at = peek(p, 0) ? strchr(names, peek(p, 0)) : NULL;
        if (peek(p, 0) == '-' && !off) {
            off = true;
            continue;
        }
        if (!at)
            return mistake(p, start, "an unknown kind of group");
        unsigned flag = 1u << (at - names);
        p->flags = off ? p->flags & ~flag : p->flags | flag;
    }
    return more(p) ? ERR_OK : mistake(p, start, "( without )");
}

/* Behind "(?<" or "(?P<". */
static enum err parse_name(struct parser *p, size_t start) {
    size_t n = 0;
    while (token_byte((unsigned char)peek(p, n)))
        n++;
    if (n == 0 || peek(p, n) != '>')
        return mistake(p, start, "a name of a group ends in >");
    p->at += n + 1;
    return ERR_OK;
}

/* Behind '('. `*out_done`: there was no group, only flags or a remark. */
static enum err group_head(struct parser *p, size_t start, bool *out_done) {
    *out_done = false;
    if (peek(p, 0) == '*')
        return mistake(p, start, "(*…) is not supported");
    if (!take(p, STR("?")))
        return ERR_OK;
    if (take(p, STR("#"))) {
        size_t end = str_find(p->re, STR(")"), p->at);
        if (end == SIZE_MAX)
            return mistake(p, start, "( without )");
        p->at = end + 1;
        *out_done = true;
        return ERR_OK;
    }
    char c = peek(p, 0), next = peek(p, 1);
    if (c == '=' || c == '!' || (c == '<' && (next == '=' || next == '!')))
        return mistake(p, start, "looking ahead or behind is not supported");
    if (take(p, STR("<")) || take(p, STR("P<")))
        return parse_name(p, start);
    TRY(parse_flags(p, start));
    *out_done = peek(p, 0) == ')';
    p->at++;
    return ERR_OK;
}

/* Behind '('. */
static enum err parse_group(struct parser *p, uint32_t *out) {
    size_t start = p->at - 1;
    unsigned flags = p->flags;
    bool done;
    TRY(group_head(p, start, &done));
    if (done) {
        *out = NODE_NONE;
        return ERR_OK;
    }
    if (p->depth == REGEX_NESTING_MAX)
        return err_say(p->why, ERR_LIMIT,
                       "regular expression: more than %d groups inside each other at offset %zu",
                       REGEX_NESTING_MAX, start);
    p->depth++;
    TRY(parse_alternatives(p, out));
    p->depth--;
    if (!take(p, STR(")")))
        return mistake(p, start, "( without )");
    p->flags = flags;
    return ERR_OK;
}

/* ---- repeats, sequences, alternatives ---- */

static bool read_number(struct parser *p, uint32_t *out) {
    size_t start = p->at;
    uint32_t v = 0;
    for (; ascii_digit(peek(p, 0)); p->at++)
        v = v > REGEX_INSTRUCTIONS_MAX ? v : v * 10 + (uint32_t)(peek(p, 0) - '0');
    *out = v;
    return p->at > start;
}

/* {3} {3,} {3,5}; false (and nothing passed) when it is a plain '{'. */
static bool read_braces(struct parser *p, uint32_t *min, uint32_t *max) {
    size_t start = p->at;
    bool ok = take(p, STR("{")) && read_number(p, min);
    *max = *min;
    if (ok && take(p, STR(",")) && !read_number(p, max))
        *max = REPEAT_EVER;
    ok = ok && take(p, STR("}"));
    if (!ok)
        p->at = start;
    return ok;
}

static bool read_repeat(struct parser *p, uint32_t *min, uint32_t *max) {
    *min = 0;
    *max = REPEAT_EVER;
    if (take(p, STR("*")))
        return true;
    if (take(p, STR("?"))) {
        *max = 1;
        return true;
    }
    if (take(p, STR("+"))) {
        *min = 1;
        return true;
    }
    return read_braces(p, min, max);
}

/* Repeats `node` when told so. */
static enum err parse_repeat(struct parser *p, uint32_t *node) {
    uint32_t min, max;
    size_t start = p->at;
    if (!read_repeat(p, &min, &max))
        return ERR_OK;
    if (*node == NODE_NONE || p->tree->nodes.p[*node].kind == NODE_ASSERT)
        return mistake(p, start, "nothing to repeat");
    if (min > REGEX_INSTRUCTIONS_MAX || (max != REPEAT_EVER && max > REGEX_INSTRUCTIONS_MAX))
        return err_say(p->why, ERR_LIMIT, "regular expression: more than %d times at offset %zu",
                       REGEX_INSTRUCTIONS_MAX, start);
    if (max < min)
        return mistake(p, start, "a repeat that runs backwards");
    (void)take(p, STR("?"));
    *node =
        node_add(p, (struct regex_node){
                        .kind = NODE_REPEAT, .min = (uint16_t)min, .max = (uint16_t)max, .child = *node });
    size_t at = p->at;
    if (read_repeat(p, &min, &max))
        return mistake(p, at, "nothing to repeat");
    return ERR_OK;
}

static enum err parse_atom(struct parser *p, uint32_t *out) {
    char c = p->re.p[p->at];
    size_t start = p->at;
    uint32_t min, max;
    if (c == '*' || c == '+' || c == '?' || (c == '{' && read_braces(p, &min, &max)))
        return mistake(p, start, "nothing to repeat");
    if (c != '(' && c != '[' && c != '.' && c != '\\' && c != '^' && c != '$') {
        *out = parse_plain(p);
        return ERR_OK;
    }
    p->at++;
    switch (c) {
    case '(': return parse_group(p, out);
    case '[': return parse_class(p, out);
    case '\\': return parse_escape(p, out);
    case '.': *out = parse_dot(p); break;
    case '^': *out = assert_node(p, p->flags & LINES ? AT_LINE_BEGIN : AT_BEGIN); break;
    default: *out = assert_node(p, p->flags & LINES ? AT_LINE_END : AT_END); break;
    }
    return ERR_OK;
}

/* \Q…\E as characters, so that a repeat behind takes the last. */
static enum err parse_quoted(struct parser *p, uint32_t list) {
    while (more(p) && !take(p, STR("\\E"))) {
        uint32_t node = parse_plain(p);
        bool last = take(p, STR("\\E"));
        if (last)
            TRY(parse_repeat(p, &node));
        list_push(p, list, node);
        if (last)
            break;
    }
    return ERR_OK;
}

static enum err parse_sequence(struct parser *p, uint32_t *out) {
    uint32_t list = list_node(p, NODE_CAT);
    while (more(p) && peek(p, 0) != '|' && peek(p, 0) != ')') {
        uint32_t node = NODE_NONE;
        if (take(p, STR("\\Q"))) {
            TRY(parse_quoted(p, list));
            continue;
        }
        TRY(parse_atom(p, &node));
        TRY(parse_repeat(p, &node));
        if (node != NODE_NONE)
            list_push(p, list, node);
    }
    *out = list;
    return ERR_OK;
}

static enum err parse_alternatives(struct parser *p, uint32_t *out) {
    uint32_t node, list;
    TRY(parse_sequence(p, &node));
    *out = node;
    if (peek(p, 0) != '|' || !more(p))
        return ERR_OK;
    list = list_node(p, NODE_ALT);
    list_push(p, list, node);
    while (take(p, STR("|"))) {
        TRY(parse_sequence(p, &node));
        list_push(p, list, node);
    }
    *out = list;
    return ERR_OK;
}

enum err regex_parse(struct str expression, struct err_text *why, struct regex_tree *tree) {
    struct parser p = { .re = expression, .tree = tree, .why = why };
    if (expression.n > REGEX_BYTES_MAX)
        return err_say(why, ERR_LIMIT, "regular expression: longer than %d bytes", REGEX_BYTES_MAX);
    TRY(parse_alternatives(&p, &tree->root));
    return more(&p) ? mistake(&p, p.at, ") without (") : ERR_OK;
}
