#include "block/words.h"
#include "base/hash.h"

enum { ID_DIGITS = 16, LOWER_BYTES = 256 };

static int hex_digit(char c) {
    char l = ascii_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

bool id_is_hex(struct str id) {
    for (size_t i = 0; i < id.n; i++)
        if (hex_digit(id.p[i]) < 0)
            return false;
    return id.n >= ID_DIGITS;
}

/* In pieces, so that no id is too long for it. */
static uint64_t hash_lower(struct str s) {
    uint64_t h = 0;
    do {
        char lower[LOWER_BYTES];
        size_t n = s.n < LOWER_BYTES ? s.n : LOWER_BYTES;
        for (size_t i = 0; i < n; i++)
            lower[i] = ascii_lower(s.p[i]);
        h = hash64_seed((struct str){ lower, n }, h);
        s = n ? str_skip(s, n) : s;
    } while (s.n);
    return h;
}

uint64_t id_prefix(struct str id) {
    if (!id_is_hex(id))
        return hash_lower(id);
    uint64_t v = 0;
    for (size_t i = 0; i < ID_DIGITS; i++)
        v = v << 4 | (uint64_t)hex_digit(id.p[i]);
    return v;
}
