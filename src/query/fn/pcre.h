#pragma once
#include "base/err.h"
#include "base/str.h"
/*
 * Regular expressions with captures, by PCRE2: only for what Vectorscan cannot do, and so with limits on
 * every match. pcre.c is the only user of its header. Bytes, not characters. Immutable after pcre_new: any
 * thread may match.
 */
struct pcre;
enum { PCRE_PATTERN_BYTES_MAX = 4096, PCRE_STEPS_MAX = 200000, PCRE_GROUPS_MAX = 32 };

NODISCARD enum err pcre_new(struct str pattern, struct err_text *why, struct pcre **out);
void pcre_free(struct pcre *r);
/* The next match at or after byte `from`. groups[0] is all of it, a group that took no part is {NULL, 0};
 * *out_count <= PCRE_GROUPS_MAX. False: none, or it took more than PCRE_STEPS_MAX steps. */
bool pcre_match(const struct pcre *r, struct str text, size_t from, struct str *groups, size_t *out_count);
/* Number of the group of this name; 0 when there is none. */
size_t pcre_group(const struct pcre *r, struct str name);
