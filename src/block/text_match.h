#pragma once
#include "base/err.h"
#include "base/str.h"
/*
 * What it means for a text to match, in one place: pages use it for speed, queries for truth.
 *
 * A token is a maximal run of token_byte(). Letter case is ignored for ASCII only.
 *   TOKENS     the needle's tokens appear in the text as adjacent whole tokens, with exactly the needle's
 *              bytes (case aside) from the first token's first byte to the last token's last; one token is a
 * word, several a phrase. A needle without a token is matched as SUBSTRING. PREFIX     some token of the text
 * starts with the needle (when the needle has several tokens: as a phrase whose last token is a prefix).
 * Bytes before its first token are ignored; bytes after its last token must follow in the text: "disk-" finds
 * disk-1, not disk1 SUBSTRING  the needle's bytes appear anywhere, case ignored EXACT      the whole text
 * equals the needle, case kept WILDCARD   the whole text matches a pattern of '*' (any bytes) and '?' (one
 * byte), case ignored REGEX      the regular expression matches somewhere, case kept unless it says (?i);
 * bytes, no UTF-8; '.' is any byte but a newline; no backreferences, no lookaround (linear time)
 */
enum { TEXT_NEEDLE_BYTES_MAX = 4096 };
enum text_match_kind { TEXT_TOKENS, TEXT_PREFIX, TEXT_SUBSTRING, TEXT_EXACT, TEXT_WILDCARD, TEXT_REGEX };

struct text_match;
/* Copies the needle. ERR_INVALID with the reason for a bad regular expression, ERR_LIMIT for one over the
 * caps. Caller ends it with text_match_free(). Immutable after: any thread may test with it. */
NODISCARD enum err text_match_new(enum text_match_kind kind, struct str needle, struct err_text *why,
                                  struct text_match **out);
void text_match_free(struct text_match *m);
bool text_match_test(const struct text_match *m, struct str text);
/* As it is tested: a TOKENS or PREFIX needle without a token says TEXT_SUBSTRING. */
enum text_match_kind text_match_kind(const struct text_match *m);
/* The needle as it is tested: for TOKENS and PREFIX without the bytes that are ignored. */
struct str text_match_needle(const struct text_match *m);
/* Bytes in lower case that every matching text contains, ASCII case ignored; empty when none are known. */
struct str text_match_literal(const struct text_match *m);

/* Many texts at once, lying one after another in `haystack`: offset of the next place, at or after `from`,
 * where text_match_literal() stands, or SIZE_MAX. A text that matches contains such a place from its first to
 * its last byte; the reverse is not so: test it with text_match_test(), then go on from the start of the next
 * text. Without a known literal it returns `from`, so that the same loop tests every text. An empty text has
 * no place: when there is no literal, test the empty texts too. */
size_t text_match_scan(const struct text_match *m, struct str haystack, size_t from);

/* Tokens that every matching text must contain whole (for word filters): calls `each` with the hash
 * of each; none when nothing can be said. token_hash ignores ASCII case. */
void text_match_must_have(const struct text_match *m, void (*each)(void *ctx, uint64_t token_hash),
                          void *ctx);
uint64_t token_hash(struct str token);
/* Next token of *rest; false at the end. */
bool token_next(struct str *rest, struct str *out);
