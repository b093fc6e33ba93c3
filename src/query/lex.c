#include "query/lex.h"
#include "base/assert.h"

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_letter(char c) {
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

static bool name_start(char c) {
    return is_letter(c) || c == '_' || c == '@' || c == '$' || (unsigned char)c >= 0x80;
}

bool lex_name_byte(char c) {
    return name_start(c) || ascii_digit(c) || c == '.';
}

size_t lex_space(struct str text, size_t at) {
    while (at < text.n && is_space(text.p[at]))
        at++;
    return at;
}

static bool joins(char c, enum lex_names names) {
    return names != LEX_NAME_PLAIN && (c == '-' || c == '/' || (c == ':' && names == LEX_NAME_FIELD));
}

size_t lex_name(struct str text, size_t at, enum lex_names names) {
    if (!name_start(lex_at(text, at)))
        return at;
    for (at++; at < text.n; at++) {
        bool inside = joins(text.p[at], names) && lex_name_byte(lex_at(text, at + 1));
        if (!inside && !lex_name_byte(text.p[at]))
            break;
    }
    return at;
}

size_t lex_letters(struct str text, size_t at) {
    while (at < text.n && (is_letter(text.p[at]) || text.p[at] == '_'))
        at++;
    return at;
}

size_t lex_word(struct str text, size_t at, bool in_list) {
    for (; at < text.n; at++) {
        char c = text.p[at];
        if (c == '\\' && at + 1 < text.n)
            at++;
        else if (is_space(c) || c == '(' || c == ')' || c == '"' || c == '`' || c == '|' ||
                 (c == '&' && lex_at(text, at + 1) == '&') || (in_list && (c == ',' || c == ']' || c == '}')))
            break;
    }
    return at;
}

/* Behind the first `end` after `at`, a backslash hiding the byte behind it. */
static size_t behind(struct str text, size_t at, char end) {
    for (at++; at < text.n; at++) {
        if (text.p[at] == end)
            return at + 1;
        if (text.p[at] == '\\')
            at++;
    }
    return SIZE_MAX;
}

size_t lex_quoted(struct str text, size_t at) {
    ASSERT(at < text.n);
    return behind(text, at, text.p[at]);
}

size_t lex_regex(struct str text, size_t at) {
    ASSERT(lex_at(text, at) == '/');
    return behind(text, at, '/');
}

size_t lex_group(struct str text, size_t at) {
    size_t depth = 0;
    ASSERT(lex_at(text, at) == '(');
    while (at < text.n) {
        char c = text.p[at];
        /* An apostrophe inside a word (don't) does not open a text. */
        bool quote = c == '"' || c == '`' || (c == '\'' && (at == 0 || !lex_name_byte(text.p[at - 1])));
        if (quote) {
            at = lex_quoted(text, at);
            if (at == SIZE_MAX)
                return SIZE_MAX;
            continue;
        }
        at += c == '\\' ? 2 : 1;
        if (c == '(')
            depth++;
        else if (c == ')' && --depth == 0)
            return at;
    }
    return SIZE_MAX;
}

enum err lex_unquote(struct str quoted, struct arena *mem, struct str *out) {
    ASSERT(quoted.n >= 2);
    char quote = quoted.p[0];
    struct str body = { quoted.p + 1, quoted.n - 2 };
    if (body.n == 0 || !memchr(body.p, '\\', body.n)) {
        *out = body;
        return ERR_OK;
    }
    char *to = ARENA_RAW(mem, char, body.n);
    size_t n = 0;
    if (!to)
        return ERR_LIMIT;
    for (size_t i = 0; i < body.n; i++) {
        char c = body.p[i], next = i + 1 < body.n ? body.p[i + 1] : '\0';
        if (c != '\\') {
            to[n++] = c;
            continue;
        }
        bool known = true;
        switch (next) {
        case 'n': c = '\n'; break;
        case 't': c = '\t'; break;
        case 'r': c = '\r'; break;
        default: known = next == '\\' || next == quote; c = known ? next : '\\';
        }
        to[n++] = c;
        i += known;
    }
    *out = (struct str){ to, n };
    return ERR_OK;
}
