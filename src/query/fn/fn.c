#include "query/fn/fn.h"
#include "query/names.h"
#include "query/value_ip.h"

static const struct fn *const all[] = {
// tidy: table
#define FN(f) &f,
#include "query/fn/list.def"
#undef FN
};

size_t fn_count(void) {
    return COUNT_OF(all);
}

const struct fn *fn_at(size_t i) {
    return all[i];
}

const struct fn *fn_find(struct str name) {
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (str_eq_nocase(name, str_of(all[i]->name)) || names_has(all[i]->aliases, name))
            return all[i];
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
