#pragma once
#include "base/err.h"
struct store;
/*
 * L0 -> L1 -> final. One merge at a time (merge_lock).
 */
/* Runs the merges that are due, most urgent first, until none is or the store closes. */
NODISCARD enum err merge_due(struct store *s, struct err_text *why);
