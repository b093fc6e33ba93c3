#pragma once
#include "base/err.h"
#include "base/str.h"
/*
 * What one pass over a regular expression tells without compiling it: whether it is small enough to compile,
 * and a literal that every matching text contains. Pure; any thread.
 */
enum {
    REGEX_BYTES_MAX = 4096,     /* of an expression */
    REGEX_NESTING_MAX = 64,     /* groups within groups */
    REGEX_POSITIONS_MAX = 4096, /* bytes, classes and dots after writing out the counted repeats */
};
struct regex_glance {
    char literal[REGEX_BYTES_MAX]; /* lower case; ASCII case of the text is to be ignored */
    size_t literal_bytes;          /* 0: none known */
};
/* ERR_LIMIT over a cap; ERR_INVALID for the few constructs we refuse although the compiler knows them. Other
 * mistakes are the compiler's to report. */
NODISCARD enum err regex_glance(struct str expression, struct err_text *why, struct regex_glance *out);
