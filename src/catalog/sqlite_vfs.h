#pragma once
#include "base/file.h"
/*
 * SQLite on the disk seam, so that power-cut tests cover the catalog like everything else. One connection at
 * a time, locking_mode=EXCLUSIVE: there are no locks and no shared memory here; that one process owns the
 * data folder is the server's business.
 *
 * After a failed write or sync a file refuses further ones (base/file.h says why): the connection must be
 * closed and opened again, see sqlite_vfs_failed().
 */
struct sqlite_vfs;

/* Registers itself with SQLite. `disk` is borrowed. The caller ends it with sqlite_vfs_free(), after the last
 * connection. */
NODISCARD enum err sqlite_vfs_new(struct disk *disk, struct sqlite_vfs **out);
void sqlite_vfs_free(struct sqlite_vfs *v);
/* The fourth argument of sqlite3_open_v2(). */
const char *sqlite_vfs_name(const struct sqlite_vfs *v);
/* A file of the current connection has refused a write or a sync; cleared by sqlite_vfs_renew(). */
bool sqlite_vfs_failed(const struct sqlite_vfs *v);
/* For a new connection. */
void sqlite_vfs_renew(struct sqlite_vfs *v);
