#pragma once
#include "base/clock.h"
#include "base/hash.h"
#include "base/mailbox.h"
/*
 * Which request and document ids were accepted lately: the dedup window. An id is pending from its claim to
 * its fate, then done for 10 to 20 minutes, less when many ids fill the memory cap (counted as evicted).
 * Threads: any.
 */
struct claims;

enum { CLAIM_BYTES_MAX = 64 << 20 };
static const int64_t CLAIM_WINDOW_NS = 600ll * 1000 * 1000 * 1000;

NODISCARD struct claims *claims_new(const struct clock *clock);
/* Nobody may be waiting any more. */
void claims_free(struct claims *c);

enum claims_answer { CLAIMS_NEW, CLAIMS_DONE, CLAIMS_PENDING };
/* NEW: the caller's until it resolves it. PENDING: `waiter` (may be NULL) is posted to `box` once its fate is
 * known. */
enum claims_answer claims_take(struct claims *c, struct id128 id, struct mailbox *box, struct letter *waiter);
void claims_resolve(struct claims *c, struct id128 id, bool durable);
/* At start: rows with this id are stored. */
void claims_remember(struct claims *c, struct id128 id);
size_t claims_memory_bytes(struct claims *c);
