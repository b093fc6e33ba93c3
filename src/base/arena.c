#include "base/arena.h"
#include "base/assert.h"
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK_BYTES_MIN = 4096, CHUNK_BYTES_MAX = 1 << 20 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t size_bytes, used_bytes;
    alignas(max_align_t) unsigned char data[];
};

void arena_init(struct arena *a, size_t limit_bytes) {
    *a = (struct arena){ .limit_bytes = limit_bytes };
}

void arena_fini(struct arena *a) {
    for (struct arena_chunk *c = a->head, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    *a = (struct arena){ .limit_bytes = a->limit_bytes };
}

void arena_reset(struct arena *a) {
    struct arena_chunk *keep = a->head;
    for (struct arena_chunk *c = a->head; c; c = c->next)
        if (c->size_bytes > keep->size_bytes)
            keep = c;
    for (struct arena_chunk *c = a->head, *next; c; c = next) {
        next = c->next;
        if (c != keep)
            free(c);
    }
    if (keep) {
        keep->next = NULL;
        keep->used_bytes = 0;
    }
    a->head = keep;
    a->used_bytes = 0;
}

static struct arena_chunk *chunk_new(struct arena *a, size_t need_bytes) {
    size_t size_bytes = a->head ? a->head->size_bytes * 2 : CHUNK_BYTES_MIN;
    if (size_bytes > CHUNK_BYTES_MAX)
        size_bytes = CHUNK_BYTES_MAX;
    if (size_bytes < need_bytes)
        size_bytes = need_bytes;
    struct arena_chunk *c = malloc(sizeof *c + size_bytes);
    ASSERT(c != NULL);
    c->next = a->head;
    c->size_bytes = size_bytes;
    c->used_bytes = 0;
    a->head = c;
    return c;
}

void *arena_alloc_raw(struct arena *a, size_t count, size_t each_bytes) {
    ASSERT(each_bytes > 0);
    size_t align = each_bytes == 1 ? 1 : alignof(max_align_t), bytes;
    if (__builtin_mul_overflow(count, each_bytes, &bytes) || bytes > SIZE_MAX / 2)
        return NULL;
    struct arena_chunk *c = a->head;
    size_t at = c ? (c->used_bytes + align - 1) & ~(align - 1) : 0;
    size_t skip_bytes = c ? at - c->used_bytes : 0;
    if (!c || at > c->size_bytes || bytes > c->size_bytes - at)
        c = NULL, at = 0, skip_bytes = 0;
    if (a->limit_bytes && bytes + skip_bytes > a->limit_bytes - a->used_bytes)
        return NULL;
    if (!c)
        c = chunk_new(a, bytes);
    c->used_bytes = at + bytes;
    a->used_bytes += bytes + skip_bytes;
    return c->data + at;
}

void *arena_alloc(struct arena *a, size_t count, size_t each_bytes) {
    void *p = arena_alloc_raw(a, count, each_bytes);
    if (p)
        memset(p, 0, count * each_bytes);
    return p;
}

enum err arena_dup(struct arena *a, struct str s, struct str *out) {
    char *p = ARENA_RAW(a, char, s.n);
    if (!p)
        return ERR_LIMIT;
    if (s.n)
        memcpy(p, s.p, s.n);
    *out = (struct str){ p, s.n };
    return ERR_OK;
}

enum err arena_printf(struct arena *a, struct str *out, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    ASSERT(n >= 0);
    char *p = ARENA_RAW(a, char, (size_t)n + 1);
    if (p) {
        (void)vsnprintf(p, (size_t)n + 1, fmt, again);
        *out = (struct str){ p, (size_t)n };
    }
    va_end(again);
    return p ? ERR_OK : ERR_LIMIT;
}
