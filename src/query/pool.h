#pragma once
#include "query/query.h"
#include <stdbool.h>
/*
 * Worker threads that all queries share. A job is a supply of steps, each a few milliseconds of work that any
 * thread may do. Free workers go round the jobs, one step at a time, so that a big query never keeps a small
 * one waiting; one query alone gets all of them. The asking thread works too, and waits for the steps in
 * flight at the end.
 */
struct pool_job {
    /* Does one step; false when there was none left (it is then not called again by that thread). Any thread,
     * several at once. */
    bool (*step)(void *ctx);
    void *ctx;
    /* The pool's. */
    struct pool_job *next, *previous;
    unsigned helpers; /* workers inside of step */
    bool drained;
};
/* Returns when no step is left or running. `pool` may be NULL: the caller does all. */
void pool_run(struct query_pool *pool, struct pool_job *job);
