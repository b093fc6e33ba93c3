#include "block/text_match.h"
#include "base/assert.h"
#include "base/heap.h"
#include "block/finder.h"
#include "block/regex.h"
/*
 * Every kind but EXACT is a search for a literal with something around it:
 *
 *     TOKENS     "disk full"   literal, no token byte before it and none after
 *     PREFIX     "disk fu"     literal, no token byte before it
 *     SUBSTRING  "sk fu"       literal
 *     WILDCARD   "*disk?full*" the longest run without '*' and '?'; then the pieces between stars, in order
 *     REGEX      disk.*full    what regex_literal() tells; then the automaton
 *
 * The literal alone rejects nearly every text, at the speed of memory (finder.c).
 */
struct text_match {
    enum text_match_kind kind; /* as it is tested: a needle without a token is a SUBSTRING */
    struct str needle;         /* for tokens: from the first token's first byte */
    struct str literal;        /* lower case; empty: none */
    struct finder finder;      /* when there is a literal */
    struct regex *regex;
    char bytes[]; /* the needle, its lower-case copy */
};

/* The literal of a pattern: its longest run without '*' and '?'. */
static struct str longest_plain(struct str pattern) {
    struct str best = { pattern.p, 0 };
    for (size_t i = 0, start = 0; i <= pattern.n; i++) {
        if (i < pattern.n && pattern.p[i] != '*' && pattern.p[i] != '?')
            continue;
        if (i - start > best.n)
            best = (struct str){ pattern.p + start, i - start };
        start = i + 1;
    }
    return best;
}

/* Without the bytes before the first token and, for whole tokens, after the last. */
static struct str trim_to_tokens(struct str s, bool whole) {
    size_t from = 0, to = s.n;
    while (from < to && !token_byte((unsigned char)s.p[from]))
        from++;
    while (whole && to > from && !token_byte((unsigned char)s.p[to - 1]))
        to--;
    return (struct str){ s.p + from, to - from };
}

static bool has_token(struct str s) {
    struct str token;
    return token_next(&s, &token);
}

static struct text_match *match_alloc(enum text_match_kind kind, struct str needle, struct str literal) {
    struct text_match *m = heap_alloc(sizeof *m + needle.n + literal.n);
    m->kind = kind;
    if (needle.n)
        memcpy(m->bytes, needle.p, needle.n);
    char *lower = m->bytes + needle.n;
    for (size_t i = 0; i < literal.n; i++)
        lower[i] = ascii_lower(literal.p[i]);
    m->needle = (struct str){ m->bytes, needle.n };
    m->literal = (struct str){ lower, literal.n };
    if (literal.n)
        m->finder = finder_of(m->literal);
    return m;
}

static enum err regex_match_new(struct str needle, struct err_text *why, struct text_match **out) {
    struct regex *regex = NULL;
    TRY(regex_new(needle, why, &regex));
    *out = match_alloc(TEXT_REGEX, needle, regex_literal(regex));
    (*out)->regex = regex;
    return ERR_OK;
}

enum err text_match_new(enum text_match_kind kind, struct str needle, struct err_text *why,
                        struct text_match **out) {
    if (!needle.p)
        needle = STR("");
    if (needle.n > TEXT_NEEDLE_BYTES_MAX)
        return err_say(why, ERR_LIMIT, "search text: longer than %d bytes", TEXT_NEEDLE_BYTES_MAX);
    if (kind == TEXT_REGEX)
        return regex_match_new(needle, why, out);
    if (kind == TEXT_TOKENS || kind == TEXT_PREFIX) {
        if (has_token(needle))
            needle = trim_to_tokens(needle, kind == TEXT_TOKENS);
        else
            kind = TEXT_SUBSTRING;
    }
    *out = match_alloc(kind, needle, kind == TEXT_WILDCARD ? longest_plain(needle) : needle);
    return ERR_OK;
}

void text_match_free(struct text_match *m) {
    if (!m)
        return;
    regex_free(m->regex);
    heap_free(m);
}

enum text_match_kind text_match_kind(const struct text_match *m) {
    return m->kind;
}

struct str text_match_needle(const struct text_match *m) {
    return m->needle;
}

struct str text_match_literal(const struct text_match *m) {
    return m->literal;
}

/* The literal stands in the text between bytes that are no token bytes; after it only when `whole`. */
static bool has_tokens(const struct text_match *m, struct str text, bool whole) {
    size_t at = finder_next(&m->finder, text, 0);
    for (; at != SIZE_MAX; at = finder_next(&m->finder, text, at + 1)) {
        size_t end = at + m->literal.n;
        if (at > 0 && token_byte((unsigned char)text.p[at - 1]))
            continue;
        if (!whole || end == text.n || !token_byte((unsigned char)text.p[end]))
            return true;
    }
    return false;
}

static bool piece_fits(struct str piece, const char *at) {
    for (size_t i = 0; i < piece.n; i++)
        if (piece.p[i] != '?' && ascii_lower(piece.p[i]) != ascii_lower(at[i]))
            return false;
    return true;
}

/* Offset of the first place at or after `from` where the piece fits, or SIZE_MAX. */
static size_t piece_find(struct str piece, struct str text, size_t from) {
    for (size_t at = from; at + piece.n <= text.n; at++)
        if (piece_fits(piece, text.p + at))
            return at;
    return SIZE_MAX;
}

/* Pieces between stars: the first is tied to the start, the last to the end, the others are
 * taken at the earliest place, which leaves the most room to those after them. */
static bool wildcard_test(struct str pattern, struct str text) {
    struct str piece;
    bool tied = true;
    size_t from = 0;
    while (str_cut(&pattern, '*', &piece)) {
        size_t at = piece_find(
            piece, tied ? (struct str){ text.p, piece.n < text.n ? piece.n : text.n } : text, from);
        if (at == SIZE_MAX)
            return false;
        from = at + piece.n;
        tied = false;
    }
    size_t left = text.n - from;
    return (tied ? pattern.n == left : pattern.n <= left) && piece_fits(pattern, text.p + text.n - pattern.n);
}

bool text_match_test(const struct text_match *m, struct str text) {
    if (!text.p)
        text = STR("");
    switch (m->kind) {
    case TEXT_TOKENS: return has_tokens(m, text, true);
    case TEXT_PREFIX: return has_tokens(m, text, false);
    case TEXT_EXACT: return str_eq(text, m->needle);
    default: break;
    }
    if (m->literal.n && finder_next(&m->finder, text, 0) == SIZE_MAX)
        return false;
    if (m->kind == TEXT_WILDCARD)
        return wildcard_test(m->needle, text);
    return m->kind == TEXT_SUBSTRING || regex_test(m->regex, text);
}

size_t text_match_scan(const struct text_match *m, struct str haystack, size_t from) {
    if (m->literal.n)
        return finder_next(&m->finder, haystack, from);
    return from <= haystack.n ? from : SIZE_MAX;
}

/* A byte of a pattern that stands for others. */
static bool stands_for_any(const struct text_match *m, char c) {
    return m->kind == TEXT_WILDCARD && (c == '*' || c == '?');
}

/* The token at needle[from .. to) cannot be part of a longer token of a matching text. */
static bool token_is_whole(const struct text_match *m, size_t from, size_t to) {
    struct str s = m->needle;
    bool left = from > 0 ? !stands_for_any(m, s.p[from - 1]) : m->kind != TEXT_SUBSTRING;
    bool right = to < s.n ? !stands_for_any(m, s.p[to]) : m->kind != TEXT_SUBSTRING && m->kind != TEXT_PREFIX;
    return left && right;
}

void text_match_must_have(const struct text_match *m, void (*each)(void *ctx, uint64_t token_hash),
                          void *ctx) {
    if (m->kind == TEXT_REGEX)
        return;
    struct str rest = m->needle, token;
    while (token_next(&rest, &token)) {
        size_t from = (size_t)(token.p - m->needle.p);
        if (token_is_whole(m, from, from + token.n))
            each(ctx, token_hash(token));
    }
}
