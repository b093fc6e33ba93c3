#pragma once
#include "base/buf.h"
#include "base/file.h"
#include "model/table.h"
/*
 * The catalog: what segments exist, up to which journal position rows are in them, deletes in force, and
 * small settings. One SQLite database (catalog_sqlite.c) with one connection, synchronous=FULL, on a VFS that
 * is our file seam (sqlite_vfs.c), so that power-cut tests cover it. PostgreSQL later.
 *
 * Threads: any; calls are serialised inside, so a callback must not call the catalog.
 * Every change is one transaction, durable when the call returns ERR_OK and undone when it returns anything
 * else. Only "the outcome is not known" (ERR_UNAVAILABLE, after the disk refused a sync and the catalog could
 * not be opened again) leaves it open: read the manifest again once it answers. Errors: ERR_UNAVAILABLE when
 * the disk is full (try again), ERR_IO, ERR_CORRUPT, ERR_CONFLICT (see catalog_commit).
 */
struct catalog;

/* `path` below the disk's root, e.g. "catalog.sqlite". ERR_UNSUPPORTED: written by a newer sonde. */
NODISCARD enum err catalog_open(struct disk *disk, const char *path, struct err_text *why,
                                struct catalog **out);
void catalog_close(struct catalog *c);

enum { CATALOG_VALUE_BYTES_MAX = 1 << 20 };

struct manifest_segment {
    uint64_t id; /* names the file; never used again */
    enum table table;
    uint32_t level; /* 0: flushed blocks, 1: merged, 2: final */
    bool late;      /* its rows are not all of one window */
    int64_t window_start_ns, window_end_ns;
    int64_t time_min_ns, time_max_ns;
    int64_t received_max_ms;
    uint64_t rows, blocks, size_bytes, raw_bytes;
    uint64_t position_min, position_max; /* of the journal frames its rows came in */
    uint64_t deletes_applied;            /* id of the last delete its rows have been through */
    uint32_t format;                     /* incompat bits */
};
struct manifest_delete {
    uint64_t id; /* grows */
    enum table table;
    struct str predicate;
    int64_t time_from_ns, time_to_ns;
    uint64_t position; /* rows of frames up to here */
};
struct manifest_change {
    const struct manifest_segment *add;
    size_t add_count;
    const uint64_t *remove;
    size_t remove_count;
    uint64_t trimmed_position;                /* 0: as before; never goes back */
    const struct manifest_delete *add_delete; /* at most one */
    const uint64_t *remove_delete;
    size_t remove_delete_count;
};
/* ERR_CONFLICT: adds an id that is there, or removes one that is not. */
NODISCARD enum err catalog_commit(struct catalog *c, const struct manifest_change *m, struct err_text *why);
/* Ids for files to be written; unused ones are lost, never reused, also over restarts. */
NODISCARD enum err catalog_reserve_ids(struct catalog *c, uint32_t count, uint64_t *out_first,
                                       struct err_text *why);
NODISCARD enum err catalog_segments(struct catalog *c,
                                    void (*each)(void *ctx, const struct manifest_segment *s), void *ctx,
                                    struct err_text *why);
NODISCARD enum err catalog_deletes(struct catalog *c,
                                   void (*each)(void *ctx, const struct manifest_delete *d), void *ctx,
                                   struct err_text *why);
NODISCARD enum err catalog_trimmed_position(struct catalog *c, uint64_t *out, struct err_text *why);
/* Small named documents (saved views, cluster uuid), at most CATALOG_VALUE_BYTES_MAX (else ERR_LIMIT). `out`
 * is appended to; ERR_NOT_FOUND. An empty value removes. */
NODISCARD enum err catalog_setting(struct catalog *c, struct str name, struct buf *out, struct err_text *why);
NODISCARD enum err catalog_set_setting(struct catalog *c, struct str name, struct str value,
                                       struct err_text *why);
NODISCARD enum err catalog_settings(struct catalog *c, struct str prefix,
                                    void (*each)(void *ctx, struct str name, struct str value), void *ctx,
                                    struct err_text *why);
/* SQLite's write-ahead log into the main file; for measuring and for a clean stop. */
NODISCARD enum err catalog_checkpoint(struct catalog *c, struct err_text *why);
