/*
 * The whole read path against the plain answer: random rows are written as a server writes them, random questions are asked of four stores that hold the same
 * rows in different stages of their life, and every answer must be the oracle's.
 *
 *   SONDE_SEED              where the randomness starts; printed
 *   SONDE_ORACLE_QUERIES    how many questions
 *   SONDE_ORACLE_SHOW       how many wrong answers are printed in full (5)
 */
#include "base/assert.h"
#include "base/test.h"
#include "naive.h"
#include "query/query.h"
#include "store/store_fixture.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { QUESTIONS_DEFAULT = 1500, QUESTIONS_OF_WORLD = 75, THREADS = 2, PAGES_MAX = 30 };

static struct {
    uint64_t seed;
    size_t show;
    size_t asked, answers, not_empty, unsure, wrong, last_wrong, shown;
    struct query_pool *pool;
} run;

static uint64_t number_of_env(const char *name, uint64_t otherwise) {
    const char *text = getenv(name);
    uint64_t n;
    return text && str_to_u64(str_of(text), &n) ? n : otherwise;
}

/* ---- stores ---- */

enum stage_of_life { LIFE_LIVE, LIFE_FLUSHED, LIFE_MERGED, LIFE_REOPENED, LIFE_COUNT };
static const char *const life_names[] = { "live", "flushed", "merged", "reopened" };

struct site {
    struct store_fixture f;
    struct random random;
    size_t written; /* rows of the world */
};

static bool chance(struct random *r, unsigned percent) { return random_below(r, 100) < percent; }

struct sent {
    struct submission s; /* first: the letter is its first member */
    bool done;
};
static void sent_done(struct letter *l) { ((struct sent *)l)->done = true; }

static void submit(struct store_fixture *f, struct str bytes) {
    struct sent sent = { .s = { .done.open = sent_done, .mailbox = &f->box, .blocks = &bytes, .block_count = 1 } };
    CHECK_OK(queue_submit(store_queue(f->store), &sent.s));
    while (!sent.done && queue_step(store_queue(f->store)))
        (void)mailbox_drain(&f->box);
    (void)mailbox_drain(&f->box);
    CHECK(sent.done && sent.s.result == ERR_OK);
}

/* Rows up to `to`, in blocks of random sizes. */
static void write_rows(struct site *s, const struct world *w, size_t to) {
    static const uint32_t pages[] = { 0, 0, 0, 64, 512, 1000 };
    struct store_fixture *f = &s->f;
    while (s->written < to) {
        size_t most = 1 + random_below(&s->random, chance(&s->random, 30) ? 200 : chance(&s->random, 50) ? 3000 : 20000);
        struct block_build_options o = { .table = TABLE_LOGS, .page_rows = pages[random_below(&s->random, COUNT_OF(pages))] };
        for (size_t n = 0; n < most && s->written < to; n++)
            world_put(w, &w->rows.p[s->written++], &f->batch);
        block_builder_start(f->builder, &o, &f->batch, NULL, f->batch.rows.n);
        submit(f, block_builder_finish(f->builder));
        batch_clear(&f->batch);
    }
}

struct removal {
    bool wanted;
    struct str text;
    struct node *filter;
    int64_t from_ns, to_ns;
};

static void remove_rows(struct site *s, const struct removal *d) {
    if (d->wanted)
        CHECK_OK(store_delete(s->f.store, TABLE_LOGS, d->text, d->from_ns, d->to_ns, &s->f.why));
}

static void site_open(struct site *s, const struct world *w, const struct removal *d, enum stage_of_life life) {
    random_init(&s->random, run.seed ^ w->rows.n * (uint64_t)0x9e3779b97f4a7c15 ^ life);
    s->written = 0;
    fixture_temp(&s->f);
    s->f.config.delete_match = query_delete_match;
    CHECK_OK(fixture_open(&s->f));
    size_t half = random_below(&s->random, w->rows.n + 1);
    struct store *store = s->f.store;
    if (life != LIFE_LIVE) {
        write_rows(s, w, half);
        CHECK_OK(store_flush(store, &s->f.why));
        if (life != LIFE_FLUSHED && chance(&s->random, 50))
            CHECK_OK(store_merge(store, &s->f.why));
    }
    write_rows(s, w, w->rows.n);
    remove_rows(s, d);
    bool stays_live = life == LIFE_LIVE || (life != LIFE_MERGED && chance(&s->random, 40));
    if (!stays_live)
        CHECK_OK(store_flush(store, &s->f.why));
    if (life >= LIFE_MERGED)
        CHECK_OK(store_merge(store, &s->f.why));
    if (life == LIFE_REOPENED || (life == LIFE_LIVE && chance(&s->random, 40)))
        fixture_reopen(&s->f);
}

/* ---- asking ---- */

struct got {
    struct arena mem;
    VEC(struct naive_record) records;
};

static enum err take_row(void *ctx, const struct query_row *row) {
    struct got *g = ctx;
    struct naive_record r = { NULL, ARENA_NEW(&g->mem, struct naive_cell, row->count + 1), row->count };
    for (size_t i = 0; i < row->count; i++) {
        r.cells[i].value = row->values[i];
        CHECK_OK(arena_dup(&g->mem, row->names[i], &r.cells[i].name));
        if (value_has_bytes(row->values[i].type))
            CHECK_OK(arena_dup(&g->mem, row->values[i].s, &r.cells[i].value.s));
    }
    VEC_PUSH(&g->records, r);
    return ERR_OK;
}

struct asked {
    struct got got;
    struct query_stats stats; /* of the last page */
    enum err err;
    struct err_text why;
    size_t pages;
};

static void ask(struct site *s, const struct question *q, const struct query *query, struct asked *a) {
    char cursor[sizeof a->stats.cursor] = "";
    struct query_sink sink = { take_row, &a->got };
    struct query_request r = { .query = query, .time_from_ns = q->from_ns, .time_to_ns = q->to_ns, .limit = q->limit };
    do {
        r.cursor = str_of(cursor);
        a->why.msg[0] = '\0';
        a->err = query_run(s->f.store, run.pool, &r, &sink, &a->stats, &a->why);
        memcpy(cursor, a->stats.cursor, sizeof cursor);
    } while (a->err == ERR_OK && q->paged && cursor[0] && ++a->pages < PAGES_MAX + 5);
}

/* ---- comparing ---- */

static bool is_number(enum value_type t) { return t == VALUE_INT || t == VALUE_FLOAT || t == VALUE_NUMBER_TEXT; }

static bool same_number(const struct value *a, const struct value *b) {
    double x, y;
    if (a->type == VALUE_INT && b->type == VALUE_INT)
        return a->i == b->i;
    if (!value_number(a, &x) || !value_number(b, &y))
        return a->type == b->type && str_eq(a->s, b->s);
    return fabs(x - y) <= 1e-9 * fmax(fabs(x), fabs(y));
}

static bool same_value(const struct value *a, const struct value *b);

struct elements {
    struct arena mem;
    VEC(struct value) list;
};
static bool gather_element(void *ctx, const struct value *v) {
    struct elements *e = ctx;
    struct value copy = *v;
    if (value_has_bytes(v->type))
        CHECK_OK(arena_dup(&e->mem, v->s, &copy.s));
    VEC_PUSH(&e->list, copy);
    return false;
}

/* [1.50] is [1.5]. */
static bool same_array(const struct value *a, const struct value *b) {
    struct elements x = { 0 }, y = { 0 };
    bool arrays = a->s.n && b->s.n && a->s.p[0] == '[' && b->s.p[0] == '[';
    if (!arrays)
        return false;
    (void)value_any_element(a, gather_element, &x);
    (void)value_any_element(b, gather_element, &y);
    bool same = x.list.n == y.list.n;
    for (size_t i = 0; same && i < x.list.n; i++)
        same = same_value(&x.list.p[i], &y.list.p[i]);
    VEC_FINI(&x.list);
    VEC_FINI(&y.list);
    arena_fini(&x.mem);
    arena_fini(&y.mem);
    return same;
}

static bool same_value(const struct value *a, const struct value *b) {
    if (is_number(a->type) && is_number(b->type))
        return same_number(a, b);
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case VALUE_BOOL: return a->b == b->b;
    case VALUE_TIME: return a->i == b->i;
    case VALUE_JSON: return str_eq(a->s, b->s) || same_array(a, b);
    default: return str_eq(a->s, b->s);
    }
}

static int by_name(const void *a, const void *b) {
    return str_cmp(((const struct naive_cell *)a)->name, ((const struct naive_cell *)b)->name);
}

static bool same_record(struct naive_record *want, struct naive_record *got, bool in_order) {
    if (want->count != got->count)
        return false;
    if (!in_order && want->count) {
        qsort(want->cells, want->count, sizeof *want->cells, by_name);
        qsort(got->cells, got->count, sizeof *got->cells, by_name);
    }
    for (size_t i = 0; i < want->count; i++)
        if (!str_eq(want->cells[i].name, got->cells[i].name) || !same_value(&want->cells[i].value, &got->cells[i].value))
            return false;
    return true;
}

/* The last command that says so says in which order columns come. */
static bool columns_in_order(const struct question *q) {
    for (size_t i = q->command_count; i-- > 0;)
        switch (q->commands[i].kind) {
        case COMMAND_FIELDS:
        case COMMAND_STATS:
        case COMMAND_TOP:
        case COMMAND_RARE: return true;
        case COMMAND_EVAL:
        case COMMAND_RENAME:
        case COMMAND_FILLNULL:
        case COMMAND_DROP: return false;
        default: break;
        }
    return false;
}

static void print_record(const struct naive_record *r) {
    for (size_t i = 0; i < r->count; i++) {
        AUTO(buf) b = { 0 };
        value_print(&r->cells[i].value, &b);
        printf(" " STR_FMT "=%d:" STR_FMT, STR_ARG(r->cells[i].name), (int)r->cells[i].value.type,
               (int)(b.n < 150 ? b.n : 150), b.p);
    }
    printf("\n");
}

struct world_of_test {
    struct world world;
    uint64_t number;
    struct site sites[LIFE_COUNT];
    struct removal removal;
    bool *live;
};

static void print_question(const struct world_of_test *t, const struct question *q, enum stage_of_life life) {
    printf("\nWRONG: seed %llu, world %llu of %zu rows (%s), %s\n  query: " STR_FMT "\n", (unsigned long long)run.seed,
           (unsigned long long)t->number, t->world.rows.n, t->world.wide ? "wide" : "narrow", life_names[life], STR_ARG(q->text));
    printf("  from %lld to %lld limit %llu%s\n", (long long)q->from_ns, (long long)q->to_ns, (unsigned long long)q->limit,
           q->paged ? " paged" : "");
    if (t->removal.wanted)
        printf("  deleted: " STR_FMT "\n", STR_ARG(t->removal.text));
}

/* A question that is answered wrongly in every stage is told once. */
static bool print_wrong(const struct world_of_test *t, const struct question *q, enum stage_of_life life) {
    bool again = run.last_wrong == run.asked;
    run.last_wrong = run.asked;
    run.wrong++;
    if (again)
        printf("  ... and %s\n", life_names[life]);
    if (again || ++run.shown > run.show)
        return false;
    print_question(t, q, life);
    return true;
}

/* As many as the request allows, unless all pages were read. */
static size_t wanted_count(const struct question *q, const struct naive_answer *want) {
    size_t n = want->records.n;
    return q->limit && !q->paged && n > q->limit ? (size_t)q->limit : n;
}

/* What the answer says of itself. Empty when that is right. */
static struct err_text wrong_counts(const struct question *q, const struct naive_answer *want, const struct asked *a) {
    struct err_text wrong = { .msg = "" };
    bool cut = q->limit && !q->paged && want->records.n > q->limit;
    bool all_read = !q->limit;
    for (size_t i = 0; i < q->command_count; i++)
        all_read = all_read && q->commands[i].kind != COMMAND_LIMIT;
    if (a->stats.cut != cut && !(a->stats.cut && strstr(a->stats.cut_by, "_max")))
        ERR_IGNORE(err_say(&wrong, ERR_INVALID, "cut is %d, by '%s', should be %d", a->stats.cut, a->stats.cut_by, cut), "words");
    else if (all_read && a->stats.rows_matched != want->matched)
        ERR_IGNORE(err_say(&wrong, ERR_INVALID, "%llu rows matched, should be %zu", (unsigned long long)a->stats.rows_matched,
                           want->matched),
                   "words");
    return wrong;
}

/* The number of rows that are right. */
static size_t same_rows(const struct question *q, struct naive_answer *want, struct asked *a) {
    size_t n = wanted_count(q, want), i = 0;
    bool in_order = columns_in_order(q);
    while (i < n && i < a->got.records.n && same_record(&want->records.p[i], &a->got.records.p[i], in_order))
        i++;
    return i;
}

static bool is_right(const struct question *q, struct naive_answer *want, struct asked *a) {
    return a->err == ERR_OK && wanted_count(q, want) == a->got.records.n && same_rows(q, want, a) == a->got.records.n &&
           !wrong_counts(q, want, a).msg[0];
}

static void print_difference(const struct question *q, struct naive_answer *want, struct asked *a) {
    size_t n = wanted_count(q, want), i = same_rows(q, want, a);
    printf("  %s: %s %s\n", err_name(a->err), a->why.msg, wrong_counts(q, want, a).msg);
    printf("  %zu rows wanted, %zu got; the first %zu are the same\n", n, a->got.records.n, i);
    for (size_t k = i; k < i + 3 && k < n; k++) {
        printf("  want:");
        print_record(&want->records.p[k]);
    }
    for (size_t k = i; k < i + 3 && k < a->got.records.n; k++) {
        printf("  got: ");
        print_record(&a->got.records.p[k]);
    }
}

/* ---- smaller questions ---- */

/* Asks it; when the answer is wrong, `say` prints the difference. */
static bool is_wrong(struct world_of_test *t, struct question *q, enum stage_of_life life, bool say) {
    struct query_context c = { t->world.now_ns, TABLE_LOGS };
    struct asked a = { .err = ERR_OK };
    struct naive_answer want;
    struct query *query;
    AUTO(arena) mem;
    arena_init(&mem, 0);
    if (query_parse(q->text, &c, NULL, &query) != ERR_OK)
        return false;
    naive_answer(&t->world, t->live, q, &mem, &want);
    ask(&t->sites[life], q, query, &a);
    bool wrong = !want.unsure && !is_right(q, &want, &a);
    if (wrong && say) {
        printf("  smaller: " STR_FMT "\n", STR_ARG(q->text));
        print_difference(q, &want, &a);
    }
    naive_answer_fini(&want);
    VEC_FINI(&a.got.records);
    arena_fini(&a.got.mem);
    query_free(query);
    return wrong;
}

/* The same question but for its filter and the number of its commands: still wrong? Then it takes the place of the larger one. */
static bool try_smaller(struct world_of_test *t, struct question *q, struct node *filter, size_t commands,
                        enum stage_of_life life) {
    struct question smaller = *q;
    smaller.filter = filter;
    smaller.command_count = commands;
    for (uint64_t way = 0; way < 6; way++) {
        struct random r;
        AUTO(buf) text = { 0 };
        random_init(&r, way);
        question_print(&smaller, way ? &r : NULL, &text);
        CHECK_OK(arena_dup(&t->world.mem, buf_str(&text), &smaller.text));
        if (is_wrong(t, &smaller, life, false)) {
            *q = smaller;
            return true;
        }
    }
    return false;
}

static void print_smallest(struct world_of_test *t, const struct question *larger, enum stage_of_life life) {
    struct question q = *larger;
    q.limit = 0;
    q.paged = false;
    bool shrunk = true;
    while (shrunk) {
        shrunk = q.command_count && try_smaller(t, &q, q.filter, q.command_count - 1, life);
        for (size_t i = 0; i < q.filter->arg_count && !shrunk && q.filter->kind >= NODE_AND && q.filter->kind <= NODE_NOT; i++)
            shrunk = try_smaller(t, &q, q.filter->args[i], q.command_count, life);
    }
    (void)is_wrong(t, &q, life, true);
}

static void check_answer(struct world_of_test *t, const struct question *q, struct naive_answer *want, struct asked *a,
                         enum stage_of_life life) {
    if (is_right(q, want, a) || !print_wrong(t, q, life))
        return;
    print_difference(q, want, a);
    print_smallest(t, q, life);
}

/* ---- one world ---- */

static void ask_all(struct world_of_test *t, const struct question *q, const struct query *query, struct naive_answer *want) {
    for (unsigned life = 0; life < LIFE_COUNT; life++) {
        struct asked a = { .err = ERR_OK };
        ask(&t->sites[life], q, query, &a);
        check_answer(t, q, want, &a, (enum stage_of_life)life);
        run.answers++;
        VEC_FINI(&a.got.records);
        arena_fini(&a.got.mem);
    }
}

static void one_question(struct world_of_test *t, struct random *r) {
    AUTO(arena) mem;
    arena_init(&mem, 0);
    struct question *q = question_make(&t->world, r, &mem);
    struct query_context c = { t->world.now_ns, TABLE_LOGS };
    struct query_error mistake;
    struct query *query;
    struct naive_answer want;
    run.asked++;
    if (getenv("SONDE_ORACLE_PRINT"))
        printf(STR_FMT "\n", STR_ARG(q->text));
    if (query_parse(q->text, &c, &mistake, &query) != ERR_OK) {
        if (print_wrong(t, q, LIFE_LIVE))
            printf("  does not parse: at %zu: %s\n", mistake.offset, mistake.msg);
        return;
    }
    if (q->paged && !query_is_streaming(query))
        q->paged = false;
    naive_answer(&t->world, t->live, q, &mem, &want);
    if (q->paged && q->limit < want.records.n / PAGES_MAX + 1)
        q->limit = want.records.n / PAGES_MAX + 1;
    run.not_empty += want.records.n > 0;
    run.unsure += want.unsure;
    if (!want.unsure)
        ask_all(t, q, query, &want);
    naive_answer_fini(&want);
    query_free(query);
}

static void make_removal(struct world_of_test *t, struct random *r) {
    struct removal *d = &t->removal;
    AUTO(buf) text = { 0 };
    *d = (struct removal){ .wanted = chance(r, 35), .from_ns = INT64_MIN, .to_ns = INT64_MAX };
    t->live = ARENA_NEW(&t->world.mem, bool, t->world.rows.n);
    d->filter = question_make_filter(&t->world, r, &t->world.mem, 2);
    if (chance(r, 40))
        d->from_ns = t->world.rows.p[random_below(r, t->world.rows.n)].time_ns;
    question_print_filter(d->filter, r, &text);
    CHECK_OK(arena_dup(&t->world.mem, buf_str(&text), &d->text));
    for (size_t i = 0; i < t->world.rows.n; i++) {
        const struct world_row *row = &t->world.rows.p[i];
        struct naive_subject s = { &t->world, row, NULL, &t->world.mem };
        t->live[i] = !d->wanted || row->time_ns < d->from_ns || !naive_truth(d->filter, &s);
    }
}

static size_t world_rows(struct random *r, uint64_t number) {
    if (number % 5 == 1)
        return 20000 + random_below(r, 15000);
    return number % 5 == 3 ? 1 + random_below(r, 300) : 500 + random_below(r, 5000);
}

static void one_world(uint64_t number, size_t questions) {
    struct world_of_test *t = calloc(1, sizeof *t);
    struct random r;
    random_init(&r, run.seed * 1000003 + number);
    t->number = number;
    world_init(&t->world, random_u64(&r), world_rows(&r, number), 1700000000ll * 1000000000);
    make_removal(t, &r);
    for (unsigned life = 0; life < LIFE_COUNT; life++)
        site_open(&t->sites[life], &t->world, &t->removal, (enum stage_of_life)life);
    for (size_t i = 0; i < questions; i++)
        one_question(t, &r);
    for (unsigned life = 0; life < LIFE_COUNT; life++)
        fixture_fini(&t->sites[life].f);
    world_fini(&t->world);
    free(t);
}

TEST(every_answer_is_the_plain_one_in_every_stage_of_a_rows_life) {
    size_t left = (size_t)number_of_env("SONDE_ORACLE_QUERIES", QUESTIONS_DEFAULT);
    uint64_t first = number_of_env("SONDE_ORACLE_WORLD", 0);
    run.seed = number_of_env("SONDE_SEED", 1);
    run.show = (size_t)number_of_env("SONDE_ORACLE_SHOW", 5);
    run.pool = query_pool_new(THREADS);
    print_message("SONDE_SEED=%llu, %zu questions\n", (unsigned long long)run.seed, left);
    for (uint64_t world = first; left; world++) {
        size_t n = left < QUESTIONS_OF_WORLD ? left : QUESTIONS_OF_WORLD;
        one_world(world, n);
        left -= n;
    }
    query_pool_free(run.pool);
    print_message("%zu questions, %zu answers, %zu questions with rows, %zu unsure, %zu wrong\n", run.asked, run.answers,
                  run.not_empty, run.unsure, run.wrong);
    CHECK(run.wrong == 0);
    CHECK(run.not_empty * 10 >= run.asked * 6);
}

TEST_MAIN(RUN(every_answer_is_the_plain_one_in_every_stage_of_a_rows_life))
