#include "base/hash.h"
#include "query/agg/agg.h"
#include "query/vector_keys.h"
#include <math.h>
/*
 * Distinct values, by the 64-bit hash of their key. Exact up to EXACT_MAX (a set of hashes; that two of
 * 100,000 values share one happens once in four billion such counts), then HyperLogLog with 2^14 registers:
 * standard error 0.81%, three times that in 99.7% of cases. What the registers hold does not depend on order
 * or merges.
 */
enum { EXACT_MAX = 100000, HLL_BITS = 14, HLL_REGISTERS = 1 << HLL_BITS };

struct distinct {
    uint64_t *slots; /* open addressing; 0: empty */
    size_t slot_count, count;
    bool has_zero; /* the hash 0 is in the set */
    uint8_t *registers;
};

static void hll_add(uint8_t *registers, uint64_t hash) {
    uint64_t rest = hash << HLL_BITS;
    uint8_t rank = rest ? (uint8_t)(__builtin_clzll(rest) + 1) : 64 - HLL_BITS + 1;
    uint8_t *r = &registers[hash >> (64 - HLL_BITS)];
    if (rank > *r)
        *r = rank;
}

static void put(uint64_t *slots, size_t slot_count, uint64_t hash) {
    size_t at = hash & (slot_count - 1);
    while (slots[at] && slots[at] != hash)
        at = (at + 1) & (slot_count - 1);
    slots[at] = hash;
}

static enum err grow(const struct agg_context *c, struct distinct *d) {
    size_t slot_count = d->slot_count ? d->slot_count * 4 : 16;
    uint64_t *slots = ARENA_NEW(c->mem, uint64_t, slot_count);
    if (!slots)
        return ERR_LIMIT;
    for (size_t i = 0; i < d->slot_count; i++)
        if (d->slots[i])
            put(slots, slot_count, d->slots[i]);
    d->slots = slots;
    d->slot_count = slot_count;
    return ERR_OK;
}

static enum err to_registers(const struct agg_context *c, struct distinct *d) {
    d->registers = ARENA_NEW(c->mem, uint8_t, HLL_REGISTERS);
    if (!d->registers)
        return ERR_LIMIT;
    for (size_t i = 0; i < d->slot_count; i++)
        if (d->slots[i])
            hll_add(d->registers, d->slots[i]);
    if (d->has_zero)
        hll_add(d->registers, 0);
    d->slots = NULL;
    return ERR_OK;
}

static enum err add_hash(const struct agg_context *c, struct distinct *d, uint64_t hash) {
    if (d->registers) {
        hll_add(d->registers, hash);
        return ERR_OK;
    }
    if (hash == 0) {
        d->count += !d->has_zero;
        d->has_zero = true;
        return ERR_OK;
    }
    if (d->count * 2 >= d->slot_count)
        TRY(grow(c, d));
    size_t at = hash & (d->slot_count - 1);
    while (d->slots[at] && d->slots[at] != hash)
        at = (at + 1) & (d->slot_count - 1);
    d->count += d->slots[at] == 0;
    d->slots[at] = hash;
    return d->count > EXACT_MAX ? to_registers(c, d) : ERR_OK;
}

static enum err add(const struct agg_context *c, void *state, const struct agg_row *row) {
    char space[256];
    struct buf key = { .p = space, .cap_bytes = sizeof space, .limit_bytes = sizeof space };
    if (value_has_bytes(row->value.type) && row->value.s.n > sizeof space - 16)
        return add_hash(c, state, hash64_seed(row->value.s, 1));
    vector_key_add(&row->value, &key);
    return add_hash(c, state, hash64(buf_str(&key)));
}

static enum err merge(const struct agg_context *c, void *to_state, const void *from_state) {
    struct distinct *to = to_state;
    const struct distinct *from = from_state;
    if (from->registers && !to->registers)
        TRY(to_registers(c, to));
    for (size_t i = 0; from->registers && i < HLL_REGISTERS; i++)
        if (from->registers[i] > to->registers[i])
            to->registers[i] = from->registers[i];
    for (size_t i = 0; !from->registers && i < from->slot_count; i++)
        if (from->slots[i])
            TRY(add_hash(c, to, from->slots[i]));
    return from->has_zero && !from->registers ? add_hash(c, to, 0) : ERR_OK;
}

static double estimate(const uint8_t *registers) {
    double sum = 0, m = HLL_REGISTERS;
    size_t zeros = 0;
    for (size_t i = 0; i < HLL_REGISTERS; i++) {
        sum += ldexp(1, -registers[i]);
        zeros += registers[i] == 0;
    }
    double raw = 0.7213 / (1 + 1.079 / m) * m * m / sum;
    return raw <= 2.5 * m && zeros ? m * log(m / (double)zeros) : raw;
}

static enum err result(struct agg_context *c, void *state, struct value *out) {
    const struct distinct *d = state;
    c->approximate = c->approximate || d->registers;
    *out = value_int(d->registers ? llround(estimate(d->registers)) : (int64_t)d->count);
    return ERR_OK;
}

const struct agg agg_count_distinct = {
    .name = "count_distinct",
    .aliases = "dc uniq distinct_count count_uniq distinct",
    .args_min = 1,
    .args_max = 1,
    .help = "count_distinct(field): how many different values; exact up to 100,000, then within about 2.4%",
    .state_bytes = sizeof(struct distinct),
    .commutes = true,
    .add = add,
    .merge = merge,
    .result = result,
};
