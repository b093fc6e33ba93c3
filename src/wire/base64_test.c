#include "base/test.h"
#include "wire/base64.h"

TEST(the_examples_of_the_standard_hold_both_ways) {
    static const char *const pairs[][2] = { { "", "" },
                                            { "f", "Zg==" },
                                            { "fo", "Zm8=" },
                                            { "foo", "Zm9v" },
                                            { "foob", "Zm9vYg==" },
                                            { "fooba", "Zm9vYmE=" },
                                            { "foobar", "Zm9vYmFy" },
                                            { "\xff\xfe\xfd", "//79" } };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        AUTO(buf) out = { 0 };
        char back[16];
        base64_add(&out, str_of(pairs[i][0]));
        CHECK_STR(buf_str(&out), pairs[i][1]);
        size_t n = base64_decode(str_of(pairs[i][1]), back);
        CHECK_STR(((struct str){ back, n }), pairs[i][0]);
    }
}

TEST(missing_padding_and_the_url_alphabet_are_accepted_and_nothing_else) {
    char back[16];
    CHECK(base64_decode(STR("Zg"), back) == 1 && back[0] == 'f');
    CHECK(base64_decode(STR("__79"), back) == 3 && back[0] == '\xff');
    CHECK(base64_decode(STR("Z"), back) == SIZE_MAX);
    CHECK(base64_decode(STR("Zm9*"), back) == SIZE_MAX);
    CHECK(base64_decode(STR("=Zm9"), back) == SIZE_MAX);
}

TEST_MAIN(RUN(the_examples_of_the_standard_hold_both_ways),
          RUN(missing_padding_and_the_url_alphabet_are_accepted_and_nothing_else))
