/*
 * One request: admit -> decode into the open batch -> take out duplicates and bad rows -> commit -> durable -> answer.
 *
 * Duplicates: ids are claimed before anything is encoded. A claim that is already done makes its row (or, for a
 * batch id, the whole request) a repeat; one that is pending belongs to another request, whose fate decides ours, so the
 * answer waits for it.
 */
#include "ingest/ingest_http.h"
#include "base/assert.h"
#include "base/heap.h"
#include "base/stat.h"
#include "ingest/validate.h"
#include "net/http_error.h"
#include "wire/json.h"

enum { PARAMS_MAX = 64, REPLY_ERRORS_MAX = 100, REPLY_BYTES_MAX = 64 << 20, REQUEST_MEM_BYTES_MAX = 64 << 20 };

struct ingest_http {
    struct ingest_http_config config;
    struct decode_memo **memos; /* one slot a protocol */
    struct ingest_route {
        struct ingest_http *owner;
        size_t proto;
    } *routes;
};

/* A claim of another request that this one waits for. */
struct claim_wait {
    struct letter letter;
    struct upload *upload;
    struct id128 id;
    size_t item; /* SIZE_MAX: the batch id */
};

struct upload {
    struct submit_ticket ticket;
    struct ingest_http *owner;
    struct http_request *request;
    const struct ingest_proto *proto;
    struct decode_input in;
    struct decode_output out;
    struct arena mem;
    struct err_text why;
    struct decode_param params[PARAMS_MAX];
    unsigned waiting_claims;
    unsigned accepted;
    bool committed, duplicate;
    enum err result;
};

/* --- answers ------------------------------------------------------------------------------------------ */

static void reply_native(const struct upload *u) {
    AUTO(buf) body = { .limit_bytes = REPLY_BYTES_MAX };
    buf_addf(&body, "{\"accepted\":%u,\"rejected\":%zu,\"duplicate\":%s,\"position\":%llu,\"errors\":[", u->accepted,
             u->out.rejects.n, u->duplicate ? "true" : "false", (unsigned long long)u->ticket.position);
    for (size_t i = 0; i < u->out.rejects.n && i < REPLY_ERRORS_MAX; i++) {
        const struct reject *r = &u->out.rejects.p[i];
        buf_addf(&body, "%s{\"row\":%u,\"reason\":", i ? "," : "", r->row);
        json_add_string(&body, r->reason);
        buf_add_char(&body, '}');
    }
    buf_add(&body, STR("]}\n"));
    bool none = u->accepted == 0 && u->out.rejects.n > 0;
    http_reply_json(u->request, none ? 400 : 200, buf_str(&body));
}

static void reply_own(struct upload *u) {
    struct ingest_reply reply = { .status = 200, .body = { .limit_bytes = REPLY_BYTES_MAX } };
    u->proto->reply(&u->in, &u->out, u->result, &u->why, &reply);
    struct http_header headers[2];
    size_t count = 0;
    if (reply.elastic_product)
        headers[count++] = (struct http_header){ STR("X-Elastic-Product"), STR("Elasticsearch") };
    if (reply.status == 429 || reply.status == 503)
        headers[count++] = (struct http_header){ STR("Retry-After"), STR("1") };
    http_reply(u->request, &(struct http_answer){ .status = reply.status,
                                                  .content_type = reply.content_type,
                                                  .headers = headers,
                                                  .header_count = count,
                                                  .body = buf_str(&reply.body) });
    buf_fini(&reply.body);
}

static void upload_finish(struct upload *u) {
    if (u->proto->reply)
        reply_own(u);
    else if (u->result != ERR_OK)
        http_reply_error(u->request, u->result, &u->why);
    else
        reply_native(u);
    if (u->result != ERR_OK)
        stat_add(STAT_INGEST_BUSY, u->result == ERR_UNAVAILABLE || u->result == ERR_LIMIT);
    VEC_FINI(&u->out.rejects);
    VEC_FINI(&u->out.items);
    arena_fini(&u->mem);
    heap_free(u);
}

static void finish_when_settled(struct upload *u) {
    if (u->ticket.waits == 0 && u->waiting_claims == 0)
        upload_finish(u);
}

static void on_durable(struct submit_ticket *t, enum err result) {
    struct upload *u = (struct upload *)t;
    if (result != ERR_OK && u->result == ERR_OK) {
        u->result = result;
        ERR_IGNORE(err_say(&u->why, result, "the journal could not keep the rows now; send them again"), "said");
    }
    finish_when_settled(u);
}

/* --- duplicates --------------------------------------------------------------------------------------- */

static void on_other_claim(struct letter *l) {
    struct claim_wait *w = (struct claim_wait *)l;
    struct upload *u = w->upload;
    struct store *store = u->owner->config.store;
    bool durable = store_claim(store, w->id, NULL, NULL) == CLAIM_DONE;
    if (!durable) { /* the other one failed: the id is free again, and the sender must try once more */
        store_claim_resolve(store, &w->id, 1, false);
        u->result = ERR_UNAVAILABLE;
        ERR_IGNORE(err_say(&u->why, ERR_UNAVAILABLE, "an earlier send of the same id failed; send it again"), "said");
    }
    heap_free(w);
    u->waiting_claims--;
    finish_when_settled(u);
}

/* True when the id is new, hence ours. */
static bool claim(struct upload *u, struct id128 id, size_t item) {
    struct claim_wait *w = HEAP_NEW(struct claim_wait);
    *w = (struct claim_wait){ { .open = on_other_claim }, u, id, item };
    enum claim_state state = store_claim(u->owner->config.store, id, loop_mailbox(http_loop(u->request)), &w->letter);
    if (state == CLAIM_PENDING) {
        u->waiting_claims++;
        return false;
    }
    heap_free(w);
    return state == CLAIM_NEW;
}

/* Ids of whole requests: the decoder left them in batch->claims. */
static bool claim_request(struct upload *u, struct batch_mark mark) {
    struct batch *b = u->out.batch;
    for (size_t i = mark.claims; i < b->claims.n; i++) {
        if (claim(u, b->claims.p[i], SIZE_MAX))
            continue;
        if (i > mark.claims)
            store_claim_resolve(u->owner->config.store, b->claims.p + mark.claims, i - mark.claims, false);
        stat_add(STAT_INGEST_DUPLICATES, (int64_t)(b->rows.n - mark.rows));
        u->accepted = (unsigned)(b->rows.n - mark.rows);
        u->duplicate = true;
        return false;
    }
    return true;
}

/* Ids of single documents: rows of repeats are dropped. */
static void claim_items(struct upload *u) {
    struct batch *b = u->out.batch;
    for (size_t i = 0; i < u->out.items.n; i++) {
        struct decode_item *it = &u->out.items.p[i];
        bool has_id = it->claim.hi != 0 || it->claim.lo != 0;
        if (it->rejected || it->row_count == 0 || !has_id)
            continue;
        if (claim(u, it->claim, i)) {
            VEC_PUSH(&b->claims, it->claim);
            continue;
        }
        it->duplicate = true;
        stat_add(STAT_INGEST_DUPLICATES, it->row_count);
        for (uint32_t r = 0; r < it->row_count; r++)
            batch_drop(b, it->row_first + r);
    }
}

/* --- one request --------------------------------------------------------------------------------------- */

static void read_params(struct upload *u) {
    size_t count = http_param_count(u->request);
    u->in.param_count = count < PARAMS_MAX ? count : PARAMS_MAX;
    for (size_t i = 0; i < u->in.param_count; i++)
        http_param_at(u->request, i, &u->params[i].name, &u->params[i].value);
    u->in.params = u->params;
}

static struct upload *upload_new(struct ingest_http *h, size_t proto, struct http_request *r) {
    struct upload *u = HEAP_NEW(struct upload);
    u->owner = h;
    u->request = r;
    u->proto = ingest_protos[proto];
    u->ticket.done = on_durable;
    arena_init(&u->mem, REQUEST_MEM_BYTES_MAX);
    read_params(u);
    u->in.body = http_body(r);
    u->in.path = http_path(r);
    u->in.content_type = http_header(r, STR("content-type"));
    u->in.batch_id = http_header(r, STR("x-sonde-batch-id"));
    u->in.received_ns = http_received_ns(r);
    u->in.label_fields = h->config.label_fields;
    u->in.label_field_count = h->config.label_field_count;
    u->in.peer = http_peer(r);
    u->in.memo = &h->memos[proto];
    u->out.mem = &u->mem;
    return u;
}

static void commit_dead_letters(struct upload *u) {
    struct submit *s = u->owner->config.submit;
    struct batch *dead = submit_open_batch(s, TABLE_DEAD_LETTERS);
    if (http_body_shared(u->request))
        batch_keep(dead, http_body_shared(u->request));
    dead_letters_add(&u->in, &u->out, str_of(u->proto->name), dead);
    stat_add(STAT_INGEST_REJECTED, (int64_t)u->out.rejects.n);
    submit_commit(s, TABLE_DEAD_LETTERS, &u->ticket);
}

static enum err take_rows(struct upload *u) {
    struct ingest_http *h = u->owner;
    TRY(store_admit(h->config.store, &u->why));
    struct batch *b = u->out.batch = submit_open_batch(h->config.submit, TABLE_LOGS);
    struct batch_mark mark = batch_mark(b);
    enum err e = u->proto->decode(&u->in, &u->out, &u->why);
    if (e != ERR_OK || !claim_request(u, mark)) {
        batch_rollback(b, mark);
        u->out.rejects.n = 0;
        return e;
    }
    struct validate_limits limits = { clock_now_ns(h->config.clock) + h->config.future_limit_ns };
    validate_rows(&u->out, mark.rows, &limits);
    claim_items(u);
    batch_compact(b, mark.rows);
    u->accepted = (unsigned)(b->rows.n - mark.rows);
    if (u->accepted) {
        if (http_body_shared(u->request))
            batch_keep(b, http_body_shared(u->request));
        submit_commit(h->config.submit, TABLE_LOGS, &u->ticket);
    } else if (b->claims.n > mark.claims) {
        store_claim_resolve(h->config.store, b->claims.p + mark.claims, b->claims.n - mark.claims, false);
        batch_rollback(b, mark);
    }
    if (u->out.rejects.n)
        commit_dead_letters(u);
    return ERR_OK;
}

static void handle(void *ctx, struct http_request *r, const struct str *segments) {
    (void)segments;
    struct ingest_route *route = ctx;
    struct upload *u = upload_new(route->owner, route->proto, r);
    u->result = take_rows(u);
    finish_when_settled(u);
}

struct ingest_http *ingest_http_new(const struct ingest_http_config *c) {
    struct ingest_http *h = HEAP_NEW(struct ingest_http);
    h->config = *c;
    h->memos = HEAP_ARRAY(struct decode_memo *, ingest_proto_count);
    h->routes = HEAP_ARRAY(struct ingest_route, ingest_proto_count);
    return h;
}

void ingest_http_free(struct ingest_http *h) {
    if (!h)
        return;
    for (size_t i = 0; i < ingest_proto_count; i++)
        if (h->memos[i] && ingest_protos[i]->memo_free)
            ingest_protos[i]->memo_free(h->memos[i]);
    heap_free(h->memos);
    heap_free(h->routes);
    heap_free(h);
}

void ingest_http_routes(struct ingest_http *h, struct router *r) {
    for (size_t i = 0; i < ingest_proto_count; i++) {
        const struct ingest_proto *p = ingest_protos[i];
        h->routes[i] = (struct ingest_route){ h, i };
        for (size_t k = 0; k < COUNT_OF(p->http_paths) && p->http_paths[k]; k++)
            router_add(r, &(struct route){ .method = p->http_method ? p->http_method : "POST",
                                           .pattern = p->http_paths[k],
                                           .handle = handle,
                                           .ctx = &h->routes[i] });
    }
}
