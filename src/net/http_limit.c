#include "net/http_limit.h"
#include "base/assert.h"

static const struct {
    const char *name;
    uint64_t value;
    enum stat_id stat;
} limits[HTTP_LIMIT_COUNT] = {
    [HTTP_LIMIT_HEADER_BYTES] = { "http.header_bytes_max", 32 << 10, STAT_HTTP_LIMIT_HEADER_BYTES },
    [HTTP_LIMIT_HEADER_COUNT] = { "http.header_count_max", 100, STAT_HTTP_LIMIT_HEADER_COUNT },
    [HTTP_LIMIT_BODY_BYTES] = { "http.body_bytes_max", 16 << 20, STAT_HTTP_LIMIT_BODY_BYTES },
    [HTTP_LIMIT_BODIES_IN_FLIGHT] = { "http.bodies_in_flight_bytes_max", 128 << 20,
                                      STAT_HTTP_LIMIT_BODIES_IN_FLIGHT },
    [HTTP_LIMIT_CONNECTIONS] = { "http.connections_max", 4096, STAT_HTTP_LIMIT_CONNECTIONS },
    [HTTP_LIMIT_HEADER_TIMEOUT] = { "http.header_timeout_ms", 10000, STAT_HTTP_LIMIT_HEADER_TIMEOUT },
    [HTTP_LIMIT_BODY_TIMEOUT] = { "http.body_timeout_ms", 30000, STAT_HTTP_LIMIT_BODY_TIMEOUT },
    [HTTP_LIMIT_IDLE_TIMEOUT] = { "http.idle_timeout_ms", 75000, STAT_HTTP_LIMIT_IDLE_TIMEOUT },
    [HTTP_LIMIT_WRITE_TIMEOUT] = { "http.write_timeout_ms", 30000, STAT_HTTP_LIMIT_WRITE_TIMEOUT },
};

void http_limit_values(const struct http_limits *from, uint64_t out[HTTP_LIMIT_COUNT]) {
    const uint64_t configured[HTTP_LIMIT_COUNT] = {
        [HTTP_LIMIT_HEADER_BYTES] = from->header_bytes_max,
        [HTTP_LIMIT_HEADER_COUNT] = from->header_count_max,
        [HTTP_LIMIT_BODY_BYTES] = from->body_bytes_max,
        [HTTP_LIMIT_BODIES_IN_FLIGHT] = from->bodies_in_flight_bytes_max,
        [HTTP_LIMIT_CONNECTIONS] = from->connections_max,
        [HTTP_LIMIT_HEADER_TIMEOUT] = from->header_timeout_ms,
        [HTTP_LIMIT_BODY_TIMEOUT] = from->body_timeout_ms,
        [HTTP_LIMIT_IDLE_TIMEOUT] = from->idle_timeout_ms,
        [HTTP_LIMIT_WRITE_TIMEOUT] = from->write_timeout_ms,
    };
    for (size_t i = 0; i < HTTP_LIMIT_COUNT; i++)
        out[i] = configured[i] ? configured[i] : limits[i].value;
}

const char *http_limit_name(enum http_limit limit) {
    ASSERT(limit < HTTP_LIMIT_COUNT);
    return limits[limit].name;
}

enum http_limit http_limit_find(const char *name) {
    enum http_limit i = 0;
    while (i < HTTP_LIMIT_COUNT && (!name || strcmp(name, limits[i].name) != 0))
        i++;
    return i;
}

void http_limit_reached(enum http_limit limit) {
    ASSERT(limit < HTTP_LIMIT_COUNT);
    stat_add(limits[limit].stat, 1);
}
