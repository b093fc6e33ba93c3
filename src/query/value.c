#include "base/assert.h"
#include "query/value_ip.h"
#include "query/value_time.h"
#include "wire/json.h"
#include <math.h>
/*
 * The rules of values: comparison, truth, order, arithmetic, print. expr.h states them; everybody calls
 * these.
 *
 * A value's class decides how it meets another: numbers of any type are one class, texts (strings, bytes,
 * JSON) another. A text joins the class of its opposite when it parses as one; when it does not, the two
 * cannot be compared.
 */
enum class { CLASS_NULL, CLASS_BOOL, CLASS_NUMBER, CLASS_TIME, CLASS_IP, CLASS_TEXT };

static const unsigned char classes[VALUE_TYPE_COUNT] = {
    [VALUE_NULL] = CLASS_NULL,    [VALUE_BOOL] = CLASS_BOOL,      [VALUE_INT] = CLASS_NUMBER,
    [VALUE_FLOAT] = CLASS_NUMBER, [VALUE_TIME] = CLASS_TIME,      [VALUE_IP] = CLASS_IP,
    [VALUE_STRING] = CLASS_TEXT,  [VALUE_BYTES] = CLASS_TEXT,     [VALUE_NUMBER_TEXT] = CLASS_NUMBER,
    [VALUE_JSON] = CLASS_TEXT,    [VALUE_HISTOGRAM] = CLASS_TEXT,
};

static enum class class_of(const struct value *v) {
    ASSERT((unsigned)v->type < VALUE_TYPE_COUNT); return (enum class)classes[v->type];
}

struct number {
    bool is_int;
    int64_t i;
    double f;
};

static bool text_number(struct str s, struct number *out) {
    if (s.n == 0 || !(ascii_digit(s.p[0]) || s.p[0] == '-' || s.p[0] == '+' || s.p[0] == '.'))
        return false;
    out->is_int = str_to_i64(s, &out->i);
    return out->is_int || (str_to_f64(s, &out->f) && isfinite(out->f));
}

static bool number_of(const struct value *v, struct number *out) {
    switch (v->type) {
    case VALUE_BOOL: *out = (struct number){ .is_int = true, .i = v->b }; return true;
    case VALUE_INT:
    case VALUE_TIME: *out = (struct number){ .is_int = true, .i = v->i }; return true;
    case VALUE_FLOAT: *out = (struct number){ .f = v->f }; return true;
    case VALUE_STRING:
    case VALUE_NUMBER_TEXT: *out = (struct number){ 0 }; return text_number(v->s, out);
    default: return false;
    }
}

static double number_f64(const struct number *n) {
    return n->is_int ? (double)n->i : n->f;
}

bool value_number(const struct value *v, double *out) {
    struct number n;
    if (!number_of(v, &n))
        return false;
    *out = number_f64(&n);
    return true;
}

static int sign_of(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

/* An int and a float without rounding the int. */
static int compare_mixed(int64_t i, double f) {
    if (f >= 9223372036854775808.0)
        return -1;
    if (f < -9223372036854775808.0)
        return 1;
    int64_t whole = (int64_t)f;
    if (i != whole)
        return i < whole ? -1 : 1;
    double rest = f - (double)whole;
    return (rest < 0) - (rest > 0);
}

static bool number_compare(const struct number *a, const struct number *b, int *out) {
    if ((!a->is_int && isnan(a->f)) || (!b->is_int && isnan(b->f)))
        return false;
    if (a->is_int && b->is_int)
        *out = sign_of(a->i, b->i);
    else if (a->is_int)
        *out = compare_mixed(a->i, b->f);
    else if (b->is_int)
        *out = -compare_mixed(b->i, a->f);
    else
        *out = (a->f > b->f) - (a->f < b->f);
    return true;
}

static bool compare_numbers(const struct value *a, const struct value *b, int *out) {
    struct number x, y;
    return number_of(a, &x) && number_of(b, &y) && number_compare(&x, &y, out);
}

static bool time_of(const struct value *v, struct number *out) {
    if (class_of(v) == CLASS_TIME || class_of(v) == CLASS_NUMBER)
        return number_of(v, out);
    *out = (struct number){ .is_int = true };
    return v->type == VALUE_STRING && value_time_parse(v->s, &out->i);
}

static bool compare_times(const struct value *a, const struct value *b, int *out) {
    struct number x, y;
    return time_of(a, &x) && time_of(b, &y) && number_compare(&x, &y, out);
}

static bool ip_of(const struct value *v, unsigned char out[16]) {
    if (v->type == VALUE_IP && v->s.n == 16) {
        memcpy(out, v->s.p, 16);
        return true;
    }
    return v->type == VALUE_STRING && ip_parse(v->s, out);
}

static bool compare_ips(const struct value *a, const struct value *b, int *out) {
    unsigned char x[16], y[16];
    if (!ip_of(a, x) || !ip_of(b, y))
        return false;
    int c = memcmp(x, y, sizeof x);
    *out = (c > 0) - (c < 0);
    return true;
}

/* Bools and texts. */
static struct str text_of(const struct value *v) {
    if (v->type == VALUE_BOOL)
        return v->b ? STR("true") : STR("false");
    return v->s;
}

bool value_compare(const struct value *a, const struct value *b, int *out) {
    enum class x = class_of(a), y = class_of(b);
    if (x == CLASS_NULL || y == CLASS_NULL)
        return false;
    if (x == CLASS_TIME || y == CLASS_TIME)
        return compare_times(a, b, out);
    if (x == CLASS_NUMBER || y == CLASS_NUMBER || (x == CLASS_BOOL && y == CLASS_BOOL))
        return compare_numbers(a, b, out);
    if (x == CLASS_IP || y == CLASS_IP)
        return compare_ips(a, b, out);
    int c = str_cmp(text_of(a), text_of(b));
    *out = (c > 0) - (c < 0);
    return true;
}

static bool scalar_op(const struct value *a, enum expr_op op, const struct value *b) {
    int c;
    if (!value_compare(a, b, &c))
        return op == OP_NE && a->type != VALUE_NULL && b->type != VALUE_NULL;
    switch (op) {
    case OP_EQ: return c == 0;
    case OP_NE: return c != 0;
    case OP_LT: return c < 0;
    case OP_LE: return c <= 0;
    case OP_GT: return c > 0;
    case OP_GE: return c >= 0;
    default: ASSERT(false && "a comparison"); return false;
    }
}

static bool is_array(const struct value *v) {
    return v->type == VALUE_JSON && v->s.n && v->s.p[0] == '[';
}

static struct value json_scalar(struct json_reader *r, struct arena *mem) {
    struct number n = { 0 };
    struct str text;
    switch (json_kind(r)) {
    case JSON_STRING: return value_string(json_string(r, mem));
    case JSON_BOOL: return value_bool(json_bool(r));
    case JSON_NUMBER:
        text = json_number_text(r);
        if (!text_number(text, &n))
            return (struct value){ .type = VALUE_NUMBER_TEXT, .s = text };
        return n.is_int ? value_int(n.i) : value_float(n.f);
    default: json_skip(r); return value_null();
    }
}

bool value_any_element(const struct value *v, bool (*test)(void *ctx, const struct value *element),
                       void *ctx) {
    if (!is_array(v))
        return test(ctx, v);
    AUTO(arena) mem;
    arena_init(&mem, ROW_TEXT_BYTES_MAX);
    struct json_reader r;
    json_reader_init(&r, v->s);
    bool found = false;
    for (bool more = json_array(&r); more && !found && json_item(&r);) {
        struct value element = json_scalar(&r, &mem);
        found = !r.failed && element.type != VALUE_NULL && test(ctx, &element);
    }
    return found;
}

struct comparison {
    enum expr_op op;
    const struct value *b;
};

static bool element_compares(void *ctx, const struct value *element) {
    const struct comparison *c = ctx;
    return scalar_op(element, c->op, c->b);
}

bool value_compare_op(const struct value *a, enum expr_op op, const struct value *b) {
    static const enum expr_op mirrored[] = {
        [OP_EQ] = OP_EQ, [OP_NE] = OP_NE, [OP_LT] = OP_GT, [OP_LE] = OP_GE, [OP_GT] = OP_LT, [OP_GE] = OP_LE
    };
    if (is_array(a))
        return value_any_element(a, element_compares, &(struct comparison){ op, b });
    if (is_array(b))
        return value_any_element(b, element_compares, &(struct comparison){ mirrored[op], a });
    return scalar_op(a, op, b);
}

bool value_truth(const struct value *v) {
    switch (v->type) {
    case VALUE_NULL: return false;
    case VALUE_BOOL: return v->b;
    case VALUE_INT:
    case VALUE_TIME: return v->i != 0;
    case VALUE_FLOAT: return v->f != 0;
    case VALUE_NUMBER_TEXT: {
        struct number n;
        return !number_of(v, &n) || number_f64(&n) != 0;
    }
    default: return v->s.n > 0;
    }
}

/* Numbers that are not one come before those that are. */
static int order_numbers(const struct value *a, const struct value *b) {
    struct number x = { .f = (double)NAN }, y = { .f = (double)NAN };
    int c;
    if (!number_of(a, &x))
        x = (struct number){ .f = (double)NAN };
    if (!number_of(b, &y))
        y = (struct number){ .f = (double)NAN };
    if (number_compare(&x, &y, &c))
        return c;
    return (int)(x.is_int || !isnan(x.f)) - (int)(y.is_int || !isnan(y.f));
}

int value_order(const struct value *a, const struct value *b) {
    enum class x = class_of(a), y = class_of(b);
    if (x != y)
        return x < y ? -1 : 1;
    switch (x) {
    case CLASS_NULL: return 0;
    case CLASS_BOOL: return (int)a->b - (int)b->b;
    case CLASS_NUMBER: return order_numbers(a, b);
    case CLASS_TIME: return sign_of(a->i, b->i);
    default: {
        int c = str_cmp(a->s, b->s);
        return (c > 0) - (c < 0);
    }
    }
}

static struct value finite_float(double f) {
    return isfinite(f) ? value_float(f) : value_null();
}

static struct value arith_float(enum expr_op op, double a, double b) {
    switch (op) {
    case OP_ADD: return finite_float(a + b);
    case OP_SUB: return finite_float(a - b);
    case OP_MUL: return finite_float(a * b);
    case OP_DIV: return b == 0 ? value_null() : finite_float(a / b);
    case OP_MOD: return b == 0 ? value_null() : finite_float(fmod(a, b));
    default: ASSERT(false && "arithmetic"); return value_null();
    }
}

static struct value arith_int(enum expr_op op, int64_t a, int64_t b) {
    int64_t c = 0;
    bool exact = false;
    if ((op == OP_DIV || op == OP_MOD) && b == 0)
        return value_null();
    switch (op) {
    case OP_ADD: exact = !__builtin_add_overflow(a, b, &c); break;
    case OP_SUB: exact = !__builtin_sub_overflow(a, b, &c); break;
    case OP_MUL: exact = !__builtin_mul_overflow(a, b, &c); break;
    case OP_MOD: return value_int(b == -1 ? 0 : a % b);
    default:
        if (b == -1)
            exact = !__builtin_sub_overflow((int64_t)0, a, &c);
        else if ((exact = a % b == 0))
            c = a / b;
    }
    return exact ? value_int(c) : arith_float(op, (double)a, (double)b);
}

/* A time and a span stay a time; two times differ by a span; anything else is about numbers of ns. */
static bool keeps_time(enum expr_op op, const struct value *a, const struct value *b) {
    bool x = a->type == VALUE_TIME, y = b->type == VALUE_TIME;
    return (op == OP_ADD && x != y) || (op == OP_SUB && x && !y);
}

struct value value_arith(enum expr_op op, const struct value *a, const struct value *b) {
    struct number x, y;
    if (!number_of(a, &x) || !number_of(b, &y))
        return value_null();
    struct value v =
        x.is_int && y.is_int ? arith_int(op, x.i, y.i) : arith_float(op, number_f64(&x), number_f64(&y));
    if (!keeps_time(op, a, b))
        return v;
    if (v.type == VALUE_FLOAT && fabs(v.f) < 9.2e18)
        v = value_int((int64_t)v.f);
    return v.type == VALUE_INT ? value_time(v.i) : value_null();
}

void value_print(const struct value *v, struct buf *out) {
    switch (v->type) {
    case VALUE_NULL: return;
    case VALUE_INT: buf_add_i64(out, v->i); return;
    case VALUE_FLOAT: buf_add_f64(out, v->f); return;
    case VALUE_TIME: value_time_print(v->i, -1, out); return;
    case VALUE_IP:
        if (v->s.n == 16)
            value_ip_print((const unsigned char *)v->s.p, out);
        return;
    default: buf_add(out, text_of(v)); return;
    }
}
