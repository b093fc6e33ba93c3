#pragma once
#include "base/str.h"
#include <stdint.h>
/*
 * How ids are looked up: by 64 bits. A text of 16 or more hex digits (either case) is its first 16 digits as
 * a big-endian number, so that the index sorts as the ids do; any other text is hash64 of its bytes with
 * ASCII letters in lower case. Different ids may share a prefix: whoever looks up checks the whole id.
 */
uint64_t id_prefix(struct str id);
/* 16 or more hex digits and nothing else. */
bool id_is_hex(struct str id);
