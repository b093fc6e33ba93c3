#include "base/log.h"
#include "base/buf.h"
#include "base/clock.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static _Atomic int lowest_level = LOG_INFO;
static const char *const level_names[] = { "debug", "info", "warn", "error" };

void log_threshold(enum log_level lowest) { lowest_level = (int)lowest; }

static void add_escaped(struct buf *b, const char *text) {
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            buf_add_char(b, '\\');
        if (*p < 0x20)
            buf_addf(b, "\\u%04x", *p);
        else
            buf_add_char(b, (char)*p);
    }
}

void log_line(enum log_level level, const char *part, const char *fmt, ...) {
    if ((int)level < lowest_level)
        return;
    char text[1024], when[40];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    int64_t now_ns = clock_now_ns(&clock_real);
    time_t s = now_ns / NS_PER_S;
    struct tm tm;
    (void)gmtime_r(&s, &tm);
    (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    AUTO(buf) line = { .limit_bytes = 16384 };
    buf_addf(&line, "{\"time\":\"%s.%03dZ\",\"level\":\"%s\",\"part\":\"%s\",\"message\":\"", when,
             (int)(now_ns / NS_PER_MS % 1000), level_names[level], part);
    add_escaped(&line, text);
    buf_add(&line, STR("\"}\n"));
    ssize_t put = write(STDERR_FILENO, line.p, line.n);
    (void)put; /* nowhere left to say it */
}
