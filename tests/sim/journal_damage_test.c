/*
 * A journal that was cut or damaged. It always opens. Cut anywhere: every frame that is still whole is there.
 * Damaged anywhere: all frames but the damaged ones are there, and the loss is counted.
 */
#include "base/heap.h"
#include "base/random.h"
#include "base/test.h"
#include "disk_sim.h"
#include "queue/journal_fixture.h"
#include "queue/queue_frame.h"
#include "queue/queue_replay.h"
#include <stdlib.h>

enum { LAST_BYTES = 64 << 10, FRAMES_MAX = 400 };

/* One journal file in memory and where its frames are. */
struct image {
    char *bytes;
    size_t n;
    struct {
        uint64_t begin, end;
    } frames[FRAMES_MAX + 1]; /* by id */
    uint64_t frame_count;
};

static const struct queue_config config = { .file_bytes = 1 << 20, .bytes_max = 8 << 20, .stepped = true };

static void file_put(struct disk *d, const char *path, const char *bytes, size_t n) {
    struct file *f;
    CHECK_OK(disk_mkdir(d, "journal"));
    CHECK_OK(disk_open(d, path, FILE_WRITE | FILE_CREATE, &f));
    CHECK_OK(file_write(f, bytes, n, 0));
    file_close(f);
}

static void image_fill(struct disk *d, struct image *image) {
    char path[256];
    struct file *f;
    uint64_t size_bytes, salt = 0;
    journal_file_path(d, "journal", 0, path);
    CHECK_OK(disk_open(d, path, FILE_READ, &f));
    CHECK_OK(file_size(f, &size_bytes));
    image->n = (size_t)size_bytes;
    image->bytes = heap_alloc(image->n);
    CHECK_OK(file_read_all(f, image->bytes, image->n, 0));
    struct queue_file_header h;
    CHECK_OK(queue_file_header_decode((struct str){ image->bytes, QUEUE_FILE_COPY_BYTES }, NULL, &h));
    salt = h.salt;
    AUTO(queue_scan) scan = { 0 };
    struct queue_frame frame;
    CHECK_OK(queue_scan_init(&scan, f, salt));
    for (uint64_t offset; queue_scan_next(&scan, &frame, &offset);) {
        image->frame_count++;
        image->frames[frame.position].begin = offset;
        image->frames[frame.position].end = offset + frame.frame_bytes;
    }
    file_close(f);
}

/* Frames 1..n of mixed sizes until the file has `bytes`; without the zeros written ahead. */
static struct image image_make(size_t bytes, size_t frame_bytes_max) {
    struct image image = { 0 };
    struct disk *d = disk_sim_new(3);
    struct journal j;
    struct random r;
    random_init(&r, 3);
    CHECK_OK(journal_open(&j, d, &config));
    for (uint64_t id = 1; queue_used_bytes(j.queue) < bytes && id < FRAMES_MAX; id++)
        CHECK_OK(journal_put(&j, id, 8 + (size_t)random_below(&r, frame_bytes_max)));
    journal_close(&j);
    image_fill(d, &image);
    image.n = (size_t)image.frames[image.frame_count].end;
    disk_close(d);
    return image;
}

static void image_free(struct image *image) {
    heap_free(image->bytes);
}

/* Opens a journal of these bytes; true when exactly the frames that `keep` wants are there, and checks the
 * rest. */
static bool opens_with(const char *bytes, size_t n, const struct image *image,
                       bool (*keep)(const struct image *image, uint64_t id, size_t at), size_t at,
                       uint64_t damaged) {
    struct disk *d = disk_sim_new(1);
    struct journal j;
    file_put(d, "journal/0000000000000001.journal", bytes, n);
    bool right = journal_open(&j, d, &config) == ERR_OK && !j.wrong && j.replay.damaged_frames == damaged;
    size_t seen = 0;
    for (uint64_t id = 1; id <= image->frame_count && right; id++) {
        bool kept = keep(image, id, at);
        right = !kept || (seen < j.seen.n && j.seen.p[seen].id == id);
        seen += kept;
    }
    right = right && seen == j.seen.n;
    journal_close(&j);
    disk_close(d);
    return right;
}

static bool whole_below(const struct image *image, uint64_t id, size_t at) {
    return image->frames[id].end <= at;
}
static bool not_hit(const struct image *image, uint64_t id, size_t at) {
    return at < image->frames[id].begin || at >= image->frames[id].end;
}

TEST(a_journal_cut_at_any_byte_opens_with_all_whole_frames) {
    struct image image = image_make(LAST_BYTES + QUEUE_FILE_HEADER_BYTES + 2000, 2500);
    CHECK(image.frame_count > 20 && image.n > LAST_BYTES);
    size_t stride = getenv("SONDE_SANITIZED") ? 13 : 1; /* 65,536 starts take a minute there */
    for (size_t at = image.n - LAST_BYTES; at < image.n; at += stride)
        if (!opens_with(image.bytes, at, &image, whole_below, at, 0))
            fail_msg("cut at %zu of %zu", at, image.n);
    image_free(&image);
}

TEST(a_damaged_byte_costs_its_frame_and_is_counted) {
    struct image image = image_make(60000, 1500);
    struct random r;
    random_init(&r, 9);
    size_t last = (size_t)image.frames[image.frame_count].begin;
    for (int round = 0; round < 2000; round++) {
        size_t at = QUEUE_FILE_HEADER_BYTES + (size_t)random_below(&r, last - QUEUE_FILE_HEADER_BYTES);
        char bit = (char)(1 << random_below(&r, 8));
        image.bytes[at] ^= bit;
        if (!opens_with(image.bytes, image.n, &image, not_hit, at, 1))
            fail_msg("damaged at %zu", at);
        image.bytes[at] ^= bit;
    }
    image_free(&image);
}

TEST(a_damaged_stretch_costs_the_frames_under_it) {
    struct image image = image_make(100000, 1500);
    struct random r;
    random_init(&r, 11);
    char *bytes = heap_alloc(image.n);
    for (int round = 0; round < 300; round++) {
        uint64_t first = 1 + random_below(&r, image.frame_count - 10), last = first + random_below(&r, 9);
        memcpy(bytes, image.bytes, image.n);
        size_t begin = (size_t)image.frames[first].begin, end = (size_t)image.frames[last].end;
        for (size_t at = begin; at < end; at++)
            bytes[at] = round % 2 ? 0 : (char)random_u64(&r);
        struct disk *d = disk_sim_new(1);
        struct journal j;
        file_put(d, "journal/0000000000000001.journal", bytes, image.n);
        CHECK_OK(journal_open(&j, d, &config));
        CHECK(!j.wrong && j.replay.damaged_frames == last - first + 1);
        CHECK(j.seen.n == image.frame_count - (last - first + 1));
        CHECK(strstr(j.why.msg, "lost frames"));
        journal_close(&j);
        disk_close(d);
    }
    heap_free(bytes);
    image_free(&image);
}

TEST(one_damaged_copy_of_the_header_costs_nothing) {
    struct image image = image_make(60000, 1500);
    for (size_t at = 0; at < 64; at++)
        for (size_t copy = 0; copy < 2; copy++) {
            image.bytes[at + copy * QUEUE_FILE_COPY_BYTES] ^= 0x10;
            CHECK(opens_with(image.bytes, image.n, &image, whole_below, image.n, 0));
            image.bytes[at + copy * QUEUE_FILE_COPY_BYTES] ^= 0x10;
        }
    image_free(&image);
}

TEST(a_file_without_a_header_is_set_aside_not_thrown_away) {
    struct image image = image_make(60000, 1500);
    image.bytes[20] ^= 1;
    image.bytes[20 + QUEUE_FILE_COPY_BYTES] ^= 1;
    struct disk *d = disk_sim_new(1);
    struct journal j;
    file_put(d, "journal/0000000000000001.journal", image.bytes, image.n);
    CHECK_OK(journal_open(&j, d, &config));
    CHECK(j.seen.n == 0 && j.replay.torn_bytes == image.n - QUEUE_FILE_HEADER_BYTES);
    CHECK(journal_files(d, "journal", ".damaged") == 1);
    CHECK_OK(journal_put(&j, 1, 100)); /* and its name is not used again */
    CHECK(journal_files(d, "journal", "2.journal") == 1);
    journal_close(&j);
    disk_close(d);
    image_free(&image);
}

TEST(a_format_of_a_newer_sonde_is_refused_and_left_alone) {
    struct queue_file_header h = { .major = QUEUE_MAJOR, .incompat = 4, .epoch = 1, .first_sequence = 1 };
    char bytes[QUEUE_FILE_HEADER_BYTES + 64] = { 0 };
    for (int i = 0; i < 2; i++) {
        queue_file_header_encode(&h, bytes);
        struct disk *d = disk_sim_new(1);
        struct journal j;
        file_put(d, "journal/0000000000000001.journal", bytes, sizeof bytes);
        CHECK(journal_open(&j, d, &config) == ERR_UNSUPPORTED);
        CHECK(strstr(j.why.msg, i == 0 ? "0x4" : "format 2"));
        CHECK(journal_files(d, "journal", ".journal") == 1);
        journal_close(&j);
        disk_close(d);
        h = (struct queue_file_header){ .major = QUEUE_MAJOR + 1, .epoch = 1, .first_sequence = 1 };
    }
}

TEST(a_lost_file_between_others_is_counted) {
    struct disk *d = disk_sim_new(1);
    struct journal j;
    struct queue_config small = { .file_bytes = 20 << 10, .bytes_max = 1 << 20, .stepped = true };
    CHECK_OK(journal_open(&j, d, &small));
    for (uint64_t id = 1; id <= 30; id++)
        CHECK_OK(journal_put(&j, id, 2900)); /* four in a file */
    journal_close(&j);
    char path[256];
    journal_file_path(d, "journal", 3, path);
    CHECK_OK(disk_unlink(d, path));
    CHECK_OK(journal_open(&j, d, &small));
    CHECK(!j.wrong && j.replay.damaged_frames == 4 && j.seen.n == 26);
    journal_close(&j);
    /* But not when all it can have held is trimmed. */
    small.trimmed_position = 16;
    CHECK_OK(journal_open(&j, d, &small));
    CHECK(!j.wrong && j.replay.damaged_frames == 0 && j.seen.n == 14);
    journal_close(&j);
    disk_close(d);
}

TEST_MAIN(RUN(a_journal_cut_at_any_byte_opens_with_all_whole_frames),
          RUN(a_damaged_byte_costs_its_frame_and_is_counted),
          RUN(a_damaged_stretch_costs_the_frames_under_it), RUN(one_damaged_copy_of_the_header_costs_nothing),
          RUN(a_file_without_a_header_is_set_aside_not_thrown_away),
          RUN(a_format_of_a_newer_sonde_is_refused_and_left_alone),
          RUN(a_lost_file_between_others_is_counted))
