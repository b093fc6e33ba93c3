#pragma once
#include "base/err.h"
#include "base/str.h"
/*
 * Regular expressions over bytes, matched in linear time by Vectorscan; regex_hs.c is the only user of its
 * header. No backreferences and no lookaround (ERR_INVALID says so). '.' matches any byte but a newline; '^'
 * and '$' are the ends of the text. Immutable after regex_hs_new: any thread may test.
 */
struct regex_hs;
/* Check the expression with regex_glance() first: compiling has no limits of its own. */
NODISCARD enum err regex_hs_new(struct str expression, struct err_text *why, struct regex_hs **out);
void regex_hs_free(struct regex_hs *r);
/* Matches somewhere in the text. */
bool regex_hs_test(const struct regex_hs *r, struct str text);
