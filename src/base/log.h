#pragma once
#include "base/attr.h"
/*
 * The program's own log: one JSON object a line on standard error,
 * {"time":…,"level":…,"part":…,"message":…}. Any thread. Only app/, cli/ and handlers log:
 * libraries return errors. Repeats of one call site are the caller's to limit.
 */
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
void log_threshold(enum log_level lowest);
PRINTF(3, 4) void log_line(enum log_level level, const char *part, const char *fmt, ...);
#define log_info(part, ...)  log_line(LOG_INFO, (part), __VA_ARGS__)
#define log_warn(part, ...)  log_line(LOG_WARN, (part), __VA_ARGS__)
#define log_error(part, ...) log_line(LOG_ERROR, (part), __VA_ARGS__)
#define log_debug(part, ...) log_line(LOG_DEBUG, (part), __VA_ARGS__)
