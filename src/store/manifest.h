#pragma once
#include "base/err.h"
#include "catalog/catalog.h"
struct store;
/*
 * The list of segments in memory and in the catalog, kept the same. Every change goes through
 * manifest_commit(). When a commit fails and its outcome may be open, no other is tried until
 * manifest_settle() has read the catalog again.
 */
/* At open: fills the store's segments, deletes and position; sets aside files that the catalog does not name.
 */
NODISCARD enum err manifest_load(struct store *s, struct err_text *why);
/* Before work that ends in a commit. Nothing to do as a rule. */
NODISCARD enum err manifest_settle(struct store *s, struct err_text *why);
/* After the commit memory follows under the store's lock: segments are added, the removed ones doomed, then
 * `apply` (may be NULL) makes what else belongs to the same instant. */
NODISCARD enum err manifest_commit(struct store *s, const struct manifest_change *m, void (*apply)(void *ctx),
                                   void *ctx, struct err_text *why);
