#include "ingest/decode_fuzz.h"

extern const struct ingest_proto ingest_json;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str body = { (const char *)data, size };
    return decode_fuzz(&ingest_json, body, STR("application/json"),
                       size & 1 ? size & 2 ? "stream=a,b&time=t" : "time=level&message=a&keep_raw=1" : NULL);
}
