#include "wire/compress.h"
#include "base/assert.h"
#include "base/heap.h"
#include <libdeflate.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>
/*
 * Foreign compressed bytes, made harmless.
 *
 * A few hundred bytes can ask for gigabytes, either by saying so in a header or by simply unpacking to
 * them. Whole bodies therefore go through one loop, whatever the format:
 *
 *     cap  = min(limit, max(COMPRESS_FREE_BYTES, input * COMPRESS_RATIO_MAX))
 *     room = what the piece declares, or a guess
 *     while input is left:  a declared size over the cap is refused before memory is taken
 *                           decode one piece (gzip member, zstd frame, snappy block) into the room
 *                           it did not fit: double the room, at most to the cap, and decode it again
 *
 * Decoding a piece again costs at most as much as the last attempt in all, happens only to senders that
 * do not declare a size, and needs no window: libdeflate and one-shot zstd write straight into the body.
 * A declared size is a hint here and never trusted: the decoder gets the room, not the declaration.
 *
 * Streams of files cannot be decoded twice, so `struct inflater` uses zlib and zstd's streaming side. It
 * needs no cap, because each call hands out at most a few chunks, but it bounds zstd's window.
 */
enum {
    COMPRESS_FREE_BYTES = 1 << 20,   /* produced bytes that no ratio forbids */
    COMPRESS_GUESS_BYTES = 16 << 10, /* least room tried for a piece without a declared size */
    INFLATE_CHUNK_BYTES = 128 << 10,
    INFLATE_WINDOW_LOG_MAX = 27, /* what `zstd --long` writes: 128 MiB */
};

static const struct {
    struct str name;
    enum encoding encoding;
} encoding_names[] = {
    { { "", 0 }, ENCODING_IDENTITY },       { { "identity", 8 }, ENCODING_IDENTITY },
    { { "gzip", 4 }, ENCODING_GZIP },       { { "x-gzip", 6 }, ENCODING_GZIP },
    { { "deflate", 7 }, ENCODING_DEFLATE }, { { "zstd", 4 }, ENCODING_ZSTD },
    { { "snappy", 6 }, ENCODING_SNAPPY },
};

enum err encoding_find(struct str name, enum encoding *out) {
    for (size_t i = 0; i < COUNT_OF(encoding_names); i++) {
        if (str_eq_nocase(name, encoding_names[i].name)) {
            *out = encoding_names[i].encoding;
            return ERR_OK;
        }
    }
    return ERR_UNSUPPORTED;
}

/* One attempt at the piece at the front of `in`. */
struct attempt {
    struct str in;
    char *to;
    size_t room_bytes;
    size_t used_bytes, made_bytes; /* set when it went well */
};
enum outcome { OUTCOME_OK, OUTCOME_TOO_SMALL, OUTCOME_DAMAGED };
static const uint64_t SIZE_UNKNOWN = UINT64_MAX;

struct codec {
    void *(*open)(void);
    void (*close)(void *ctx);
    uint64_t (*declared)(struct str in); /* of the next piece; a lie or SIZE_UNKNOWN does no harm */
    enum outcome (*decode)(void *ctx, struct attempt *a);
};

static void *deflate_open(void) {
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    ASSERT(d != NULL);
    return d;
}

static void deflate_close(void *ctx) {
    libdeflate_free_decompressor(ctx);
}

static enum outcome deflate_outcome(enum libdeflate_result r) {
    return r == LIBDEFLATE_SUCCESS              ? OUTCOME_OK
           : r == LIBDEFLATE_INSUFFICIENT_SPACE ? OUTCOME_TOO_SMALL
                                                : OUTCOME_DAMAGED;
}

/* ISIZE, the last four bytes: exact for the usual single member, of the last one otherwise. */
static uint64_t gzip_declared(struct str in) {
    if (in.n < 18 || !str_starts(in, STR("\x1f\x8b"))) /* not gzip: damaged rather than too large */
        return SIZE_UNKNOWN;
    uint32_t size;
    memcpy(&size, in.p + in.n - sizeof size, sizeof size);
    return size;
}

static enum outcome gzip_decode(void *ctx, struct attempt *a) {
    return deflate_outcome(libdeflate_gzip_decompress_ex(ctx, a->in.p, a->in.n, a->to, a->room_bytes,
                                                         &a->used_bytes, &a->made_bytes));
}

static uint64_t deflate_declared(struct str in) {
    (void)in;
    return SIZE_UNKNOWN;
}

/* "deflate" is zlib's wrapper by the standard and a bare stream from some senders. No encoder's bare
 * stream looks like a zlib header: low nibble 8 would be a stored block with dirty padding. */
static bool has_zlib_header(struct str in) {
    const unsigned char *p = (const unsigned char *)in.p;
    return in.n >= 2 && (p[0] & 15) == 8 && (p[0] * 256 + p[1]) % 31 == 0;
}

static enum outcome deflate_decode(void *ctx, struct attempt *a) {
    enum libdeflate_result r =
        has_zlib_header(a->in) ? libdeflate_zlib_decompress_ex(ctx, a->in.p, a->in.n, a->to, a->room_bytes,
                                                               &a->used_bytes, &a->made_bytes)
                               : libdeflate_deflate_decompress_ex(ctx, a->in.p, a->in.n, a->to, a->room_bytes,
                                                                  &a->used_bytes, &a->made_bytes);
    return deflate_outcome(r);
}

static void *zstd_open(void) {
    ZSTD_DCtx *d = ZSTD_createDCtx();
    ASSERT(d != NULL);
    return d;
}

static void zstd_close(void *ctx) {
    ZSTD_freeDCtx(ctx);
}

static uint64_t zstd_declared(struct str in) {
    unsigned long long size = ZSTD_getFrameContentSize(in.p, in.n);
    return size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR ? SIZE_UNKNOWN : size;
}

static enum outcome zstd_decode(void *ctx, struct attempt *a) {
    size_t used_bytes = ZSTD_findFrameCompressedSize(a->in.p, a->in.n);
    if (ZSTD_isError(used_bytes))
        return OUTCOME_DAMAGED;
    size_t made_bytes = ZSTD_decompressDCtx(ctx, a->to, a->room_bytes, a->in.p, used_bytes);
    if (ZSTD_isError(made_bytes))
        return ZSTD_getErrorCode(made_bytes) == ZSTD_error_dstSize_tooSmall ? OUTCOME_TOO_SMALL
                                                                            : OUTCOME_DAMAGED;
    a->used_bytes = used_bytes;
    a->made_bytes = made_bytes;
    return OUTCOME_OK;
}

static uint64_t snappy_declared(struct str in) {
    size_t size;
    return snappy_uncompressed_length(in.p, in.n, &size) == SNAPPY_OK ? size : SIZE_UNKNOWN;
}

static enum outcome snappy_decode(void *ctx, struct attempt *a) {
    (void)ctx;
    a->made_bytes = a->room_bytes;
    snappy_status s = snappy_uncompress(a->in.p, a->in.n, a->to, &a->made_bytes);
    a->used_bytes = a->in.n;
    return s == SNAPPY_OK ? OUTCOME_OK : s == SNAPPY_BUFFER_TOO_SMALL ? OUTCOME_TOO_SMALL : OUTCOME_DAMAGED;
}

static void *nothing_open(void) {
    return NULL;
}
static void nothing_close(void *ctx) {
    (void)ctx;
}

static const struct codec codecs[] = {
    [ENCODING_GZIP] = { deflate_open, deflate_close, gzip_declared, gzip_decode },
    [ENCODING_DEFLATE] = { deflate_open, deflate_close, deflate_declared, deflate_decode },
    [ENCODING_ZSTD] = { zstd_open, zstd_close, zstd_declared, zstd_decode },
    [ENCODING_SNAPPY] = { nothing_open, nothing_close, snappy_declared, snappy_decode },
};

/* The growing result. */
struct growth {
    struct body *body;
    size_t cap_bytes;   /* never more than this */
    size_t limit_bytes; /* the caller's */
};

static void growth_room(struct growth *g, size_t room_bytes) {
    size_t want_bytes = g->body->n + room_bytes;
    ASSERT(want_bytes <= g->cap_bytes);
    if (want_bytes <= g->body->cap_bytes)
        return;
    size_t twice_bytes = g->body->cap_bytes * 2; /* many small pieces must not copy it each time */
    if (twice_bytes > g->cap_bytes)
        twice_bytes = g->cap_bytes;
    struct body *wider = body_new(want_bytes > twice_bytes ? want_bytes : twice_bytes);
    memcpy(wider->data, g->body->data, g->body->n);
    wider->n = g->body->n;
    body_unref(g->body);
    g->body = wider;
}

static enum err too_large(const struct growth *g, struct err_text *why) {
    if (g->cap_bytes < g->limit_bytes)
        return err_say(why, ERR_LIMIT, "the body decompresses to more than %d times its size",
                       COMPRESS_RATIO_MAX);
    return err_say(why, ERR_LIMIT, "the body decompresses to more than %zu bytes", g->limit_bytes);
}

static size_t guess_room(const struct growth *g, struct str in, uint64_t declared) {
    size_t left_bytes = g->cap_bytes - g->body->n;
    size_t guess_bytes = declared != SIZE_UNKNOWN          ? (size_t)declared
                         : in.n < COMPRESS_GUESS_BYTES / 4 ? COMPRESS_GUESS_BYTES
                                                           : in.n * 4;
    return guess_bytes < left_bytes ? guess_bytes : left_bytes;
}

/* Decodes the piece at the front of *in and moves past it. */
static enum err decode_piece(const struct codec *c, void *ctx, struct str *in, struct growth *g,
                             struct err_text *why) {
    uint64_t declared = c->declared(*in);
    if (declared != SIZE_UNKNOWN && declared > g->cap_bytes - g->body->n)
        return too_large(g, why);
    size_t room_bytes = guess_room(g, *in, declared);
    for (;;) {
        growth_room(g, room_bytes);
        struct attempt a = { .in = *in, .to = g->body->data + g->body->n, .room_bytes = room_bytes };
        enum outcome outcome = c->decode(ctx, &a);
        if (outcome == OUTCOME_OK) {
            ASSERT(a.used_bytes > 0 && a.used_bytes <= in->n && a.made_bytes <= room_bytes);
            g->body->n += a.made_bytes;
            *in = str_skip(*in, a.used_bytes);
            return ERR_OK;
        }
        size_t left_bytes = g->cap_bytes - g->body->n;
        if (outcome == OUTCOME_DAMAGED)
            return err_say(why, ERR_INVALID, "the compressed body is damaged");
        if (room_bytes == left_bytes)
            return too_large(g, why);
        room_bytes = room_bytes > left_bytes / 2 ? left_bytes : room_bytes * 2 + COMPRESS_GUESS_BYTES;
        if (room_bytes > left_bytes)
            room_bytes = left_bytes;
    }
}

static enum err copy_identity(struct str in, size_t limit_bytes, struct err_text *why, struct body **out) {
    if (in.n > limit_bytes)
        return err_say(why, ERR_LIMIT, "the body is larger than %zu bytes", limit_bytes);
    struct body *b = body_new(in.n);
    if (in.n)
        memcpy(b->data, in.p, in.n);
    b->n = in.n;
    *out = b;
    return ERR_OK;
}

static size_t output_cap(size_t in_bytes, size_t limit_bytes) {
    size_t by_ratio;
    if (__builtin_mul_overflow(in_bytes, (size_t)COMPRESS_RATIO_MAX, &by_ratio))
        by_ratio = SIZE_MAX;
    if (by_ratio < COMPRESS_FREE_BYTES)
        by_ratio = COMPRESS_FREE_BYTES;
    return by_ratio < limit_bytes ? by_ratio : limit_bytes;
}

enum err decompress(enum encoding e, struct str in, size_t limit_bytes, struct err_text *why,
                    struct body **out) {
    if (e == ENCODING_IDENTITY)
        return copy_identity(in, limit_bytes, why, out);
    if ((size_t)e >= COUNT_OF(codecs))
        return err_say(why, ERR_UNSUPPORTED, "unknown content encoding");
    if (in.n == 0)
        return err_say(why, ERR_INVALID, "the compressed body is empty");
    const struct codec *c = &codecs[e];
    struct growth g = { body_new(0), output_cap(in.n, limit_bytes), limit_bytes };
    void *ctx = c->open();
    enum err result = ERR_OK;
    while (result == ERR_OK && in.n > 0)
        result = decode_piece(c, ctx, &in, &g, why);
    c->close(ctx);
    if (result == ERR_OK)
        *out = g.body;
    else
        body_unref(g.body);
    return result;
}

enum err compress_gzip(struct str in, int level, struct buf *out) {
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(level);
    ASSERT(c != NULL);
    size_t bound_bytes = libdeflate_gzip_compress_bound(c, in.n);
    char *to = buf_reserve(out, bound_bytes);
    if (to)
        out->n += libdeflate_gzip_compress(c, in.p, in.n, to, bound_bytes);
    libdeflate_free_compressor(c);
    return to ? ERR_OK : ERR_LIMIT;
}

enum err compress_zstd(struct str in, int level, struct buf *out) {
    size_t bound_bytes = ZSTD_compressBound(in.n);
    char *to = buf_reserve(out, bound_bytes);
    if (!to)
        return ERR_LIMIT;
    size_t n = ZSTD_compress(to, bound_bytes, in.p, in.n, level);
    ASSERT(!ZSTD_isError(n));
    out->n += n;
    return ERR_OK;
}

struct inflater {
    enum encoding encoding;
    bool in_piece; /* inside a member or frame */
    z_stream gzip;
    ZSTD_DCtx *zstd;
};

struct inflater *inflater_new(enum encoding e) {
    if (e != ENCODING_IDENTITY && e != ENCODING_GZIP && e != ENCODING_ZSTD)
        return NULL;
    struct inflater *z = HEAP_NEW(struct inflater);
    z->encoding = e;
    if (e == ENCODING_GZIP)
        ASSERT(inflateInit2(&z->gzip, 15 + 16) == Z_OK);
    if (e == ENCODING_ZSTD) {
        z->zstd = zstd_open();
        ASSERT(!ZSTD_isError(ZSTD_DCtx_setParameter(z->zstd, ZSTD_d_windowLogMax, INFLATE_WINDOW_LOG_MAX)));
    }
    return z;
}

void inflater_free(struct inflater *z) {
    if (!z)
        return;
    if (z->encoding == ENCODING_GZIP)
        (void)inflateEnd(&z->gzip);
    ZSTD_freeDCtx(z->zstd);
    heap_free(z);
}

/* Each step fills at most the room it gets, and says how much. False: damaged. */
static bool gzip_step(struct inflater *z, struct str *in, struct str room, size_t *out_made) {
    uInt given = in->n < UINT32_MAX ? (uInt)in->n : UINT32_MAX;
    z->gzip.next_in = (Bytef *)(uintptr_t)in->p;
    z->gzip.avail_in = given;
    z->gzip.next_out = (Bytef *)(uintptr_t)room.p;
    z->gzip.avail_out = (uInt)room.n;
    int r = inflate(&z->gzip, Z_NO_FLUSH);
    if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
        return false;
    z->in_piece = r != Z_STREAM_END && (z->in_piece || given > z->gzip.avail_in);
    *in = str_skip(*in, given - z->gzip.avail_in);
    *out_made = room.n - z->gzip.avail_out;
    return r != Z_STREAM_END || inflateReset(&z->gzip) == Z_OK;
}

static bool zstd_step(struct inflater *z, struct str *in, struct str room, size_t *out_made) {
    ZSTD_inBuffer from = { in->p, in->n, 0 };
    ZSTD_outBuffer to = { (void *)(uintptr_t)room.p, room.n, 0 };
    size_t r = ZSTD_decompressStream(z->zstd, &to, &from);
    if (ZSTD_isError(r))
        return false;
    if (from.pos > 0 || to.pos > 0)
        z->in_piece = r != 0;
    *in = str_skip(*in, from.pos);
    *out_made = to.pos;
    return true;
}

enum err inflater_feed(struct inflater *z, struct str *in, struct buf *out, struct err_text *why) {
    if (z->encoding == ENCODING_IDENTITY) {
        buf_add(out, *in);
        *in = str_skip(*in, in->n);
        return buf_ok(out) ? ERR_OK : err_say(why, ERR_LIMIT, "a piece of the file is too large");
    }
    size_t made_bytes;
    do { /* again when the room was filled by the last of the input: more may wait inside */
        char *to = buf_reserve(out, INFLATE_CHUNK_BYTES);
        if (!to)
            return err_say(why, ERR_LIMIT, "a piece of the file is too large");
        struct str room = { to, INFLATE_CHUNK_BYTES };
        if (!(z->encoding == ENCODING_GZIP ? gzip_step : zstd_step)(z, in, room, &made_bytes))
            return err_say(why, ERR_INVALID, "the compressed file is damaged");
        out->n += made_bytes;
    } while (in->n == 0 && made_bytes == INFLATE_CHUNK_BYTES);
    return ERR_OK;
}

enum err inflater_end(struct inflater *z, struct err_text *why) {
    return z->in_piece ? err_say(why, ERR_CORRUPT, "the compressed file ends too early") : ERR_OK;
}
