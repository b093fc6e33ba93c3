#pragma once
#include "base/err.h"
#include "base/str.h"
#include <stdint.h>
/*
 * The disk seam. Everything that must survive goes through a `struct disk`: the real one (file_real.c)
 * or the seeded simulation of tests/sim/disk_sim.c, which drops and reorders what was not synced.
 * SQLite uses it too, by catalog/sqlite_vfs.c.
 *
 * Paths are relative to the disk's root folder, '/'-separated, without "..".
 * Threads: any thread, also on one file (offsets are explicit). The caller orders overlapping writes.
 * Errors: ERR_IO with errno kept in file_errno(); ERR_LIMIT for ENOSPC/EDQUOT/EMFILE/ENFILE;
 * ERR_NOT_FOUND; ERR_CONFLICT for FILE_EXCL on an existing file. A short read at the end of the file
 * is no error: *out_n says how much came.
 * After a failed write or sync a file must not be synced again (the kernel may have dropped the pages).
 */
struct disk;
struct file;

enum file_flags { FILE_READ = 0, FILE_WRITE = 1, FILE_CREATE = 2, FILE_EXCL = 4 };

struct file_ops {
    enum err (*read)(struct file *f, void *to, size_t n, uint64_t offset, size_t *out_n);
    enum err (*write)(struct file *f, const void *p, size_t n, uint64_t offset);
    enum err (*sync)(struct file *f); /* fdatasync: data and size */
    enum err (*truncate)(struct file *f, uint64_t size_bytes);
    enum err (*allocate)(struct file *f, uint64_t size_bytes); /* posix_fallocate from 0 */
    enum err (*size)(struct file *f, uint64_t *out_bytes);
    void (*close)(struct file *f); /* frees f */
};
/* The first member of each implementation's file. */
struct file {
    const struct file_ops *ops;
};

struct disk_ops {
    enum err (*open)(struct disk *d, const char *path, unsigned flags, struct file **out);
    enum err (*rename)(struct disk *d, const char *from, const char *to); /* replaces `to` */
    enum err (*unlink)(struct disk *d, const char *path);
    enum err (*mkdir)(struct disk *d, const char *path); /* existing: ERR_OK */
    enum err (*sync_dir)(struct disk *d, const char *path);
    /* Calls `each` for every entry but "." and ".."; names are borrowed for the call. */
    enum err (*list)(struct disk *d, const char *path, void (*each)(void *ctx, const char *name), void *ctx);
    enum err (*exists)(struct disk *d, const char *path, bool *out);
    enum err (*free_bytes)(struct disk *d, uint64_t *out_free, uint64_t *out_total);
    void (*close)(struct disk *d);
};
struct disk {
    const struct disk_ops *ops;
};

/* The real disk below `root` (made when absent). Caller ends it with disk_close(). */
NODISCARD enum err disk_real_open(const char *root, struct disk **out);

static inline void disk_close(struct disk *d) { if (d) d->ops->close(d); }
static inline enum err disk_open(struct disk *d, const char *path, unsigned flags, struct file **out) {
    return d->ops->open(d, path, flags, out);
}
static inline enum err disk_rename(struct disk *d, const char *from, const char *to) {
    return d->ops->rename(d, from, to);
}
static inline enum err disk_unlink(struct disk *d, const char *path) { return d->ops->unlink(d, path); }
static inline enum err disk_mkdir(struct disk *d, const char *path) { return d->ops->mkdir(d, path); }
static inline enum err disk_sync_dir(struct disk *d, const char *path) { return d->ops->sync_dir(d, path); }
static inline enum err disk_list(struct disk *d, const char *path, void (*each)(void *, const char *), void *ctx) {
    return d->ops->list(d, path, each, ctx);
}
static inline enum err disk_exists(struct disk *d, const char *path, bool *out) {
    return d->ops->exists(d, path, out);
}
static inline enum err disk_free_bytes(struct disk *d, uint64_t *out_free, uint64_t *out_total) {
    return d->ops->free_bytes(d, out_free, out_total);
}
static inline enum err file_read(struct file *f, void *to, size_t n, uint64_t offset, size_t *out_n) {
    return f->ops->read(f, to, n, offset, out_n);
}
/* All `n` bytes or ERR_CORRUPT ("the file is shorter than it says"). */
NODISCARD enum err file_read_all(struct file *f, void *to, size_t n, uint64_t offset);
static inline enum err file_write(struct file *f, const void *p, size_t n, uint64_t offset) {
    return f->ops->write(f, p, n, offset);
}
static inline enum err file_sync(struct file *f) { return f->ops->sync(f); }
static inline enum err file_truncate(struct file *f, uint64_t n) { return f->ops->truncate(f, n); }
static inline enum err file_allocate(struct file *f, uint64_t n) { return f->ops->allocate(f, n); }
static inline enum err file_size(struct file *f, uint64_t *out) { return f->ops->size(f, out); }
static inline void file_close(struct file *f) { if (f) f->ops->close(f); }
static inline void file_auto_ptr(struct file **f) { file_close(*f); }
/* errno of this thread's last failed call, for the operator's log line. */
int file_errno(void);
void file_errno_set(int code);
