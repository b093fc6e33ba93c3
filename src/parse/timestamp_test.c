#include "base/clock.h"
#include "base/random.h"
#include "base/test.h"
#include "parse/timestamp.h"
#include <stdio.h>
#include <time.h>

/* 2026-11-21T06:25:00Z */
static const int64_t now_ns = 1795242300ll * 1000 * 1000 * 1000;

TEST(each_known_shape_is_read_and_no_other) {
    static const struct {
        const char *text;
        int64_t ms; /* since now_ns */
        bool bad;
    } cases[] = {
        // tidy: table
        { "2026-11-21T06:25:00Z", 0 },
        { "2026-11-21T06:25:00.123Z", 123 },
        { "2026-11-21t06:25:00.1239999999999z", 123 },
        { "2026-11-21 06:25:00,5", 500 },
        { "2026-11-21T06:25Z", 0 },
        { "2026/11/21 06:25:01", 1000 },
        { "2026-11-21T08:25:00+02:00", 0 },
        { "2026-11-21T08:25:00+0200", 0 },
        { "2026-11-21T08:25:00+02", 0 },
        { "2026-11-21 01:25:00 -0500", 0 },
        { "2026-11-21 06:25:00 UTC", 0 },
        { "2026-11-21", -23100000 },
        { "2026-11-21T06:24:60Z", 0 },
        { "Nov 21 06:25:00", 0 },
        { "Nov 21 06:25:00.25", 250 },
        { "Nov 21 2026 06:25:00", 0 },
        { "Sat Nov 21 06:25:00 2026", 0 },
        { "Sat Nov 21 06:25:00.123456 2026", 123 },
        { "Sat, 21 Nov 2026 06:25:00 GMT", 0 },
        { "Sat, 21 Nov 2026 08:25:00 +0200", 0 },
        { "21/Nov/2026:06:25:00 +0000", 0 },
        { "1795242300", 0 },
        { "1795242300.25", 250 },
        { "1795242300123", 123 },
        { "1795242300123.5", 123 },
        { "1795242300123456", 123 },
        { "1795242300123456789", 123 },
        { "1.7952423e9", 0 },
        { "", .bad = true },
        { "yesterday", .bad = true },
        { "2026-13-21T06:25:00Z", .bad = true },
        { "2026-02-29T06:25:00Z", .bad = true },
        { "2026-11-21T24:00:00Z", .bad = true },
        { "2026-11-21T06:25:00Zx", .bad = true },
        { "2026-11-21T06:25:00+25:00", .bad = true },
        { "2026-11-21T", .bad = true },
        { "1500-01-01", .bad = true },
        { "0.005", .bad = true },
        { "12345", .bad = true },
        { "99999999999", .bad = true },
        { "99999999999999999999", .bad = true },
        { "1795242300.", .bad = false },
        { "-", .bad = true },
        { "Nov 31 06:25:00", .bad = true },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t ns = 0;
        bool good = timestamp_parse(str_of(cases[i].text), now_ns, &ns);
        int64_t ms = (ns - now_ns) / 1000000;
        if (good == cases[i].bad || (good && ms != cases[i].ms))
            fail_msg("%s: %s, %lld ms", cases[i].text, good ? "read" : "refused", (long long)ms);
    }
}

TEST(a_time_without_a_year_is_the_nearest_one) {
    int64_t ns, new_year_ns, want_ns = 0;
    CHECK(timestamp_parse(STR("2027-01-01T00:00:30Z"), 0, &new_year_ns));
    CHECK(timestamp_parse(STR("Dec 31 23:59:59"), new_year_ns, &ns));
    CHECK(new_year_ns - ns == 31 * NS_PER_S);
    CHECK(timestamp_parse(STR("Jan  1 00:00:05"), new_year_ns - 60 * NS_PER_S, &ns));
    CHECK(new_year_ns - ns == 25 * NS_PER_S);
    CHECK(timestamp_parse(STR("Feb 29 12:00:00"), now_ns, &ns) &&
          timestamp_parse(STR("2024-02-29T12:00:00"), 0, &want_ns));
    CHECK(ns == want_ns);
}

TEST(days_agree_with_the_c_library) {
    struct random random;
    random_init(&random, 4);
    for (int i = 0; i < 100000; i++) {
        int64_t s = (int64_t)random_below(&random, 18000000000u) - 9000000000, ns;
        time_t t = (time_t)s;
        struct tm tm;
        gmtime_r(&t, &tm);
        char text[96];
        (void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", tm.tm_year + 1900,
                       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned)i % 1000);
        if (!timestamp_parse(str_of(text), 0, &ns) || ns != s * NS_PER_S + i % 1000 * NS_PER_MS)
            fail_msg("%s is not %lld", text, (long long)s);
    }
}

TEST(the_cache_changes_no_answer) {
    struct random random;
    random_init(&random, 5);
    struct timestamp_cache cache = { 0 };
    char text[] = "2026-11-21T06:25:00.123Z";
    for (int i = 0; i < 300000; i++) {
        static const char bytes[] = "0123456789:.TZ-";
        size_t at = random_below(&random, sizeof text - 1);
        char old = text[at];
        text[at] = bytes[random_below(&random, random_below(&random, 8) ? 10 : sizeof bytes - 1)];
        int64_t plain_ns = 0, cached_ns = 0;
        bool plain = timestamp_parse(str_of(text), now_ns, &plain_ns);
        bool cached = timestamp_parse_cached(&cache, str_of(text), now_ns, &cached_ns);
        if (plain != cached || (plain && plain_ns != cached_ns))
            fail_msg("%s: %lld or %lld", text, (long long)plain_ns, (long long)cached_ns);
        if (!plain || random_below(&random, 4))
            text[at] = old;
    }
}

TEST(the_time_at_the_front_of_a_line_is_found) {
    static const char *const lines[] = {
        "2026-11-21T06:25:00Z started",
        "2026-11-21 06:25:00,000 INFO started",
        "[2026-11-21 06:25:00] started",
        "Nov 21 06:25:00 web1 sshd[12]: hello",
        "[Sat Nov 21 06:25:00 2026] [error] no such file",
        "10.0.0.1 - - [21/Nov/2026:06:25:00 +0000] \"GET / HTTP/1.1\" 200",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        int64_t ns;
        if (!timestamp_detect(str_of(lines[i]), now_ns, &ns) || ns != now_ns)
            fail_msg("%s", lines[i]);
    }
    int64_t ns;
    CHECK(!timestamp_detect(STR("started at 2026-11-21T06:25:00Z"), now_ns, &ns));
    CHECK(!timestamp_detect(STR(""), now_ns, &ns));
}

TEST_MAIN(RUN(each_known_shape_is_read_and_no_other), RUN(a_time_without_a_year_is_the_nearest_one),
          RUN(days_agree_with_the_c_library), RUN(the_cache_changes_no_answer),
          RUN(the_time_at_the_front_of_a_line_is_found))
