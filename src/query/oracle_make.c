#include "query/oracle_make.h"
#include "base/assert.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const int64_t SECOND = 1000000000, HOUR = 3600ll * 1000000000;
static const int64_t START = 1699992000ll * 1000000000; /* a whole hour */

static size_t below(struct random *r, size_t n) {
    return (size_t)random_below(r, n);
}
static bool chance(struct random *r, unsigned percent) {
    return random_below(r, 100) < percent;
}
#define PICK(r, list) ((list)[below((r), COUNT_OF(list))])

/* All of it, or the buffers are too small. */
PRINTF(3, 4) static void say(char *out, size_t size, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(out, size, fmt, ap);
    va_end(ap);
    ASSERT(n >= 0 && (size_t)n < size);
}

/* ---- rows ---- */

enum { WIDE_FIELDS = 600 };
static const char *const services[] = { "cart", "search", "payment", "checkout" };
static const char *const hosts[] = { "a1", "a2", "b1", "web-7" };
static const char *const levels[] = { "info", "info", "info", "warn", "error", "debug" };
static const char *const users[] = { "anna", "bob", "user-12", "user-13", "Zoë", "root" };
static const char *const colours[] = { "red", "green", "blue" };

static int64_t any_time(struct random *r) {
    int64_t hour = START + (int64_t)below(r, 4) * HOUR;
    switch (below(r, 5)) {
    case 0: return hour;
    case 1: return hour - 1;
    case 2: return hour + (int64_t)below(r, 3600) * SECOND;
    default: return hour + (int64_t)random_below(r, (uint64_t)HOUR);
    }
}

static void add_message(struct exec_case *c, struct random *r) {
    char text[160];
    unsigned n = (unsigned)below(r, 1000);
    switch (below(r, 8)) {
    case 0:
        say(text, sizeof text, "user %s logged in from 10.0.%u.%u", PICK(r, users), n % 4, n % 250);
        break;
    case 1: say(text, sizeof text, "Added item %u to the cart", n); break;
    case 2: say(text, sizeof text, "query took %u ms", n); break;
    case 3: say(text, sizeof text, "connection to disk-%u lost: timeout after %us", n % 5, n % 60); break;
    case 4: say(text, sizeof text, "%s", "card declined"); break;
    case 5: say(text, sizeof text, "GET /api/v%u/items/%u 200", n % 3, n); break;
    case 6: say(text, sizeof text, "caf\xc3\xa9 %s error=%u", PICK(r, colours), n % 7); break;
    default: say(text, sizeof text, "%s", ""); break;
    }
    exec_case_text(c, "@message", text);
}

static struct value mixed_value(struct random *r) {
    static const char *const texts[] = {
        "7", "12", "x", "", "true", "3.5", "10.0.0.9", "2023-11-14T22:13:20Z"
    };
    static const char *const numbers[] = { "1.50", "1e3", "12345678901234567890", "-0" };
    switch (below(r, 6)) {
    case 0: return value_int((int64_t)below(r, 20) - 5);
    case 1: return value_float((double)below(r, 80) / 4 - 5);
    case 2: return value_bool(chance(r, 50));
    case 3: return (struct value){ .type = VALUE_NUMBER_TEXT, .s = str_of(PICK(r, numbers)) };
    default: return value_string(str_of(PICK(r, texts)));
    }
}

static void add_rare_fields(struct exec_case *c, struct random *r) {
    char text[64];
    if (chance(r, 20)) {
        say(text, sizeof text, "%016llx%016llx", 0x1234567890abcdefull * (1 + below(r, 40)),
            0xfeull + below(r, 3));
        exec_case_text(c, "trace_id", text);
    }
    if (chance(r, 20)) {
        say(text, sizeof text, "[\"%s\",\"%s\",%zu]", PICK(r, colours), PICK(r, colours), below(r, 9));
        exec_case_cell(c, "tags", (struct value){ .type = VALUE_JSON, .s = str_of(text) });
    }
    if (chance(r, 30))
        exec_case_cell(c, "ok", value_bool(chance(r, 50)));
    if (chance(r, 30))
        exec_case_cell(c, "mixed", mixed_value(r));
    if (chance(r, 20)) {
        say(text, sizeof text, "%u.0.0.%zu", chance(r, 50) ? 10u : 192u, below(r, 9));
        exec_case_text(c, "client", text);
    }
    if (chance(r, 10))
        exec_case_cell(c, "big",
                       value_int(chance(r, 50) ? INT64_MAX - (int64_t)below(r, 3) : (int64_t)1 << 53));
    if (chance(r, 10))
        exec_case_cell(c, "seen", value_time(any_time(r)));
}

void oracle_add_rows(struct exec_case *c, struct random *r, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char labels[128];
        const char *host = PICK(r, hosts);
        bool host_label = chance(r, 60);
        say(labels, sizeof labels, "service=%s%s%s%s", PICK(r, services), host_label ? ",host=" : "",
            host_label ? host : "", chance(r, 10) ? ",env=test" : "");
        exec_case_add(c, any_time(r), labels);
        if (chance(r, 95))
            add_message(c, r);
        if (chance(r, 90))
            exec_case_text(c, "level", PICK(r, levels));
        if (!host_label && chance(r, 70))
            exec_case_text(c, "host", host);
        if (chance(r, 70))
            exec_case_cell(c, "status", value_int((int64_t)(200 + 100 * below(r, 4) + below(r, 3))));
        if (chance(r, 60))
            exec_case_cell(c, "ms", value_float((double)below(r, 4000) / 4));
        if (chance(r, 60))
            exec_case_text(c, "user", PICK(r, users));
        add_rare_fields(c, r);
    }
}

void oracle_add_wide_rows(struct exec_case *c, struct random *r) {
    for (size_t i = 0; i < WIDE_FIELDS; i++) {
        char name[16], text[32];
        oracle_add_rows(c, r, 1);
        say(name, sizeof name, "f%zu", i);
        say(text, sizeof text, "wide-%zu", i);
        if (i % 3 == 0)
            exec_case_cell(c, name, value_int((int64_t)i));
        else
            exec_case_text(c, name, i % 3 == 1 ? text : "\"q\" \\ end");
    }
}

/* ---- filters ---- */

static const struct exec_case_row *some_row(const struct exec_case *c, struct random *r) {
    return &c->rows.p[below(r, c->rows.n)];
}

static const struct value *some_value(const struct exec_case *c, struct random *r, const char *name) {
    for (unsigned i = 0; i < 30; i++) {
        const struct exec_case_row *row = some_row(c, r);
        for (size_t k = 0; k < row->cell_count; k++)
            if (str_eq(row->cells[k].name, str_of(name)))
                return &row->cells[k].value;
    }
    return NULL;
}

static void some_word(const struct exec_case *c, struct random *r, char *out, size_t size) {
    const struct value *v = some_value(c, r, "@message");
    struct str words[16], rest, token;
    size_t n = 0;
    say(out, size, "nothing");
    if (!v)
        return;
    for (rest = v->s; n < COUNT_OF(words) && token_next(&rest, &token);)
        words[n++] = token;
    if (n == 0)
        return;
    struct str w = words[below(r, n)];
    if (str_eq_nocase(w, STR("to")) || str_eq_nocase(w, STR("in")))
        return;
    say(out, size, STR_FMT, STR_ARG(w));
}

static void message_filter(const struct exec_case *c, struct random *r, char *out, size_t size) {
    char word[64];
    some_word(c, r, word, sizeof word);
    size_t n = strlen(word);
    switch (below(r, 9)) {
    case 0: say(out, size, "\"%s\"", word); break;
    case 1: say(out, size, "%.*s*", (int)(n > 2 ? n - 1 : n), word); break;
    case 2: say(out, size, "*\"%s\"*", word + (n > 3)); break;
    case 3: say(out, size, "message:\"%s\"", word); break;
    case 4: say(out, size, "\"logged in from\""); break;
    case 5: say(out, size, "/took [0-9]+ ms/"); break;
    case 6: say(out, size, "@message:*%c*", word[0] && (word[0] & 0x80) == 0 ? word[0] : 'a'); break;
    case 7: say(out, size, "@message = \"card declined\""); break;
    default: say(out, size, "\"%s\" OR declined", word); break;
    }
}

static void number_filter(const struct exec_case *c, struct random *r, char *out, size_t size) {
    static const char *const fields[] = { "status", "ms", "mixed", "big" };
    static const char *const operators[] = { "=", "!=", ">", ">=", "<", "<=" };
    const char *field = PICK(r, fields);
    const struct value *v = some_value(c, r, field);
    AUTO(buf) text = { 0 };
    if (v && v->type != VALUE_STRING && v->type != VALUE_BOOL)
        value_print(v, &text);
    else
        buf_add(&text, STR("7"));
    buf_add_char(&text, '\0');
    switch (below(r, 6)) {
    case 0: say(out, size, "%s:%s", field, text.p); break;
    case 1: say(out, size, "%s:>%s", field, text.p); break;
    case 2:
        say(out, size, "%s:%c%s TO %s%c", field, chance(r, 50) ? '[' : '{', text.p,
            chance(r, 50) ? "500" : "*", chance(r, 50) ? ']' : '}');
        break;
    case 3: say(out, size, "%s in (%s, 404)", field, text.p); break;
    case 4: say(out, size, "%s %s %s.5", field, PICK(r, operators), chance(r, 50) ? "3" : "400"); break;
    default: say(out, size, "%s %s %s", field, PICK(r, operators), text.p); break;
    }
}

static void text_filter(const struct exec_case *c, struct random *r, char *out, size_t size) {
    const struct value *trace = some_value(c, r, "trace_id");
    switch (below(r, 16)) {
    case 0: say(out, size, "level:%s", PICK(r, levels)); break;
    case 1: say(out, size, "severity:(error OR %s)", PICK(r, levels)); break;
    case 2: say(out, size, "service:%s", PICK(r, services)); break;
    case 3: say(out, size, "host = \"%s\"", PICK(r, hosts)); break;
    case 4: say(out, size, "host:%c*", PICK(r, hosts)[0]); break;
    case 5: say(out, size, "{service=\"%s\",host=~\"a.*\"}", PICK(r, services)); break;
    case 6: say(out, size, "{host!=\"%s\"}", PICK(r, hosts)); break;
    case 7: say(out, size, "user = \"%s\"", PICK(r, users)); break;
    case 8: say(out, size, "user:\"%s\"", PICK(r, users)); break;
    case 9: say(out, size, "tags:%s", PICK(r, colours)); break;
    case 10: say(out, size, "ok:%s", chance(r, 50) ? "true" : "false"); break;
    case 11: say(out, size, "client:10.0.0.0/8"); break;
    case 12: say(out, size, "user != \"%s\"", PICK(r, users)); break;
    case 13: say(out, size, "\"%s\"", PICK(r, services)); break;
    case 14: say(out, size, "mixed:%s", chance(r, 50) ? "7" : "true"); break;
    default: say(out, size, "trace_id:" STR_FMT, trace ? (int)trace->s.n : 2, trace ? trace->s.p : "ff");
    }
}

static void odd_filter(const struct exec_case *c, struct random *r, char *out, size_t size) {
    static const char *const fields[] = { "status", "user", "ok", "tags", "host", "mixed", "env" };
    (void)c;
    switch (below(r, 13)) {
    case 10: say(out, size, "f%zu:*", below(r, WIDE_FIELDS)); break;
    case 11: say(out, size, "\"wide-%zu\"", below(r, WIDE_FIELDS)); break;
    case 12: say(out, size, "f%zu >= 0 OR f%zu:end", below(r, WIDE_FIELDS), below(r, WIDE_FIELDS)); break;
    case 0: say(out, size, "%s:*", PICK(r, fields)); break;
    case 1: say(out, size, "strlen(user) > 4"); break;
    case 2: say(out, size, "status > ms"); break;
    case 3: say(out, size, "coalesce(status, 0) = 0"); break;
    case 4: say(out, size, "user in (\"anna\", \"root\")"); break;
    case 5: say(out, size, "user like \"%%o%%\""); break;
    case 6: say(out, size, "mixed = \"%s\"", chance(r, 50) ? "7" : "x"); break;
    case 7:
        say(out, size, "seen > %s", chance(r, 50) ? "2023-11-14T21:00:00Z" : "2023-11-14T22:30:00Z");
        break;
    case 8: say(out, size, "lower(@logStream) = \"cart\""); break;
    default: say(out, size, "ms * 2 > status"); break;
    }
}

static void leaf(const struct exec_case *c, struct random *r, char *out, size_t size) {
    switch (below(r, 5)) {
    case 0: message_filter(c, r, out, size); break;
    case 1: number_filter(c, r, out, size); break;
    case 2: odd_filter(c, r, out, size); break;
    default: text_filter(c, r, out, size);
    }
}

static void tree(const struct exec_case *c, struct random *r, unsigned depth, char *out, size_t size) {
    char a[400], b[400];
    if (depth == 0 || chance(r, 40)) {
        leaf(c, r, out, size);
        return;
    }
    tree(c, r, depth - 1, a, sizeof a);
    tree(c, r, depth - 1, b, sizeof b);
    switch (below(r, 5)) {
    case 0: say(out, size, "NOT (%s)", a); break;
    case 1: say(out, size, "(%s) AND NOT (%s)", a, b); break;
    case 2: say(out, size, "(%s) (%s)", a, b); break;
    default: say(out, size, "(%s) OR (%s)", a, b); break;
    }
}

void oracle_make_filter(const struct exec_case *c, struct random *r, char *out, size_t size) {
    tree(c, r, 2, out, size);
}

/* ---- commands ---- */

struct making {
    const struct exec_case *c;
    struct random *r;
    struct oracle_query *q;
    bool raw;           /* rows are still those of the store */
    bool whole;         /* and have all their fields */
    char known[24][64]; /* fields that later commands may use */
    size_t known_count;
};

static const char *const raw_fields[] = { "f7",         "f300",    "f598",       "status",   "ms",
                                          "user",       "level",   "host",       "service",  "mixed",
                                          "ok",         "env",     "tags",       "client",   "severity",
                                          "@timestamp", "message", "@logStream", "@ingested" };

static const char *known(struct making *m) {
    return m->known_count ? m->known[below(m->r, m->known_count)] : "status";
}

/* Comparing a time with a text that is none is refused by the parser. */
static const char *known_text(struct making *m) {
    const char *name = known(m);
    return strcmp(name, "@timestamp") == 0 || strcmp(name, "@ingested") == 0 ? "level" : name;
}

/* The oracle has no cells for what is not shown by itself: it cannot lose them. */
static const char *known_cell(struct making *m) {
    const char *name = known(m);
    return strcmp(name, "@logStream") == 0 || strcmp(name, "@ingested") == 0 ? "level" : name;
}

static void learn(struct making *m, const char *name) {
    if (m->known_count < COUNT_OF(m->known))
        say(m->known[m->known_count++], sizeof m->known[0], "%s", name);
}

/* Needs backticks where a bare name would be an expression. */
static const char *quoted(const char *name, char *out, size_t size) {
    say(out, size, strpbrk(name, "()* ,") ? "`%s`" : "%s", name);
    return out;
}

static void add_field(struct oracle_stage *s, const char *name) {
    for (size_t i = 0; i < s->field_count; i++)
        if (strcmp(s->fields[i], name) == 0)
            return;
    say(s->fields[s->field_count], sizeof s->fields[0], "%s", name);
    say(s->names[s->field_count++], sizeof s->names[0], "%s", name);
}

static void append(struct oracle_stage *s, const char *text) {
    size_t n = strlen(s->text);
    say(s->text + n, sizeof s->text - n, "%s", text);
}

static void append_fields(struct oracle_stage *s, size_t from, size_t to, const char *prefix) {
    char name[80];
    for (size_t i = from; i < to; i++) {
        append(s, i > from ? ", " : " ");
        append(s, prefix);
        append(s, quoted(s->fields[i], name, sizeof name));
    }
}

static void make_fields(struct making *m, struct oracle_stage *s) {
    s->kind = chance(m->r, 25) ? ORACLE_DROP : ORACLE_FIELDS;
    for (size_t n = 1 + below(m->r, 4); n > 0; n--)
        add_field(s, s->kind == ORACLE_DROP ? known_cell(m) : known(m));
    say(s->text, sizeof s->text, "fields");
    append_fields(s, 0, s->field_count, s->kind == ORACLE_DROP ? "-" : "");
    if (s->kind == ORACLE_DROP)
        return;
    if (m->whole && chance(m->r, 30)) {
        say(s->fields[s->field_count], sizeof s->fields[0], "s*");
        say(s->names[s->field_count++], sizeof s->names[0], "s*");
        append(s, ", s*");
    }
    m->whole = false;
    if (chance(m->r, 50)) /* else later commands ask for what is not shown any more */
        m->known_count = 0;
    for (size_t i = 0; i < s->field_count; i++)
        if (!strchr(s->fields[i], '*'))
            learn(m, s->names[i]);
}

static void make_eval(struct making *m, struct oracle_stage *s) {
    char a[80], b[80];
    s->kind = ORACLE_EVAL;
    (void)quoted(known_text(m), a, sizeof a);
    (void)quoted(known(m), b, sizeof b);
    say(s->names[0], sizeof s->names[0], "made%zu", below(m->r, 3));
    switch (below(m->r, 6)) {
    case 0: say(s->expr, sizeof s->expr, "%s + 1", a); break;
    case 1: say(s->expr, sizeof s->expr, "%s > %s", a, b); break;
    case 2: say(s->expr, sizeof s->expr, "if(%s = \"info\", 1, 2)", a); break;
    case 3: say(s->expr, sizeof s->expr, "coalesce(%s, %s)", a, b); break;
    case 4: say(s->expr, sizeof s->expr, "concat(%s, \"-\", %s)", a, b); break;
    default: say(s->expr, sizeof s->expr, "%s * 2", a); break;
    }
    say(s->text, sizeof s->text, "eval %s = %s", s->names[0], s->expr);
    learn(m, s->names[0]);
}

static void make_agg(struct making *m, struct oracle_agg *a, size_t number) {
    static const struct {
        enum oracle_agg_kind kind;
        const char *name;
        double q;
    } kinds[] = { { ORACLE_COUNT, "count", 0 },
                  { ORACLE_SUM, "sum", 0 },
                  { ORACLE_AVG, "avg", 0 },
                  { ORACLE_MIN, "min", 0 },
                  { ORACLE_MAX, "max", 0 },
                  { ORACLE_STDDEV, "stddev", 0 },
                  { ORACLE_QUANTILE, "p90", 0.9 },
                  { ORACLE_QUANTILE, "median", 0.5 },
                  { ORACLE_DISTINCT, "count_distinct", 0 },
                  { ORACLE_FIRST, "first", 0 },
                  { ORACLE_LAST, "last", 0 },
                  { ORACLE_VALUES, "values", 0 },
                  { ORACLE_LIST, "list", 0 } };
    size_t k = below(m->r, COUNT_OF(kinds) + 3);
    *a = (struct oracle_agg){ .kind = ORACLE_COUNT };
    say(a->name, sizeof a->name, "a%zu", number);
    if (k >= COUNT_OF(kinds)) {
        say(a->text, sizeof a->text, "count() as a%zu", number);
        return;
    }
    a->kind = kinds[k].kind;
    a->quantile = kinds[k].q;
    a->is_field = chance(m->r, 75);
    char name[80];
    (void)quoted(a->is_field ? known(m) : known_text(m), name, sizeof name);
    if (a->is_field)
        say(a->arg, sizeof a->arg, "%s", name);
    else if (chance(m->r, 50))
        say(a->arg, sizeof a->arg, "%s > 300", name);
    else
        say(a->arg, sizeof a->arg, "%s = \"error\" or %s < 250", name, name);
    say(a->text, sizeof a->text, "%s(%s) as a%zu", kinds[k].name, a->arg, number);
}

static void make_key(struct making *m, struct oracle_stage *s) {
    size_t i = s->field_count;
    char name[80];
    if (m->raw && chance(m->r, 25)) {
        static const char *const steps[] = { "1m", "1h", "7s" };
        say(s->fields[i], sizeof s->fields[0], "bin(%s)", PICK(m->r, steps));
    } else if (chance(m->r, 10)) {
        say(s->fields[i], sizeof s->fields[0], "strlen(%s)", quoted(known(m), name, sizeof name));
    } else {
        (void)quoted(known(m), s->fields[i], sizeof s->fields[0]);
    }
    say(s->names[i], sizeof s->names[0], "k%zu", i);
    s->field_count++;
}

static void make_stats(struct making *m, struct oracle_stage *s) {
    s->kind = ORACLE_STATS;
    for (size_t n = 1 + below(m->r, 3); n > 0; n--, s->agg_count++)
        make_agg(m, &s->aggs[s->agg_count], s->agg_count);
    for (size_t n = below(m->r, 4); n > 0; n--)
        make_key(m, s);
    say(s->text, sizeof s->text, "stats");
    for (size_t i = 0; i < s->agg_count; i++) {
        append(s, i ? ", " : " ");
        append(s, s->aggs[i].text);
    }
    for (size_t i = 0; i < s->field_count; i++) {
        append(s, i ? ", " : " by ");
        append(s, s->fields[i]);
        append(s, " as ");
        append(s, s->names[i]);
    }
    m->raw = m->whole = false;
    m->known_count = 0;
    for (size_t i = 0; i < s->field_count; i++)
        learn(m, s->names[i]);
    for (size_t i = 0; i < s->agg_count; i++)
        if (s->aggs[i].kind != ORACLE_STDDEV) /* its last bits depend on the order of rows */
            learn(m, s->aggs[i].name);
}

static void make_sort(struct making *m, struct oracle_stage *s) {
    char name[80];
    s->kind = ORACLE_SORT;
    for (size_t n = 1 + below(m->r, 2); n > 0; n--)
        add_field(s, known(m));
    say(s->text, sizeof s->text, "sort");
    for (size_t i = 0; i < s->field_count; i++) {
        s->descending[i] = chance(m->r, 50);
        append(s, i ? ", " : " ");
        append(s, quoted(s->fields[i], name, sizeof name));
        append(s, s->descending[i] ? " desc" : chance(m->r, 50) ? " asc" : "");
    }
}

/* top makes a column of that name itself. */
static const char *known_no_count(struct making *m) {
    const char *name = known(m);
    return strcmp(name, "count") == 0 ? "k0" : name;
}

static void make_top(struct making *m, struct oracle_stage *s) {
    s->kind = chance(m->r, 50) ? ORACLE_TOP : ORACLE_RARE;
    s->n = 1 + below(m->r, 5);
    add_field(s, known_no_count(m));
    if (chance(m->r, 30))
        add_field(s, known_no_count(m));
    size_t fields = s->field_count;
    if (chance(m->r, 40))
        add_field(s, known_no_count(m));
    s->by_count = s->field_count - fields;
    say(s->text, sizeof s->text, "%s %zu", s->kind == ORACLE_TOP ? "top" : "rare", (size_t)s->n);
    append_fields(s, 0, fields, "");
    if (s->by_count) {
        append(s, " by");
        append_fields(s, fields, s->field_count, "");
    }
    m->raw = m->whole = false;
    m->known_count = 0;
    for (size_t i = 0; i < s->field_count; i++)
        learn(m, s->names[i]);
    learn(m, "count");
}

static void make_small(struct making *m, struct oracle_stage *s) {
    char name[80];
    switch (below(m->r, 5)) {
    case 0:
        s->kind = ORACLE_LIMIT;
        s->n = below(m->r, 30);
        say(s->text, sizeof s->text, "limit %zu", (size_t)s->n);
        break;
    case 1:
        s->kind = ORACLE_TAIL;
        s->n = below(m->r, 30);
        say(s->text, sizeof s->text, "tail %zu", (size_t)s->n);
        break;
    case 2:
        s->kind = ORACLE_DEDUP;
        s->n = 1 + below(m->r, 3);
        add_field(s, known(m));
        if (chance(m->r, 40))
            add_field(s, known(m));
        say(s->text, sizeof s->text, "dedup %zu", (size_t)s->n);
        append_fields(s, 0, s->field_count, "");
        break;
    case 3:
        s->kind = ORACLE_RENAME;
        add_field(s, known_cell(m));
        say(s->names[0], sizeof s->names[0], "renamed");
        say(s->text, sizeof s->text, "rename %s as renamed", quoted(s->fields[0], name, sizeof name));
        learn(m, "renamed");
        break;
    default:
        s->kind = ORACLE_FILLNULL;
        add_field(s, known(m));
        say(s->text, sizeof s->text, "fillnull");
        append_fields(s, 0, 1, "");
    }
}

static void make_filter(struct making *m, struct oracle_stage *s) {
    char name[80];
    s->kind = ORACLE_FILTER;
    (void)quoted(known_text(m), name, sizeof name);
    switch (below(m->r, 4)) {
    case 0: say(s->expr, sizeof s->expr, "%s > 300", name); break;
    case 1: say(s->expr, sizeof s->expr, "%s != \"error\"", name); break;
    case 2: say(s->expr, sizeof s->expr, "%s = 1 or %s > 1", name, name); break;
    default: say(s->expr, sizeof s->expr, "%s in (\"info\", 200, 1)", name); break;
    }
    say(s->text, sizeof s->text, "filter %s", s->expr);
}

static bool make_whole(struct making *m, struct oracle_stage *s) {
    size_t which = m->q->stage_count == 0 ? below(m->r, 12) : 12;
    if (which > 2)
        return false;
    s->n = below(m->r, 4);
    s->m = below(m->r, 4);
    if (which == 0) {
        s->kind = ORACLE_CONTEXT;
        say(s->text, sizeof s->text, "context before %zu after %zu", (size_t)s->n, (size_t)s->m);
        return true;
    }
    s->kind = which == 1 ? ORACLE_FACETS : ORACLE_PATTERNS;
    s->n++;
    say(s->text, sizeof s->text, "%s %zu", which == 1 ? "facets" : "patterns", (size_t)s->n);
    m->raw = m->whole = false;
    m->known_count = 0;
    learn(m, "count");
    learn(m, which == 1 ? "field" : "pattern");
    return true;
}

static void make_stage(struct making *m) {
    struct oracle_stage *s = &m->q->stages[m->q->stage_count];
    *s = (struct oracle_stage){ .n = 0 };
    if (!make_whole(m, s))
        switch (below(m->r, 10)) {
        case 0: make_fields(m, s); break;
        case 1: make_eval(m, s); break;
        case 2: make_sort(m, s); break;
        case 3: make_top(m, s); break;
        case 4: make_filter(m, s); break;
        case 5:
        case 6: make_small(m, s); break;
        default: make_stats(m, s);
        }
    m->q->stage_count++;
}

void oracle_make(const struct exec_case *c, struct random *r, struct oracle_query *q) {
    struct making m = { .c = c, .r = r, .q = q, .raw = true, .whole = true };
    *q = (struct oracle_query){ .time_from_ns = INT64_MIN, .time_to_ns = INT64_MAX };
    for (size_t i = 0; i < COUNT_OF(raw_fields); i++)
        learn(&m, raw_fields[i]);
    if (chance(r, 85))
        oracle_make_filter(c, r, q->filter, sizeof q->filter);
    if (chance(r, 20))
        q->time_from_ns = any_time(r);
    if (chance(r, 20))
        q->time_to_ns = any_time(r);
    for (size_t n = below(r, 4); n > 0; n--)
        make_stage(&m);
}
