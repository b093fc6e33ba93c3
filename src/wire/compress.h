#pragma once
#include "base/body.h"
#include "base/buf.h"
/*
 * The one guarded decompressor of foreign bytes: gzip, deflate (zlib or raw), zstd, snappy (block format).
 * The declared size is checked before memory is taken and the produced size while it grows; a ratio over
 * COMPRESS_RATIO_MAX past 1 MiB is a bomb. ERR_LIMIT for too large or a bomb, ERR_INVALID for damaged input,
 * ERR_UNSUPPORTED for an unknown name.
 */
enum { COMPRESS_RATIO_MAX = 200 };
enum encoding { ENCODING_IDENTITY, ENCODING_GZIP, ENCODING_DEFLATE, ENCODING_ZSTD, ENCODING_SNAPPY };
/* From a Content-Encoding token ("gzip", "x-gzip", "deflate", "zstd", "snappy", "identity", ""). */
NODISCARD enum err encoding_find(struct str name, enum encoding *out);
/* One new body of at most limit_bytes; the caller unrefs it. */
NODISCARD enum err decompress(enum encoding e, struct str in, size_t limit_bytes, struct err_text *why,
                              struct body **out);
/* For answers (gzip, zstd) and for the client's requests. Appends. */
NODISCARD enum err compress_gzip(struct str in, int level, struct buf *out);
NODISCARD enum err compress_zstd(struct str in, int level, struct buf *out);
/* Streams of files for `sonde ingest`: feeds the plain bytes piece by piece. IDENTITY, GZIP (members
 * concatenated), ZSTD (frames concatenated); NULL for another encoding. */
struct inflater;
NODISCARD struct inflater *inflater_new(enum encoding e);
void inflater_free(struct inflater *z);
/* Consumes some of *in, appends to out; call again while *in is not empty. */
NODISCARD enum err inflater_feed(struct inflater *z, struct str *in, struct buf *out, struct err_text *why);
/* ERR_CORRUPT when the stream ends in the middle of a member or frame. */
NODISCARD enum err inflater_end(struct inflater *z, struct err_text *why);
