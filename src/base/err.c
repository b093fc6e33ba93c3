#include "base/err.h"
#include "base/assert.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const names[ERR_COUNT_] = {
    [ERR_OK] = "ok",
    [ERR_INVALID] = "invalid",
    [ERR_DENIED] = "denied",
    [ERR_NOT_FOUND] = "not_found",
    [ERR_CONFLICT] = "conflict",
    [ERR_LIMIT] = "limit",
    [ERR_TIMEOUT] = "timeout",
    [ERR_CANCELLED] = "cancelled",
    [ERR_UNSUPPORTED] = "unsupported",
    [ERR_CORRUPT] = "corrupt",
    [ERR_IO] = "io",
    [ERR_UNAVAILABLE] = "unavailable",
};

const char *err_name(enum err code) {
    ASSERT((unsigned)code < ERR_COUNT_);
    return names[code];
}

enum err err_say(struct err_text *out, enum err code, const char *fmt, ...) {
    if (out) {
        va_list ap;
        va_start(ap, fmt);
        (void)vsnprintf(out->msg, sizeof out->msg, fmt, ap);
        va_end(ap);
    }
    return code;
}

_Noreturn void assert_failed(const char *expr, const char *file, int line) {
    fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expr);
    abort();
}
