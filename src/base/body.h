#pragma once
#include <stdatomic.h>
#include <stddef.h>
/*
 * Counted bytes: a request body that decoded rows keep pointing into until their block is sealed, so
 * that a line is never copied between the socket and the encoder. Any thread may ref and unref.
 */
struct body {
    _Atomic unsigned refs;
    size_t n;         /* bytes in use */
    size_t cap_bytes; /* bytes that fit */
    void (*on_free)(void *ctx, size_t cap_bytes); /* gives the budget back; may be NULL */
    void *ctx;
    char data[];
};
/* One reference, owned by the caller. */
struct body *body_new(size_t cap_bytes);
struct body *body_ref(struct body *b);
void body_unref(struct body *b); /* NULL is fine */
