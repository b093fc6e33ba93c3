#pragma once
#include "base/err.h"
#include <stdbool.h>
/*
 * A few threads that run what would block a loop shard: queries, flushes, merges. At most `running_max` at a time;
 * JOBS_WAITING_MAX more wait in line, then jobs_start says ERR_LIMIT.
 */
enum { JOBS_WAITING_MAX = 256 };
struct jobs;
struct job {
    struct job *next;
    void (*run)(struct job *self); /* owns itself */
};
NODISCARD struct jobs *jobs_new(unsigned running_max);
void jobs_free(struct jobs *j); /* waits for all */
NODISCARD enum err jobs_start(struct jobs *j, struct job *job);
/* For a job that has begun to answer already, after jobs_full() said no. */
void jobs_start_anyway(struct jobs *j, struct job *job);
bool jobs_full(struct jobs *j);
