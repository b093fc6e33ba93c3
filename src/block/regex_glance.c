#include "block/regex_glance.h"
/*
 * Two questions about an expression, answered in one pass.
 *
 * Is it small? A counted repeat is written out by the compiler: (.{0,200}x){50} becomes 10,050 positions and
 * takes seconds. So positions are counted the same way: an atom is one, a group the sum of its atoms, a
 * repeat multiplies the atom or group before it by its upper (or only) bound.
 *
 * Is there a literal? Only bytes outside of groups are looked at, and only when no '|' is outside of groups:
 * these bytes appear in every match, in this order. A byte under '?', '*' or a count is left out; whatever is
 * not a plain byte ends the run. The longest run wins. (?i) is harmless, because the search for the literal
 * ignores case anyway.
 *
 *     error [0-9]+ (in|at) port=        runs: "error ", " ", " port="      literal: "error "
 *
 * What the pass does not understand for certain it refuses: extended mode (spaces and comments mean nothing),
 * (*VERBS) (they could ask for UTF-8, which our texts need not be), \Q inside a class, \E alone.
 */
struct glance {
    struct str re;
    size_t at;
    uint32_t sum[REGEX_NESTING_MAX + 1];  /* positions of each open group */
    uint32_t last[REGEX_NESTING_MAX + 1]; /* of the last atom in it */
    size_t depth;
    bool alternatives; /* a '|' outside of groups */
    char run[REGEX_BYTES_MAX];
    size_t run_bytes;
    struct regex_glance *out;
    struct err_text *why;
};

static char peek(const struct glance *g, size_t ahead) {
    return g->at + ahead < g->re.n ? g->re.p[g->at + ahead] : '\0';
}

static void end_run(struct glance *g) {
    if (g->run_bytes > g->out->literal_bytes) {
        memcpy(g->out->literal, g->run, g->run_bytes);
        g->out->literal_bytes = g->run_bytes;
    }
    g->run_bytes = 0;
}

static void add_atom(struct glance *g) {
    g->sum[g->depth] += 1;
    g->last[g->depth] = 1;
}

static void add_byte(struct glance *g, char c) {
    add_atom(g);
    if (g->depth == 0)
        g->run[g->run_bytes++] = ascii_lower(c);
}

static void add_class(struct glance *g) {
    add_atom(g);
    if (g->depth == 0)
        end_run(g);
}

static void drop_last_byte(struct glance *g) {
    if (g->depth == 0 && g->run_bytes > 0)
        g->run_bytes--;
    if (g->depth == 0)
        end_run(g);
}

static enum err too_large(struct glance *g) {
    return err_say(g->why, ERR_LIMIT,
                   "regular expression: repeats write out to more than %d positions at offset %zu",
                   REGEX_POSITIONS_MAX, g->at);
}

/* {n}, {n,} or {n,m}; anything else is a plain '{'. */
static enum err read_count(struct glance *g) {
    uint32_t bound[2] = { 0, 0 };
    size_t digits[2] = { 0, 0 };
    size_t k = 0, i = g->at + 1;
    for (; i < g->re.n && g->re.p[i] != '}'; i++) {
        char c = g->re.p[i];
        if (c == ',' && k == 0) {
            k = 1;
        } else if (ascii_digit(c)) {
            bound[k] = bound[k] > REGEX_POSITIONS_MAX ? bound[k] : bound[k] * 10 + (uint32_t)(c - '0');
            digits[k]++;
        } else {
            break;
        }
    }
    if (i == g->re.n || g->re.p[i] != '}' || digits[0] == 0) {
        add_class(g); /* a plain '{', but of no use as a literal */
        g->at++;
        return ERR_OK;
    }
    uint32_t times = bound[1] > bound[0] ? bound[1] : bound[0];
    drop_last_byte(g);
    if (times > REGEX_POSITIONS_MAX)
        return too_large(g);
    uint32_t last = g->last[g->depth];
    if (times > 1) {
        g->sum[g->depth] += last * (times - 1);
        g->last[g->depth] = last * times;
    }
    g->at = i + 1;
    return g->sum[g->depth] > REGEX_POSITIONS_MAX ? too_large(g) : ERR_OK;
}

/* Past the `]`. */
static enum err skip_class(struct glance *g) {
    size_t start = g->at;
    g->at++;
    g->at += peek(g, 0) == '^';
    g->at += peek(g, 0) == ']';
    while (g->at < g->re.n && g->re.p[g->at] != ']') {
        if (peek(g, 0) == '\\') {
            if (peek(g, 1) == 'Q' || peek(g, 1) == 'E')
                return err_say(g->why, ERR_INVALID, "regular expression: \\%c in the class at offset %zu",
                               peek(g, 1), start);
            g->at += 2;
        } else if (peek(g, 0) == '[' && peek(g, 1) == ':') {
            struct str rest = str_skip(g->re, g->at + 2);
            size_t end = str_find(rest, STR(":]"), 0);
            g->at += end == SIZE_MAX || memchr(rest.p, ']', end) ? 1 : end + 4;
        } else {
            g->at++;
        }
    }
    g->at = g->at < g->re.n ? g->at + 1 : g->re.n;
    add_class(g);
    return ERR_OK;
}

static void skip_braces_or(struct glance *g, size_t bytes) {
    size_t end = peek(g, 0) == '{' ? str_find(g->re, STR("}"), g->at) : SIZE_MAX;
    g->at = end != SIZE_MAX ? end + 1 : g->at + bytes;
}

static bool hex_digit(char c) {
    return ascii_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

static void read_quoted(struct glance *g) {
    while (g->at < g->re.n && !(peek(g, 0) == '\\' && peek(g, 1) == 'E'))
        add_byte(g, g->re.p[g->at++]);
    g->at = g->at + 2 < g->re.n ? g->at + 2 : g->re.n;
}

static enum err read_escape(struct glance *g) {
    char c = peek(g, 1);
    if (c == 'E')
        return err_say(g->why, ERR_INVALID, "regular expression: \\E without \\Q at offset %zu", g->at);
    g->at = g->at + 2 < g->re.n ? g->at + 2 : g->re.n;
    if (c == 'Q') {
        read_quoted(g);
    } else if (c == 'x') {
        size_t digits = hex_digit(peek(g, 0)) ? 1 + (size_t)hex_digit(peek(g, 1)) : 0;
        skip_braces_or(g, digits);
        add_class(g);
    } else if (c == 'p' || c == 'P') {
        g->at += peek(g, 0) == '^';
        skip_braces_or(g, 1);
        add_class(g);
    } else if (c == 'o' || c == 'g' || c == 'k') {
        skip_braces_or(g, 0);
        add_class(g);
    } else if (c == 'c') {
        g->at += g->at < g->re.n;
        add_class(g);
    } else if (ascii_digit(c)) {
        while (ascii_digit(peek(g, 0)))
            g->at++;
        add_class(g);
    } else if (token_byte((unsigned char)c) && c != '_') {
        add_class(g); /* \d, \b, \n and the like */
    } else {
        add_byte(g, c);
    }
    return ERR_OK;
}

static enum err open_group(struct glance *g) {
    size_t start = g->at;
    if (peek(g, 1) == '*')
        return err_say(g->why, ERR_INVALID, "regular expression: (*…) at offset %zu is not supported", start);
    if (peek(g, 1) == '?') {
        if (peek(g, 2) == '#') {
            size_t end = str_find(g->re, STR(")"), g->at);
            g->at = end == SIZE_MAX ? g->re.n : end + 1;
            drop_last_byte(g); /* a repeat after the comment would be its repeat */
            return ERR_OK;
        }
        for (size_t i = 2; token_byte((unsigned char)peek(g, i)) || peek(g, i) == '-'; i++)
            if (peek(g, i) == 'x')
                return err_say(g->why, ERR_INVALID, "regular expression: (?x) at offset %zu is not supported",
                               start);
    }
    if (g->depth == 0)
        end_run(g);
    if (g->depth == REGEX_NESTING_MAX)
        return err_say(g->why, ERR_LIMIT,
                       "regular expression: more than %d groups inside each other at offset %zu",
                       REGEX_NESTING_MAX, start);
    g->depth++;
    g->sum[g->depth] = g->last[g->depth] = 0;
    g->at++;
    return ERR_OK;
}

static enum err close_group(struct glance *g) {
    g->at++;
    if (g->depth == 0)
        return ERR_OK; /* the compiler will complain */
    g->depth--;
    g->last[g->depth] = g->sum[g->depth + 1];
    g->sum[g->depth] += g->sum[g->depth + 1];
    return g->sum[g->depth] > REGEX_POSITIONS_MAX ? too_large(g) : ERR_OK;
}

static enum err read_one(struct glance *g) {
    char c = g->re.p[g->at];
    switch (c) {
    case '(': return open_group(g);
    case ')': return close_group(g);
    case '[': return skip_class(g);
    case '{': return read_count(g);
    case '\\': return read_escape(g);
    case '|': g->alternatives |= g->depth == 0; break;
    case '*':
    case '?': drop_last_byte(g); break;
    case '+':
    case '^':
    case '$':
        if (g->depth == 0)
            end_run(g);
        break;
    case '.': add_class(g); break;
    default: add_byte(g, c); break;
    }
    g->at++;
    return ERR_OK;
}

enum err regex_glance(struct str expression, struct err_text *why, struct regex_glance *out) {
    if (expression.n > REGEX_BYTES_MAX)
        return err_say(why, ERR_LIMIT, "regular expression: longer than %d bytes", REGEX_BYTES_MAX);
    out->literal_bytes = 0;
    struct glance g = { .re = expression, .out = out, .why = why };
    while (g.at < g.re.n)
        TRY(read_one(&g));
    end_run(&g);
    if (g.alternatives)
        out->literal_bytes = 0;
    return ERR_OK;
}
