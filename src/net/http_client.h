#pragma once
#include "base/buf.h"
#include "base/err.h"
#include <stdbool.h>
/*
 * Requests to another server, blocking; the command line's way in. The only user of libcurl. One client, one thread;
 * connections are kept alive between calls. No redirects are followed.
 */
struct http_client;
/* `server`: "http://127.0.0.1:7663". `token`: for Authorization, or empty. */
NODISCARD struct http_client *http_client_new(struct str server, struct str token);
void http_client_free(struct http_client *c);

struct http_call {
    const char *method;        /* "GET", "POST" */
    const char *path;          /* with its query string, already encoded */
    struct str body;           /* sent when method is POST or PUT */
    const char *content_type;
    const char *content_encoding; /* NULL: identity */
    const char *extra_header;     /* "X-Sonde-Batch-Id: …", or NULL */
    int64_t timeout_ms;        /* 0: none */
    /* Each piece of a 2xx answer's body as it comes; false ends the call with ERR_CANCELLED. NULL: into `answer`. */
    bool (*piece)(void *ctx, struct str bytes);
    void *ctx;
    struct buf answer;         /* the body of an error, or of any answer without `piece`; the caller's to end */
    unsigned status;           /* out */
};
/* ERR_OK for 2xx; the matching error for other statuses, with the server's own sentence; ERR_UNAVAILABLE when nobody answers. */
NODISCARD enum err http_client_call(struct http_client *c, struct http_call *call, struct err_text *why);
/* Percent-encodes for a query string. Appends. */
void http_client_encode(struct buf *out, struct str s);
