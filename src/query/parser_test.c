#include "base/test.h"
#include "query/query.h"
#include "query/stage/stage.h"
#include "query/value_time.h"
#include <stdio.h>
/* Texts and the trees they become, as expr_print() shows them; texts and the errors they give, with their
 * place. */

static const int64_t now_ns = 1763708504ll * 1000000000; /* 2025-11-21T07:01:44Z */

static enum err parse(const char *text, struct query_error *why, struct query **out) {
    return query_parse(str_of(text), &(struct query_context){ .now_ns = now_ns }, why, out);
}

static void check_tree(const char *text, const char *want) {
    struct query_error why;
    struct query *q, *again;
    AUTO(buf) printed = { .limit_bytes = 1 << 20 };
    if (parse(text, &why, &q) != ERR_OK) {
        fail_msg("%s\n  at %zu: %s", text, why.offset, why.msg);
        return;
    }
    expr_print(query_plan(q)->filter, &printed);
    buf_add_char(&printed, '\0');
    if (strcmp(printed.p, want) != 0)
        fail_msg("%s\n  is   %s\n  want %s", text, printed.p, want);
    if (parse(printed.p, &why, &again) != ERR_OK)
        fail_msg("%s\n  printed %s\n  at %zu: %s", text, printed.p, why.offset, why.msg);
    if (!expr_equal(query_plan(q)->filter, query_plan(again)->filter))
        fail_msg("%s\n  printed %s\n  is another tree", text, printed.p);
    query_free(q);
    query_free(again);
}

static void check_error(const char *text, size_t offset, size_t length, const char *message) {
    struct query_error why;
    struct query *q;
    if (parse(text, &why, &q) == ERR_OK) {
        query_free(q);
        fail_msg("%s\n  was accepted", text);
    }
    if (why.offset != offset || why.length != length || strcmp(why.msg, message) != 0)
        fail_msg("%s\n  at %zu+%zu: %s\n  want at %zu+%zu: %s", text, why.offset, why.length, why.msg, offset,
                 length, message);
}

struct pair {
    const char *text, *tree;
};
static void check_trees(const struct pair *pairs, size_t count) {
    for (size_t i = 0; i < count; i++)
        check_tree(pairs[i].text, pairs[i].tree);
}

TEST(words_phrases_and_patterns_search_all_texts) {
    static const struct pair pairs[] = {
        { "", "*" },
        { "  *  ", "*" },
        { "*:*", "*" },
        { "error", "error" },
        { "\"card declined\"", "\"card declined\"" },
        { "'card declined'", "\"card declined\"" },
        { "conn*", "\"conn\"*" },
        { "*onn*", "*\"onn\"*" },
        { "\"card decl\"*", "\"card decl\"*" },
        { "*\"d dec\"*", "*\"d dec\"*" },
        { "f*o?", "f*o?" },
        { "a\\*b", "\"a*b\"" },
        { "/dis[ck]/", "/dis[ck]/" },
        { "/a\\/b/i", "/(?i)a\\/b/" },
        { "/a\\\\\\/b\\\\/", "/a\\\\\\/b\\\\/" },
        { "don't", "\"don't\"" },
        { "10.0.0.1:8080", "\"10.0.0.1:8080\"" },
        { "http://a.b/c?d=e", "http\\:\\/\\/a.b\\/c?d\\=e" },
        { "std::vector", "\"std::vector\"" },
        { "[error]", "\"[error]\"" },
        { "user-12345", "user-12345" },
        { "+wanted", "wanted" },
        { "500", "\"500\"" },
    };
    check_trees(pairs, COUNT_OF(pairs));
}

TEST(words_join_as_people_expect) {
    static const struct pair pairs[] = {
        { "a b", "a AND b" },
        { "a AND b", "a AND b" },
        { "a and b && c", "a AND b AND c" },
        { "a OR b", "a OR b" },
        { "a || b or c", "a OR b OR c" },
        { "a b OR c d", "a AND b OR c AND d" },
        { "a (b OR c)", "a AND (b OR c)" },
        { "a (b c)", "a AND b AND c" },
        { "NOT a", "NOT a" },
        { "-a !b not c", "NOT a AND NOT b AND NOT c" },
        { "- a", NULL },
        { "a -(b OR c)", "a AND NOT (b OR c)" },
        { "NOT a OR b", "NOT a OR b" },
        { "* a", "a" },
        { "\"and\" \"or\"", "\"and\" AND \"or\"" },
        { "or:5", "`or`:5" },
        { "not-found and/or", "not-found AND \"and/or\"" },
        { "NOT(a)OR(b)", "NOT a OR b" },
        { "NOT{a=\"b\"}", "NOT {a=\"b\"}" },
        { "NOT-f?o", "NOT\\-f?o" },
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        if (pairs[i].tree)
            check_tree(pairs[i].text, pairs[i].tree);
}

TEST(a_field_limits_what_follows_its_colon) {
    static const struct pair pairs[] = {
        { "service:checkout", "service:checkout" },
        { "event:household.created", "event:household.created" },
        { "userId:user-12345", "userId:user-12345" },
        { "field:\"two words\"", "field:\"two words\"" },
        { "field:val*", "field:\"val\"*" },
        { "field:*sub*", "field:*\"sub\"*" },
        { "field:a*b", "field:a*b" },
        { "path:/health*", "path:\"/health\"*" },
        { "path:/api/v1/users", "path:\"/api/v1/users\"" },
        { "path:/v[12]/", "path =~ /v[12]/" },
        { "field:*", "exists(`field`)" },
        { "exists(field)", "exists(`field`)" },
        { "_exists_:field", "exists(`field`)" },
        { "exists(a.b-c)", "exists(`a.b-c`)" },
        { "level:(error OR warn)", "level:error OR level:warn" },
        { "level:(error warn)", "level:error AND level:warn" },
        { "level:(error -\"not this\")", "level:error AND NOT level:\"not this\"" },
        { "size:(>5 <10)", "size > 5 AND size < 10" },
        { "k8s.pod/name-x:web", "`k8s.pod/name-x`:web" },
        { "`odd name`:x", "`odd name`:x" },
        { "\"odd name\":x", "`odd name`:x" },
        { "status:500", "status:500" },
        { "status:\"500\"", "status:\"500\"" },
        { "t:-1.5", "t:-1.5" },
        { "a: b", "a:b" },
        { "a:b:c", "a:\"b:c\"" },
        { "url:http://x/?a=b", "url:http\\:\\/\\/x\\/?a\\=b" },
        { "a:\"\"", "a = \"\"" },
        { "@message:timeout", "@message:timeout" },
    };
    check_trees(pairs, COUNT_OF(pairs));
}

TEST(numbers_times_units_and_addresses_compare_and_range) {
    static const struct pair pairs[] = {
        { "d:>500", "d > 500" },
        { "d:>=1.5", "d >= 1.5" },
        { "d:<10ms", "d < 10000000" },
        { "d:<=1h30m", "d <= 5400000000000" },
        { "d:=text", "d = \"text\"" },
        { "d:!=5", "d != 5" },
        { "d:> -5", "d > -5" },
        { "size:>10KB", "size > 10000" },
        { "size:>10KiB", "size > 10240" },
        { "d:[1 TO 5]", "d:[1 TO 5]" },
        { "d:{1 TO 5}", "d:{1 TO 5}" },
        { "d:[1 TO 5}", "d:[1 TO 5}" },
        { "d:[a TO *]", "d:[\"a\" TO *]" },
        { "d:[* TO *]", "exists(`d`)" },
        { "d:[1.0 to 2e3]", "d:[1.0 TO 2000.0]" },
        { "ip:10.1.2.3", "ip:\"10.1.2.3\"" },
        { "ip:10.1.2.3/8", "ip:10.0.0.0/8" },
        { "ip:2001:db8::1", "ip:2001:db8::1/128" },
        { "ip:2001:db8::/32", "ip:2001:db8::/32" },
        { "ip:[10.0.0.1 TO 10.0.0.9]", "ip:[10.0.0.1 TO 10.0.0.9]" },
        { "ip = 10.0.0.1", "ip = 10.0.0.1" },
        { "@timestamp:[NOW-4d TO NOW-2d]",
          "@timestamp:[2025-11-17T07:01:44.000000000Z TO 2025-11-19T07:01:44.000000000Z]" },
        { "@timestamp:>now-1d/d", "@timestamp > 2025-11-20T00:00:00.000000000Z" },
        { "@timestamp >= \"2025-11-01\"", "@timestamp >= 2025-11-01T00:00:00.000000000Z" },
        { "@timestamp >= 2025-11-01T10:00:00+02:00", "@timestamp >= 2025-11-01T08:00:00.000000000Z" },
        { "@timestamp < 1763708504", "@timestamp < 2025-11-21T07:01:44.000000000Z" },
        { "@timestamp < 1763708504123", "@timestamp < 2025-11-21T07:01:44.123000000Z" },
        { "@timestamp > now() - 1h", "@timestamp > 2025-11-21T06:01:44.000000000Z" },
        { "@timestamp > now-1h", "@timestamp > 2025-11-21T06:01:44.000000000Z" },
        { "@timestamp:2025-11-20",
          "@timestamp:[2025-11-20T00:00:00.000000000Z TO 2025-11-21T00:00:00.000000000Z}" },
        { "created > 2025-11-20", "created > 2025-11-20T00:00:00.000000000Z" },
        { "x = -9223372036854775808", "x = -9223372036854775808" },
    };
    check_trees(pairs, COUNT_OF(pairs));
}

TEST(comparisons_stand_among_words) {
    static const struct pair pairs[] = {
        { "amount > 100 AND region = \"NY\"", "amount > 100 AND region = \"NY\"" },
        { "status = \"success\" and duration_ms < 2000", "status = \"success\" AND duration_ms < 2000" },
        { "a=b", "a = \"b\"" },
        { "a=\"b\" c", "a = \"b\" AND c" },
        { "a=\"b\" -c", "a = \"b\" AND NOT c" },
        { "a = 5 -c", "a = 5 AND NOT c" },
        { "a = 5 - 3", "a = 2" },
        { "conn* a > 5", "\"conn\"* AND a > 5" },
        { "a* b > 5", "\"a\"* AND b > 5" },
        { "a * b > 5", "(a * b) > 5" },
        { "a*b > 5", "(a * b) > 5" },
        { "a == 5", "a = 5" },
        { "a <> 5", "a != 5" },
        { "5 < a", "a > 5" },
        { "a + b > 3", "(a + b) > 3" },
        { "a*2 > b", "(a * 2) > `b`" },
        { "(a + b)/2 >= c % 3", "((a + b) / 2) >= c % 3" },
        { "a - -b > 1", "(a - -b) > 1" },
        { "user-id = 7", "`user-id` = 7" },
        { "\"odd name\" = 7", "`odd name` = 7" },
        { "a = `b`", "a = `b`" },
        { "a < b", "a < `b`" },
        { "a = true", "a = true" },
        { "a in (b, 5, \"c d\")", "a in (\"b\", 5, \"c d\")" },
        { "a not in [1,2]", "NOT a in (1, 2)" },
        { "a like \"%x%\"", "a like \"%x%\"" },
        { "a not like 'x_y%'", "NOT a like \"x_y%\"" },
        { "@message like /error/", "@message =~ /error/" },
        { "@message =~ \"a.b\"", "@message =~ /a.b/" },
        { "a =~ \"x\\/y\"", "a =~ \"x\\\\/y\"" },
        { "a !~ /b/", "exists(`a`) AND NOT a =~ /b/" },
        { "lower(a) like \"%x%\"", "regexmatch(lower(a), \"(?is)^.*x.*$\")" },
        { "a is null", "NOT exists(`a`)" },
        { "a is not null", "exists(`a`)" },
        { "strlen(@message) > 10 error", "strlen(@message) > 10 AND error" },
        { "startswith(@message, \"x\") y", "startswith(@message, \"x\") AND y" },
        { "if(a > 1, b, 'c') = \"d\"", "if(a > 1, b, \"c\") = \"d\"" },
        { "`flag`", "`flag`" },
        { "NOT `flag` OR x", "NOT `flag` OR x" },
        { "path = /health", "path = \"/health\"" },
        { "bin(5m) = 1", "bin(@timestamp, 300000000000) = 1" },
        { "a=b c=d", "a = \"b\" AND c = \"d\"" },
        { "(a = 1 OR b = 2) c", "(a = 1 OR b = 2) AND c" },
    };
    check_trees(pairs, COUNT_OF(pairs));
}

TEST(a_stream_selector_is_as_in_prometheus) {
    check_tree("{app=\"web\", env=~\"p.*\",x!=\"y\",z!~\"w\"} error",
               "{app=\"web\",env=~\"p.*\",x!=\"y\",z!~\"w\"} AND error");
    check_tree("{\"odd name\"='v'}", "{`odd name`=\"v\"}");
}

TEST(errors_point_at_the_character) {
    check_error("a AND", 5, 0, "expected something to look for here, at the end");
    check_error("(a", 2, 0, "expected ')'");
    check_error("a)", 1, 1, "this ')' closes nothing");
    check_error("\"open", 0, 5, "this \" is not closed");
    check_error("a:", 2, 0, "expected a value for 'a'");
    check_error("a:[1 5]", 5, 1, "expected TO, as in [1 TO 5]");
    check_error("a:[1 TO 5", 9, 0, "expected ] or } to end the range");
    check_error("strlne(x) > 1", 0, 6, "unknown function 'strlne'; did you mean 'strlen'?");
    check_error("x avg(y) > 1", 2, 3, "'avg' is an aggregate: stats computes it");
    check_error("qqqqq(x) > 1", 0, 5, "unknown function 'qqqqq'; to search for this text, quote it");
    check_error("a = 1 | qqqqqq b", 8, 6, "unknown command 'qqqqqq'; to filter rows, write filter before it");
    check_error("a | ", 4, 0, "expected a command, such as stats, sort or limit");
    check_error("a | | b", 4, 1, "expected a command, such as stats, sort or limit");
    check_error("{a=5}", 3, 1, "expected a quoted text");
    check_error("{a}", 2, 1, "expected =, !=, =~ or !~");
    check_error("a < b < c", 6, 1, "comparisons do not chain: write a < b AND b < c");
    check_error("@timestamp > \"soon\"", 13, 6, "expected a time, such as now-1h or 2026-11-21T07:00:00Z");
    check_error("@timestamp:soon", 11, 4, "expected a time or a range such as [now-4d TO now]");
    check_error(
        "a > 5parsecs", 4, 8,
        "not a number, duration (5m), size (10KB), address or time; a field name that starts with a digit needs "
        "backticks");
    check_error("strlen() > 1", 0, 8, "0 arguments do not fit: strlen(text): number of characters");
    check_error("a = 1, b", 5, 1, "expected something to look for; quote it if this is it");
}

TEST(depth_and_length_have_caps) {
    AUTO(buf) text = { .limit_bytes = 1 << 20 };
    struct query_error why;
    struct query *q;
    buf_add_fill(&text, '(', 65);
    buf_add(&text, STR("a"));
    CHECK(query_parse(buf_str(&text), &(struct query_context){ 0 }, &why, &q) == ERR_INVALID);
    CHECK_STR(str_of(why.msg), "more than 64 levels of nesting");
    CHECK(why.offset == 64);
    buf_clear(&text);
    buf_add(&text, STR("a = 1"));
    for (int i = 0; i < 200; i++)
        buf_add(&text, STR(" + b"));
    CHECK(query_parse(buf_str(&text), &(struct query_context){ 0 }, &why, &q) == ERR_INVALID);
    CHECK_STR(str_of(why.msg), "more than 128 steps within each other; add parentheses or split it");
    buf_clear(&text);
    buf_add_fill(&text, 'a', 65537);
    CHECK(query_parse(buf_str(&text), &(struct query_context){ 0 }, &why, &q) == ERR_INVALID);
    CHECK_STR(str_of(why.msg), "a query of more than 64 KiB");
}

TEST(times_that_are_anded_at_the_top_narrow_the_plan) {
    struct query_error why;
    struct query *q;
    CHECK_OK(parse(
        "error @timestamp:[1000000000000000000 TO 1000000000000000500} @timestamp > 1000000000000000100",
        &why, &q));
    CHECK(query_plan(q)->time_from_ns == 1000000000000000101);
    CHECK(query_plan(q)->time_to_ns == 1000000000000000500);
    query_free(q);
    CHECK_OK(parse("error OR @timestamp > 1000000000000000100", &why, &q));
    CHECK(query_plan(q)->time_from_ns == INT64_MIN && query_plan(q)->time_to_ns == INT64_MAX);
    CHECK(query_is_filter(q) && query_is_streaming(q));
    query_free(q);
}

static const struct query_plan *must_parse(const char *text, struct query **out) {
    struct query_error why;
    if (parse(text, &why, out) != ERR_OK) {
        fail_msg("%s\n  at %zu: %s", text, why.offset, why.msg);
        return NULL;
    }
    return query_plan(*out);
}

TEST(questions_in_the_words_of_other_systems_parse_unchanged) {
    static const struct {
        const char *text, *filter;
        size_t stages;
    } questions[] = {
        { "fields @timestamp, @message | stats count() by @logStream | sort count desc | limit 10", "*", 4 },
        { "event:household.created status:error userId:user-12345 @timestamp:[NOW-4d TO NOW-2d]",
          "event:household.created AND status:error AND userId:user-12345 AND "
          "@timestamp:[2025-11-17T07:01:44.000000000Z TO 2025-11-19T07:01:44.000000000Z]",
          0 },
        { "filter event = \"household.created\" | stats sum(status = \"success\" and duration_ms < 2000) as good_requests, "
          "count(*) as total_requests | eval sli = good_requests / total_requests * 100",
          "event = \"household.created\"", 2 },
        { "service:checkout level:(error OR warn) duration_ms:>500 @timestamp:[NOW-4d TO NOW-2d] \"card declined\" NOT "
          "path:/health* | stats count() as n, p99(duration_ms) as slow by service, bin(5m) | eval bad = n > 100 | filter bad "
          "| sort n desc | limit 10",
          "service:checkout AND (level:error OR level:warn) AND duration_ms > 500 AND "
          "@timestamp:[2025-11-17T07:01:44.000000000Z TO 2025-11-19T07:01:44.000000000Z] AND \"card declined\" AND NOT "
          "path:\"/health\"*",
          5 },
        { "fields @timestamp, @message | filter @message like /error/ | stats count(*) by bin(@timestamp, 5m) | sort @timestamp "
          "desc | limit 20",
          "*", 5 },
        { "stats count(*), avg(duration_ms) by bin(1m) | filter avg(duration_ms) > 5 and count(*) > 2 | sort bin(1m) | head 3",
          "*", 4 },
    };
    for (size_t i = 0; i < COUNT_OF(questions); i++) {
        AUTO(buf) printed = { .limit_bytes = 1 << 16 };
        struct query *q;
        const struct query_plan *plan = must_parse(questions[i].text, &q);
        expr_print(plan->filter, &printed);
        CHECK_STR(buf_str(&printed), questions[i].filter);
        CHECK(plan->stage_count == questions[i].stages);
        query_free(q);
    }
}

TEST(a_first_word_that_names_a_command_is_one_unless_marked) {
    static const struct {
        const char *text;
        size_t stages;
    } questions[] = {
        { "limit 5", 1 },
        { "LIMIT 5", 1 },
        { "| limit 5", 1 },
        { "* | limit 5", 1 },
        { "\"limit\" 5", 0 },
        { "limit:5", 0 },
        { "limit = 5", 0 },
        { "limit>5", 0 },
        { "(limit) 5", 0 },
        { "limits 5", 0 },
        { "limit-5", 0 },
        { "x limit 5", 0 },
        { "filter a | filter b", 0 },
        { "where a = 1 | limit 5", 1 },
    };
    for (size_t i = 0; i < COUNT_OF(questions); i++) {
        struct query *q;
        const struct query_plan *plan = must_parse(questions[i].text, &q);
        if (plan->stage_count != questions[i].stages)
            fail_msg("%s: %zu commands", questions[i].text, plan->stage_count);
        query_free(q);
    }
    check_error("limit exceeded", 6, 8, "expected a whole number; to search for the word 'limit', quote it");
    check_error("a | sotr b", 4, 4, "unknown command 'sotr'; did you mean 'sort'?");
}

TEST_MAIN(RUN(words_phrases_and_patterns_search_all_texts), RUN(words_join_as_people_expect),
          RUN(a_field_limits_what_follows_its_colon),
          RUN(numbers_times_units_and_addresses_compare_and_range), RUN(comparisons_stand_among_words),
          RUN(a_stream_selector_is_as_in_prometheus), RUN(errors_point_at_the_character),
          RUN(depth_and_length_have_caps), RUN(questions_in_the_words_of_other_systems_parse_unchanged),
          RUN(a_first_word_that_names_a_command_is_one_unless_marked),
          RUN(times_that_are_anded_at_the_top_narrow_the_plan))
