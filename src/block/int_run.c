#include "block/int_run.h"
#include "base/assert.h"

/*
 * How the writer chooses. The base is the least value, so all that follows is non-negative. Milliseconds kept
 * as nanoseconds and round sums share a power of ten: it is divided out. Then plain offsets, differences,
 * differences of differences and a table of the few distinct values are each judged on a sample by what an
 * entropy coder would need for their byte planes, since that is what zstd will be for them; the cheapest is
 * taken. Numbers below 16 are packed into bits first: zstd's codes are whole bits, so two, four or eight
 * numbers a byte cost it a quarter less than one.
 *
 * Exact division by 10^k = 2^k * 5^k needs no division: multiply with the inverse of 5^k modulo 2^64, then
 * rotate right by k. The result exceeds (2^64-1) / 10^k exactly when the number is not a multiple
 * (Granlund and Montgomery, Division by invariant integers using multiplication, section 9).
 */
enum run_kind { RUN_OFFSET = 0, RUN_DELTA = 1, RUN_DELTA2 = 2, RUN_TABLE = 3 };
enum { SCALE_MAX = 18, SAMPLE_COUNT = 1024, WIDTH_MASK = 15, KIND_SHIFT = 4 };
/* Widths over 8 bytes are numbers packed into 1, 2 or 4 bits. */
enum { WIDTH_BYTES_MAX = 8, WIDTH_1_BIT = 9, WIDTH_2_BITS = 10, WIDTH_4_BITS = 11 };

static const uint64_t powers[SCALE_MAX + 1] = {
    1ull,
    10ull,
    100ull,
    1000ull,
    10000ull,
    100000ull,
    1000000ull,
    10000000ull,
    100000000ull,
    1000000000ull,
    10000000000ull,
    100000000000ull,
    1000000000000ull,
    10000000000000ull,
    100000000000000ull,
    1000000000000000ull,
    10000000000000000ull,
    100000000000000000ull,
    1000000000000000000ull,
};

struct divisor {
    uint64_t inverse, quotient_max;
    unsigned k;
};

static struct divisor divisor_of(unsigned k) {
    ASSERT(k <= SCALE_MAX);
    uint64_t five = powers[k] >> k, inverse = five; /* 3 bits right; each step doubles them */
    for (int i = 0; i < 5; i++)
        inverse *= 2 - five * inverse;
    return (struct divisor){ inverse, UINT64_MAX / powers[k], k };
}

static inline uint64_t divide(const struct divisor *d, uint64_t v) {
    uint64_t q = v * d->inverse;
    return d->k ? q >> d->k | q << (64 - d->k) : q;
}

/* The greatest power of ten that divides every value less `base`. */
static struct divisor common_scale(const uint64_t *values, size_t count, uint64_t base) {
    struct divisor d = divisor_of(SCALE_MAX);
    for (size_t i = 0; i < count && d.k; i++)
        while (divide(&d, values[i] - base) > d.quotient_max)
            d = divisor_of(d.k - 1);
    return d;
}

void int_runs_fini(struct int_runs *s) {
    VEC_FINI(&s->scaled);
    VEC_FINI(&s->coded);
    VEC_FINI(&s->plane);
}

static inline uint64_t coded_at(enum run_kind kind, const uint64_t *u, size_t i) {
    if (kind == RUN_OFFSET)
        return u[i];
    uint64_t delta = u[i] - u[i - 1];
    if (kind == RUN_DELTA2)
        delta -= i > 1 ? u[i - 1] - u[i - 2] : 0;
    return zigzag((int64_t)delta);
}

/* log2 in 1/256, good to half a percent. */
static unsigned log2_256(unsigned v) {
    unsigned whole = 31u - (unsigned)__builtin_clz(v);
    unsigned fraction = whole > 8 ? (v >> (whole - 8)) & 255 : (v << (8 - whole)) & 255;
    return whole * 256 + fraction + (fraction * (256 - fraction) * 88 >> 16);
}

/* Bits, times 256, that zstd needs for n symbols of which `seen[i]` are i: their entropy, and what codes of
 * whole bits add. */
static uint64_t symbols_cost(const uint16_t *seen, size_t symbols, size_t n, bool packed) {
    uint64_t cost = 0;
    for (size_t i = 0; i < symbols; i++)
        if (seen[i])
            cost += seen[i] * (uint64_t)(log2_256((unsigned)n) - log2_256(seen[i])) + 256;
    uint64_t whole_bits = n * 166;
    return packed ? cost : cost + (whole_bits < cost ? whole_bits : cost);
}

static uint64_t plane_cost(const uint64_t *x, size_t n, unsigned plane, bool packed) {
    uint16_t seen[256] = { 0 };
    for (size_t i = 0; i < n; i++)
        seen[x[i] >> (8 * plane) & 255]++;
    return symbols_cost(seen, 256, n, packed);
}

static unsigned width_of(uint64_t bits) {
    if (bits < 16)
        return bits == 0 ? 0 : bits < 2 ? WIDTH_1_BIT : bits < 4 ? WIDTH_2_BITS : WIDTH_4_BITS;
    return (71u - (unsigned)__builtin_clzll(bits)) / 8;
}

/* A few stretches of neighbours from all over the run. */
static size_t sample_coded(enum run_kind kind, const uint64_t *u, size_t count, uint64_t *to) {
    enum { STRETCHES = 4 };
    size_t n = 0, stretch = SAMPLE_COUNT / STRETCHES;
    for (size_t s = 0; s < STRETCHES; s++) {
        size_t from = count <= SAMPLE_COUNT ? s * stretch : s * (count - stretch) / (STRETCHES - 1);
        for (size_t i = from < 2 ? 2 : from; i < from + stretch && i < count; i++)
            to[n++] = coded_at(kind, u, i);
    }
    return n;
}

static uint64_t planes_cost(const uint64_t *x, size_t n) {
    uint64_t bits = 0, cost = 0;
    for (size_t i = 0; i < n; i++)
        bits |= x[i];
    if (bits < 16)
        return bits ? plane_cost(x, n, 0, true) : 0;
    for (unsigned plane = 0; bits >> (8 * plane); plane++) {
        cost += plane_cost(x, n, plane, false);
        if (plane == 7)
            break;
    }
    return cost;
}

/* The distinct values of a run, few. */
struct run_table {
    uint64_t values[RUN_TABLE_MAX];
    uint16_t seen[RUN_TABLE_MAX];
    uint16_t slots[RUN_TABLE_MAX * 4]; /* value + 1 */
    size_t count;
};

/* Number of `v` in the table, new if needed; RUN_TABLE_MAX when it is full. */
static size_t table_put(struct run_table *t, uint64_t v) {
    size_t mask = COUNT_OF(t->slots) - 1, at = (size_t)(v * 0x9e3779b97f4a7c15ull >> 54) & mask;
    for (; t->slots[at]; at = (at + 1) & mask)
        if (t->values[t->slots[at] - 1] == v)
            return t->slots[at] - 1u;
    if (t->count == RUN_TABLE_MAX)
        return RUN_TABLE_MAX;
    t->values[t->count] = v;
    t->slots[at] = (uint16_t)++t->count;
    return t->count - 1;
}

static uint64_t table_cost(const uint64_t *u, size_t count) {
    uint64_t sample[SAMPLE_COUNT];
    struct run_table t = { .count = 0 };
    size_t n = sample_coded(RUN_OFFSET, u, count, sample);
    for (size_t i = 0; i < n; i++) {
        size_t at = table_put(&t, sample[i]);
        if (at >= RUN_TABLE_MAX / 4)
            return UINT64_MAX;
        t.seen[at]++;
    }
    return symbols_cost(t.seen, t.count, n, t.count <= 16) + t.count * 16 * 256;
}

static enum run_kind choose_kind(const uint64_t *u, size_t count) {
    uint64_t sample[SAMPLE_COUNT], best_cost = UINT64_MAX;
    enum run_kind best = RUN_OFFSET;
    for (unsigned kind = 0; kind <= RUN_TABLE && count > 4; kind++) {
        uint64_t cost = kind == RUN_TABLE
                            ? table_cost(u, count)
                            : planes_cost(sample, sample_coded((enum run_kind)kind, u, count, sample));
        if (kind && cost != UINT64_MAX)
            cost += cost / 16; /* plain offsets are the cheapest to read */
        if (cost < best_cost) {
            best_cost = cost;
            best = (enum run_kind)kind;
        }
    }
    return best;
}

/* Numbers below 2^bits, one a byte, become 8 / bits a byte, the first in the lowest bits. */
static size_t pack(unsigned char *p, size_t n, unsigned bits) {
    size_t each = 8 / bits, full = n / each, i = 0;
    for (; i < full; i++) {
        unsigned byte = 0;
        for (unsigned k = 0; k < each; k++)
            byte |= (unsigned)p[i * each + k] << (k * bits);
        p[i] = (unsigned char)byte;
    }
    if (full * each < n) {
        unsigned byte = 0;
        for (unsigned k = 0; full * each + k < n; k++)
            byte |= (unsigned)p[full * each + k] << (k * bits);
        p[i++] = (unsigned char)byte;
    }
    return i;
}

static unsigned packed_bits(unsigned width) {
    return width > WIDTH_BYTES_MAX ? 1u << (width - WIDTH_1_BIT) : 0;
}

static void put_planes(struct int_runs *s, const uint64_t *x, size_t n, unsigned width, struct buf *out) {
    unsigned bits = packed_bits(width), planes = bits ? 1 : width;
    VEC_RESERVE(&s->plane, n);
    for (unsigned plane = 0; plane < planes; plane++) {
        for (size_t i = 0; i < n; i++)
            s->plane.p[i] = (unsigned char)(x[i] >> (8 * plane));
        strip_put(s->strips, s->plane.p, bits ? pack(s->plane.p, n, bits) : n, out);
    }
}

static void put_head(unsigned width, enum run_kind kind, unsigned scale, uint64_t base, struct buf *out) {
    buf_add_char(out, (char)(width | (unsigned)kind << KIND_SHIFT));
    buf_add_char(out, (char)scale);
    buf_add_varint(out, zigzag((int64_t)base));
}

static void put_offsets(struct int_runs *s, const uint64_t *u, size_t count, struct buf *out) {
    uint64_t bits = 0;
    for (size_t i = 0; i < count; i++)
        bits |= u[i];
    put_head(width_of(bits), RUN_OFFSET, s->scale, s->base, out);
    put_planes(s, u, count, width_of(bits), out);
}

static void put_differences(struct int_runs *s, enum run_kind kind, const uint64_t *u, size_t count,
                            struct buf *out) {
    uint64_t bits = 0;
    VEC_RESERVE(&s->coded, count);
    for (size_t i = 1; i < count; i++)
        bits |= s->coded.p[i - 1] = coded_at(kind, u, i);
    put_head(width_of(bits), kind, s->scale, s->base, out);
    buf_add_varint(out, u[0]);
    put_planes(s, s->coded.p, count - 1, width_of(bits), out);
}

/* False when the sample missed values and there are too many. */
static bool put_table(struct int_runs *s, const uint64_t *u, size_t count, struct buf *out) {
    struct run_table t = { .count = 0 };
    VEC_RESERVE(&s->coded, count);
    for (size_t i = 0; i < count; i++) {
        s->coded.p[i] = table_put(&t, u[i]);
        if (s->coded.p[i] == RUN_TABLE_MAX)
            return false;
    }
    put_head(width_of(t.count - 1), RUN_TABLE, s->scale, s->base, out);
    buf_add_varint(out, t.count);
    for (size_t i = 0; i < t.count; i++)
        buf_add_varint(out, t.values[i]);
    put_planes(s, s->coded.p, count, width_of(t.count - 1), out);
    return true;
}

void int_run_put(struct int_runs *s, const uint64_t *values, size_t count, struct buf *out) {
    int64_t least = count ? (int64_t)values[0] : 0, most = least;
    for (size_t i = 0; i < count; i++) {
        int64_t v = (int64_t)values[i];
        least = v < least ? v : least;
        most = v > most ? v : most;
    }
    if (least == most) {
        put_head(0, RUN_OFFSET, 0, (uint64_t)least, out);
        return;
    }
    struct divisor scale = common_scale(values, count, (uint64_t)least);
    VEC_RESERVE(&s->scaled, count);
    uint64_t *u = s->scaled.p;
    for (size_t i = 0; i < count; i++)
        u[i] = divide(&scale, values[i] - (uint64_t)least);
    s->scale = scale.k;
    s->base = (uint64_t)least;
    bool packs = divide(&scale, (uint64_t)most - (uint64_t)least) < 16;
    enum run_kind kind = packs ? RUN_OFFSET : choose_kind(u, count);
    if (kind == RUN_TABLE && put_table(s, u, count, out))
        return;
    if (kind == RUN_DELTA || kind == RUN_DELTA2)
        put_differences(s, kind, u, count, out);
    else
        put_offsets(s, u, count, out);
}

/* Numbers of small dictionaries need no search for a better form. */
static void put_tiny(struct int_runs *s, const uint32_t *values, size_t count, uint32_t most,
                     struct buf *out) {
    unsigned width = width_of(most);
    VEC_RESERVE(&s->plane, count);
    for (size_t i = 0; i < count; i++)
        s->plane.p[i] = (unsigned char)values[i];
    put_head(width, RUN_OFFSET, 0, 0, out);
    strip_put(s->strips, s->plane.p, pack(s->plane.p, count, packed_bits(width)), out);
}

void int_run_put_u32(struct int_runs *s, const uint32_t *values, size_t count, struct buf *out) {
    uint32_t most = 0;
    for (size_t i = 0; i < count; i++)
        most = values[i] > most ? values[i] : most;
    if (most > 0 && most < 16) {
        put_tiny(s, values, count, most, out);
        return;
    }
    VEC_RESERVE(&s->coded, count); /* free until the differences go there, when it is no longer read */
    for (size_t i = 0; i < count; i++)
        s->coded.p[i] = values[i];
    int_run_put(s, s->coded.p, count, out);
}

struct run_head {
    unsigned width, scale;
    enum run_kind kind;
    uint64_t base, first;
    uint64_t *table; /* RUN_TABLE */
    size_t table_count;
};

static enum err get_head(struct reader *r, size_t count, struct arena *mem, struct run_head *h) {
    unsigned bits = reader_u8(r);
    *h = (struct run_head){ .width = bits & WIDTH_MASK, .kind = (enum run_kind)(bits >> KIND_SHIFT) };
    h->scale = reader_u8(r);
    h->base = (uint64_t)unzigzag(reader_varint(r));
    if (r->failed || h->width > WIDTH_4_BITS || h->kind > RUN_TABLE || h->scale > SCALE_MAX)
        return ERR_CORRUPT;
    if (h->kind == RUN_TABLE) {
        uint64_t n = reader_varint(r);
        if (n == 0 || n > RUN_TABLE_MAX)
            return ERR_CORRUPT;
        h->table = ARENA_RAW(mem, uint64_t, n);
        if (!h->table)
            return ERR_LIMIT;
        for (uint64_t i = 0; i < n; i++)
            h->table[i] = reader_varint(r);
        h->table_count = (size_t)n;
    } else if (h->kind != RUN_OFFSET && count) {
        h->first = reader_varint(r);
    }
    return r->failed ? ERR_CORRUPT : ERR_OK;
}

/* Numbers of an unpacked strip, for 32 and 64 bits: loops without a branch, which compilers vectorise. */
#define UNPACK(type, bits)                                                                                   \
    static void unpack_##bits##_##type(const unsigned char *p, size_t count, type *x) {                      \
        size_t each = 8 / bits, full = count / each;                                                         \
        for (size_t i = 0; i < full; i++)                                                                    \
            for (size_t k = 0; k < each; k++)                                                                \
                x[i * each + k] = p[i] >> (k * bits) & ((1u << bits) - 1);                                   \
        for (size_t k = full * each; k < count; k++)                                                         \
            x[k] = p[full] >> (k % each * bits) & ((1u << bits) - 1);                                        \
    }
#define GET_NUMBERS(type)                                                                                    \
    UNPACK(type, 1)                                                                                          \
    UNPACK(type, 2)                                                                                          \
    UNPACK(type, 4)                                                                                          \
    static enum err get_packed_##type(struct reader *r, size_t count, unsigned bits, struct arena *mem,      \
                                      type *x) {                                                             \
        struct str bytes;                                                                                    \
        size_t each = 8 / bits;                                                                              \
        TRY(strip_get(r, (count + each - 1) / each, mem, &bytes));                                           \
        const unsigned char *p = (const unsigned char *)bytes.p;                                             \
        (bits == 1 ? unpack_1_##type : bits == 2 ? unpack_2_##type : unpack_4_##type)(p, count, x);          \
        return ERR_OK;                                                                                       \
    }                                                                                                        \
    static enum err get_planes_##type(struct reader *r, size_t count, unsigned width, struct arena *mem,     \
                                      type *x) {                                                             \
        if (width > WIDTH_BYTES_MAX)                                                                         \
            return get_packed_##type(r, count, packed_bits(width), mem, x);                                  \
        if (width == 0)                                                                                      \
            memset(x, 0, count * sizeof *x);                                                                 \
        for (unsigned plane = 0; plane < width; plane++) {                                                   \
            struct str bytes;                                                                                \
            TRY(strip_get(r, count, mem, &bytes));                                                           \
            const unsigned char *p = (const unsigned char *)bytes.p;                                         \
            if (plane == 0)                                                                                  \
                for (size_t i = 0; i < count; i++)                                                           \
                    x[i] = p[i];                                                                             \
            else                                                                                             \
                for (size_t i = 0; i < count; i++)                                                           \
                    x[i] |= (type)p[i] << (8 * plane);                                                       \
        }                                                                                                    \
        return ERR_OK;                                                                                       \
    }
GET_NUMBERS(uint64_t)
GET_NUMBERS(uint32_t)

static enum err undo_table(const struct run_head *h, uint64_t *v, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (v[i] >= h->table_count)
            return ERR_CORRUPT;
        v[i] = h->table[v[i]];
    }
    return ERR_OK;
}

/* From differences, which stand at v[1 …], to sums. */
static void undo_differences(const struct run_head *h, uint64_t *v, size_t count) {
    v[0] = h->first;
    uint64_t delta = 0;
    for (size_t i = 1; i < count; i++) {
        uint64_t x = (uint64_t)unzigzag(v[i]);
        delta = h->kind == RUN_DELTA2 ? delta + x : x;
        v[i] = v[i - 1] + delta;
    }
}

static enum err get_body(struct reader *r, const struct run_head *h, size_t count, size_t spare,
                         struct arena *mem, uint64_t **out) {
    uint64_t *v = ARENA_RAW(mem, uint64_t, count + spare), factor = powers[h->scale];
    bool differences = (h->kind == RUN_DELTA || h->kind == RUN_DELTA2) && count;
    if (!v)
        return ERR_LIMIT;
    TRY(get_planes_uint64_t(r, count - differences, h->width, mem, v + differences));
    if (differences)
        undo_differences(h, v, count);
    else if (h->kind == RUN_TABLE)
        TRY(undo_table(h, v, count));
    if (h->base || factor != 1)
        for (size_t i = 0; i < count; i++)
            v[i] = h->base + v[i] * factor;
    *out = v;
    return ERR_OK;
}

enum err int_run_get(struct reader *r, size_t count, size_t spare, struct arena *mem, uint64_t **out) {
    struct run_head h;
    TRY(get_head(r, count, mem, &h));
    return get_body(r, &h, count, spare, mem, out);
}

/* Any run, through 64 bits. */
static enum err get_u32_wide(struct reader *r, const struct run_head *h, size_t count, uint32_t *v,
                             struct arena *mem) {
    uint64_t *wide, high = 0;
    TRY(get_body(r, h, count, 0, mem, &wide));
    for (size_t i = 0; i < count; i++) {
        high |= wide[i];
        v[i] = (uint32_t)wide[i];
    }
    return high > UINT32_MAX ? ERR_CORRUPT : ERR_OK;
}

enum err int_run_get_u32(struct reader *r, size_t count, size_t spare, uint32_t most, struct arena *mem,
                         uint32_t **out) {
    struct run_head h;
    TRY(get_head(r, count, mem, &h));
    uint32_t *v = ARENA_RAW(mem, uint32_t, count + spare), greatest = 0;
    if (!v)
        return ERR_LIMIT;
    bool narrow = h.kind == RUN_OFFSET && h.scale == 0 && h.base <= UINT32_MAX / 2 &&
                  (h.width < 4 || h.width > WIDTH_BYTES_MAX); /* base and x each below 2^31: no overflow */
    if (narrow)
        TRY(get_planes_uint32_t(r, count, h.width, mem, v));
    else
        TRY(get_u32_wide(r, &h, count, v, mem));
    uint32_t base = narrow ? (uint32_t)h.base : 0;
    for (size_t i = 0; i < count; i++) {
        v[i] += base;
        greatest = v[i] > greatest ? v[i] : greatest;
    }
    if (greatest > most)
        return ERR_CORRUPT;
    *out = v;
    return ERR_OK;
}
