#include "parse/parse_syslog.h"
#include "parse/timestamp.h"

enum { HOST_BYTES_MAX = 255, APP_BYTES_MAX = 128, TAG_BYTES_MAX = 128 };

static const char *const severities[8] = {
    "emerg", "alert", "crit", "error", "warning", "notice", "info", "debug",
};
static const char *const facilities[24] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7",
};

const char *parse_syslog_severity_name(int severity) {
    return severities[severity & 7];
}
const char *parse_syslog_facility_name(int facility) {
    return facilities[facility % 24];
}

/* "<34>": at most three digits, at most 191. Behind it, or NULL. */
static const char *take_priority(struct str s, int *out) {
    int v = 0;
    size_t i = 1;
    if (s.n < 3 || s.p[0] != '<')
        return NULL;
    for (; i < s.n && i <= 3 && ascii_digit(s.p[i]); i++)
        v = v * 10 + (s.p[i] - '0');
    if (i == 1 || i == s.n || s.p[i] != '>' || v > 191)
        return NULL;
    *out = v;
    return s.p + i + 1;
}

/* Up to the next space, which is taken too. False when it is empty, too long, or no space follows. */
static bool take_token(struct str *rest, size_t bytes_max, struct str *out) {
    struct str after = *rest, token;
    if (!str_cut(&after, ' ', &token) || token.n == 0 || token.n > bytes_max)
        return false;
    *rest = after;
    *out = str_eq(token, STR("-")) ? (struct str){ 0 } : token;
    return true;
}

/* ---- structured data ---- */

static bool sd_name_byte(char c) {
    return c > ' ' && c != '=' && c != ']' && c != '"' && (unsigned char)c < 0x7f;
}

static struct str take_sd_name(struct str *rest) {
    size_t n = 0;
    while (n < rest->n && sd_name_byte(rest->p[n]))
        n++;
    struct str name = { rest->p, n };
    *rest = str_skip(*rest, n);
    return name;
}

/* `*rest` is behind `="`; then behind the closing quote. */
static bool take_sd_value(struct str *rest, struct syslog_param *out) {
    out->escaped = false;
    for (size_t i = 0; i < rest->n; i++) {
        if (rest->p[i] == '\\' && i + 1 < rest->n && strchr("\"\\]", rest->p[i + 1]) && rest->p[i + 1]) {
            out->escaped = true;
            i++;
        } else if (rest->p[i] == '"') {
            out->value = (struct str){ rest->p, i };
            *rest = str_skip(*rest, i + 1);
            return true;
        }
    }
    return false;
}

bool parse_syslog_param(struct syslog_params *walk, struct syslog_param *out) {
    struct str rest = walk->rest;
    *out = (struct syslog_param){ 0 };
    if (walk->id.n && rest.n && rest.p[0] == ']') { /* the element ends */
        walk->id = (struct str){ 0 };
        walk->rest = rest = str_skip(rest, 1);
    }
    bool opened = walk->id.n == 0;
    if (opened) {
        if (rest.n == 0 || rest.p[0] != '[')
            return false;
        rest = str_skip(rest, 1);
        walk->id = take_sd_name(&rest);
    }
    out->id = walk->id;
    walk->rest = rest;
    if (walk->id.n == 0)
        return false;
    if (opened && rest.n && rest.p[0] == ']')
        return true;
    while (rest.n && rest.p[0] == ' ')
        rest = str_skip(rest, 1);
    out->name = take_sd_name(&rest);
    if (out->name.n == 0 || !str_starts(rest, STR("=\"")))
        return false;
    rest = str_skip(rest, 2);
    if (!take_sd_value(&rest, out))
        return false;
    walk->rest = rest;
    return true;
}

size_t parse_syslog_unescape(struct str value, char *to) {
    size_t n = 0;
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\\' && i + 1 < value.n && value.p[i + 1] && strchr("\"\\]", value.p[i + 1]))
            i++;
        to[n++] = value.p[i];
    }
    return n;
}

/* "-" or elements. `*rest` is then behind them and behind the space that may follow. */
static bool take_structured(struct str *rest, struct str *out) {
    struct str start = *rest, after = start;
    if (str_starts(start, STR("-"))) {
        after = str_skip(after, 1);
    } else {
        struct syslog_params walk = { .rest = start };
        struct syslog_param param;
        while (parse_syslog_param(&walk, &param))
            continue;
        if (walk.id.n || walk.rest.n == start.n)
            return false;
        after = walk.rest;
    }
    struct str taken = { start.p, start.n - after.n };
    if (after.n && after.p[0] != ' ')
        return false;
    *out = str_eq(taken, STR("-")) ? (struct str){ 0 } : taken;
    *rest = after.n ? str_skip(after, 1) : after;
    return true;
}

/* ---- headers ---- */

/* "1 2026-11-21T06:25:00.003Z host app procid msgid [sd] message" */
static bool take_rfc5424(struct str rest, int64_t now_ns, struct syslog *out) {
    struct syslog s = *out;
    struct str version, time;
    if (!take_token(&rest, 3, &version) || !str_eq(version, STR("1")) || !take_token(&rest, 64, &time) ||
        !take_token(&rest, HOST_BYTES_MAX, &s.host) || !take_token(&rest, APP_BYTES_MAX, &s.app) ||
        !take_token(&rest, 128, &s.procid) || !take_token(&rest, 128, &s.msgid) ||
        !take_structured(&rest, &s.structured))
        return false;
    if (time.n) {
        if (timestamp_take(time.p, time.p + time.n, now_ns, &s.time_ns) != time.p + time.n)
            return false;
        s.has_time = true;
    }
    struct str bom = STR("\xef\xbb\xbf");
    s.message = str_starts(rest, bom) ? str_skip(rest, bom.n) : rest;
    *out = s;
    return true;
}

static bool tag_byte(char c) {
    return (unsigned char)c > ' ' && c != ':' && c != '[' && c != ']';
}

/* "sshd[123]: " or "cron: ". The message begins behind the colon and one space. */
static bool take_tag(struct str *rest, struct syslog *out) {
    size_t n = 0;
    while (n < rest->n && n <= TAG_BYTES_MAX && tag_byte(rest->p[n]))
        n++;
    struct str tag = { rest->p, n }, after = str_skip(*rest, n), procid = { 0 };
    if (n == 0 || n > TAG_BYTES_MAX)
        return false;
    if (after.n && after.p[0] == '[') {
        after = str_skip(after, 1);
        if (!str_cut(&after, ']', &procid) || procid.n > TAG_BYTES_MAX)
            return false;
    }
    if (!after.n || after.p[0] != ':')
        return false;
    after = str_skip(after, 1);
    if (after.n && after.p[0] == ' ')
        after = str_skip(after, 1);
    out->app = tag;
    out->procid = procid;
    *rest = after;
    return true;
}

/* "Nov 21 06:25:00 [host ][tag[pid]: ]message", the time also as RFC 3339. A tag where the host should be:
 * none was sent. */
static bool take_rfc3164(struct str rest, int64_t now_ns, struct syslog *out) {
    const char *end = rest.p + rest.n, *behind = timestamp_take(rest.p, end, now_ns, &out->time_ns);
    if (!behind || behind == end || *behind != ' ')
        return false;
    out->has_time = true;
    rest = (struct str){ behind + 1, (size_t)(end - behind - 1) };
    if (!take_tag(&rest, out) && take_token(&rest, HOST_BYTES_MAX, &out->host))
        (void)take_tag(&rest, out);
    out->message = rest;
    return true;
}

void parse_syslog(struct str text, int64_t now_ns, struct syslog *out) {
    int priority;
    *out = (struct syslog){ .facility = -1, .severity = -1, .message = text };
    const char *behind = take_priority(text, &priority);
    if (!behind)
        return;
    out->facility = priority >> 3;
    out->severity = priority & 7;
    out->message = str_skip(text, (size_t)(behind - text.p));
    if (!take_rfc5424(out->message, now_ns, out) && !take_rfc3164(out->message, now_ns, out))
        (void)take_tag(&out->message, out);
}

/* ---- frames ---- */

enum count_state { COUNT_NO, COUNT_UNSURE, COUNT_YES };

/* "57 <": a count, or the start of one. */
static enum count_state take_count(struct str s, size_t *out_count, size_t *out_header_bytes) {
    enum { DIGITS_MAX = 9 };
    size_t i = 0, v = 0;
    for (; i < s.n && i < DIGITS_MAX && ascii_digit(s.p[i]); i++)
        v = v * 10 + (size_t)(s.p[i] - '0');
    if (i == 0 || s.p[0] == '0')
        return COUNT_NO;
    if (i == s.n || (i + 1 == s.n && s.p[i] == ' '))
        return COUNT_UNSURE;
    if (s.p[i] != ' ' || s.p[i + 1] != '<')
        return COUNT_NO;
    *out_count = v;
    *out_header_bytes = i + 1;
    return COUNT_YES;
}

enum err parse_syslog_frame(struct str *rest, struct str *out_message, struct err_text *why) {
    struct str s = *rest;
    size_t count, header_bytes;
    while (s.n && s.p[0] == '\n')
        s = str_skip(s, 1);
    *rest = s;
    *out_message = (struct str){ 0 };
    enum count_state state = s.n ? take_count(s, &count, &header_bytes) : COUNT_UNSURE;
    if (state == COUNT_UNSURE)
        return ERR_OK;
    if (state == COUNT_YES) {
        if (count > SYSLOG_MESSAGE_BYTES_MAX)
            return err_say(why, ERR_LIMIT, "syslog: a message of %zu bytes; at most %d", count,
                           SYSLOG_MESSAGE_BYTES_MAX);
        if (s.n - header_bytes < count)
            return ERR_OK;
        *out_message = (struct str){ s.p + header_bytes, count };
        *rest = str_skip(s, header_bytes + count);
        return ERR_OK;
    }
    struct str line;
    if (str_cut(&s, '\n', &line) && line.n <= SYSLOG_MESSAGE_BYTES_MAX) {
        *out_message = line;
        *rest = s;
    } else if (rest->n >= SYSLOG_MESSAGE_BYTES_MAX) {
        *out_message = (struct str){ rest->p, SYSLOG_MESSAGE_BYTES_MAX };
        *rest = str_skip(*rest, SYSLOG_MESSAGE_BYTES_MAX);
    }
    return ERR_OK;
}
