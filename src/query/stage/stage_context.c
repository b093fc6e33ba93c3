#include "query/stage/context.h"
/*
 * context [before N] [after M], context N: each match with the N rows before and the M rows after it in its
 * stream, merged, newest first. Matches have `@match` = true. exec_context.c finds the rows; here they are
 * marked.
 */
enum { ROWS_MAX = 1000 };

static bool parse_side(struct parser *p, const char *word, uint64_t *out, bool *any) {
    if (!parser_take_word(p, word))
        return true;
    *any = true;
    if (!parser_uint(p, out))
        return false;
    return *out <= ROWS_MAX || parser_fail(p, "at most %d rows", ROWS_MAX);
}

static bool parse(struct parser *p, void **out_args) {
    struct context_args *a = ARENA_NEW(parser_mem(p), struct context_args, 1);
    bool any = false;
    if (!a)
        return parser_fail(p, "the query is too large");
    *out_args = a;
    if (parser_at_number(p)) {
        if (!parser_uint(p, &a->before))
            return false;
        a->after = a->before;
        return a->before <= ROWS_MAX || parser_fail(p, "at most %d rows", ROWS_MAX);
    }
    if (!parse_side(p, "before", &a->before, &any) || !parse_side(p, "after", &a->after, &any) ||
        !parse_side(p, "before", &a->before, &any))
        return false;
    return any || parser_fail(p, "expected before N, after N or both");
}

struct context {
    struct exec_op op;
    const struct exec_name *match;
};

static bool is_match(const struct exec *x, const struct exec_key *key) {
    size_t low = 0, high = x->match_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (exec_key_order(&x->matches[mid], key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < x->match_count && exec_key_order(&x->matches[low], key) == 0;
}

static enum err push(struct exec_op *op, const struct exec_record *r) {
    if (!is_match(op->exec, &r->key))
        return exec_push(op->next, r);
    struct exec_cell *cells = ARENA_RAW(op->scratch, struct exec_cell, r->count + 1);
    struct exec_record out = *r;
    if (!cells)
        return exec_spent(op->exec);
    if (r->count)
        memcpy(cells, r->cells, r->count * sizeof *cells);
    cells[out.count++] = (struct exec_cell){ ((struct context *)op)->match, value_bool(true) };
    out.cells = cells;
    return exec_push(op->next, &out);
}

static const struct exec_op_kind kind = { .push = push };

static enum err open(const struct exec_scope *s, const void *args, struct exec_op **out) {
    (void)args;
    struct context *c = exec_op_new(s, &kind, sizeof *c);
    *out = &c->op;
    c->match = exec_intern(s->exec, STR("@match"));
    return c->match ? ERR_OK : exec_spent(s->exec);
}

static const struct stage_exec exec = { .shape = EXEC_SOURCE, .open = open };

const struct stage_kind stage_context = {
    .name = "context",
    .help = "context [before N] [after M]: matches with the rows around them in their streams",
    .parse = parse,
    .exec = &exec,
};
