#include "model/table.h"

const struct table_info table_infos[TABLE_COUNT] = {
    [TABLE_LOGS] = { "logs", 8192, 3600ll * 1000000000, true },
    [TABLE_DEAD_LETTERS] = { "dead_letters", 8192, 3600ll * 1000000000, true },
    [TABLE_SPANS] = { "spans", 1024, 3600ll * 1000000000, false },
    [TABLE_EVENTS] = { "events", 8192, 3600ll * 1000000000, false },
    [TABLE_SAMPLES] = { "samples", 8192, 7200ll * 1000000000, false },
};

bool table_find(struct str name, enum table *out) {
    for (unsigned i = 0; i < TABLE_COUNT; i++)
        if (table_infos[i].in_use && str_eq(name, str_of(table_infos[i].name))) {
            *out = (enum table)i;
            return true;
        }
    return false;
}
