#pragma once
#include "base/err.h"
struct store;
/*
 * Live blocks -> L0 segments. Every block published before the call is in a segment when it returns ERR_OK.
 */
NODISCARD enum err flush_run(struct store *s, struct err_text *why);
/* flush_lock held. */
NODISCARD enum err flush_locked(struct store *s, struct err_text *why);
