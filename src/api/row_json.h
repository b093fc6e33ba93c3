#pragma once
#include "base/buf.h"
#include "query/query.h"
/* Rows and costs of an answer as JSON. */
void row_json_value(struct buf *out, const struct value *v);
/* {"name":value,…} without the null ones. */
void row_json_row(struct buf *out, const struct query_row *row);
/* The object that docs/api.md shows as "_stats". */
void row_json_stats(struct buf *out, const struct query_stats *s);
/* RFC 3339 in UTC, as many digits as needed: quotes included. */
void row_json_time(struct buf *out, int64_t ns);
