#include "base/bits.h"
#include "base/random.h"
#include "base/test.h"
#include "store/index_ids.h"
#include "store/store_fixture.h"

struct index {
    struct buf pages, section;
    struct file *file;
};

static void index_make(struct index *x, const struct index_id *ids, size_t count, size_t run_entries) {
    struct index_ids w = { 0 };
    *x = (struct index){ 0 };
    for (size_t i = 0; i < count; i++) {
        index_ids_add(&w, ids[i].prefix, ids[i].block, ids[i].page);
        if (w.entries.n == run_entries)
            index_ids_spill(&w, x->pages.n, &x->pages);
    }
    index_ids_spill(&w, x->pages.n, &x->pages);
    index_ids_write(&w, &x->section);
    index_ids_fini(&w);
    x->file = fixture_file(buf_str(&x->pages));
}

static void index_end(struct index *x) {
    file_close(x->file);
    buf_fini(&x->pages);
    buf_fini(&x->section);
}

struct hits {
    VEC(struct index_id) list;
};
static void hit(void *ctx, uint32_t block, uint32_t page) {
    struct hits *h = ctx;
    VEC_PUSH(&h->list, (struct index_id){ 0, block, page });
}

static bool finds(struct index *x, const struct index_id *id) {
    struct hits h = { 0 };
    CHECK_OK(index_ids_find(x->file, buf_str(&x->section), id->prefix, hit, &h));
    bool found = false;
    for (size_t i = 0; i < h.list.n; i++)
        found |= h.list.p[i].block == id->block && h.list.p[i].page == id->page;
    VEC_FINI(&h.list);
    return found;
}

static size_t count_hits(struct index *x, uint64_t prefix) {
    struct hits h = { 0 };
    CHECK_OK(index_ids_find(x->file, buf_str(&x->section), prefix, hit, &h));
    size_t n = h.list.n;
    VEC_FINI(&h.list);
    return n;
}

enum { MANY = 20000 };
static struct index_id many[MANY];

static void fill_many(uint64_t seed, uint64_t distinct) {
    struct random r;
    random_init(&r, seed);
    for (size_t i = 0; i < MANY; i++)
        many[i] = (struct index_id){ (random_below(&r, distinct) + 1) * (uint64_t)0x9e3779b97f4a7c15,
                                     (uint32_t)random_below(&r, 300), (uint32_t)random_below(&r, 8) };
}

TEST(every_id_is_found_where_it_was_put) {
    static const size_t runs[] = { MANY + 1, 7000, 600 };
    static const uint64_t distinct[] = { UINT64_MAX, 5000, 3, 1 };
    for (size_t k = 0; k < COUNT_OF(runs); k++)
        for (size_t d = 0; d < COUNT_OF(distinct); d++) {
            struct index x;
            fill_many(k * 10 + d, distinct[d]);
            index_make(&x, many, MANY, runs[k]);
            CHECK_OK(index_ids_check(x.file, buf_str(&x.section)));
            for (size_t i = 0; i < MANY; i += 37)
                CHECK(finds(&x, &many[i]));
            index_end(&x);
        }
}

TEST(strange_ids_are_hardly_ever_found) {
    struct index x;
    fill_many(5, UINT64_MAX);
    index_make(&x, many, MANY, MANY + 1);
    struct random r;
    random_init(&r, 77);
    size_t found = 0;
    for (size_t i = 0; i < 100000; i++)
        found += count_hits(&x, random_u64(&r)) > 0;
    print_message("%zu of 100000 false, %.2f bytes an entry\n", found,
                  (double)(x.pages.n + x.section.n) / MANY);
    CHECK(found < 1000); /* one in 256 is 390 */
    CHECK(x.pages.n + x.section.n < MANY * 4);
    index_end(&x);
}

TEST(extreme_prefixes_and_places_survive) {
    static const struct index_id ids[] = {
        { 0, 0, 0 },          { 0, 1048575, 1023 }, { UINT64_MAX, 1048575, 0 },
        { UINT64_MAX, 0, 1 }, { 1ull << 63, 5, 7 }, { 1, 5, 7 }
    };
    for (size_t n = 0; n <= COUNT_OF(ids); n++) {
        struct index x;
        index_make(&x, ids, n, 100);
        CHECK((n == 0) == (x.section.n == 0));
        for (size_t i = 0; i < n; i++)
            CHECK(finds(&x, &ids[i]));
        if (n == 0)
            CHECK(count_hits(&x, 0) == 0);
        index_end(&x);
    }
}

TEST(a_flipped_bit_of_a_page_is_seen) {
    struct index x;
    fill_many(6, UINT64_MAX);
    index_make(&x, many, 1200, 700);
    for (size_t bit = 0; bit < x.pages.n * 8; bit++) {
        x.pages.p[bit / 8] ^= (char)(1 << bit % 8);
        CHECK(index_ids_check(x.file, buf_str(&x.section)) == ERR_CORRUPT);
        x.pages.p[bit / 8] ^= (char)(1 << bit % 8);
    }
    index_end(&x);
}

TEST_MAIN(RUN(every_id_is_found_where_it_was_put), RUN(strange_ids_are_hardly_ever_found),
          RUN(extreme_prefixes_and_places_survive), RUN(a_flipped_bit_of_a_page_is_seen))
