#include "block/dict_table.h"
#include "base/hash.h"

/* Open addressing in a table of slots a quarter to half full. A look-up gives up after PROBES_MAX slots: the
 * hash is fast and not secret, so a sender might find texts that collide, and must not get more than a column
 * without dictionary for it. */
enum { SLOTS_MIN = 1024, PROBES_MAX = 64, WORDS_BYTES = 16 };

void dict_table_fini(struct dict_table *t) {
    VEC_FINI(&t->entries);
    VEC_FINI(&t->slots);
}

void dict_table_reset(struct dict_table *t) {
    t->entries.n = 0;
    VEC_RESERVE(&t->slots, SLOTS_MIN);
    t->slots.n = SLOTS_MIN;
    memset(t->slots.p, 0, t->slots.n * sizeof *t->slots.p);
}

static void grow(struct dict_table *t) {
    size_t old_count = t->slots.n, count = old_count * 4;
    VEC_RESERVE(&t->slots, count + old_count); /* the old ones wait behind the new */
    struct dict_slot *old = t->slots.p + count;
    memcpy(old, t->slots.p, old_count * sizeof *old);
    memset(t->slots.p, 0, count * sizeof *old);
    t->slots.n = count;
    for (size_t i = 0; i < old_count; i++) {
        if (!old[i].entry_plus_one)
            continue;
        size_t at = old[i].hash & (count - 1);
        while (t->slots.p[at].entry_plus_one)
            at = (at + 1) & (count - 1);
        t->slots.p[at] = old[i];
    }
}

/* The text's words: together with its length they are the text, up to 16 bytes. */
static inline struct dict_entry entry_of(struct str s) {
    const char *p = s.p;
    if (s.n > WORDS_BYTES)
        return (struct dict_entry){ s, hash64(s), 0 };
    if (s.n >= 8)
        return (struct dict_entry){ s, le64_get(p), le64_get(p + s.n - 8) };
    if (s.n >= 4)
        return (struct dict_entry){ s, le32_get(p), le32_get(p + s.n - 4) };
    if (s.n == 0)
        return (struct dict_entry){ s, 0, 0 };
    return (struct dict_entry){ s, (unsigned char)p[0] | (uint64_t)(unsigned char)p[s.n / 2] << 8,
                                (unsigned char)p[s.n - 1] };
}

static inline uint32_t hash_of(const struct dict_entry *e) {
    uint64_t a = e->a ^ e->text.n * 0x9e3779b97f4a7c15ull ^ 0xa0761d6478bd642full,
             b = e->b ^ 0xe7037ed1a0b428dbull;
    unsigned __int128 m = (unsigned __int128)a * b;
    return (uint32_t)((uint64_t)m ^ (uint64_t)(m >> 64));
}

static inline bool same(const struct dict_entry *x, const struct dict_entry *y) {
    return x->a == y->a && x->b == y->b && x->text.n == y->text.n &&
           (x->text.n <= WORDS_BYTES || memcmp(x->text.p, y->text.p, x->text.n) == 0);
}

uint32_t dict_table_put(struct dict_table *t, struct str text) {
    struct dict_entry e = entry_of(text);
    uint32_t hash = hash_of(&e);
    if (UNLIKELY(t->entries.n * 2 > t->slots.n))
        grow(t);
    size_t mask = t->slots.n - 1;
    for (size_t at = hash & mask, probes = 0; probes < PROBES_MAX; at = (at + 1) & mask, probes++) {
        struct dict_slot *slot = &t->slots.p[at];
        if (!slot->entry_plus_one) {
            VEC_PUSH(&t->entries, e);
            *slot = (struct dict_slot){ hash, (uint32_t)t->entries.n };
            return slot->entry_plus_one - 1;
        }
        if (slot->hash == hash && same(&t->entries.p[slot->entry_plus_one - 1], &e))
            return slot->entry_plus_one - 1;
    }
    return UINT32_MAX;
}
