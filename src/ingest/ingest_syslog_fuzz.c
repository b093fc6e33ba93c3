#include "ingest/decode_fuzz.h"
#include "parse/parse_syslog.h"

extern const struct ingest_proto ingest_syslog;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str body = { (const char *)data, size };
    struct str rest = body, message;
    do {
        if (parse_syslog_frame(&rest, &message, NULL) != ERR_OK)
            break;
        if (message.n)
            (void)decode_fuzz(&ingest_syslog, message, STR(""), NULL);
    } while (message.n);
    return decode_fuzz(&ingest_syslog, body, STR(""), NULL);
}
