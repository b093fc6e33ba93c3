#include "base/test.h"
#include "query/oracle_make.h"
#include <stdio.h>
#include <stdlib.h>

enum { QUERIES_DEFAULT = 1500, QUERIES_A_WORLD = 150, QUERIES_A_STATE = 15 };

static void print_difference(const struct exec_answer *want, const struct exec_answer *got) {
    size_t shown = 0;
    printf("  %zu rows wanted, %zu got; %s %s\n", want->lines.n, got->lines.n, err_name(got->err),
           got->why.msg);
    for (size_t i = 0; (i < want->lines.n || i < got->lines.n) && shown < 4; i++) {
        struct str w = i < want->lines.n ? want->lines.p[i] : STR("-"),
                   g = i < got->lines.n ? got->lines.p[i] : STR("-");
        if (str_eq(w, g))
            continue;
        printf("  row %zu\n    want " STR_FMT "\n    got  " STR_FMT "\n", i, STR_ARG(w), STR_ARG(g));
        shown++;
    }
}

static bool same(const struct exec_answer *want, const struct exec_answer *got) {
    bool same = got->err == ERR_OK && want->lines.n == got->lines.n;
    for (size_t i = 0; same && i < want->lines.n; i++)
        same = str_eq(want->lines.p[i], got->lines.p[i]);
    return same;
}

/* The rows of a row-by-row query, page by page, are those of the whole answer. */
static bool pages_agree(struct exec_case *c, struct random *r, const char *text,
                        const struct query_request *o, const struct exec_answer *whole) {
    struct query_request page = *o;
    char cursor[160] = "";
    size_t at = 0;
    page.limit = 1 + random_below(r, 40);
    for (size_t i = 0; i < 10000; i++) {
        AUTO(exec_answer) got;
        page.cursor = str_of(cursor);
        exec_case_ask(c, text, &page, &got);
        if (got.err != ERR_OK || at + got.lines.n > whole->lines.n)
            return false;
        for (size_t k = 0; k < got.lines.n; k++)
            if (!str_eq(got.lines.p[k], whole->lines.p[at++]))
                return false;
        if (!got.stats.cursor[0])
            return !got.stats.cut && at == whole->lines.n;
        memcpy(cursor, got.stats.cursor, sizeof cursor);
    }
    return false;
}

static bool is_row_by_row(const struct oracle_query *q) {
    for (size_t i = 0; i < q->stage_count; i++)
        if (q->stages[i].kind != ORACLE_FILTER && q->stages[i].kind != ORACLE_FIELDS &&
            q->stages[i].kind != ORACLE_DROP && q->stages[i].kind != ORACLE_EVAL &&
            q->stages[i].kind != ORACLE_RENAME && q->stages[i].kind != ORACLE_FILLNULL)
            return false;
    return true;
}

static size_t answers_with_rows, answers;

static void ask(struct exec_case *c, struct random *r, const char *state) {
    struct oracle_query q;
    AUTO(exec_answer) want = { 0 };
    AUTO(exec_answer) got = { 0 };
    AUTO(buf) text = { 0 };
    oracle_make(c, r, &q);
    oracle_print(&q, &text);
    buf_add_char(&text, '\0');
    struct query_request o = { .time_from_ns = q.time_from_ns, .time_to_ns = q.time_to_ns };
    CHECK_OK(oracle_run(c, &q, &want));
    exec_case_ask(c, text.p, &o, &got);
    answers++;
    answers_with_rows += want.lines.n > 0;
    if (!same(&want, &got)) {
        printf("%s: %s\n", state, text.p);
        if (o.time_from_ns != INT64_MIN || o.time_to_ns != INT64_MAX)
            printf("  from %lld to %lld\n", (long long)o.time_from_ns, (long long)o.time_to_ns);
        print_difference(&want, &got);
        fail();
    }
    if (is_row_by_row(&q) && !pages_agree(c, r, text.p, &o, &want)) {
        printf("%s: %s: pages differ from the whole\n", state, text.p);
        fail();
    }
}

static void delete_some(struct exec_case *c, struct random *r) {
    struct oracle_query q = { .time_from_ns = INT64_MIN, .time_to_ns = INT64_MAX, .stage_count = 0 };
    oracle_make_filter(c, r, q.filter, sizeof q.filter);
    oracle_delete(c, q.filter, 20);
}

static const char *change(struct exec_case *c, struct random *r) {
    switch (random_below(r, 8)) {
    case 7:
        c->page_rows = 128;
        oracle_add_wide_rows(c, r);
        exec_case_publish(c);
        return "wide";
    case 0:
    case 1:
        c->page_rows = random_below(r, 2) ? 64 : 0;
        oracle_add_rows(c, r, 1 + (size_t)random_below(r, 200));
        exec_case_publish(c);
        return "more";
    case 2:
        for (size_t i = 0; i < 5; i++) {
            oracle_add_rows(c, r, 1 + (size_t)random_below(r, 5));
            exec_case_publish(c);
        }
        return "small blocks";
    case 3:
    case 4: exec_case_flush(c); return "flushed";
    case 5: exec_case_merge(c); return "merged";
    default: delete_some(c, r); return "deleted";
    }
}

static void one_world(uint64_t seed, size_t queries) {
    struct random r;
    AUTO(exec_case) c;
    random_init(&r, seed);
    exec_case_open(&c);
    for (size_t i = 0; i < 3; i++) {
        c.page_rows = 64;
        oracle_add_rows(&c, &r, 50 + (size_t)random_below(&r, 200));
        exec_case_publish(&c);
    }
    const char *state = "live";
    for (size_t i = 0; i < queries; i++) {
        if (i % QUERIES_A_STATE == QUERIES_A_STATE - 1)
            state = change(&c, &r);
        ask(&c, &r, state);
    }
}

TEST(every_answer_is_the_oracles) {
    const char *count_text = getenv("SONDE_ORACLE_QUERIES"), *seed_text = getenv("SONDE_ORACLE_SEED");
    size_t count = count_text ? (size_t)strtoull(count_text, NULL, 10) : QUERIES_DEFAULT;
    uint64_t seed = seed_text ? strtoull(seed_text, NULL, 10) : 1;
    for (size_t done = 0; done < count; done += QUERIES_A_WORLD, seed++) {
        printf("seed %llu\n", (unsigned long long)seed);
        one_world(seed, count - done < QUERIES_A_WORLD ? count - done : QUERIES_A_WORLD);
    }
    printf("%zu of %zu answers had rows\n", answers_with_rows, answers);
    CHECK(answers_with_rows * 2 > answers);
}

TEST_MAIN(RUN(every_answer_is_the_oracles))
