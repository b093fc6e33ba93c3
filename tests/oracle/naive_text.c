#include "naive_text.h"

static bool same(char a, char b) { return ascii_lower(a) == ascii_lower(b); }
static bool in_word(char c) {
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '_' || (c & 0x80);
}

static bool same_bytes(struct str a, struct str b) {
    for (size_t i = 0; i < a.n && a.n == b.n; i++)
        if (!same(a.p[i], b.p[i]))
            return false;
    return a.n == b.n;
}

/* ---- words ---- */

struct word {
    size_t from, to;
};
typedef VEC(struct word) word_list;

static void cut(struct str s, word_list *out) {
    for (size_t i = 0; i < s.n;) {
        size_t from = i;
        while (i < s.n && in_word(s.p[i]))
            i++;
        if (i > from)
            VEC_PUSH(out, (struct word){ from, i });
        else
            i++;
    }
}

static struct str part(struct str s, size_t from, size_t to) { return (struct str){ s.p + from, to - from }; }

/* The needle's words stand at words [at ..) of the text, with the same bytes between them. */
static bool words_at(struct str needle, const word_list *n, struct str text, const word_list *t, size_t at) {
    if (at + n->n > t->n)
        return false;
    for (size_t i = 0; i < n->n; i++) {
        struct word a = n->p[i], b = t->p[at + i];
        if (i > 0 && !same_bytes(part(needle, n->p[i - 1].to, a.from), part(text, t->p[at + i - 1].to, b.from)))
            return false;
        if (i + 1 < n->n && !same_bytes(part(needle, a.from, a.to), part(text, b.from, b.to)))
            return false;
    }
    return true;
}

static bool last_fits(struct str needle, struct word a, struct str text, struct word b, bool start) {
    struct str tail = part(needle, a.to, needle.n);
    if (!start)
        return same_bytes(part(needle, a.from, a.to), part(text, b.from, b.to));
    if (b.to - b.from < a.to - a.from || !same_bytes(part(needle, a.from, a.to), part(text, b.from, b.from + a.to - a.from)))
        return false;
    size_t end = b.from + (a.to - a.from);
    return tail.n == 0 || (text.n - end >= tail.n && same_bytes(tail, part(text, end, end + tail.n)));
}

bool naive_words(struct str needle, struct str text, bool start) {
    word_list n = { 0 }, t = { 0 };
    bool found = false;
    cut(needle, &n);
    cut(text, &t);
    if (n.n == 0)
        found = naive_part(needle, text);
    for (size_t at = 0; n.n && at < t.n && !found; at++)
        found = words_at(needle, &n, text, &t, at) &&
                last_fits(needle, n.p[n.n - 1], text, t.p[at + n.n - 1], start);
    VEC_FINI(&n);
    VEC_FINI(&t);
    return found;
}

bool naive_part(struct str needle, struct str text) {
    for (size_t at = 0; at + needle.n <= text.n; at++)
        if (same_bytes(needle, part(text, at, at + needle.n)))
            return true;
    return false;
}

/* ---- globs ---- */

/* The whole of `s` fits. `stops`: what * and ? do not take. */
static bool glob_fits(struct str g, struct str s, const char *stops) {
    if (g.n == 0)
        return s.n == 0;
    bool free = s.n && !(*s.p && strchr(stops, *s.p));
    if (*g.p == '*')
        return glob_fits(str_skip(g, 1), s, stops) || (free && glob_fits(g, str_skip(s, 1), stops));
    bool one = *g.p == '?' ? free : s.n && same(*g.p, *s.p);
    return one && glob_fits(str_skip(g, 1), str_skip(s, 1), stops);
}

bool naive_glob(struct str glob, struct str text) { return glob_fits(glob, text, ""); }

static bool word_edge(char c) { return c != '*' && c != '?' && in_word(c); }

bool naive_glob_words(struct str glob, struct str text) {
    for (size_t from = 0; from <= text.n; from++) {
        if (word_edge(glob.p[0]) && from > 0 && in_word(text.p[from - 1]))
            continue;
        for (size_t to = from; to <= text.n; to++) {
            bool inside = word_edge(glob.p[glob.n - 1]) && to < text.n && in_word(text.p[to]);
            if (!inside && glob_fits(glob, part(text, from, to), " \t\r\n"))
                return true;
            if (to < text.n && text.p[to] && strchr(" \t\r\n", text.p[to]))
                break; /* no glob of ours has a space */
        }
    }
    return false;
}

static bool like_fits(struct str l, struct str s) {
    if (l.n == 0)
        return s.n == 0;
    if (*l.p == '%')
        return like_fits(str_skip(l, 1), s) || (s.n && like_fits(l, str_skip(s, 1)));
    return s.n && (*l.p == '_' || same(*l.p, *s.p)) && like_fits(str_skip(l, 1), str_skip(s, 1));
}

bool naive_like(struct str like, struct str text) {
    return memchr(like.p, '%', like.n) ? like_fits(like, text) : naive_part(like, text);
}

/* ---- patterns ---- */

static bool atom_byte(const struct pattern *p, const struct atom *a, char c) {
    switch (a->kind) {
    case ATOM_BYTE: return p->any_case ? same(a->byte, c) : a->byte == c;
    case ATOM_ANY: return c != '\n';
    case ATOM_DIGIT: return c >= '0' && c <= '9';
    case ATOM_WORD: return in_word(c) && !(c & 0x80);
    case ATOM_SPACE: return c && strchr(" \t\r\n\v\f", c);
    case ATOM_RANGE:
        return (c >= a->byte && c <= a->high) ||
               (p->any_case && ascii_lower(c) >= ascii_lower(a->byte) && ascii_lower(c) <= ascii_lower(a->high));
    default: return false;
    }
}

static bool fits_from(const struct pattern *p, size_t i, unsigned times, struct str s);

static bool choice_fits(const struct pattern *p, size_t i, unsigned times, struct str s) {
    const struct atom *a = &p->atoms[i];
    for (size_t k = 0; k < a->choice_count; k++) {
        struct str c = a->choices[k];
        bool hit = s.n >= c.n && (p->any_case ? same_bytes(c, part(s, 0, c.n)) : str_starts(s, c));
        if (hit && fits_from(p, i, times + 1, str_skip(s, c.n)))
            return true;
    }
    return false;
}

/* Atom i has matched `times` times; the rest of the pattern fits the front of `s` (all of it when tied). */
static bool fits_from(const struct pattern *p, size_t i, unsigned times, struct str s) {
    if (i == p->count)
        return !p->at_end || s.n == 0;
    const struct atom *a = &p->atoms[i];
    if (times < a->max) {
        if (a->kind == ATOM_CHOICE ? choice_fits(p, i, times, s)
                                   : s.n && atom_byte(p, a, *s.p) && fits_from(p, i, times + 1, str_skip(s, 1)))
            return true;
    }
    return times >= a->min && fits_from(p, i + 1, 0, s);
}

bool naive_pattern(const struct pattern *p, struct str text, bool whole) {
    struct pattern tied = *p;
    tied.at_begin = p->at_begin || whole;
    tied.at_end = p->at_end || whole;
    for (size_t at = 0; at <= text.n; at++) {
        if (fits_from(&tied, 0, 0, str_skip(text, at)))
            return true;
        if (tied.at_begin)
            return false;
    }
    return false;
}
