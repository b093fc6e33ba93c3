#pragma once
#include "api/api.h"
#include "base/thread.h"
#include "ingest/ingest_http.h"
/*
 * One event loop with everything that runs on it. It listens from the first moment and answers 503 until the store is open.
 */
struct shard;
struct shard_config {
    const struct config *config;
    const struct clock *clock;
    unsigned number;
};
NODISCARD enum err shard_start(const struct shard_config *c, struct err_text *why, struct shard **out);
/* The store is open: requests are taken from now on. Any thread; once. */
void shard_serve(struct shard *s, struct api *api);
/* Stops accepting, finishes what is in progress, ends the loop. Any thread; wait with shard_free. */
void shard_stop(struct shard *s);
void shard_free(struct shard *s); /* joins its thread */
