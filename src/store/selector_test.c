#include "base/buf.h"
#include "base/test.h"
#include "model/labels.h"
#include "store/selector.h"

static bool keeps(const char *text) {
    struct label labels[] = { { STR("service"), STR("checkout") },
                              { STR("host"), STR("a\"1") },
                              { STR("k8s.pod"), STR("x-7") } };
    AUTO(buf) canonical = { 0 };
    CHECK_OK(labels_canonical(labels, COUNT_OF(labels), &canonical, NULL));
    struct selector *s;
    struct err_text why = { 0 };
    CHECK_OK(selector_parse(str_of(text), &why, &s));
    bool kept = selector_keeps(s, buf_str(&canonical));
    selector_free(s);
    return kept;
}

TEST(matchers_keep_what_they_say) {
    CHECK(keeps("{}"));
    CHECK(keeps("{service=\"checkout\"}"));
    CHECK(!keeps("{service=\"check\"}"));
    CHECK(keeps(" { service != \"cart\" , k8s.pod=\"x-7\" } "));
    CHECK(keeps("{host=\"a\\\"1\"}"));
    CHECK(keeps("{service=~\"check.*\"}"));
    CHECK(!keeps("{service=~\"check\"}"));
    CHECK(keeps("{service=~\"cart|checkout\"}"));
    CHECK(!keeps("{service!~\"check.*\"}"));
    CHECK(keeps("{nothing=\"\"}"));
    CHECK(!keeps("{nothing!=\"\"}"));
    CHECK(keeps("{k8s.pod=~\"x-\\d\"}"));
}

TEST(mistakes_are_named_with_their_place) {
    static const struct {
        const char *text, *place;
    } cases[] = {
        // tidy: table
        { "", "'{' expected at character 1" },
        { "service", "'{' expected at character 1" },
        { "{service}", "expected at character 9" },
        { "{service=x}", "double quotes expected at character 10" },
        { "{service=\"x}", "a closing quote expected at character 13" },
        { "{service=\"x\" host=\"y\"}", "',' or '}' expected at character 14" },
        { "{service=\"x\"} z", "the end expected at character 15" },
        { "{=\"x\"}", "a label name expected at character 2" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct selector *s;
        struct err_text why = { 0 };
        CHECK(selector_parse(str_of(cases[i].text), &why, &s) == ERR_INVALID);
        if (!strstr(why.msg, cases[i].place))
            fail_msg("%s: %s", cases[i].text, why.msg);
    }
    struct selector *s;
    CHECK(selector_parse(STR("{a=~\"(\"}"), NULL, &s) == ERR_INVALID);
}

TEST_MAIN(RUN(matchers_keep_what_they_say), RUN(mistakes_are_named_with_their_place))
