#pragma once
/*
 * The face of cmocka for our tests: TEST(a_sentence_that_can_be_false) { … } and, last in the file,
 * TEST_MAIN(RUN(a_sentence_that_can_be_false), …). Use ASSERT_… of cmocka in lower case, or CHECK.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <cmocka.h>
#include "base/attr.h"

#define TEST(name) static void name(void **state UNUSED)
#define RUN(name)  cmocka_unit_test(name)
#define TEST_MAIN(...)                                                                             \
    int main(void) {                                                                               \
        const struct CMUnitTest tests[] = { __VA_ARGS__ };                                         \
        return cmocka_run_group_tests(tests, NULL, NULL);                                          \
    }
/* Fails the running test with the expression's text. */
#define CHECK(e)                                                                                   \
    do {                                                                                           \
        if (!(e))                                                                                  \
            fail_msg("%s:%d: not true: %s", __FILE__, __LINE__, #e);                               \
    } while (0)
#define CHECK_OK(e) CHECK((e) == ERR_OK)
#define CHECK_STR(got, want) CHECK(str_eq((got), str_of(want)))
