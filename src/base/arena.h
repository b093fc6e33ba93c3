#pragma once
#include "base/err.h"
#include "base/str.h"
/*
 * A region of memory that is freed all at once; bump allocation inside chunks.
 * Not thread-safe: one arena, one thread at a time. Nothing taken from it is freed alone.
 */
struct arena {
    struct arena_chunk *head;
    size_t used_bytes;  /* handed out, rounding included */
    size_t limit_bytes; /* 0: none */
};

void arena_init(struct arena *a, size_t limit_bytes);
void arena_fini(struct arena *a);
/* Empties it but keeps its largest chunk, so that the next round does not ask the allocator. */
void arena_reset(struct arena *a);
static inline void arena_auto(struct arena *a) { arena_fini(a); }

/* Aligned for any type. Zeroed; NULL only when limit_bytes is reached. */
NODISCARD void *arena_alloc(struct arena *a, size_t count, size_t each_bytes);
/* The same, not zeroed, alignment 1 when each_bytes is 1. */
NODISCARD void *arena_alloc_raw(struct arena *a, size_t count, size_t each_bytes);
#define ARENA_NEW(a, type, count) ((type *)arena_alloc((a), (count), sizeof(type)))
#define ARENA_RAW(a, type, count) ((type *)arena_alloc_raw((a), (count), sizeof(type)))
NODISCARD enum err arena_dup(struct arena *a, struct str s, struct str *out);
PRINTF(3, 4) NODISCARD enum err arena_printf(struct arena *a, struct str *out, const char *fmt, ...);
