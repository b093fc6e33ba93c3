#include "base/assert.h"
#include "wire/compress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT_BYTES = 4 << 20 };

/* The same bytes through the streaming side; what both accept must be equal. */
static void compare_inflater(enum encoding e, struct str in, const struct body *whole) {
    struct inflater *z = inflater_new(e);
    if (!z)
        return;
    AUTO(buf) out = { .limit_bytes = LIMIT_BYTES * 2 };
    enum err result = ERR_OK;
    while (result == ERR_OK && in.n > 0) {
        struct str piece = { in.p, in.n < 7 ? in.n : 7 };
        in = str_skip(in, piece.n);
        while (result == ERR_OK && piece.n > 0)
            result = inflater_feed(z, &piece, &out, NULL);
    }
    if (result == ERR_OK)
        result = inflater_end(z, NULL);
    if (result == ERR_OK && whole)
        ASSERT(out.n == whole->n && (out.n == 0 || memcmp(out.p, whole->data, out.n) == 0));
    inflater_free(z);
}

/* Decodes `in` whole and as a stream; what is damaged may be refused but never crash or disagree. */
static void decode(enum encoding e, struct str in) {
    struct body *b = NULL;
    if (decompress(e, in, LIMIT_BYTES, NULL, &b) == ERR_OK)
        ASSERT(b->n <= LIMIT_BYTES && b->n <= b->cap_bytes);
    compare_inflater(e, in, b);
    body_unref(b);
}

/* A valid stream comes back as it was; then one with a changed byte, which random input would never get as
 * far as. */
static void round_trip(enum encoding e, struct str plain, uint8_t where, uint8_t change) {
    AUTO(buf) packed = { 0 };
    enum err result = (e == ENCODING_GZIP ? compress_gzip : compress_zstd)(plain, 1, &packed);
    ASSERT(result == ERR_OK);
    struct body *b;
    result = decompress(e, buf_str(&packed), plain.n, NULL, &b);
    ASSERT(result == ERR_OK && b->n == plain.n);
    body_unref(b);
    packed.p[packed.n * where / 256] ^= (char)change;
    decode(e, buf_str(&packed));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 4)
        return 0;
    struct str in = { (const char *)data + 3, size - 3 };
    decode(data[0] % (ENCODING_SNAPPY + 1), in);
    round_trip(ENCODING_GZIP, in, data[1], data[2]);
    round_trip(ENCODING_ZSTD, in, data[1], data[2]);
    return 0;
}
