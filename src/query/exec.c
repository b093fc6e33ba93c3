#include "base/heap.h"
#include "query/exec_run.h"
#include "query/pool.h"
#include <stdio.h>

/* ---- positions ---- */

void exec_position_next(struct exec_position *p, const struct exec_key *key) {
    bool same = p->set && p->time_ns == key->time_ns && id128_eq(p->stream, key->stream);
    *p = (struct exec_position){ true, key->time_ns, key->stream, same ? p->count + 1 : 1 };
}

void exec_position_print(const struct exec_position *p, char *out, size_t size) {
    (void)snprintf(out, size, "1-%016llx-%016llx%016llx-%llx", (unsigned long long)p->time_ns,
                   (unsigned long long)p->stream.hi, (unsigned long long)p->stream.lo,
                   (unsigned long long)p->count);
}

static bool hex_part(struct str *text, size_t digits, uint64_t *out) {
    uint64_t v = 0;
    if (text->n < digits || digits == 0 || digits > 16)
        return false;
    for (size_t i = 0; i < digits; i++) {
        char c = text->p[i];
        if (!ascii_digit(c) && !(c >= 'a' && c <= 'f'))
            return false;
        v = v << 4 | (uint64_t)(ascii_digit(c) ? c - '0' : c - 'a' + 10);
    }
    *text = str_skip(*text, digits);
    *out = v;
    return true;
}

static bool take(struct str *text, const char *what) {
    bool there = str_starts(*text, str_of(what));
    if (there)
        *text = str_skip(*text, strlen(what));
    return there;
}

enum err exec_position_parse(struct str text, struct exec_position *out, struct err_text *why) {
    uint64_t time, hi, lo, count;
    if (text.n > 128 || !take(&text, "1-") || !hex_part(&text, 16, &time) || !take(&text, "-") ||
        !hex_part(&text, 16, &hi) || !hex_part(&text, 16, &lo) || !take(&text, "-") ||
        !hex_part(&text, text.n, &count) || count > UINT32_MAX)
        return err_say(why, ERR_INVALID, "this is not a cursor of an earlier answer");
    *out = (struct exec_position){ true, (int64_t)time, { hi, lo }, count };
    return ERR_OK;
}

/* ---- the end of the pipe ---- */

static enum err give_row(struct exec_out *o, const struct exec_record *r) {
    o->names.n = o->values.n = 0;
    for (size_t i = 0; i < r->count; i++) {
        const struct value *v = &r->cells[i].value;
        if (r->cells[i].hidden || (v->type == VALUE_FLOAT && !__builtin_isfinite(v->f)))
            continue;
        VEC_PUSH(&o->names, r->cells[i].name->text);
        VEC_PUSH(&o->values, *v);
    }
    o->rows++;
    if (o->at)
        o->last = *o->at;
    o->refused = o->sink->row(o->sink->ctx, &(struct query_row){ o->names.p, o->values.p, o->names.n });
    return o->refused;
}

static enum err out_push(struct exec_op *op, const struct exec_record *r) {
    struct exec_out *o = (struct exec_out *)op;
    struct exec *x = op->exec;
    struct err_text why;
    if (o->limit && o->rows == o->limit) {
        o->more = true;
        op->full = true;
        exec_cut(x, "limit");
        return ERR_OK;
    }
    if (x->budget.limits.rows_out && o->rows == x->budget.limits.rows_out)
        return budget_fail(&x->budget,
                           err_say(&why, ERR_LIMIT, "query.rows_out: the answer has more than %llu rows",
                                   (unsigned long long)o->rows),
                           &why);
    return give_row(o, r);
}

static void out_free(struct exec_op *op) {
    struct exec_out *o = (struct exec_out *)op;
    VEC_FINI(&o->names);
    VEC_FINI(&o->values);
}

static const struct exec_op_kind out_kind = { .push = out_push, .free = out_free };

struct exec_out *exec_out_new(struct exec *x, const struct query_request *r, const struct query_sink *sink) {
    struct exec_scope scope = { .exec = x };
    struct exec_out *o = exec_op_new(&scope, &out_kind, sizeof *o);
    o->sink = sink;
    o->limit = r->limit;
    return o;
}

/* ---- planning ---- */

/* The first command that is not row by row; stage_count when all are. */
static size_t first_not_local(const struct query_plan *p) {
    size_t i = 0;
    while (i < p->stage_count && p->stages[i].kind->exec->shape == EXEC_LOCAL)
        i++;
    return i;
}

/* Time ranges that became the plan's need not be looked at row by row again. */
static bool is_plan_time(const struct expr *e) {
    bool time = false;
    if (e->kind == EXPR_RANGE && str_eq(e->name, STR("@timestamp")))
        time = (e->literal.type == VALUE_TIME || e->literal.type == VALUE_NULL) &&
               (e->high.type == VALUE_TIME || e->high.type == VALUE_NULL);
    if (e->kind == EXPR_COMPARE && e->args[0]->kind == EXPR_FIELD &&
        str_eq(e->args[0]->name, STR("@timestamp")))
        time = e->args[1]->kind == EXPR_LITERAL && e->args[1]->literal.type == VALUE_TIME && e->op != OP_NE;
    return time;
}

static enum err compile_filter(struct exec_scan *s) {
    const struct query_plan *plan = s->exec->plan;
    const struct expr *filter = plan->filter;
    const struct expr *const *parts = (const struct expr *const *)filter->args;
    size_t count = filter->kind == EXPR_AND ? filter->arg_count : 1, kept = 0;
    const struct expr **left = ARENA_NEW(&s->exec->names_mem, const struct expr *, count);
    if (!left)
        return exec_spent(s->exec);
    for (size_t i = 0; i < count; i++) {
        const struct expr *e = filter->kind == EXPR_AND ? parts[i] : filter;
        if (!is_plan_time(e))
            left[kept++] = e;
    }
    TRY(vector_filter_new(left, kept, plan->now_ns, &s->fields, &s->exec->names_mem, &s->filter));
    return ERR_OK;
}

static enum err plan_scan(struct exec_scan *s) {
    const struct query_plan *plan = s->exec->plan;
    s->needs.all = true;
    for (size_t i = plan->stage_count; i-- > 0;)
        if (plan->stages[i].kind->exec->needs)
            plan->stages[i].kind->exec->needs(plan->stages[i].args, &s->needs);
    TRY(compile_filter(s));
    if (plan->stage_count && plan->stages[0].kind->exec->fields)
        plan->stages[0].kind->exec->fields(plan->stages[0].args, &s->fields);
    return exec_build_plan(&s->build, s->exec, &s->needs, &s->fields);
}

enum err exec_scan_open(struct exec_scan *s, bool live_only, uint64_t after_position, struct err_text *why) {
    TRY(plan_scan(s));
    const struct query_plan *plan = s->exec->plan;
    struct source_options o = { .filter = s->filter,
                                .whole =
                                    plan->stage_count && plan->stages[0].kind->exec->shape == EXEC_SOURCE,
                                .fields = &s->fields,
                                .table = plan->table,
                                .time_from_ns = s->exec->time_from_ns,
                                .time_to_ns = s->exec->time_to_ns,
                                .now_ns = plan->now_ns,
                                .live_only = live_only,
                                .live_after_position = after_position };
    return source_open(&s->source, s->exec->store, &o, &s->exec->budget, why);
}

void exec_scan_close(struct exec_scan *s) {
    if (s->source.scan)
        source_close(&s->source);
    exec_build_fini(&s->build);
    exec_needs_fini(&s->needs);
    vector_filter_free(s->filter);
    vector_fields_fini(&s->fields);
}

/* How many rows surely suffice; a guess when commands drop rows. */
static uint64_t first_round(const struct exec *x, const struct query_request *r) {
    enum { GUESS = 1000 };
    uint64_t want = r->limit ? r->limit + 1 : GUESS;
    for (size_t i = 0; i < x->plan->stage_count; i++) {
        const struct stage *s = &x->plan->stages[i];
        if (s->kind->exec->rows_max) {
            uint64_t most = s->kind->exec->rows_max(s->args);
            return most && (!r->limit || most < want) ? most : want;
        }
        if (!s->kind->exec->keeps_rows)
            return want < GUESS ? GUESS : want;
    }
    return want;
}

/* ---- running ---- */

static enum err run_rows(struct exec_scan *s, const struct query_request *r, struct exec_out *out,
                         struct err_text *why) {
    struct exec_position at = { 0 };
    struct exec_rows_options o = { .first_round = first_round(s->exec, r), .at = &at };
    struct exec_chain chain;
    uint64_t fed;
    bool streaming = first_not_local(s->exec->plan) == s->exec->plan->stage_count;
    if (r->cursor.n)
        TRY(exec_position_parse(r->cursor, &o.from, why));
    if (r->cursor.n && !streaming)
        return err_say(why, ERR_INVALID, "only filters and row by row commands can go on from a cursor");
    at = o.from;
    out->at = streaming ? &at : NULL;
    enum err e = exec_chain_open(s->exec, 0, s->exec->plan->stage_count, NULL, &out->op, &chain);
    if (e == ERR_OK)
        e = exec_rows(s, &o, &chain, &fed);
    if (e == ERR_OK)
        e = exec_chain_end(&chain, 0);
    exec_chain_close(&chain);
    return e;
}

static enum err run_collect(struct exec_scan *s, size_t collector, struct exec_out *out) {
    struct exec_chain rest;
    enum err e = exec_chain_open(s->exec, collector + 1, s->exec->plan->stage_count, NULL, &out->op, &rest);
    if (e == ERR_OK)
        e = exec_collect(s, collector, &rest);
    if (e == ERR_OK)
        e = exec_chain_end(&rest, 0);
    exec_chain_close(&rest);
    return e;
}

static enum err run_context(struct exec_scan *s, struct exec_out *out) {
    struct exec_chain chain;
    enum err e = exec_chain_open(s->exec, 0, s->exec->plan->stage_count, NULL, &out->op, &chain);
    if (e == ERR_OK)
        e = exec_context(s, &chain);
    if (e == ERR_OK)
        e = exec_chain_end(&chain, 0);
    exec_chain_close(&chain);
    return e;
}

/* context changes what is scanned, so nothing may stand between it and the scan. */
static enum err check_context(const struct query_plan *plan, struct err_text *why) {
    for (size_t i = 1; i < plan->stage_count; i++)
        if (plan->stages[i].kind->exec->shape == EXEC_SOURCE)
            return err_say(why, ERR_INVALID, "%s must come right behind the filter",
                           plan->stages[i].kind->name);
    return ERR_OK;
}

static enum err run(struct exec_scan *s, const struct query_request *r, struct exec_out *out,
                    struct err_text *why) {
    const struct query_plan *plan = s->exec->plan;
    size_t i = first_not_local(plan);
    enum exec_shape shape = i < plan->stage_count ? plan->stages[i].kind->exec->shape : EXEC_SERIAL;
    TRY(check_context(plan, why));
    if (r->cursor.n && shape != EXEC_SERIAL)
        return err_say(why, ERR_INVALID, "only filters and row by row commands can go on from a cursor");
    if (shape == EXEC_COLLECT)
        return run_collect(s, i, out);
    if (shape == EXEC_SOURCE)
        return run_context(s, out);
    return run_rows(s, r, out, why);
}

void exec_fill_stats(const struct exec_scan *s, const struct exec_out *out, struct query_stats *stats) {
    struct exec *x = s->exec;
    struct budget *b = &x->budget;
    *stats = (struct query_stats){ .rows_scanned = b->rows_scanned,
                                   .rows_matched = b->rows_matched,
                                   .rows_out = out->rows,
                                   .bytes_scanned = b->bytes_scanned,
                                   .bytes_read = b->bytes_read,
                                   .parts_damaged = b->parts_damaged,
                                   .time_ns = clock_mono_ns(&clock_real) - b->started_ns,
                                   .approximate = b->approximate };
    if (s->source.scan) {
        const struct scan_counts *c = scan_counts(s->source.scan);
        uint64_t listed = scan_count(s->source.scan);
        stats->blocks = s->source.blocks_opened;
        stats->blocks_skipped = c->blocks_skipped_time + c->blocks_skipped_stream + c->blocks_skipped_word;
        stats->blocks_skipped += listed > stats->blocks ? listed - stats->blocks : 0;
        stats->parts_damaged += c->parts_damaged;
    }
    stats->cut = x->cut_by[0] != '\0';
    memcpy(stats->cut_by, x->cut_by, sizeof stats->cut_by);
    if (out->more && out->last.set)
        exec_position_print(&out->last, stats->cursor, sizeof stats->cursor);
}

/* The error that is told: the first one of any thread; the receiver's own; else what came back. */
enum err exec_result(struct exec *x, const struct exec_out *out, enum err e, struct err_text *why) {
    struct err_text ignored;
    enum err kept = budget_result(&x->budget, why ? why : &ignored);
    if (kept != ERR_OK)
        return kept;
    if (out->refused != ERR_OK)
        return why ? err_say(why, out->refused, "the receiver of the rows stopped") : out->refused;
    return e;
}

enum err query_run(struct store *store, struct query_pool *pool, const struct query_request *r,
                   const struct query_sink *sink, struct query_stats *out_stats, struct err_text *why) {
    AUTO(exec) x;
    struct err_text said = { .msg = "" };
    struct exec_scan scan = { .exec = &x };
    enum err e = exec_init(&x, r);
    x.store = store;
    x.pool = pool;
    struct exec_out *out = exec_out_new(&x, r, sink);
    if (e == ERR_OK)
        e = exec_scan_open(&scan, false, 0, &said);
    if (e == ERR_OK)
        e = run(&scan, r, out, &said);
    exec_fill_stats(&scan, out, out_stats);
    if (why && said.msg[0])
        *why = said;
    e = exec_result(&x, out, e, why);
    exec_scan_close(&scan);
    exec_op_free(&out->op);
    return e;
}
