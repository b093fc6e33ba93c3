#pragma once
#include "query/exec.h"
/* What exec_context.c reads of the command's arguments. */
struct context_args {
    uint64_t before, after;
};
