/*
 * The stream dictionary and the label postings of a segment.
 *
 * Streams section: varint count, then for each stream in order (tenant, canonical labels; its rank is its
 * place): varint shared    bytes of the key (4 bytes big-endian tenant, labels) equal to the stream before
 *     varint n, bytes  the rest of the key
 *     varint n, bytes  block runs: varint gap since the end of the run before, varint length - 1
 * In a sorted segment a stream lies in one run; in L0 in as many as blocks mention it.
 *
 * Labels section: varint count, then for each pair (name NUL value) in byte order:
 *     varint shared, varint n, bytes   as above
 *     varint n, bytes                  ranks of its streams, ascending: varint gaps
 *
 * Limits: keys are at most 4 + LABELS_BYTES_MAX bytes; a reader needs no memory beyond one key.
 */
#include "store/index_labels.h"
#include "base/assert.h"
#include "base/bits.h"
#include "base/heap.h"
#include <stdlib.h>

void index_labels_init(struct index_labels *x) {
    *x = (struct index_labels){ 0 };
}

void index_labels_fini(struct index_labels *x) {
    map_fini(&x->by_key);
    VEC_FINI(&x->streams);
    VEC_FINI(&x->postings);
    arena_fini(&x->mem);
}

static void tenant_put(char *to, uint32_t tenant) {
    for (int i = 0; i < 4; i++)
        to[i] = (char)(unsigned char)(tenant >> (24 - 8 * i));
}

static uint32_t tenant_get(const char *from) {
    uint32_t v = 0;
    for (int i = 0; i < 4; i++)
        v = v << 8 | (unsigned char)from[i];
    return v;
}

uint32_t index_labels_add(struct index_labels *x, uint32_t tenant, struct str labels, uint32_t block) {
    char key_bytes[4 + LABELS_BYTES_MAX];
    ASSERT(labels.n <= LABELS_BYTES_MAX);
    tenant_put(key_bytes, tenant);
    if (labels.n)
        memcpy(key_bytes + 4, labels.p, labels.n);
    struct str key = { key_bytes, labels.n + 4 };
    bool is_new;
    uint32_t number = map_put(&x->by_key, key, (uint32_t)x->streams.n, &is_new);
    if (is_new) {
        struct index_stream s = { 0 };
        ERR_IGNORE(arena_dup(&x->mem, key, &s.key),
                   "the arena has no limit: writers check index_labels_bytes()");
        VEC_PUSH(&x->streams, s);
    }
    VEC_PUSH(&x->postings, (struct index_posting){ number, block });
    return number;
}

size_t index_labels_bytes(const struct index_labels *x) {
    return x->mem.used_bytes + x->by_key.key_cap_bytes + x->by_key.slot_count * 16 +
           x->streams.cap * sizeof *x->streams.p + x->postings.cap * sizeof *x->postings.p;
}

uint32_t index_labels_rank(const struct index_labels *x, uint32_t number) {
    ASSERT(number < x->streams.n);
    return x->streams.p[number].rank;
}

/* Sorted keys, each stored as what differs from the one before. */
static void add_front_coded(struct buf *out, struct str before, struct str key) {
    size_t shared = 0;
    while (shared < before.n && shared < key.n && before.p[shared] == key.p[shared])
        shared++;
    buf_add_varint(out, shared);
    buf_add_varint(out, key.n - shared);
    buf_add(out, str_skip(key, shared));
}

static int by_key(const void *a, const void *b, void *ctx) {
    const struct index_stream *streams = ctx;
    return str_cmp(streams[*(const uint32_t *)a].key, streams[*(const uint32_t *)b].key);
}

/* Stream numbers by rank; the caller frees it. */
static uint32_t *ranked(struct index_labels *x) {
    uint32_t *order = HEAP_ARRAY(uint32_t, x->streams.n);
    for (size_t i = 0; i < x->streams.n; i++)
        order[i] = (uint32_t)i;
    qsort_r(order, x->streams.n, sizeof *order, by_key, x->streams.p);
    for (size_t i = 0; i < x->streams.n; i++)
        x->streams.p[order[i]].rank = (uint32_t)i;
    return order;
}

/* Blocks of each rank: those of rank r are out[starts[r] .. starts[r+1]). Counting sort keeps block order. */
static uint32_t *blocks_by_rank(const struct index_labels *x, uint32_t *starts) {
    uint32_t *blocks = HEAP_ARRAY(uint32_t, x->postings.n);
    for (size_t i = 0; i < x->postings.n; i++)
        starts[x->streams.p[x->postings.p[i].stream].rank + 1]++;
    for (size_t r = 0; r < x->streams.n; r++)
        starts[r + 1] += starts[r];
    uint32_t *at = HEAP_ARRAY(uint32_t, x->streams.n + 1);
    memcpy(at, starts, x->streams.n * sizeof *at);
    for (size_t i = 0; i < x->postings.n; i++)
        blocks[at[x->streams.p[x->postings.p[i].stream].rank]++] = x->postings.p[i].block;
    heap_free(at);
    return blocks;
}

static void add_runs(const uint32_t *blocks, size_t count, struct buf *out) {
    struct buf runs = { 0 };
    uint32_t end = 0;
    for (size_t i = 0; i < count;) {
        size_t j = i + 1;
        while (j < count && blocks[j] <= blocks[j - 1] + 1)
            j++;
        buf_add_varint(&runs, blocks[i] - end);
        buf_add_varint(&runs, blocks[j - 1] - blocks[i]);
        end = blocks[j - 1] + 1;
        i = j;
    }
    buf_add_varint(out, runs.n);
    buf_add(out, buf_str(&runs));
    buf_fini(&runs);
}

struct label_pair {
    struct str pair; /* name NUL value, inside a key */
    uint32_t rank;
};

static int by_pair(const void *a, const void *b) {
    const struct label_pair *x = a, *y = b;
    int c = str_cmp(x->pair, y->pair);
    return c ? c : (x->rank > y->rank) - (x->rank < y->rank);
}

static void add_label(const struct label_pair *pairs, size_t count, struct str before, struct buf *out) {
    struct buf ranks = { 0 };
    uint32_t last = 0;
    for (size_t i = 0; i < count; i++) {
        buf_add_varint(&ranks, pairs[i].rank - last);
        last = pairs[i].rank;
    }
    add_front_coded(out, before, pairs[0].pair);
    buf_add_varint(out, ranks.n);
    buf_add(out, buf_str(&ranks));
    buf_fini(&ranks);
}

static void write_labels(const struct index_labels *x, const uint32_t *order, struct buf *out) {
    VEC(struct label_pair) pairs = { 0 };
    for (size_t r = 0; r < x->streams.n; r++) {
        struct str rest = str_skip(x->streams.p[order[r]].key, 4);
        struct label l;
        while (labels_next(&rest, &l))
            VEC_PUSH(&pairs, (struct label_pair){ { l.name.p, l.name.n + 1 + l.value.n }, (uint32_t)r });
    }
    if (pairs.n)
        qsort(pairs.p, pairs.n, sizeof *pairs.p, by_pair);
    size_t distinct = 0;
    for (size_t i = 0; i < pairs.n; i++)
        distinct += i == 0 || !str_eq(pairs.p[i].pair, pairs.p[i - 1].pair);
    buf_add_varint(out, distinct);
    struct str before = { 0 };
    for (size_t i = 0; i < pairs.n;) {
        size_t j = i + 1;
        while (j < pairs.n && str_eq(pairs.p[j].pair, pairs.p[i].pair))
            j++;
        add_label(&pairs.p[i], j - i, before, out);
        before = pairs.p[i].pair;
        i = j;
    }
    VEC_FINI(&pairs);
}

void index_labels_write(struct index_labels *x, struct buf *out_streams, struct buf *out_labels) {
    uint32_t *order = ranked(x);
    uint32_t *starts = HEAP_ARRAY(uint32_t, x->streams.n + 1);
    uint32_t *blocks = blocks_by_rank(x, starts);
    buf_add_varint(out_streams, x->streams.n);
    struct str before = { 0 };
    for (size_t r = 0; r < x->streams.n; r++) {
        struct str key = x->streams.p[order[r]].key;
        add_front_coded(out_streams, before, key);
        add_runs(blocks + starts[r], starts[r + 1] - starts[r], out_streams);
        before = key;
    }
    write_labels(x, order, out_labels);
    heap_free(blocks);
    heap_free(starts);
    heap_free(order);
}

/* The next front-coded key into key[0 .. *bytes), whose old content is the key before. */
static bool read_key(struct reader *r, char *key, size_t key_bytes_max, size_t *bytes) {
    uint64_t shared = reader_varint(r);
    struct str rest = reader_str(r);
    if (r->failed || shared > *bytes || rest.n > key_bytes_max - shared)
        return false;
    if (rest.n)
        memcpy(key + shared, rest.p, rest.n);
    *bytes = (size_t)shared + rest.n;
    return true;
}

void index_streams_start(struct index_streams *x, struct str section) {
    x->r = reader_of(section);
    x->key_bytes = 0;
    x->next = 0;
    uint64_t count = reader_varint(&x->r);
    x->r.failed |= count > section.n; /* each takes more than a byte */
    x->count = x->r.failed ? 0 : (uint32_t)count;
}

bool index_streams_next(struct index_streams *x, uint32_t *out_tenant, struct str *out_labels) {
    if (x->r.failed || x->next == x->count)
        return false;
    if (!read_key(&x->r, x->key, sizeof x->key, &x->key_bytes) || x->key_bytes < 4) {
        x->r.failed = true;
        return false;
    }
    x->runs = reader_str(&x->r);
    struct str labels = { x->key + 4, x->key_bytes - 4 };
    if (x->r.failed || !labels_valid(labels)) {
        x->r.failed = true;
        return false;
    }
    x->next++;
    *out_tenant = tenant_get(x->key);
    *out_labels = labels;
    return true;
}

bool index_streams_blocks(struct index_streams *x, uint64_t *blocks, uint32_t block_count) {
    struct reader r = reader_of(x->runs);
    uint64_t at = 0;
    while (!r.failed && reader_left(&r)) {
        uint64_t gap = reader_varint(&r), more = reader_varint(&r);
        if (r.failed || gap >= block_count || more >= block_count || at + gap + more >= block_count) {
            x->r.failed = true;
            return false;
        }
        for (uint64_t i = at + gap; i <= at + gap + more; i++)
            bits_set(blocks, (size_t)i);
        at += gap + more + 1;
    }
    x->r.failed |= r.failed;
    return !x->r.failed;
}

bool index_streams_ok(const struct index_streams *x) {
    return x->next == x->count && reader_done(&x->r);
}

static bool read_ranks(struct str bytes, uint64_t *out, uint32_t count) {
    struct reader r = reader_of(bytes);
    uint64_t rank = 0;
    while (!r.failed && reader_left(&r)) {
        uint64_t gap = reader_varint(&r);
        if (gap >= count || rank + gap >= count)
            return false;
        rank += gap;
        bits_set(out, (size_t)rank);
    }
    return !r.failed;
}

enum err index_labels_keep(struct str section, struct str name, struct str value, uint64_t *streams,
                           uint32_t count) {
    AUTO(arena) mem;
    arena_init(&mem, 0);
    uint64_t *found = ARENA_NEW(&mem, uint64_t, bits_words(count) + 1);
    char *key = ARENA_RAW(&mem, char, LABELS_BYTES_MAX);
    size_t key_bytes = 0;
    struct reader r = reader_of(section);
    for (uint64_t left = reader_varint(&r); left && !r.failed; left--) {
        if (!read_key(&r, key, LABELS_BYTES_MAX, &key_bytes))
            return ERR_CORRUPT;
        struct str ranks = reader_str(&r);
        struct str rest = { key, key_bytes }, got_name;
        if (r.failed || !str_cut(&rest, '\0', &got_name))
            return ERR_CORRUPT;
        if (str_eq(got_name, name) && str_eq(rest, value)) {
            if (!read_ranks(ranks, found, count))
                return ERR_CORRUPT;
            break;
        }
    }
    if (r.failed)
        return ERR_CORRUPT;
    bits_and(streams, found, count);
    return ERR_OK;
}
