#pragma once
#include "base/buf.h"
#include <stdint.h>
/* Own counters, listed in stat.def. Any thread; add per batch, not per line. */
enum stat_id {
#define STAT(id, name, kind, help) STAT_##id,
#include "base/stat.def"
#undef STAT
    STAT_COUNT_
};
void stat_add(enum stat_id id, int64_t n);
void stat_set(enum stat_id id, int64_t v);
int64_t stat_get(enum stat_id id);
/* Prometheus text exposition format 0.0.4 of all of them. */
void stat_print(struct buf *out);
