#include "net/http1_chunks.h"
/*
 * A body whose length is told in pieces (RFC 9112, 7.1):
 *
 *     *( hex-size [ ";" extension ] CRLF bytes CRLF ) "0" CRLF *( trailer CRLF ) CRLF
 *
 * A machine of single bytes for the lines, slices for the data. Extensions and trailers are checked for
 * length and controls, and ignored. Lines end with CR LF only, sizes have digits and nothing before or behind
 * them.
 */
enum {
    CHUNK_LINE_BYTES_MAX = 256,
    CHUNK_TRAILER_BYTES_MAX = 8192,
    CHUNK_DIGITS_MAX = 15, /* below 2^60 bytes */
};

enum chunk_state {
    CHUNK_SIZE, /* digits */
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER_START, /* of a line: CR here ends the body */
    CHUNK_TRAILER,
    CHUNK_TRAILER_LF,
    CHUNK_END_LF,
    CHUNK_END,
};

static bool plain(char c) {
    return ((unsigned char)c >= 0x20 && c != 0x7f) || c == '\t';
}

/* One byte of a size line; false: malformed. */
static bool size_byte(struct http1_chunks *c, char b) {
    int digit = http1_hex_digit(b);
    if (++c->line_bytes > CHUNK_LINE_BYTES_MAX)
        return false;
    if (c->state == CHUNK_SIZE && digit >= 0) {
        c->left_bytes = c->left_bytes * 16 + (unsigned)digit;
        return ++c->digits <= CHUNK_DIGITS_MAX;
    }
    if (c->state == CHUNK_SIZE && c->digits == 0)
        return false;
    if (b == '\r')
        c->state = CHUNK_SIZE_LF;
    else if (c->state == CHUNK_SIZE && b != ';')
        return false;
    else
        c->state = CHUNK_EXTENSION;
    return b == '\r' || plain(b);
}

static void chunk_begins(struct http1_chunks *c) {
    c->state = c->left_bytes ? CHUNK_DATA : CHUNK_TRAILER_START;
    c->line_bytes = 0;
    c->digits = 0;
}

static bool trailer_byte(struct http1_chunks *c, char b) {
    if (++c->line_bytes > CHUNK_TRAILER_BYTES_MAX)
        return false;
    if (b == '\r')
        c->state = c->state == CHUNK_TRAILER_START ? CHUNK_END_LF : CHUNK_TRAILER_LF;
    else
        c->state = CHUNK_TRAILER;
    return b == '\r' || plain(b);
}

/* One byte that is not data; false: malformed. */
static bool chunk_byte(struct http1_chunks *c, char b) {
    switch ((enum chunk_state)c->state) {
    case CHUNK_SIZE:
    case CHUNK_EXTENSION: return size_byte(c, b);
    case CHUNK_SIZE_LF: chunk_begins(c); return b == '\n';
    case CHUNK_DATA_CR: c->state = CHUNK_DATA_LF; return b == '\r';
    case CHUNK_DATA_LF: c->state = CHUNK_SIZE; return b == '\n';
    case CHUNK_TRAILER_START:
    case CHUNK_TRAILER: return trailer_byte(c, b);
    case CHUNK_TRAILER_LF: c->state = CHUNK_TRAILER_START; return b == '\n';
    case CHUNK_END_LF: c->state = CHUNK_END; return b == '\n';
    case CHUNK_DATA:
    case CHUNK_END: break;
    }
    return false;
}

static enum http1_step refuse(struct http1_refusal *out) {
    *out = (struct http1_refusal){ .status = 400, .message = "the chunked body is malformed" };
    return HTTP1_REFUSED;
}

enum http1_step http1_chunks_next(struct http1_chunks *c, struct str *in, struct str *out_data,
                                  struct http1_refusal *out_why) {
    *out_data = (struct str){ 0 };
    while (in->n > 0) {
        if (c->state == CHUNK_DATA) {
            size_t n = in->n < c->left_bytes ? in->n : (size_t)c->left_bytes;
            *out_data = (struct str){ in->p, n };
            *in = str_skip(*in, n);
            c->left_bytes -= n;
            if (c->left_bytes == 0)
                c->state = CHUNK_DATA_CR;
            return HTTP1_MORE;
        }
        if (!chunk_byte(c, in->p[0]))
            return refuse(out_why);
        *in = str_skip(*in, 1);
        if (c->state == CHUNK_END)
            return HTTP1_DONE;
    }
    return HTTP1_MORE;
}
