#pragma once
#include "ingest/submit.h"
#include "net/router.h"
/*
 * The HTTP carrier of every protocol: admission, decoding, duplicates, validation, dead letters, waiting for durability,
 * the answer. One per loop shard, on its thread.
 */
struct ingest_http;
struct ingest_http_config {
    struct store *store;
    struct submit *submit;
    const struct clock *clock;
    const struct str *label_fields; /* ingest.label_fields; outlives the carrier */
    size_t label_field_count;
    int64_t future_limit_ns; /* ingest.future_limit */
};
NODISCARD struct ingest_http *ingest_http_new(const struct ingest_http_config *c);
void ingest_http_free(struct ingest_http *h);
/* Adds the routes of every protocol of list.def that has one. */
void ingest_http_routes(struct ingest_http *h, struct router *r);
