#include "cli/lines.h"

void lines_feed(struct lines *l, struct str piece) {
    struct str line;
    while (str_cut(&piece, '\n', &line)) {
        if (l->part.n) {
            buf_add(&l->part, line);
            l->each(l->ctx, buf_str(&l->part));
            buf_clear(&l->part);
        } else {
            l->each(l->ctx, line);
        }
    }
    buf_add(&l->part, piece);
}

void lines_end(struct lines *l) {
    if (l->part.n)
        l->each(l->ctx, buf_str(&l->part));
    buf_fini(&l->part);
}
