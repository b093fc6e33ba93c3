#pragma once
#include "base/attr.h"
/* Always on, also in release: a crashed process is restarted, wrong data is not. About our own
 * code only, never about input. */
_Noreturn void assert_failed(const char *expr, const char *file, int line);
#define ASSERT(e) (LIKELY(e) ? (void)0 : assert_failed(#e, __FILE__, __LINE__))
