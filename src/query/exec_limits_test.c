#include "base/test.h"
#include "query/exec_fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t T0 = 1700000000ll * 1000000000, SECOND = 1000000000;

/* `count` rows a second apart, published `a_block` at a time. */
static void fill(struct exec_case *c, size_t count, size_t a_block) {
    for (size_t i = 0; i < count; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "row number %zu", i);
        exec_case_add(c, T0 + (int64_t)i * SECOND, i % 3 ? "service=a" : "service=b");
        exec_case_text(c, "@message", text);
        exec_case_cell(c, "n", value_int((int64_t)i));
        if (i % a_block == a_block - 1)
            exec_case_publish(c);
    }
    exec_case_publish(c);
}

static struct query_request request(void) {
    return (struct query_request){ .time_from_ns = INT64_MIN, .time_to_ns = INT64_MAX };
}

static void check_limit(struct exec_case *c, const char *query, const struct query_request *r, enum err want,
                        const char *name) {
    AUTO(exec_answer) a;
    exec_case_ask(c, query, r, &a);
    if (a.err != want || !str_starts(str_of(a.why.msg), str_of(name)))
        fail_msg("%s: %s: %s", query, err_name(a.err), a.why.msg);
}

TEST(a_spent_budget_is_an_error_with_its_name) {
    AUTO(exec_case) c;
    exec_case_open(&c);
    fill(&c, 3000, 500);
    struct query_request r = request();
    r.limits.rows_scanned = 1000;
    check_limit(&c, "* | stats count(n)", &r, ERR_LIMIT, "query.rows_scanned:");
    r = request();
    r.limits.bytes_scanned = 1000;
    check_limit(&c, "*", &r, ERR_LIMIT, "query.bytes_scanned:");
    r = request();
    r.limits.rows_out = 10;
    check_limit(&c, "*", &r, ERR_LIMIT, "query.rows_out:");
    r = request();
    r.limits.time_ns = 1;
    check_limit(&c, "* | sort n", &r, ERR_TIMEOUT, "query.time:");
}

TEST(memory_is_a_budget_of_every_command_that_keeps_rows) {
    static const char *const queries[] = {
        "* | stats count() by n",
        "* | stats values(@message)",
        "* | stats p50(n)",
        "* | sort n desc",
        "* | top 10 n",
        "* | dedup n",
        "* | tail 2500",
        "* | facets",
        "* | stats count_distinct(n) by n",
        "* | stats list(@message)",
    };
    AUTO(exec_case) c;
    exec_case_open(&c);
    fill(&c, 3000, 500);
    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        struct query_request r = request();
        r.limits.memory_bytes = 20000;
        check_limit(&c, queries[i], &r, ERR_LIMIT, "query.memory_bytes:");
    }
}

TEST(an_answer_larger_than_the_memory_still_streams) {
    AUTO(exec_case) c;
    AUTO(exec_answer) a;
    exec_case_open(&c);
    fill(&c, 5000, 1000);
    struct query_request r = request();
    r.limits.memory_bytes = 400000;
    exec_case_ask(&c, "*", &r, &a);
    CHECK_OK(a.err);
    CHECK(a.lines.n == 5000);
    for (size_t i = 0; i < a.lines.n; i++) {
        char want[32];
        (void)snprintf(want, sizeof want, "row number %zu'", 4999 - i);
        CHECK(str_find(a.lines.p[i], str_of(want), 0) != SIZE_MAX);
    }
}

struct canceller {
    _Atomic bool cancel;
    size_t rows, cancel_at, refuse_at;
};

static enum err take(void *ctx, const struct query_row *row) {
    (void)row;
    struct canceller *x = ctx;
    x->rows++;
    if (x->rows == x->cancel_at)
        x->cancel = true;
    return x->rows == x->refuse_at ? ERR_CANCELLED : ERR_OK;
}

static enum err run(struct exec_case *c, struct canceller *x, struct query_stats *stats) {
    struct query *q = NULL;
    struct query_context context = { c->now_ns, TABLE_LOGS };
    struct query_request r = request();
    struct err_text why;
    CHECK_OK(query_parse(STR("*"), &context, NULL, &q));
    r.query = q;
    r.cancel = &x->cancel;
    enum err e = query_run(c->store, c->pool, &r, &(struct query_sink){ take, x }, stats, &why);
    query_free(q);
    return e;
}

TEST(a_query_stops_soon_after_its_asker_is_gone) {
    AUTO(exec_case) c;
    struct query_stats stats;
    exec_case_open(&c);
    fill(&c, 20000, 5000);
    struct canceller before = { .cancel = true };
    CHECK(run(&c, &before, &stats) == ERR_CANCELLED);
    CHECK(before.rows == 0);
    struct canceller midway = { .cancel_at = 2000 };
    CHECK(run(&c, &midway, &stats) == ERR_CANCELLED);
    CHECK(midway.rows >= 2000 && midway.rows < 20000);
    struct canceller refusing = { .refuse_at = 7 };
    CHECK(run(&c, &refusing, &stats) == ERR_CANCELLED);
    CHECK(refusing.rows == 7 && stats.rows_out == 7);
}

TEST(a_cut_answer_says_so_and_a_whole_one_does_not) {
    AUTO(exec_case) c;
    exec_case_open(&c);
    fill(&c, 100, 30);
    struct query_request r = request();
    AUTO(exec_answer) whole;
    r.limit = 100;
    exec_case_ask(&c, "*", &r, &whole);
    CHECK(whole.lines.n == 100 && !whole.stats.cut && !whole.stats.cursor[0]);
    AUTO(exec_answer) cut;
    r.limit = 99;
    exec_case_ask(&c, "*", &r, &cut);
    CHECK(cut.lines.n == 99 && cut.stats.cut && cut.stats.cursor[0]);
    CHECK_STR(str_of(cut.stats.cut_by), "limit");
    AUTO(exec_answer) groups;
    r.limit = 3;
    exec_case_ask(&c, "* | stats count() by n", &r, &groups);
    CHECK(groups.lines.n == 3 && groups.stats.cut && !groups.stats.cursor[0]);
    AUTO(exec_answer) values;
    exec_case_ask(&c, "* | stats values(n), count_distinct(n)", NULL, &values);
    CHECK(!values.stats.cut && !values.stats.approximate);
}

TEST(a_bad_cursor_is_refused) {
    static const char *const cursors[] = { "x", "1-", "1-0000000000000000",
                                           "2-0000000000000000-00000000000000000000000000000000-1",
                                           "1-0000000000000000-00000000000000000000000000000000-" };
    AUTO(exec_case) c;
    exec_case_open(&c);
    fill(&c, 10, 10);
    for (size_t i = 0; i < COUNT_OF(cursors); i++) {
        struct query_request r = request();
        r.cursor = str_of(cursors[i]);
        check_limit(&c, "*", &r, ERR_INVALID, "this is not a cursor");
    }
    struct query_request r = request();
    r.cursor = STR("1-0000000000000000-00000000000000000000000000000000-1");
    check_limit(&c, "* | stats count()", &r, ERR_INVALID, "only filters");
}

TEST(a_page_goes_on_where_the_last_one_ended_across_a_merge) {
    AUTO(exec_case) c;
    char cursor[160] = "";
    size_t rows = 0;
    exec_case_open(&c);
    for (size_t i = 0; i < 400; i++) { /* many rows of one time and stream */
        exec_case_add(&c, T0 + (int64_t)(i / 50) * SECOND, "service=a");
        exec_case_cell(&c, "n", value_int((int64_t)i));
        if (i % 37 == 36)
            exec_case_publish(&c);
    }
    exec_case_publish(&c);
    for (size_t page = 0; page == 0 || cursor[0]; page++) {
        AUTO(exec_answer) a;
        struct query_request r = request();
        r.limit = 30;
        r.cursor = str_of(cursor);
        exec_case_ask(&c, "* | fields n", &r, &a);
        CHECK_OK(a.err);
        for (size_t i = 0; i < a.lines.n; i++, rows++) {
            char want[32];
            (void)snprintf(want, sizeof want, "n=%zu", 399 - rows);
            CHECK_STR(a.lines.p[i], want);
        }
        memcpy(cursor, a.stats.cursor, sizeof cursor);
        if (page == 3)
            exec_case_flush(&c);
        if (page == 6)
            exec_case_merge(&c);
    }
    CHECK(rows == 400);
}

/* ---- tail ---- */

static enum err tail_row(void *ctx, const struct query_row *row) {
    exec_answer_row(ctx, row);
    return ERR_OK;
}

static void tail(struct exec_case *c, const char *text, uint64_t *position, struct exec_answer *out) {
    struct query *q = NULL;
    struct query_context context = { c->now_ns, TABLE_LOGS };
    struct query_request r = request();
    *out = (struct exec_answer){ 0 };
    CHECK_OK(query_parse(str_of(text), &context, NULL, &q));
    r.query = q;
    out->err =
        query_tail(c->store, &r, &(struct query_sink){ tail_row, out }, position, &out->stats, &out->why);
    query_free(q);
}

TEST(a_tail_gives_each_new_row_once_oldest_first) {
    AUTO(exec_case) c;
    uint64_t position = 0;
    exec_case_open(&c);
    fill(&c, 6, 6);
    AUTO(exec_answer) first;
    tail(&c, "service:a | fields n", &position, &first);
    static const char *const want[] = { "n=1", "n=2", "n=4", "n=5" };
    CHECK(exec_answer_is(&first, want, COUNT_OF(want)));
    AUTO(exec_answer) nothing;
    tail(&c, "service:a | fields n", &position, &nothing);
    CHECK(exec_answer_is(&nothing, NULL, 0));
    exec_case_add(&c, T0, "service=a");
    exec_case_cell(&c, "n", value_int(77));
    exec_case_publish(&c);
    AUTO(exec_answer) late;
    tail(&c, "service:a | fields n", &position, &late);
    static const char *const want_late[] = { "n=77" };
    CHECK(exec_answer_is(&late, want_late, 1));
}

TEST(only_row_by_row_commands_are_tailed) {
    AUTO(exec_case) c;
    AUTO(exec_answer) a;
    uint64_t position = 0;
    exec_case_open(&c);
    fill(&c, 3, 3);
    tail(&c, "* | stats count()", &position, &a);
    CHECK(a.err == ERR_INVALID && position == 0);
}

TEST(many_values_are_answered_within_the_stated_bound) {
    enum { ROWS = 130000 };
    AUTO(exec_case) c;
    AUTO(exec_answer) a;
    exec_case_open(&c);
    for (size_t i = 0; i < ROWS; i++) {
        exec_case_add(&c, T0 + (int64_t)i, "service=a");
        exec_case_cell(&c, "n", value_int((int64_t)(i * 7919 % ROWS)));
        if (i % 30000 == 29999)
            exec_case_publish(&c);
    }
    exec_case_publish(&c);
    exec_case_ask(
        &c,
        "* | stats p99(n) as p, count_distinct(n) as d | eval p = abs(p - 128700) < 128700 * 0.004, d = abs(d - 130000) "
        "< 130000 * 0.024",
        NULL, &a);
    static const char *const want[] = { "p=true d=true" };
    CHECK(exec_answer_is(&a, want, 1));
    CHECK(a.stats.approximate);
}

/* Flips a byte in the middle of every file of the folder. */
static void damage(struct exec_case *c) {
    char command[512];
    (void)snprintf(
        command, sizeof command,
        "for f in $(find %s -name '*.seg' -o -path '*segment*' -type f); do "
        "n=$(stat -c %%s $f); printf 'XXXX' | dd of=$f bs=1 seek=$((n / 4)) conv=notrunc status=none; done",
        c->folder);
    CHECK(system(command) == 0);
}

TEST(a_damaged_part_is_counted_and_the_rest_is_answered) {
    AUTO(exec_case) c;
    AUTO(exec_answer) before;
    AUTO(exec_answer) after;
    AUTO(exec_answer) counted;
    exec_case_open(&c);
    fill(&c, 20000, 5000);
    exec_case_flush(&c);
    exec_case_ask(&c, "* | fields n, @message", NULL, &before);
    CHECK(before.lines.n == 20000 && before.stats.parts_damaged == 0);
    damage(&c);
    exec_case_ask(&c, "* | fields n, @message", NULL, &after);
    CHECK_OK(after.err);
    CHECK(after.stats.parts_damaged > 0 && after.lines.n < before.lines.n);
    for (size_t i = 0, k = 0; i < after.lines.n; i++, k++) { /* what is there is right */
        while (k < before.lines.n && !str_eq(before.lines.p[k], after.lines.p[i]))
            k++;
        CHECK(k < before.lines.n);
    }
    exec_case_ask(&c, "* | stats count(@message)", NULL, &counted);
    CHECK_OK(counted.err);
    CHECK(counted.stats.parts_damaged > 0);
}

TEST_MAIN(RUN(a_damaged_part_is_counted_and_the_rest_is_answered),
          RUN(a_spent_budget_is_an_error_with_its_name),
          RUN(memory_is_a_budget_of_every_command_that_keeps_rows),
          RUN(an_answer_larger_than_the_memory_still_streams),
          RUN(a_query_stops_soon_after_its_asker_is_gone), RUN(a_cut_answer_says_so_and_a_whole_one_does_not),
          RUN(a_bad_cursor_is_refused), RUN(a_page_goes_on_where_the_last_one_ended_across_a_merge),
          RUN(a_tail_gives_each_new_row_once_oldest_first), RUN(only_row_by_row_commands_are_tailed),
          RUN(many_values_are_answered_within_the_stated_bound))
