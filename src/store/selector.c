#include "store/selector.h"
#include "base/buf.h"
#include "base/heap.h"
#include "block/text_match.h"
#include "model/labels.h"

enum matcher_kind { MATCH_EQUAL, MATCH_NOT_EQUAL, MATCH_REGEX, MATCH_NOT_REGEX };
static const struct {
    const char *text;
    enum matcher_kind kind;
} operators[] = {
    { "=~", MATCH_REGEX }, { "!~", MATCH_NOT_REGEX }, { "!=", MATCH_NOT_EQUAL }, { "=", MATCH_EQUAL }
};

struct selector {
    struct matcher {
        enum matcher_kind kind;
        struct str name, value; /* in `bytes` */
        struct text_match *regex;
    } matchers[SELECTOR_MATCHERS_MAX];
    size_t count, bytes_used;
    char bytes[SELECTOR_BYTES_MAX];
};

struct cursor {
    struct str rest;
    size_t offset;
};

static void skip(struct cursor *c, size_t n) {
    c->rest = str_skip(c->rest, n);
    c->offset += n;
}

static void skip_space(struct cursor *c) {
    while (c->rest.n && (c->rest.p[0] == ' ' || c->rest.p[0] == '\t'))
        skip(c, 1);
}

static bool take(struct cursor *c, const char *text) {
    skip_space(c);
    if (!str_starts(c->rest, str_of(text)))
        return false;
    skip(c, strlen(text));
    return true;
}

static enum err bad(const struct cursor *c, const char *what, struct err_text *why) {
    return err_say(why, ERR_INVALID, "selector: %s expected at character %zu", what, c->offset + 1);
}

static bool name_byte(char c) {
    return token_byte((unsigned char)c) || c == '.' || c == '-' || c == '/' || c == '@';
}

/* The selector's own memory is as long as the text, which it never outgrows. */
static void keep_byte(struct selector *s, char c) {
    s->bytes[s->bytes_used++] = c;
}

static enum err parse_name(struct cursor *c, struct selector *s, struct matcher *m, struct err_text *why) {
    skip_space(c);
    m->name.p = s->bytes + s->bytes_used;
    for (; c->rest.n && name_byte(c->rest.p[0]); skip(c, 1), m->name.n++)
        keep_byte(s, c->rest.p[0]);
    return m->name.n ? ERR_OK : bad(c, "a label name", why);
}

static enum err parse_operator(struct cursor *c, struct matcher *m, struct err_text *why) {
    for (size_t i = 0; i < COUNT_OF(operators); i++)
        if (take(c, operators[i].text)) {
            m->kind = operators[i].kind;
            return ERR_OK;
        }
    return bad(c, "=, !=, =~ or !~", why);
}

/* In double quotes; a backslash makes the next character plain. */
static enum err parse_value(struct cursor *c, struct selector *s, struct matcher *m, struct err_text *why) {
    if (!take(c, "\""))
        return bad(c, "a value in double quotes", why);
    m->value.p = s->bytes + s->bytes_used;
    bool keep_backslash = m->kind == MATCH_REGEX || m->kind == MATCH_NOT_REGEX;
    for (; c->rest.n && c->rest.p[0] != '"'; skip(c, 1)) {
        if (c->rest.p[0] == '\\' && c->rest.n > 1) {
            if (keep_backslash && c->rest.p[1] != '"')
                keep_byte(s, '\\');
            skip(c, 1);
        }
        keep_byte(s, c->rest.p[0]);
    }
    m->value.n = (size_t)(s->bytes + s->bytes_used - m->value.p);
    return take(c, "\"") ? ERR_OK : bad(c, "a closing quote", why);
}

static enum err compile(struct matcher *m, struct err_text *why) {
    if (m->kind != MATCH_REGEX && m->kind != MATCH_NOT_REGEX)
        return ERR_OK;
    AUTO(buf) whole = { .limit_bytes = SELECTOR_BYTES_MAX + 16 };
    buf_add(&whole, STR("^(?:"));
    buf_add(&whole, m->value);
    buf_add(&whole, STR(")$"));
    return text_match_new(TEXT_REGEX, buf_str(&whole), why, &m->regex);
}

static enum err parse_matchers(struct cursor *c, struct selector *s, struct err_text *why) {
    if (!take(c, "{"))
        return bad(c, "'{'", why);
    while (!take(c, "}")) {
        if (s->count && !take(c, ","))
            return bad(c, "',' or '}'", why);
        if (s->count == SELECTOR_MATCHERS_MAX)
            return err_say(why, ERR_LIMIT, "selector: more than %d matchers", SELECTOR_MATCHERS_MAX);
        struct matcher *m = &s->matchers[s->count++];
        TRY(parse_name(c, s, m, why));
        TRY(parse_operator(c, m, why));
        TRY(parse_value(c, s, m, why));
        TRY(compile(m, why));
    }
    skip_space(c);
    return c->rest.n ? bad(c, "the end", why) : ERR_OK;
}

enum err selector_parse(struct str text, struct err_text *why, struct selector **out) {
    if (text.n > SELECTOR_BYTES_MAX)
        return err_say(why, ERR_LIMIT, "selector: longer than %d bytes", SELECTOR_BYTES_MAX);
    struct selector *s = HEAP_NEW(struct selector);
    struct cursor c = { .rest = text };
    enum err e = parse_matchers(&c, s, why);
    if (e != ERR_OK) {
        selector_free(s);
        return e;
    }
    *out = s;
    return ERR_OK;
}

void selector_free(struct selector *s) {
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        text_match_free(s->matchers[i].regex);
    heap_free(s);
}

static bool keeps(const struct matcher *m, struct str value) {
    switch (m->kind) {
    case MATCH_EQUAL: return str_eq(value, m->value);
    case MATCH_NOT_EQUAL: return !str_eq(value, m->value);
    case MATCH_REGEX: return text_match_test(m->regex, value);
    case MATCH_NOT_REGEX: return !text_match_test(m->regex, value);
    }
    return false;
}

bool selector_keeps(const struct selector *s, struct str labels) {
    for (size_t i = 0; i < s->count; i++)
        if (!keeps(&s->matchers[i], labels_get(labels, s->matchers[i].name)))
            return false;
    return true;
}
