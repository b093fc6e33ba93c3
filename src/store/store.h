#pragma once
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mailbox.h"
#include "block/block_read.h"
#include "model/labels.h"
#include "model/table.h"
/*
 * Rows at rest: live blocks (in the journal) and segments (immutable files named by the manifest), flushes
 * and merges between them, retention and deletes, and scans over one consistent snapshot of all.
 *
 * Owns the queue (journal) and the catalog's manifest. Threads: any; flush, merge and retention run on the
 * store's own background thread (low priority), scans on the caller's.
 */
struct store;
struct queue;
struct catalog;

struct retention_rule {
    enum table table;
    struct str selector; /* stream selector text `{service="x"}`, or empty: whole table */
    int64_t keep_ns;     /* 0: no limit */
    uint64_t keep_bytes; /* 0: no limit; oldest segments go first */
};
struct store_config {
    struct disk *disk;
    const struct clock *clock;
    int64_t flush_interval_ns;   /* 0: 10 s */
    uint64_t flush_bytes;        /* 0: 64 MiB of live blocks */
    uint64_t journal_bytes_max;  /* 0: 2 GiB */
    uint64_t disk_reserve_bytes; /* 0: 5 % of the disk, at most 10 GiB; below it writes are refused */
    int64_t future_limit_ns;     /* 0: 1 h; later rows are dead letters (checked by submit) */
    const struct retention_rule *retention; /* copied */
    size_t retention_count;
    unsigned merge_pause; /* tests: 1 = no merges by themselves */
    bool stepped; /* tests and simulations: no threads; nothing happens but by store_flush, store_merge and
                     queue_step */
    /* Tells of something that an operator should know and nobody asked for (damage set aside, a failed
     * merge). Any thread, must not block. May be NULL. */
    void (*say)(void *ctx, const char *message);
    void *say_ctx;
    /* Evaluates delete predicates, which are queries (a layer above): keeps in `rows` the rows of the page
     * that match `predicate`. Set by app/wire_up. */
    enum err (*delete_match)(void *ctx, struct str predicate, const struct block *block, uint32_t page,
                             uint64_t *rows);
    void *delete_ctx;
};

/* Opens or creates; replays the journal. ERR_UNSUPPORTED: a newer format, named in `why`. */
NODISCARD enum err store_open(const struct store_config *c, struct err_text *why, struct store **out);
void store_close(struct store *s);
/* Where ingest submits sealed blocks. */
struct queue *store_queue(struct store *s);
/* Small settings and documents. */
struct catalog *store_catalog(struct store *s);

/* Ready: replay done, writable, not stalled. `why` says what is missing. */
bool store_ready(struct store *s, struct err_text *why);
/* May writers go on? ERR_OK, ERR_LIMIT (too many unmerged parts: slow down, 429) or ERR_UNAVAILABLE (disk
 * reserve, journal). */
enum err store_admit(struct store *s, struct err_text *why);

/* Every live row into segments; every mergeable segment merged. Return when done. */
NODISCARD enum err store_flush(struct store *s, struct err_text *why);
NODISCARD enum err store_merge(struct store *s, struct err_text *why);
/* Hides matching rows that were acknowledged before this call, at once; merges remove them. `predicate` is
 * the filter text. */
NODISCARD enum err store_delete(struct store *s, enum table table, struct str predicate, int64_t time_from_ns,
                                int64_t time_to_ns, struct err_text *why);

/* Dedup window (ARCHITECTURE section 4, Duplicates). CLAIM_NEW: yours until resolved. CLAIM_DONE: already
 * durable. CLAIM_PENDING: another request holds it: `waiter` (may be NULL) is posted to `box` when its fate
 * is known. */
enum claim_state { CLAIM_NEW, CLAIM_DONE, CLAIM_PENDING };
enum claim_state store_claim(struct store *s, struct id128 id, struct mailbox *box, struct letter *waiter);
/* The claimed rows are durable, or not (then the id is free again). Wakes waiters. */
void store_claim_resolve(struct store *s, const struct id128 *ids, size_t count, bool durable);

struct store_stats {
    uint64_t live_blocks, live_bytes, live_rows;
    uint64_t segments, segment_rows, segment_bytes, raw_bytes;
    uint64_t unmerged_segments, quarantined;
    uint64_t disk_bytes; /* all files of the data folder, apparent size */
};
void store_stats(struct store *s, struct store_stats *out);

/*
 * A scan: the blocks that may hold matching rows, over one snapshot in which each row has exactly one owner.
 * Blocks come newest first (by time_max_ns, ties by part and block, the same every time).
 */
struct scan_request {
    enum table table;
    uint32_t tenant;
    int64_t time_from_ns, time_to_ns; /* inclusive, exclusive */
    /* Labels that every kept stream has, with exactly these values: found by index. */
    const struct label *labels;
    size_t label_count;
    /* Keeps a stream, of those? NULL: all. Called once for each distinct stream of a part. */
    bool (*stream)(void *ctx, struct str labels);
    void *stream_ctx;
    /* Token hashes, all needed: a block is skipped when its word filter excludes any of them. */
    const uint64_t *words;
    size_t word_count;
    /* 64-bit prefixes of ids, all needed (id_prefix() of words.h): looked up in id indexes. */
    const uint64_t *ids;
    size_t id_count;
    bool live_only;
    uint64_t live_after_position; /* tail: only live blocks after this position */
};
struct scan;
struct scan_block {
    int64_t time_min_ns, time_max_ns;
    uint32_t row_count, page_count;
    uint64_t size_bytes, raw_bytes;
    uint64_t position; /* live blocks; 0 in segments */
    uint64_t pages; /* bit p: page p may match (the id index knows pages); all ones when nothing is known */
};
struct scan_counts {
    uint64_t blocks, blocks_skipped_time, blocks_skipped_stream, blocks_skipped_word, rows_total;
    uint64_t parts_damaged;
};
NODISCARD enum err store_scan(struct store *s, const struct scan_request *r, struct err_text *why,
                              struct scan **out);
void scan_close(struct scan *c); /* unpins */
size_t scan_count(const struct scan *c);
const struct scan_block *scan_block(const struct scan *c, size_t i);
const struct scan_counts *scan_counts(const struct scan *c);
/* Opens block i; end with block_free before scan_close. Any thread. */
NODISCARD enum err scan_open(struct scan *c, size_t i, struct err_text *why, struct block **out);
/* Deletes that hide rows of block i, and the oldest event time that retention still shows there.
 * `out_predicates` is borrowed from the scan. */
struct scan_delete {
    struct str predicate;
    int64_t time_from_ns, time_to_ns;
};
size_t scan_deletes(const struct scan *c, size_t i, const struct scan_delete **out);
/* Event times below this are past retention for streams whose labels match; INT64_MIN when none. */
int64_t scan_keep_from(const struct scan *c, struct str labels);

/* Wakes tails: `published` is called after each publish (any thread, must not block). One subscriber slot
 * each. */
struct store_subscriber {
    struct store_subscriber *next;
    void (*published)(void *ctx, uint64_t position);
    void *ctx;
};
void store_subscribe(struct store *s, struct store_subscriber *sub);
void store_unsubscribe(struct store *s, struct store_subscriber *sub);
