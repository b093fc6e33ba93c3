#include "ingest/ingest.h"

#define INGEST(p) extern const struct ingest_proto p;
#include "ingest/list.def"
#undef INGEST

const struct ingest_proto *const ingest_protos[] = {
#define INGEST(p) &p,
#include "ingest/list.def"
#undef INGEST
};
const size_t ingest_proto_count = COUNT_OF(ingest_protos);

const struct ingest_proto *ingest_find(struct str name) {
    for (size_t i = 0; i < ingest_proto_count; i++)
        if (str_eq(name, str_of(ingest_protos[i]->name)))
            return ingest_protos[i];
    return NULL;
}

bool ingest_param(const struct decode_input *in, struct str name, struct str *out) {
    for (size_t i = 0; i < in->param_count; i++)
        if (str_eq(in->params[i].name, name)) {
            *out = in->params[i].value;
            return true;
        }
    return false;
}

bool ingest_param_is_true(const struct decode_input *in, struct str name) {
    struct str value;
    return ingest_param(in, name, &value) &&
           (value.n == 0 || str_eq(value, STR("1")) || str_eq(value, STR("true")));
}

void ingest_claim_batch(const struct decode_input *in, struct decode_output *out) {
    if (in->batch_id.n == 0)
        return;
    AUTO(buf) key = { .limit_bytes = 64 << 10 };
    buf_add(&key, STR("batch\0"));
    buf_add(&key, in->batch_id);
    if (buf_ok(&key))
        VEC_PUSH(&out->batch->claims, hash128(buf_str(&key)));
}
