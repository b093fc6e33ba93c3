#pragma once
#include "base/arena.h"
#include "base/buf.h"
/*
 * Rows of an answer on a terminal: NDJSON lines in; a table, CSV or the lines themselves out. A table needs its column widths first, so
 * it is printed in screens of ROWS_SCREEN rows.
 */
enum rows_format { ROWS_TABLE, ROWS_JSON, ROWS_CSV };
struct rows;
NODISCARD struct rows *rows_new(enum rows_format format);
void rows_free(struct rows *r);
/* One line of the answer. The last, `{"_stats":…}`, is told on standard error; `{"_error":…}` makes rows_failed() true. */
void rows_line(struct rows *r, struct str line);
void rows_end(struct rows *r);
bool rows_failed(const struct rows *r);
NODISCARD bool rows_format_find(const char *name, enum rows_format *out);
