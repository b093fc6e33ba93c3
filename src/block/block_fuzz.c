#include "base/bytes.h"
#include "block/block_header.h"
#include "block/block_world.h"
#include <stdlib.h>

/*
 * Any bytes as a block: opened, then every page of every column decoded, matched and printed. Built with
 * FUZZING_IGNORES_CHECKSUMS, else nothing behind the first checksum would ever be reached.
 *
 * The mutator starts from sealed blocks of random rows, mostly not compressed so that a changed byte is a
 * changed number, and edits them in place: a block whose sizes no longer add up is refused at once, which
 * teaches nothing.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

static void match_all(const struct block *b, const struct text_match *m) {
    for (uint32_t c = 0; c < block_info(b)->column_count; c++)
        for (uint32_t page = 0; page < block_info(b)->page_count && page < 8; page++) {
            AUTO(arena) mem;
            struct column_page p;
            arena_init(&mem, 64 << 20);
            uint64_t rows[BLOCK_ROWS_MAX / 64];
            if (block_read_column(b, c, page, &mem, &p))
                continue;
            memset(rows, 0xff, sizeof rows);
            if (p.row_count % 64)
                rows[p.row_count / 64] = (1ull << p.row_count % 64) - 1;
            ERR_IGNORE(column_page_match(&p, m, &mem, rows), "any answer but a crash is fine");
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct block_source source = { .mem = (const char *)data, .size_bytes = size };
    struct err_text why;
    struct block *b;
    struct text_match *m;
    uint64_t digest;
    if (size == 0 || block_open(&source, &why, &b))
        return 0;
    ERR_IGNORE(world_read(b, &digest), "any answer but a crash is fine");
    if (text_match_new(TEXT_TOKENS, STR("user 7"), &why, &m) == ERR_OK) {
        match_all(b, m);
        text_match_free(m);
    }
    block_free(b);
    return 0;
}

static size_t seed_block(uint8_t *data, size_t max_size, unsigned seed) {
    struct world *w = world_new(seed);
    world_fill(w, (struct shape){ .rows = 1 + seed % (seed % 4 ? 90 : 1500),
                                  .fields = 1 + seed / 3 % 18,
                                  .streams = 1 + seed % 5,
                                  .presence_percent = seed % 3 ? 100 : 60,
                                  .mixed_percent = seed % 7 });
    struct str bytes =
        world_build(w, (struct block_build_options){ .page_rows = 64u << seed % 5,
                                                     .templates = seed / 2 % 2,
                                                     .zstd_level = seed % 5 ? BLOCK_ZSTD_NONE : 1 });
    size_t n = bytes.n <= max_size ? bytes.n : 0;
    if (n)
        memcpy(data, bytes.p, n);
    world_free(w);
    return n;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    struct random r;
    random_init(&r, seed);
    if (size < BLOCK_HEADER_BYTES || random_below(&r, 40) == 0) {
        size_t n = seed_block(data, max_size, seed);
        if (n)
            size = n;
    }
    for (uint64_t edits = random_below(&r, 4); size && edits-- > 0;) {
        size_t at = random_below(&r, random_below(&r, 2) ? size : size < 1024 ? size : 1024);
        size_t n = 1 + random_below(&r, size - at < 8 ? size - at : 8);
        if (random_below(&r, 2))
            data[at] = (uint8_t)random_u64(&r);
        else
            (void)LLVMFuzzerMutate(data + at, n, n);
    }
    if (size >= BLOCK_HEADER_BYTES) {
        memcpy(data, "sondeblk\1\0\200\0", 12);
        memset(data + 12, 0, 8);
        le64_put(data + 48, size);
    }
    return size;
}
