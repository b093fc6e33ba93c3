#pragma once
#include "base/attr.h"
/*
 * One closed set of errors for the whole program. A function that can fail returns one; the words
 * for a person travel beside the code in an err_text that the caller owns.
 * api/error_map.c turns a code into an HTTP status: nothing else does.
 */
enum err {
    ERR_OK = 0,
    ERR_INVALID,     /* 400: the sender must change the request */
    ERR_DENIED,      /* 401, 403 */
    ERR_NOT_FOUND,   /* 404 */
    ERR_CONFLICT,    /* 409 */
    ERR_LIMIT,       /* 413, 429: a named cap was reached */
    ERR_TIMEOUT,     /* 504 */
    ERR_CANCELLED,   /* 499: the asker went away */
    ERR_UNSUPPORTED, /* 501 */
    ERR_CORRUPT,     /* 500: stored bytes failed a check */
    ERR_IO,          /* 500: the disk or a socket refused */
    ERR_UNAVAILABLE, /* 503: try again later */
    ERR_COUNT_
};

struct err_text {
    char msg[256];
};

/* Short stable name, for logs and metrics: "invalid", "limit", … */
const char *err_name(enum err code);

/* Formats into `out` (may be NULL) and returns `code`. */
PRINTF(3, 4) NODISCARD enum err err_say(struct err_text *out, enum err code, const char *fmt, ...);

#define TRY(expr)                                                                                  \
    do {                                                                                           \
        enum err try_err_ = (expr);                                                                \
        if (try_err_ != ERR_OK)                                                                    \
            return try_err_;                                                                       \
    } while (0)

/* The only way to drop an error: say why. GCC ignores a (void) cast here. */
#define ERR_IGNORE(expr, why)                                                                      \
    do {                                                                                           \
        enum err ignored_ = (expr);                                                                \
        (void)ignored_;                                                                            \
        (void)sizeof("" why);                                                                      \
    } while (0)
