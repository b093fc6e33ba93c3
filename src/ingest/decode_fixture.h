#pragma once
#include "ingest/ingest.h"
/*
 * For the tests of decoders: one shard's worth of dictionaries, a batch, and a print of its rows that tests
 * compare with.
 */
struct fixture {
    struct field_dict fields;
    struct stream_dict streams;
    struct batch batch;
    struct arena reply_mem;
    struct decode_memo *memo;
    struct decode_input in;
    struct decode_output out;
    struct err_text why;
    struct decode_param params[8];
    struct buf print;
};
/* 2026-11-21T06:25:00Z, when all requests of the tests arrive. */
extern const int64_t fixture_now_ns;

void fixture_init(struct fixture *f);
void fixture_fini(struct fixture *f, const struct ingest_proto *proto);
/* `options` is a query string without escapes ("stream=a&time=t"), or NULL. The batch is cleared before. */
enum err fixture_decode(struct fixture *f, const struct ingest_proto *proto, struct str body,
                        const char *options);
/* One line a row: `+MS {labels} field=value field=value`, fields by name, +MS being the row's time since
 * fixture_now_ns in milliseconds; then one line a reject: `! ROW REASON | RAW`. Strings in quotes, the rest
 * with a letter for their type: i1 f0.5 b1 n1.50 j[1]. */
const char *fixture_print(struct fixture *f);
