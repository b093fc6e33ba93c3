#pragma once
#include "store/merge_out.h"
#include "store/merge_source.h"
/* Splits late rows by window: one new segment for each. The sources hold late blocks, oldest first. */
NODISCARD enum err merge_late_run(struct merge_out *o, struct merge_source *sources, size_t count,
                                  struct err_text *why);
