#include "query/agg/agg.h"
#include "query/names.h"
#include <math.h>

#define AGG(a) extern const struct agg a;
#include "query/agg/list.def"
#undef AGG
static const struct agg *const all[] = {
// tidy: table
#define AGG(a) &a,
#include "query/agg/list.def"
#undef AGG
};

size_t agg_count(void) {
    return COUNT_OF(all);
}

const struct agg *agg_at(size_t i) {
    return all[i];
}

const struct agg *agg_find(struct str name, double *out_parameter) {
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (str_eq_nocase(name, str_of(all[i]->name)) || names_has(all[i]->aliases, name) ||
            (all[i]->is && all[i]->is(name, out_parameter)))
            return all[i];
    return NULL;
}

/* ---- parsing ---- */

static bool is_condition(const struct expr *e) {
    switch (e->kind) {
    case EXPR_LITERAL:
    case EXPR_FIELD:
    case EXPR_ARITH:
    case EXPR_NEGATE:
    case EXPR_CALL: return false;
    default: return true;
    }
}

static bool parse_parameter(struct parser *p, struct agg_call *call) {
    struct value v;
    double f;
    struct expr *e = parser_expr(p);
    if (!e)
        return false;
    v = e->literal;
    if (e->kind != EXPR_LITERAL || !value_number(&v, &f))
        return parser_fail_at(p, e->offset, e->length,
                              "expected a number between 0 and 1, or a percentile over 1");
    if (f > 1)
        f /= 100;
    if (!(f >= 0 && f <= 1))
        return parser_fail_at(p, e->offset, e->length,
                              "expected a number between 0 and 1, or a percentile over 1");
    call->parameter = f;
    return true;
}

static bool parse_args(struct parser *p, struct agg_call *call) {
    unsigned count = 0;
    if (parser_take_symbol(p, "*")) {
        if (call->agg->args_min > 0)
            return parser_fail(p, "%s needs a field or an expression: %s", call->agg->name, call->agg->help);
        return parser_need_symbol(p, ")");
    }
    while (!parser_take_symbol(p, ")")) {
        if (count && !parser_need_symbol(p, ","))
            return false;
        if (count == call->agg->args_max)
            return parser_fail(p, "too many arguments: %s", call->agg->help);
        if (count == 0)
            call->arg = parser_expr(p);
        else if (!parse_parameter(p, call))
            return false;
        if (!call->arg)
            return false;
        count++;
    }
    call->condition = call->arg && is_condition(call->arg);
    if (count && call->agg->has_parameter && call->parameter < 0)
        return parser_fail(p, "which quantile? %s", call->agg->help);
    return count >= call->agg->args_min || parser_fail(p, "too few arguments: %s", call->agg->help);
}

static bool find_agg(struct parser *p, struct str name, size_t from, struct agg_call *call) {
    call->agg = agg_find(name, &call->parameter);
    return call->agg || parser_fail_at(p, from, name.n, "there is no aggregate '" STR_FMT "'", STR_ARG(name));
}

/* `count` alone is count(). */
static const struct agg *bare(struct parser *p) {
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (all[i]->args_min == 0 && parser_peek_word(p, all[i]->name))
            return all[i];
    return NULL;
}

static struct str default_name(const struct agg_call *call) {
    bool counts_rows = !call->arg && str_eq(str_of(call->agg->name), STR("count"));
    return counts_rows ? STR("count") : call->source;
}

bool agg_parse(struct parser *p, struct agg_call *out) {
    struct agg_call call = { .parameter = -1 };
    struct str name;
    size_t from = parser_offset(p);
    if (parser_call_name(p, &name)) {
        if (!find_agg(p, name, from, &call) || !parser_need_symbol(p, "(") || !parse_args(p, &call))
            return false;
    } else {
        call.agg = bare(p);
        if (!call.agg)
            return parser_fail(p, "expected an aggregate such as count() or avg(field)");
        (void)parser_take_word(p, call.agg->name);
    }
    call.source = parser_source(p, from, parser_offset(p));
    call.name = default_name(&call);
    if (parser_take_word(p, "as") && !parser_field(p, &call.name))
        return false;
    parser_define(p, call.name);
    *out = call;
    return true;
}

bool agg_comes(struct parser *p) {
    return !parser_at_end(p) && !parser_peek_word(p, "by");
}

/* ---- sums ---- */

bool agg_number(const struct value *v, bool *out_is_int, int64_t *out_i, double *out_f) {
    *out_is_int = true;
    switch (v->type) {
    case VALUE_BOOL: *out_i = v->b; return true;
    case VALUE_INT:
    case VALUE_TIME: *out_i = v->i; return true;
    case VALUE_STRING:
    case VALUE_NUMBER_TEXT:
        if (str_to_i64(v->s, out_i))
            return true;
        break;
    default: break;
    }
    *out_is_int = false;
    return value_number(v, out_f) && isfinite(*out_f);
}

/* Neumaier: what the addition rounds away is kept aside. */
static void add_f64(struct agg_sum *s, double f) {
    double sum = s->sum + f;
    s->rest += fabs(s->sum) >= fabs(f) ? (s->sum - sum) + f : (f - sum) + s->sum;
    s->sum = sum;
    s->floats = true;
}

void agg_sum_add_int(struct agg_sum *s, int64_t i) {
    int64_t sum;
    s->count++;
    if (!__builtin_add_overflow(s->ints, i, &sum)) {
        s->ints = sum;
        return;
    }
    add_f64(s, (double)s->ints);
    s->ints = i;
}

void agg_sum_add_float(struct agg_sum *s, double f) {
    if (!isfinite(f))
        return;
    s->count++;
    add_f64(s, f);
}

void agg_sum_add(struct agg_sum *s, const struct value *v) {
    bool is_int;
    int64_t i;
    double f;
    if (!agg_number(v, &is_int, &i, &f))
        return;
    if (is_int)
        agg_sum_add_int(s, i);
    else
        agg_sum_add_float(s, f);
}

void agg_sum_merge(struct agg_sum *to, const struct agg_sum *from) {
    uint64_t count = to->count + from->count;
    agg_sum_add_int(to, from->ints);
    if (from->floats) {
        add_f64(to, from->sum);
        add_f64(to, from->rest);
    }
    to->count = count;
}

double agg_sum_f64(const struct agg_sum *s) {
    struct agg_sum total = *s;
    if (!s->floats)
        return (double)s->ints;
    add_f64(&total, (double)s->ints);
    return total.sum + total.rest;
}

struct value agg_sum_value(const struct agg_sum *s) {
    if (s->count == 0)
        return value_null();
    return s->floats ? value_float(agg_sum_f64(s)) : value_int(s->ints);
}

/* ---- kept values ---- */

enum err agg_keep(const struct agg_context *c, struct agg_kept *k, const struct value *v) {
    struct value copy = *v;
    if (value_has_bytes(v->type)) {
        if (v->s.n > k->cap_bytes || !k->p) {
            size_t cap = v->s.n * 2 < 32 ? 32 : v->s.n * 2;
            k->p = ARENA_RAW(c->mem, char, cap);
            if (!k->p) {
                k->cap_bytes = 0;
                return ERR_LIMIT;
            }
            k->cap_bytes = (uint32_t)cap;
        }
        memmove(k->p, v->s.p, v->s.n);
        copy.s.p = k->p;
    }
    k->value = copy;
    return ERR_OK;
}
