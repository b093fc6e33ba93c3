#include "base/test.h"
#include "ingest/decode_fixture.h"

extern const struct ingest_proto ingest_syslog;

static const struct {
    const char *body, *want;
} cases[] = {
    // tidy: table
    { "<165>1 2026-11-21T06:25:01.5Z web1 shop 8710 ID47 [a@1 b=\"x\\\"y\" time=\"z\"][c] card declined",
      "+1500 {service=\"shop\",host=\"web1\"} @message=\"card declined\" a@1.b=\"x\\\"y\" a@1.time=\"z\" c=b1 "
      "facility=\"local4\" level=\"notice\" msgid=\"ID47\" procid=\"8710\"\n" },
    { "<86>Nov 21 06:25:00 web1 sshd[24200]: Accepted\n",
      "+0 {service=\"sshd\",host=\"web1\"} @message=\"Accepted\" facility=\"authpriv\" level=\"info\" procid=\"24200\"\n" },
    { "whatever this is\r", "+0 {host=\"192.0.2.7\"} @message=\"whatever this is\\r\"\n" },
    { "<13>hello", "+0 {host=\"192.0.2.7\"} @message=\"hello\" facility=\"user\" level=\"notice\"\n" },
    { "", "+0 {host=\"192.0.2.7\"} @message=\"\"\n" },
    { "<13>1 - - - - - [message level=\"deep\"] \xef\xbb\xbfm",
      "+0 {host=\"192.0.2.7\"} @message=\"m\" facility=\"user\" level=\"notice\" message.level=\"deep\"\n" },
};

TEST(each_message_becomes_the_row_it_says) {
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum err e = fixture_decode(&f, &ingest_syslog, str_of(cases[i].body), NULL);
        const char *got = fixture_print(&f);
        if (e != ERR_OK || strcmp(got, cases[i].want) != 0)
            fail_msg("%s: %s\n%swant:\n%s", cases[i].body, e ? f.why.msg : "", got, cases[i].want);
    }
    fixture_fini(&f, &ingest_syslog);
}

TEST_MAIN(RUN(each_message_becomes_the_row_it_says))
