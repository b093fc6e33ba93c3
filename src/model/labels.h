#pragma once
#include "base/buf.h"
#include "base/hash.h"
/*
 * The label set that names a stream, in its one canonical form: pairs as name NUL value NUL, `service`
 * first, then the other names in byte order. No name twice, no empty value. A NUL that a sender put
 * into a name or value becomes U+FFFD. memcmp order of the canonical bytes is the order of streams in
 * blocks and segments (service, then remaining labels); the identity is the 128-bit hash of the bytes,
 * which is never an order.
 */
enum { LABELS_COUNT_MAX = 64, LABELS_BYTES_MAX = 8192 };

struct label {
    struct str name, value;
};
/* Appends the canonical form of `labels` (any order; sorted in place; of a name given twice the last
 * wins; empty values are left out) to `out`. ERR_LIMIT over the two caps. */
NODISCARD enum err labels_canonical(struct label *labels, size_t count, struct buf *out, struct err_text *why);
/* Walks a canonical form: `*rest` starts as the whole; false at the end. */
bool labels_next(struct str *rest, struct label *out);
/* Value of `name`, or an empty slice. */
struct str labels_get(struct str canonical, struct str name);
/* Checks foreign bytes (a stored block's). */
NODISCARD bool labels_valid(struct str canonical);
/* `{name="value",…}` with quotes escaped, for people. */
void labels_print(struct str canonical, struct buf *out);
