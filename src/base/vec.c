#include "base/vec.h"

void vec_grow(void **p, size_t *cap, size_t count, size_t each_bytes) {
    if (count <= *cap)
        return;
    size_t next = *cap < 8 ? 16 : *cap * 2;
    if (next < count)
        next = count;
    *p = reallocarray(*p, next, each_bytes);
    ASSERT(*p != NULL);
    *cap = next;
}

void vec_free(void *p) { free(p); }
