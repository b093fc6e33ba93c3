#include "wire/base64.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_add(struct buf *out, struct str bytes) {
    const unsigned char *p = (const unsigned char *)bytes.p;
    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t have = bytes.n - i < 3 ? bytes.n - i : 3;
        unsigned v =
            (unsigned)p[i] << 16 | (have > 1 ? (unsigned)p[i + 1] << 8 : 0) | (have > 2 ? p[i + 2] : 0);
        char four[4] = { letters[v >> 18], letters[v >> 12 & 63], have > 1 ? letters[v >> 6 & 63] : '=',
                         have > 2 ? letters[v & 63] : '=' };
        buf_add_bytes(out, four, sizeof four);
    }
}

static int value_of(char c) {
    if (c == '-' || c == '_')
        return c == '-' ? 62 : 63;
    const char *at = c ? memchr(letters, c, sizeof letters - 1) : NULL;
    return at ? (int)(at - letters) : -1;
}

size_t base64_decode(struct str in, char *to) {
    size_t n = 0;
    unsigned v = 0, bits = 0;
    for (int pad = 0; pad < 2 && in.n && in.p[in.n - 1] == '='; pad++)
        in.n--;
    if (in.n % 4 == 1)
        return SIZE_MAX;
    for (size_t i = 0; i < in.n; i++) {
        int six = value_of(in.p[i]);
        if (six < 0)
            return SIZE_MAX;
        v = v << 6 | (unsigned)six;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            to[n++] = (char)(v >> bits);
        }
    }
    return n;
}
