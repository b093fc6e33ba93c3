#pragma once
#include "base/str.h"
/*
 * A hash table from bytes to a u32, the one map of the program: callers keep their objects in an
 * array and map names to indices. Open addressing, linear probing, XXH3; keys are copied into the map
 * (key_bytes in all). Not thread-safe. Iterate over the caller's own array instead.
 */
struct map {
    struct map_slot *slots;
    size_t slot_count; /* power of two, or 0 */
    size_t count;
    char *keys;
    size_t key_bytes, key_cap_bytes;
};

void map_fini(struct map *m);
static inline void map_auto(struct map *m) { map_fini(m); }
void map_clear(struct map *m);
/* False when absent. */
NODISCARD bool map_get(const struct map *m, struct str key, uint32_t *out);
/* Returns the stored value: the old one when the key was there (`*out_new` false), else `value`. */
uint32_t map_put(struct map *m, struct str key, uint32_t value, bool *out_new);
/* Overwrites. */
void map_set(struct map *m, struct str key, uint32_t value);
