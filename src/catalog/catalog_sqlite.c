/*
 * The catalog on SQLite: one connection, write-ahead log, synchronous=FULL, exclusive (so no shared memory).
 * Debian 12's SQLite 3.40.1 has a fault with two connections that write and checkpoint at once; there is only
 * one.
 *
 * A refused sync. The kernel says it once and may have dropped the pages while readers still see them. SQLite
 * rolls the transaction back, but the frames in its log may or may not be on the disk, and a later commit
 * behind them would be lost with them. So the connection is closed and opened anew, and opening always
 * rewrites a log that it finds: copied to a new file, synced, renamed over the old. What readers saw is then
 * on the disk. Whether the refused transaction is part of it shows in `generation`, a counter that each
 * transaction raises: then the answer is again either "durable" or "undone".
 *
 * sqlite3.h is included here and in sqlite_vfs.c, nowhere else.
 */
#include "base/assert.h"
#include "base/heap.h"
#include "base/thread.h"
#include "catalog/catalog.h"
#include "catalog/catalog_migrations.h"
#include "catalog/sqlite_vfs.h"
#include <sqlite3.h>
#include <stdio.h>

enum { CACHE_KIB = 512, COPY_STEP_BYTES = 64 << 10, PATH_BYTES_MAX = 256 };
static const int APPLICATION_ID = 0x534e4445; /* "SNDE" */

#define SEGMENT_COLUMNS                                                                                      \
    "id, table_id, level, late, window_start_ns, window_end_ns, time_min_ns, time_max_ns, received_max_ms, " \
    "row_count, block_count, size_bytes, raw_bytes, position_min, position_max, deletes_applied, format"
enum { SEGMENT_COLUMN_COUNT = 17 };

/* Prepared once for each connection. */
enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    COUNTER_GET,
    COUNTER_SET,
    SEGMENT_ADD,
    SEGMENT_REMOVE,
    SEGMENT_LIST,
    DELETION_ADD,
    DELETION_REMOVE,
    DELETION_LIST,
    SETTING_GET,
    SETTING_SET,
    SETTING_REMOVE,
    SETTING_LIST,
    STATEMENT_COUNT
};
static const char *const statement_texts[STATEMENT_COUNT] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [COUNTER_GET] = "SELECT value FROM counter WHERE name = ?1",
    [COUNTER_SET] = "UPDATE counter SET value = ?2 WHERE name = ?1",
    [SEGMENT_ADD] = "INSERT INTO segment (" SEGMENT_COLUMNS ") "
                    "VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)",
    [SEGMENT_REMOVE] = "DELETE FROM segment WHERE id = ?1",
    [SEGMENT_LIST] = "SELECT " SEGMENT_COLUMNS " FROM segment ORDER BY id",
    [DELETION_ADD] = ("INSERT INTO deletion (id, table_id, time_from_ns, time_to_ns, position, predicate) "
                      "VALUES (?1,?2,?3,?4,?5,?6)"),
    [DELETION_REMOVE] = "DELETE FROM deletion WHERE id = ?1",
    [DELETION_LIST] =
        "SELECT id, table_id, time_from_ns, time_to_ns, position, predicate FROM deletion ORDER BY id",
    [SETTING_GET] = "SELECT value FROM setting WHERE name = ?1",
    [SETTING_SET] =
        "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    [SETTING_REMOVE] = "DELETE FROM setting WHERE name = ?1",
    [SETTING_LIST] = "SELECT name, value FROM setting WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name",
};

struct catalog {
    struct disk *disk;         /* set at open, then read-only */
    char path[PATH_BYTES_MAX]; /* set at open, then read-only */
    pthread_mutex_t lock;      /* guards all below */
    struct sqlite_vfs *vfs;
    sqlite3 *db; /* NULL: could not be opened again */
    sqlite3_stmt *statements[STATEMENT_COUNT];
};

/* ---- SQLite's codes and statements
 * -------------------------------------------------------------------------- */

static enum err err_of(int code) {
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return ERR_OK;
    case SQLITE_FULL: return ERR_UNAVAILABLE;
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG: return ERR_LIMIT;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return ERR_CORRUPT;
    case SQLITE_CONSTRAINT: return ERR_CONFLICT;
    default: return ERR_IO;
    }
}

static enum err say(const struct catalog *c, int code, struct err_text *why) {
    return err_say(why, err_of(code), "%s: %s", c->path,
                   c->db ? sqlite3_errmsg(c->db) : sqlite3_errstr(code));
}

static enum err execute(struct catalog *c, const char *sql, struct err_text *why) {
    int code = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? ERR_OK : say(c, code, why);
}

static sqlite3_stmt *statement(struct catalog *c, enum statement which, const int64_t *values, int count) {
    sqlite3_stmt *s = c->statements[which];
    for (int i = 0; i < count; i++)
        (void)sqlite3_bind_int64(s, i + 1, values[i]); /* fails only for an index that does not exist */
    return s;
}

static void bind_bytes(sqlite3_stmt *s, int index, struct str v) {
    (void)sqlite3_bind_blob64(s, index, v.n ? v.p : "", v.n, SQLITE_STATIC);
}

static struct str column_bytes(sqlite3_stmt *s, int index) {
    const char *p = sqlite3_column_blob(s, index);
    return (struct str){ p, (size_t)sqlite3_column_bytes(s, index) };
}

/* Runs a statement that gives no rows. */
static enum err run(struct catalog *c, sqlite3_stmt *s, struct err_text *why) {
    int code = sqlite3_step(s);
    enum err e = code == SQLITE_DONE ? ERR_OK : say(c, code, why);
    (void)sqlite3_reset(s); /* repeats the step's error */
    (void)sqlite3_clear_bindings(s);
    return e;
}

/* Runs one that gives rows. */
static enum err run_rows(struct catalog *c, sqlite3_stmt *s, void (*row)(void *ctx, sqlite3_stmt *s),
                         void *ctx, struct err_text *why) {
    int code;
    while ((code = sqlite3_step(s)) == SQLITE_ROW)
        row(ctx, s);
    enum err e = code == SQLITE_DONE ? ERR_OK : say(c, code, why);
    (void)sqlite3_reset(s);
    (void)sqlite3_clear_bindings(s);
    return e;
}

static void row_int(void *ctx, sqlite3_stmt *s) {
    *(int64_t *)ctx = sqlite3_column_int64(s, 0);
}

static enum err counter_get(struct catalog *c, const char *name, uint64_t *out, struct err_text *why) {
    int64_t value = -1;
    sqlite3_stmt *s = c->statements[COUNTER_GET];
    (void)sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    TRY(run_rows(c, s, row_int, &value, why));
    if (value < 0)
        return err_say(why, ERR_CORRUPT, "%s: the counter %s is missing", c->path, name);
    *out = (uint64_t)value;
    return ERR_OK;
}

static enum err counter_set(struct catalog *c, const char *name, uint64_t value, struct err_text *why) {
    sqlite3_stmt *s = c->statements[COUNTER_SET];
    (void)sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 2, (int64_t)value);
    return run(c, s, why);
}

/* ---- opening
 * ------------------------------------------------------------------------------------------------ */

static enum err file_copy(struct file *from, struct file *to, uint64_t size_bytes) {
    char *step = heap_alloc(COPY_STEP_BYTES);
    enum err e = ERR_OK;
    for (uint64_t at = 0; at < size_bytes && e == ERR_OK;) {
        size_t n = size_bytes - at < COPY_STEP_BYTES ? (size_t)(size_bytes - at) : COPY_STEP_BYTES;
        e = file_read_all(from, step, n, at);
        if (e == ERR_OK)
            e = file_write(to, step, n, at);
        at += n;
    }
    heap_free(step);
    return e;
}

static enum err wal_copy(struct catalog *c, struct file *from, uint64_t size_bytes, const char *to_path) {
    AUTO_PTR(file) to = NULL;
    TRY(disk_open(c->disk, to_path, FILE_WRITE | FILE_CREATE, &to));
    TRY(file_truncate(to, 0));
    TRY(file_copy(from, to, size_bytes));
    return file_sync(to);
}

/* What the log shows may be only in the kernel's memory (see above): puts it on the disk through a new file.
 */
static enum err wal_rewrite(struct catalog *c) {
    char path[PATH_BYTES_MAX + 8], copy[PATH_BYTES_MAX + 8], folder[PATH_BYTES_MAX] = "";
    (void)snprintf(path, sizeof path, "%s-wal", c->path);
    (void)snprintf(copy, sizeof copy, "%s-new", c->path);
    const char *slash = strrchr(c->path, '/');
    if (slash)
        memcpy(folder, c->path, (size_t)(slash - c->path));
    AUTO_PTR(file) from = NULL;
    uint64_t size_bytes = 0;
    enum err e = disk_open(c->disk, path, FILE_READ, &from);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    TRY(file_size(from, &size_bytes));
    if (size_bytes == 0)
        return ERR_OK;
    TRY(wal_copy(c, from, size_bytes, copy));
    TRY(disk_rename(c->disk, copy, path));
    return disk_sync_dir(c->disk, folder);
}

static enum err pragma_int(struct catalog *c, const char *sql, int64_t *out, struct err_text *why) {
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(c->db, sql, -1, &s, NULL);
    enum err e = code == SQLITE_OK ? run_rows(c, s, row_int, out, why) : say(c, code, why);
    (void)sqlite3_finalize(s);
    return e;
}

static enum err migrate(struct catalog *c, struct err_text *why) {
    int64_t version = 0, application = 0, objects = 0;
    TRY(pragma_int(c, "PRAGMA user_version", &version, why));
    TRY(pragma_int(c, "PRAGMA application_id", &application, why));
    TRY(pragma_int(c, "SELECT count(*) FROM sqlite_master", &objects, why));
    if (objects > 0 && application != APPLICATION_ID)
        return err_say(why, ERR_INVALID, "%s is a database, but not sonde's", c->path);
    if (version < 0 || (uint64_t)version > catalog_migration_count)
        return err_say(
            why, ERR_UNSUPPORTED,
            "%s was written by a newer sonde (catalog version %lld; this one knows up to %zu): start that "
            "version again, or restore a backup",
            c->path, (long long)version, catalog_migration_count);
    for (size_t step = (size_t)version; step < catalog_migration_count; step++) {
        char done[128];
        (void)snprintf(done, sizeof done, "PRAGMA application_id = %d; PRAGMA user_version = %zu; COMMIT",
                       APPLICATION_ID, step + 1);
        TRY(execute(c, "BEGIN IMMEDIATE", why));
        TRY(execute(c, catalog_migrations[step], why));
        TRY(execute(c, done, why));
    }
    return ERR_OK;
}

static enum err prepare_all(struct catalog *c, struct err_text *why) {
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        int code = sqlite3_prepare_v3(c->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                      &c->statements[i], NULL);
        if (code != SQLITE_OK)
            return say(c, code, why);
    }
    return ERR_OK;
}

static enum err set_up(struct catalog *c, struct err_text *why) {
    char sql[320];
    (void)snprintf(sql, sizeof sql,
                   "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                   "PRAGMA cache_size = -%d; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 256;"
                   "PRAGMA journal_size_limit = 1048576; PRAGMA trusted_schema = OFF",
                   CACHE_KIB);
    TRY(execute(c, sql, why));
    TRY(migrate(c, why));
    return prepare_all(c, why);
}

/* `sync_refused`: SQLite must not touch the files any more. */
static void disconnect(struct catalog *c, bool sync_refused) {
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        (void)sqlite3_finalize(c->statements[i]); /* repeats an old error */
        c->statements[i] = NULL;
    }
    if (sync_refused && c->db)
        (void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    int code = sqlite3_close(c->db);
    ASSERT(code == SQLITE_OK);
    c->db = NULL;
}

static enum err connect(struct catalog *c, struct err_text *why) {
    ASSERT(c->db == NULL);
    sqlite_vfs_renew(c->vfs);
    enum err e = wal_rewrite(c);
    if (e != ERR_OK)
        return err_say(why, e == ERR_LIMIT ? ERR_UNAVAILABLE : e, "%s: the log cannot be rewritten", c->path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(c->path, &c->db, flags, sqlite_vfs_name(c->vfs));
    e = code == SQLITE_OK ? set_up(c, why) : say(c, code, why);
    if (e != ERR_OK)
        disconnect(c, true);
    return e;
}

enum err catalog_open(struct disk *disk, const char *path, struct err_text *why, struct catalog **out) {
    if (strlen(path) >= PATH_BYTES_MAX)
        return err_say(why, ERR_INVALID, "the catalog's path is too long");
    struct catalog *c = HEAP_NEW(struct catalog);
    c->disk = disk;
    memcpy(c->path, path, strlen(path));
    enum err e = sqlite_vfs_new(disk, &c->vfs);
    if (e != ERR_OK) {
        heap_free(c);
        return err_say(why, e, "SQLite takes no file system");
    }
    (void)pthread_mutex_init(&c->lock, NULL);
    e = connect(c, why);
    if (e != ERR_OK)
        catalog_close(c);
    else
        *out = c;
    return e;
}

void catalog_close(struct catalog *c) {
    if (!c)
        return;
    disconnect(c, sqlite_vfs_failed(c->vfs));
    sqlite_vfs_free(c->vfs);
    (void)pthread_mutex_destroy(&c->lock);
    heap_free(c);
}

/* A working connection; the lock is held. */
static enum err ready(struct catalog *c, struct err_text *why) {
    if (c->db && !sqlite_vfs_failed(c->vfs))
        return ERR_OK;
    disconnect(c, true);
    return connect(c, why);
}

/* ---- transactions
 * ------------------------------------------------------------------------------------------- */

/* A change: runs inside one transaction, the lock held. */
typedef enum err (*change_fn)(struct catalog *c, const void *arg, void *out, struct err_text *why);

static enum err change_run(struct catalog *c, change_fn change, const void *arg, void *out,
                           uint64_t generation, struct err_text *why) {
    TRY(run(c, c->statements[BEGIN], why));
    enum err e = change(c, arg, out, why);
    if (e == ERR_OK)
        e = counter_set(c, "generation", generation, why);
    if (e == ERR_OK)
        e = run(c, c->statements[COMMIT], why);
    if (e != ERR_OK && !sqlite3_get_autocommit(c->db))
        ERR_IGNORE(run(c, c->statements[ROLLBACK], NULL), "a connection that cannot is renewed");
    return e;
}

/* The disk refused something on the way: which of the two is it now? */
static enum err outcome(struct catalog *c, uint64_t generation, enum err failure, struct err_text *why) {
    uint64_t found = 0;
    struct err_text ignored;
    if (ready(c, &ignored) != ERR_OK || counter_get(c, "generation", &found, &ignored) != ERR_OK)
        return err_say(why, ERR_UNAVAILABLE, "%s: the disk refused a write, and the outcome is not known",
                       c->path);
    return found == generation ? ERR_OK : failure;
}

static enum err transaction(struct catalog *c, change_fn change, const void *arg, void *out,
                            struct err_text *why) {
    LOCKED(&c->lock);
    TRY(ready(c, why));
    uint64_t generation;
    TRY(counter_get(c, "generation", &generation, why));
    enum err e = change_run(c, change, arg, out, generation + 1, why);
    return e != ERR_OK && sqlite_vfs_failed(c->vfs) ? outcome(c, generation + 1, e, why) : e;
}

/* ---- the manifest
 * ------------------------------------------------------------------------------------------- */

static void segment_values(const struct manifest_segment *s, int64_t out[SEGMENT_COLUMN_COUNT]) {
    const int64_t values[SEGMENT_COLUMN_COUNT] = {
        (int64_t)s->id,
        s->table,
        s->level,
        s->late,
        s->window_start_ns,
        s->window_end_ns,
        s->time_min_ns,
        s->time_max_ns,
        s->received_max_ms,
        (int64_t)s->rows,
        (int64_t)s->blocks,
        (int64_t)s->size_bytes,
        (int64_t)s->raw_bytes,
        (int64_t)s->position_min,
        (int64_t)s->position_max,
        (int64_t)s->deletes_applied,
        s->format,
    };
    memcpy(out, values, sizeof values);
}

static struct manifest_segment segment_of(const int64_t v[SEGMENT_COLUMN_COUNT]) {
    return (struct manifest_segment){
        .id = (uint64_t)v[0],
        .table = (enum table)v[1],
        .level = (uint32_t)v[2],
        .late = v[3] != 0,
        .window_start_ns = v[4],
        .window_end_ns = v[5],
        .time_min_ns = v[6],
        .time_max_ns = v[7],
        .received_max_ms = v[8],
        .rows = (uint64_t)v[9],
        .blocks = (uint64_t)v[10],
        .size_bytes = (uint64_t)v[11],
        .raw_bytes = (uint64_t)v[12],
        .position_min = (uint64_t)v[13],
        .position_max = (uint64_t)v[14],
        .deletes_applied = (uint64_t)v[15],
        .format = (uint32_t)v[16],
    };
}

/* One row must go. */
static enum err remove_by_id(struct catalog *c, enum statement which, uint64_t id, struct err_text *why) {
    TRY(run(c, statement(c, which, (const int64_t[]){ (int64_t)id }, 1), why));
    if (sqlite3_changes(c->db) != 1)
        return err_say(why, ERR_CONFLICT, "%s: nothing has the id %llu", c->path, (unsigned long long)id);
    return ERR_OK;
}

static enum err delete_add(struct catalog *c, const struct manifest_delete *d, struct err_text *why) {
    if (d->predicate.n > CATALOG_VALUE_BYTES_MAX)
        return err_say(why, ERR_LIMIT, "a predicate of more than %d bytes", CATALOG_VALUE_BYTES_MAX);
    const int64_t values[] = { (int64_t)d->id, d->table, d->time_from_ns, d->time_to_ns,
                               (int64_t)d->position };
    sqlite3_stmt *s = statement(c, DELETION_ADD, values, COUNT_OF(values));
    bind_bytes(s, COUNT_OF(values) + 1, d->predicate);
    return run(c, s, why);
}

static enum err manifest_change(struct catalog *c, const void *arg, void *out UNUSED, struct err_text *why) {
    const struct manifest_change *m = arg;
    for (size_t i = 0; i < m->add_count; i++) {
        int64_t values[SEGMENT_COLUMN_COUNT];
        segment_values(&m->add[i], values);
        TRY(run(c, statement(c, SEGMENT_ADD, values, SEGMENT_COLUMN_COUNT), why));
    }
    for (size_t i = 0; i < m->remove_count; i++)
        TRY(remove_by_id(c, SEGMENT_REMOVE, m->remove[i], why));
    if (m->add_delete)
        TRY(delete_add(c, m->add_delete, why));
    for (size_t i = 0; i < m->remove_delete_count; i++)
        TRY(remove_by_id(c, DELETION_REMOVE, m->remove_delete[i], why));
    uint64_t trimmed_position;
    TRY(counter_get(c, "trimmed_position", &trimmed_position, why));
    if (m->trimmed_position <= trimmed_position)
        return ERR_OK;
    return counter_set(c, "trimmed_position", m->trimmed_position, why);
}

enum err catalog_commit(struct catalog *c, const struct manifest_change *m, struct err_text *why) {
    return transaction(c, manifest_change, m, NULL, why);
}

static enum err ids_change(struct catalog *c, const void *arg, void *out, struct err_text *why) {
    uint64_t first, count = *(const uint32_t *)arg;
    TRY(counter_get(c, "next_id", &first, why));
    TRY(counter_set(c, "next_id", first + count, why));
    *(uint64_t *)out = first;
    return ERR_OK;
}

enum err catalog_reserve_ids(struct catalog *c, uint32_t count, uint64_t *out_first, struct err_text *why) {
    uint64_t first = 0;
    TRY(transaction(c, ids_change, &count, &first, why));
    *out_first = first;
    return ERR_OK;
}

struct segment_each {
    void (*each)(void *ctx, const struct manifest_segment *s);
    void *ctx;
};

static void segment_row(void *ctx, sqlite3_stmt *s) {
    const struct segment_each *e = ctx;
    int64_t values[SEGMENT_COLUMN_COUNT];
    for (int i = 0; i < SEGMENT_COLUMN_COUNT; i++)
        values[i] = sqlite3_column_int64(s, i);
    struct manifest_segment segment = segment_of(values);
    e->each(e->ctx, &segment);
}

enum err catalog_segments(struct catalog *c, void (*each)(void *ctx, const struct manifest_segment *s),
                          void *ctx, struct err_text *why) {
    LOCKED(&c->lock);
    TRY(ready(c, why));
    return run_rows(c, c->statements[SEGMENT_LIST], segment_row, &(struct segment_each){ each, ctx }, why);
}

struct delete_each {
    void (*each)(void *ctx, const struct manifest_delete *d);
    void *ctx;
};

static void delete_row(void *ctx, sqlite3_stmt *s) {
    const struct delete_each *e = ctx;
    struct manifest_delete d = {
        .id = (uint64_t)sqlite3_column_int64(s, 0),
        .table = (enum table)sqlite3_column_int64(s, 1),
        .time_from_ns = sqlite3_column_int64(s, 2),
        .time_to_ns = sqlite3_column_int64(s, 3),
        .position = (uint64_t)sqlite3_column_int64(s, 4),
        .predicate = column_bytes(s, 5),
    };
    e->each(e->ctx, &d);
}

enum err catalog_deletes(struct catalog *c, void (*each)(void *ctx, const struct manifest_delete *d),
                         void *ctx, struct err_text *why) {
    LOCKED(&c->lock);
    TRY(ready(c, why));
    return run_rows(c, c->statements[DELETION_LIST], delete_row, &(struct delete_each){ each, ctx }, why);
}

enum err catalog_trimmed_position(struct catalog *c, uint64_t *out, struct err_text *why) {
    LOCKED(&c->lock);
    TRY(ready(c, why));
    return counter_get(c, "trimmed_position", out, why);
}

/* ---- settings
 * ----------------------------------------------------------------------------------------------- */

struct setting {
    struct str name, value;
};

static enum err setting_change(struct catalog *c, const void *arg, void *out UNUSED, struct err_text *why) {
    const struct setting *v = arg;
    sqlite3_stmt *s = c->statements[v->value.n ? SETTING_SET : SETTING_REMOVE];
    bind_bytes(s, 1, v->name);
    if (v->value.n)
        bind_bytes(s, 2, v->value);
    return run(c, s, why);
}

enum err catalog_set_setting(struct catalog *c, struct str name, struct str value, struct err_text *why) {
    if (name.n == 0 || name.n > CATALOG_VALUE_BYTES_MAX || value.n > CATALOG_VALUE_BYTES_MAX)
        return err_say(why, ERR_LIMIT, "a setting's name and value have at most %d bytes",
                       CATALOG_VALUE_BYTES_MAX);
    return transaction(c, setting_change, &(struct setting){ name, value }, NULL, why);
}

struct setting_found {
    struct buf *out;
    bool found;
};

static void setting_row(void *ctx, sqlite3_stmt *s) {
    struct setting_found *f = ctx;
    f->found = true;
    buf_add(f->out, column_bytes(s, 0));
}

enum err catalog_setting(struct catalog *c, struct str name, struct buf *out, struct err_text *why) {
    LOCKED(&c->lock);
    TRY(ready(c, why));
    struct setting_found found = { .out = out };
    bind_bytes(c->statements[SETTING_GET], 1, name);
    TRY(run_rows(c, c->statements[SETTING_GET], setting_row, &found, why));
    return found.found ? ERR_OK : err_say(why, ERR_NOT_FOUND, "no setting " STR_FMT, STR_ARG(name));
}

struct setting_each {
    void (*each)(void *ctx, struct str name, struct str value);
    void *ctx;
};

static void setting_each_row(void *ctx, sqlite3_stmt *s) {
    const struct setting_each *e = ctx;
    e->each(e->ctx, column_bytes(s, 0), column_bytes(s, 1));
}

enum err catalog_settings(struct catalog *c, struct str prefix,
                          void (*each)(void *ctx, struct str name, struct str value), void *ctx,
                          struct err_text *why) {
    LOCKED(&c->lock);
    TRY(ready(c, why));
    bind_bytes(c->statements[SETTING_LIST], 1, prefix);
    return run_rows(c, c->statements[SETTING_LIST], setting_each_row, &(struct setting_each){ each, ctx },
                    why);
}

enum err catalog_checkpoint(struct catalog *c, struct err_text *why) {
    LOCKED(&c->lock);
    TRY(ready(c, why));
    return execute(c, "PRAGMA wal_checkpoint(TRUNCATE)", why);
}
