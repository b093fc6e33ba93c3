#include "net/router.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/heap.h"
#include "base/vec.h"
#include "net/http_error.h"
#include <stdio.h>
/*
 * A tree of path segments. A node's children are literals and at most one placeholder; the search tries the
 * literal first and comes back for the placeholder when that way has no end. So "/api/_search" wins over
 * "/{index}/_search", and "/api/_bulk" still finds "/{index}/_bulk" beside "/api/query". A path of more
 * segments than the longest pattern is not searched at all, which bounds the two-way choice at each level.
 */
enum { SEGMENTS_MAX = 12 };

struct node {
    struct str segment;
    VEC(struct node *) literals;
    struct node *placeholder;
    struct route *routes[HTTP_METHOD_COUNT]; /* NULL: no such method */
    bool any, open;
};

struct router {
    struct node *root;
    VEC(struct route *) routes; /* owned */
    size_t depth;               /* of the longest pattern */
};

static const struct str method_names[HTTP_METHOD_COUNT] = {
    [HTTP_GET] = { "GET", 3 }, [HTTP_HEAD] = { "HEAD", 4 },     [HTTP_POST] = { "POST", 4 },
    [HTTP_PUT] = { "PUT", 3 }, [HTTP_DELETE] = { "DELETE", 6 }, [HTTP_OPTIONS] = { "OPTIONS", 7 },
};

struct router *router_new(void) {
    struct router *r = HEAP_NEW(struct router);
    r->root = HEAP_NEW(struct node);
    return r;
}

static void node_free(struct node *n) {
    if (!n)
        return;
    for (size_t i = 0; i < n->literals.n; i++)
        node_free(n->literals.p[i]);
    node_free(n->placeholder);
    VEC_FINI(&n->literals);
    heap_free(n);
}

void router_free(struct router *r) {
    if (!r)
        return;
    node_free(r->root);
    for (size_t i = 0; i < r->routes.n; i++)
        heap_free(r->routes.p[i]);
    VEC_FINI(&r->routes);
    heap_free(r);
}

/* Cuts "/a/b" into "a", "b"; false when there are too many. */
static bool split(struct str path, struct str *segments, size_t max, size_t *out_count) {
    if (path.n == 0 || path.p[0] != '/')
        return false;
    size_t n = 0;
    for (bool more = true; more; n++) {
        if (n == max)
            return false;
        path = str_skip(path, 1);
        const char *slash = path.n ? memchr(path.p, '/', path.n) : NULL;
        segments[n] = (struct str){ path.p, slash ? (size_t)(slash - path.p) : path.n };
        path = str_skip(path, segments[n].n);
        more = slash != NULL;
    }
    *out_count = n;
    return true;
}

static struct node *literal_of(const struct node *n, struct str segment) {
    for (size_t i = 0; i < n->literals.n; i++)
        if (str_eq(n->literals.p[i]->segment, segment))
            return n->literals.p[i];
    return NULL;
}

static struct node *child_for(struct node *n, struct str segment) {
    bool placeholder = str_starts(segment, STR("{")) && str_ends(segment, STR("}"));
    struct node *child = placeholder ? n->placeholder : literal_of(n, segment);
    if (child)
        return child;
    child = HEAP_NEW(struct node);
    child->segment = segment;
    if (placeholder)
        n->placeholder = child;
    else
        VEC_PUSH(&n->literals, child);
    return child;
}

static enum http_method method_of(struct str name) {
    enum http_method m = 0;
    while (m < HTTP_METHOD_COUNT && !str_eq(name, method_names[m]))
        m++;
    ASSERT(m < HTTP_METHOD_COUNT);
    return m;
}

void router_add(struct router *r, const struct route *route) {
    struct route *copy = HEAP_NEW(struct route);
    *copy = *route;
    VEC_PUSH(&r->routes, copy);
    struct str segments[SEGMENTS_MAX];
    size_t count = 0;
    bool ok = split(str_of(route->pattern), segments, SEGMENTS_MAX, &count);
    ASSERT(ok);
    if (count > r->depth)
        r->depth = count;
    struct node *n = r->root;
    for (size_t i = 0; i < count; i++)
        n = child_for(n, segments[i]);
    n->any = true;
    n->open |= route->open;
    struct str methods = str_of(route->method), name = methods;
    for (bool more = true; more; name = methods) {
        more = str_cut(&methods, '|', &name);
        struct route **slot = &n->routes[method_of(name)];
        ASSERT(*slot == NULL); /* two handlers for one request */
        *slot = copy;
    }
}

/* GET serves HEAD too: the server leaves the body out. */
static const struct route *route_for(const struct node *n, enum http_method method) {
    const struct route *route = n->routes[method];
    return !route && method == HTTP_HEAD ? n->routes[HTTP_GET] : route;
}

/* A search and the values of the placeholders on its way. */
struct match {
    const struct str *segments;
    size_t count;
    bool any_method;
    enum http_method method;
    struct str values[SEGMENTS_MAX];
    size_t value_count;
};

static const struct node *find(const struct node *n, struct match *m, size_t level) {
    if (level == m->count)
        return (m->any_method ? n->any : route_for(n, m->method) != NULL) ? n : NULL;
    struct str segment = m->segments[level];
    const struct node *child = literal_of(n, segment);
    const struct node *end = child ? find(child, m, level + 1) : NULL;
    if (end || !n->placeholder || segment.n == 0)
        return end;
    m->values[m->value_count++] = segment;
    end = find(n->placeholder, m, level + 1);
    if (!end)
        m->value_count--;
    return end;
}

/* A path written out in full is meant, whatever the method; one with placeholders gives way to another that
 * has the request's method. */
static const struct node *find_end(const struct router *r, struct match *m) {
    struct match first = *m;
    first.any_method = true;
    const struct node *end = find(r->root, &first, 0);
    const struct node *better = end && first.value_count > 0 ? find(r->root, m, 0) : NULL;
    if (better)
        return better;
    *m = first;
    return end;
}

/* 204 to OPTIONS, 405 otherwise. */
static void reply_allow(struct http_request *req, const struct node *n) {
    AUTO(buf) allow = { .limit_bytes = 128 };
    for (enum http_method m = 0; m < HTTP_METHOD_COUNT; m++)
        if (route_for(n, m) || m == HTTP_OPTIONS)
            buf_addf(&allow, "%s" STR_FMT, allow.n ? ", " : "", STR_ARG(method_names[m]));
    struct http_header header = { STR("Allow"), buf_str(&allow) };
    bool options = http_method(req) == HTTP_OPTIONS;
    http_reply(req,
               &(struct http_answer){ .status = options ? 204 : 405,
                                      .content_type = options ? NULL : "application/json",
                                      .headers = &header,
                                      .header_count = 1,
                                      .body = STR("{\"error\":\"this path does not have this method\"}\n") });
}

static void reply_unauthorized(struct http_request *req) {
    struct http_header header = { STR("WWW-Authenticate"), STR("Bearer realm=\"sonde\"") };
    http_reply(req, &(struct http_answer){ .status = 401,
                                           .content_type = "application/json",
                                           .headers = &header,
                                           .header_count = 1,
                                           .body = STR("{\"error\":\"a valid token is needed\"}\n") });
}

void router_dispatch(const struct router *r, struct http_request *req, bool authorized) {
    struct str segments[SEGMENTS_MAX];
    struct match m = { .segments = segments, .method = http_method(req) };
    const struct node *n = NULL;
    if (split(http_path(req), segments, r->depth, &m.count))
        n = find_end(r, &m);
    const struct route *route = n ? route_for(n, http_method(req)) : NULL;
    bool open = route ? route->open : n && n->open;
    if (!authorized && !open)
        reply_unauthorized(req);
    else if (!n)
        http_reply_status(req, 404, STR("there is nothing at this path"), 0);
    else if (!route)
        reply_allow(req, n);
    else
        route->handle(route->ctx, req, m.values);
}
