#pragma once
#include "api/api.h"
#include "api/jobs.h"
#include "base/buf.h"
/*
 * What every question over HTTP has in common: q, start, end, limit, cursor, table, the budgets, read from the URL or a
 * form body; the parsed query; and the job that runs it.
 */
struct ask {
    struct job job;
    struct api *api;
    struct http_request *request; /* until answered */
    struct query *query;
    struct query_request ask;
    struct http_stream *stream;   /* of a streamed answer, else NULL */
    struct buf out;               /* the answer, or what of it is not sent yet */
    struct query_stats stats;
    struct err_text why;
    struct arena mem;
    int64_t now_ns;
};
/* NULL after it has answered with the mistake. `q` NULL: the parameter of that name. */
NODISCARD struct ask *ask_open(struct api *api, struct http_request *r, const struct str *q);
/* The same, at the front of a larger object of the caller's. */
NODISCARD struct ask *ask_open_sized(struct api *api, struct http_request *r, const struct str *q, size_t size_bytes);
void ask_free(struct ask *a);
/* Answers with a stream of `content_type`, written by `run` on a worker; ends the query when the peer goes away. */
void ask_start_stream(struct ask *a, const char *content_type, void (*run)(struct job *));
/* Sends what is in a->out. */
NODISCARD enum err ask_flush(struct ask *a);
/* Runs a->job.run on a worker; answers 429 and frees when there are too many. */
void ask_start(struct ask *a);

/* Parameters of a request, with their mistakes answered. False: answered already. */
NODISCARD bool ask_time(struct http_request *r, const char *name, int64_t now_ns, int64_t *inout_ns);
NODISCARD bool ask_uint(struct http_request *r, const char *name, uint64_t *inout);
NODISCARD bool ask_duration(struct http_request *r, const char *name, int64_t *inout_ns);
NODISCARD bool ask_table(struct http_request *r, enum table *inout);
/* The filter of a query as text, without its pipes, in the ask's memory. */
struct str ask_filter_text(struct ask *a, const struct query *q);
/* {"error":…,"offset":…,"length":…}, 400. */
void ask_reply_mistake(struct http_request *r, const struct query_error *why);
