#include "base/assert.h"
#include "base/test.h"
#include "model/labels.h"
#include "query/civil.h"
#include "query/names.h"
#include "query/parser_state.h"
#include "query/query.h"
#include "query/stage/stage.h"
#include "query/value_ip.h"
#include "query/value_time.h"
#include <math.h>
/* The rules of values, and whole filters on one row. */

static struct value text(const char *s) {
    return value_string(str_of(s));
}
static struct value number_text(const char *s) {
    return (struct value){ .type = VALUE_NUMBER_TEXT, .s = str_of(s) };
}
static struct value json(const char *s) {
    return (struct value){ .type = VALUE_JSON, .s = str_of(s) };
}
static struct value address(const char *s) {
    static unsigned char ips[8][16];
    static unsigned next;
    unsigned char *ip = ips[next++ % 8];
    CHECK(ip_parse(str_of(s), ip));
    return (struct value){ .type = VALUE_IP, .s = { (char *)ip, 16 } };
}

enum { NONE = 9 };
static int compare(struct value a, struct value b) {
    int c, d;
    bool ok = value_compare(&a, &b, &c);
    CHECK(value_compare(&b, &a, &d) == ok);
    CHECK(!ok || c == -d);
    return ok ? c : NONE;
}
static bool is(struct value a, enum expr_op op, struct value b) {
    return value_compare_op(&a, op, &b);
}

TEST(numbers_compare_exactly_whatever_their_type) {
    CHECK(compare(value_int(2), value_int(10)) == -1);
    CHECK(compare(value_int(9007199254740993), value_float(9007199254740992.0)) == 1);
    CHECK(compare(value_int(INT64_MAX), value_float(9223372036854775808.0)) == -1);
    CHECK(compare(value_int(INT64_MIN), value_float(-9223372036854775808.0)) == 0);
    CHECK(compare(value_int(-1), value_float(-1.5)) == 1);
    CHECK(compare(value_int(1), number_text("1.00")) == 0);
    CHECK(compare(number_text("1e3"), value_float(1000)) == 0);
    CHECK(compare(text("500"), value_int(500)) == 0);
    CHECK(compare(text("9007199254740993"), value_int(9007199254740993)) == 0);
    CHECK(compare(text("05"), value_int(5)) == 0);
    CHECK(compare(value_bool(true), value_int(1)) == 0);
    CHECK(compare(value_bool(false), value_bool(true)) == -1);
    CHECK(compare(value_float((double)NAN), value_float((double)NAN)) == NONE);
}

TEST(a_text_that_is_no_number_is_only_different_from_one) {
    CHECK(compare(text("error"), value_int(5)) == NONE);
    CHECK(is(text("error"), OP_NE, value_int(5)));
    CHECK(!is(text("error"), OP_EQ, value_int(5)));
    CHECK(!is(text("error"), OP_GT, value_int(5)) && !is(text("error"), OP_LE, value_int(5)));
    CHECK(!is(text("12ms"), OP_GT, value_int(5)));
}

TEST(null_compares_false_with_everything) {
    static const enum expr_op ops[] = { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE };
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        CHECK(!is(value_null(), ops[i], value_int(1)));
        CHECK(!is(text(""), ops[i], value_null()));
        CHECK(!is(value_null(), ops[i], value_null()));
    }
}

TEST(texts_compare_by_bytes) {
    CHECK(compare(text("10"), text("9")) == -1);
    CHECK(compare(text("1.0"), text("1")) == 1);
    CHECK(compare(text("a"), text("A")) == 1);
    CHECK(compare(text("true"), value_bool(true)) == 0);
}

TEST(times_meet_numbers_and_time_texts) {
    struct value t = value_time(1763708504ll * 1000000000);
    CHECK(compare(t, value_int(1763708504ll * 1000000000)) == 0);
    CHECK(compare(t, text("2025-11-21T07:01:44Z")) == 0);
    CHECK(compare(t, text("2025-11-21 07:01:45")) == -1);
    CHECK(compare(t, text("now")) == NONE);
    CHECK(compare(t, value_bool(true)) == NONE);
}

TEST(addresses_compare_as_addresses) {
    CHECK(compare(address("10.0.0.9"), text("10.0.0.10")) == -1);
    CHECK(compare(address("2001:db8::1"), text("2001:0db8:0:0::1")) == 0);
    CHECK(compare(address("10.0.0.1"), text("::ffff:10.0.0.1")) == 0);
    CHECK(compare(address("10.0.0.1"), text("web1")) == NONE);
    CHECK(compare(text("10.0.0.9"), text("10.0.0.10")) == 1);
}

TEST(an_array_matches_by_any_of_its_scalars) {
    CHECK(is(json("[1, \"b\\n\", [7], null]"), OP_EQ, value_int(1)));
    CHECK(is(json("[1, \"b\\n\"]"), OP_EQ, text("b\n")));
    CHECK(is(text("b"), OP_EQ, json("[\"a\",\"b\"]")));
    CHECK(is(json("[1,5]"), OP_GT, value_int(4)));
    CHECK(!is(json("[[7]]"), OP_EQ, value_int(7)));
    CHECK(!is(json("[]"), OP_NE, value_int(7)));
    CHECK(!is(json("[1,"), OP_EQ, value_int(2)));
    CHECK(is(json("{\"a\":1}"), OP_EQ, text("{\"a\":1}")));
}

TEST(sort_order_is_total) {
    struct value v[] = { value_null(),
                         value_bool(false),
                         value_bool(true),
                         value_float((double)NAN),
                         value_int(-5),
                         value_float(-1.5),
                         number_text("1.0"),
                         value_int(2),
                         value_time(0),
                         value_time(5),
                         address("10.0.0.9"),
                         address("10.0.0.10"),
                         text(""),
                         text("10"),
                         text("9") };
    for (size_t i = 0; i < COUNT_OF(v); i++)
        for (size_t j = 0; j < COUNT_OF(v); j++) {
            int c = value_order(&v[i], &v[j]);
            CHECK((c > 0) - (c < 0) == (int)(i > j) - (int)(i < j));
        }
}

TEST(truth_is_neither_null_false_zero_nor_empty) {
    struct value no[] = { value_null(),   value_bool(false), value_int(0),
                          value_float(0), text(""),          number_text("0.00") };
    struct value yes[] = { value_bool(true), value_int(-1),      value_float(0.1),
                           text("0"),        number_text("1.0"), value_time(1) };
    for (size_t i = 0; i < COUNT_OF(no); i++)
        CHECK(!value_truth(&no[i]) && value_truth(&yes[i]));
}

static struct value arith(struct value a, enum expr_op op, struct value b) {
    return value_arith(op, &a, &b);
}
static bool same(struct value a, struct value b) {
    return a.type == b.type && (a.type == VALUE_NULL || (a.type == VALUE_FLOAT ? a.f == b.f : a.i == b.i));
}

TEST(arithmetic_stays_whole_while_it_is_exact) {
    CHECK(same(arith(value_int(2), OP_ADD, value_int(3)), value_int(5)));
    CHECK(same(arith(value_int(6), OP_DIV, value_int(3)), value_int(2)));
    CHECK(same(arith(value_int(7), OP_DIV, value_int(2)), value_float(3.5)));
    CHECK(same(arith(value_int(-7), OP_MOD, value_int(3)), value_int(-1)));
    CHECK(same(arith(value_int(INT64_MIN), OP_MOD, value_int(-1)), value_int(0)));
    CHECK(same(arith(value_int(INT64_MIN), OP_DIV, value_int(-1)), value_float(9223372036854775808.0)));
    CHECK(same(arith(value_int(INT64_MAX), OP_ADD, value_int(1)), value_float(9223372036854775808.0)));
    CHECK(same(arith(text("2.5"), OP_MUL, value_int(2)), value_float(5)));
    CHECK(same(arith(value_bool(true), OP_ADD, value_int(1)), value_int(2)));
    CHECK(same(arith(value_int(1), OP_DIV, value_int(0)), value_null()));
    CHECK(same(arith(value_float(1), OP_MOD, value_float(0)), value_null()));
    CHECK(same(arith(value_float(1e308), OP_MUL, value_int(10)), value_null()));
    CHECK(same(arith(text("x"), OP_ADD, value_int(1)), value_null()));
    CHECK(same(arith(value_null(), OP_ADD, value_int(1)), value_null()));
}

TEST(times_and_spans_add_up) {
    CHECK(same(arith(value_time(100), OP_SUB, value_int(30)), value_time(70)));
    CHECK(same(arith(value_int(30), OP_ADD, value_time(100)), value_time(130)));
    CHECK(same(arith(value_time(100), OP_SUB, value_time(30)), value_int(70)));
    CHECK(same(arith(value_time(100), OP_DIV, value_int(10)), value_int(10)));
    CHECK(same(arith(value_time(INT64_MAX), OP_ADD, value_int(1)), value_null()));
}

static void check_print(struct value v, const char *want) {
    AUTO(buf) b = { .limit_bytes = 4096 };
    value_print(&v, &b);
    CHECK_STR(buf_str(&b), want);
}

TEST(values_print_as_people_read_them) {
    check_print(value_null(), "");
    check_print(value_bool(true), "true");
    check_print(value_int(INT64_MIN), "-9223372036854775808");
    check_print(value_float(0.1), "0.1");
    check_print(number_text("1.50"), "1.50");
    check_print(value_time(1763708504ll * 1000000000), "2025-11-21T07:01:44.000Z");
    check_print(value_time(1763708504ll * 1000000000 + 1000), "2025-11-21T07:01:44.000001Z");
    check_print(value_time(-1), "1969-12-31T23:59:59.999999999Z");
    check_print(value_time(INT64_MAX), "2262-04-11T23:47:16.854775807Z");
    check_print(value_time(INT64_MIN), "1677-09-21T00:12:43.145224192Z");
    check_print(address("10.0.0.1"), "10.0.0.1");
    check_print(address("2001:db8::1"), "2001:db8::1");
}

TEST(the_calendar_agrees_with_itself) {
    for (int64_t day = -106000; day < 106000; day += 7) {
        int64_t ns = day * 86400 * 1000000000 + 12345, back;
        struct civil c = civil_of(ns);
        CHECK(civil_ns(&c, &back) && back == ns);
        CHECK(c.month >= 1 && c.month <= 12 && c.day >= 1 && c.day <= civil_month_days(c.year, c.month));
        CHECK(c.yearday >= 1 && c.yearday <= 366 && c.weekday < 7);
    }
    struct civil c = civil_of(1709164800ll * 1000000000); /* 2024-02-29, a Thursday */
    CHECK(c.year == 2024 && c.month == 2 && c.day == 29 && c.weekday == 4 && c.yearday == 60);
}

static int64_t time_at(const char *s) {
    int64_t ns = -1;
    return time_parse(str_of(s), 1763708504ll * 1000000000, &ns) ? ns : -1;
}

TEST(time_texts_in_all_their_forms) {
    static const struct {
        const char *text;
        int64_t s;
    } good[] = {
        { "2025-11-21T07:01:44Z", 1763708504 },
        { "2025-11-21 07:01:44", 1763708504 },
        { "2025-11-21T09:01:44+02:00", 1763708504 },
        { "2025-11-21T02:01:44-0500", 1763708504 },
        { "2025-11-21", 1763683200 },
        { "2025-11-21T07", 1763708400 },
        { "2025-11-21T07:01", 1763708460 },
        { "1763708504", 1763708504 },
        { "1763708504000", 1763708504 },
        { "1763708504000000", 1763708504 },
        { "1763708504000000000", 1763708504 },
        { "now", 1763708504 },
        { "NOW-4d", 1763708504 - 4 * 86400 },
        { "now-1h", 1763704904 },
        { "now/d", 1763683200 },
        { "now-1d/d", 1763596800 },
        { "now/h+30m", 1763710200 },
        { "now-1M", 1761030104 },
        { "now/M", 1761955200 },
        { "now/w", 1763337600 },
        { "now-1y/y", 1704067200 },
    };
    for (size_t i = 0; i < COUNT_OF(good); i++)
        if (time_at(good[i].text) != good[i].s * 1000000000)
            fail_msg("%s: %lld", good[i].text, (long long)(time_at(good[i].text) / 1000000000));
    CHECK(time_at("2025-11-21T07:01:44.123456789Z") == 1763708504123456789);
    CHECK(time_at("1763708504.25") == 1763708504250000000);
    static const char *const bad[] = { "",
                                       "soon",
                                       "2025-13-01",
                                       "2025-02-30",
                                       "2025-11-21T25",
                                       "2025-11-21T07:01:44X",
                                       "now-",
                                       "now-4",
                                       "now-4x",
                                       "now*2",
                                       "9999-01-01",
                                       "now-99999999999d",
                                       "nowadays",
                                       "2025-11-21T07:01:44+",
                                       "2025-1-1" };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (time_at(bad[i]) != -1)
            fail_msg("%s was taken for a time", bad[i]);
}

TEST(units_scale_exactly) {
    int64_t v;
    CHECK(duration_parse(STR("500ms"), &v) && v == 500000000);
    CHECK(duration_parse(STR("1h30m"), &v) && v == 5400ll * 1000000000);
    CHECK(duration_parse(STR("1.5s"), &v) && v == 1500000000);
    CHECK(duration_parse(STR("-5m"), &v) && v == -300ll * 1000000000);
    CHECK(duration_parse(STR("1w"), &v) && v == 7 * 86400ll * 1000000000);
    CHECK(!duration_parse(STR("5"), &v) && !duration_parse(STR("5M"), &v) && !duration_parse(STR("m"), &v));
    CHECK(!duration_parse(STR("99999999999w"), &v) && !duration_parse(STR(""), &v));
    CHECK(size_parse(STR("10KB"), &v) && v == 10000);
    CHECK(size_parse(STR("10kib"), &v) && v == 10240);
    CHECK(size_parse(STR("1.5MB"), &v) && v == 1500000);
    CHECK(!size_parse(STR("10"), &v) && !size_parse(STR("10X"), &v) && !size_parse(STR("9999999999PB"), &v));
}

TEST(prefixes_hold_addresses) {
    unsigned char prefix[16], ip[16];
    unsigned bits;
    CHECK(value_ip_prefix_parse(STR("10.1.2.3/8"), prefix, &bits) && bits == 104);
    CHECK(ip_parse(STR("10.255.0.1"), ip) && value_ip_in(ip, prefix, bits));
    CHECK(ip_parse(STR("11.0.0.1"), ip) && !value_ip_in(ip, prefix, bits));
    CHECK(value_ip_prefix_parse(STR("0.0.0.0/0"), prefix, &bits) && value_ip_in(ip, prefix, bits));
    CHECK(ip_parse(STR("::1"), ip) && !value_ip_in(ip, prefix, bits));
    CHECK(!value_ip_prefix_parse(STR("10.0.0.0/33"), prefix, &bits) &&
          !value_ip_prefix_parse(STR("10.0.0.0"), prefix, &bits));
    CHECK(!ip_parse(STR("10.0.0"), ip) && !ip_parse(STR("10.0.0.256"), ip) && !ip_parse(STR(""), ip));
}

TEST(the_nearest_name_is_found) {
    CHECK(names_distance(STR("sort"), STR("sotr"), 3) == 1);
    CHECK(names_distance(STR("Count"), STR("count"), 3) == 0);
    CHECK(names_distance(STR("limit"), STR("lmit"), 3) == 1);
    CHECK(names_distance(STR("stats"), STR("fields"), 2) == 3);
    CHECK(names_distance(STR(""), STR("ab"), 3) == 2);
}

/* ---- one row ---- */

static struct value row_field(void *ctx, struct str name) {
    static const struct {
        const char *name, *text;
    } texts[] = { { "@message", "payment: card declined by bank-7" },
                  { "level", "error" },
                  { "status_text", "500" },
                  { "client", "10.1.2.3" },
                  { "path", "/health/live" },
                  { "took", "1.50" } };
    ASSERT(ctx == NULL);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (str_eq(name, str_of(texts[i].name)))
            return i == 5 ? number_text(texts[i].text) : text(texts[i].text);
    if (str_eq(name, STR("status")))
        return value_int(500);
    if (str_eq(name, STR("ok")))
        return value_bool(false);
    if (str_eq(name, STR("ratio")))
        return value_float(0.5);
    if (str_eq(name, STR("tags")))
        return json("[\"red\",\"dark blue\",3]");
    if (str_eq(name, STR("@timestamp")))
        return value_time(1763708504ll * 1000000000);
    return value_null();
}

static bool row_texts(void *ctx UNUSED, bool (*each)(void *each_ctx, struct str text), void *each_ctx) {
    return each(each_ctx, STR("payment: card declined by bank-7")) || each(each_ctx, STR("error")) ||
           each(each_ctx, STR("/health/live")) || each(each_ctx, STR("checkout"));
}

static struct str row_labels(void *ctx UNUSED) {
    return STR("service\0checkout\0env\0prod\0");
}

static bool matches(const char *filter) {
    static const struct expr_row row = { .field = row_field, .any_text = row_texts, .labels = row_labels };
    struct query_error why;
    struct query *q;
    AUTO(arena) mem;
    arena_init(&mem, 1 << 20);
    if (query_parse(str_of(filter), &(struct query_context){ .now_ns = 1763708504ll * 1000000000 }, &why,
                    &q) != ERR_OK)
        fail_msg("%s: at %zu: %s", filter, why.offset, why.msg);
    struct value v = expr_eval(query_plan(q)->filter, &row, &mem, 0);
    query_free(q);
    CHECK(v.type == VALUE_BOOL);
    return v.b;
}

TEST(a_row_is_matched_by) { // tidy: table
    static const char *const yes[] = {
        "",
        "card",
        "CARD",
        "\"card declined\"",
        "decl*",
        "*clin*",
        "de*ed",
        "ban?-7",
        "/card .* by/",
        "bank-7",
        "checkout",
        "level:error",
        "level:ERROR",
        "level = \"error\"",
        "level = error",
        "level:(warn OR error)",
        "level:err*",
        "status:500",
        "status_text:500",
        "status = 500",
        "status = \"500\"",
        "status_text = 500",
        "status:>499",
        "status:[400 TO 599]",
        "status:5*",
        "took:1.5",
        "took = 1.5",
        "took:[1 TO 2]",
        "ratio:0.50",
        "ratio:>0.4",
        "ok:false",
        "ok = false",
        "ok = 0",
        "client:10.1.2.3",
        "client:10.0.0.0/8",
        "client:[10.1.2.0 TO 10.1.2.255]",
        "client = 10.1.2.3",
        "client < 10.1.2.20",
        "path:/health*",
        "path:/health/*",
        "path = /health/live",
        "path like \"/health%\"",
        "path like \"alth\"",
        "path like \"_health/l__e%\"",
        "tags:red",
        "tags:\"dark blue\"",
        "tags = red",
        "tags = 3",
        "tags:3",
        "tags in (green, red)",
        "NOT absent = 1",
        "NOT absent:x",
        "exists(level)",
        "level:*",
        "absent is null",
        "level !~ /warn/",
        "{service=\"checkout\"}",
        "{service=~\"check.*\",env!=\"test\"}",
        "{absent=\"\"}",
        "{env!~\"te.*\"}",
        "strlen(level) = 5",
        "startswith(path, \"/h\")",
        "status * 2 > 999",
        "@timestamp:2025-11-21",
        "@timestamp:[now-1h TO now]",
        "status in (200, 500)",
        "card -paypal",
        "upper(level) =~ /^ERR/",
        "if(status > 499, 1, 0) = 1",
    };
    static const char *const no[] = {
        "car",
        "\"declined card\"",
        "clin*",
        "de*x",
        "NOT card",
        "level:err",
        "level = \"err\"",
        "level = \"ERROR\"",
        "status:50",
        "status:[501 TO *]",
        "status:{500 TO *]",
        "ok:true",
        "absent != 1",
        "absent:*",
        "absent !~ /x/",
        "client:11.0.0.0/8",
        
        "path like \"health%\"",
        "path:health/l?ve",
        "tags:blue_",
        "tags = 4",
        "tags:[4 TO *]",
        "{service=\"check\"}",
        "{service=~\"check\"}",
        "{env!=\"prod\"}",
        "level:(error warn)",
        "level > 5",
        "@timestamp:[now-2h TO now-1h]",
        "status not in (500)",
        "client > 10.1.2.20",
        "card -bank",
        "took:1.51",
    };
    for (size_t i = 0; i < COUNT_OF(yes); i++)
        if (!matches(yes[i]))
            fail_msg("does not match: %s", yes[i]);
    for (size_t i = 0; i < COUNT_OF(no); i++)
        if (matches(no[i]))
            fail_msg("matches: %s", no[i]);
}

TEST_MAIN(RUN(numbers_compare_exactly_whatever_their_type),
          RUN(a_text_that_is_no_number_is_only_different_from_one), RUN(null_compares_false_with_everything),
          RUN(texts_compare_by_bytes), RUN(times_meet_numbers_and_time_texts),
          RUN(addresses_compare_as_addresses), RUN(an_array_matches_by_any_of_its_scalars),
          RUN(sort_order_is_total), RUN(truth_is_neither_null_false_zero_nor_empty),
          RUN(arithmetic_stays_whole_while_it_is_exact), RUN(times_and_spans_add_up),
          RUN(values_print_as_people_read_them), RUN(the_calendar_agrees_with_itself),
          RUN(time_texts_in_all_their_forms), RUN(units_scale_exactly), RUN(prefixes_hold_addresses),
          RUN(the_nearest_name_is_found), RUN(a_row_is_matched_by))
