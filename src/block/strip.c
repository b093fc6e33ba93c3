#include "block/strip.h"
#include "base/assert.h"
#include "base/heap.h"
#include <pthread.h>
#include <zstd.h>

/*
 *   varint plain_bytes          0: nothing follows
 *   u8     method               STRIP_RAW   plain_bytes bytes
 *                               STRIP_FILL  one byte, repeated
 *                               STRIP_ZSTD  varint stored_bytes, one zstd frame
 *
 * zstd is kept only when it saves at least a sixteenth: bytes that hardly shrink are cheaper to scan as they
 * are.
 */
enum strip_method { STRIP_RAW = 0, STRIP_FILL = 1, STRIP_ZSTD = 2 };
enum { ZSTD_WORTH_BYTES = 48, HEADER_BYTES_MAX = VARINT_BYTES_MAX + 1, STEP_BYTES = 256 << 10 };

struct strip_writer {
    ZSTD_CCtx *zstd;
    int level;
    /* A strip on its way, when out is not NULL. */
    const char *p;
    size_t n, fed_bytes, stored_bytes;
    struct buf *out;
};

struct strip_writer *strip_writer_new(void) {
    struct strip_writer *w = HEAP_NEW(struct strip_writer);
    w->zstd = ZSTD_createCCtx();
    ASSERT(w->zstd != NULL);
    strip_writer_level(w, 1);
    return w;
}

void strip_writer_free(struct strip_writer *w) {
    if (!w)
        return;
    ZSTD_freeCCtx(w->zstd);
    heap_free(w);
}

void strip_writer_level(struct strip_writer *w, int level) {
    w->level = level;
    if (level < 0)
        return;
    size_t bad = ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, level);
    ASSERT(!ZSTD_isError(bad));
    /* The strip says its length and the part has a checksum: the frame need not. */
    bad = ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_contentSizeFlag, 0);
    ASSERT(!ZSTD_isError(bad));
}

static bool is_fill(const char *p, size_t n) {
    return n > 1 && memcmp(p, p + 1, n - 1) == 0;
}

static void put_raw(const void *p, size_t n, struct buf *out) {
    buf_add_char(out, STRIP_RAW);
    buf_add_bytes(out, p, n);
}

/* The frame stands in `out` behind room for its header: closes the gap, or puts the bytes as they are when
 * the frame saves too little (SIZE_MAX: there is none). */
static void end_zstd(const void *p, size_t n, size_t stored_bytes, struct buf *out) {
    if (stored_bytes >= n || stored_bytes + stored_bytes / 16 >= n) {
        put_raw(p, n, out);
        return;
    }
    char *to = out->p + out->n;
    to[0] = STRIP_ZSTD;
    size_t head_bytes = 1 + varint_put(to + 1, stored_bytes);
    memmove(to + head_bytes, to + HEADER_BYTES_MAX, stored_bytes);
    out->n += head_bytes + stored_bytes;
}

/* Length, and the body of strips that zstd is not for; true when it still has to come. */
static bool put_head(const struct strip_writer *w, const void *p, size_t n, struct buf *out) {
    ASSERT(n <= STRIP_PLAIN_BYTES_MAX);
    buf_add_varint(out, n);
    if (n == 0)
        return false;
    if (is_fill(p, n)) {
        buf_add_char(out, STRIP_FILL);
        buf_add_bytes(out, p, 1);
        return false;
    }
    if (w->level < 0 || n < ZSTD_WORTH_BYTES) {
        put_raw(p, n, out);
        return false;
    }
    return buf_reserve(out, HEADER_BYTES_MAX + ZSTD_compressBound(n)) !=
           NULL; /* else the buffer remembers its overflow */
}

void strip_put(struct strip_writer *w, const void *p, size_t n, struct buf *out) {
    ASSERT(!strip_put_busy(w));
    if (!put_head(w, p, n, out))
        return;
    size_t stored_bytes =
        ZSTD_compress2(w->zstd, out->p + out->n + HEADER_BYTES_MAX, ZSTD_compressBound(n), p, n);
    end_zstd(p, n, ZSTD_isError(stored_bytes) ? SIZE_MAX : stored_bytes, out);
}

bool strip_put_busy(const struct strip_writer *w) {
    return w->out != NULL;
}

void strip_put_begin(struct strip_writer *w, const void *p, size_t n, struct buf *out) {
    ASSERT(!strip_put_busy(w));
    if (n <= STEP_BYTES) {
        strip_put(w, p, n, out);
    } else if (put_head(w, p, n, out)) {
        size_t bad = ZSTD_CCtx_setPledgedSrcSize(w->zstd, n);
        ASSERT(!ZSTD_isError(bad));
        w->p = p;
        w->n = n;
        w->fed_bytes = w->stored_bytes = 0;
        w->out = out;
    }
}

void strip_put_step(struct strip_writer *w) {
    ASSERT(strip_put_busy(w));
    bool last = w->n - w->fed_bytes <= STEP_BYTES;
    ZSTD_inBuffer in = { w->p + w->fed_bytes, last ? w->n - w->fed_bytes : STEP_BYTES, 0 };
    ZSTD_outBuffer to = { w->out->p + w->out->n + HEADER_BYTES_MAX, ZSTD_compressBound(w->n),
                          w->stored_bytes };
    size_t left = ZSTD_compressStream2(w->zstd, &to, &in, last ? ZSTD_e_end : ZSTD_e_continue);
    ASSERT(ZSTD_isError(left) || in.pos == in.size); /* there is room for all of it */
    w->fed_bytes += in.size;
    w->stored_bytes = to.pos;
    if (!last && !ZSTD_isError(left))
        return;
    struct buf *out = w->out;
    strip_put_abandon(w);
    end_zstd(w->p, w->n, left == 0 ? to.pos : SIZE_MAX, out);
}

void strip_put_abandon(struct strip_writer *w) {
    w->out = NULL;
    (void)ZSTD_CCtx_reset(w->zstd, ZSTD_reset_session_only);
}

/* One decompressor a thread, ended with the thread. */
static pthread_key_t zstd_key;
static pthread_once_t zstd_once = PTHREAD_ONCE_INIT;

static void zstd_free(void *d) {
    (void)ZSTD_freeDCtx(d);
}
static void zstd_key_make(void) {
    int bad = pthread_key_create(&zstd_key, zstd_free);
    ASSERT(bad == 0);
}

static ZSTD_DCtx *zstd_of_thread(void) {
    (void)pthread_once(&zstd_once, zstd_key_make);
    ZSTD_DCtx *d = pthread_getspecific(zstd_key);
    if (!d) {
        d = ZSTD_createDCtx();
        ASSERT(d != NULL);
        int bad = pthread_setspecific(zstd_key, d);
        ASSERT(bad == 0);
    }
    return d;
}

static enum err inflate(struct str stored, size_t plain_bytes, char *to) {
    size_t n = ZSTD_decompressDCtx(zstd_of_thread(), to, plain_bytes, stored.p, stored.n);
    return ZSTD_isError(n) || n != plain_bytes ? ERR_CORRUPT : ERR_OK;
}

static enum err get_body(struct reader *r, size_t plain_bytes, struct arena *mem, struct str *out) {
    uint8_t method = reader_u8(r);
    if (method == STRIP_RAW) {
        *out = reader_bytes(r, plain_bytes);
        return r->failed ? ERR_CORRUPT : ERR_OK;
    }
    if (r->failed || (method != STRIP_FILL && method != STRIP_ZSTD))
        return ERR_CORRUPT;
    char *to = ARENA_RAW(mem, char, plain_bytes);
    if (!to)
        return ERR_LIMIT;
    if (method == STRIP_FILL)
        memset(to, reader_u8(r), plain_bytes);
    else
        TRY(inflate(reader_str(r), plain_bytes, to));
    *out = (struct str){ to, plain_bytes };
    return r->failed ? ERR_CORRUPT : ERR_OK;
}

enum err strip_get_any(struct reader *r, size_t limit_bytes, struct arena *mem, struct str *out) {
    uint64_t plain_bytes = reader_varint(r);
    if (r->failed || plain_bytes > limit_bytes || plain_bytes > STRIP_PLAIN_BYTES_MAX)
        return ERR_CORRUPT;
    if (plain_bytes == 0) {
        *out = (struct str){ "", 0 };
        return ERR_OK;
    }
    return get_body(r, (size_t)plain_bytes, mem, out);
}

enum err strip_get(struct reader *r, size_t plain_bytes, struct arena *mem, struct str *out) {
    struct str s;
    TRY(strip_get_any(r, plain_bytes, mem, &s));
    if (s.n != plain_bytes)
        return ERR_CORRUPT;
    *out = s;
    return ERR_OK;
}

void strip_frame_put(struct strip_writer *w, struct str plain, struct buf *out) {
    size_t bound_bytes = ZSTD_compressBound(plain.n);
    char *to = buf_reserve(out, bound_bytes);
    if (!to)
        return;
    size_t stored_bytes = w->level < 0 ? plain.n : ZSTD_compress2(w->zstd, to, bound_bytes, plain.p, plain.n);
    if (ZSTD_isError(stored_bytes) || stored_bytes >= plain.n)
        buf_add(out, plain);
    else
        out->n += stored_bytes;
}

enum err strip_frame_get(struct str stored, size_t plain_bytes, struct arena *mem, struct str *out) {
    if (stored.n == plain_bytes) {
        *out = stored;
        return ERR_OK;
    }
    char *to = ARENA_RAW(mem, char, plain_bytes);
    if (!to)
        return ERR_LIMIT;
    TRY(inflate(stored, plain_bytes, to));
    *out = (struct str){ to, plain_bytes };
    return ERR_OK;
}
