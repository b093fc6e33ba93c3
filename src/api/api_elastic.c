/*
 * What Elasticsearch's shippers ask before they send: who are you, are you well, may I install my template. Templates, policies
 * and pipelines are kept as documents in the catalog and given back as they came; sonde needs no mapping, so it does not act on them.
 * Every answer carries X-Elastic-Product: the official clients refuse a server without it.
 */
#include "api/api.h"
#include "catalog/catalog.h"
#include "net/http_error.h"
#include "wire/json.h"
#include <stdio.h>

enum { DOCUMENT_BYTES_MAX = 1 << 20, NAME_BYTES_MAX = 256 };

static void reply(struct http_request *r, unsigned status, struct str body) {
    struct http_header product = { STR("X-Elastic-Product"), STR("Elasticsearch") };
    http_reply(r, &(struct http_answer){ .status = status, .content_type = "application/json", .headers = &product,
                                         .header_count = 1, .body = body });
}

static void reply_error(struct http_request *r, unsigned status, const char *type, const char *reason) {
    AUTO(buf) body = { 0 };
    buf_addf(&body, "{\"error\":{\"type\":\"%s\",\"reason\":\"%s\"},\"status\":%u}", type, reason, status);
    reply(r, status, buf_str(&body));
}

/* Beats refuse a server that is older than they are: the version is the asker's own when it tells one ("Elastic-filebeat/8.19.1"). */
static void add_version(struct str agent, struct buf *out) {
    size_t slash = str_find(agent, STR("/"), 0), n = 0;
    struct str v = slash == SIZE_MAX ? (struct str){ 0 } : str_skip(agent, slash + 1);
    unsigned dots = 0;
    while (n < v.n && n < 12 && (ascii_digit(v.p[n]) || v.p[n] == '.'))
        dots += v.p[n++] == '.';
    bool known = str_starts(agent, STR("Elastic")) || str_starts(agent, STR("elasticsearch"));
    if (known && dots == 2 && v.p[0] >= '7' && v.p[0] <= '9')
        buf_add(out, (struct str){ v.p, n });
    else
        buf_add(out, STR("8.19.0"));
}

static void handle_root(void *ctx, struct http_request *r, const struct str *segments) {
    (void)segments;
    struct api *api = ctx;
    AUTO(buf) body = { 0 };
    buf_addf(&body, "{\"name\":\"sonde\",\"cluster_name\":\"sonde\",\"cluster_uuid\":\"%s\",\"version\":{\"number\":\"",
             api->cluster_uuid);
    add_version(http_header(r, STR("user-agent")), &body);
    buf_add(&body, STR("\",\"build_flavor\":\"default\",\"build_type\":\"deb\",\"lucene_version\":\"9.12.0\","
                       "\"minimum_wire_compatibility_version\":\"7.17.0\",\"minimum_index_compatibility_version\":\"7.0.0\"},"
                       "\"tagline\":\"You Know, for Search\"}"));
    reply(r, 200, buf_str(&body));
}

static void handle_health(void *ctx, struct http_request *r, const struct str *segments) {
    (void)segments;
    struct api *api = ctx;
    struct err_text why;
    bool ready = store_ready(api->store, &why);
    AUTO(buf) body = { 0 };
    buf_addf(&body, "{\"cluster_name\":\"sonde\",\"status\":\"%s\",\"timed_out\":%s,\"number_of_nodes\":1,\"number_of_data_nodes\":1,"
             "\"active_primary_shards\":1,\"active_shards\":1,\"relocating_shards\":0,\"initializing_shards\":0,"
             "\"unassigned_shards\":0}", ready ? "green" : "red", ready ? "false" : "true");
    reply(r, ready ? 200 : 408, buf_str(&body));
}

static void handle_license(void *ctx, struct http_request *r, const struct str *segments) {
    (void)segments;
    struct api *api = ctx;
    AUTO(buf) body = { 0 };
    buf_addf(&body, "{\"license\":{\"status\":\"active\",\"uid\":\"%s\",\"type\":\"basic\",\"issued_to\":\"sonde\",\"issuer\":\"sonde\"}}",
             api->cluster_uuid);
    reply(r, 200, buf_str(&body));
}

static void handle_xpack(void *ctx, struct http_request *r, const struct str *segments) {
    (void)ctx;
    (void)segments;
    reply(r, 200, STR("{\"license\":{\"type\":\"basic\",\"mode\":\"basic\",\"status\":\"active\"},\"features\":{"
                      "\"ilm\":{\"available\":true,\"enabled\":true},\"security\":{\"available\":false,\"enabled\":false}}}"));
}

static void handle_nodes(void *ctx, struct http_request *r, const struct str *segments) {
    (void)segments;
    struct api *api = ctx;
    AUTO(buf) body = { 0 };
    buf_addf(&body, "{\"cluster_name\":\"sonde\",\"nodes\":{\"%s\":{\"name\":\"sonde\",\"version\":\"", api->cluster_uuid);
    add_version(http_header(r, STR("user-agent")), &body);
    buf_add(&body, STR("\",\"roles\":[\"data\",\"ingest\"],\"http\":{\"publish_address\":"));
    json_add_string(&body, api->config->listen);
    buf_add(&body, STR("}}}}"));
    reply(r, 200, buf_str(&body));
}

/* --- documents: templates, policies, pipelines ------------------------------------------------------------ */

static bool document_name(const struct http_request *r, char name[NAME_BYTES_MAX]) {
    struct str path = http_path(r);
    if (path.n + sizeof "es" > NAME_BYTES_MAX)
        return false;
    (void)snprintf(name, NAME_BYTES_MAX, "es" STR_FMT, STR_ARG(path));
    return true;
}

static void handle_document(void *ctx, struct http_request *r, const struct str *segments) {
    (void)segments;
    struct api *api = ctx;
    struct catalog *catalog = store_catalog(api->store);
    struct err_text why = { "" };
    char name[NAME_BYTES_MAX];
    AUTO(buf) value = { .limit_bytes = DOCUMENT_BYTES_MAX };
    if (!document_name(r, name)) {
        reply_error(r, 400, "invalid_name_exception", "the name is too long");
        return;
    }
    enum http_method method = http_method(r);
    if (method == HTTP_PUT || method == HTTP_POST || method == HTTP_DELETE) {
        struct str body = method == HTTP_DELETE ? (struct str){ 0 } : http_body(r);
        if (body.n > DOCUMENT_BYTES_MAX)
            reply_error(r, 413, "illegal_argument_exception", "the document is larger than 1 MiB");
        else if (catalog_set_setting(catalog, str_of(name), body, &why) != ERR_OK)
            reply_error(r, 503, "unavailable", "the catalog could not keep it");
        else
            reply(r, 200, STR("{\"acknowledged\":true}"));
        return;
    }
    if (catalog_setting(catalog, str_of(name), &value, &why) == ERR_OK)
        reply(r, 200, buf_str(&value));
    else
        reply_error(r, 404, "resource_not_found_exception", "there is no such document");
}

/* A row is visible when it is acknowledged: there is nothing left to refresh. */
static void handle_refresh(void *ctx, struct http_request *r, const struct str *segments) {
    (void)ctx;
    (void)segments;
    reply(r, 200, STR("{\"_shards\":{\"total\":1,\"successful\":1,\"failed\":0}}"));
}

/* An index needs no making: it exists as soon as someone writes to it. */
static void handle_index(void *ctx, struct http_request *r, const struct str *segments) {
    (void)ctx;
    AUTO(buf) body = { 0 };
    buf_add(&body, STR("{\"acknowledged\":true,\"shards_acknowledged\":true,\"index\":"));
    json_add_string(&body, segments[0]);
    buf_add_char(&body, '}');
    reply(r, 200, http_method(r) == HTTP_PUT ? buf_str(&body) : STR("{}"));
}

void api_elastic_routes(struct api *api, struct router *r) {
    const struct route routes[] = { // tidy: table
        { "GET|HEAD", "/", handle_root, api, false },
        { "GET|HEAD", "/_cluster/health", handle_health, api, false },
        { "GET", "/_license", handle_license, api, false },
        { "GET", "/_xpack", handle_xpack, api, false },
        { "GET", "/_nodes", handle_nodes, api, false },
        { "GET", "/_nodes/http", handle_nodes, api, false },
        { "GET|HEAD|PUT|DELETE", "/_ilm/policy/{name}", handle_document, api, false },
        { "GET|HEAD|PUT|DELETE", "/_template/{name}", handle_document, api, false },
        { "GET|HEAD|PUT|DELETE", "/_index_template/{name}", handle_document, api, false },
        { "GET|HEAD|PUT|DELETE", "/_component_template/{name}", handle_document, api, false },
        { "GET|HEAD|PUT|DELETE", "/_data_stream/{name}", handle_document, api, false },
        { "GET|HEAD|PUT|DELETE", "/_ingest/pipeline/{name}", handle_document, api, false },
        { "GET|POST", "/_refresh", handle_refresh, api, false },
        { "GET|POST", "/{index}/_refresh", handle_refresh, api, false },
        { "HEAD|PUT", "/{index}", handle_index, api, false },
    };
    for (size_t i = 0; i < COUNT_OF(routes); i++)
        router_add(r, &routes[i]);
}
