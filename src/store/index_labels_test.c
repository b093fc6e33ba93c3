#include "base/bits.h"
#include "base/random.h"
#include "base/test.h"
#include "store/index_labels.h"
#include <stdio.h>

enum { BLOCKS = 40, STREAMS = 300, STREAM_WORDS = (STREAMS + 63) / 64 };

struct world {
    struct index_labels x;
    struct buf streams, labels;
    bool holds[STREAMS][BLOCKS];
    struct str canonical[STREAMS];
    uint32_t numbers[STREAMS];
    struct arena mem;
};

static struct str labels_of(struct world *w, unsigned i) {
    char pod[32], zone[8];
    (void)snprintf(pod, sizeof pod, "pod-%u", i);
    (void)snprintf(zone, sizeof zone, "z%u", i % 7);
    struct label labels[] = { { STR("zone"), str_of(zone) },
                              { STR("service"), i % 3 ? STR("cart") : STR("checkout") },
                              { STR("pod"), str_of(pod) } };
    AUTO(buf) out = { 0 };
    CHECK_OK(labels_canonical(labels, COUNT_OF(labels), &out, NULL));
    struct str kept;
    CHECK_OK(arena_dup(&w->mem, buf_str(&out), &kept));
    return kept;
}

static void make(struct world *w, uint64_t seed) {
    struct random r;
    random_init(&r, seed);
    memset(w, 0, sizeof *w);
    index_labels_init(&w->x);
    for (unsigned i = 0; i < STREAMS; i++)
        w->canonical[i] = labels_of(w, i);
    for (uint32_t b = 0; b < BLOCKS; b++)
        for (unsigned i = 0; i < STREAMS; i++)
            if (b == i % BLOCKS || random_below(&r, 10) == 0) {
                w->holds[i][b] = true;
                w->numbers[i] = index_labels_add(&w->x, i % 2, w->canonical[i], b);
            }
    index_labels_write(&w->x, &w->streams, &w->labels);
}

static void end(struct world *w) {
    index_labels_fini(&w->x);
    buf_fini(&w->streams);
    buf_fini(&w->labels);
    arena_fini(&w->mem);
}

static struct index_streams walker;

TEST(streams_come_back_in_order_with_their_blocks) {
    static struct world w;
    make(&w, 1);
    uint32_t rank = 0, tenant, last_tenant = 0;
    struct str labels;
    AUTO(buf) last = { 0 };
    for (index_streams_start(&walker, buf_str(&w.streams)); index_streams_next(&walker, &tenant, &labels);
         rank++) {
        CHECK(tenant > last_tenant ||
              (tenant == last_tenant && (rank == 0 || str_cmp(buf_str(&last), labels) < 0)));
        buf_clear(&last);
        buf_add(&last, labels);
        last_tenant = tenant;
        unsigned i = 0;
        while (i < STREAMS && !str_eq(w.canonical[i], labels))
            i++;
        CHECK(i < STREAMS && i % 2 == tenant);
        CHECK(index_labels_rank(&w.x, w.numbers[i]) == rank);
        uint64_t blocks[1] = { 0 };
        CHECK(index_streams_blocks(&walker, blocks, BLOCKS));
        for (uint32_t b = 0; b < BLOCKS; b++)
            CHECK(bits_get(blocks, b) == w.holds[i][b]);
    }
    CHECK(index_streams_ok(&walker));
    CHECK(rank == STREAMS);
    end(&w);
}

TEST(a_label_names_its_streams) {
    static struct world w;
    make(&w, 2);
    uint64_t kept[STREAM_WORDS];
    bits_fill(kept, STREAMS);
    CHECK_OK(index_labels_keep(buf_str(&w.labels), STR("service"), STR("checkout"), kept, STREAMS));
    CHECK(bits_count(kept, STREAMS) == STREAMS / 3);
    CHECK_OK(index_labels_keep(buf_str(&w.labels), STR("zone"), STR("z3"), kept, STREAMS));
    for (unsigned i = 0; i < STREAMS; i++)
        CHECK(bits_get(kept, index_labels_rank(&w.x, w.numbers[i])) == (i % 3 == 0 && i % 7 == 3));
    CHECK_OK(index_labels_keep(buf_str(&w.labels), STR("zone"), STR("z"), kept, STREAMS));
    CHECK(!bits_any(kept, STREAMS));
    end(&w);
}

TEST(any_bytes_are_read_without_harm) {
    static struct world w;
    struct random r;
    make(&w, 3);
    random_init(&r, 9);
    for (int round = 0; round < 20000; round++) {
        struct buf *b = round % 2 ? &w.streams : &w.labels;
        size_t at = random_below(&r, b->n), bit = random_below(&r, 8);
        b->p[at] ^= (char)(1 << bit);
        uint64_t blocks[1] = { 0 }, kept[STREAM_WORDS];
        uint32_t tenant;
        struct str labels;
        for (index_streams_start(&walker, buf_str(&w.streams));
             index_streams_next(&walker, &tenant, &labels);)
            (void)index_streams_blocks(&walker, blocks, BLOCKS);
        bits_fill(kept, STREAMS);
        ERR_IGNORE(index_labels_keep(buf_str(&w.labels), STR("zone"), STR("z6"), kept, STREAMS),
                   "either will do");
        if (round % 3)
            b->p[at] ^= (char)(1 << bit);
    }
    end(&w);
}

TEST_MAIN(RUN(streams_come_back_in_order_with_their_blocks), RUN(a_label_names_its_streams),
          RUN(any_bytes_are_read_without_harm))
