#pragma once
#include "base/arena.h"
/*
 * Where words, names and quoted texts of the records language end. The language has no token stream: `-` is
 * part of a word in one place and a minus in another, so the parser asks for what it wants at the place where
 * it stands. All functions take the whole text and an offset at most its length, and return an offset. Pure.
 */
enum lex_names {
    LEX_NAME_PLAIN, /* letters, digits, _ . @ $ and bytes of non-ASCII characters; not a digit or dot first */
    LEX_NAME_FILTER, /* also - and / between two of these */
    LEX_NAME_FIELD,  /* also : */
};
size_t lex_space(struct str text, size_t at);
/* End of the bare name at `at`; `at` when there is none. */
size_t lex_name(struct str text, size_t at, enum lex_names names);
/* End of the letters and '_' at `at`: a keyword or command. */
size_t lex_letters(struct str text, size_t at);
/* End of a bare word: stops at space ( ) " ` | && and, in a list, at , ] }. A backslash keeps the next byte
 * in. */
size_t lex_word(struct str text, size_t at, bool in_list);
/* End of the quoted text that starts with the quote at `at`, behind its closing quote; SIZE_MAX when it is
 * not closed. */
size_t lex_quoted(struct str text, size_t at);
/* End of the group that starts with "(" at `at`, behind its ")"; SIZE_MAX when it is not closed. */
size_t lex_group(struct str text, size_t at);
/* End of the /regex/ at `at`, behind the closing slash; SIZE_MAX when there is no closing slash. */
size_t lex_regex(struct str text, size_t at);
/* The bytes that a quoted text (quotes included) stands for: \n \t \r, and a backslash before its quote or a
 * backslash goes; any other backslash stays. ERR_LIMIT when `mem` is spent. */
NODISCARD enum err lex_unquote(struct str quoted, struct arena *mem, struct str *out);

static inline char lex_at(struct str text, size_t at) {
    return at < text.n ? text.p[at] : '\0';
}
bool lex_name_byte(char c);
