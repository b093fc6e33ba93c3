#pragma once
#include "base/file.h"
#include "base/thread.h"
#include "catalog/catalog.h"
#include "store/segment_format.h"
#include <stdatomic.h>
/*
 * One segment: its manifest row in memory and nothing else until somebody pins it. A pin opens the file and
 * checks header and footer; everything else is read by range, checked, and forgotten: the system's page cache
 * is the cache.
 *
 * Threads: any. A doomed segment's file is unlinked with its last reference.
 */
#define SEGMENT_FOLDER "segments"
enum { SEGMENT_PATH_BYTES = 64 };
/* "segments/0000000000000012.seg"; `suffix` is "seg" or "tmp". */
void segment_path(uint64_t id, const char *suffix, char out[SEGMENT_PATH_BYTES]);

struct segment {
    struct manifest_segment m; /* read-only */
    struct disk *disk;
    _Atomic unsigned refs;
    _Atomic bool doomed;     /* the manifest names it no more */
    _Atomic bool damaged;    /* some part of it failed its check: said and counted once */
    unsigned merge_failures; /* guarded by merge_lock, as the next three */
    bool merge_settled;      /* merging it again gives nothing */
    bool expired;            /* it holds a stream that is past retention */
    int64_t expiry_checked_ns;
    pthread_mutex_t lock; /* guards the two below */
    unsigned pins;
    struct segment_open *open; /* while pinned */
};
struct segment *segment_new(struct disk *disk, const struct manifest_segment *m); /* one reference */
struct segment *segment_ref(struct segment *s);
void segment_unref(struct segment *s);
/* Pins count as references. ERR_NOT_FOUND, ERR_IO, ERR_UNSUPPORTED; damage is no error here, but of the
 * section that it hits. */
NODISCARD enum err segment_pin(struct segment *s, struct err_text *why);
void segment_unpin(struct segment *s);

/* While pinned: */
struct file *segment_file(const struct segment *s);
/* ERR_CORRUPT when it failed its check. */
NODISCARD enum err segment_footer(const struct segment *s, struct segment_footer *out);
bool segment_has(const struct segment *s, enum segment_section section);
/* The checked bytes in `mem`; empty when absent. ERR_CORRUPT, ERR_IO, ERR_LIMIT (memory). */
NODISCARD enum err segment_section(const struct segment *s, enum segment_section section, struct arena *mem,
                                   struct str *out);
/* The block index; after damage the blocks are found by walking the file (`*out_walked`). */
NODISCARD enum err segment_blocks(const struct segment *s, struct arena *mem, struct segment_block **out,
                                  uint32_t *out_count, bool *out_walked);
/* The first that says so counts it. */
void segment_set_damaged(struct segment *s);
