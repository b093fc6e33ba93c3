#pragma once
#include "query/budget.h"
#include "query/stage/stage.h"
#include "query/vector_filter.h"
#include "store/store.h"
/*
 * The leaf of a plan: a scan of the store as pages with the rows that match. Takes care of time, labels,
 * deletes, retention and damage, so that whoever reads pages sees only rows that count.
 */
struct source_options {
    const struct vector_filter *filter;
    const struct vector_fields *fields; /* of filter and reader */
    enum table table;
    int64_t time_from_ns, time_to_ns, now_ns;
    bool live_only;
    uint64_t live_after_position;
    bool whole; /* blocks without a match are listed too */
};
struct source_delete; /* a predicate that hides rows, compiled */
struct source {
    struct source_options options;
    struct budget *budget;
    struct scan *scan;
    VEC(struct source_delete *) deletes; /* distinct predicates; read-only after open */
    bool rereading;                      /* blocks opened now were counted before; between parallel phases */
    _Atomic uint64_t blocks_opened;
    /* Readers at rest, for whichever thread comes next. */
    pthread_mutex_t lock;
    VEC(struct source_reader *) readers; /* guarded by lock */
};
NODISCARD enum err source_open(struct source *s, struct store *store, const struct source_options *o,
                               struct budget *budget, struct err_text *why);
void source_close(struct source *s);
/* From now on these rows match. No reader may be out. */
void source_refilter(struct source *s, const struct vector_filter *filter);
static inline void source_auto(struct source *s) {
    source_close(s);
}

struct source_hide { /* a delete that covers the block at hand */
    const struct source_delete *predicate;
    int64_t time_from_ns, time_to_ns;
};
/* One thread's way through the source. */
struct source_reader {
    struct source *source;
    struct vector_view view;
    struct block *block;
    uint32_t index;        /* of the block in the scan */
    uint8_t *verdicts;     /* by stream; enum vector_verdict + 1, 0: not asked yet */
    int64_t *keep_from_ns; /* by stream */
    VEC(struct source_hide) hides;
    struct vector_view delete_view;
};
struct source_reader *source_reader_take(struct source *s);
void source_reader_put(struct source_reader *r);
/* Goes to block `index`. *out_open false: it is damaged; counted, skip it. */
NODISCARD enum err source_reader_block(struct source_reader *r, uint32_t index, bool *out_open);
/* The rows of page `page` that match and whose time is in [from, to), in memory of the view; *out_rows NULL:
 * none. A damaged page has none and is counted. */
NODISCARD enum err source_reader_page(struct source_reader *r, uint32_t page, int64_t from_ns, int64_t to_ns,
                                      uint64_t **out_rows);
/* Turns ERR_CORRUPT into a count and ERR_OK, memory into its words. Everything else stays. */
enum err source_reader_forgive(struct source_reader *r, enum err e);
