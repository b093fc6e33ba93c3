#include "question_make.h"
#include "base/assert.h"
/* Whole questions: a filter, then commands of the kinds that people put together. */

static struct str source(struct maker *m, const struct node *n) {
    AUTO(buf) b = { 0 };
    struct str s;
    question_print_value(n, &b);
    ASSERT(arena_dup(m->mem, buf_str(&b), &s) == ERR_OK);
    return s;
}

static struct str numbered(struct maker *m, const char *stem, uint64_t i) {
    struct str s;
    ASSERT(arena_printf(m->mem, &s, "%s%llu", stem, (unsigned long long)i) == ERR_OK);
    return s;
}

/* ---- expressions ---- */

static struct node *number_field(struct maker *m) {
    static const char *const names[] = { "seq", "status", "duration_ms", "bytes", "amount", "mixed", "seven", "http.status" };
    if (!m->raw && m->made_count)
        return node_field(m, maker_name(m));
    return node_field(m, str_of(names[below(m, COUNT_OF(names))]));
}

static struct node *any_field(struct maker *m) { return node_field(m, maker_name(m)); }

static struct node *arith(struct maker *m, unsigned depth) {
    static const enum expr_op ops[] = { OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_MOD };
    struct node *b = chance(m, 60) ? node_int(m, (int64_t)below(m, 100)) : number_field(m);
    struct node *a = depth && chance(m, 40) ? arith(m, depth - 1) : number_field(m);
    struct node *n = node_of(m, NODE_ARITH, a, b);
    n->op = ops[below(m, COUNT_OF(ops))];
    return n;
}

static struct node *text_call(struct maker *m) {
    static const char *const one[] = { "upper", "lower", "trim", "tostring", "strlen", "length", "isnull", "ispresent", "urldecode" };
    struct node *f = any_field(m);
    switch (below(m, 6)) {
    case 0:
        return node_call(m, "concat", (struct node *const[]){ f, node_text_literal(m, "-"), any_field(m) }, 3);
    case 1:
        return node_call(m, "substr",
                         (struct node *const[]){ f, node_int(m, (int64_t)below(m, 5) - 2), node_int(m, (int64_t)below(m, 8)) }, 3);
    case 2:
        return node_call(m, "replace", (struct node *const[]){ f, node_text_literal(m, "e"), node_text_literal(m, "<>") }, 3);
    case 3: return node_call(m, "strpos", (struct node *const[]){ f, node_text_literal(m, "o") }, 2);
    default: return node_call(m, one[below(m, COUNT_OF(one))], &f, 1);
    }
}

static struct node *number_call(struct maker *m) {
    static const char *const one[] = { "floor", "ceil", "abs", "round", "tonumber", "sqrt" };
    struct node *f = number_field(m);
    switch (below(m, 5)) {
    case 0: return node_call(m, "round", (struct node *const[]){ f, node_int(m, 1) }, 2);
    case 1: return node_call(m, "greatest", (struct node *const[]){ f, number_field(m), node_int(m, 100) }, 3);
    case 2: return node_call(m, "mod", (struct node *const[]){ f, node_int(m, 7) }, 2);
    default: return node_call(m, one[below(m, COUNT_OF(one))], &f, 1);
    }
}

static struct node *choice_call(struct maker *m, unsigned depth) {
    struct node *c = maker_condition(m, depth ? 1 : 0), *a = any_field(m), *b = number_field(m);
    switch (below(m, 3)) {
    case 0: return node_call(m, "coalesce", (struct node *const[]){ a, b, node_text_literal(m, "none") }, 3);
    case 1:
        return node_call(m, "case",
                         (struct node *const[]){ c, node_text_literal(m, "yes"), maker_condition(m, 0), b, node_int(m, 0) }, 5);
    default: return node_call(m, "if", (struct node *const[]){ c, a, b }, 3);
    }
}

static struct node *time_call(struct maker *m) {
    static const char *const one[] = { "hour", "minute", "second", "tomillis" };
    static const char *const spans[] = { "1m", "5m", "1h", "90s", "7m" };
    struct node *t = node_field(m, STR("@timestamp"));
    if (chance(m, 50))
        return node_call(m, "bin", (struct node *const[]){ t, node_span(m, spans[below(m, COUNT_OF(spans))]) }, 2);
    return node_call(m, one[below(m, COUNT_OF(one))], &t, 1);
}

struct node *maker_expression(struct maker *m, unsigned depth) {
    unsigned roll = (unsigned)below(m, 100);
    bool made = m->made_count > 0; /* the last digit of a made number is nobody's promise: no texts of them */
    if (roll < 25 || (made && roll < 40))
        return arith(m, depth);
    if (roll < 50 && !made)
        return text_call(m);
    if (roll < 65)
        return number_call(m);
    if (roll < 80)
        return choice_call(m, depth);
    if (roll < 85 && (m->raw || !m->made_count))
        return time_call(m);
    return roll < 95 ? maker_condition(m, 1) : any_field(m);
}

/* ---- commands on rows ---- */

static bool is_made(const struct maker *m, struct str name) {
    for (size_t i = 0; i < m->made_count; i++)
        if (str_eq(m->made[i], name))
            return true;
    return false;
}

static void note_made(struct maker *m, struct str name) {
    if (!is_made(m, name) && m->made_count < COUNT_OF(m->made))
        m->made[m->made_count++] = name;
}

static void make_eval(struct maker *m, struct command *c) {
    bool rows = m->made_count == 0;
    c->kind = COMMAND_EVAL;
    c->count = 1 + below(m, 3);
    for (size_t i = 0; i < c->count; i++) {
        struct str name = numbered(m, "made_", below(m, 4));
        if (chance(m, 15))
            name = chance(m, 50) ? STR("status") : STR("user");
        c->columns[i].value = maker_expression(m, 2);
        c->columns[i].name = name;
        if (!rows)
            note_made(m, name);
    }
}

static void make_fields(struct maker *m, struct command *c) {
    c->kind = COMMAND_FIELDS;
    c->count = 1 + below(m, COLUMNS_MAX);
    for (size_t i = 0; i < c->count; i++) {
        struct column *f = &c->columns[i];
        f->value = i == 0 && !m->made_count && chance(m, 60) ? node_field(m, STR("@timestamp")) : any_field(m);
        if (!m->made_count && chance(m, 8))
            f->value = node_field(m, chance(m, 50) ? STR("@stream") : STR("@logStream"));
        if (chance(m, 15))
            f->value = maker_expression(m, 1);
        f->named = chance(m, 20);
        f->name = f->named ? numbered(m, "col_", i)
                           : f->value->kind == NODE_FIELD ? f->value->name : source(m, f->value);
    }
}

static void make_drop(struct maker *m, struct command *c) {
    c->kind = COMMAND_DROP;
    c->count = 1 + below(m, 4);
    for (size_t i = 0; i < c->count; i++)
        c->columns[i].value = any_field(m);
}

static void make_rename(struct maker *m, struct command *c) {
    c->kind = COMMAND_RENAME;
    c->count = 1 + below(m, 2);
    for (size_t i = 0; i < c->count; i++)
        c->columns[i] = (struct column){ .value = any_field(m), .name = numbered(m, "new_", below(m, 3)) };
}

static void make_fillnull(struct maker *m, struct command *c) {
    c->kind = COMMAND_FILLNULL;
    c->count = 1 + below(m, 3);
    if (chance(m, 60))
        c->condition = chance(m, 50) ? node_text_literal(m, "none") : node_int(m, -1);
    for (size_t i = 0; i < c->count; i++) {
        c->columns[i].value = any_field(m);
        c->columns[i].name = c->columns[i].value->name;
    }
}

static void make_filter(struct maker *m, struct command *c) {
    c->kind = COMMAND_FILTER;
    c->condition = maker_filter(m, 1 + (unsigned)below(m, 2));
}

static void make_dedup(struct maker *m, struct command *c) {
    static const char *const names[] = { "service", "host", "level", "status", "mixed", "user", "tags", "path", "ok", "amount" };
    c->kind = COMMAND_DEDUP;
    c->most = chance(m, 70) ? 1 : 1 + below(m, 4);
    c->count = 1 + below(m, 3);
    for (size_t i = 0; i < c->count; i++) {
        struct column *k = &c->columns[i];
        k->value = m->made_count ? any_field(m) : node_field(m, str_of(names[below(m, COUNT_OF(names))]));
        if (chance(m, 8))
            k->value = maker_expression(m, 1);
        k->name = k->value->kind == NODE_FIELD ? k->value->name : source(m, k->value);
    }
}

static void make_number(struct maker *m, struct command *c, enum command_kind kind) {
    c->kind = kind;
    c->most = chance(m, 60) ? 1 + below(m, 20) : below(m, 2000);
}

static void make_sort(struct maker *m, struct command *c) {
    c->kind = COMMAND_SORT;
    c->count = 1 + below(m, 2);
    for (size_t i = 0; i < c->count; i++) {
        c->columns[i].value = chance(m, 10) && !m->made_count ? maker_expression(m, 1) : any_field(m);
        c->columns[i].descending = chance(m, 50);
    }
}

/* ---- stats ---- */

static const struct {
    const char *name;
    enum aggregate aggregate;
    double parameter;
} aggregates[] = {
    // tidy: table
    { "count", AGGREGATE_COUNT, 0 },          { "sum", AGGREGATE_SUM, 0 },
    { "avg", AGGREGATE_AVG, 0 },              { "mean", AGGREGATE_AVG, 0 },
    { "min", AGGREGATE_MIN, 0 },              { "max", AGGREGATE_MAX, 0 },
    { "stddev", AGGREGATE_STDDEV, 0 },        { "variance", AGGREGATE_VARIANCE, 0 },
    { "median", AGGREGATE_QUANTILE, 0.5 },    { "p50", AGGREGATE_QUANTILE, 0.5 },
    { "p90", AGGREGATE_QUANTILE, 0.9 },       { "p99.9", AGGREGATE_QUANTILE, 0.999 },
    { "p99", AGGREGATE_QUANTILE, 0.99 },      { "p0", AGGREGATE_QUANTILE, 0 },
    { "quantile", AGGREGATE_QUANTILE, 0.75 }, { "count_distinct", AGGREGATE_DISTINCT, 0 },
    { "dc", AGGREGATE_DISTINCT, 0 },          { "first", AGGREGATE_FIRST, 0 },
    { "earliest", AGGREGATE_FIRST, 0 },       { "last", AGGREGATE_LAST, 0 },
    { "latest", AGGREGATE_LAST, 0 },          { "values", AGGREGATE_VALUES, 0 },
    { "list", AGGREGATE_LIST, 0 },
};

static struct node *aggregate_arg(struct maker *m, enum aggregate a) {
    static const char *const numbers[] = { "duration_ms", "status", "bytes", "amount", "seq", "mixed", "seven", "ok" };
    static const char *const plain[] = { "level", "user", "status", "seq", "service", "host", "path", "ok" };
    bool array = a == AGGREGATE_VALUES || a == AGGREGATE_LIST, edge = a == AGGREGATE_FIRST || a == AGGREGATE_LAST;
    bool anything = a == AGGREGATE_MIN || a == AGGREGATE_MAX || a == AGGREGATE_DISTINCT || a == AGGREGATE_COUNT || edge;
    if (m->made_count)
        return any_field(m);
    if (array)
        return node_field(m, str_of(plain[below(m, COUNT_OF(plain))]));
    if (chance(m, 15))
        return maker_condition(m, 1);
    if (chance(m, 10))
        return anything ? maker_expression(m, 1) : arith(m, 0);
    if (anything && chance(m, 60))
        return any_field(m);
    return node_field(m, str_of(numbers[below(m, COUNT_OF(numbers))]));
}

static void make_aggregate(struct maker *m, struct column *c, size_t number, bool made) {
    size_t i;
    do
        i = chance(m, 30) ? 0 : below(m, COUNT_OF(aggregates));
    while (made && aggregates[i].aggregate >= AGGREGATE_FIRST);
    *c = (struct column){ .aggregate = aggregates[i].aggregate, .parameter = aggregates[i].parameter, .named = true };
    c->function = str_of(aggregates[i].name);
    if (i > 0 || chance(m, 25))
        c->value = aggregate_arg(m, c->aggregate);
    c->name = numbered(m, "agg_", number);
    if (number == 0 && chance(m, 40)) {
        c->named = false;
        AUTO(buf) b = { 0 };
        buf_add(&b, c->function);
        buf_add_char(&b, '(');
        if (c->value)
            question_print_value(c->value, &b);
        if (str_eq(c->function, STR("quantile")))
            buf_addf(&b, ", %g", c->parameter);
        buf_add_char(&b, ')');
        ASSERT(arena_dup(m->mem, buf_str(&b), &c->name) == ERR_OK);
        if (!c->value)
            c->name = STR("count");
    }
}

static void make_key(struct maker *m, struct column *k, size_t number) {
    static const char *const names[] = { "service", "level", "status", "host", "env", "user",  "mixed",
                                         "ok",      "path",  "tags",   "amount", "seven", "client", "user-id" };
    static const char *const spans[] = { "1m", "5m", "1h", "10m", "7m", "90s", "1d" };
    *k = (struct column){ .named = chance(m, 30) };
    if (m->made_count)
        k->value = any_field(m);
    else if (chance(m, 25)) {
        k->value = node_call(m, "bin", (struct node *const[]){ node_span(m, spans[below(m, COUNT_OF(spans))]) }, 1);
        k->bin_ns = k->value->args[0]->literal.i;
    } else if (chance(m, 12))
        k->value = maker_expression(m, 1);
    else
        k->value = node_field(m, str_of(names[below(m, COUNT_OF(names))]));
    k->name = k->named ? numbered(m, "key_", number) : k->value->kind == NODE_FIELD ? k->value->name : source(m, k->value);
}

static bool name_taken(const struct command *c, size_t keys, struct str name) {
    for (size_t i = 0; i < keys; i++)
        if (str_eq(c->keys[i].name, name))
            return true;
    for (size_t i = 0; i < c->count; i++)
        if (str_eq(c->columns[i].name, name))
            return true;
    return false;
}

static void make_keys(struct maker *m, struct command *c, size_t want) {
    for (size_t i = 0; i < want; i++) {
        make_key(m, &c->keys[c->key_count], i);
        if (!name_taken(c, c->key_count, c->keys[c->key_count].name))
            c->key_count++;
    }
}

/* count by …, timechart span=5m … by …: stats with less to write. */
static void make_word(struct maker *m, struct command *c) {
    static const char *const spans[] = { "1m", "5m", "1h", "10m" };
    if (m->made_count || chance(m, 80))
        return;
    c->word = chance(m, 50) ? WORD_COUNT : WORD_TIMECHART;
    if (c->word == WORD_COUNT) {
        c->count = 1;
        c->columns[0] = (struct column){ .aggregate = AGGREGATE_COUNT, .function = STR("count"), .name = STR("count") };
        return;
    }
    struct node *span = node_span(m, spans[below(m, COUNT_OF(spans))]);
    c->keys[c->key_count++] = (struct column){ .value = node_call(m, "bin", &span, 1), .name = STR("@timestamp"), .bin_ns = span->literal.i };
}

static void make_stats(struct maker *m, struct command *c) {
    bool made = m->made_count > 0, bin = false;
    c->kind = COMMAND_STATS;
    c->count = 1 + below(m, 4);
    for (size_t i = 0; i < c->count; i++)
        make_aggregate(m, &c->columns[i], i, made);
    make_word(m, c);
    make_keys(m, c, below(m, 4));
    for (size_t i = 0; i < c->key_count; i++)
        bin = bin || c->keys[i].bin_ns;
    if (bin && c->word != WORD_COUNT && c->count < COLUMNS_MAX && chance(m, 30))
        c->columns[c->count++] = (struct column){ .aggregate = AGGREGATE_RATE, .function = STR("rate"), .name = STR("per_second"), .named = true };
    m->raw = false;
    m->made_count = 0;
    for (size_t i = 0; i < c->key_count; i++)
        note_made(m, c->keys[i].name);
    for (size_t i = 0; i < c->count; i++)
        note_made(m, c->columns[i].name);
}

/* Where `as` is not known. */
static void name_by_source(struct maker *m, struct column *c, size_t count) {
    for (size_t i = 0; i < count; i++) {
        c[i].named = false;
        c[i].name = c[i].value->kind == NODE_FIELD ? c[i].value->name : source(m, c[i].value);
    }
}

static void make_patterns(struct maker *m, struct command *c) {
    static const char *const names[] = { "pattern", "count", "share", "first", "last", "example" };
    c->kind = COMMAND_PATTERNS;
    c->most = chance(m, 50) ? 0 : 1 + below(m, 20);
    m->raw = false;
    m->made_count = 0;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        note_made(m, str_of(names[i]));
}

static bool mentions_time(const struct node *n) {
    bool found = str_eq(n->name, STR("@timestamp"));
    for (size_t i = 0; i < n->arg_count && !found; i++)
        found = mentions_time(n->args[i]);
    return found;
}

static void make_context(struct maker *m, struct command *c) {
    c->kind = COMMAND_CONTEXT;
    c->before = below(m, 6);
    c->after = chance(m, 50) ? c->before : below(m, 6);
}

static void make_top(struct maker *m, struct command *c) {
    c->kind = chance(m, 65) ? COMMAND_TOP : COMMAND_RARE;
    c->most = chance(m, 50) ? 10 : 1 + below(m, 5);
    make_keys(m, c, 1 + chance(m, 30));
    memcpy(c->columns, c->keys, sizeof c->keys);
    c->count = c->key_count;
    c->key_count = 0;
    name_by_source(m, c->columns, c->count);
    if (c->count == 2 && str_eq(c->columns[0].name, c->columns[1].name))
        c->count = 1;
    if (chance(m, 30))
        make_keys(m, c, 1);
    name_by_source(m, c->keys, c->key_count);
    if (c->key_count && name_taken(c, 0, c->keys[0].name))
        c->key_count = 0;
    m->raw = false;
    m->made_count = 0;
    for (size_t i = 0; i < c->key_count; i++)
        note_made(m, c->keys[i].name);
    for (size_t i = 0; i < c->count; i++)
        note_made(m, c->columns[i].name);
    note_made(m, STR("count"));
}

/* ---- whole ones ---- */

static struct command *next(struct question *q) { return &q->commands[q->command_count++]; }

/* Row by row: can be paged. */
static void add_row_commands(struct maker *m, struct question *q, size_t count) {
    static void (*const makers[])(struct maker *, struct command *) = { make_eval,   make_eval,     make_filter, make_fields,
                                                                        make_rename, make_fillnull, make_drop };
    for (size_t i = 0; i < count; i++) {
        struct command *c = next(q);
        makers[below(m, COUNT_OF(makers))](m, c);
        m->raw = m->raw && c->kind == COMMAND_FILTER;
    }
}

static void add_behind_groups(struct maker *m, struct question *q) {
    if (chance(m, 20))
        make_eval(m, next(q));
    if (chance(m, 20))
        make_filter(m, next(q));
    if (chance(m, 40))
        make_sort(m, next(q));
    if (chance(m, 35))
        make_number(m, next(q), chance(m, 90) ? COMMAND_LIMIT : COMMAND_TAIL);
}

static void make_rows_question(struct maker *m, struct question *q) {
    add_row_commands(m, q, chance(m, 35) ? 1 + below(m, 3) : 0);
    if (chance(m, 40)) {
        q->limit = chance(m, 60) ? 1 + below(m, 40) : 1 + below(m, 3000);
        q->paged = chance(m, 50);
        return;
    }
    if (chance(m, 25))
        make_dedup(m, next(q));
    if (chance(m, 30))
        make_number(m, next(q), chance(m, 80) ? COMMAND_LIMIT : COMMAND_TAIL);
    if (q->command_count < COMMANDS_MAX && chance(m, 20))
        make_eval(m, next(q));
}

static void make_commands(struct maker *m, struct question *q) {
    unsigned roll = (unsigned)below(m, 100);
    if (roll < 3 && q->filter->kind != NODE_ALL && !mentions_time(q->filter)) {
        make_context(m, next(q));
        return;
    }
    if (roll < 43) {
        make_rows_question(m, q);
        return;
    }
    if (roll < 47) {
        make_patterns(m, next(q));
        if (chance(m, 20))
            make_sort(m, next(q));
        return;
    }
    if (chance(m, 25))
        add_row_commands(m, q, 1);
    if (roll < 80) {
        make_stats(m, next(q));
        add_behind_groups(m, q);
        if (q->command_count < COMMANDS_MAX && chance(m, 5))
            make_stats(m, next(q));
    } else if (roll < 90) {
        make_sort(m, next(q));
        if (chance(m, 80))
            make_number(m, next(q), COMMAND_LIMIT);
        if (chance(m, 30))
            make_fields(m, next(q));
    } else {
        make_top(m, next(q));
        if (chance(m, 30))
            make_sort(m, next(q));
    }
}

static void make_times(struct maker *m, struct question *q) {
    int64_t hour = 3600ll * 1000000000, a = m->world->from_ns + hour * (int64_t)below(m, 4), b = m->world->to_ns;
    q->from_ns = INT64_MIN;
    q->to_ns = INT64_MAX;
    if (m->row && chance(m, 25)) {
        maker_other_row(m);
        q->from_ns = chance(m, 60) ? m->row->time_ns + (int64_t)below(m, 2) : a;
        maker_other_row(m);
        b = chance(m, 70) ? m->row->time_ns + (int64_t)below(m, 2) : b;
        if (b > q->from_ns)
            q->to_ns = b;
    }
}

struct question *question_make(const struct world *w, struct random *r, struct arena *mem) {
    struct maker m = { .world = w, .random = r, .mem = mem, .raw = true };
    struct question *q = ARENA_NEW(mem, struct question, 1);
    AUTO(buf) text = { 0 };
    maker_other_row(&m);
    make_times(&m, q);
    maker_other_row(&m);
    q->filter = chance(&m, 15) ? node_new(&m, NODE_ALL) : maker_filter(&m, (unsigned)below(&m, 4));
    make_commands(&m, q);
    question_print(q, r, &text);
    ASSERT(arena_dup(mem, buf_str(&text), &q->text) == ERR_OK);
    return q;
}
