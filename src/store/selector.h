#pragma once
#include "base/err.h"
#include "base/str.h"
/* A stream selector `{a="b", c!="d", e=~"x.*", f!~"y"}`: keeps a label set when all matchers hold. A missing
 * label is an empty value. Regular expressions match the whole value. Immutable: any thread. */
struct selector;
enum { SELECTOR_MATCHERS_MAX = 32, SELECTOR_BYTES_MAX = 4096 };
NODISCARD enum err selector_parse(struct str text, struct err_text *why, struct selector **out);
void selector_free(struct selector *s);
bool selector_keeps(const struct selector *s, struct str labels);
