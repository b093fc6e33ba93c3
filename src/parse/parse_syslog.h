#pragma once
#include "base/err.h"
#include "base/str.h"
/*
 * One syslog message: RFC 5424, RFC 3164 as it is really written, or anything else, which is all message.
 * Never fails: what cannot be understood stays in `message`, unchanged. All slices point into the text.
 */
struct syslog {
    int facility, severity; /* -1: no priority was given */
    bool has_time;
    int64_t time_ns; /* a time without year or zone: the nearest year, UTC */
    struct str host, app, procid, msgid;
    struct str structured; /* RFC 5424 structured data, "[id a=\"b\"]…", checked */
    struct str message;
};
void parse_syslog(struct str text, int64_t now_ns, struct syslog *out);

/* Walks structured data: false at the end. `value` may hold escapes (a backslash before '"', '\\' or ']')
 * when `escaped`. An element without parameters comes once, with an empty name. */
struct syslog_param {
    struct str id, name, value;
    bool escaped;
};
struct syslog_params {
    struct str rest; /* starts as syslog.structured */
    struct str id;   /* of the element that is being walked */
};
bool parse_syslog_param(struct syslog_params *walk, struct syslog_param *out);
/* Writes the unescaped value (at most value.n bytes); returns its length. */
size_t parse_syslog_unescape(struct str value, char *to);

/* "emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"; "kern", "user" … "local7". */
const char *parse_syslog_severity_name(int severity);
const char *parse_syslog_facility_name(int facility);

enum { SYSLOG_MESSAGE_BYTES_MAX = 1 << 20 };
/*
 * Cuts one message from the front of a stream. Both framings, told apart for each message: a count of bytes
 * ("57 <34>1 …", RFC 6587 section 3.4.1), else up to a LF. ERR_OK with an empty message: more bytes are
 * needed. A line that does not end in SYSLOG_MESSAGE_BYTES_MAX is cut there; a count beyond it is ERR_LIMIT.
 */
NODISCARD enum err parse_syslog_frame(struct str *rest, struct str *out_message, struct err_text *why);
