#include "block/words.h"
#include "base/hash.h"

enum { ID_DIGITS = 16, LOWER_BYTES = 256 };

/* 16 more than the value of a hex digit; 0: none. */
static const uint8_t digits[256] = {
    // tidy: table
    ['0'] = 16, ['1'] = 17, ['2'] = 18, ['3'] = 19, ['4'] = 20, ['5'] = 21, ['6'] = 22, ['7'] = 23,
    ['8'] = 24, ['9'] = 25, ['a'] = 26, ['b'] = 27, ['c'] = 28, ['d'] = 29, ['e'] = 30, ['f'] = 31,
    ['A'] = 26, ['B'] = 27, ['C'] = 28, ['D'] = 29, ['E'] = 30, ['F'] = 31,
};

bool id_is_hex(struct str id) {
    uint8_t all = 16;
    for (size_t i = 0; i < id.n; i++)
        all &= digits[(unsigned char)id.p[i]];
    return all && id.n >= ID_DIGITS;
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
        v = v << 4 | (digits[(unsigned char)id.p[i]] & 15);
    return v;
}
