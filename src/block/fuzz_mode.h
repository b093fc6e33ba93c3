#pragma once
#include "base/hash.h"
/*
 * Does `stored` equal the checksum of these bytes? Fuzz targets are built with FUZZING_IGNORES_CHECKSUMS, so
 * that mutated bytes reach the decoders behind the check.
 */
static inline bool crc_matches(uint32_t stored, const void *p, size_t n) {
#ifdef FUZZING_IGNORES_CHECKSUMS
    (void)stored, (void)p, (void)n;
    return true;
#else
    return crc32c(0, p, n) == stored;
#endif
}
