#pragma once
#include "base/str.h"
/*
 * The tables of a tenant. The numbers are stored: they never change. A table declares how its rows are
 * sorted and cut; a later signal adds a line here, not a second store.
 */
enum table { TABLE_LOGS = 0, TABLE_DEAD_LETTERS = 1, TABLE_SPANS = 2, TABLE_EVENTS = 3, TABLE_SAMPLES = 4, TABLE_COUNT };

struct table_info {
    const char *name;
    uint32_t page_rows;     /* rows a page */
    int64_t window_ns;      /* event-time width of a segment */
    bool in_use;            /* false: reserved, no writer yet */
};
extern const struct table_info table_infos[TABLE_COUNT];
/* False when there is no such table in use. */
NODISCARD bool table_find(struct str name, enum table *out);
