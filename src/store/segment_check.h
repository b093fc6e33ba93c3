#pragma once
#include "store/segment.h"
/* Reads every byte of a segment that anybody could ever ask for, through the readers that everybody uses:
 * ERR_CORRUPT names the first part that fails its check. For tests and for scrubbing. */
NODISCARD enum err segment_check(struct segment *s, struct err_text *why);
