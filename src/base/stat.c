#include "base/stat.h"
#include <stdatomic.h>

static _Atomic int64_t values[STAT_COUNT_];

static const struct {
    const char *name, *kind, *help;
} stats[STAT_COUNT_] = {
#define COUNTER "counter"
#define GAUGE   "gauge"
#define STAT(id, name, kind, help) { name, kind, help },
#include "base/stat.def"
#undef STAT
};

void stat_add(enum stat_id id, int64_t n) { atomic_fetch_add_explicit(&values[id], n, memory_order_relaxed); }
void stat_set(enum stat_id id, int64_t v) { atomic_store_explicit(&values[id], v, memory_order_relaxed); }
int64_t stat_get(enum stat_id id) { return atomic_load_explicit(&values[id], memory_order_relaxed); }

static struct str family(const char *name) {
    const char *brace = strchr(name, '{');
    return brace ? (struct str){ name, (size_t)(brace - name) } : str_of(name);
}

void stat_print(struct buf *out) {
    for (size_t i = 0; i < STAT_COUNT_; i++) {
        struct str f = family(stats[i].name);
        if (i == 0 || !str_eq(f, family(stats[i - 1].name)))
            buf_addf(out, "# HELP " STR_FMT " %s\n# TYPE " STR_FMT " %s\n", STR_ARG(f), stats[i].help,
                     STR_ARG(f), stats[i].kind);
        buf_addf(out, "%s %lld\n", stats[i].name, (long long)stat_get((enum stat_id)i));
    }
}
