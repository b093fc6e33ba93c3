#include "base/buf.h"
#include "base/test.h"
#include "parse/parse_syslog.h"

/* 2026-11-21T06:25:00Z */
static const int64_t now_ns = 1795242300ll * 1000 * 1000 * 1000;

static const struct {
    const char *text, *want; /* level.facility +seconds host/app/procid/msgid{id.name=value,…}message */
} cases[] = {
    // tidy: table
    { "<34>1 2026-11-21T06:25:01.003Z mymachine.example.com su - ID47 - \xef\xbb\xbf'su root' failed",
      "crit.auth +1 mymachine.example.com/su//ID47{}'su root' failed" },
    { "<165>1 2026-11-21T06:25:00.000003-00:00 192.0.2.1 myproc 8710 - - %% It's time.",
      "notice.local4 +0 192.0.2.1/myproc/8710/{}%% It's time." },
    { "<165>1 - h evntslog - ID47 [exampleSDID@32473 iut=\"3\" eventSource=\"a \\\"b\\] c\\d\"][x@1][y z=\"\"] msg [1]",
      "notice.local4 - h/evntslog//ID47{exampleSDID@32473.iut=3,exampleSDID@32473.eventSource=a \"b] c\\d,x@1.=,y.z=,}msg [1]" },
    { "<13>1 2026-11-21T06:25:00Z h a - - [b c=\"d\"]", "notice.user +0 h/a//{b.c=d,}" },
    { "<13>1 2026-11-21T06:25:00Z h a - - -", "notice.user +0 h/a//{}" },
    { "<13>1 soon h a - - - x", "notice.user - ///{}1 soon h a - - - x" },
    { "<13>1 2026-11-21T06:25:00Z h a - - [b c=\"d] x",
      "notice.user - ///{}1 2026-11-21T06:25:00Z h a - - [b c=\"d] x" },
    { "<34>Nov 21 06:25:02 mymachine su: 'su root' failed on /dev/pts/8",
      "crit.auth +2 mymachine/su//{}'su root' failed on /dev/pts/8" },
    { "<86>Nov 21 06:25:00 web1 sshd[24200]:  two spaces", "info.authpriv +0 web1/sshd/24200/{} two spaces" },
    { "<13>Nov 21 06:25:00 cron[7]: no host", "notice.user +0 /cron/7/{}no host" },
    { "<13>2026-11-21T06:25:00.5+00:00 web1 app: iso", "notice.user +0 web1/app//{}iso" },
    { "<13>Nov 21 06:25:00 web1 just words here", "notice.user +0 web1///{}just words here" },
    { "<0>kernel: panic", "emerg.kern - /kernel//{}panic" },
    { "<13>words: and more", "notice.user - /words//{}and more" },
    { "<13>no tag here", "notice.user - ///{}no tag here" },
    { "<192>x", "- - ///{}<192>x" },
    { "<1234>x", "- - ///{}<1234>x" },
    { "<>x", "- - ///{}<>x" },
    { "<13", "- - ///{}<13" },
    { "no priority: at all", "- - ///{}no priority: at all" },
    { "", "- - ///{}" },
};

TEST(each_message_is_read_as_far_as_it_can_be) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct syslog s;
        parse_syslog(str_of(cases[i].text), now_ns, &s);
        AUTO(buf) got = { 0 };
        if (s.severity < 0)
            buf_add(&got, STR("- "));
        else
            buf_addf(&got, "%s.%s ", parse_syslog_severity_name(s.severity),
                     parse_syslog_facility_name(s.facility));
        if (s.has_time)
            buf_addf(&got, "%+lld ", (long long)((s.time_ns - now_ns) / 1000000000));
        else
            buf_add(&got, STR("- "));
        buf_addf(&got, STR_FMT "/" STR_FMT "/" STR_FMT "/" STR_FMT "{", STR_ARG(s.host), STR_ARG(s.app),
                 STR_ARG(s.procid), STR_ARG(s.msgid));
        struct syslog_params walk = { .rest = s.structured };
        struct syslog_param p;
        while (parse_syslog_param(&walk, &p)) {
            char value[64];
            size_t n = parse_syslog_unescape(p.value, value);
            buf_addf(&got, STR_FMT "." STR_FMT "=%.*s,", STR_ARG(p.id), STR_ARG(p.name), (int)n, value);
        }
        buf_addf(&got, "}" STR_FMT, STR_ARG(s.message));
        if (!str_eq(buf_str(&got), str_of(cases[i].want)))
            fail_msg("%s\n" STR_FMT "\nwant:\n%s", cases[i].text, STR_ARG(buf_str(&got)), cases[i].want);
    }
}

TEST(both_framings_are_cut_whatever_the_pieces) {
    static const char stream[] = "<1>a\n\n\n5 <2>bc16 <3>d\nwith a line7 <4>e f\n<5>g\n12 not counted\nlast";
    static const char want[] = "<1>a|<2>bc|<3>d\nwith a line|<4>e f\n|<5>g|12 not counted|";
    for (size_t piece = 1; piece < sizeof stream; piece++) {
        AUTO(buf) have = { 0 };
        AUTO(buf) got = { 0 };
        size_t used = 0;
        for (size_t fed = 0; fed < sizeof stream - 1; fed += piece) {
            size_t n = sizeof stream - 1 - fed < piece ? sizeof stream - 1 - fed : piece;
            buf_add_bytes(&have, stream + fed, n);
            for (;;) {
                struct str rest = str_skip(buf_str(&have), used), message;
                CHECK_OK(parse_syslog_frame(&rest, &message, NULL));
                used = have.n - rest.n;
                if (message.n == 0)
                    break;
                buf_add(&got, message);
                buf_add_char(&got, '|');
            }
        }
        CHECK_STR(buf_str(&got), want);
        CHECK_STR(str_skip(buf_str(&have), used), "last");
    }
}

TEST(endless_lines_are_cut_and_huge_counts_refused) {
    AUTO(buf) line = { 0 };
    buf_add_fill(&line, 'x', SYSLOG_MESSAGE_BYTES_MAX + 5);
    struct str rest = buf_str(&line), message;
    CHECK_OK(parse_syslog_frame(&rest, &message, NULL));
    CHECK(message.n == SYSLOG_MESSAGE_BYTES_MAX && rest.n == 5);
    CHECK_OK(parse_syslog_frame(&rest, &message, NULL));
    CHECK(message.n == 0 && rest.n == 5);
    rest = STR("99999999 <13>x");
    CHECK(parse_syslog_frame(&rest, &message, NULL) == ERR_LIMIT);
}

TEST_MAIN(RUN(each_message_is_read_as_far_as_it_can_be), RUN(both_framings_are_cut_whatever_the_pieces),
          RUN(endless_lines_are_cut_and_huge_counts_refused))
