#include "base/assert.h"
#include "parse/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever the text: no cached answer differs from the plain one, and what a line starts with is a time by
 * itself. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct timestamp_cache cache;
    const int64_t now_ns = 1795242300ll * 1000 * 1000 * 1000;
    struct str text = { (const char *)data, size };
    int64_t plain_ns = 0, cached_ns = 0, front_ns = 0;
    bool plain = timestamp_parse(text, now_ns, &plain_ns);
    ASSERT(plain == timestamp_parse_cached(&cache, text, now_ns, &cached_ns));
    ASSERT(!plain || plain_ns == cached_ns);
    if (timestamp_detect(text, now_ns, &front_ns))
        ASSERT(size > 0);
    return 0;
}
