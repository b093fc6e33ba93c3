#include "base/heap.h"
#include "query/parser_state.h"
#include "query/query.h"
#include "query/stage/stage.h"
#include <stdio.h>
/* Whole queries: a filter, then commands. The plan keeps everything in one arena, the text included. */
enum { STAGES_MAX = 64 };

struct query {
    struct arena mem;
    struct parser_owned owned;
    struct query_plan plan;
    struct stage stages[STAGES_MAX];
};

static const char *stage_names(size_t i) {
    if (i >= 2 * stage_kind_count())
        return NULL;
    const struct stage_kind *kind = stage_kind_at(i / 2);
    return i % 2 == 0 ? kind->name : kind->aliases ? kind->aliases : "";
}

static struct str next_word(struct parser *p) {
    parser_peek(p);
    size_t end = lex_letters(p->text, p->pos);
    return (struct str){ p->text.p + p->pos, end - p->pos };
}

/* The first word of a query is a command when it names one, unless it is plainly something else: a field, or
 * part of a longer word. */
static bool starts_with_command(struct parser *p) {
    struct str word = next_word(p);
    size_t end = p->pos + word.n;
    char next = lex_at(p->text, end);
    bool call = next == '(' && fn_find(word);
    return word.n && !call && next != ':' && lex_word(p->text, p->pos, false) == end &&
           !parser_comparison_at(p->text, lex_space(p->text, end)) && stage_find(word);
}

static const struct stage_kind *need_kind(struct parser *p) {
    struct str word = next_word(p);
    const struct stage_kind *kind = stage_find(word);
    if (kind) {
        p->pos += word.n;
        return kind;
    }
    if (word.n == 0) {
        parser_fail(p, "expected a command, such as stats, sort or limit");
        return NULL;
    }
    const char *near = parser_suggest(p, word, stage_names);
    parser_fail_at(p, p->pos, word.n, "unknown command '" STR_FMT "'%s%s%s", STR_ARG(word),
                   near ? "; did you mean '" : "", near ? near : "; to filter rows, write filter before it",
                   near ? "'?" : "");
    return NULL;
}

static bool is_filter(const struct stage_kind *kind) {
    return str_eq(str_of(kind->name), STR("filter"));
}

/* Filters that come before any other command belong to the scan. */
static bool add_filter(struct parser *p, const struct expr **filter) {
    struct expr *more = parser_filter(p);
    struct expr *both[] = { (struct expr *)(uintptr_t)*filter, more };
    if (more)
        *filter = parser_join(p, EXPR_AND, both[0]->offset, both, 2);
    return more && *filter;
}

static bool parse_stage(struct parser *p, struct query *q) {
    const struct stage_kind *kind = need_kind(p);
    if (!kind)
        return false;
    if (q->plan.stage_count == 0 && is_filter(kind))
        return add_filter(p, &q->plan.filter);
    if (q->plan.stage_count == STAGES_MAX)
        return parser_fail(p, "more than %d commands", STAGES_MAX);
    struct stage *s = &q->stages[q->plan.stage_count];
    s->kind = kind;
    if (!kind->parse(p, &s->args))
        return p->failed ? false : parser_fail(p, "%s: this cannot be understood", kind->name);
    q->plan.stage_count++;
    return parser_at_end(p) ? !p->failed : parser_fail(p, "expected '|' or the end after %s", kind->name);
}

/* "limit exceeded" was perhaps meant to be searched for. */
static bool hint_at_word(struct parser *p, struct str word) {
    size_t n = strlen(p->why->msg);
    (void)snprintf(p->why->msg + n, sizeof p->why->msg - n,
                   "; to search for the word '" STR_FMT "', quote it", STR_ARG(word));
    return false;
}

static bool parse_all(struct parser *p, struct query *q) {
    q->plan.filter = parser_node(p, EXPR_ALL, 0);
    if (starts_with_command(p)) {
        struct str word = next_word(p);
        if (!parse_stage(p, q))
            return hint_at_word(p, word);
    } else if (!parser_at_end(p) && !add_filter(p, &q->plan.filter)) {
        return false;
    }
    while (!p->failed && parser_take_symbol(p, "|"))
        if (!parse_stage(p, q))
            return false;
    return !p->failed && q->plan.filter;
}

/* ---- time ---- */

static void narrow_from(struct query_plan *plan, int64_t ns) {
    if (ns > plan->time_from_ns)
        plan->time_from_ns = ns;
}

static void narrow_to(struct query_plan *plan, int64_t ns) {
    if (ns < plan->time_to_ns)
        plan->time_to_ns = ns;
}

static int64_t after(int64_t ns) {
    return ns == INT64_MAX ? ns : ns + 1;
}

static void narrow(struct query_plan *plan, enum expr_op op, int64_t ns) {
    if (op == OP_EQ || op == OP_GE)
        narrow_from(plan, ns);
    if (op == OP_GT)
        narrow_from(plan, after(ns));
    if (op == OP_LT)
        narrow_to(plan, ns);
    if (op == OP_EQ || op == OP_LE)
        narrow_to(plan, after(ns));
}

static void narrow_by(struct query_plan *plan, const struct expr *e) {
    static const struct str timestamp = { "@timestamp", 10 };
    if (e->kind == EXPR_RANGE && str_eq(e->name, timestamp)) {
        if (e->literal.type == VALUE_TIME)
            narrow(plan, e->low_open ? OP_GT : OP_GE, e->literal.i);
        if (e->high.type == VALUE_TIME)
            narrow(plan, e->high_open ? OP_LT : OP_LE, e->high.i);
    }
    bool compare =
        e->kind == EXPR_COMPARE && e->args[0]->kind == EXPR_FIELD && str_eq(e->args[0]->name, timestamp);
    if (compare && e->args[1]->kind == EXPR_LITERAL && e->args[1]->literal.type == VALUE_TIME)
        narrow(plan, e->op, e->args[1]->literal.i);
}

static void narrow_time(struct query_plan *plan) {
    const struct expr *e = plan->filter;
    if (e->kind != EXPR_AND)
        narrow_by(plan, e);
    for (size_t i = 0; e->kind == EXPR_AND && i < e->arg_count; i++)
        narrow_by(plan, e->args[i]);
}

/* ---- the contract ---- */

static enum err parse_into(struct query *q, struct str text, const struct query_context *c,
                           struct query_error *why) {
    AUTO(parser) p;
    struct str kept;
    parser_init(&p, text, c, &q->mem, why);
    if (text.n > QUERY_BYTES_MAX) {
        parser_fail_at(&p, QUERY_BYTES_MAX, text.n - QUERY_BYTES_MAX, "a query of more than %d KiB",
                       QUERY_BYTES_MAX >> 10);
        return ERR_INVALID;
    }
    if (arena_dup(&q->mem, text, &kept) != ERR_OK)
        return parser_out_of_memory(&p) ? ERR_OK : ERR_INVALID;
    p.text = kept;
    q->plan = (struct query_plan){ .stages = q->stages,
                                   .time_from_ns = INT64_MIN,
                                   .time_to_ns = INT64_MAX,
                                   .now_ns = c->now_ns,
                                   .table = c->table,
                                   .mem = &q->mem };
    if (!parse_all(&p, q))
        return ERR_INVALID;
    narrow_time(&q->plan);
    q->owned = p.owned;
    p.owned = (struct parser_owned){ 0 };
    return ERR_OK;
}

enum err query_parse(struct str text, const struct query_context *c, struct query_error *why,
                     struct query **out) {
    struct query_error ignored;
    struct query *q = HEAP_NEW(struct query);
    arena_init(&q->mem, QUERY_MEMORY_MAX);
    enum err err = parse_into(q, text, c, why ? why : &ignored);
    if (err == ERR_OK)
        *out = q;
    else
        query_free(q);
    return err;
}

void query_free(struct query *q) {
    if (!q)
        return;
    parser_owned_fini(&q->owned);
    arena_fini(&q->mem);
    heap_free(q);
}

bool query_is_filter(const struct query *q) {
    return q->plan.stage_count == 0;
}

bool query_is_streaming(const struct query *q) {
    for (size_t i = 0; i < q->plan.stage_count; i++)
        if (!q->plan.stages[i].kind->streaming)
            return false;
    return true;
}

const struct query_plan *query_plan(const struct query *q) {
    return &q->plan;
}
