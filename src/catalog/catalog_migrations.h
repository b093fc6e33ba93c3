#pragma once
#include <stddef.h>
/*
 * The catalog's schema as numbered steps: step n brings a database of version n to n + 1 (SQLite's
 * user_version). Steps are never changed once released, only added. Each runs in one transaction.
 */
extern const char *const catalog_migrations[];
extern const size_t catalog_migration_count;
