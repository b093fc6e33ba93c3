#pragma once
#include "net/http1.h"
/* A chunked body, fed in any pieces. Zero-initialise. */
struct http1_chunks {
    uint8_t state;
    uint8_t digits;
    uint64_t left_bytes; /* of the chunk */
    size_t line_bytes;   /* of the size line or the trailers */
};
/* Takes bytes off *in. MORE with out_data->n > 0: these are body; with 0: all input is taken. DONE: the body
 * has ended, *in starts with what follows it. */
NODISCARD enum http1_step http1_chunks_next(struct http1_chunks *c, struct str *in, struct str *out_data,
                                            struct http1_refusal *out_why);
