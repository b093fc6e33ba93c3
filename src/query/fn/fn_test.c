#include "base/test.h"
#include "query/names.h"
#include "query/parser_state.h"
#include "query/query.h"
#include <ctype.h>
/* Each function by calls and what they print; null prints as `null`, JSON and texts as they are. */

static const int64_t now_ns = 1763708504ll * 1000000000; /* 2025-11-21T07:01:44Z, a Friday */

static struct value field(void *ctx UNUSED, struct str name) {
    if (str_eq(name, STR("@timestamp")))
        return value_time(now_ns);
    if (str_eq(name, STR("array")))
        return (struct value){ .type = VALUE_JSON, .s = STR("[1,\"b\",[2]]") };
    if (str_eq(name, STR("object")))
        return (struct value){ .type = VALUE_JSON,
                               .s = STR("{\"a\":{\"b\":[10,{\"c\":\"d\\n\"}]},\"n\":null,\"t\":true}") };
    if (str_eq(name, STR("number")))
        return (struct value){ .type = VALUE_NUMBER_TEXT, .s = STR("1.50") };
    if (str_eq(name, STR("bytes")))
        return value_string(STR("a\xff\xc3\xa9z"));
    return value_null();
}

static bool no_text(void *ctx UNUSED, bool (*each)(void *each_ctx, struct str text) UNUSED,
                    void *each_ctx UNUSED) {
    return false;
}

static struct str no_labels(void *ctx UNUSED) {
    return (struct str){ 0 };
}

/* The value of `text` in `mem`; false: the error is in *why. */
static bool value_of(const char *text, struct parser *p, struct arena *mem, struct query_error *why,
                     struct value *out) {
    static const struct expr_row row = { .field = field, .any_text = no_text, .labels = no_labels };
    parser_init(p, str_of(text), &(struct query_context){ .now_ns = now_ns }, mem, why);
    const struct expr *e = parser_expr(p);
    if (e && !parser_at_end(p))
        parser_fail(p, "not at the end");
    if (parser_failed(p))
        return false;
    *out = expr_eval(e, &row, mem, now_ns);
    return true;
}

static void check(const char *text, const char *want) {
    AUTO(arena) mem = { 0 };
    AUTO(parser) p = { 0 };
    AUTO(buf) printed = { .limit_bytes = 1 << 16 };
    struct query_error why;
    struct value v;
    if (!value_of(text, &p, &mem, &why, &v)) {
        fail_msg("%s: at %zu: %s", text, why.offset, why.msg);
        return;
    }
    if (v.type == VALUE_NULL)
        buf_add(&printed, STR("null"));
    value_print(&v, &printed);
    if (!str_eq(buf_str(&printed), str_of(want)))
        fail_msg("%s\n  is   " STR_FMT "\n  want %s", text, STR_ARG(buf_str(&printed)), want);
}

struct pair {
    const char *text, *want;
};
static void check_all(const struct pair *pairs, size_t count) {
    for (size_t i = 0; i < count; i++)
        check(pairs[i].text, pairs[i].want);
}

TEST(texts) {
    static const struct pair pairs[] = {
        // tidy: table
        { "strlen('h\xc3\xa9llo')", "5" },
        { "strlen(bytes)", "4" },
        { "strlen(12.5)", "4" },
        { "strlen(absent)", "null" },
        { "len('')", "0" },
        { "strcontains('abc', 'bc')", "true" },
        { "strcontains('abc', 'BC')", "false" },
        { "strcontains('abc', '')", "true" },
        { "strcontains(absent, 'a')", "null" },
        { "startswith('abc', 'ab')", "true" },
        { "endswith('abc', 'bc')", "true" },
        { "endswith('abc', 'abcd')", "false" },
        { "strpos('h\xc3\xa9llo', 'l')", "2" },
        { "strpos('abc', 'x')", "-1" },
        { "concat('a', 1, absent, true)", "a1true" },
        { "concat(absent)", "" },
        { "upper('a\xc3\xa9z1')", "A\xc3\xa9Z1" },
        { "lower('ABC')", "abc" },
        { "tolower(absent)", "null" },
        { "trim('  a b \t')", "a b" },
        { "trim('xxaxx', 'x')", "a" },
        { "ltrim('  a ')", "a " },
        { "rtrim('  a ')", "  a" },
        { "trim('   ')", "" },
        { "substr('hello', 1, 3)", "ell" },
        { "substr('hello', -3)", "llo" },
        { "substr('hello', -99, 2)", "he" },
        { "substr('hello', 9)", "" },
        { "substr('hello', 1, -1)", "" },
        { "substr('h\xc3\xa9llo', 1, 1)", "\xc3\xa9" },
        { "substr('hello', 'x')", "null" },
        { "replace('a.b.c', '.', '--')", "a--b--c" },
        { "replace('abc', '', 'x')", "abc" },
        { "split('a,b,c', ',', 1)", "b" },
        { "split('a,b,c', ',', -1)", "c" },
        { "split('a,b,c', ',', 3)", "null" },
        { "split('a,\"b', ',')", "[\"a\",\"\\\"b\"]" },
        { "split('', ',')", "[\"\"]" },
        { "split('abc', '')", "null" },
        { "tostring(1.5)", "1.5" },
        { "tonumber(' 42 ')", "42" },
        { "tonumber('4.5e1')", "45" },
        { "tonumber('x')", "null" },
        { "tonumber(number)", "1.5" },
        { "tonumber(true)", "1" },
        { "urldecode('a%20b%2Fc%zz%')", "a b/c%zz%" },
        { "hash('a') = hash('a')", "true" },
        { "hash('a') = hash('b')", "false" },
        { "strlen(hash(''))", "16" },
    };
    check_all(pairs, COUNT_OF(pairs));
}

TEST(patterns) {
    static const struct pair pairs[] = {
        { "regexmatch('disk full', 'dis[ck]')", "true" },
        { "regexmatch('disk full', /^full/)", "false" },
        { "regexmatch('DISK', /disk/i)", "true" },
        { "regexmatch(absent, 'x')", "null" },
        { "regexextract('took 15 ms', '(\\d+) (\\w+)')", "15" },
        { "regexextract('took 15 ms', '(\\d+) (\\w+)', 2)", "ms" },
        { "regexextract('took 15 ms', '(?<n>\\d+) (?<u>\\w+)', 'u')", "ms" },
        { "regexextract('took 15 ms', '\\d+')", "15" },
        { "regexextract('took 15 ms', '\\d+', 3)", "null" },
        { "regexextract('ab', '(a)|(b)', 2)", "null" },
        { "regexextract('x', 'y')", "null" },
        { "regexextract(concat('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '!'), '^(a+)+$')", "null" },
        { "regexreplace('a1b22', '\\d+', '#')", "a#b#" },
        { "regexreplace('john smith', '(\\w+) (\\w+)', '$2 ${1}x $$')", "smith johnx $" },
        { "regexreplace('abc', '', '-')", "-a-b-c-" },
        { "regexreplace('abc', 'x*$', '!')", "abc!" },
    };
    check_all(pairs, COUNT_OF(pairs));
}

TEST(conditions) {
    static const struct pair pairs[] = {
        { "isnull(absent)", "true" },
        { "isnull('')", "false" },
        { "isnotnull(absent)", "false" },
        { "ispresent(@timestamp)", "true" },
        { "isempty('')", "true" },
        { "isempty(' ')", "false" },
        { "isempty(absent)", "true" },
        { "isblank(' \t')", "true" },
        { "isblank(0)", "false" },
        { "coalesce(absent, '', 'x')", "" },
        { "coalesce(absent)", "null" },
        { "if(1 > 2, 'a', 'b')", "b" },
        { "if(absent, 'a')", "null" },
        { "case(1 > 2, 'a', 2 > 1, 'b', 'c')", "b" },
        { "case(false, 'a', 'c')", "c" },
        { "case(false, 'a')", "null" },
        { "nullif('-', '-')", "null" },
        { "nullif(5, '5')", "null" },
        { "nullif('a', '-')", "a" },
        { "nullif('a', absent)", "a" },
        { "typeof(absent)", "null" },
        { "concat(typeof(1), ' ', typeof(1.5), ' ', typeof('a'), ' ', typeof(true), ' ', typeof(@timestamp))",
          "int float string bool time" },
        { "concat(typeof(number), ' ', typeof(array), ' ', typeof(ip('::1')))", "number json ip" },
    };
    check_all(pairs, COUNT_OF(pairs));
}

TEST(numbers) {
    static const struct pair pairs[] = {
        { "round(2.5)", "3" },
        { "round(-2.5)", "-3" },
        { "round(1.2345, 2)", "1.23" },
        { "round(1250.5, -2)", "1300" },
        { "round('x')", "null" },
        { "round(5)", "5" },
        { "floor(-1.5)", "-2" },
        { "ceil(1.2)", "2" },
        { "ceiling(1e300)", "1e+300" },
        { "abs(-5)", "5" },
        { "abs(-9223372036854775808)", "9.223372036854776e+18" },
        { "abs('-1.5')", "1.5" },
        { "sqrt(9)", "3" },
        { "sqrt(-1)", "null" },
        { "exp(0)", "1" },
        { "ln(0)", "null" },
        { "round(ln(exp(2)))", "2" },
        { "log(1000)", "3" },
        { "log(8, 2)", "3" },
        { "log(-1)", "null" },
        { "pow(2, 10)", "1024" },
        { "pow(10, 400)", "null" },
        { "least(3, 1.5, absent, 2)", "1.5" },
        { "greatest('b', 'a')", "b" },
        { "least(absent)", "null" },
        { "mod(7, 3)", "1" },
        { "mod(7, 0)", "null" },
    };
    check_all(pairs, COUNT_OF(pairs));
}

TEST(times) {
    static const struct pair pairs[] = {
        // tidy: table
        { "now()", "2025-11-21T07:01:44.000Z" },
        { "bin(5m)", "2025-11-21T07:00:00.000Z" },
        { "bin(@timestamp, 1h)", "2025-11-21T07:00:00.000Z" },
        { "bin('2025-11-21T07:01:44Z', '1h')", "2025-11-21T07:00:00.000Z" },
        { "bin(1w)", "2025-11-17T00:00:00.000Z" },
        { "datefloor(@timestamp, 1d)", "2025-11-21T00:00:00.000Z" },
        { "bin(totime('1969-12-31T23:59:59Z'), 1h)", "1969-12-31T23:00:00.000Z" },
        { "bin(17, 5)", "15" },
        { "bin(-1, 5)", "-5" },
        { "bin(1.7, 0.5)", "1.5" },
        { "bin(absent, 5m)", "null" },
        { "bin(@timestamp, 0)", "null" },
        { "dateceil(1h)", "2025-11-21T08:00:00.000Z" },
        { "dateceil(totime('2025-11-21'), 1d)", "2025-11-21T00:00:00.000Z" },
        { "totime(1763708504)", "2025-11-21T07:01:44.000Z" },
        { "totime('now-1h')", "2025-11-21T06:01:44.000Z" },
        { "totime('soon')", "null" },
        { "frommillis(1763708504123)", "2025-11-21T07:01:44.123Z" },
        { "toMillis(@timestamp)", "1763708504000" },
        { "tomillis(frommillis(-1))", "-1" },
        { "year(@timestamp)", "2025" },
        { "month(@timestamp)", "11" },
        { "day(@timestamp)", "21" },
        { "hour(@timestamp)", "7" },
        { "minute(@timestamp)", "1" },
        { "second(@timestamp)", "44" },
        { "weekday(@timestamp)", "5" },
        { "weekday('x')", "null" },
        { "duration('1h30m')", "5400000000000" },
        { "duration('x')", "null" },
        { "formattime(@timestamp, '%Y-%m-%d %H:%M:%S.%L %a %b %j %I%p %%')",
          "2025-11-21 07:01:44.000 Fri Nov 325 07AM %" },
        { "strftime(@timestamp, '%F %T %A %B %s %e|%q')",
          "2025-11-21 07:01:44 Friday November 1763708504 21|%q" },
        { "@timestamp - 1h", "2025-11-21T06:01:44.000Z" },
        { "(now() - @timestamp) / 1s", "0" },
    };
    check_all(pairs, COUNT_OF(pairs));
}

TEST(addresses_and_json) {
    static const struct pair pairs[] = {
        { "isValidIp('10.0.0.1')", "true" },
        { "isvalidip('10.0.0')", "false" },
        { "isvalidip(absent)", "false" },
        { "isvalidipv4('::1')", "false" },
        { "isvalidipv6('::1')", "true" },
        { "isIpv4InSubnet('10.1.2.3', '10.0.0.0/8')", "true" },
        { "isIpv4InSubnet('::1', '::/0')", "false" },
        { "isIpv6InSubnet('2001:db8::7', '2001:db8::/32')", "true" },
        { "isIpInSubnet('11.0.0.1', '10.0.0.0/8')", "false" },
        { "cidrmatch('10.0.0.0/8', '10.1.2.3')", "true" },
        { "cidrmatch('10.0.0.0/99', '10.1.2.3')", "null" },
        { "cidrmatch('10.0.0.0/8', 'web')", "null" },
        { "ip('10.0.0.9') < ip('10.0.0.10')", "true" },
        { "ip('x')", "null" },
        { "jsonextract(object, 'a.b[0]')", "10" },
        { "json_get(object, 'a.b[1].c')", "d\n" },
        { "jsonextract(object, 'a')", "{\"b\":[10,{\"c\":\"d\\n\"}]}" },
        { "jsonextract(object, 'n')", "null" },
        { "jsonextract(object, 't')", "true" },
        { "jsonextract(object, 'a.x')", "null" },
        { "jsonextract(array, '[1]')", "b" },
        { "jsonextract('not json', 'a')", "null" },
        { "jsonextract('{\"a\":1', 'b')", "null" },
        { "length(array)", "3" },
        { "length(object)", "3" },
        { "length('abc')", "3" },
        { "length(absent)", "null" },
    };
    check_all(pairs, COUNT_OF(pairs));
}

TEST(bad_calls_are_refused_when_parsed) {
    static const struct pair pairs[] = {
        { "strlen(1, 2)", "2 arguments do not fit: strlen(text): number of characters" },
        { "strlenn('a')", "unknown function 'strlenn'; did you mean 'strlen'?" },
        { "regexmatch('a', b)", "regexmatch: the pattern must be a quoted text" },
        { "regexextract('a', '(')",
          "regexextract: at byte 1 of the regular expression: missing closing parenthesis" },
        { "bin(@timestamp)",
          "1 argument does not fit: bin([time, ]step): down to a whole step; @timestamp unless a time or number "
          "is given" },
        { "strlen('a'", "expected ',' or ')'" },
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        AUTO(arena) mem = { 0 };
        AUTO(parser) p = { 0 };
        struct query_error why;
        struct value v;
        CHECK(!value_of(pairs[i].text, &p, &mem, &why, &v));
        CHECK_STR(str_of(why.msg), pairs[i].want);
    }
}

/* Values that no function may choke on, for each argument of each. */
TEST(no_function_minds_odd_arguments) {
    static const char ip[16] = { 0 };
    const struct value odd[] = { value_null(),
                                 value_bool(true),
                                 value_int(INT64_MIN),
                                 value_int(INT64_MAX),
                                 value_int(0),
                                 value_float(1e308),
                                 value_float(-0.0),
                                 value_time(INT64_MIN),
                                 value_time(INT64_MAX),
                                 value_string((struct str){ 0 }),
                                 value_string(STR("\xff\x80%")),
                                 value_string(STR("[1")),
                                 { .type = VALUE_IP, .s = { ip, 16 } },
                                 { .type = VALUE_IP },
                                 { .type = VALUE_JSON, .s = STR("[1,") },
                                 { .type = VALUE_NUMBER_TEXT, .s = STR("1e999") } };
    for (size_t f = 0; f < fn_count(); f++)
        for (size_t a = 0; a < COUNT_OF(odd); a++)
            for (size_t b = 0; b < COUNT_OF(odd); b++) {
                AUTO(arena) mem;
                AUTO(buf) out = { .limit_bytes = 1 << 20 };
                arena_init(&mem, 1 << 20);
                const struct fn *fn = fn_at(f);
                struct value args[] = { odd[a], odd[b], odd[(a + b) % COUNT_OF(odd)], odd[a] };
                size_t count = fn->args_max < COUNT_OF(args) ? fn->args_max : COUNT_OF(args);
                struct value v = fn->eval(&(struct fn_call){ args, count, &mem, now_ns, NULL });
                value_print(&v, &out);
                CHECK(v.type != VALUE_FLOAT || v.f - v.f == 0);
            }
}

TEST(every_function_is_described_and_named_once) {
    CHECK(fn_count() >= 60);
    for (size_t i = 0; i < fn_count(); i++) {
        const struct fn *fn = fn_at(i);
        struct str help = str_of(fn->help), name = str_of(fn->name);
        CHECK(str_starts(help, name) && help.p[name.n] == '(' && str_find(help, STR("): "), 0) != SIZE_MAX);
        CHECK(fn->args_min <= fn->args_max && fn->args_max <= FN_ARGS_MAX);
        CHECK((fn->prepare == NULL) == (fn->release == NULL));
        for (size_t c = 0; c < name.n; c++)
            CHECK(!isupper((unsigned char)name.p[c]));
        CHECK(fn_find(name) == fn);
        for (size_t j = 0; j < fn_count(); j++)
            CHECK(!names_has(fn_at(j)->aliases, name));
    }
    CHECK(fn_find(STR("STRLEN")) == fn_find(STR("strlen")));
    CHECK(fn_find(STR("count")) == NULL);
}

TEST_MAIN(RUN(texts), RUN(patterns), RUN(conditions), RUN(numbers), RUN(times), RUN(addresses_and_json),
          RUN(bad_calls_are_refused_when_parsed), RUN(no_function_minds_odd_arguments),
          RUN(every_function_is_described_and_named_once))
