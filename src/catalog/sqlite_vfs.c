/*
 * The file methods of SQLite (https://www.sqlite.org/vfs.html) on base/file.h.
 *
 * What SQLite leaves to us and what a power cut would show: a file's name is synced with its first sync (it
 * may be new), and a removed name where SQLite asks for it. No device guarantees are claimed beyond what the
 * disk seam promises, so SQLite pads commits to whole sectors.
 */
#include "catalog/sqlite_vfs.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/heap.h"
#include "base/random.h"
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>

enum { SECTOR_BYTES = 4096, PATH_BYTES_MAX = 512 };

struct sqlite_vfs {
    sqlite3_vfs base;
    struct disk *disk;
    char name[32];
    bool failed;
};
struct vfs_file {
    sqlite3_file base; /* first: SQLite's view */
    struct sqlite_vfs *vfs;
    struct file *io;
    bool entry_synced;
    bool failed;
    char folder[PATH_BYTES_MAX];
};

static struct vfs_file *file_of(sqlite3_file *f) {
    return (struct vfs_file *)f;
}
static struct sqlite_vfs *vfs_of(sqlite3_vfs *v) {
    return (struct sqlite_vfs *)v;
}

static void folder_of(const char *path, char out[PATH_BYTES_MAX]) {
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    memcpy(out, path, n);
    out[n] = '\0';
}

/* ---- files
 * ------------------------------------------------------------------------------------------------- */

static int on_close(sqlite3_file *file) {
    file_close(STEAL(file_of(file)->io));
    return SQLITE_OK;
}

static int on_read(sqlite3_file *file, void *to, int n, sqlite3_int64 offset) {
    size_t got = 0;
    if (file_read(file_of(file)->io, to, (size_t)n, (uint64_t)offset, &got) != ERR_OK)
        return SQLITE_IOERR_READ;
    if (got == (size_t)n)
        return SQLITE_OK;
    memset((char *)to + got, 0, (size_t)n - got);
    return SQLITE_IOERR_SHORT_READ;
}

static int refused(struct vfs_file *f, int code) {
    f->failed = f->vfs->failed = true;
    return code;
}

static int on_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 offset) {
    struct vfs_file *f = file_of(file);
    if (f->failed)
        return SQLITE_IOERR_WRITE;
    switch (file_write(f->io, p, (size_t)n, (uint64_t)offset)) {
    case ERR_OK: return SQLITE_OK;
    case ERR_LIMIT: return SQLITE_FULL; /* nothing is lost: SQLite rolls back, the file stays good */
    default: return refused(f, SQLITE_IOERR_WRITE);
    }
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size_bytes) {
    struct vfs_file *f = file_of(file);
    if (f->failed || file_truncate(f->io, (uint64_t)size_bytes) != ERR_OK)
        return refused(f, SQLITE_IOERR_TRUNCATE);
    return SQLITE_OK;
}

static int on_sync(sqlite3_file *file, int flags UNUSED) {
    struct vfs_file *f = file_of(file);
    if (f->failed || file_sync(f->io) != ERR_OK)
        return refused(f, SQLITE_IOERR_FSYNC);
    if (!f->entry_synced && disk_sync_dir(f->vfs->disk, f->folder) != ERR_OK)
        return refused(f, SQLITE_IOERR_DIR_FSYNC);
    f->entry_synced = true;
    return SQLITE_OK;
}

static int on_file_size(sqlite3_file *file, sqlite3_int64 *out) {
    uint64_t size_bytes;
    if (file_size(file_of(file)->io, &size_bytes) != ERR_OK)
        return SQLITE_IOERR_FSTAT;
    *out = (sqlite3_int64)size_bytes;
    return SQLITE_OK;
}

static int on_lock(sqlite3_file *file UNUSED, int level UNUSED) {
    return SQLITE_OK;
}

static int on_check_reserved(sqlite3_file *file UNUSED, int *out) {
    *out = 0;
    return SQLITE_OK;
}

static int on_file_control(sqlite3_file *file UNUSED, int op UNUSED, void *arg UNUSED) {
    return SQLITE_NOTFOUND;
}
static int on_sector_size(sqlite3_file *file UNUSED) {
    return SECTOR_BYTES;
}
static int on_characteristics(sqlite3_file *file UNUSED) {
    return 0;
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 1, /* without shared memory and mapping */
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_file_size,
    .xLock = on_lock,
    .xUnlock = on_lock,
    .xCheckReservedLock = on_check_reserved,
    .xFileControl = on_file_control,
    .xSectorSize = on_sector_size,
    .xDeviceCharacteristics = on_characteristics,
};

/* ---- the file system
 * --------------------------------------------------------------------------------------- */

static int on_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags) {
    struct vfs_file *f = file_of(file);
    *f = (struct vfs_file){ .vfs = vfs_of(vfs) };
    if (!path || strlen(path) >= PATH_BYTES_MAX) /* no name: a temporary file, and those live in memory */
        return SQLITE_CANTOPEN;
    unsigned how = (flags & SQLITE_OPEN_READWRITE ? FILE_WRITE : 0) |
                   (flags & SQLITE_OPEN_CREATE ? FILE_CREATE : 0) |
                   (flags & SQLITE_OPEN_EXCLUSIVE ? FILE_EXCL : 0);
    if (disk_open(f->vfs->disk, path, how, &f->io) != ERR_OK)
        return SQLITE_CANTOPEN;
    folder_of(path, f->folder);
    f->base.pMethods = &file_methods;
    if (out_flags)
        *out_flags = flags;
    return SQLITE_OK;
}

static int on_delete(sqlite3_vfs *vfs, const char *path, int sync_folder) {
    struct disk *disk = vfs_of(vfs)->disk;
    enum err e = disk_unlink(disk, path);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE;
    char folder[PATH_BYTES_MAX];
    folder_of(path, folder);
    return sync_folder && disk_sync_dir(disk, folder) != ERR_OK ? SQLITE_IOERR_DIR_FSYNC : SQLITE_OK;
}

static int on_access(sqlite3_vfs *vfs, const char *path, int flags UNUSED, int *out) {
    bool exists = false;
    if (disk_exists(vfs_of(vfs)->disk, path, &exists) != ERR_OK)
        return SQLITE_IOERR_ACCESS;
    *out = exists;
    return SQLITE_OK;
}

static int on_full_path(sqlite3_vfs *vfs UNUSED, const char *path, int room, char *out) {
    size_t n = strlen(path) + 1;
    if (n > (size_t)room)
        return SQLITE_CANTOPEN;
    memcpy(out, path, n);
    return SQLITE_OK;
}

static int on_randomness(sqlite3_vfs *vfs UNUSED, int n, char *out) {
    for (int at = 0; at < n;) {
        uint64_t v = random_seed_real();
        int part = n - at < (int)sizeof v ? n - at : (int)sizeof v;
        memcpy(out + at, &v, (size_t)part);
        at += part;
    }
    return n;
}

static int on_sleep(sqlite3_vfs *vfs UNUSED, int us UNUSED) {
    return 0;
} /* nobody to wait for */

static int on_time(sqlite3_vfs *vfs UNUSED, sqlite3_int64 *out) {
    static const sqlite3_int64 julian_1970_ms = 210866760000000;
    *out = julian_1970_ms + clock_now_ns(&clock_real) / NS_PER_MS;
    return SQLITE_OK;
}

static int on_last_error(sqlite3_vfs *vfs UNUSED, int n UNUSED, char *out UNUSED) {
    return file_errno();
}

enum err sqlite_vfs_new(struct disk *disk, struct sqlite_vfs **out) {
    static _Atomic unsigned made;
    struct sqlite_vfs *v = HEAP_NEW(struct sqlite_vfs);
    v->disk = disk;
    (void)snprintf(v->name, sizeof v->name, "sonde-%u", atomic_fetch_add(&made, 1));
    v->base = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = sizeof(struct vfs_file),
        .mxPathname = PATH_BYTES_MAX - 16, /* SQLite appends its own endings */
        .zName = v->name,
        .xOpen = on_open,
        .xDelete = on_delete,
        .xAccess = on_access,
        .xFullPathname = on_full_path,
        .xRandomness = on_randomness,
        .xSleep = on_sleep,
        .xGetLastError = on_last_error,
        .xCurrentTimeInt64 = on_time,
    };
    if (sqlite3_vfs_register(&v->base, 0) != SQLITE_OK) {
        heap_free(v);
        return ERR_LIMIT;
    }
    *out = v;
    return ERR_OK;
}

void sqlite_vfs_free(struct sqlite_vfs *v) {
    if (!v)
        return;
    (void)sqlite3_vfs_unregister(&v->base);
    heap_free(v);
}

const char *sqlite_vfs_name(const struct sqlite_vfs *v) {
    return v->name;
}
bool sqlite_vfs_failed(const struct sqlite_vfs *v) {
    return v->failed;
}
void sqlite_vfs_renew(struct sqlite_vfs *v) {
    v->failed = false;
}
