#pragma once
#include "base/buf.h"
/* RFC 4648 section 4, with padding on the way out; on the way in padding may be missing, and the URL alphabet
 * is accepted too. */
void base64_add(struct buf *out, struct str bytes);
/* At most in.n / 4 * 3 + 2 bytes. SIZE_MAX when it is not base64. */
size_t base64_decode(struct str in, char *to);
