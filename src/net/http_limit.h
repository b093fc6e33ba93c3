#pragma once
#include "base/stat.h"
#include "net/http_server.h"
/* The named limits of the HTTP server: key, default and counter in one table. */
enum http_limit {
    HTTP_LIMIT_HEADER_BYTES,
    HTTP_LIMIT_HEADER_COUNT,
    HTTP_LIMIT_BODY_BYTES,
    HTTP_LIMIT_BODIES_IN_FLIGHT,
    HTTP_LIMIT_CONNECTIONS,
    HTTP_LIMIT_HEADER_TIMEOUT,
    HTTP_LIMIT_BODY_TIMEOUT,
    HTTP_LIMIT_IDLE_TIMEOUT,
    HTTP_LIMIT_WRITE_TIMEOUT,
    HTTP_LIMIT_COUNT,
};
/* The configured values, or the defaults where they are 0. */
void http_limit_values(const struct http_limits *from, uint64_t out[HTTP_LIMIT_COUNT]);
const char *http_limit_name(enum http_limit limit);
/* HTTP_LIMIT_COUNT when there is none of that name, or `name` is NULL. */
enum http_limit http_limit_find(const char *name);
void http_limit_reached(enum http_limit limit); /* counts it */
