#pragma once
#include <stddef.h>
#include <stdint.h>
/*
 * The only source of randomness. A seeded generator (xoshiro256**, Blackman and Vigna 2018) so that a
 * test replays; random_seed_real() draws a seed from the kernel. Not for secrets. One thread each.
 */
struct random {
    uint64_t s[4];
};
void random_init(struct random *r, uint64_t seed);
uint64_t random_seed_real(void);
uint64_t random_u64(struct random *r);
/* 0 .. below-1, `below` > 0. */
uint64_t random_below(struct random *r, uint64_t below);
/* 0 <= x < 1 */
double random_unit(struct random *r);
