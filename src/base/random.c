#include "base/random.h"
#include "base/assert.h"
#include <sys/random.h>

static uint64_t splitmix(uint64_t *x) {
    uint64_t z = (*x += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

void random_init(struct random *r, uint64_t seed) {
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix(&seed);
}

uint64_t random_seed_real(void) {
    uint64_t seed;
    ASSERT(getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed);
    return seed;
}

static uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

uint64_t random_u64(struct random *r) {
    uint64_t *s = r->s, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t random_below(struct random *r, uint64_t below) {
    ASSERT(below > 0);
    return (uint64_t)(((unsigned __int128)random_u64(r) * below) >> 64);
}

double random_unit(struct random *r) { return (double)(random_u64(r) >> 11) * 0x1p-53; }
