/* The simulated disk must be as bad as it says: otherwise the power-cut tests prove nothing. */
#include "base/test.h"
#include "disk_sim.h"

enum { SEEDS = 200, SECTOR = 512 };

static struct file *opened(struct disk *d, const char *path) {
    struct file *f = NULL;
    CHECK_OK(disk_open(d, path, FILE_WRITE | FILE_CREATE, &f));
    return f;
}

static void put(struct disk *d, const char *path, char byte, size_t n, bool sync) {
    static char bytes[8 * SECTOR];
    memset(bytes, byte, n);
    struct file *f = opened(d, path);
    CHECK_OK(file_write(f, bytes, n, 0));
    if (sync)
        CHECK_OK(file_sync(f));
    file_close(f);
}

/* Bytes of `path`, or SIZE_MAX when it does not exist; how many of them are `byte`. */
static size_t size_of(struct disk *d, const char *path, char byte, size_t *out_same) {
    static char bytes[16 * SECTOR];
    struct file *f;
    *out_same = 0;
    if (disk_open(d, path, FILE_READ, &f) != ERR_OK)
        return SIZE_MAX;
    size_t n = 0;
    CHECK_OK(file_read(f, bytes, sizeof bytes, 0, &n));
    for (size_t i = 0; i < n; i++)
        *out_same += bytes[i] == byte;
    file_close(f);
    return n;
}

TEST(what_was_synced_with_its_name_survives_every_cut) {
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct disk *d = disk_sim_new(seed);
        CHECK_OK(disk_mkdir(d, "a"));
        CHECK_OK(disk_sync_dir(d, ""));
        put(d, "a/b", 'x', 4 * SECTOR, true);
        CHECK_OK(disk_sync_dir(d, "a"));
        struct disk *after = disk_sim_crash(d);
        size_t same;
        CHECK(size_of(after, "a/b", 'x', &same) == 4 * SECTOR && same == 4 * SECTOR);
        disk_close(d);
        disk_close(after);
    }
}

TEST(a_name_that_was_not_synced_survives_some_cuts) {
    size_t there = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct disk *d = disk_sim_new(seed);
        put(d, "f", 'x', SECTOR, true);
        struct disk *after = disk_sim_crash(d);
        bool exists;
        CHECK_OK(disk_exists(after, "f", &exists));
        there += exists;
        disk_close(d);
        disk_close(after);
    }
    CHECK(there > SEEDS / 10 && there < SEEDS * 9 / 10);
}

TEST(bytes_that_were_not_synced_survive_in_any_part) {
    size_t none = 0, some = 0, all = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct disk *d = disk_sim_new(seed);
        put(d, "f", 'x', 4 * SECTOR, true);
        CHECK_OK(disk_sync_dir(d, ""));
        put(d, "f", 'y', 4 * SECTOR, false);
        struct disk *after = disk_sim_crash(d);
        size_t same;
        CHECK(size_of(after, "f", 'y', &same) == 4 * SECTOR);
        CHECK(same % SECTOR == 0);
        none += same == 0;
        all += same == 4 * SECTOR;
        some += same > 0 && same < 4 * SECTOR;
        disk_close(d);
        disk_close(after);
    }
    CHECK(none > 10 && some > 10 && all > 10);
}

TEST(a_rename_happens_whole_or_not_at_all) {
    size_t old = 0, new = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct disk *d = disk_sim_new(seed);
        put(d, "a", 'a', SECTOR, true);
        put(d, "b", 'b', SECTOR, true);
        CHECK_OK(disk_sync_dir(d, ""));
        CHECK_OK(disk_rename(d, "a", "b"));
        struct disk *after = disk_sim_crash(d);
        size_t a_same, b_same, a = size_of(after, "a", 'a', &a_same), b = size_of(after, "b", 'a', &b_same);
        CHECK(b == SECTOR && (a == SIZE_MAX ? b_same == SECTOR : b_same == 0 && a_same == SECTOR));
        old += a != SIZE_MAX;
        new += a == SIZE_MAX;
        disk_close(d);
        disk_close(after);
    }
    CHECK(old > 10 && new > 10);
}

TEST(a_sync_after_a_failed_one_does_not_bring_the_bytes_back) {
    size_t lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct disk *d = disk_sim_new(seed);
        put(d, "f", 'x', 4 * SECTOR, true);
        CHECK_OK(disk_sync_dir(d, ""));
        struct file *f = opened(d, "f");
        CHECK_OK(file_write(f, "yyyy", 4, 0));
        disk_sim_fail(d, SIM_SYNC, 1, ERR_IO, false);
        CHECK(file_sync(f) == ERR_IO);
        CHECK(disk_sim_rule_breaks(d) == 0);
        CHECK_OK(file_sync(f));
        CHECK(disk_sim_rule_breaks(d) == 1);
        char now[4];
        CHECK_OK(file_read_all(f, now, sizeof now, 0));
        CHECK(memcmp(now, "yyyy", 4) == 0);
        file_close(f);
        struct disk *after = disk_sim_crash(d);
        size_t same;
        CHECK(size_of(after, "f", 'y', &same) == 4 * SECTOR);
        lost += same == 0;
        disk_close(d);
        disk_close(after);
    }
    CHECK(lost > 10 && lost < SEEDS - 10);
}

TEST(a_full_disk_refuses_until_a_file_goes) {
    struct disk *d = disk_sim_new(1);
    disk_sim_capacity(d, 4 * SECTOR);
    put(d, "a", 'x', 3 * SECTOR, true);
    struct file *f = opened(d, "b");
    char bytes[2 * SECTOR] = { 0 };
    CHECK(file_write(f, bytes, sizeof bytes, 0) == ERR_LIMIT);
    CHECK_OK(disk_unlink(d, "a"));
    CHECK_OK(file_write(f, bytes, sizeof bytes, 0));
    file_close(f);
    disk_close(d);
}

TEST(without_power_nothing_works_and_a_kill_loses_nothing) {
    struct disk *d = disk_sim_new(1);
    put(d, "a", 'x', SECTOR, false);
    disk_sim_power_off_after(d, 1);
    struct file *f;
    CHECK(disk_open(d, "b", FILE_WRITE | FILE_CREATE, &f) == ERR_IO);
    CHECK(disk_open(d, "a", FILE_READ, &f) == ERR_IO);
    CHECK(!disk_sim_powered(d));
    disk_sim_power_on(d);
    size_t same;
    CHECK(size_of(d, "a", 'x', &same) == SECTOR && same == SECTOR);
    disk_close(d);
}

TEST(the_same_seed_gives_the_same_cut) {
    size_t sizes[2], same[2];
    for (int i = 0; i < 2; i++) {
        struct disk *d = disk_sim_new(42);
        put(d, "f", 'x', 7 * SECTOR, true);
        CHECK_OK(disk_sync_dir(d, ""));
        put(d, "f", 'y', 8 * SECTOR, false);
        struct disk *after = disk_sim_crash(d);
        sizes[i] = size_of(after, "f", 'y', &same[i]);
        disk_close(d);
        disk_close(after);
    }
    CHECK(sizes[0] == sizes[1] && same[0] == same[1]);
}

TEST_MAIN(RUN(what_was_synced_with_its_name_survives_every_cut),
          RUN(a_name_that_was_not_synced_survives_some_cuts),
          RUN(bytes_that_were_not_synced_survive_in_any_part), RUN(a_rename_happens_whole_or_not_at_all),
          RUN(a_sync_after_a_failed_one_does_not_bring_the_bytes_back),
          RUN(a_full_disk_refuses_until_a_file_goes),
          RUN(without_power_nothing_works_and_a_kill_loses_nothing), RUN(the_same_seed_gives_the_same_cut))
