#include "ingest/row_maker.h"
#include "parse/parse_syslog.h"
/*
 * Syslog over UDP and TCP. A body is one message: a datagram, or what frame() cut from a stream.
 *
 *     labels   host (the message's, else the sender's address), service (the app-name or tag)
 *     fields   @message, level, facility, procid, msgid, and structured data as id.name
 *
 * Nothing is refused for its form: a message that cannot be understood is stored whole as @message. One LF at
 * the end of a datagram belongs to the transport and is dropped.
 */

static void put_text(struct row_maker *m, struct str name, struct str text) {
    if (text.n)
        row_maker_put_named(m, name, cell_bytes(0, VALUE_STRING, text));
}

/* One parameter of structured data. */
static bool put_param(struct row_maker *m, const struct syslog_param *p) {
    struct batch *b = m->batch;
    struct str value = p->value;
    char *name = ARENA_RAW(&b->mem, char, p->id.n + 1 + p->name.n);
    char *plain = p->escaped ? ARENA_RAW(&b->mem, char, value.n) : NULL;
    if (!name || (p->escaped && !plain))
        return false;
    memcpy(name, p->id.p, p->id.n);
    size_t n = p->id.n;
    if (p->name.n) {
        name[n++] = '.';
        memcpy(name + n, p->name.p, p->name.n);
        n += p->name.n;
    }
    if (p->escaped)
        value = (struct str){ plain, parse_syslog_unescape(value, plain) };
    row_maker_put_named(m, (struct str){ name, n },
                        p->name.n ? cell_bytes(0, VALUE_STRING, value) : cell_int(0, VALUE_BOOL, 1));
    return true;
}

static bool put_structured(struct row_maker *m, struct str structured) {
    struct syslog_params walk = { .rest = structured };
    struct syslog_param param;
    while (parse_syslog_param(&walk, &param))
        if (!put_param(m, &param))
            return false;
    return true;
}

static void put_header(struct row_maker *m, const struct syslog *s) {
    if (s->severity >= 0) {
        row_maker_put(m, m->well_known[ROW_USE_LEVEL],
                      cell_bytes(0, VALUE_STRING, str_of(parse_syslog_severity_name(s->severity))));
        put_text(m, STR("facility"), str_of(parse_syslog_facility_name(s->facility)));
    }
    if (s->has_time)
        row_maker_put(m, m->well_known[ROW_USE_TIME], cell_int(0, VALUE_TIME, s->time_ns));
    put_text(m, STR("procid"), s->procid);
    put_text(m, STR("msgid"), s->msgid);
}

static enum err decode(const struct decode_input *in, struct decode_output *out, struct err_text *why) {
    static const struct row_options options = { 0 };
    struct str body = in->body;
    struct row_maker *m;
    struct syslog s;
    TRY(row_maker_open(in, out, &options, &m, why));
    if (body.n && body.p[body.n - 1] == '\n')
        body.n--;
    parse_syslog(body, in->received_ns, &s);
    struct label labels[] = { { STR("host"), s.host.n ? s.host : in->peer }, { STR("service"), s.app } };
    TRY(row_maker_labels(m, labels, COUNT_OF(labels), why));
    row_maker_begin(m);
    row_maker_put(m, m->well_known[ROW_USE_MESSAGE], cell_bytes(0, VALUE_STRING, s.message));
    put_header(m, &s);
    enum err e = put_structured(m, s.structured)
                     ? row_maker_end(m, body, why)
                     : row_maker_reject(m, ERR_LIMIT, body, why, "the memory for fields is spent");
    row_maker_close(m);
    return e;
}

const struct ingest_proto ingest_syslog = {
    .name = "syslog",
    .port = 514,
    .udp = true,
    .tcp = true,
    .help = "RFC 3164 and RFC 5424, over UDP and TCP with either framing.",
    .decode = decode,
    .frame = parse_syslog_frame,
    .memo_free = row_maker_memo_free,
};
