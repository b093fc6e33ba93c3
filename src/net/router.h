#pragma once
#include "net/http_server.h"
/*
 * Path -> handler, from tables. A pattern's `{name}` segment matches one path segment; a longer literal match
 * wins over a placeholder. Unknown path: 404; known path, other method: 405 with Allow. Immutable after the
 * last add.
 */
struct router;
typedef void route_handler(void *ctx, struct http_request *r,
                           const struct str *segments); /* values of the {…} in order */
struct route {
    const char *method;  /* "GET", "POST", "GET|POST|HEAD" … */
    const char *pattern; /* "/api/records/query", "/{index}/_bulk" */
    route_handler *handle;
    void *ctx;
    bool open; /* served without a token (health) */
};
NODISCARD struct router *router_new(void);
void router_free(struct router *r);
void router_add(struct router *r, const struct route *route); /* copied; patterns must outlive the router */
/* Finds and calls, or answers 404/405. `authorized` false: only open routes, else 401. */
void router_dispatch(const struct router *r, struct http_request *req, bool authorized);
