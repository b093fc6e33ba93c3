#pragma once
#include "base/str.h"
/* Names of functions and commands: finding them, and the nearest to one that is none. */

/* One of the space-separated `names` (may be NULL), ASCII case ignored. */
bool names_has(const char *names, struct str name);
/* How many letters must be added, dropped, changed or swapped to turn one word into the other, ASCII case
 * ignored; `max` + 1 when more than `max`, or when a word is over NAMES_BYTES_MAX. */
enum { NAMES_BYTES_MAX = 32 };
unsigned names_distance(struct str a, struct str b, unsigned max);
