#pragma once
#include "base/err.h"
#include "base/str.h"
/*
 * What it means for a text to match, in one place: pages use it for speed, queries for truth.
 *
 * A token is a maximal run of token_byte(). Letter case is ignored for ASCII only.
 *   TOKENS     the needle's tokens appear in the text as adjacent whole tokens, with exactly the needle's
 *              bytes (case aside) from the first token's first byte to the last token's last; one token is a word,
 *              several a phrase. A needle without a token is matched as SUBSTRING.
 *   PREFIX     some token of the text starts with the needle (when the needle has several tokens: as a phrase whose
 *              last token is a prefix)
 *   SUBSTRING  the needle's bytes appear anywhere, case ignored
 *   EXACT      the whole text equals the needle, case kept
 *   WILDCARD   the whole text matches a pattern of '*' (any bytes) and '?' (one byte), case ignored
 *   REGEX      the regular expression matches somewhere, case kept unless it says (?i)
 */
enum text_match_kind { TEXT_TOKENS, TEXT_PREFIX, TEXT_SUBSTRING, TEXT_EXACT, TEXT_WILDCARD, TEXT_REGEX };

struct text_match;
/* Copies the needle. ERR_INVALID with the reason for a bad regular expression, ERR_LIMIT for one over the caps.
 * Caller ends it with text_match_free(). Immutable after: any thread may test with it. */
NODISCARD enum err text_match_new(enum text_match_kind kind, struct str needle, struct err_text *why,
                                  struct text_match **out);
void text_match_free(struct text_match *m);
bool text_match_test(const struct text_match *m, struct str text);
enum text_match_kind text_match_kind(const struct text_match *m);

/* Tokens that every matching text must contain whole (for word filters): calls `each` with the hash
 * of each; none when nothing can be said. token_hash ignores ASCII case. */
void text_match_must_have(const struct text_match *m, void (*each)(void *ctx, uint64_t token_hash), void *ctx);
uint64_t token_hash(struct str token);
/* Next token of *rest; false at the end. */
bool token_next(struct str *rest, struct str *out);
