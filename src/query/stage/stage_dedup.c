#include "base/hash.h"
#include "query/exec.h"
#include "query/vector_keys.h"
/*
 * dedup [N] [by] NAME, …: the first N rows (1) of each combination of values; rows come newest first, so the
 * newest. A row without the field counts as one value. Combinations are told apart by 128 bits of hash: at a
 * million of them the chance that any two are taken for one is 10^-27.
 */
enum { DEDUP_FIELDS_MAX = 64, KEY_BYTES_MAX = 16 << 20 };

struct dedup_args {
    uint64_t most;
    const struct expr **fields;
    size_t count;
};

static bool parse(struct parser *p, void **out_args) {
    struct dedup_args *a = ARENA_NEW(parser_mem(p), struct dedup_args, 1);
    if (a)
        a->fields = ARENA_NEW(parser_mem(p), const struct expr *, DEDUP_FIELDS_MAX);
    if (!a || !a->fields)
        return parser_fail(p, "the query is too large");
    a->most = 1;
    if (parser_at_number(p) && !parser_uint(p, &a->most))
        return false;
    (void)parser_take_word(p, "by");
    do {
        if (a->count == DEDUP_FIELDS_MAX)
            return parser_fail(p, "more than %d fields", DEDUP_FIELDS_MAX);
        a->fields[a->count] = parser_item(p);
        if (!a->fields[a->count++])
            return false;
    } while (parser_more(p));
    *out_args = a;
    return true;
}

struct slot {
    struct id128 key;
    uint64_t seen; /* 0: empty */
};
struct dedup {
    struct exec_op op;
    const struct dedup_args *args;
    struct exec_expr *exprs;
    struct slot *slots;
    size_t slot_count, count;
    struct buf key;
};

static struct slot *find(struct slot *slots, size_t slot_count, struct id128 key) {
    size_t at = key.lo & (slot_count - 1);
    while (slots[at].seen && !id128_eq(slots[at].key, key))
        at = (at + 1) & (slot_count - 1);
    return &slots[at];
}

static enum err grow(struct dedup *d) {
    size_t slot_count = d->slot_count ? d->slot_count * 2 : 256;
    struct slot *slots = ARENA_NEW(&d->op.mem, struct slot, slot_count);
    if (!slots)
        return exec_spent(d->op.exec);
    for (size_t i = 0; i < d->slot_count; i++)
        if (d->slots[i].seen)
            *find(slots, slot_count, d->slots[i].key) = d->slots[i];
    d->slots = slots;
    d->slot_count = slot_count;
    return exec_charge(&d->op);
}

static enum err push(struct exec_op *op, const struct exec_record *r) {
    struct dedup *d = (struct dedup *)op;
    if ((d->count + 1) * 2 > d->slot_count)
        TRY(grow(d));
    buf_clear(&d->key);
    for (size_t i = 0; i < d->args->count; i++) {
        struct value v = exec_expr_get(&d->exprs[i], r, op->scratch);
        vector_key_add(&v, &d->key);
    }
    struct id128 key = hash128(buf_str(&d->key));
    struct slot *s = find(d->slots, d->slot_count, key);
    d->count += s->seen == 0;
    s->key = key;
    return s->seen++ < d->args->most ? exec_push(op->next, r) : ERR_OK;
}

static void free_key(struct exec_op *op) {
    buf_fini(&((struct dedup *)op)->key);
}

static const struct exec_op_kind kind = { .push = push, .free = free_key };

static enum err open(const struct exec_scope *s, const void *args, struct exec_op **out) {
    struct dedup *d = exec_op_new(s, &kind, sizeof *d);
    *out = &d->op;
    d->args = args;
    d->key.limit_bytes = KEY_BYTES_MAX;
    d->exprs = ARENA_NEW(&d->op.mem, struct exec_expr, d->args->count);
    if (!d->exprs)
        return exec_spent(s->exec);
    for (size_t i = 0; i < d->args->count; i++)
        TRY(exec_expr_init(s, d->args->fields[i], &d->op.mem, &d->exprs[i]));
    return ERR_OK;
}

static void needs(const void *args, struct exec_needs *n) {
    const struct dedup_args *a = args;
    for (size_t i = 0; i < a->count; i++)
        exec_needs_expr(n, a->fields[i]);
}

static const struct stage_exec exec = { .shape = EXEC_SERIAL, .needs = needs, .open = open };

const struct stage_kind stage_dedup = {
    .name = "dedup",
    .aliases = "uniq",
    .help = "dedup [N] NAME, …: only the first N rows (1) with the same values of these fields",
    .parse = parse,
    .exec = &exec,
};
