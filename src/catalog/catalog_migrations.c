#include "catalog/catalog_migrations.h"
#include "base/attr.h"

const char *const catalog_migrations[] = {
    /* 0 -> 1 */
    "CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO counter VALUES ('generation', 0), ('next_id', 1), ('trimmed_position', 0);"
    "CREATE TABLE segment ("
    "  id INTEGER PRIMARY KEY, table_id INTEGER NOT NULL, level INTEGER NOT NULL, late INTEGER NOT NULL,"
    "  window_start_ns INTEGER NOT NULL, window_end_ns INTEGER NOT NULL,"
    "  time_min_ns INTEGER NOT NULL, time_max_ns INTEGER NOT NULL, received_max_ms INTEGER NOT NULL,"
    "  row_count INTEGER NOT NULL, block_count INTEGER NOT NULL, size_bytes INTEGER NOT NULL,"
    "  raw_bytes INTEGER NOT NULL, position_min INTEGER NOT NULL, position_max INTEGER NOT NULL,"
    "  deletes_applied INTEGER NOT NULL, format INTEGER NOT NULL);"
    "CREATE TABLE deletion ("
    "  id INTEGER PRIMARY KEY, table_id INTEGER NOT NULL, predicate BLOB NOT NULL,"
    "  time_from_ns INTEGER NOT NULL, time_to_ns INTEGER NOT NULL, position INTEGER NOT NULL);"
    "CREATE TABLE setting (name BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;",
};
const size_t catalog_migration_count = COUNT_OF(catalog_migrations);
