#include "model/batch.h"
#include "query/exec.h"
#include <stdio.h>

enum { NAMES_BYTES_MAX = 32 << 20 };

/* ---- order ---- */

static int cmp64(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

int exec_key_order(const struct exec_key *a, const struct exec_key *b) {
    if (a->block == EXEC_MADE)
        return cmp64(a->time_ns, b->time_ns);
    if (a->time_ns != b->time_ns)
        return a->time_ns > b->time_ns ? -1 : 1;
    int c = id128_cmp(a->stream, b->stream);
    if (c == 0)
        c = cmp64(b->received_ms, a->received_ms);
    if (c == 0)
        c = cmp64(b->block, a->block);
    return c ? c : cmp64(b->row, a->row);
}

int exec_key_age(const struct exec_key *a, const struct exec_key *b) {
    return a->block == EXEC_MADE ? cmp64(a->time_ns, b->time_ns) : exec_key_order(b, a);
}

/* ---- needs ---- */

void exec_needs_fini(struct exec_needs *n) {
    VEC_FINI(&n->names);
}

void exec_needs_none(struct exec_needs *n) {
    n->all = false;
    n->names.n = 0;
}

void exec_needs_add(struct exec_needs *n, struct str name) {
    for (size_t i = 0; i < n->names.n; i++)
        if (str_eq(n->names.p[i], name))
            return;
    VEC_PUSH(&n->names, name);
}

void exec_needs_made(struct exec_needs *n, struct str name) {
    for (size_t i = 0; i < n->names.n; i++)
        if (str_eq(n->names.p[i], name))
            n->names.p[i--] = n->names.p[--n->names.n];
}

void exec_needs_expr(struct exec_needs *n, const struct expr *e) {
    if (e->kind == EXPR_TEXT && e->name.n == 0)
        n->all = true;
    if (e->kind == EXPR_FIELD || e->name.n)
        exec_needs_add(n, e->name);
    for (size_t i = 0; i < e->arg_count; i++)
        exec_needs_expr(n, e->args[i]);
}

/* ---- names ---- */

const struct exec_name *exec_intern(struct exec *x, struct str text) {
    LOCKED(&x->names_lock);
    uint32_t number;
    if (map_get(&x->names_by_text, text, &number))
        return x->names.p[number];
    struct exec_name *name = ARENA_NEW(&x->names_mem, struct exec_name, 1);
    bool is_new;
    if (!name || arena_dup(&x->names_mem, text, &name->text) != ERR_OK)
        return NULL;
    name->number = map_put(&x->names_by_text, text, (uint32_t)x->names.n, &is_new);
    VEC_PUSH(&x->names, name);
    return name;
}

static enum err init_names(struct exec *x) {
    arena_init(&x->names_mem, NAMES_BYTES_MAX);
    (void)pthread_mutex_init(&x->names_lock, NULL);
    x->timestamp = (struct exec_name *)(uintptr_t)exec_intern(x, STR("@timestamp"));
    x->message = (struct exec_name *)(uintptr_t)exec_intern(x, STR("@message"));
    x->level = (struct exec_name *)(uintptr_t)exec_intern(x, STR("level"));
    return x->timestamp && x->message && x->level ? ERR_OK : exec_spent(x);
}

static enum err init_aliases(struct exec *x) {
    for (size_t i = 0; i < x->plan->stage_count; i++) {
        const struct stage *s = &x->plan->stages[i];
        x->alias_stage = i;
        if (s->kind->exec->aliases)
            TRY(s->kind->exec->aliases(s->args, x));
    }
    return ERR_OK;
}

enum err exec_init(struct exec *x, const struct query_request *r) {
    *x = (struct exec){ .plan = query_plan(r->query) };
    budget_init(&x->budget, &r->limits, r->cancel);
    x->time_from_ns = r->time_from_ns > x->plan->time_from_ns ? r->time_from_ns : x->plan->time_from_ns;
    x->time_to_ns = r->time_to_ns < x->plan->time_to_ns ? r->time_to_ns : x->plan->time_to_ns;
    TRY(init_names(x));
    return init_aliases(x);
}

void exec_fini(struct exec *x) {
    budget_fini(&x->budget);
    map_fini(&x->names_by_text);
    VEC_FINI(&x->names);
    VEC_FINI(&x->aliases);
    arena_fini(&x->names_mem);
    (void)pthread_mutex_destroy(&x->names_lock);
}

enum err exec_spent(struct exec *x) {
    return budget_memory_spent(&x->budget);
}

/* Spaces do not tell names of columns apart: p99( a ) is p99(a). */
static struct str squeeze(struct str text, char *out, size_t size) {
    size_t n = 0;
    for (size_t i = 0; i < text.n && n < size; i++)
        if (text.p[i] != ' ' && text.p[i] != '\t')
            out[n++] = text.p[i];
    return (struct str){ out, n };
}

enum err exec_alias_add(struct exec *x, struct str alias, const struct exec_name *name) {
    char squeezed[256];
    const struct exec_name *kept = exec_intern(x, squeeze(alias, squeezed, sizeof squeezed));
    if (!kept)
        return exec_spent(x);
    VEC_PUSH(&x->aliases, (struct exec_alias){ kept->text, name, x->alias_stage });
    return ERR_OK;
}

void exec_cut(struct exec *x, const char *by) {
    if (x->cut_by[0] == '\0')
        (void)snprintf(x->cut_by, sizeof x->cut_by, "%s", by);
}

/* ---- records ---- */

const struct value *exec_get(const struct exec_record *r, const struct exec_name *name) {
    for (size_t i = 0; i < r->count; i++)
        if (r->cells[i].name == name)
            return &r->cells[i].value;
    return NULL;
}

enum err exec_copy_value(struct arena *mem, const struct value *v, struct value *out) {
    struct value copy = *v;
    if (value_has_bytes(v->type))
        TRY(arena_dup(mem, v->s, &copy.s));
    *out = copy;
    return ERR_OK;
}

enum err exec_copy(struct arena *mem, const struct exec_record *r, struct exec_record *out) {
    struct exec_cell *cells = ARENA_RAW(mem, struct exec_cell, r->count + 1);
    struct exec_record copy = { .key = r->key, .count = r->count, .cells = cells };
    if (!cells)
        return ERR_LIMIT;
    TRY(arena_dup(mem, r->labels, &copy.labels));
    for (size_t i = 0; i < r->count; i++) {
        cells[i] = r->cells[i];
        TRY(exec_copy_value(mem, &r->cells[i].value, &cells[i].value));
    }
    *out = copy;
    return ERR_OK;
}

/* ---- fields ---- */

static enum err add_try(struct exec *x, struct exec_field *f, struct str name) {
    const struct exec_name *n = exec_intern(x, name);
    if (!n)
        return exec_spent(x);
    if (f->count < EXEC_TRIES_MAX)
        f->tries[f->count++] = n;
    return ERR_OK;
}

/* The last command ahead of this one whose columns have aliases; SIZE_MAX when there is none. */
static size_t alias_stage(const struct exec_scope *s) {
    for (size_t i = s->stage; i-- > 0;)
        if (s->exec->plan->stages[i].kind->exec->aliases)
            return i;
    return SIZE_MAX;
}

enum err exec_field_init(const struct exec_scope *s, struct str name, struct exec_field *out) {
    struct exec_field f = { .text = name };
    struct exec *x = s->exec;
    char squeezed[256];
    struct str squeezed_name = squeeze(name, squeezed, sizeof squeezed), alias = field_alias(name);
    size_t stage = alias_stage(s);
    TRY(add_try(x, &f, name));
    if (!str_eq(alias, name))
        TRY(add_try(x, &f, alias));
    for (size_t i = 0; i < x->aliases.n && f.count < EXEC_TRIES_MAX; i++)
        if (x->aliases.p[i].stage == stage && str_eq(x->aliases.p[i].alias, squeezed_name))
            f.tries[f.count++] = x->aliases.p[i].name;
    *out = f;
    return ERR_OK;
}

struct value exec_field_get(const struct exec_field *f, const struct exec_record *r) {
    for (size_t i = 0; i < f->count; i++) {
        const struct value *v = exec_get(r, f->tries[i]);
        if (v)
            return *v;
    }
    return value_null();
}

/* ---- expressions ---- */

static enum err collect_fields(const struct exec_scope *s, const struct expr *e, struct exec_expr *out) {
    if (e->kind == EXPR_FIELD || e->name.n) {
        size_t i = 0;
        while (i < out->field_count && out->fields[i].text.p != e->name.p)
            i++;
        if (i == out->field_count)
            TRY(exec_field_init(s, e->name, &out->fields[out->field_count++]));
    }
    for (size_t i = 0; i < e->arg_count; i++)
        TRY(collect_fields(s, e->args[i], out));
    return ERR_OK;
}

static size_t count_nodes(const struct expr *e) {
    size_t n = 1;
    for (size_t i = 0; i < e->arg_count; i++)
        n += count_nodes(e->args[i]);
    return n;
}

enum err exec_expr_init(const struct exec_scope *s, const struct expr *e, struct arena *mem,
                        struct exec_expr *out) {
    struct exec_expr made = { .e = e, .now_ns = s->exec->plan->now_ns };
    made.fields = ARENA_NEW(mem, struct exec_field, count_nodes(e));
    if (!made.fields)
        return exec_spent(s->exec);
    TRY(collect_fields(s, e, &made));
    *out = made;
    return ERR_OK;
}

struct record_row {
    const struct exec_expr *e;
    const struct exec_record *r;
};

static struct value record_field(void *ctx, struct str name) {
    const struct record_row *row = ctx;
    for (size_t i = 0; i < row->e->field_count; i++)
        if (row->e->fields[i].text.p == name.p)
            return exec_field_get(&row->e->fields[i], row->r);
    return value_null();
}

static bool record_any_text(void *ctx, bool (*each)(void *each_ctx, struct str text), void *each_ctx) {
    const struct record_row *row = ctx;
    for (size_t i = 0; i < row->r->count; i++) {
        const struct value *v = &row->r->cells[i].value;
        if (!row->r->cells[i].hidden &&
            (v->type == VALUE_STRING || v->type == VALUE_NUMBER_TEXT || v->type == VALUE_JSON) &&
            each(each_ctx, v->s))
            return true;
    }
    return false;
}

static struct str record_labels(void *ctx) {
    return ((const struct record_row *)ctx)->r->labels;
}

struct value exec_expr_get(const struct exec_expr *e, const struct exec_record *r, struct arena *mem) {
    struct record_row ctx = { e, r };
    struct expr_row row = { record_field, record_any_text, record_labels, &ctx };
    struct value v = expr_eval(e->e, &row, mem, e->now_ns);
    return v.type == VALUE_FLOAT && !__builtin_isfinite(v.f) ? value_null() : v;
}
