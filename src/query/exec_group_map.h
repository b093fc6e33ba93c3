#pragma once
#include "base/arena.h"
#include "model/value.h"
/*
 * From the encoded key of a group to its number and its state. With many groups every step of a lookup is a
 * cache miss, so there are few: a slot holds half of the hash beside the number; hash, values of the keys,
 * state and encoded key of a group lie together; and who looks up many keys fetches ahead
 * (group_map_prefetch).
 */
struct group_map {
    struct arena *mem;
    size_t key_count, state_bytes;
    char **states; /* by group */
    size_t count, cap;
    struct group_slot *slots;
    size_t slot_count;
};
void group_map_init(struct group_map *m, struct arena *mem, size_t key_count, size_t state_bytes);
/* Number of the group; new, with a zeroed state and copies of `values`, when there is none. Of equal keys
 * written differently the preferred values are kept. ERR_LIMIT: memory. */
NODISCARD enum err group_map_find(struct group_map *m, struct str key, uint64_t hash,
                                  const struct value *values, uint32_t *out);
/* Ahead of a find: its slot; some time later, the group that the slot names. */
void group_map_prefetch_slot(const struct group_map *m, uint64_t hash);
void group_map_prefetch_group(const struct group_map *m, uint64_t hash);

struct value *group_map_values(const struct group_map *m, size_t group);
struct str group_map_key(const struct group_map *m, size_t group);
uint64_t group_map_hash(const struct group_map *m, size_t group);
