#include "block/template.h"
#include "block/template_split.h"
/*
 * A template as people read it. Variables are `<*>`, and what people see as one value is one `<*>`: variables
 * joined by a single one of  . : - / , +  (dates, times, addresses, versions, paths of numbers). Between '-'
 * or ':' a constant of two to twelve hex letters, an even number, belongs to it too: a group of an UUID or of
 * a hardware address that happens to have no digit.
 *
 *     2015-07-29 17:41:44,747 - INFO [/10.10.34.11:3888]     <*> <*> - INFO [/<*>]
 *     run 6ba7b810-dead-11d1-80b4-00c04fd430c8 took 3ms      run <*> took <*>
 *
 * This is a function of the template's bytes alone, so it is printed once for each template.
 */
enum { HEX_WORD_BYTES_MAX = 12 };

static bool is_joint(char c) {
    return c && strchr(".:-/,+", c) != NULL;
}

static bool is_hex_letter(char c) {
    char l = ascii_lower(c);
    return l >= 'a' && l <= 'f';
}

/* The constant between two variables of one value. */
static bool joins(struct str s) {
    if (s.n == 0 || !is_joint(s.p[0]))
        return false;
    s = str_skip(s, 1);
    while (s.n) {
        size_t n = 0;
        while (n < s.n && n < HEX_WORD_BYTES_MAX && is_hex_letter(s.p[n]))
            n++;
        if (n == 0 || n % 2 || n == s.n || (s.p[n] != '-' && s.p[n] != ':'))
            return false;
        s = str_skip(s, n + 1);
    }
    return true;
}

void template_pattern(struct str text, struct buf *out) {
    struct template_span spans[TEMPLATE_SLOTS_MAX];
    size_t count = template_split(text, spans), at = 0;
    for (size_t i = 0; i < count; i++) {
        struct str constant = { text.p + at, spans[i].from - at };
        if (i == 0 || !joins(constant)) {
            buf_add(out, constant);
            buf_add(out, STR("<*>"));
        }
        at = spans[i].to;
    }
    if (text.n > at)
        buf_add_bytes(out, text.p + at, text.n - at);
}
