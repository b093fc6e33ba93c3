#include "question_make.h"
#include "base/assert.h"
#include "query/value_ip.h"
#include "query/value_time.h"
#include <math.h>

/* ---- nodes ---- */

struct node *node_new(struct maker *m, enum node_kind kind) {
    struct node *n = ARENA_NEW(m->mem, struct node, 1);
    n->kind = kind;
    return n;
}

static void set_args(struct maker *m, struct node *n, struct node *const *args, size_t count) {
    n->args = ARENA_NEW(m->mem, struct node *, count + 1);
    n->arg_count = count;
    for (size_t i = 0; i < count; i++)
        n->args[i] = args[i];
}

struct node *node_of(struct maker *m, enum node_kind kind, struct node *a, struct node *b) {
    struct node *n = node_new(m, kind);
    set_args(m, n, (struct node *const[]){ a, b }, b ? 2 : 1);
    return n;
}

struct node *node_field(struct maker *m, struct str name) {
    struct node *n = node_new(m, NODE_FIELD);
    n->name = name;
    return n;
}

static struct str kept(struct maker *m, struct buf *b) {
    struct str s;
    ASSERT(arena_dup(m->mem, buf_str(b), &s) == ERR_OK);
    return s;
}

static void add_quoted(struct str s, struct buf *out) {
    buf_add_char(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\' || s.p[i] == '"')
            buf_add_char(out, '\\');
        buf_add_char(out, s.p[i]);
    }
    buf_add_char(out, '"');
}

static bool bare_text(struct str s) {
    bool letter = s.n && ascii_lower(s.p[0]) >= 'a' && ascii_lower(s.p[0]) <= 'z' && ascii_lower(s.p[0]) != 'n';
    return letter && question_bare_word(s);
}

/* What the parser makes of a bare number. */
static struct value number_of(struct str s) {
    int64_t i;
    double f;
    if (str_to_i64(s, &i))
        return value_int(i);
    return str_to_f64(s, &f) && isfinite(f) ? value_float(f) : value_null();
}

struct node *node_literal(struct maker *m, struct value v, bool bare) {
    AUTO(buf) b = { 0 };
    struct node *n = node_new(m, NODE_LITERAL);
    n->literal = v;
    if (v.type == VALUE_NUMBER_TEXT) {
        struct value number = number_of(v.s);
        if (number.type != VALUE_NULL && chance(m, 60)) {
            n->literal = number;
            n->print = v.s;
            return n;
        }
        n->literal.type = VALUE_STRING;
    }
    if (v.type == VALUE_JSON)
        n->literal.type = VALUE_STRING;
    if (n->literal.type != VALUE_STRING) {
        value_print(&v, &b);
        if (v.type == VALUE_FLOAT)
            n->literal = number_of(buf_str(&b));
    } else if (bare && bare_text(n->literal.s) && chance(m, 50)) {
        buf_add(&b, n->literal.s);
    } else {
        add_quoted(n->literal.s, &b);
    }
    n->print = kept(m, &b);
    return n;
}

struct node *node_text_literal(struct maker *m, const char *s) { return node_literal(m, value_string(str_of(s)), false); }
struct node *node_int(struct maker *m, int64_t i) { return node_literal(m, value_int(i), false); }

struct node *node_span(struct maker *m, const char *text) {
    struct node *n = node_new(m, NODE_LITERAL);
    int64_t ns;
    ASSERT(duration_parse(str_of(text), &ns));
    n->literal = value_int(ns);
    n->print = str_of(text);
    return n;
}

struct node *node_call(struct maker *m, const char *name, struct node *const *args, size_t count) {
    struct node *n = node_new(m, NODE_CALL);
    n->name = str_of(name);
    set_args(m, n, args, count);
    return n;
}

/* ---- what rows have ---- */

void maker_other_row(struct maker *m) {
    m->row = m->world->rows.n ? &m->world->rows.p[below(m, m->world->rows.n)] : NULL;
}

static struct str label_name(struct maker *m) {
    static const char *const names[] = { "service", "host", "env", "pod.name" };
    return str_of(names[below(m, COUNT_OF(names))]);
}

struct str maker_name(struct maker *m) {
    static const char *const aliases[] = { "msg", "severity", "hostname", "service_name", "traceId", "message", "@stream", "@logStream" };
    if (!m->raw && m->made_count)
        return m->made[below(m, m->made_count)];
    if (!m->row || chance(m, 5))
        return chance(m, 10) ? STR("nosuch") : world_name(below(m, world_name_count()));
    if (chance(m, 6))
        return str_of(aliases[below(m, COUNT_OF(aliases))]);
    if (chance(m, 20) || m->row->cell_count == 0)
        return label_name(m);
    return m->row->cells[below(m, m->row->cell_count)].name;
}

struct value maker_value(struct maker *m, struct str name) {
    return m->row ? world_field(m->world, m->row, name) : value_null();
}

struct str maker_text(struct maker *m, struct str *out_name) {
    for (int i = 0; i < 8; i++) {
        *out_name = chance(m, 50) ? STR("@message") : maker_name(m);
        struct value v = maker_value(m, *out_name);
        if (value_has_bytes(v.type) && v.s.n)
            return v.s;
    }
    return STR("");
}

/* ---- leaves ---- */

/* The value, or its neighbour. */
static struct value bend(struct maker *m, struct value v) {
    if (!chance(m, 35))
        return v;
    if (v.type == VALUE_INT && v.i > INT64_MIN && v.i < INT64_MAX)
        v.i += chance(m, 50) ? 1 : -1;
    else if (v.type == VALUE_FLOAT)
        v.f = chance(m, 50) ? nextafter(v.f, 1e300) : floor(v.f);
    else if (v.type == VALUE_STRING && v.s.n)
        v.s.n--;
    else if (v.type == VALUE_BOOL)
        v.b = !v.b;
    return v;
}

static struct value element_of(struct maker *m) {
    static const char *const texts[] = { "a", "b c", "error", "t3", "user-7", "café", "10.0.1.5" };
    return chance(m, 50) ? value_string(str_of(texts[below(m, COUNT_OF(texts))])) : value_int((int64_t)below(m, 9));
}

static bool writable(const struct value *v) {
    bool text = value_has_bytes(v->type);
    return v->type != VALUE_NULL && !(text && (v->s.n > 200 || (v->s.n && memchr(v->s.p, '\0', v->s.n))));
}

static struct value wanted(struct maker *m, struct str name) {
    struct value v = maker_value(m, name);
    if (v.type == VALUE_JSON && chance(m, 70))
        v = element_of(m);
    if (!writable(&v))
        v = value_int((int64_t)below(m, 500));
    return bend(m, v);
}

static enum expr_op pick_op(struct maker *m, const struct value *v) {
    static const enum expr_op ops[] = { OP_EQ, OP_EQ, OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE };
    bool text = v->type == VALUE_STRING && chance(m, 60);
    return ops[below(m, text ? 4 : COUNT_OF(ops))];
}

static struct node *compare(struct maker *m, bool filter) {
    struct str name = maker_name(m);
    struct value v = wanted(m, name);
    enum expr_op op = pick_op(m, &v);
    struct node *n = node_of(m, NODE_COMPARE, node_field(m, name),
                             node_literal(m, v, filter && m->raw && (op == OP_EQ || op == OP_NE)));
    n->op = op;
    return n;
}

static struct node *two_fields(struct maker *m) {
    struct node *n = node_of(m, NODE_COMPARE, node_field(m, maker_name(m)), node_field(m, maker_name(m)));
    n->op = chance(m, 50) ? OP_LT : chance(m, 50) ? OP_EQ : OP_GE;
    return n;
}

static struct node *sum_compare(struct maker *m) {
    static const enum expr_op ops[] = { OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_MOD };
    static const char *const names[] = { "seq", "status", "duration_ms", "bytes", "amount", "mixed" };
    struct node *left = node_of(m, NODE_ARITH, node_field(m, str_of(names[below(m, COUNT_OF(names))])),
                                node_int(m, 1 + (int64_t)below(m, 50)));
    left->op = ops[below(m, COUNT_OF(ops))];
    struct node *n = node_of(m, NODE_COMPARE, left, node_int(m, (int64_t)below(m, 1000)));
    n->op = chance(m, 50) ? OP_GT : OP_LE;
    return n;
}

static int64_t time_near(struct maker *m) {
    int64_t ns = m->row ? m->row->time_ns : m->world->from_ns;
    if (chance(m, 20))
        ns = m->world->from_ns + 3600ll * 1000000000 * (int64_t)below(m, 5);
    return ns + (int64_t)below(m, 3) - 1;
}

static struct node *time_literal(struct maker *m, int64_t ns) {
    AUTO(buf) b = { 0 };
    struct node *n = node_new(m, NODE_LITERAL);
    unsigned way = (unsigned)below(m, 3);
    n->literal = value_time(ns);
    if (way == 0)
        buf_add_i64(&b, ns);
    else {
        buf_add(&b, way == 1 ? STR("\"") : STR(""));
        value_time_print(ns, 9, &b);
        buf_add(&b, way == 1 ? STR("\"") : STR(""));
    }
    n->print = kept(m, &b);
    return n;
}

static struct node *time_compare(struct maker *m) {
    static const enum expr_op ops[] = { OP_LT, OP_LE, OP_GT, OP_GE, OP_EQ };
    struct node *n = node_of(m, NODE_COMPARE, node_field(m, STR("@timestamp")), time_literal(m, time_near(m)));
    n->op = ops[below(m, COUNT_OF(ops))];
    return n;
}

static struct node *range_of(struct maker *m, struct str name, struct node *low, struct node *high) {
    struct node *n = node_new(m, NODE_RANGE);
    bool no_low = chance(m, 15), no_high = !no_low && chance(m, 15);
    n->name = name;
    n->literal = no_low ? value_null() : low->literal;
    n->high = no_high ? value_null() : high->literal;
    n->print = no_low ? STR("*") : low->print;
    n->high_print = no_high ? STR("*") : high->print;
    n->low_open = chance(m, 25) && !no_low;
    n->high_open = chance(m, 25) && !no_high;
    return n;
}

static struct node *time_range(struct maker *m) {
    int64_t a = time_near(m);
    maker_other_row(m);
    int64_t b = time_near(m);
    return range_of(m, STR("@timestamp"), time_literal(m, a < b ? a : b), time_literal(m, a < b ? b : a));
}

static struct node *range(struct maker *m) {
    struct str name = maker_name(m);
    struct value a = wanted(m, name);
    maker_other_row(m);
    struct value b = wanted(m, name);
    bool swap = value_order(&a, &b) > 0;
    return range_of(m, name, node_literal(m, swap ? b : a, false), node_literal(m, swap ? a : b, false));
}

static struct node *cidr(struct maker *m) {
    static const unsigned sizes[] = { 8, 16, 20, 24, 25, 30, 31, 32, 0 };
    struct node *n = node_new(m, NODE_CIDR);
    struct value v = maker_value(m, STR("client"));
    n->name = chance(m, 85) ? STR("client") : chance(m, 50) ? STR("host") : STR("tags");
    if (v.type != VALUE_STRING || !ip_parse(v.s, n->address) || !value_ip_is_v4(n->address))
        ASSERT(ip_parse(STR("10.0.1.129"), n->address));
    n->address_bits = 96 + sizes[below(m, COUNT_OF(sizes))];
    for (unsigned bit = n->address_bits; bit < 128; bit++)
        n->address[bit / 8] &= (unsigned char)~(0x80u >> bit % 8);
    return n;
}

static struct node *in_list(struct maker *m, bool filter) {
    struct str name = maker_name(m);
    struct node *args[5] = { node_field(m, name) };
    size_t count = 1;
    for (size_t want = 2 + below(m, 3); count < want; count++) {
        args[count] = node_literal(m, wanted(m, name), filter && m->raw);
        maker_other_row(m);
    }
    struct node *n = node_new(m, chance(m, 70) ? NODE_IN : NODE_NOT_IN);
    set_args(m, n, args, count);
    return n;
}

static struct node *like(struct maker *m) {
    struct str name, text = maker_text(m, &name);
    AUTO(buf) b = { 0 };
    if (text.n == 0 || memchr(text.p, '\0', text.n) || memchr(text.p, '\\', text.n) || memchr(text.p, '%', text.n) ||
        text.n > 100)
        return NULL;
    size_t from = below(m, text.n), n = 1 + below(m, text.n - from);
    bool percents = chance(m, 80);
    if (percents && from)
        buf_add_char(&b, '%');
    for (size_t i = 0; i < n; i++) {
        bool hole = percents && i > 0 && chance(m, 5);
        buf_add_char(&b, hole ? '%' : percents && chance(m, 5) ? '_' : text.p[from + i]);
        i += hole && i + 2 < n;
    }
    if (percents && (from + n < text.n || chance(m, 30)))
        buf_add_char(&b, '%');
    struct node *e = node_of(m, chance(m, 75) ? NODE_LIKE : NODE_NOT_LIKE, node_field(m, name), NULL);
    e->needle = kept(m, &b);
    return e;
}

static struct node *match(struct maker *m) {
    struct str name, text = maker_text(m, &name);
    struct node *e = node_of(m, chance(m, 75) ? NODE_MATCH : NODE_NOT_MATCH, node_field(m, name), NULL);
    e->pattern = text.n && !memchr(text.p, '\0', text.n) ? maker_pattern(m, text) : NULL;
    return e->pattern ? e : NULL;
}

static struct node *stream(struct maker *m) {
    struct node *n = node_new(m, NODE_STREAM);
    n->label_count = 1 + below(m, 2);
    n->labels = ARENA_NEW(m->mem, struct label_wish, n->label_count);
    for (size_t i = 0; i < n->label_count; i++) {
        struct label_wish *l = &n->labels[i];
        l->name = label_name(m);
        l->value = m->row ? labels_get(m->world->streams.p[m->row->stream].labels, l->name) : STR("none");
        l->op = chance(m, 60) ? LABEL_EQ : chance(m, 40) ? LABEL_NE : chance(m, 70) ? LABEL_RE : LABEL_NRE;
        if (l->op == LABEL_RE || l->op == LABEL_NRE)
            l->pattern = l->value.n ? maker_pattern(m, l->value) : NULL;
        if (l->pattern && chance(m, 60) && l->pattern->count < PATTERN_ATOMS_MAX)
            l->pattern->atoms[l->pattern->count++] =
                (struct atom){ .kind = ATOM_ANY, .min = 0, .max = PATTERN_REPEAT_EVER };
        if (!l->pattern && (l->op == LABEL_RE || l->op == LABEL_NRE))
            l->op = LABEL_EQ;
    }
    return n;
}

static struct node *exists(struct maker *m) {
    struct node *n = node_new(m, NODE_EXISTS);
    n->name = maker_name(m);
    return n;
}

static struct node *is_null(struct maker *m) {
    return node_of(m, chance(m, 50) ? NODE_IS_NULL : NODE_IS_NOT_NULL, node_field(m, maker_name(m)), NULL);
}

/* A call that says yes or no, or a length that is compared. */
static struct node *call(struct maker *m) {
    static const char *const tests[] = { "strcontains", "startswith", "endswith" };
    struct str name, text = maker_text(m, &name);
    struct node *field = node_field(m, name);
    struct str part = { text.p, text.n > 4 ? 4 : text.n };
    if (memchr(part.p ? part.p : "", '\0', part.n) == NULL && part.n && chance(m, 50))
        return node_call(m, tests[below(m, 3)],
                         (struct node *const[]){ field, node_literal(m, value_string(part), false) }, 2);
    if (chance(m, 30))
        return node_call(m, chance(m, 50) ? "isempty" : "isblank", &field, 1);
    struct node *n = node_of(m, NODE_COMPARE, node_call(m, "strlen", &field, 1), node_int(m, (int64_t)below(m, 40)));
    n->op = chance(m, 50) ? OP_GT : OP_LE;
    return n;
}

static struct node *text(struct maker *m) {
    struct str name, text = maker_text(m, &name);
    bool anywhere = chance(m, 45);
    if (!anywhere && chance(m, 25)) { /* a number's print */
        name = maker_name(m);
        struct value v = maker_value(m, name);
        AUTO(buf) b = { 0 };
        value_print(&v, &b);
        text = kept(m, &b);
    }
    return maker_text_node(m, anywhere ? STR("") : name, text);
}

static struct node *trace(struct maker *m) {
    struct value v = maker_value(m, STR("trace_id"));
    if (v.type != VALUE_STRING)
        return NULL;
    struct node *n;
    if (chance(m, 50)) {
        n = node_new(m, NODE_TEXT);
        n->name = chance(m, 70) ? STR("trace_id") : chance(m, 50) ? STR("traceId") : STR("");
        n->needle = v.s;
        n->quoted = chance(m, 40);
        return n;
    }
    n = node_of(m, NODE_COMPARE, node_field(m, STR("trace_id")), node_literal(m, v, true));
    n->op = OP_EQ;
    return n;
}

/* ---- trees ---- */

static struct node *filter_leaf(struct maker *m) {
    unsigned roll = (unsigned)below(m, 100);
    if (roll < 36)
        return text(m);
    if (roll < 50)
        return compare(m, true);
    if (roll < 58)
        return range(m);
    if (roll < 61)
        return cidr(m);
    if (roll < 65)
        return exists(m);
    if (roll < 72)
        return stream(m);
    if (roll < 76)
        return in_list(m, true);
    if (roll < 80)
        return like(m);
    if (roll < 83)
        return match(m);
    if (roll < 85)
        return is_null(m);
    if (roll < 88)
        return call(m);
    if (roll < 90)
        return sum_compare(m);
    if (roll < 92)
        return two_fields(m);
    if (roll < 95)
        return trace(m);
    return chance(m, 50) ? time_compare(m) : time_range(m);
}

static struct node *condition_leaf(struct maker *m) {
    unsigned roll = (unsigned)below(m, 100);
    if (roll < 50)
        return compare(m, false);
    if (roll < 60)
        return in_list(m, false);
    if (roll < 68)
        return like(m);
    if (roll < 75)
        return match(m);
    if (roll < 82)
        return is_null(m);
    if (roll < 90)
        return m->raw ? call(m) : is_null(m);
    return two_fields(m);
}

static struct node *leaf(struct maker *m, struct node *(*make)(struct maker *m)) {
    struct node *n = NULL;
    for (int i = 0; i < 20 && !n; i++)
        n = make(m);
    return n ? n : exists(m);
}

static struct node *tree(struct maker *m, unsigned depth, struct node *(*make)(struct maker *m)) {
    unsigned roll = (unsigned)below(m, 100);
    const struct world_row *row = m->row;
    if (depth == 0 || roll < 35)
        return leaf(m, make);
    if (roll < 50) {
        maker_other_row(m);
        struct node *n = node_of(m, NODE_NOT, tree(m, depth - 1, make), NULL);
        m->row = row;
        return n;
    }
    struct node *args[3], *n = node_new(m, roll < 78 ? NODE_AND : NODE_OR);
    size_t count = 2 + chance(m, 30);
    for (size_t i = 0; i < count; i++) {
        args[i] = tree(m, depth - 1, make);
        m->row = row;
        if (n->kind == NODE_OR || chance(m, 5))
            maker_other_row(m);
    }
    set_args(m, n, args, count);
    m->row = row;
    return n;
}

struct node *maker_filter(struct maker *m, unsigned depth) { return tree(m, depth, m->raw ? filter_leaf : condition_leaf); }
struct node *maker_condition(struct maker *m, unsigned depth) { return tree(m, depth, condition_leaf); }

struct node *question_make_filter(const struct world *w, struct random *r, struct arena *mem, unsigned depth) {
    struct maker m = { .world = w, .random = r, .mem = mem, .raw = true };
    maker_other_row(&m);
    return maker_filter(&m, depth);
}
