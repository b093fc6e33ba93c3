/* The disk seam on POSIX: pread, pwrite, fdatasync, below one root folder. */
#include "base/file.h"
#include "base/assert.h"
#include "base/heap.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct real_disk {
    struct disk base;
    int root_fd;
};
struct real_file {
    struct file base;
    int fd;
};

static _Thread_local int last_errno;

int file_errno(void) { return last_errno; }
void file_errno_set(int code) { last_errno = code; }

static enum err from_errno(void) {
    last_errno = errno;
    switch (errno) {
    case ENOENT: return ERR_NOT_FOUND;
    case EEXIST: return ERR_CONFLICT;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE: return ERR_LIMIT;
    default: return ERR_IO;
    }
}

static int fd_of(struct file *f) { return ((struct real_file *)f)->fd; }
static int root_of(struct disk *d) { return ((struct real_disk *)d)->root_fd; }
static const char *rel(const char *path) { return path[0] ? path : "."; }

static enum err real_read(struct file *f, void *to, size_t n, uint64_t offset, size_t *out_n) {
    size_t done = 0;
    while (done < n) {
        ssize_t got = pread(fd_of(f), (char *)to + done, n - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return from_errno();
        if (got == 0)
            break;
        done += (size_t)got;
    }
    *out_n = done;
    return ERR_OK;
}

static enum err real_write(struct file *f, const void *p, size_t n, uint64_t offset) {
    size_t done = 0;
    while (done < n) {
        ssize_t put = pwrite(fd_of(f), (const char *)p + done, n - done, (off_t)(offset + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return from_errno();
        done += (size_t)put;
    }
    return ERR_OK;
}

static enum err real_sync(struct file *f) { return fdatasync(fd_of(f)) ? from_errno() : ERR_OK; }

static enum err real_truncate(struct file *f, uint64_t size_bytes) {
    return ftruncate(fd_of(f), (off_t)size_bytes) ? from_errno() : ERR_OK;
}

static enum err real_allocate(struct file *f, uint64_t size_bytes) {
    errno = posix_fallocate(fd_of(f), 0, (off_t)size_bytes);
    return errno ? from_errno() : ERR_OK;
}

static enum err real_size(struct file *f, uint64_t *out_bytes) {
    struct stat st;
    if (fstat(fd_of(f), &st))
        return from_errno();
    *out_bytes = (uint64_t)st.st_size;
    return ERR_OK;
}

static void real_file_close(struct file *f) {
    (void)close(fd_of(f));
    heap_free(f);
}

static const struct file_ops real_file_ops = { real_read,     real_write, real_sync,      real_truncate,
                                               real_allocate, real_size,  real_file_close };

static enum err real_open(struct disk *d, const char *path, unsigned flags, struct file **out) {
    int mode = (flags & FILE_WRITE ? O_RDWR : O_RDONLY) | O_CLOEXEC;
    mode |= (flags & FILE_CREATE ? O_CREAT : 0) | (flags & FILE_EXCL ? O_EXCL : 0);
    int fd = openat(root_of(d), path, mode, 0640);
    if (fd < 0)
        return from_errno();
    struct real_file *f = HEAP_NEW(struct real_file);
    *f = (struct real_file){ { &real_file_ops }, fd };
    *out = &f->base;
    return ERR_OK;
}

static enum err real_rename(struct disk *d, const char *from, const char *to) {
    return renameat(root_of(d), from, root_of(d), to) ? from_errno() : ERR_OK;
}

static enum err real_unlink(struct disk *d, const char *path) {
    return unlinkat(root_of(d), path, 0) ? from_errno() : ERR_OK;
}

static enum err real_mkdir(struct disk *d, const char *path) {
    return mkdirat(root_of(d), path, 0750) && errno != EEXIST ? from_errno() : ERR_OK;
}

static enum err real_sync_dir(struct disk *d, const char *path) {
    int fd = openat(root_of(d), rel(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return from_errno();
    enum err e = fsync(fd) ? from_errno() : ERR_OK;
    (void)close(fd);
    return e;
}

static enum err real_list(struct disk *d, const char *path, void (*each)(void *, const char *), void *ctx) {
    int fd = openat(root_of(d), rel(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return from_errno();
    for (struct dirent *e = readdir(dir); e; e = readdir(dir))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            each(ctx, e->d_name);
    (void)closedir(dir);
    return ERR_OK;
}

static enum err real_exists(struct disk *d, const char *path, bool *out) {
    *out = faccessat(root_of(d), path, F_OK, 0) == 0;
    return *out || errno == ENOENT ? ERR_OK : from_errno();
}

static enum err real_free_bytes(struct disk *d, uint64_t *out_free, uint64_t *out_total) {
    struct statvfs v;
    if (fstatvfs(root_of(d), &v))
        return from_errno();
    *out_free = (uint64_t)v.f_bavail * v.f_frsize;
    *out_total = (uint64_t)v.f_blocks * v.f_frsize;
    return ERR_OK;
}

static void real_disk_close(struct disk *d) {
    (void)close(root_of(d));
    heap_free(d);
}

static const struct disk_ops real_disk_ops = { real_open, real_rename, real_unlink, real_mkdir, real_sync_dir,
                                               real_list, real_exists, real_free_bytes, real_disk_close };

enum err disk_real_open(const char *root, struct disk **out) {
    if (mkdir(root, 0750) && errno != EEXIST)
        return from_errno();
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return from_errno();
    struct real_disk *d = HEAP_NEW(struct real_disk);
    *d = (struct real_disk){ { &real_disk_ops }, fd };
    *out = &d->base;
    return ERR_OK;
}

enum err file_read_all(struct file *f, void *to, size_t n, uint64_t offset) {
    size_t got = 0;
    TRY(file_read(f, to, n, offset, &got));
    return got == n ? ERR_OK : ERR_CORRUPT;
}
