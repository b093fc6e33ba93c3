#include "base/heap.h"
#include "base/assert.h"
#include <malloc.h>
#include <stdlib.h>

void *heap_alloc(size_t size_bytes) {
    void *p = calloc(1, size_bytes ? size_bytes : 1);
    ASSERT(p != NULL);
    return p;
}

void heap_free(void *p) { free(p); }

void heap_trim(void) { (void)malloc_trim(0); }
