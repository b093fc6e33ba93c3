#pragma once
#include "base/buf.h"
/*
 * For tests and fuzzing: reads requests from `bytes` as a connection would when they come in pieces of
 * `piece_bytes` (0: all at once), and writes what was understood as text. The text must not depend on the
 * pieces.
 */
enum { HTTP1_REPLAY_HEADER_BYTES_MAX = 2048, HTTP1_REPLAY_HEADER_COUNT_MAX = 10 };
void http1_replay(struct str bytes, size_t first_bytes, size_t piece_bytes, struct buf *out);
