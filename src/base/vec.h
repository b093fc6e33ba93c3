#pragma once
#include "base/assert.h"
#include <stddef.h>
#include <stdlib.h>
/*
 * A growing array of any type: `VEC(struct row) rows = { 0 };` then VEC_PUSH(&rows, row).
 * For sizes that our own code bounds, or that the caller checks against a named cap; running out
 * of memory aborts. Elements are at .p[0 .. n-1]; pointers into it die with the next push.
 */
#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *p;                                                                                   \
        size_t n, cap;                                                                             \
    }

#define VEC_RESERVE(v, count)                                                                      \
    ((size_t)(count) <= (v)->cap ? (void)0                                                         \
                                 : vec_grow((void **)&(v)->p, &(v)->cap, (count), sizeof *(v)->p))
#define VEC_PUSH(v, ...)                                                                           \
    do {                                                                                           \
        VEC_RESERVE((v), (v)->n + 1);                                                              \
        (v)->p[(v)->n++] = (__VA_ARGS__);                                                          \
    } while (0)
#define VEC_FINI(v)                                                                                \
    do {                                                                                           \
        vec_free((v)->p);                                                                          \
        (v)->p = NULL;                                                                             \
        (v)->n = (v)->cap = 0;                                                                     \
    } while (0)

/* Makes room for `count` elements in all. */
void vec_grow(void **p, size_t *cap, size_t count, size_t each_bytes);
void vec_free(void *p);
