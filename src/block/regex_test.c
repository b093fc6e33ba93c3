#include "base/random.h"
#include "base/test.h"
#include "block/regex.h"
#include <stdio.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
/* PCRE2 is the oracle: another engine, by others, with the same syntax where both take an expression. */

static const char *const atoms[] = {
    // tidy: table
    "a",
    "b",
    "c",
    "d",
    "e",
    "1",
    "2",
    ".",
    "[ab]",
    "[^a]",
    "\\d",
    "\\w",
    "\\s",
    "[0-4]",
    "x",
    "state",
    " ",
    "\\D",
    "\\W",
    "\\n",
    "[[:alpha:]_]",
    "A",
    "[^\\d\\s]",
    "(?i:aB)",
    "(?:\xc3\xa9)",
    "\\Qb.\\E",
    "(?s:.)",
    "\\x61",
    "\\.",
};
static const char *const places[] = { "\\b", "\\B", "^", "$", "\\A", "\\z", "(?m:^)", "(?m:$)" };
static const char *const repeats[] = { "", "", "", "", "*", "+", "?", "*?", "{2}", "{0,3}", "{1,}" };

struct text {
    char p[600];
    size_t n;
};

static void add(struct text *t, const char *s) {
    size_t n = strlen(s);
    if (t->n + n < sizeof t->p) {
        memcpy(t->p + t->n, s, n);
        t->n += n;
    }
}

static void random_expression(struct random *r, struct text *out, unsigned depth) {
    for (size_t n = 1 + (size_t)random_below(r, 4); n > 0; n--) {
        if (random_below(r, 8) == 0) {
            add(out, places[random_below(r, COUNT_OF(places))]);
            continue;
        }
        if (depth < 3 && random_below(r, 5) == 0) {
            add(out, random_below(r, 2) ? "(" : "(?:");
            random_expression(r, out, depth + 1);
            if (random_below(r, 2)) {
                add(out, "|");
                random_expression(r, out, depth + 1);
            }
            add(out, ")");
        } else {
            add(out, atoms[random_below(r, COUNT_OF(atoms))]);
        }
        add(out, repeats[random_below(r, COUNT_OF(repeats))]);
    }
}

static struct str random_text(struct random *r, char *to, size_t max) {
    size_t n = (size_t)random_below(r, max);
    const char *letters = random_below(r, 3) ? "abcde12xBA stat\n." : "xyz";
    for (size_t i = 0; i < n; i++)
        to[i] = letters[random_below(r, strlen(letters))];
    if (n > 4 && random_below(r, 4) == 0)
        memcpy(to + random_below(r, n - 2), "\xc3\xa9", 2);
    return (struct str){ to, n };
}

/* Counts the texts that match; fails the test where the two engines differ. */
static size_t compare(const struct regex *ours, pcre2_code *theirs, struct random *r, struct str expression) {
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    struct str literal = regex_literal(ours);
    char text[200];
    size_t hits = 0;
    for (size_t i = 0; i < 30; i++) {
        struct str s = random_text(r, text, i % 2 ? 20 : sizeof text);
        int found = pcre2_match(theirs, (PCRE2_SPTR)s.p, s.n, 0, 0, data, NULL);
        if (found < PCRE2_ERROR_NOMATCH)
            continue; /* its limit of backtracking */
        bool hit = regex_test(ours, s);
        hits += hit;
        if (hit != (found >= 0))
            fail_msg("'" STR_FMT "' on '" STR_FMT "': not %d", STR_ARG(expression), STR_ARG(s), hit);
        if (hit && literal.n && str_find_nocase(s, literal, 0) == SIZE_MAX)
            fail_msg("'" STR_FMT "': literal '" STR_FMT "'", STR_ARG(expression), STR_ARG(literal));
    }
    pcre2_match_data_free(data);
    return hits;
}

TEST(random_expressions_match_what_another_engine_matches) {
    struct random r;
    random_init(&r, 1);
    size_t hits = 0, literals = 0;
    for (size_t i = 0; i < 3000; i++) {
        struct text e = { .n = 0 };
        if (random_below(&r, 10) == 0)
            add(&e, "(?i)");
        random_expression(&r, &e, 0);
        struct regex *ours = NULL;
        struct err_text why = { 0 };
        int bad;
        size_t at;
        pcre2_code *theirs =
            pcre2_compile((PCRE2_SPTR)e.p, e.n, PCRE2_NEVER_UTF | PCRE2_DOLLAR_ENDONLY, &bad, &at, NULL);
        enum err err = regex_new((struct str){ e.p, e.n }, &why, &ours);
        if (err == ERR_OK && theirs) {
            hits += compare(ours, theirs, &r, (struct str){ e.p, e.n });
            literals += regex_literal(ours).n > 0;
        } else if (err == ERR_INVALID) {
            fail_msg("'%.*s': %s", (int)e.n, e.p, why.msg);
        }
        regex_free(ours);
        pcre2_code_free(theirs);
    }
    CHECK(hits > 10000 && literals > 1000);
}

TEST(the_literal_is_the_longest_run_of_bytes_in_every_match) {
    static const struct {
        const char *expression, *literal;
    } rows[] = {
        // tidy: table
        { "error [0-9]+ (in|at) port=", " port=" },
        { "(?i)Break-In", "break-in" },
        { "ab(cd)ef", "abcdef" },
        { "ab(cd)?efg", "efg" },
        { "ab(cd)+e", "cd" },
        { "(long){2}x", "long" },
        { "abc|abd", "" },
        { "ab\\bcd$", "abcd" },
        { "ab.?cde", "cde" },
        { "[0-9]+", "" },
        { "[aA]b", "ab" },
        { "x*abcy*", "abc" },
        { "caf\xc3\xa9", "caf\xc3\xa9" },
        { "", "" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct regex *r = NULL;
        CHECK_OK(regex_new(str_of(rows[i].expression), NULL, &r));
        if (!str_eq(regex_literal(r), str_of(rows[i].literal)))
            fail_msg("'%s': '" STR_FMT "'", rows[i].expression, STR_ARG(regex_literal(r)));
        regex_free(r);
    }
}

/* More states than the table holds: the test goes on with sets, and says the same. */
TEST(an_expression_with_too_many_states_still_matches) {
    struct regex *r = NULL;
    CHECK_OK(regex_new(STR("a.{40}[bc].{40}d"), NULL, &r));
    struct random random;
    random_init(&random, 3);
    size_t hits = 0;
    for (size_t i = 0; i < 3000; i++) {
        char text[300];
        size_t n = (size_t)random_below(&random, sizeof text);
        for (size_t k = 0; k < n; k++)
            text[k] = "abcd\n"[random_below(&random, i % 4 ? 4 : 5)];
        bool want = false;
        for (size_t k = 0; k + 82 < n && !want; k++) {
            want = text[k] == 'a' && (text[k + 41] == 'b' || text[k + 41] == 'c') && text[k + 82] == 'd';
            for (size_t j = 1; j < 82 && want; j++)
                want = text[k + j] != '\n';
        }
        hits += want;
        CHECK(regex_test(r, (struct str){ text, n }) == want);
    }
    CHECK(hits > 300 && hits < 2700);
    regex_free(r);
}

TEST(no_expression_takes_long_to_make) {
    static const char *const hard[] = { "((((((){1000}){1000}){1000}){1000}){1000})",
                                        "(a*)*b",
                                        "((a{60}){60}){60}",
                                        "(x+x+)+y",
                                        "(a?){500}a{500}",
                                        "((a|b|c|ab|bc)*){20}" };
    for (size_t i = 0; i < COUNT_OF(hard); i++) {
        struct regex *r = NULL;
        enum err e = regex_new(str_of(hard[i]), NULL, &r);
        CHECK(e == ERR_OK || e == ERR_LIMIT);
        char text[4000];
        memset(text, 'a', sizeof text);
        if (r)
            (void)regex_test(r, (struct str){ text, sizeof text });
        regex_free(r);
    }
}

TEST_MAIN(RUN(random_expressions_match_what_another_engine_matches),
          RUN(the_literal_is_the_longest_run_of_bytes_in_every_match),
          RUN(an_expression_with_too_many_states_still_matches), RUN(no_expression_takes_long_to_make))
