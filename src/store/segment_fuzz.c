/*
 * Any bytes as a segment file: everything is read through the readers of scans and merges. Built with
 * FUZZING_IGNORES_CHECKSUMS.
 *
 * The mutator starts from a real segment with all its indexes and edits it in place, mostly in the tail: a
 * file whose sizes do not add up is refused at once, which teaches nothing.
 */
#include "base/assert.h"
#include "base/heap.h"
#include "block/words.h"
#include "store/index_ids.h"
#include "store/index_labels.h"
#include "store/index_words.h"
#include "store/segment_check.h"
#include "store/store_fixture.h"
#include "store/store_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

struct one_file_disk {
    struct disk base;
    struct str bytes;
};

static enum err open_it(struct disk *d, const char *path UNUSED, unsigned flags UNUSED, struct file **out) {
    *out = fixture_file(((struct one_file_disk *)d)->bytes);
    return ERR_OK;
}

static void found(void *ctx, uint32_t block, uint32_t page) {
    *(uint64_t *)ctx += block + page;
}

static void look_up(struct segment *s) {
    AUTO(arena) mem;
    arena_init(&mem, 64 << 20);
    struct str labels, ids;
    struct segment_block *blocks;
    uint32_t count = 0;
    bool walked, may;
    uint64_t kept[16] = { UINT64_MAX }, sum = 0;
    if (segment_section(s, SECTION_LABELS, &mem, &labels) == ERR_OK)
        ERR_IGNORE(index_labels_keep(labels, STR("host"), STR("a1"), kept, 1024),
                   "any answer but a crash is fine");
    if (segment_section(s, SECTION_IDS, &mem, &ids) == ERR_OK)
        for (uint64_t id = 1; id; id <<= 5)
            ERR_IGNORE(index_ids_find(segment_file(s), ids, id * 31, found, &sum),
                       "any answer but a crash is fine");
    if (segment_blocks(s, &mem, &blocks, &count, &walked) != ERR_OK)
        return;
    for (uint32_t i = 0; i < count; i++)
        if (blocks[i].filter_lines)
            ERR_IGNORE(index_words_test(segment_file(s), blocks[i].offset + blocks[i].size_bytes,
                                        blocks[i].filter_lines, i * (uint64_t)0x9e3779b97f4a7c15, &may),
                       "any answer but a crash is fine");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct disk_ops ops = { .open = open_it };
    struct one_file_disk disk = { { &ops }, { (const char *)data, size } };
    if (size < 64)
        return 0;
    struct manifest_segment m = { .id = le64_get(data + 24), .level = 1, .blocks = 64, .size_bytes = size };
    struct segment *s = segment_new(&disk.base, &m);
    struct err_text why;
    ERR_IGNORE(segment_check(s, &why), "any answer but a crash is fine");
    if (segment_pin(s, &why) == ERR_OK) {
        look_up(s);
        segment_unpin(s);
    }
    segment_unref(s);
    return 0;
}

/* A small segment from a real store, made once. */
static struct str seed_bytes(void) {
    static struct str bytes;
    if (bytes.n)
        return bytes;
    struct store_fixture f;
    struct random r;
    struct file *file;
    char path[SEGMENT_PATH_BYTES];
    random_init(&r, 1);
    fixture_temp(&f);
    ASSERT(fixture_open(&f) == ERR_OK);
    fixture_random(&f, &r, 60, f.now_ns, 1000);
    ASSERT(fixture_publish(&f, TABLE_LOGS) && store_flush(f.store, &f.why) == ERR_OK &&
           store_merge(f.store, &f.why) == ERR_OK);
    const struct manifest_segment *m = &f.store->segments.p[0]->m;
    segment_path(m->id, "seg", path);
    char *p = heap_alloc(m->size_bytes);
    ASSERT(disk_open(f.disk, path, FILE_READ, &file) == ERR_OK &&
           file_read_all(file, p, m->size_bytes, 0) == ERR_OK);
    file_close(file);
    bytes = (struct str){ p, m->size_bytes };
    fixture_fini(&f);
    return bytes;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    struct random r;
    random_init(&r, seed);
    struct str base = seed_bytes();
    if (size < base.n / 2 || random_below(&r, 50) == 0) {
        if (base.n > max_size)
            return size;
        memcpy(data, base.p, base.n);
        size = base.n;
    }
    for (uint64_t edits = 1 + random_below(&r, 4); edits; edits--) {
        size_t tail = size < 1200 ? size : 1200;
        size_t at = random_below(&r, 3) ? size - tail + random_below(&r, tail) : random_below(&r, size);
        size_t n = 1 + random_below(&r, 8);
        if (n > size - at)
            n = size - at;
        (void)LLVMFuzzerMutate(data + at, n, n);
    }
    if (random_below(&r, 20) == 0)
        size -= random_below(&r, size / 4 + 1);
    return size;
}
