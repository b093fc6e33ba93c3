#include "api/row_json.h"
#include "query/expr.h"
#include "wire/json.h"

void row_json_time(struct buf *out, int64_t ns) {
    struct value v = value_time(ns);
    buf_add_char(out, '"');
    value_print(&v, out);
    buf_add_char(out, '"');
}

void row_json_value(struct buf *out, const struct value *v) {
    switch (v->type) {
    case VALUE_NULL: buf_add(out, STR("null")); break;
    case VALUE_BOOL: buf_add(out, v->b ? STR("true") : STR("false")); break;
    case VALUE_INT: buf_add_i64(out, v->i); break;
    case VALUE_FLOAT: json_add_f64(out, v->f); break;
    case VALUE_TIME: row_json_time(out, v->i); break;
    case VALUE_NUMBER_TEXT: buf_add(out, v->s); break;
    case VALUE_JSON: json_add_compact(out, v->s); break;
    case VALUE_IP:
        buf_add_char(out, '"');
        value_print(v, out);
        buf_add_char(out, '"');
        break;
    default: json_add_string(out, v->s);
    }
}

void row_json_row(struct buf *out, const struct query_row *row) {
    buf_add_char(out, '{');
    bool first = true;
    for (size_t i = 0; i < row->count; i++) {
        if (row->values[i].type == VALUE_NULL)
            continue;
        if (!first)
            buf_add_char(out, ',');
        first = false;
        json_add_string(out, row->names[i]);
        buf_add_char(out, ':');
        row_json_value(out, &row->values[i]);
    }
    buf_add_char(out, '}');
}

void row_json_stats(struct buf *out, const struct query_stats *s) {
    buf_addf(out, "{\"rows\":%llu,\"rows_scanned\":%llu,\"rows_matched\":%llu,\"bytes_scanned\":%llu,\"bytes_read\":%llu,"
             "\"blocks\":%llu,\"blocks_skipped\":%llu,\"parts_damaged\":%llu,\"time_ms\":%.3f,\"cut\":%s,\"cut_by\":",
             (unsigned long long)s->rows_out, (unsigned long long)s->rows_scanned, (unsigned long long)s->rows_matched,
             (unsigned long long)s->bytes_scanned, (unsigned long long)s->bytes_read, (unsigned long long)s->blocks,
             (unsigned long long)s->blocks_skipped, (unsigned long long)s->parts_damaged, (double)s->time_ns / 1e6,
             s->cut ? "true" : "false");
    json_add_string(out, str_of(s->cut_by));
    buf_addf(out, ",\"approximate\":%s,\"cursor\":", s->approximate ? "true" : "false");
    json_add_string(out, str_of(s->cursor));
    buf_add_char(out, '}');
}
