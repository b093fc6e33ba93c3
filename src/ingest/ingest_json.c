#include "base/stat.h"
#include "ingest/json_row.h"
#include "wire/json_scan.h"
/*
 * POST /ingest/json: objects, one a row. Newline-delimited, in an array, or simply one after the other; an
 * object may span lines.
 *
 * When an object cannot be read, the row is the rest of its first line: reading goes on behind the next LF
 * after the place where it began. So in newline-delimited JSON a bad line costs itself and nothing else. In
 * an array on one line, what follows a bad object is lost with it, and said: it is the reject's raw text.
 */

struct body_walk {
    struct row_maker *m;
    const char *p, *end;
    bool in_array;
    bool object_may_come, comma_may_come; /* both, behind a reject */
    bool keep_raw;
};

static const char *line_end(const struct body_walk *w, const char *p) {
    const char *lf = p < w->end ? memchr(p, '\n', (size_t)(w->end - p)) : NULL;
    return lf ? lf : w->end;
}

/* Gives up the row that begins at w->p, and the rest of its line. */
static enum err reject_line(struct body_walk *w, const char *what, const char *at, struct err_text *why) {
    const char *from = w->p, *to = line_end(w, from);
    struct str raw = { from, (size_t)(to - from) };
    if (raw.n && raw.p[raw.n - 1] == '\r')
        raw.n--;
    w->p = to;
    w->object_may_come = w->comma_may_come = true;
    return row_maker_reject(w->m, ERR_INVALID, raw, why, "byte %td: %s", at - from, what);
}

static enum err decode_object(struct body_walk *w, struct err_text *why) {
    struct json_row_error mistake;
    row_maker_begin(w->m);
    const char *behind = json_row_parse(w->m, w->p, w->end, &mistake);
    if (UNLIKELY(!behind))
        return reject_line(w, mistake.what, mistake.at, why);
    struct str raw = { w->p, (size_t)(behind - w->p) };
    if (w->keep_raw)
        row_maker_put_named(w->m, STR("@raw"), cell_bytes(0, VALUE_STRING, raw));
    w->p = behind;
    w->object_may_come = !w->in_array;
    w->comma_may_come = w->in_array;
    return row_maker_end(w->m, raw, why);
}

/* One step: a row, or a bracket or comma of the array around the rows. */
static enum err decode_next(struct body_walk *w, struct err_text *why) {
    char c = *w->p;
    if (LIKELY(c == '{' && w->object_may_come))
        return decode_object(w, why);
    if (c == '{')
        return reject_line(w, "expected ',' or ']'", w->p, why);
    bool comma = c == ',' && w->comma_may_come;
    if (!comma && (c != '[' || w->in_array) && (c != ']' || !w->in_array))
        return reject_line(w, "expected an object", w->p, why);
    if (!comma)
        w->in_array = c == '[';
    w->object_may_come = true;
    w->comma_may_come = false;
    w->p++;
    return ERR_OK;
}

static enum err decode(const struct decode_input *in, struct decode_output *out, struct err_text *why) {
    static const struct row_options options = { .label_fields = true, .named_fields = true };
    struct str bom = STR("\xef\xbb\xbf"),
               body = str_starts(in->body, bom) ? str_skip(in->body, bom.n) : in->body;
    struct body_walk w = { .p = body.p, .end = body.n ? body.p + body.n : body.p, .object_may_come = true };
    TRY(row_maker_open(in, out, &options, &w.m, why));
    w.keep_raw = ingest_param_is_true(in, STR("keep_raw"));
    ingest_claim_batch(in, out);
    for (w.p = json_scan_space(w.p, w.end); w.p < w.end; w.p = json_scan_space(w.p, w.end))
        TRY(decode_next(&w, why));
    row_maker_close(w.m);
    if (w.in_array && out->rejects.n == 0)
        return err_say(why, ERR_INVALID, "the array of rows has no end: the body is not complete");
    return ERR_OK;
}

const struct ingest_proto ingest_json = {
    .name = "json",
    .http_method = "POST",
    .http_paths = { "/ingest/json" },
    .help = "JSON objects, one a row: newline-delimited, an array, or one after the other.",
    .decode = decode,
    .memo_free = row_maker_memo_free,
};
