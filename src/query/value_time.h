#pragma once
#include "query/expr.h"
/* Times as text, besides time_parse() of expr.h. Pure. */

/* As time_parse, but nothing that depends on now, and no bare numbers: what a text of a row may be. */
NODISCARD bool value_time_parse(struct str text, int64_t *out_ns);
/* RFC 3339 in UTC with `decimals` digits of the second (0 to 9), or the fewest of 3, 6, 9 that lose nothing
 * when it is -1. */
void value_time_print(int64_t ns, int decimals, struct buf *out);
/* One unit of time: "ms", "d", "hours" …; false when there is no such unit. Months and years have no length.
 */
NODISCARD bool value_time_unit(struct str name, int64_t *out_ns);
/* Down to a multiple of `step_ns` (> 0) since 1970, also for times before it; whole weeks from a Monday. What
 * bin() does. */
int64_t value_time_floor(int64_t ns, int64_t step_ns);
