#include "query/exec_group_map.h"
#include "query/exec.h"
#include "query/vector_keys.h"

struct group_slot {
    uint32_t hash; /* upper half */
    uint32_t group_plus_one;
};
/* head, values of the keys, state (where states[] points), encoded key. */
struct group_head {
    uint64_t hash;
    uint64_t key_bytes;
};

void group_map_init(struct group_map *m, struct arena *mem, size_t key_count, size_t state_bytes) {
    *m = (struct group_map){ .mem = mem, .key_count = key_count, .state_bytes = state_bytes };
}

struct value *group_map_values(const struct group_map *m, size_t group) {
    return (struct value *)(void *)(m->states[group] - m->key_count * sizeof(struct value));
}

static const struct group_head *head_of(const struct group_map *m, size_t group) {
    return (const struct group_head *)(const void *)((char *)group_map_values(m, group) -
                                                     sizeof(struct group_head));
}

struct str group_map_key(const struct group_map *m, size_t group) {
    return (struct str){ m->states[group] + m->state_bytes, head_of(m, group)->key_bytes };
}

uint64_t group_map_hash(const struct group_map *m, size_t group) {
    return head_of(m, group)->hash;
}

static enum err grow_slots(struct group_map *m) {
    size_t slot_count = m->slot_count ? m->slot_count * 4 : 64;
    struct group_slot *slots = ARENA_NEW(m->mem, struct group_slot, slot_count);
    if (!slots)
        return ERR_LIMIT;
    for (size_t i = 0; i < m->count; i++) {
        uint64_t hash = group_map_hash(m, i);
        size_t at = hash & (slot_count - 1);
        while (slots[at].group_plus_one)
            at = (at + 1) & (slot_count - 1);
        slots[at] = (struct group_slot){ (uint32_t)(hash >> 32), (uint32_t)i + 1 };
    }
    m->slots = slots;
    m->slot_count = slot_count;
    return ERR_OK;
}

static enum err grow_states(struct group_map *m) {
    size_t cap = m->cap ? m->cap * 2 : 16;
    char **states = ARENA_RAW(m->mem, char *, cap);
    if (!states || m->count >= UINT32_MAX / 2)
        return ERR_LIMIT;
    if (m->count)
        memcpy(states, m->states, m->count * sizeof *states);
    m->states = states;
    m->cap = cap;
    return ERR_OK;
}

static enum err add_group(struct group_map *m, struct str key, uint64_t hash, const struct value *values) {
    size_t front_bytes = sizeof(struct group_head) + m->key_count * sizeof(struct value);
    size_t all_bytes = front_bytes + m->state_bytes + key.n;
    if (m->count == m->cap)
        TRY(grow_states(m));
    char *p = (char *)ARENA_NEW(m->mem, uint64_t, all_bytes / 8 + 1);
    if (!p)
        return ERR_LIMIT;
    *(struct group_head *)(void *)p = (struct group_head){ hash, key.n };
    struct value *kept = (struct value *)(void *)(p + sizeof(struct group_head));
    for (size_t i = 0; i < m->key_count; i++)
        TRY(exec_copy_value(m->mem, &values[i], &kept[i]));
    if (key.n)
        memcpy(p + front_bytes + m->state_bytes, key.p, key.n);
    m->states[m->count++] = p + front_bytes;
    return ERR_OK;
}

static enum err prefer_values(struct group_map *m, size_t group, const struct value *values) {
    struct value *kept = group_map_values(m, group);
    for (size_t i = 0; i < m->key_count; i++)
        if (vector_key_prefer(&kept[i], &values[i]))
            TRY(exec_copy_value(m->mem, &values[i], &kept[i]));
    return ERR_OK;
}

enum err group_map_find(struct group_map *m, struct str key, uint64_t hash, const struct value *values,
                        uint32_t *out) {
    if ((m->count + 1) * 2 > m->slot_count)
        TRY(grow_slots(m));
    size_t at = hash & (m->slot_count - 1);
    for (; m->slots[at].group_plus_one; at = (at + 1) & (m->slot_count - 1)) {
        uint32_t group = m->slots[at].group_plus_one - 1;
        if (m->slots[at].hash == (uint32_t)(hash >> 32) && str_eq(group_map_key(m, group), key)) {
            *out = group;
            return prefer_values(m, group, values);
        }
    }
    TRY(add_group(m, key, hash, values));
    m->slots[at] = (struct group_slot){ (uint32_t)(hash >> 32), (uint32_t)m->count };
    *out = (uint32_t)m->count - 1;
    return ERR_OK;
}

void group_map_prefetch_slot(const struct group_map *m, uint64_t hash) {
    if (m->slot_count)
        __builtin_prefetch(&m->slots[hash & (m->slot_count - 1)]);
}

void group_map_prefetch_group(const struct group_map *m, uint64_t hash) {
    if (!m->slot_count)
        return;
    uint32_t group = m->slots[hash & (m->slot_count - 1)].group_plus_one;
    if (group)
        __builtin_prefetch(m->states[group - 1]);
}
