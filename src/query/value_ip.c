#include "query/value_ip.h"
#include <arpa/inet.h>

static const unsigned char v4_front[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

bool value_ip_is_v4(const unsigned char ip[16]) {
    return memcmp(ip, v4_front, sizeof v4_front) == 0;
}

bool ip_parse(struct str text, unsigned char out[16]) {
    char z[INET6_ADDRSTRLEN];
    unsigned char ip[16];
    if (text.n < 2 || text.n >= sizeof z || memchr(text.p, '\0', text.n))
        return false;
    memcpy(z, text.p, text.n);
    z[text.n] = '\0';
    memcpy(ip, v4_front, sizeof v4_front);
    if (inet_pton(AF_INET, z, ip + 12) != 1 && inet_pton(AF_INET6, z, ip) != 1)
        return false;
    memcpy(out, ip, sizeof ip);
    return true;
}

static void clear_host(unsigned char ip[16], unsigned bits) {
    for (unsigned i = 0; i < 16; i++) {
        unsigned keep = bits > i * 8 ? bits - i * 8 : 0;
        if (keep < 8)
            ip[i] &= (unsigned char)(0xff00u >> keep);
    }
}

bool value_ip_prefix_parse(struct str text, unsigned char out[16], unsigned *out_bits) {
    struct str address;
    unsigned char ip[16];
    uint64_t bits;
    if (!str_cut(&text, '/', &address) || !ip_parse(address, ip) || !str_to_u64(text, &bits))
        return false;
    bool v4 = memchr(address.p, ':', address.n) == NULL;
    if (bits > (v4 ? 32 : 128))
        return false;
    *out_bits = (unsigned)bits + (v4 ? 96 : 0);
    clear_host(ip, *out_bits);
    memcpy(out, ip, sizeof ip);
    return true;
}

bool value_ip_in(const unsigned char ip[16], const unsigned char prefix[16], unsigned bits) {
    unsigned char masked[16];
    memcpy(masked, ip, sizeof masked);
    clear_host(masked, bits);
    return memcmp(masked, prefix, sizeof masked) == 0;
}

void value_ip_print(const unsigned char ip[16], struct buf *out) {
    char z[INET6_ADDRSTRLEN];
    const char *ok =
        value_ip_is_v4(ip) ? inet_ntop(AF_INET, ip + 12, z, sizeof z) : inet_ntop(AF_INET6, ip, z, sizeof z);
    buf_add(out, str_of(ok));
}

void value_ip_prefix_print(const unsigned char prefix[16], unsigned bits, struct buf *out) {
    bool v4 = value_ip_is_v4(prefix) && bits >= 96;
    if (v4 || !value_ip_is_v4(prefix))
        value_ip_print(prefix, out);
    else
        buf_add(
            out,
            STR("::ffff:0:0")); /* shorter than its own front: unreachable after clearing, but printable */
    buf_addf(out, "/%u", v4 ? bits - 96 : bits);
}
