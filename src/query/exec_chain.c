#include "base/assert.h"
#include "base/heap.h"
#include "query/exec.h"

enum { SCRATCH_BYTES_MAX = 64 << 20 };

void *exec_op_new(const struct exec_scope *s, const struct exec_op_kind *kind, size_t size_bytes) {
    struct exec_op *op = heap_alloc(size_bytes);
    op->kind = kind;
    op->exec = s->exec;
    op->scratch = s->scratch;
    arena_init(&op->mem, (size_t)s->exec->budget.limits.memory_bytes);
    return op;
}

void exec_op_free(struct exec_op *op) {
    if (!op)
        return;
    if (op->kind->free)
        op->kind->free(op);
    budget_give(&op->exec->budget, op->charged_bytes);
    arena_fini(&op->mem);
    heap_free(op);
}

bool exec_full(const struct exec_op *op) {
    while (op && !op->full && !op->kind->holds)
        op = op->next;
    return op && op->full;
}

enum err exec_charge(struct exec_op *op) {
    return budget_arena(&op->exec->budget, &op->mem, &op->charged_bytes);
}

enum err exec_release(struct exec_op *op, const struct exec_record *r) {
    enum err e = exec_push(op->next, r);
    arena_reset(op->scratch);
    return e;
}

enum err exec_make(struct exec_op *op, const struct exec_cell *cells, size_t count) {
    struct exec_cell *kept = ARENA_RAW(op->scratch, struct exec_cell, count + 1);
    struct exec_record r = { .key = { .time_ns = op->made++, .block = EXEC_MADE }, .cells = kept };
    if (!kept)
        return exec_spent(op->exec);
    for (size_t i = 0; i < count; i++) {
        const struct value *v = &cells[i].value;
        if (v->type != VALUE_NULL && !(v->type == VALUE_FLOAT && !__builtin_isfinite(v->f)))
            kept[r.count++] = cells[i];
    }
    return exec_release(op, &r);
}

enum err exec_chain_open(struct exec *x, size_t from, size_t to, const struct vector_fields *fields,
                         struct exec_op *last, struct exec_chain *out) {
    *out = (struct exec_chain){ .first = last, .ops = HEAP_ARRAY(struct exec_op *, to - from + 1) };
    arena_init(&out->scratch, SCRATCH_BYTES_MAX);
    for (size_t i = from; i < to; i++) {
        const struct stage *s = &x->plan->stages[i];
        struct exec_scope scope = { .exec = x,
                                    .fields = i == from ? fields : NULL,
                                    .scratch = &out->scratch,
                                    .stage = i,
                                    .in_order = last != NULL,
                                    .next = i + 1 < x->plan->stage_count ? s + 1 : NULL };
        enum err e = s->kind->exec->open(&scope, s->args, &out->ops[out->count]);
        out->count += out->ops[out->count] != NULL;
        TRY(e);
    }
    for (size_t i = 0; i < out->count; i++)
        out->ops[i]->next = i + 1 < out->count ? out->ops[i + 1] : last;
    if (out->count)
        out->first = out->ops[0];
    return ERR_OK;
}

void exec_chain_close(struct exec_chain *c) {
    for (size_t i = 0; i < c->count; i++)
        exec_op_free(c->ops[i]);
    heap_free(c->ops);
    arena_fini(&c->scratch);
    *c = (struct exec_chain){ 0 };
}

enum err exec_chain_end(struct exec_chain *c, size_t from) {
    for (size_t i = from; i < c->count; i++)
        if (c->ops[i]->kind->end)
            TRY(c->ops[i]->kind->end(c->ops[i]));
    return ERR_OK;
}
