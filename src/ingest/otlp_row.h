#pragma once
#include "ingest/row_maker.h"
/*
 * OpenTelemetry's log records as rows, whatever they were encoded in: ingest_otlp.c reads protobuf,
 * otlp_json.c JSON; both fill these structures, one record at a time.
 *
 *     resource attributes   labels of the stream: scalars, as text; service.name is `service` and host.name
 * `host`. What is no scalar, or over a cap of labels, becomes a field of each row scope fields scope.name,
 * scope.version, scope.ATTRIBUTE record                attributes: fields; nested ones flatten with dots,
 * arrays are JSON text body              @message: a string as it is, numbers and booleans typed, anything
 * deeper as JSON text severity          level: the text, else the name of the number's range; severity_number
 * beside it trace and span id as hexadecimal digits; none when all zero time              time_unix_nano,
 * else observed_time_unix_nano, else the time of arrival
 *
 * Not kept: schema URLs, and the observed time of a record that has a time of its own.
 */
enum otlp_kind {
    OTLP_NONE,
    OTLP_STRING,
    OTLP_BOOL,
    OTLP_INT,
    OTLP_DOUBLE,
    OTLP_BYTES,
    OTLP_ARRAY,
    OTLP_MAP,
};
struct otlp_value {
    enum otlp_kind kind;
    union {
        struct str s; /* lives as long as the batch */
        bool b;
        int64_t i;
        double f;
        struct otlp_pair *first; /* of an array (keys empty) or a map */
    };
};
struct otlp_pair {
    struct otlp_pair *next;
    struct str key;
    struct otlp_value value;
};
/* Zero is empty. */
struct otlp_list {
    struct otlp_pair *first, *last;
};

struct otlp_record {
    uint64_t time_unix_nano, observed_time_unix_nano;
    int64_t severity_number;
    struct str severity_text;
    struct otlp_value body;
    struct otlp_list attributes;
    uint64_t dropped_attributes_count, flags;
    struct str trace_id, span_id; /* hexadecimal, or empty; live as long as the batch */
    struct str event_name;
};

enum {
    OTLP_DEPTH_MAX = 32,
    OTLP_VALUES_BYTES_MAX =
        4 << 20, /* memory for the values of one record, and of one resource with its scopes */
    OTLP_LABEL_BYTES_MAX = 1024, /* a longer attribute of a resource is a field */
};
struct otlp {
    struct row_maker *m;
    struct arena record_mem;   /* emptied behind each record */
    struct arena resource_mem; /* emptied at each resource */
    struct arena *mem;         /* of the two: where values go now */
    struct otlp_list resource_fields, scope_fields;
    struct buf path; /* of the nested value that is being put */
};

NODISCARD enum err otlp_init(struct otlp *o, const struct decode_input *in, struct decode_output *out,
                             struct err_text *why);
void otlp_fini(struct otlp *o);
static inline void otlp_auto(struct otlp *o) {
    otlp_fini(o);
}

/* A new pair at the end of `list`; NULL when the memory is spent. */
struct otlp_pair *otlp_append(struct otlp *o, struct otlp_list *list);

/* Order: resource_begin, read the resource's attributes, resource_end; then for each scope: read it,
 * otlp_scope; then its records: otlp_record_begin, read, otlp_record_end. */
void otlp_resource_begin(struct otlp *o);
NODISCARD enum err otlp_resource_end(struct otlp *o, const struct otlp_list *attributes,
                                     struct err_text *why);
void otlp_scope_begin(struct otlp *o);
NODISCARD enum err otlp_scope_end(struct otlp *o, struct str name, struct str version,
                                  const struct otlp_list *attributes, struct err_text *why);
void otlp_record_begin(struct otlp *o);
NODISCARD enum err otlp_record_end(struct otlp *o, const struct otlp_record *r, struct str raw,
                                   struct err_text *why);

/* otlp_json.c */
NODISCARD enum err otlp_json_decode(struct otlp *o, struct str body, struct err_text *why);
