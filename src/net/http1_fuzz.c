#include "base/assert.h"
#include "net/http1_replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first two bytes choose the pieces; what is understood must not depend on them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    struct str bytes = { (const char *)data + 2, size - 2 };
    AUTO(buf) whole = { 0 };
    AUTO(buf) pieces = { 0 };
    http1_replay(bytes, bytes.n, 0, &whole);
    http1_replay(bytes, data[0] + 1u, data[1] + 1u, &pieces);
    ASSERT(str_eq(buf_str(&whole), buf_str(&pieces)));
    return 0;
}
