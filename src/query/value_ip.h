#pragma once
#include "query/expr.h"
/* Addresses as text, besides ip_parse() of expr.h. IPv4 is ::ffff:a.b.c.d everywhere. Pure. */

/* 10.0.0.0/8, 2001:db8::/32; bits beyond the prefix are cleared, *out_bits counts of 128. */
NODISCARD bool value_ip_prefix_parse(struct str text, unsigned char out[16], unsigned *out_bits);
bool value_ip_in(const unsigned char ip[16], const unsigned char prefix[16], unsigned bits);
bool value_ip_is_v4(const unsigned char ip[16]);
void value_ip_print(const unsigned char ip[16], struct buf *out);
void value_ip_prefix_print(const unsigned char prefix[16], unsigned bits, struct buf *out);
