#pragma once
#include "ingest/submit.h"
/*
 * The carrier of protocols without requests: datagrams and byte streams. Nobody waits for an answer, so the rows are
 * handed to submit at once; when the store does not admit them, TCP senders are not read from (they wait), datagrams are dropped
 * and counted. One per loop shard, on its thread.
 */
struct ingest_stream;
struct ingest_stream_config {
    struct store *store;
    struct submit *submit;
    struct loop *loop;
    const struct clock *clock;
    const struct str *label_fields;
    size_t label_field_count;
    int64_t future_limit_ns;
};
NODISCARD struct ingest_stream *ingest_stream_new(const struct ingest_stream_config *c);
/* Protocol by its name in list.def. */
NODISCARD enum err ingest_stream_listen(struct ingest_stream *s, struct str protocol, struct str host, unsigned port, bool udp,
                                        struct err_text *why);
/* Stops listening, takes what was received whole, and frees itself. NULL is fine. */
void ingest_stream_close(struct ingest_stream *s);
