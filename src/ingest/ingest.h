#pragma once
#include "base/clock.h"
#include "model/batch.h"
/*
 * An ingest protocol is a pure decoder: bytes in, rows out. It opens no socket, takes no lock and writes
 * no disk; auth, limits, decompression, journal and waiting are done once, by the carriers (ingest_http.c,
 * ingest_stream.c), for every protocol. To add one: copy the smallest neighbour, add a line to list.def.
 */
struct decode_memo; /* what a protocol remembers between calls on one shard (shapes, streams) */

struct decode_input {
    struct str body;
    struct str path;          /* of the request, for protocols that read it ("/idx/_bulk") */
    struct str content_type;
    const struct decode_param {
        struct str name, value;
    } *params;                /* decoded query parameters */
    size_t param_count;
    struct str batch_id;      /* X-Sonde-Batch-Id, or empty */
    int64_t received_ns;
    const struct str *label_fields; /* fields that are stream labels, from the configuration */
    size_t label_field_count;
    struct str peer;          /* sender's address text */
    struct decode_memo **memo; /* the protocol's own slot, NULL at first */
};

/* A row that cannot be accepted: goes to dead_letters and back to the sender. */
struct reject {
    uint32_t row;       /* number in the request, from 0 */
    enum err code;
    struct str reason;  /* in the output's memory */
    struct str raw;     /* the row as sent (cut to 64 KiB) */
};
/* One item of a protocol whose answer names each row (Elasticsearch). */
struct decode_item {
    uint32_t row_first, row_count; /* rows of the batch that came of it; 0 rows when rejected */
    struct id128 claim;            /* of its document id; zero: none */
    struct str index, id;
    uint8_t op;                    /* the protocol's own */
    bool rejected, duplicate;      /* duplicate is set by the carrier */
    uint32_t reject;               /* index of the reject */
};
struct decode_output {
    struct batch *batch; /* rows are appended; strings may point into body */
    VEC(struct reject) rejects;
    VEC(struct decode_item) items; /* only if the protocol fills them */
    struct arena *mem;   /* lives until the reply */
    uint32_t row_count;  /* rows of the request, good and bad */
};
struct ingest_reply;

struct ingest_proto {
    const char *name;          /* as in the configuration and metrics */
    const char *http_method;   /* "POST" */
    const char *http_paths[4]; /* router patterns; NULL ends */
    unsigned port;             /* standard extra port, 0: none */
    const char *help;
    /* ERR_OK with rejects for bad rows; another error refuses the whole request, nothing of it is kept. */
    enum err (*decode)(const struct decode_input *in, struct decode_output *out, struct err_text *why);
    void (*memo_free)(struct decode_memo *memo);
    /* The protocol's own answer after durability (or after an error: `result` other than ERR_OK); NULL: the native one,
     * {"accepted":N,"rejected":M,"errors":[{"row":…,"reason":…}]}. Writes status, content type and body. */
    void (*reply)(const struct decode_input *in, const struct decode_output *out, enum err result,
                  const struct err_text *why, struct ingest_reply *reply);
    /* Stream protocols (syslog): cuts one message from the front of `*rest`; ERR_OK with out->n 0 when more bytes are needed. */
    enum err (*frame)(struct str *rest, struct str *out_message, struct err_text *why);
    bool udp, tcp;
};
struct ingest_reply {
    unsigned status;
    const char *content_type;
    bool elastic_product; /* send X-Elastic-Product */
    struct buf body;
};
extern const struct ingest_proto *const ingest_protos[];
extern const size_t ingest_proto_count;
const struct ingest_proto *ingest_find(struct str name);

/* For decoders. */
bool ingest_param(const struct decode_input *in, struct str name, struct str *out);
/* ?name, ?name=1, ?name=true */
bool ingest_param_is_true(const struct decode_input *in, struct str name);
/* Claims X-Sonde-Batch-Id, when there is one, for the rows of the batch: hash128("batch" NUL id). */
void ingest_claim_batch(const struct decode_input *in, struct decode_output *out);
