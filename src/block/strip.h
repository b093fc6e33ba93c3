#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
/*
 * A strip: the smallest thing a block compresses. A run of alike bytes (one byte plane of a column of
 * integers, the lengths of a column of texts, their bytes) together with its length and how it is kept: as it
 * is, as one byte repeated, or as one zstd frame. docs/design/format.md, "Strip".
 *
 * Every part of a block is made of strips, so that zstd is called in one place (strip.c) and what it is given
 * is alike.
 */
enum { STRIP_PLAIN_BYTES_MAX = 512 << 20 }; /* the longest: labels of 65,536 streams */

/* Holds the compressor's memory; reused; one thread at a time. */
struct strip_writer;
NODISCARD struct strip_writer *strip_writer_new(void);
void strip_writer_free(struct strip_writer *w);
/* Level of zstd from now on; negative: nothing is compressed. 1 at first. */
void strip_writer_level(struct strip_writer *w, int level);
/* Appends one strip. n <= STRIP_PLAIN_BYTES_MAX. */
void strip_put(struct strip_writer *w, const void *p, size_t n, struct buf *out);

/* The same in steps of at most about a millisecond, for texts: begins, and is done at once when they are
 * short. While strip_put_busy() says so, `p` and `out` must not change; each strip_put_step() goes on. */
void strip_put_begin(struct strip_writer *w, const void *p, size_t n, struct buf *out);
bool strip_put_busy(const struct strip_writer *w);
void strip_put_step(struct strip_writer *w);
/* Forgets a strip that was begun and not finished. */
void strip_put_abandon(struct strip_writer *w);

/* Reads one strip at `r`; its plain bytes must be exactly `plain_bytes` long. They are borrowed from the
 * input when kept as they are, else memory of `mem`. ERR_CORRUPT, or ERR_LIMIT when the arena is spent. Any
 * thread. */
NODISCARD enum err strip_get(struct reader *r, size_t plain_bytes, struct arena *mem, struct str *out);
/* The same for a strip that itself says how long it is, at most `limit_bytes`. */
NODISCARD enum err strip_get_any(struct reader *r, size_t limit_bytes, struct arena *mem, struct str *out);

/* A whole of known plain size outside of any strip (a directory, a small block): one zstd frame, or the bytes
 * as they are when that is not smaller. The reader tells by the sizes. */
void strip_frame_put(struct strip_writer *w, struct str plain, struct buf *out);
NODISCARD enum err strip_frame_get(struct str stored, size_t plain_bytes, struct arena *mem, struct str *out);
