#pragma once
#include "query/exec_group.h"
/* Grouping as a command: stats, and the commands that are a shorter way to write one. */
struct group_args *stats_args_new(struct parser *p); /* NULL: an error was left */
NODISCARD bool stats_parse_calls(struct parser *p, struct group_args *a);
NODISCARD bool stats_parse_keys(struct parser *p, struct group_args *a); /* behind `by` */
/* Runs the arguments; group_args_layout() first. */
extern const struct stage_exec stats_exec;
