#include "base/hash.h"
#include "base/random.h"
#include "base/test.h"
#include "block/finder.h"
#include "block/text_match.h"

struct text_case {
    enum text_match_kind kind;
    const char *needle, *text;
    bool hit;
};

static const struct text_case cases[] = {
    // tidy: table
    { TEXT_TOKENS, "disk", "the Disk is full", true },
    { TEXT_TOKENS, "disk", "the disks are full", false },
    { TEXT_TOKENS, "disk", "kdisk", false },
    { TEXT_TOKENS, "disk", "adisk disk", true },
    { TEXT_TOKENS, "disk", "disk", true },
    { TEXT_TOKENS, " disk! ", "a-disk-b", true },
    { TEXT_TOKENS, "disk full", "disk full", true },
    { TEXT_TOKENS, "disk full", "disk  full", false },
    { TEXT_TOKENS, "disk full", "disk fully", false },
    { TEXT_TOKENS, "10.0.0.1", "from 10.0.0.1:80", true },
    { TEXT_TOKENS, "10.0.0.1", "from 110.0.0.1:80", false },
    { TEXT_TOKENS, "caf\xc3\xa9", "le caf\xc3\xa9.", true },
    { TEXT_TOKENS, "caf", "le caf\xc3\xa9.", false },
    { TEXT_TOKENS, "CAF\xc3\x89", "caf\xc3\xa9", false },
    { TEXT_TOKENS, "->", "a -> b", true },
    { TEXT_TOKENS, "", "a", true },
    { TEXT_TOKENS, "", "", true },
    { TEXT_TOKENS, "a_b", "x a_B y", true },
    { TEXT_PREFIX, "conn", "new Connection", true },
    { TEXT_PREFIX, "conn", "reconnect", false },
    { TEXT_PREFIX, "disk fu", "a disk full", true },
    { TEXT_PREFIX, "disk fu", "a disk of fun", false },
    { TEXT_PREFIX, " disk", "my-disk1", true },
    { TEXT_PREFIX, "disk-", "disk-1", true },
    { TEXT_PREFIX, "disk-", "disk1", false },
    { TEXT_SUBSTRING, "NNEC", "reconnect", true },
    { TEXT_SUBSTRING, "nnex", "reconnect", false },
    { TEXT_SUBSTRING, "[", "a{b", false },
    { TEXT_SUBSTRING, "@", "a`b", false },
    { TEXT_EXACT, "Disk", "Disk", true },
    { TEXT_EXACT, "Disk", "disk", false },
    { TEXT_EXACT, "Disk", "Disk ", false },
    { TEXT_EXACT, "", "", true },
    { TEXT_EXACT, "", "a", false },
    { TEXT_WILDCARD, "a*b", "AxxB", true },
    { TEXT_WILDCARD, "a*b", "axxbc", false },
    { TEXT_WILDCARD, "a*b", "ab", true },
    { TEXT_WILDCARD, "ab*ba", "aba", false },
    { TEXT_WILDCARD, "*b?d*", "xxbcdxx", true },
    { TEXT_WILDCARD, "*b?d*", "xxbdxx", false },
    { TEXT_WILDCARD, "a?", "a", false },
    { TEXT_WILDCARD, "a?", "ab", true },
    { TEXT_WILDCARD, "*", "", true },
    { TEXT_WILDCARD, "", "", true },
    { TEXT_WILDCARD, "", "x", false },
    { TEXT_WILDCARD, "**a**", "bab", true },
    { TEXT_WILDCARD, "*ab*ab", "xabab", true },
    { TEXT_REGEX, "a+b", "caab", true },
    { TEXT_REGEX, "A+b", "caab", false },
    { TEXT_REGEX, "(?i)A+b", "caab", true },
    { TEXT_REGEX, "^$", "", true },
    { TEXT_REGEX, "x*", "", true },
    { TEXT_REGEX, "", "abc", true },
    { TEXT_REGEX, "a.b", "a\nb", false },
    { TEXT_REGEX, "a.b",
      "a\xff"
      "b",
      true },
    { TEXT_REGEX, "error [0-9]+ (in|at) port=", "error 17 at port=9", true },
    { TEXT_REGEX, "foo|bar", "a bar", true },
    { TEXT_REGEX, "colou?r", "color", true },
    { TEXT_REGEX, "colou{0,1}r", "color", true },
    { TEXT_REGEX, "a\\.b[]x]c\\x41d", "a.b]cAd", true },
    { TEXT_REGEX, "\\Qa.b*\\E*c", "a.bc", true },
    { TEXT_REGEX, "^abc$", "abc", true },
    { TEXT_REGEX, "^bc", "abc", false },
    { TEXT_REGEX, "colou{0}r", "color", true },
    { TEXT_REGEX, "^caf\xc3\xa9{2}$", "caf\xc3\xa9\xc3\xa9", true },
    { TEXT_REGEX, "a\\b.", "a b", true },
    { TEXT_REGEX, "a\\b.", "aab", false },
    { TEXT_REGEX, "b$", "b\n", false },
    { TEXT_REGEX, "(?m)b$", "b\nc", true },
    { TEXT_REGEX, "(?m)^c", "b\nc", true },
    { TEXT_REGEX, "(?s)a.b", "a\nb", true },
    { TEXT_REGEX, "a(?i)b|c", "C", true },
    { TEXT_REGEX, "(?:(?i)a)b", "Ab", true },
    { TEXT_REGEX, "(?:(?i)a)b", "AB", false },
    { TEXT_REGEX, "(?<year>[[:digit:]]{4})(?#remark)-", "in 2026-11", true },
    { TEXT_REGEX, "a{,3}", "a{,3}", true },
};

static bool match(enum text_match_kind kind, struct str needle, struct str text) {
    struct text_match *m = NULL;
    struct err_text why = { 0 };
    if (text_match_new(kind, needle, &why, &m) != ERR_OK)
        fail_msg("'" STR_FMT "': %s", STR_ARG(needle), why.msg);
    bool hit = text_match_test(m, text);
    text_match_free(m);
    return hit;
}

TEST(each_kind_means_what_the_header_says) {
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (match(cases[i].kind, str_of(cases[i].needle), str_of(cases[i].text)) != cases[i].hit)
            fail_msg("case %zu: '%s' in '%s'", i, cases[i].needle, cases[i].text);
}

/* The definitions of the header, word by word. */
static bool naive_at(struct str needle, struct str text, size_t at) {
    return str_eq_nocase((struct str){ text.p + at, needle.n }, needle);
}

static bool naive(enum text_match_kind kind, struct str needle, struct str text) {
    bool tokens = false;
    for (size_t i = 0; i < needle.n; i++)
        tokens |= token_byte((unsigned char)needle.p[i]);
    bool left = (kind == TEXT_TOKENS || kind == TEXT_PREFIX) && tokens, right = kind == TEXT_TOKENS && tokens;
    while (left && !token_byte((unsigned char)needle.p[0]))
        needle = str_skip(needle, 1);
    while (right && !token_byte((unsigned char)needle.p[needle.n - 1]))
        needle.n--;
    for (size_t at = 0; at + needle.n <= text.n; at++) {
        if (!naive_at(needle, text, at) || (left && at > 0 && token_byte((unsigned char)text.p[at - 1])))
            continue;
        if (!right || at + needle.n == text.n || !token_byte((unsigned char)text.p[at + needle.n]))
            return true;
    }
    return false;
}

static bool naive_wildcard(struct str pattern, struct str text) {
    if (pattern.n == 0)
        return text.n == 0;
    if (pattern.p[0] == '*')
        return naive_wildcard(str_skip(pattern, 1), text) ||
               (text.n && naive_wildcard(pattern, str_skip(text, 1)));
    return text.n && (pattern.p[0] == '?' || ascii_lower(pattern.p[0]) == ascii_lower(text.p[0])) &&
           naive_wildcard(str_skip(pattern, 1), str_skip(text, 1));
}

static struct str random_text(struct random *r, char *to, size_t max, const char *letters) {
    size_t n = (size_t)random_below(r, max + 1);
    for (size_t i = 0; i < n; i++)
        to[i] = letters[random_below(r, strlen(letters))];
    return (struct str){ to, n };
}

TEST(random_needles_match_as_the_naive_definition_says) {
    struct random r;
    random_init(&r, 1);
    const enum text_match_kind kinds[] = { TEXT_TOKENS, TEXT_PREFIX, TEXT_SUBSTRING };
    char a[8], b[200];
    size_t hits = 0;
    for (size_t i = 0; i < 60000; i++) {
        const char *letters = i % 2 ? "aAb1 .\xc3" : "aB ";
        struct str needle = random_text(&r, a, i % 3 ? 4 : 8, letters);
        struct str text = random_text(&r, b, i % 5 ? 20 : 200, letters);
        enum text_match_kind kind = kinds[i % COUNT_OF(kinds)];
        bool want = naive(kind, needle, text);
        hits += want;
        if (match(kind, needle, text) != want)
            fail_msg("kind %d: '" STR_FMT "' in '" STR_FMT "'", (int)kind, STR_ARG(needle), STR_ARG(text));
    }
    CHECK(hits > 6000 && hits < 54000);
}

TEST(random_wildcards_match_as_the_naive_definition_says) {
    struct random r;
    random_init(&r, 2);
    char a[8], b[12];
    size_t hits = 0;
    for (size_t i = 0; i < 60000; i++) {
        struct str pattern = random_text(&r, a, 8, "abA*?*");
        struct str text = random_text(&r, b, 12, "abB");
        bool want = naive_wildcard(pattern, text);
        hits += want;
        if (match(TEXT_WILDCARD, pattern, text) != want)
            fail_msg("'" STR_FMT "' in '" STR_FMT "'", STR_ARG(pattern), STR_ARG(text));
    }
    CHECK(hits > 6000 && hits < 54000);
}

TEST(the_vector_and_the_plain_search_find_the_same_places) {
    struct random r;
    random_init(&r, 3);
    char a[40], b[300];
    size_t hits = 0;
    for (size_t i = 0; i < 60000; i++) {
        struct str text = random_text(&r, b, sizeof b, i % 2 ? "abcdefgh 0" : "Ab ");
        struct str needle = random_text(&r, a, i % 2 ? 3 : 12, i % 2 ? "abcdefgh 0" : "ab ");
        if (!needle.n)
            continue;
        struct finder f = finder_of(needle);
        size_t from = (size_t)random_below(&r, text.n + 2);
        size_t at = finder_next(&f, text, from);
        CHECK(at == finder_next_plain(&f, text, from));
        CHECK(at == str_find_nocase(text, needle, from));
        hits += at != SIZE_MAX;
    }
    CHECK(hits > 6000);
}

TEST(a_scan_stops_at_each_text_that_matches) {
    struct random r;
    random_init(&r, 4);
    const char *needles[] = { "ab", "A b", "a[b ]*b", "b*a", "(ab)+", "" };
    char text[24];
    for (size_t round = 0; round < 300; round++) {
        enum text_match_kind kind = (enum text_match_kind)(round % (TEXT_REGEX + 1));
        struct text_match *m = NULL;
        CHECK_OK(text_match_new(kind, str_of(needles[random_below(&r, COUNT_OF(needles))]), NULL, &m));
        char all[2000];
        size_t offsets[101] = { 0 };
        for (size_t i = 0; i < 100; i++) {
            struct str t = random_text(&r, text, 12, "aAb ");
            memcpy(all + offsets[i], t.p, t.n);
            offsets[i + 1] = offsets[i] + t.n;
        }
        size_t next = 0; /* the first text not yet passed */
        for (size_t i = 0; i < 100; i++) {
            struct str t = { all + offsets[i], offsets[i + 1] - offsets[i] };
            if (t.n == 0 || !text_match_test(m, t))
                continue;
            size_t at = text_match_scan(m, (struct str){ all, offsets[100] }, offsets[next]);
            while (at < offsets[i]) { /* a candidate that does not match: go on from the next text */
                while (offsets[next + 1] <= at)
                    next++;
                at = text_match_scan(m, (struct str){ all, offsets[100] }, offsets[++next]);
            }
            CHECK(at < offsets[i + 1]);
        }
        text_match_free(m);
    }
}

struct heard {
    uint64_t hash[16];
    size_t count;
};

static void hear(void *ctx, uint64_t hash) {
    struct heard *h = ctx;
    h->hash[h->count++] = hash;
}

TEST(only_tokens_that_cannot_be_longer_must_be_there) {
    const struct {
        enum text_match_kind kind;
        const char *needle, *tokens[4];
    } rows[] = {
        { TEXT_TOKENS, "-Disk full!", { "disk", "full" } },
        { TEXT_EXACT, "Disk full", { "disk", "full" } },
        { TEXT_PREFIX, "disk full err", { "disk", "full" } },
        { TEXT_PREFIX, "disk full-", { "disk", "full" } },
        { TEXT_SUBSTRING, "isk is full", { "is" } },
        { TEXT_SUBSTRING, " a b", { "a" } },
        { TEXT_WILDCARD, "disk is*full x? yes", { "disk", "yes" } },
        { TEXT_WILDCARD, "*disk? is.*", { "is" } },
        { TEXT_REGEX, "disk full", { 0 } },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct text_match *m = NULL;
        struct heard heard = { .count = 0 };
        CHECK_OK(text_match_new(rows[i].kind, str_of(rows[i].needle), NULL, &m));
        text_match_must_have(m, hear, &heard);
        size_t want = 0;
        for (; want < 4 && rows[i].tokens[want]; want++)
            CHECK(want < heard.count && heard.hash[want] == token_hash(str_of(rows[i].tokens[want])));
        CHECK(want == heard.count);
        text_match_free(m);
    }
}

TEST(the_hash_of_a_token_ignores_ascii_case_alone) {
    char a[1500], b[1500];
    memset(a, 'x', sizeof a);
    memset(b, 'X', sizeof b);
    for (size_t n = 1; n < sizeof a; n += 97)
        CHECK(token_hash((struct str){ a, n }) == token_hash((struct str){ b, n }));
    b[1400] = 'y';
    CHECK(token_hash((struct str){ a, 1500 }) != token_hash((struct str){ b, 1500 }));
    CHECK(token_hash(STR("disk")) == hash64(STR("disk")));
    CHECK(token_hash(STR("\xc3\xa9")) != token_hash(STR("\xc3\x89")));
}

TEST(a_bad_expression_is_refused_with_a_reason) {
    const struct {
        const char *expression;
        enum err err;
        const char *says;
    } rows[] = {
        // tidy: table
        { "a(b", ERR_INVALID, "( without ) at offset 1" },
        { "a)b", ERR_INVALID, ") without ( at offset 1" },
        { "\\1", ERR_INVALID, "backreference is not supported at offset 0" },
        { "a(?=a)b", ERR_INVALID, "ahead or behind is not supported at offset 1" },
        { "(?<!a)b", ERR_INVALID, "ahead or behind is not supported at offset 0" },
        { "(?x) a b", ERR_INVALID, "unknown kind of group at offset 0" },
        { "(*UTF8)a", ERR_INVALID, "not supported at offset 0" },
        { "a\\E", ERR_INVALID, "unknown escape at offset 1" },
        { "a**", ERR_INVALID, "nothing to repeat at offset 2" },
        { "+", ERR_INVALID, "nothing to repeat at offset 0" },
        { "a{3,2}", ERR_INVALID, "backwards at offset 1" },
        { "[z-a]", ERR_INVALID, "backwards at offset 1" },
        { "ab[a-", ERR_INVALID, "[ without ] at offset 2" },
        { "[\xc3\xa9]", ERR_INVALID, "ASCII" },
        { "a\\", ERR_INVALID, "nothing behind it at offset 1" },
        { "\\x4", ERR_INVALID, "hex digits" },
        { "[[:beta:]]", ERR_INVALID, "unknown [:set:] at offset 1" },
        { "(.{0,200}x){50}", ERR_LIMIT, "4096 instructions" },
        { "a{5000}", ERR_LIMIT, "4096 times at offset 1" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct text_match *m = NULL;
        struct err_text why = { 0 };
        CHECK(text_match_new(TEXT_REGEX, str_of(rows[i].expression), &why, &m) == rows[i].err);
        CHECK(m == NULL);
        if (!strstr(why.msg, rows[i].says))
            fail_msg("'%s' says '%s'", rows[i].expression, why.msg);
    }
    char deep[200], longer[TEXT_NEEDLE_BYTES_MAX + 1];
    memset(deep, '(', sizeof deep);
    memset(longer, 'a', sizeof longer);
    struct text_match *m = NULL;
    CHECK(text_match_new(TEXT_REGEX, (struct str){ deep, sizeof deep }, NULL, &m) == ERR_LIMIT);
    CHECK(text_match_new(TEXT_SUBSTRING, (struct str){ longer, sizeof longer }, NULL, &m) == ERR_LIMIT);
}

TEST_MAIN(RUN(each_kind_means_what_the_header_says), RUN(random_needles_match_as_the_naive_definition_says),
          RUN(random_wildcards_match_as_the_naive_definition_says),
          RUN(the_vector_and_the_plain_search_find_the_same_places),
          RUN(a_scan_stops_at_each_text_that_matches), RUN(only_tokens_that_cannot_be_longer_must_be_there),
          RUN(the_hash_of_a_token_ignores_ascii_case_alone), RUN(a_bad_expression_is_refused_with_a_reason))
