#include "question_make.h"
#include "base/assert.h"
/* Needles: cut out of texts that rows have, then perhaps bent a little. */
enum { NEEDLE_BYTES_MAX = 60 };

static struct str keep(struct maker *m, struct str s) {
    struct str kept;
    ASSERT(arena_dup(m->mem, s, &kept) == ERR_OK);
    return kept;
}

static bool in_word(char c) { return token_byte((unsigned char)c); }

/* Other letter case here and there. */
static struct str flip(struct maker *m, struct str s) {
    char *p = ARENA_RAW(m->mem, char, s.n + 1);
    for (size_t i = 0; i < s.n; i++) {
        char low = ascii_lower(s.p[i]);
        p[i] = low >= 'a' && low <= 'z' && chance(m, 50) ? (char)(s.p[i] ^ 32) : s.p[i];
    }
    return (struct str){ p, s.n };
}

static size_t word_after(struct str s, size_t at) {
    while (at < s.n && !in_word(s.p[at]))
        at++;
    return at;
}
static size_t word_end(struct str s, size_t at) {
    while (at < s.n && in_word(s.p[at]))
        at++;
    return at;
}

/* One to three words. */
static struct str phrase(struct maker *m, struct str text) {
    size_t from = text.n ? word_after(text, below(m, text.n)) : 0;
    while (from > 0 && from < text.n && in_word(text.p[from - 1]))
        from--;
    size_t to = word_end(text, from);
    for (int i = 0; i < 2 && chance(m, 35); i++)
        to = word_end(text, word_after(text, to));
    struct str s = { text.p + from, to - from };
    if (chance(m, 8) && from > 0)
        s = (struct str){ s.p - 1, s.n + 1 };
    if (chance(m, 8) && to < text.n)
        s.n++;
    return s;
}

static struct str start(struct maker *m, struct str text) {
    struct str s = phrase(m, text);
    if (s.n > 1 && chance(m, 70))
        s.n -= 1 + below(m, s.n - 1 < 3 ? s.n - 1 : 3);
    return s;
}

static struct str part(struct maker *m, struct str text) {
    size_t from = below(m, text.n), n = 1 + below(m, 8);
    return (struct str){ text.p + from, n < text.n - from ? n : text.n - from };
}

static bool may_glob(struct str s) {
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || memchr("*?\\", s.p[i], 3))
            return false;
    return s.n >= 3;
}

/* Never of the shapes x* and *x*, which mean something else. */
static struct str glob(struct maker *m, struct str s) {
    char *p = ARENA_RAW(m->mem, char, s.n + 2);
    size_t n = 0, star = 1 + below(m, s.n - 2), skip = below(m, 4);
    for (size_t i = 0; i < s.n; i++) {
        if (i == star && chance(m, 60)) {
            p[n++] = '*';
            i += skip < s.n - i - 1 ? skip : s.n - i - 1;
        }
        p[n++] = i == star || (i > 0 && chance(m, 10)) ? '?' : s.p[i];
    }
    if (n > 2 && p[n - 2] != '*' && chance(m, 20))
        p[n - 1] = '*';
    p[n / 2] = n > 2 && p[n / 2] != '*' ? '?' : p[n / 2];
    bool inner = false;
    for (size_t i = 1; i + 1 < n; i++)
        inner = inner || p[i] == '?' || p[i] == '*';
    return (struct str){ p, inner ? n : 0 };
}

/* A run without spaces, as a pattern for words is. */
static struct str run(struct maker *m, struct str text) {
    size_t from = below(m, text.n), to;
    while (from > 0 && text.p[from - 1] != ' ')
        from--;
    for (to = from; to < text.n && text.p[to] != ' '; to++)
        ;
    return (struct str){ text.p + from, to - from };
}

/* ---- patterns ---- */

static void push(struct pattern *p, struct atom a) {
    if (p->count < PATTERN_ATOMS_MAX)
        p->atoms[p->count++] = a;
}

static size_t run_of(struct str s, bool (*is)(char c)) {
    size_t n = 0;
    while (n < s.n && is(s.p[n]))
        n++;
    return n;
}
static bool is_digit(char c) { return ascii_digit(c); }
static bool is_word(char c) { return in_word(c) && !(c & 0x80); }

static size_t push_run(struct maker *m, struct pattern *p, enum atom_kind kind, size_t n) {
    struct atom a = { .kind = kind, .byte = '0', .high = '9', .min = 1, .max = PATTERN_REPEAT_EVER };
    if (chance(m, 30))
        a.max = (unsigned)n + 1;
    if (chance(m, 20))
        a.min = 0;
    push(p, a);
    return n;
}

/* Puts an atom that takes the next bytes; tells how many. */
static size_t push_next(struct maker *m, struct pattern *p, struct str s, bool *stars) {
    char c = s.p[0];
    struct atom a = { .kind = ATOM_BYTE, .byte = c, .min = 1, .max = 1 };
    unsigned roll = (unsigned)below(m, 100);
    size_t digits = run_of(s, is_digit), letters = run_of(s, is_word);
    if (roll < 12 && digits)
        return push_run(m, p, chance(m, 50) ? ATOM_DIGIT : ATOM_RANGE, digits);
    if (roll < 18 && letters)
        return push_run(m, p, ATOM_WORD, letters);
    if (roll < 26 && c != '\n' && !(c & 0x80))
        a.kind = ATOM_ANY;
    else if (roll < 40 && c == ' ')
        a.kind = ATOM_SPACE;
    else if (roll < 30 && !*stars && !memchr(s.p, '\n', s.n < 6 ? s.n : 6)) {
        *stars = true;
        push(p, (struct atom){ .kind = ATOM_ANY, .min = 0, .max = PATTERN_REPEAT_EVER });
        return s.n < 6 ? s.n : 1 + below(m, 5);
    } else if (roll < 34 && letters > 1) {
        a = (struct atom){ .kind = ATOM_CHOICE, .choices = { STR("warn"), { s.p, letters }, STR("9") }, .choice_count = 3,
                           .min = 1, .max = 1 };
        push(p, a);
        return letters;
    } else if (roll < 37 && !(c & 0x80)) {
        push(p, (struct atom){ .kind = ATOM_BYTE, .byte = 'z', .min = 0, .max = 1 });
    }
    push(p, a);
    return 1;
}

struct pattern *maker_pattern(struct maker *m, struct str text) {
    struct pattern *p = ARENA_NEW(m->mem, struct pattern, 1);
    size_t from = chance(m, 25) || text.n == 0 ? 0 : below(m, text.n), at = from, want = 2 + below(m, 12);
    bool stars = false;
    while (from > 0 && (text.p[from] & 0xc0) == 0x80)
        from--; /* not inside of a character */
    at = from;
    while (at < text.n && p->count < PATTERN_ATOMS_MAX - 2 && (at - from < want || (text.p[at] & 0xc0) == 0x80))
        at += push_next(m, p, str_skip(text, at), &stars);
    p->at_begin = from == 0 && chance(m, 50);
    p->at_end = at >= text.n && chance(m, 50);
    p->any_case = chance(m, 25);
    for (size_t i = 0; p->any_case && i < p->count; i++) {
        char low = ascii_lower(p->atoms[i].byte);
        if (p->atoms[i].kind == ATOM_BYTE && low >= 'a' && low <= 'z' && chance(m, 40))
            p->atoms[i].byte ^= 32;
    }
    return p->count ? p : NULL;
}

/* ---- nodes ---- */

static bool writable(struct str s) { return s.n > 0 && s.n <= NEEDLE_BYTES_MAX && !memchr(s.p, '\0', s.n); }

static enum text_form pick_form(struct maker *m) {
    unsigned roll = (unsigned)below(m, 100);
    return roll < 45 ? TEXT_WORD : roll < 60 ? TEXT_START : roll < 75 ? TEXT_PART : roll < 85 ? TEXT_GLOB : TEXT_PATTERN;
}

static struct str needle_of(struct maker *m, enum text_form form, struct str name, struct str text) {
    struct str s;
    switch (form) {
    case TEXT_WORD: return phrase(m, text);
    case TEXT_START: return start(m, text);
    case TEXT_PART: return text.n ? part(m, text) : text;
    default:
        s = name.n || text.n == 0 ? text : run(m, text);
        return may_glob(s) && s.n <= NEEDLE_BYTES_MAX ? glob(m, s) : (struct str){ 0 };
    }
}

struct node *maker_text_node(struct maker *m, struct str name, struct str text) {
    struct node *n = node_new(m, NODE_TEXT);
    n->name = name;
    n->form = pick_form(m);
    if (n->form == TEXT_PATTERN) {
        n->pattern = maker_pattern(m, text);
        return n->pattern ? n : NULL;
    }
    struct str s = needle_of(m, n->form, name, text);
    if (!writable(s))
        return NULL;
    n->needle = chance(m, 20) ? flip(m, s) : keep(m, s);
    n->quoted = n->form != TEXT_GLOB && (!question_bare_word(n->needle) || chance(m, 30));
    return n;
}
