#include "base/body.h"
#include "base/assert.h"
#include <stdlib.h>

struct body *body_new(size_t cap_bytes) {
    struct body *b = malloc(sizeof *b + cap_bytes);
    ASSERT(b != NULL);
    *b = (struct body){ .refs = 1, .cap_bytes = cap_bytes };
    return b;
}

struct body *body_ref(struct body *b) {
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void body_unref(struct body *b) {
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (b->on_free)
        b->on_free(b->ctx, b->cap_bytes);
    free(b);
}
