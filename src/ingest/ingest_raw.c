#include "ingest/row_maker.h"
/*
 * POST /ingest/raw: lines, split on LF alone. Each line is one row whose @message is the line, byte for byte:
 * a CR at its end stays, an empty line is a row with an empty message, and a last line needs no LF.
 *
 * Every query parameter but `time` is a label of all the rows. The time is that of arrival; with
 * `time=detect` it is read from the front of each line, where there is one.
 */

static enum err labels_from_params(struct row_maker *m, const struct decode_input *in, bool *out_detect,
                                   struct err_text *why) {
    struct label labels[LABELS_COUNT_MAX];
    size_t count = 0;
    bool detect = false;
    for (size_t i = 0; i < in->param_count; i++) {
        struct str name = in->params[i].name, value = in->params[i].value;
        if (str_eq(name, STR("time"))) {
            detect = str_eq(value, STR("detect"));
            if (!detect && !str_eq(value, STR("received")))
                return err_say(why, ERR_INVALID, "time=" STR_FMT ": it is 'received' or 'detect'",
                               STR_ARG(value));
            continue;
        }
        if (name.n == 0)
            return err_say(why, ERR_INVALID, "a parameter without a name; parameters are labels of the rows");
        if (count == COUNT_OF(labels))
            return err_say(why, ERR_LIMIT, "more than %d labels", LABELS_COUNT_MAX);
        labels[count++] = (struct label){ name, value };
    }
    *out_detect = detect;
    return row_maker_labels(m, labels, count, why);
}

static enum err decode(const struct decode_input *in, struct decode_output *out, struct err_text *why) {
    static const struct row_options options = { 0 };
    struct row_maker *m;
    bool detect;
    TRY(row_maker_open(in, out, &options, &m, why));
    TRY(labels_from_params(m, in, &detect, why));
    ingest_claim_batch(in, out);
    struct str rest = in->body, line;
    while (rest.n) {
        if (!str_cut(&rest, '\n', &line))
            line = rest, rest.n = 0;
        int64_t time_ns;
        row_maker_begin(m);
        row_maker_put(m, m->well_known[ROW_USE_MESSAGE], cell_bytes(0, VALUE_STRING, line));
        if (detect && timestamp_detect(line, in->received_ns, &time_ns))
            row_maker_put(m, m->well_known[ROW_USE_TIME], cell_int(0, VALUE_TIME, time_ns));
        TRY(row_maker_end(m, line, why));
    }
    row_maker_close(m);
    return ERR_OK;
}

const struct ingest_proto ingest_raw = {
    .name = "raw",
    .http_method = "POST",
    .http_paths = { "/ingest/raw" },
    .help = "Lines of text, one a row; query parameters are labels.",
    .decode = decode,
    .memo_free = row_maker_memo_free,
};
