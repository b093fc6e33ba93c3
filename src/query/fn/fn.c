#include "query/fn/fn.h"
#include "base/assert.h"
#include "query/names.h"
#include "query/value_ip.h"

/* One folder and one list each; a new function is a file and a line. */
#define FN(f) &f,
static const struct fn *const texts[] = {
#include "query/fn/text/list.def"
};
static const struct fn *const logic[] = {
#include "query/fn/logic/list.def"
};
static const struct fn *const numbers[] = {
#include "query/fn/number/list.def"
};
static const struct fn *const times[] = {
#include "query/fn/time/list.def"
};
static const struct fn *const lookups[] = {
#include "query/fn/lookup/list.def"
};
#undef FN

static const struct group {
    const char *title;
    const struct fn *const *fns;
    size_t count;
} groups[] = {
    // tidy: table
    { "Texts", texts, COUNT_OF(texts) },
    { "Conditions", logic, COUNT_OF(logic) },
    { "Numbers", numbers, COUNT_OF(numbers) },
    { "Times", times, COUNT_OF(times) },
    { "Addresses and JSON", lookups, COUNT_OF(lookups) },
};

size_t fn_count(void) {
    size_t count = 0;
    for (size_t g = 0; g < COUNT_OF(groups); g++)
        count += groups[g].count;
    return count;
}

static const struct group *group_of(size_t *i) {
    size_t g = 0;
    for (; *i >= groups[g].count; g++) {
        *i -= groups[g].count;
        ASSERT(g + 1 < COUNT_OF(groups));
    }
    return &groups[g];
}

const struct fn *fn_at(size_t i) {
    const struct group *group = group_of(&i);
    return group->fns[i];
}

const char *fn_group(size_t i) {
    return group_of(&i)->title;
}

const struct fn *fn_find(struct str name) {
    for (size_t i = 0; i < fn_count(); i++) {
        const struct fn *fn = fn_at(i);
        if (str_eq_nocase(name, str_of(fn->name)) || names_has(fn->aliases, name))
            return fn;
    }
    return NULL;
}

bool fn_arg_text(const struct fn_call *c, size_t i, struct str *out) {
    const struct value *v = &c->args[i];
    if (i >= c->arg_count || v->type == VALUE_NULL)
        return false;
    if (value_has_bytes(v->type) && v->type != VALUE_IP) {
        *out = v->s.n ? v->s : STR(""); /* never NULL: callers step through it */
        return true;
    }
    AUTO(buf) b = { .limit_bytes = 1024 };
    value_print(v, &b);
    return arena_dup(c->mem, buf_str(&b), out) == ERR_OK;
}

bool fn_arg_int(const struct fn_call *c, size_t i, int64_t *out) {
    const struct value *v = &c->args[i];
    double f;
    if (i >= c->arg_count)
        return false;
    if (v->type == VALUE_INT || v->type == VALUE_TIME) {
        *out = v->i;
        return true;
    }
    if (value_has_bytes(v->type) && str_to_i64(v->s, out))
        return true;
    if (!value_number(v, &f) || !(f > -9.2e18 && f < 9.2e18))
        return false;
    *out = (int64_t)f;
    return true;
}

bool fn_arg_number(const struct fn_call *c, size_t i, double *out) {
    return i < c->arg_count && value_number(&c->args[i], out);
}

bool fn_arg_time(const struct fn_call *c, size_t i, int64_t *out_ns) {
    const struct value *v = &c->args[i];
    struct str text;
    if (i >= c->arg_count || v->type == VALUE_NULL)
        return false;
    if (v->type == VALUE_TIME) {
        *out_ns = v->i;
        return true;
    }
    return fn_arg_text(c, i, &text) && time_parse(text, c->now_ns, out_ns);
}

bool fn_arg_ip(const struct fn_call *c, size_t i, unsigned char out[16]) {
    struct str text;
    if (i < c->arg_count && c->args[i].type == VALUE_IP && c->args[i].s.n == 16) {
        memcpy(out, c->args[i].s.p, 16);
        return true;
    }
    return fn_arg_text(c, i, &text) && ip_parse(text, out);
}

struct value fn_float(double f) {
    if (!(f - f == 0)) /* infinite or not a number */
        return value_null();
    return value_float(f);
}

bool fn_arg_duration(const struct fn_call *c, size_t i, int64_t *out_ns) {
    if (i < c->arg_count && c->args[i].type == VALUE_STRING && duration_parse(c->args[i].s, out_ns))
        return true;
    return fn_arg_int(c, i, out_ns);
}

static bool continues(char c) {
    return ((unsigned char)c & 0xc0) == 0x80;
}

size_t fn_char_offset(struct str s, int64_t index) {
    size_t at = 0;
    for (; at < s.n && index > 0; index--)
        for (at++; at < s.n && continues(s.p[at]);)
            at++;
    return at;
}

int64_t fn_char_count(struct str s) {
    int64_t count = 0;
    for (size_t i = 0; i < s.n; i++)
        count += i == 0 || !continues(s.p[i]);
    return count;
}

struct value fn_string(const struct fn_call *c, struct str s) {
    struct str kept;
    return arena_dup(c->mem, s, &kept) == ERR_OK ? value_string(kept) : value_null();
}
