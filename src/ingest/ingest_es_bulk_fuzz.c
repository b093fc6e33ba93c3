#include "ingest/decode_fuzz.h"

extern const struct ingest_proto ingest_es_bulk;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str body = { (const char *)data, size };
    return decode_fuzz(&ingest_es_bulk, body, STR("application/x-ndjson"), NULL);
}
