#include "base/map.h"
#include "base/assert.h"
#include "base/hash.h"
#include <stdlib.h>

struct map_slot {
    uint32_t hash; /* 0: empty */
    uint32_t value;
    uint32_t key_offset, key_bytes;
};

void map_fini(struct map *m) {
    free(m->slots);
    free(m->keys);
    *m = (struct map){ 0 };
}

void map_clear(struct map *m) {
    if (m->slots)
        memset(m->slots, 0, m->slot_count * sizeof *m->slots);
    m->count = m->key_bytes = 0;
}

static uint32_t key_hash(struct str key) {
    uint32_t h = (uint32_t)hash64(key);
    return h ? h : 1;
}

static struct map_slot *find(const struct map *m, struct str key, uint32_t hash) {
    for (size_t i = hash & (m->slot_count - 1);; i = (i + 1) & (m->slot_count - 1)) {
        struct map_slot *s = &m->slots[i];
        if (s->hash == 0 ||
            (s->hash == hash && str_eq(key, (struct str){ m->keys + s->key_offset, s->key_bytes })))
            return s;
    }
}

static void grow(struct map *m) {
    struct map_slot *old = m->slots;
    size_t old_count = m->slot_count;
    m->slot_count = old_count ? old_count * 2 : 16;
    m->slots = calloc(m->slot_count, sizeof *m->slots);
    ASSERT(m->slots != NULL);
    for (size_t i = 0; i < old_count; i++) {
        if (!old[i].hash)
            continue;
        size_t at = old[i].hash & (m->slot_count - 1);
        while (m->slots[at].hash)
            at = (at + 1) & (m->slot_count - 1);
        m->slots[at] = old[i];
    }
    free(old);
}

static uint32_t keep_key(struct map *m, struct str key) {
    size_t want_bytes = m->key_bytes + key.n;
    ASSERT(want_bytes <= UINT32_MAX);
    if (want_bytes > m->key_cap_bytes || !m->keys) { /* never NULL, also for an empty key */
        m->key_cap_bytes = want_bytes * 2 < 256 ? 256 : want_bytes * 2;
        m->keys = realloc(m->keys, m->key_cap_bytes);
        ASSERT(m->keys != NULL);
    }
    if (key.n)
        memcpy(m->keys + m->key_bytes, key.p, key.n);
    m->key_bytes = want_bytes;
    return (uint32_t)(want_bytes - key.n);
}

bool map_get(const struct map *m, struct str key, uint32_t *out) {
    if (m->count == 0)
        return false;
    const struct map_slot *s = find(m, key, key_hash(key));
    if (!s->hash)
        return false;
    *out = s->value;
    return true;
}

static struct map_slot *put(struct map *m, struct str key, uint32_t value, bool *out_new) {
    if (m->count * 4 >= m->slot_count * 3)
        grow(m);
    uint32_t hash = key_hash(key);
    struct map_slot *s = find(m, key, hash);
    *out_new = s->hash == 0;
    if (*out_new) {
        *s = (struct map_slot){ hash, value, keep_key(m, key), (uint32_t)key.n };
        m->count++;
    }
    return s;
}

uint32_t map_put(struct map *m, struct str key, uint32_t value, bool *out_new) {
    return put(m, key, value, out_new)->value;
}

void map_set(struct map *m, struct str key, uint32_t value) {
    bool is_new;
    put(m, key, value, &is_new)->value = value;
}
