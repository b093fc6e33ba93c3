#include "net/http1_replay.h"
#include "base/assert.h"
#include "net/http1_chunks.h"

struct replay {
    struct buf *out;
    struct str all;
    size_t at, come; /* start of what is not consumed; bytes that have come */
    struct http1_scan scan;
    struct http1_head head;
    struct http1_chunks chunks;
    uint64_t body_left_bytes;
    enum { IN_HEAD, IN_BODY, IN_CHUNKS, REFUSED } state;
    struct arena mem;
};

static struct str input(const struct replay *r) {
    return (struct str){ r->all.p + r->at, r->come - r->at };
}

static void refused(struct replay *r, const struct http1_refusal *why) {
    buf_addf(r->out, "refused %u %s\n", why->status, why->limit ? why->limit : "");
    r->state = REFUSED;
}

static void add_head(struct replay *r) {
    const struct http1_head *h = &r->head;
    buf_addf(r->out, "method %d path " STR_FMT " query " STR_FMT, h->method, STR_ARG(h->path),
             STR_ARG(h->query));
    buf_addf(r->out, "%s%s%s", h->http10 ? " http10" : "", h->keep_alive ? " keep" : "",
             h->expect_continue ? " expect" : "");
    if (h->has_length)
        buf_addf(r->out, " length %llu", (unsigned long long)h->length_bytes);
    for (size_t i = 0; i < h->header_count; i++)
        buf_addf(r->out, "\n  " STR_FMT "=" STR_FMT, STR_ARG(h->headers[i].name),
                 STR_ARG(h->headers[i].value));
    buf_add(r->out, STR("\n  body "));
}

static void request_ends(struct replay *r) {
    buf_add(r->out, STR(".\n"));
    r->state = IN_HEAD;
    r->scan = (struct http1_scan){ 0 };
    arena_reset(&r->mem);
}

static bool step_head(struct replay *r) {
    struct http1_refusal why;
    size_t n;
    enum http1_step step = http1_scan_head(&r->scan, input(r), HTTP1_REPLAY_HEADER_BYTES_MAX, &n, &why);
    if (step == HTTP1_MORE)
        return false;
    if (step == HTTP1_DONE)
        step = http1_parse_head((struct str){ input(r).p, n }, HTTP1_REPLAY_HEADER_COUNT_MAX, &r->mem,
                                &r->head, &why);
    if (step == HTTP1_REFUSED) {
        refused(r, &why);
        return false;
    }
    r->at += n;
    add_head(r);
    r->chunks = (struct http1_chunks){ 0 };
    r->body_left_bytes = r->head.length_bytes;
    r->state = r->head.chunked ? IN_CHUNKS : IN_BODY;
    return true;
}

static bool step_body(struct replay *r) {
    size_t n = input(r).n < r->body_left_bytes ? input(r).n : (size_t)r->body_left_bytes;
    buf_add(r->out, (struct str){ input(r).p, n });
    r->at += n;
    r->body_left_bytes -= n;
    if (r->body_left_bytes == 0)
        request_ends(r);
    return r->state == IN_HEAD;
}

static bool step_chunks(struct replay *r) {
    struct str in = input(r), data;
    struct http1_refusal why;
    enum http1_step step = http1_chunks_next(&r->chunks, &in, &data, &why);
    r->at = r->come - in.n;
    buf_add(r->out, data);
    if (step == HTTP1_REFUSED)
        refused(r, &why);
    if (step == HTTP1_DONE)
        request_ends(r);
    return step == HTTP1_DONE || data.n > 0;
}

static bool step(struct replay *r) {
    switch (r->state) {
    case IN_HEAD: return input(r).n > 0 && step_head(r);
    case IN_BODY: return step_body(r);
    case IN_CHUNKS: return step_chunks(r);
    case REFUSED: return false;
    }
    return false;
}

void http1_replay(struct str bytes, size_t first_bytes, size_t piece_bytes, struct buf *out) {
    struct replay r = { .out = out, .all = bytes };
    arena_init(&r.mem, 0);
    for (size_t piece = first_bytes; r.come < bytes.n; piece = piece_bytes ? piece_bytes : bytes.n) {
        size_t left = bytes.n - r.come;
        r.come += piece < left ? piece : left;
        while (step(&r)) {
        }
    }
    ASSERT(r.at <= r.come);
    arena_fini(&r.mem);
}
