#pragma once
#include "base/err.h"
#include "base/str.h"
/*
 * Regular expressions over bytes, in time linear in the text whatever the expression. docs: regex_parse.h has
 * the syntax. Answers only whether an expression matches somewhere. Immutable after regex_new: any thread may
 * test.
 */
struct regex;
enum {
    REGEX_BYTES_MAX = 4096,        /* of an expression */
    REGEX_NESTING_MAX = 64,        /* groups within groups */
    REGEX_INSTRUCTIONS_MAX = 4096, /* after writing out the counted repeats: (ab){50} is 100 and a little */
};
/* ERR_INVALID with the offset of the mistake, ERR_LIMIT over a cap. Caller ends it with regex_free(). */
NODISCARD enum err regex_new(struct str expression, struct err_text *why, struct regex **out);
void regex_free(struct regex *r);
bool regex_test(const struct regex *r, struct str text);
/* Bytes in lower case that every matching text contains, ASCII case ignored; empty when none are known. */
struct str regex_literal(const struct regex *r);
