#include "base/hash.h"
#include "block/text_match.h"
/* The tokens of a text and their hashes, as stored in word filters: token_hash is part of the disk format. */

bool token_next(struct str *rest, struct str *out) {
    size_t i = 0;
    while (i < rest->n && !token_byte((unsigned char)rest->p[i]))
        i++;
    size_t start = i;
    while (i < rest->n && token_byte((unsigned char)rest->p[i]))
        i++;
    if (i == start)
        return false;
    *out = (struct str){ rest->p + start, i - start };
    *rest = str_skip(*rest, i);
    return true;
}

/* Longer tokens are hashed by pieces, each seeded with the hash before it. */
enum { TOKEN_PIECE_BYTES = 512 };

uint64_t token_hash(struct str token) {
    char lower[TOKEN_PIECE_BYTES];
    uint64_t hash = 0;
    do {
        size_t n = token.n < sizeof lower ? token.n : sizeof lower;
        for (size_t i = 0; i < n; i++)
            lower[i] = ascii_lower(token.p[i]);
        hash = hash64_seed((struct str){ lower, n }, hash);
        token = n ? str_skip(token, n) : token;
    } while (token.n);
    return hash;
}
