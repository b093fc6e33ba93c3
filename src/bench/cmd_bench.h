#pragma once
#include "cli/cli.h"
/* Apart from cli/list.def because it needs the layers below. */
extern const struct command cmd_bench;
