#pragma once
#include "base/clock.h"
#include "config/config.h"
#include "net/router.h"
#include "query/query.h"
#include "store/store.h"
/*
 * Questions and administration over HTTP. Handlers run on a loop shard and never block it: what scans runs as a job on
 * a worker thread (jobs.h) and answers through a stream, or posts its answer back to the shard.
 */
struct jobs;
struct api {
    struct store *store;
    struct query_pool *pool;
    struct jobs *jobs;
    const struct clock *clock;
    const struct config *config;
    struct query_limits limits;
    int64_t started_ns;
    _Atomic bool stopping;     /* tails, which end by themselves only when their reader goes, end */
    char cluster_uuid[33]; /* made once for each data folder */
};
void api_routes(struct api *api, struct router *r);

/* One file each; api.c lists them. */
void api_query_routes(struct api *api, struct router *r);
void api_tail_routes(struct api *api, struct router *r);
void api_summary_routes(struct api *api, struct router *r);
void api_admin_routes(struct api *api, struct router *r);
void api_elastic_routes(struct api *api, struct router *r);
