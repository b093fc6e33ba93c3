#include "ingest/decode_fuzz.h"

extern const struct ingest_proto ingest_loki;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str body = { (const char *)data, size };
    bool json = size && data[0] == (uint8_t)0x7b;
    return decode_fuzz(&ingest_loki, body, json ? STR("application/json") : STR("application/x-protobuf"),
                       NULL);
}
