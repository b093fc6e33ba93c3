#pragma once
#include "base/vec.h"
#include "block/strip.h"
/*
 * Runs of integers: base, scale by a power of ten, differences or a table when they pay, byte planes.
 * docs/design/format.md, "Int run".
 */
enum { RUN_TABLE_MAX = 256 };
/* Scratch of the writer; zero-initialise with the strip writer set; reused; one thread. */
struct int_runs {
    struct strip_writer *strips; /* borrowed */
    VEC(uint64_t) scaled;
    VEC(uint64_t) coded;
    VEC(unsigned char) plane;
    unsigned scale; /* of the run at hand */
    uint64_t base;
};
void int_runs_fini(struct int_runs *s);
/* Appends a run. The values are signed when their order matters (the least is the base). */
void int_run_put(struct int_runs *s, const uint64_t *values, size_t count, struct buf *out);
void int_run_put_u32(struct int_runs *s, const uint32_t *values, size_t count, struct buf *out);

/* Reads a run of `count` integers into memory of `mem`: ERR_CORRUPT, or ERR_LIMIT when the arena is spent.
 * Any thread. `spare`: room for so many more elements behind them, not set. */
NODISCARD enum err int_run_get(struct reader *r, size_t count, size_t spare, struct arena *mem,
                               uint64_t **out);
/* The same for small numbers: ERR_CORRUPT when one is over `most`. */
NODISCARD enum err int_run_get_u32(struct reader *r, size_t count, size_t spare, uint32_t most,
                                   struct arena *mem, uint32_t **out);
