#pragma once
#include "base/random.h"
#include "block/block_build.h"
#include "queue/queue.h"
#include "store/store.h"
/*
 * For tests: a store on any disk, without threads and with a clock that is moved by hand, and a ledger of the
 * rows that it should hold. A row is one line of text here, so that what went in and what a scan gives back
 * are compared as sorted lists.
 */
struct row_lines {
    struct arena mem;
    VEC(struct str) lines;
};
void row_lines_fini(struct row_lines *l);
void row_lines_sort(struct row_lines *l);

struct store_fixture {
    struct disk *disk;
    struct store *store;
    struct store_config config;
    struct clock clock;
    int64_t now_ns, mono_ns;
    struct err_text why;
    struct field_dict fields;
    struct stream_dict streams;
    struct batch batch;
    struct block_builder *builder;
    struct mailbox box;
    struct row_lines ledger;  /* acknowledged */
    struct row_lines unknown; /* submitted and refused, or never answered: may be there or not */
    struct row_lines pending; /* of the batch */
    char said[512];           /* the last message to the operator */
    unsigned says;
    char folder[64]; /* of a real disk made by fixture_temp(); removed by fixture_fini() */
};

/* The disk is the caller's. */
void fixture_init(struct store_fixture *f, struct disk *disk);
/* … or a folder of its own. */
void fixture_temp(struct store_fixture *f);
void fixture_fini(struct store_fixture *f);
NODISCARD enum err fixture_open(struct store_fixture *f);
void fixture_close(struct store_fixture *f);
void fixture_reopen(struct store_fixture *f); /* must succeed */

struct fixture_row {
    int64_t time_ns;
    const char *service, *host, *message, *level, *trace_id; /* NULL: none */
    int64_t number;
};
void fixture_add(struct store_fixture *f, const struct fixture_row *r);
void fixture_claim(struct store_fixture *f, struct id128 id);
/* Seals the batch into a block and submits it; true when it was acknowledged (its rows are in the ledger
 * then). */
bool fixture_publish(struct store_fixture *f, enum table table);
/* `count` rows of a handful of streams around `time_ns`, spread over `spread_ns`. */
void fixture_random(struct store_fixture *f, struct random *r, size_t count, int64_t time_ns,
                    int64_t spread_ns);

/* A read-only file over bytes that the caller keeps. */
struct file *fixture_file(struct str bytes);

/* What a scan gives, in scan order. Rows hidden by deletes and retention are left out; `damaged` (may be
 * NULL) counts blocks and pages that failed their check. */
struct scan_request fixture_request(enum table table);
void fixture_read(struct store_fixture *f, const struct scan_request *r, struct row_lines *out,
                  size_t *damaged);
/* All rows of the table are those of the ledger, each as often; on a difference the first few are printed. */
bool fixture_same(struct store_fixture *f);
/* The delete_match of tests: the predicate is "service=x" or "message=x". */
enum err fixture_delete_match(void *ctx, struct str predicate, const struct block *block, uint32_t page,
                              uint64_t *rows);
