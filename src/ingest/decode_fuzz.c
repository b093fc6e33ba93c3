#include "ingest/decode_fuzz.h"
#include "base/assert.h"
#include <stdlib.h>

static void check_rows(const struct fixture *f) {
    const struct batch *b = &f->batch;
    static volatile unsigned sum;
    for (size_t i = 0; i < b->rows.n; i++) {
        const struct row *r = &b->rows.p[i];
        ASSERT(r->stream < f->streams.entries.n && r->cell_first + r->cell_count <= b->cells.n);
        ASSERT(labels_valid(f->streams.entries.p[r->stream].labels));
        for (uint32_t k = 0; k < r->cell_count; k++) {
            const struct cell *c = &b->cells.p[r->cell_first + k];
            ASSERT(c->field < f->fields.names.n && c->type < VALUE_TYPE_COUNT && c->type != VALUE_NULL);
            for (uint32_t other = 0; other < k; other++)
                ASSERT(b->cells.p[r->cell_first + other].field != c->field);
            for (uint32_t at = 0; value_has_bytes(c->type) && at < c->bytes; at++)
                sum = sum + (unsigned char)c->p[at];
        }
    }
}

static void check_items(const struct fixture *f) {
    for (size_t i = 0; i < f->out.items.n; i++) {
        const struct decode_item *it = &f->out.items.p[i];
        ASSERT(it->rejected ? it->reject < f->out.rejects.n
                            : it->row_first + it->row_count <= f->batch.rows.n);
    }
}

static void check_reply(struct fixture *f, const struct ingest_proto *proto, enum err result) {
    struct ingest_reply reply = { .status = 200 };
    if (!proto->reply)
        return;
    proto->reply(&f->in, &f->out, result, &f->why, &reply);
    ASSERT(reply.status >= 200 && reply.status < 600 && buf_ok(&reply.body));
    buf_fini(&reply.body);
}

/* The print of the rows, or NULL when the request is refused. */
static const char *run(struct fixture *f, const struct ingest_proto *proto, struct str body,
                       const char *options) {
    enum err e = fixture_decode(f, proto, body, options);
    check_rows(f);
    if (e == ERR_OK) {
        ASSERT(f->out.row_count == f->batch.rows.n + f->out.rejects.n);
        check_items(f);
    } else {
        ASSERT(f->why.msg[0] != '\0');
    }
    check_reply(f, proto, e);
    return e == ERR_OK ? fixture_print(f) : NULL;
}

int decode_fuzz(const struct ingest_proto *proto, struct str body, struct str content_type,
                const char *options) {
    static struct fixture learnt, fresh;
    if (!learnt.in.memo) {
        fixture_init(&learnt);
        fixture_init(&fresh);
    }
    if (field_dict_full(&learnt.fields) || stream_dict_full(&learnt.streams)) {
        field_dict_reset(&learnt.fields);
        stream_dict_reset(&learnt.streams);
    }
    learnt.in.content_type = fresh.in.content_type = content_type;
    learnt.in.path = fresh.in.path = STR("/fuzz/_bulk");
    if (fresh.memo)
        proto->memo_free(fresh.memo);
    fresh.memo = NULL;
    field_dict_reset(&fresh.fields);
    stream_dict_reset(&fresh.streams);
    const char *a = run(&learnt, proto, body, options), *b = run(&fresh, proto, body, options);
    ASSERT(!a == !b && (!a || strcmp(a, b) == 0));
    return 0;
}
