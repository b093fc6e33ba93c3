#include "base/test.h"
#include "catalog/catalog.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static char root[64];
static struct disk *disk;
static struct err_text why;

static int set_up(void **state UNUSED) {
    (void)snprintf(root, sizeof root, "/tmp/sonde-catalog-XXXXXX");
    return mkdtemp(root) && disk_real_open(root, &disk) == ERR_OK ? 0 : -1;
}
static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED,
                      struct FTW *where UNUSED) {
    return remove(path);
}
static int tear_down(void **state UNUSED) {
    disk_close(disk);
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct catalog *opened(void) {
    struct catalog *c = NULL;
    if (catalog_open(disk, "catalog.sqlite", &why, &c) != ERR_OK)
        fail_msg("%s", why.msg);
    return c;
}

static struct manifest_segment segment(uint64_t id) {
    return (struct manifest_segment){ .id = id,
                                      .table = TABLE_SPANS,
                                      .level = 2,
                                      .late = true,
                                      .window_start_ns = -5,
                                      .window_end_ns = INT64_MAX,
                                      .time_min_ns = INT64_MIN,
                                      .time_max_ns = 17,
                                      .received_max_ms = 18,
                                      .rows = 19,
                                      .blocks = 20,
                                      .size_bytes = 21,
                                      .raw_bytes = 1ull << 60,
                                      .position_min = 22,
                                      .position_max = 23,
                                      .deletes_applied = 24,
                                      .format = UINT32_MAX };
}

struct found {
    size_t count;
    struct manifest_segment segments[8];
    struct manifest_delete deletes[8];
    char texts[8][64];
};

static void segment_found(void *ctx, const struct manifest_segment *s) {
    struct found *f = ctx;
    f->segments[f->count++ % 8] = *s;
}
static void delete_found(void *ctx, const struct manifest_delete *d) {
    struct found *f = ctx;
    (void)snprintf(f->texts[f->count % 8], 64, STR_FMT, STR_ARG(d->predicate));
    f->deletes[f->count++ % 8] = *d;
}
static void setting_found(void *ctx, struct str name, struct str value) {
    struct found *f = ctx;
    (void)snprintf(f->texts[f->count++ % 8], 64, STR_FMT "=" STR_FMT, STR_ARG(name), STR_ARG(value));
}

static struct found segments_of(struct catalog *c) {
    struct found f = { 0 };
    CHECK_OK(catalog_segments(c, segment_found, &f, &why));
    return f;
}

TEST(every_field_of_a_segment_survives_a_restart) {
    struct catalog *c = opened();
    struct manifest_segment s = segment(7);
    CHECK_OK(catalog_commit(c, &(struct manifest_change){ .add = &s, .add_count = 1, .trimmed_position = 9 },
                            &why));
    catalog_close(c);
    c = opened();
    struct found f = segments_of(c);
    uint64_t position = 0;
    CHECK(f.count == 1);
    const struct manifest_segment *g = &f.segments[0];
    CHECK(g->id == 7 && g->table == s.table && g->level == s.level && g->late);
    CHECK(g->window_start_ns == s.window_start_ns && g->window_end_ns == s.window_end_ns);
    CHECK(g->time_min_ns == s.time_min_ns && g->time_max_ns == s.time_max_ns && g->received_max_ms == 18);
    CHECK(g->rows == 19 && g->blocks == 20 && g->size_bytes == 21 && g->raw_bytes == s.raw_bytes);
    CHECK(g->position_min == 22 && g->position_max == 23 && g->deletes_applied == 24 &&
          g->format == UINT32_MAX);
    CHECK_OK(catalog_trimmed_position(c, &position, &why));
    CHECK(position == 9);
    catalog_close(c);
}

TEST(a_change_is_made_whole_or_not_at_all) {
    struct catalog *c = opened();
    struct manifest_segment s[] = { segment(1), segment(2) };
    CHECK_OK(catalog_commit(c, &(struct manifest_change){ .add = s, .add_count = 2 }, &why));
    struct manifest_segment third = segment(3);
    const uint64_t remove[] = { 1, 99 };
    CHECK(catalog_commit(
              c,
              &(struct manifest_change){
                  .add = &third, .add_count = 1, .remove = remove, .remove_count = 2, .trimmed_position = 5 },
              &why) == ERR_CONFLICT);
    CHECK(catalog_commit(c, &(struct manifest_change){ .add = s, .add_count = 1 }, &why) == ERR_CONFLICT);
    struct found f = segments_of(c);
    uint64_t position = 1;
    CHECK_OK(catalog_trimmed_position(c, &position, &why));
    CHECK(f.count == 2 && f.segments[0].id == 1 && f.segments[1].id == 2 && position == 0);
    CHECK_OK(catalog_commit(
        c, &(struct manifest_change){ .add = &third, .add_count = 1, .remove = remove, .remove_count = 1 },
        &why));
    f = segments_of(c);
    CHECK(f.count == 2 && f.segments[0].id == 2 && f.segments[1].id == 3);
    catalog_close(c);
}

TEST(the_trimmed_position_never_goes_back) {
    struct catalog *c = opened();
    uint64_t position = 0;
    CHECK_OK(catalog_commit(c, &(struct manifest_change){ .trimmed_position = 50 }, &why));
    CHECK_OK(catalog_commit(c, &(struct manifest_change){ .trimmed_position = 40 }, &why));
    CHECK_OK(catalog_commit(c, &(struct manifest_change){ .trimmed_position = 0 }, &why));
    CHECK_OK(catalog_trimmed_position(c, &position, &why));
    CHECK(position == 50);
    catalog_close(c);
}

TEST(ids_are_never_given_twice) {
    uint64_t first = 0, next = 1;
    for (uint32_t round = 1; round < 5; round++) {
        struct catalog *c = opened();
        CHECK_OK(catalog_reserve_ids(c, round, &first, &why));
        CHECK(first == next);
        next += round;
        catalog_close(c);
    }
}

TEST(deletes_are_kept_with_any_bytes_and_removed) {
    struct catalog *c = opened();
    struct manifest_delete d = { .id = 4,
                                 .table = TABLE_LOGS,
                                 .predicate = STR("user:\"x\" \xff"),
                                 .time_from_ns = -1,
                                 .time_to_ns = INT64_MAX,
                                 .position = 12 };
    CHECK_OK(catalog_commit(c, &(struct manifest_change){ .add_delete = &d }, &why));
    struct found f = { 0 };
    CHECK_OK(catalog_deletes(c, delete_found, &f, &why));
    CHECK(f.count == 1 && f.deletes[0].id == 4 && f.deletes[0].position == 12);
    CHECK(f.deletes[0].time_from_ns == -1 && f.deletes[0].time_to_ns == INT64_MAX);
    CHECK(strcmp(f.texts[0], "user:\"x\" \xff") == 0);
    const uint64_t id = 4;
    CHECK_OK(
        catalog_commit(c, &(struct manifest_change){ .remove_delete = &id, .remove_delete_count = 1 }, &why));
    f = (struct found){ 0 };
    CHECK_OK(catalog_deletes(c, delete_found, &f, &why));
    CHECK(f.count == 0);
    catalog_close(c);
}

TEST(settings_are_set_changed_listed_by_prefix_and_removed) {
    struct catalog *c = opened();
    CHECK_OK(catalog_set_setting(c, STR("view/b"), STR("2"), &why));
    CHECK_OK(catalog_set_setting(c, STR("view/a"), STR("1"), &why));
    CHECK_OK(catalog_set_setting(c, STR("view%"), STR("other"), &why));
    CHECK_OK(catalog_set_setting(c, STR("view/b"), STR("3"), &why));
    struct found f = { 0 };
    CHECK_OK(catalog_settings(c, STR("view/"), setting_found, &f, &why));
    CHECK(f.count == 2 && strcmp(f.texts[0], "view/a=1") == 0 && strcmp(f.texts[1], "view/b=3") == 0);
    CHECK_OK(catalog_set_setting(c, STR("view/a"), STR(""), &why));
    struct buf out = { .limit_bytes = 64 };
    CHECK(catalog_setting(c, STR("view/a"), &out, &why) == ERR_NOT_FOUND);
    CHECK_OK(catalog_setting(c, STR("view/b"), &out, &why));
    CHECK_STR(buf_str(&out), "3");
    buf_fini(&out);
    f = (struct found){ 0 };
    CHECK_OK(catalog_settings(c, STR(""), setting_found, &f, &why));
    CHECK(f.count == 2);
    catalog_close(c);
}

/* Big-endian integers of SQLite's file header. */
enum { AT_USER_VERSION = 60, AT_APPLICATION_ID = 68 };

static void patch(uint64_t offset, char last_byte) {
    const char value[4] = { 0, 0, 0, last_byte };
    struct file *f;
    CHECK_OK(disk_open(disk, "catalog.sqlite", FILE_WRITE, &f));
    CHECK_OK(file_write(f, value, sizeof value, offset));
    file_close(f);
}

TEST(a_catalog_of_a_newer_version_is_refused_by_name) {
    catalog_close(opened());
    patch(AT_USER_VERSION, 99);
    struct catalog *c = NULL;
    CHECK(catalog_open(disk, "catalog.sqlite", &why, &c) == ERR_UNSUPPORTED);
    CHECK(strstr(why.msg, "newer sonde") && strstr(why.msg, "99"));
}

TEST(a_database_of_someone_else_is_refused) {
    catalog_close(opened());
    patch(AT_APPLICATION_ID, 1);
    struct catalog *c = NULL;
    CHECK(catalog_open(disk, "catalog.sqlite", &why, &c) == ERR_INVALID);
}

TEST(bytes_that_are_no_database_are_an_error) {
    struct file *f;
    char junk[5000];
    memset(junk, 'x', sizeof junk);
    CHECK_OK(disk_open(disk, "catalog.sqlite", FILE_WRITE | FILE_CREATE, &f));
    CHECK_OK(file_write(f, junk, sizeof junk, 0));
    file_close(f);
    struct catalog *c = NULL;
    CHECK(catalog_open(disk, "catalog.sqlite", &why, &c) == ERR_CORRUPT);
}

TEST(a_checkpoint_empties_the_log) {
    struct catalog *c = opened();
    CHECK_OK(catalog_set_setting(c, STR("a"), STR("b"), &why));
    CHECK_OK(catalog_checkpoint(c, &why));
    struct file *f;
    uint64_t size_bytes = 1;
    CHECK_OK(disk_open(disk, "catalog.sqlite-wal", FILE_READ, &f));
    CHECK_OK(file_size(f, &size_bytes));
    file_close(f);
    CHECK(size_bytes == 0);
    catalog_close(c);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
TEST_MAIN(CASE(every_field_of_a_segment_survives_a_restart), CASE(a_change_is_made_whole_or_not_at_all),
          CASE(the_trimmed_position_never_goes_back), CASE(ids_are_never_given_twice),
          CASE(deletes_are_kept_with_any_bytes_and_removed),
          CASE(settings_are_set_changed_listed_by_prefix_and_removed),
          CASE(a_catalog_of_a_newer_version_is_refused_by_name), CASE(a_database_of_someone_else_is_refused),
          CASE(bytes_that_are_no_database_are_an_error), CASE(a_checkpoint_empties_the_log))
