#pragma once
#include "query/exec_group.h"
/* top and rare: values of fields with how often they occur, the most (least) frequent first. Private to the
 * two commands. */
NODISCARD bool top_parse(struct parser *p, bool rare, void **out_args);
extern const struct stage_exec top_exec;
