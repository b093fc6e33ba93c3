#pragma once
#include "base/buf.h"
/* Cuts a stream that comes in pieces into lines. `each` gets every line without its LF. */
struct lines {
    struct buf part;
    void (*each)(void *ctx, struct str line);
    void *ctx;
};
void lines_feed(struct lines *l, struct str piece);
void lines_end(struct lines *l); /* a last line without LF, and the memory */
