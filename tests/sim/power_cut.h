#pragma once
#include <stdint.h>
#include <stdlib.h>
/* How many power cuts a test makes: SONDE_POWER_CUTS, else a number for every day. */
static inline uint64_t power_cuts(void) {
    const char *text = getenv("SONDE_POWER_CUTS");
    uint64_t count = text ? strtoull(text, NULL, 10) : 0;
    return count ? count : 300;
}
/* The first seed: SONDE_SEED, to run one failing case again. */
static inline uint64_t power_cut_seed(void) {
    const char *text = getenv("SONDE_SEED");
    return text ? strtoull(text, NULL, 10) : 1;
}
