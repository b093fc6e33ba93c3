#include "ingest/loki_labels.h"

struct walk {
    const char *start, *p, *end;
    struct arena *mem;
    struct err_text *why;
};

static enum err fail(const struct walk *w, const char *what) {
    return err_say(w->why, ERR_INVALID, "labels, byte %td: %s", w->p - w->start, what);
}

static void skip_space(struct walk *w) {
    while (w->p < w->end && (*w->p == ' ' || *w->p == '\t' || *w->p == '\n'))
        w->p++;
}

static bool take(struct walk *w, char c) {
    skip_space(w);
    if (w->p == w->end || *w->p != c)
        return false;
    w->p++;
    return true;
}

static bool name_byte(char c) {
    return token_byte((unsigned char)c) || c == ':' || c == '.' || c == '-' || c == '/';
}

static int digit_value(char c) {
    c = ascii_lower(c);
    return ascii_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* `count` digits of `base` at w->p, or -1. */
static int64_t take_number(struct walk *w, int count, int base) {
    int64_t v = 0;
    if (w->end - w->p < count)
        return -1;
    for (int i = 0; i < count; i++) {
        int d = digit_value(w->p[i]);
        if (d >= base)
            return -1;
        v = v * base + d;
    }
    w->p += count;
    return v;
}

static size_t utf8(uint32_t c, char *to) {
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char first[5] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3f));
    to[0] = (char)(first[n] | c);
    return n;
}

/* Behind a backslash. Writes what the escape means; SIZE_MAX when it is none. */
static size_t take_escape(struct walk *w, char *to) {
    static const char from[] = "abfnrtv\\\"'", meant[] = "\a\b\f\n\r\t\v\\\"'";
    const char *simple = w->p < w->end && *w->p ? strchr(from, *w->p) : NULL;
    if (simple) {
        w->p++;
        *to = meant[simple - from];
        return 1;
    }
    char kind = w->p < w->end ? *w->p : '\0';
    if (ascii_digit(kind) || kind == 'x') {
        w->p += kind == 'x';
        int64_t v = kind == 'x' ? take_number(w, 2, 16) : take_number(w, 3, 8);
        *to = (char)v;
        return v < 0 || v > 255 ? SIZE_MAX : 1;
    }
    if (kind != 'u' && kind != 'U')
        return SIZE_MAX;
    w->p++;
    int64_t v = take_number(w, kind == 'u' ? 4 : 8, 16);
    return v < 0 || v > 0x10ffff ? SIZE_MAX : utf8((uint32_t)v, to);
}

/* The quote is taken; the text before the closing one holds escapes. An escape is never longer than what it
 * means. */
static enum err take_escaped(struct walk *w, struct str *out) {
    const char *close = w->p;
    while (close < w->end && *close != '"')
        close += *close == '\\' ? 2 : 1;
    char *to = close < w->end ? ARENA_RAW(w->mem, char, (size_t)(close - w->p)) : NULL;
    if (!to)
        return fail(w, close < w->end ? "no memory for the value" : "a value without its closing quote");
    size_t n = 0;
    while (w->p < close) {
        if (*w->p != '\\') {
            to[n++] = *w->p++;
            continue;
        }
        w->p++;
        char meant[4];
        size_t bytes = take_escape(w, meant);
        if (bytes == SIZE_MAX || w->p > close)
            return fail(w, "not an escape");
        memcpy(to + n, meant, bytes);
        n += bytes;
    }
    w->p = close + 1;
    *out = (struct str){ to, n };
    return ERR_OK;
}

static enum err take_value(struct walk *w, struct str *out) {
    skip_space(w);
    char quote = w->p < w->end ? *w->p : '\0';
    if (quote != '"' && quote != '`')
        return fail(w, "expected a quoted value");
    w->p++;
    const char *stop = w->p;
    while (stop < w->end && *stop != quote && (quote == '`' || *stop != '\\'))
        stop++;
    if (stop < w->end && *stop == '\\')
        return take_escaped(w, out);
    if (stop == w->end)
        return fail(w, "a value without its closing quote");
    *out = (struct str){ w->p, (size_t)(stop - w->p) };
    w->p = stop + 1;
    return ERR_OK;
}

static enum err take_label(struct walk *w, struct label *out) {
    skip_space(w);
    const char *start = w->p;
    while (w->p < w->end && name_byte(*w->p))
        w->p++;
    out->name = (struct str){ start, (size_t)(w->p - start) };
    if (out->name.n == 0)
        return fail(w, "expected the name of a label");
    if (!take(w, '='))
        return fail(w, "expected '='");
    return take_value(w, &out->value);
}

enum err loki_labels_parse(struct str text, struct arena *mem, struct label labels[LABELS_COUNT_MAX],
                           size_t *out_count, struct err_text *why) {
    struct walk w = { text.p, text.p, text.n ? text.p + text.n : text.p, mem, why };
    size_t count = 0;
    if (text.n == 0 || !take(&w, '{'))
        return fail(&w, "expected '{'");
    while (!take(&w, '}')) {
        if (count == LABELS_COUNT_MAX)
            return err_say(why, ERR_LIMIT, "a stream with more than %d labels", LABELS_COUNT_MAX);
        TRY(take_label(&w, &labels[count++]));
        if (!take(&w, ',') && (w.p == w.end || *w.p != '}'))
            return fail(&w, "expected ',' or '}'");
    }
    skip_space(&w);
    if (w.p != w.end)
        return fail(&w, "more text behind '}'");
    *out_count = count;
    return ERR_OK;
}
