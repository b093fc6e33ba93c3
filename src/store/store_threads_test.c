#include "base/bits.h"
#include "base/heap.h"
#include "base/stat.h"
#include "base/test.h"
#include "base/thread.h"
#include "store/store_fixture.h"

/* With its threads at work: a writer, flushes and merges, and scans that must see each row exactly once. */
enum { BLOCKS = 600, ROWS_A_BLOCK = 40, ROWS = BLOCKS * ROWS_A_BLOCK };

struct world {
    struct store_fixture f;
    _Atomic int64_t acknowledged; /* rows 0 .. acknowledged-1 are durable */
    _Atomic bool done;
};

static void write_rows(void *ctx) {
    struct world *w = ctx;
    int64_t hour_ns = 3600ll * 1000000000, at = w->f.now_ns / hour_ns * hour_ns - 5 * hour_ns;
    for (int64_t n = 0; n < ROWS;) {
        for (int i = 0; i < ROWS_A_BLOCK; i++, n++) {
            struct fixture_row row = { .time_ns = at + (n % 3) * hour_ns + n,
                                       .service = n % 2 ? "cart" : "pay",
                                       .host = "a",
                                       .message = "m",
                                       .number = n };
            fixture_add(&w->f, &row);
        }
        CHECK(fixture_publish(&w->f, TABLE_LOGS));
        w->acknowledged = n;
    }
    w->done = true;
}

static void move_rows(void *ctx) {
    struct world *w = ctx;
    struct err_text why;
    for (unsigned i = 0; !w->done; i++) {
        enum err e = i % 4 == 3 ? store_merge(w->f.store, &why) : store_flush(w->f.store, &why);
        CHECK(e == ERR_OK);
    }
}

static void mark_block(const struct block *b, uint64_t *seen) {
    uint32_t column = block_column_find(b, STR("number"), VALUE_INT);
    for (uint32_t p = 0; p < block_info(b)->page_count; p++) {
        AUTO(arena) mem;
        arena_init(&mem, 0);
        struct column_page page;
        CHECK_OK(block_read_column(b, column, p, &mem, &page));
        for (uint32_t i = 0; i < page.row_count; i++) {
            CHECK(page.ints[i] < ROWS && !bits_get(seen, (size_t)page.ints[i])); /* not twice */
            bits_set(seen, (size_t)page.ints[i]);
        }
    }
}

static void look(struct world *w, uint64_t *seen) {
    int64_t promised = w->acknowledged;
    struct scan_request all = fixture_request(TABLE_LOGS);
    struct scan *c;
    struct err_text why;
    bits_zero(seen, ROWS);
    CHECK_OK(store_scan(w->f.store, &all, &why, &c));
    CHECK(scan_counts(c)->parts_damaged == 0);
    for (size_t i = 0; i < scan_count(c); i++) {
        struct block *b;
        CHECK_OK(scan_open(c, i, &why, &b));
        mark_block(b, seen);
        block_free(b);
    }
    scan_close(c);
    for (int64_t n = 0; n < promised; n++)
        CHECK(bits_get(seen, (size_t)n)); /* and not missing */
}

TEST(scans_see_each_row_once_while_it_is_written_flushed_and_merged) {
    struct world *w = HEAP_NEW(struct world);
    uint64_t *seen = HEAP_ARRAY(uint64_t, bits_words(ROWS));
    fixture_temp(&w->f);
    w->f.config.stepped = false;
    w->f.config.merge_pause = 0;
    w->f.config.clock = &clock_real;
    w->f.config.flush_interval_ns = 1000000;
    w->f.now_ns = clock_now_ns(&clock_real);
    CHECK_OK(fixture_open(&w->f));
    struct thread writer = { 0 }, mover = { 0 };
    thread_start(&writer, "writer", write_rows, w);
    thread_start(&mover, "mover", move_rows, w);
    size_t looks = 0;
    for (; !w->done; looks++)
        look(w, seen);
    thread_join(&writer);
    thread_join(&mover);
    look(w, seen);
    print_message("%zu looks, %lld flushes, %lld merges\n", looks, (long long)stat_get(STAT_STORE_FLUSHES),
                  (long long)stat_get(STAT_STORE_MERGES));
    CHECK(looks > 0 && bits_count(seen, ROWS) == ROWS);
    fixture_reopen(&w->f);
    look(w, seen);
    fixture_fini(&w->f);
    heap_free(seen);
    heap_free(w);
}

TEST_MAIN(RUN(scans_see_each_row_once_while_it_is_written_flushed_and_merged))
