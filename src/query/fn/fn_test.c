#include "base/test.h"
#include "query/expr.h"
TEST(x){}
TEST_MAIN(RUN(x))
