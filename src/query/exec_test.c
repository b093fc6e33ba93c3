#include "base/test.h"
#include "query/exec_fixture.h"

static const int64_t T0 = 1700000000ll * 1000000000, SECOND = 1000000000;

#define ANSWER(c, query, ...)                                                                                \
    do {                                                                                                     \
        static const char *const lines_[] = { __VA_ARGS__ };                                                 \
        AUTO(exec_answer) answer_;                                                                           \
        exec_case_ask((c), (query), NULL, &answer_);                                                         \
        if (!exec_answer_is(&answer_, lines_, COUNT_OF(lines_)))                                             \
            fail_msg("%s:%d: %s", __FILE__, __LINE__, (query));                                              \
    } while (0)

static void shop(struct exec_case *c) {
    static const struct {
        int64_t at;
        const char *labels, *level, *message;
        int64_t status;
        double ms;
    } rows[] = {
        { 0, "service=cart,host=a1", "info", "added item 17 to the cart", 200, 1.5 },
        { 10, "service=cart,host=a1", "error", "card declined for user 4711", 402, 20 },
        { 20, "service=cart,host=b2", "info", "added item 99 to the cart", 200, 2.5 },
        { 30, "service=search,host=a1", "info", "query took 12 ms", 200, 12 },
        { 70, "service=search,host=a1", "warn", "query took 900 ms", 200, 900 },
        { 80, "service=search,host=a1", "error", "index unavailable", 503, 3 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        exec_case_add(c, T0 + rows[i].at * SECOND, rows[i].labels);
        exec_case_text(c, "level", rows[i].level);
        exec_case_text(c, "@message", rows[i].message);
        exec_case_cell(c, "status", value_int(rows[i].status));
        exec_case_cell(c, "ms", value_float(rows[i].ms));
        if (i == 2)
            exec_case_publish(c);
    }
    exec_case_publish(c);
}

TEST(rows_come_newest_first_with_their_fields_in_order) {
    AUTO(exec_case) c;
    exec_case_open(&c);
    shop(&c);
    ANSWER(
        &c, "error",
        "@timestamp=2023-11-14T22:14:40.000Z @message='index unavailable' level='error' service='search' host='a1' ms=3 "
        "status=503",
        "@timestamp=2023-11-14T22:13:30.000Z @message='card declined for user 4711' level='error' service='cart' "
        "host='a1' ms=20 status=402");
    ANSWER(
        &c, "service:cart status:>200 | limit 1",
        "@timestamp=2023-11-14T22:13:30.000Z @message='card declined for user 4711' level='error' service='cart' "
        "host='a1' ms=20 status=402");
}

TEST(groups_are_counted) {
    AUTO(exec_case) c;
    exec_case_open(&c);
    shop(&c);
    ANSWER(&c, "* | stats count() by level", "level='error' count=2", "level='info' count=3",
           "level='warn' count=1");
    ANSWER(&c, "* | stats count() as n, sum(ms), max(status) by service, bin(1m)",
           "service='cart' bin(1m)=2023-11-14T22:13:00.000Z n=3 sum(ms)=24 max(status)=402",
           "service='search' bin(1m)=2023-11-14T22:13:00.000Z n=1 sum(ms)=12 max(status)=200",
           "service='search' bin(1m)=2023-11-14T22:14:00.000Z n=2 sum(ms)=903 max(status)=503");
    ANSWER(&c, "stats count(), sum(status = 200 and ms < 100) as good, p50(ms)",
           "count=6 good=3 p50(ms)=7.5");
}

TEST(row_by_row_commands_make_and_drop_fields) {
    AUTO(exec_case) c;
    exec_case_open(&c);
    shop(&c);
    ANSWER(&c, "error | fields ms * 2 as twice, status, s*", "twice=6 status=503 service='search'",
           "twice=40 status=402 service='cart'");
    ANSWER(&c, "error | eval late = ms > 10, ms = null | filter late | fields -@timestamp, -message",
           "level='error' service='cart' host='a1' status=402 late=true");
    ANSWER(
        &c,
        "503 OR status:503 | rename level as severity | fillnull value=\"none\" zone | fields severity, zone",
        "severity='error' zone='none'");
}

TEST(rows_are_sorted_limited_and_deduplicated) {
    AUTO(exec_case) c;
    exec_case_open(&c);
    shop(&c);
    ANSWER(&c, "* | sort ms desc | limit 2 | fields ms", "ms=900", "ms=20");
    ANSWER(&c, "* | sort status, -ms | fields ms", "ms=900", "ms=12", "ms=2.5", "ms=1.5", "ms=20", "ms=3");
    ANSWER(&c, "* | dedup service | fields service, ms", "service='search' ms=3", "service='cart' ms=2.5");
    ANSWER(&c, "* | tail 2 | fields ms", "ms=20", "ms=1.5");
    ANSWER(&c, "* | stats count() by level | sort count() desc | limit 1", "level='info' count=3");
    ANSWER(&c, "* | top 2 level", "level='info' count=3 percent=50",
           "level='error' count=2 percent=33.33333333");
    ANSWER(&c, "* | rare 1 level by service", "service='cart' level='error' count=1 percent=33.33333333",
           "service='search' level='error' count=1 percent=33.33333333");
}

TEST(what_people_write_elsewhere_runs_as_it_is) {
    AUTO(exec_case) c;
    exec_case_open(&c);
    shop(&c);
    ANSWER(&c, "fields @timestamp, @message | stats count() by @logStream | sort count desc | limit 10",
           "@logStream='cart' count=3", "@logStream='search' count=3");
    ANSWER(
        &c,
        "fields @timestamp, @message | filter level = \"error\" | stats count(*), max(ms) by bin(@timestamp, 1m) | sort "
        "@timestamp desc | limit 20",
        "bin(@timestamp, 1m)=2023-11-14T22:14:00.000Z count=1 max(ms)=3",
        "bin(@timestamp, 1m)=2023-11-14T22:13:00.000Z count=1 max(ms)=20");
    ANSWER(
        &c,
        "filter service = \"cart\" | stats sum(level = \"info\" and ms < 2) as good_requests, count(*) as total_requests | "
        "eval sli = good_requests / total_requests * 100",
        "good_requests=1 total_requests=3 sli=33.33333333");
    ANSWER(
        &c,
        "level:error service:cart user:4711 OR (status:402 @timestamp:[2023-11-14 TO 2023-11-15]) | fields ms",
        "ms=20");
    ANSWER(&c, "* | stats p99(ms) by service | filter `p99(ms)` > 100 | sort p99 desc | fields service",
           "service='search'");
    ANSWER(&c, "* | fields @message | sort @timestamp | head 1", "@message='added item 17 to the cart'");
}

TEST(context_shows_the_rows_around_a_match) {
    AUTO(exec_case) c;
    exec_case_open(&c);
    shop(&c);
    ANSWER(&c, "declined | context before 1 after 1 | fields ms, @match", "ms=20 @match=true", "ms=1.5");
    ANSWER(&c, "900 | context 1 | fields ms, @match", "ms=3", "ms=900 @match=true", "ms=12");
}

TEST(patterns_and_facets_are_counted) {
    AUTO(exec_case) c;
    exec_case_open(&c);
    shop(&c);
    ANSWER(&c, "* | patterns 2",
           "pattern='added item <*> to the cart' count=2 share=0.3333333333 first=2023-11-14T22:13:20.000Z "
           "last=2023-11-14T22:13:40.000Z example='added item 99 to the cart'",
           "pattern='query took <*> ms' count=2 share=0.3333333333 first=2023-11-14T22:13:50.000Z "
           "last=2023-11-14T22:14:30.000Z example='query took 900 ms'");
    ANSWER(&c, "service:cart | facets 1", "field='host' value='a1' count=2 distinct=2",
           "field='level' value='info' count=2 distinct=2", "field='ms' value=1.5 count=1 distinct=3",
           "field='service' value='cart' count=3 distinct=1", "field='status' value=200 count=2 distinct=2");
    ANSWER(&c, "* | count by host", "host='a1' count=5", "host='b2' count=1");
    ANSWER(&c, "* | timechart span=1m count() | sort @timestamp desc | limit 1",
           "@timestamp=2023-11-14T22:14:00.000Z count=2");
}

TEST_MAIN(RUN(what_people_write_elsewhere_runs_as_it_is), RUN(context_shows_the_rows_around_a_match),
          RUN(patterns_and_facets_are_counted), RUN(row_by_row_commands_make_and_drop_fields),
          RUN(rows_are_sorted_limited_and_deduplicated),
          RUN(rows_come_newest_first_with_their_fields_in_order), RUN(groups_are_counted))
