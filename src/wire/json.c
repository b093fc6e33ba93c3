#include "wire/json.h"

void json_reader_init(struct json_reader *r, struct str text) {
    const char *p = text.n ? text.p : "";
    *r = (struct json_reader){ .start = p, .p = p, .end = p + text.n };
}

void json_fail(struct json_reader *r, const char *what) {
    if (!r->failed)
        r->failed = what;
}

enum err json_end(struct json_reader *r, struct err_text *why) {
    if (!r->failed) {
        r->p = json_scan_space(r->p, r->end);
        if (r->p != r->end)
            r->failed = "more text behind the value";
    }
    if (r->failed)
        return err_say(why, ERR_INVALID, "byte %td: %s", r->p - r->start, r->failed);
    return ERR_OK;
}

enum json_kind json_kind(struct json_reader *r) {
    if (r->failed)
        return JSON_NONE;
    r->p = json_scan_space(r->p, r->end);
    if (r->p == r->end)
        return JSON_NONE;
    switch (*r->p) {
    case '{': return JSON_OBJECT;
    case '[': return JSON_ARRAY;
    case '"': return JSON_STRING;
    case 't':
    case 'f': return JSON_BOOL;
    case 'n': return JSON_NULL;
    case '-': return JSON_NUMBER;
    default: return ascii_digit(*r->p) ? JSON_NUMBER : JSON_NONE;
    }
}

static bool enter(struct json_reader *r, enum json_kind kind, const char *expected) {
    if (json_kind(r) != kind)
        json_fail(r, expected);
    else if (r->depth == JSON_DEPTH_MAX)
        json_fail(r, "nested more than 64 deep");
    if (r->failed)
        return false;
    r->p++;
    r->depth++;
    r->first = true;
    return true;
}

bool json_object(struct json_reader *r) {
    return enter(r, JSON_OBJECT, "expected an object");
}
bool json_array(struct json_reader *r) {
    return enter(r, JSON_ARRAY, "expected an array");
}

/* At the next member of the innermost container; false behind its `close`. */
static bool member(struct json_reader *r, char close, const char *expected) {
    if (r->failed)
        return false;
    r->p = json_scan_space(r->p, r->end);
    bool first = r->first;
    r->first = false;
    if (r->p < r->end && *r->p == close) {
        r->p++;
        r->depth--;
        return false;
    }
    if (first)
        return true;
    if (r->p == r->end || *r->p != ',') {
        json_fail(r, expected);
        return false;
    }
    r->p = json_scan_space(r->p + 1, r->end);
    return true;
}

bool json_key(struct json_reader *r, struct json_text *out) {
    if (!member(r, '}', "expected ',' or '}'"))
        return false;
    struct json_text key = json_raw_string(r);
    r->p = r->failed ? r->p : json_scan_space(r->p, r->end);
    if (!r->failed && (r->p == r->end || *r->p != ':'))
        json_fail(r, "expected ':' after the key");
    if (r->failed)
        return false;
    r->p++;
    *out = key;
    return true;
}

bool json_item(struct json_reader *r) {
    return member(r, ']', "expected ',' or ']'");
}

struct json_text json_raw_string(struct json_reader *r) {
    struct json_text t = { 0 };
    if (json_kind(r) != JSON_STRING) {
        json_fail(r, "expected a string");
        return t;
    }
    const char *start = r->p + 1, *quote = json_scan_string(start, r->end, &t.escaped);
    if (!quote) {
        json_fail(r, "a string without its closing quote");
        return (struct json_text){ 0 };
    }
    t.raw = (struct str){ start, (size_t)(quote - start) };
    r->p = quote + 1;
    return t;
}

enum err json_text_get(struct json_text t, struct arena *mem, struct str *out) {
    if (!t.escaped) {
        *out = t.raw;
        return ERR_OK;
    }
    char *to = ARENA_RAW(mem, char, t.raw.n);
    if (!to)
        return ERR_LIMIT;
    size_t n = json_unescape(t.raw, to);
    if (n == SIZE_MAX)
        return ERR_INVALID;
    *out = (struct str){ to, n };
    return ERR_OK;
}

struct str json_string(struct json_reader *r, struct arena *mem) {
    struct str s = { 0 };
    enum err e = json_text_get(json_raw_string(r), mem, &s);
    if (e != ERR_OK)
        json_fail(r, e == ERR_LIMIT ? "the memory for strings is spent" : "not an escape");
    return s;
}

struct str json_number_text(struct json_reader *r) {
    if (json_kind(r) != JSON_NUMBER) {
        json_fail(r, "expected a number");
        return (struct str){ 0 };
    }
    struct json_number number;
    const char *start = r->p, *end = json_scan_number(start, r->end, &number);
    if (!end) {
        json_fail(r, "not a number");
        return (struct str){ 0 };
    }
    r->p = end;
    return (struct str){ start, (size_t)(end - start) };
}

static bool literal(struct json_reader *r, struct str word) {
    if (json_kind(r) == JSON_NONE || !str_starts((struct str){ r->p, (size_t)(r->end - r->p) }, word))
        return false;
    r->p += word.n;
    return true;
}

bool json_bool(struct json_reader *r) {
    bool yes = literal(r, STR("true"));
    if (!yes && !literal(r, STR("false")))
        json_fail(r, "expected true or false");
    return yes;
}

static int32_t unicode_escape(const char **p, const char *end);

static const char escape_letters[] = "\"\\/bfnrt", escape_bytes[] = "\"\\/\b\f\n\r\t";

static bool escapes_valid(struct str raw) {
    const char *end = raw.p + raw.n;
    for (const char *p = raw.p; (p = memchr(p, '\\', (size_t)(end - p))) != NULL;) {
        if (end - p < 2)
            return false;
        p += 2;
        if (!memchr(escape_letters, p[-1], sizeof escape_letters - 1) &&
            (p[-1] != 'u' || unicode_escape(&p, end) < 0))
            return false;
    }
    return true;
}

/* Recursion ends at JSON_DEPTH_MAX: enter() sees to it. */
static void skip(struct json_reader *r) {
    struct json_text text;
    switch (json_kind(r)) {
    case JSON_OBJECT:
        for (bool more = json_object(r); more && json_key(r, &text);)
            skip(r);
        break;
    case JSON_ARRAY:
        for (bool more = json_array(r); more && json_item(r);)
            skip(r);
        break;
    case JSON_STRING:
        text = json_raw_string(r);
        if (text.escaped && !escapes_valid(text.raw))
            json_fail(r, "not an escape");
        break;
    case JSON_NUMBER: (void)json_number_text(r); break;
    case JSON_BOOL: (void)json_bool(r); break;
    case JSON_NULL:
        if (!literal(r, STR("null")))
            json_fail(r, "expected a value");
        break;
    case JSON_NONE: json_fail(r, "expected a value"); break;
    }
}

struct str json_skip(struct json_reader *r) {
    r->p = r->failed ? r->p : json_scan_space(r->p, r->end);
    const char *start = r->p;
    skip(r);
    return r->failed ? (struct str){ 0 } : (struct str){ start, (size_t)(r->p - start) };
}

static int hex_value(char c) {
    if (ascii_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hex digits at `p`; -1 when they are not. */
static int32_t hex4(const char *p, const char *end) {
    int32_t v = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int d = hex_value(p[i]);
        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

static char *utf8_put(char *to, uint32_t c) {
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xc0 | c >> 6);
        *to++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *to++ = (char)(0xe0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
        *to++ = (char)(0x80 | (c & 0x3f));
    } else {
        *to++ = (char)(0xf0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 0x3f));
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
        *to++ = (char)(0x80 | (c & 0x3f));
    }
    return to;
}

/* `*p` is behind "\u". The code point, joined from two halves when they pair up; -1 for bad digits. */
static int32_t unicode_escape(const char **p, const char *end) {
    int32_t high = hex4(*p, end);
    if (high < 0)
        return -1;
    *p += 4;
    if (high < 0xd800 || high > 0xdfff)
        return high;
    if (high < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
        int32_t low = hex4(*p + 2, end);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *p += 6;
            return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return 0xfffd;
}

size_t json_unescape(struct str raw, char *to) {
    const char *p = raw.p, *end = raw.p + raw.n;
    char *start = to;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((slash ? slash : end) - p);
        memcpy(to, p, plain);
        to += plain;
        if (!slash)
            break;
        if (end - slash < 2)
            return SIZE_MAX;
        p = slash + 2;
        const char *simple = memchr(escape_letters, slash[1], sizeof escape_letters - 1);
        if (simple) {
            *to++ = escape_bytes[simple - escape_letters];
            continue;
        }
        int32_t c = slash[1] == 'u' ? unicode_escape(&p, end) : -1;
        if (c < 0)
            return SIZE_MAX;
        to = utf8_put(to, (uint32_t)c);
    }
    return (size_t)(to - start);
}
