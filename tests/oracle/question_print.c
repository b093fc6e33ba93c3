#include "question_make.h"
#include "query/stage/stage.h"
#include "query/value_ip.h"
#include <stdio.h>

struct printer {
    struct random *random; /* NULL: always the first way */
    struct buf *out;
};

static bool maybe(const struct printer *p, unsigned percent) {
    return p->random && random_below(p->random, 100) < percent;
}
static void add(const struct printer *p, const char *s) { buf_add(p->out, str_of(s)); }

static void add_quoted(struct str s, char quote, struct buf *out) {
    buf_add_char(out, quote);
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '\\' || c == quote)
            buf_addf(out, "\\%c", c);
        else if (c == '\n' || c == '\t' || c == '\r')
            buf_add(out, c == '\n' ? STR("\\n") : c == '\t' ? STR("\\t") : STR("\\r"));
        else
            buf_add_char(out, c);
    }
    buf_add_char(out, quote);
}

static void quoted(const struct printer *p, struct str s) { add_quoted(s, maybe(p, 25) ? '\'' : '"', p->out); }

static bool plain_name(struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool first = (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '_' || c == '@' || (c & 0x80);
        if (!first && (i == 0 || !(ascii_digit(c) || c == '.')))
            return false;
    }
    return s.n > 0;
}

void question_print_name(struct str name, struct buf *out) {
    if (plain_name(name))
        buf_add(out, name);
    else
        add_quoted(name, '`', out);
}

/* ---- patterns ---- */

static void add_byte(char c, struct buf *out) {
    bool plain = ascii_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '_' || c == ' ';
    if (plain || (c & 0x80))
        buf_add_char(out, c);
    else if ((unsigned char)c < 0x20 || c == 0x7f)
        buf_addf(out, "\\x%02x", (unsigned)(unsigned char)c);
    else
        buf_addf(out, "\\%c", c);
}

static void add_atom(const struct atom *a, struct buf *out) {
    static const char *const classes[] = { [ATOM_ANY] = ".", [ATOM_DIGIT] = "\\d", [ATOM_WORD] = "\\w", [ATOM_SPACE] = "\\s" };
    if (a->kind == ATOM_BYTE)
        add_byte(a->byte, out);
    else if (a->kind == ATOM_RANGE)
        buf_addf(out, "[%c-%c]", a->byte, a->high);
    else if (a->kind == ATOM_CHOICE) {
        for (size_t i = 0; i < a->choice_count; i++) {
            buf_add_char(out, i ? '|' : '(');
            for (size_t k = 0; k < a->choices[i].n; k++)
                add_byte(a->choices[i].p[k], out);
        }
        buf_add_char(out, ')');
    } else {
        buf_add(out, str_of(classes[a->kind]));
    }
    if (a->min == 1 && a->max == 1)
        return;
    if (a->max == PATTERN_REPEAT_EVER)
        buf_add(out, a->min == 0 ? STR("*") : STR("+"));
    else if (a->min == 0 && a->max == 1)
        buf_add_char(out, '?');
    else
        buf_addf(out, "{%u,%u}", a->min, a->max);
}

void pattern_print(const struct pattern *p, struct buf *out) {
    if (p->at_begin)
        buf_add_char(out, '^');
    for (size_t i = 0; i < p->count; i++)
        add_atom(&p->atoms[i], out);
    if (p->at_end)
        buf_add_char(out, '$');
}

/* /…/ or "…". */
static void print_pattern(const struct printer *p, const struct pattern *pattern, bool slashes) {
    AUTO(buf) text = { 0 };
    if (!slashes && pattern->any_case)
        buf_add(&text, STR("(?i)"));
    pattern_print(pattern, &text);
    if (!slashes) {
        quoted(p, buf_str(&text));
        return;
    }
    buf_add_char(p->out, '/');
    buf_add(p->out, buf_str(&text)); /* a slash is \/ already */
    buf_add(p->out, pattern->any_case ? STR("/i") : STR("/"));
}

/* ---- values ---- */

static void value(const struct printer *p, const struct node *n, bool top);

static bool is_value(const struct node *n) { return n->kind <= NODE_NEGATE; }

static void operands(const struct printer *p, const struct node *n, const char *op) {
    for (size_t i = 0; i < n->arg_count; i++) {
        if (i)
            add(p, op);
        value(p, n->args[i], false);
    }
}

static const char *const ops[] = { [OP_ADD] = " + ", [OP_SUB] = " - ", [OP_MUL] = " * ",  [OP_DIV] = " / ",
                                   [OP_MOD] = " % ", [OP_EQ] = " = ",  [OP_NE] = " != ",  [OP_LT] = " < ",
                                   [OP_LE] = " <= ", [OP_GT] = " > ",  [OP_GE] = " >= " };

static void call(const struct printer *p, const struct node *n) {
    buf_add(p->out, n->name);
    add(p, "(");
    for (size_t i = 0; i < n->arg_count; i++) {
        if (i)
            add(p, ", ");
        value(p, n->args[i], true);
    }
    add(p, ")");
}

static void list(const struct printer *p, const struct node *n) {
    add(p, n->kind == NODE_IN ? " in (" : " not in (");
    for (size_t i = 1; i < n->arg_count; i++) {
        if (i > 1)
            add(p, ", ");
        value(p, n->args[i], true);
    }
    add(p, ")");
}

/* A condition with its value on the left. */
static void left_condition(const struct printer *p, const struct node *n) {
    value(p, n->args[0], false);
    switch (n->kind) {
    case NODE_IN:
    case NODE_NOT_IN: list(p, n); return;
    case NODE_LIKE: add(p, " like "); quoted(p, n->needle); return;
    case NODE_NOT_LIKE: add(p, " not like "); quoted(p, n->needle); return;
    case NODE_MATCH:
    case NODE_NOT_MATCH:
        add(p, n->kind == NODE_MATCH ? " =~ " : " !~ ");
        print_pattern(p, n->pattern, maybe(p, 40));
        return;
    default: add(p, n->kind == NODE_IS_NULL ? " is null" : " is not null");
    }
}

static void bare(const struct printer *p, const struct node *n) {
    switch (n->kind) {
    case NODE_LITERAL: buf_add(p->out, n->print); return;
    case NODE_FIELD: question_print_name(n->name, p->out); return;
    case NODE_CALL: call(p, n); return;
    case NODE_ARITH:
    case NODE_COMPARE: operands(p, n, ops[n->op]); return;
    case NODE_NEGATE: add(p, "-"); value(p, n->args[0], false); return;
    case NODE_AND: operands(p, n, " and "); return;
    case NODE_OR: operands(p, n, " or "); return;
    case NODE_NOT: add(p, "not "); value(p, n->args[0], false); return;
    default: left_condition(p, n);
    }
}

static void value(const struct printer *p, const struct node *n, bool top) {
    bool atom = n->kind == NODE_LITERAL || n->kind == NODE_FIELD || n->kind == NODE_CALL;
    bool parens = !top && !atom;
    if (parens)
        add(p, "(");
    bare(p, n);
    if (parens)
        add(p, ")");
}

void question_print_value(const struct node *n, struct buf *out) { value(&(struct printer){ .out = out }, n, true); }

/* ---- filters ---- */

static void filter(const struct printer *p, const struct node *n, bool top);

static bool is_word(struct str s) {
    static const char *const taken[] = { "and", "or", "not", "in", "like", "is", "true", "false", "null", "now", "to" };
    for (size_t i = 0; i < COUNT_OF(taken); i++)
        if (str_eq_nocase(s, str_of(taken[i])))
            return false;
    if (stage_find(s))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool first = ascii_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '_' || (c & 0x80);
        if (!first && (i == 0 || i + 1 == s.n || !memchr(".-", c, 2)))
            return false;
    }
    return s.n > 0;
}


bool question_bare_word(struct str s) { return is_word(s); }

static void name_colon(const struct printer *p, struct str name) {
    bool dash = !plain_name(name) && memchr(name.p, '-', name.n) && !memchr(name.p, ' ', name.n) && !memchr(name.p, '(', name.n);
    if (dash && maybe(p, 60))
        buf_add(p->out, name);
    else if (!plain_name(name) && maybe(p, 50))
        add_quoted(name, '"', p->out);
    else
        question_print_name(name, p->out);
    add(p, ":");
}

/* Letters outside ASCII and most signs as they are, the others behind a backslash. */
static void glob(const struct printer *p, struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool plain = ascii_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || (c & 0x80) || memchr("*?_.", c, 4);
        if (!plain)
            add(p, "\\");
        buf_add_char(p->out, c);
    }
}

/* Behind the colon, or by itself. */
static void text_term(const struct printer *p, const struct node *n) {
    bool part = n->form == TEXT_PART;
    switch (n->form) {
    case TEXT_WORD:
    case TEXT_START:
    case TEXT_PART:
        if (part)
            add(p, "*");
        if (n->quoted)
            add_quoted(n->needle, part || n->form == TEXT_START || !maybe(p, 25) ? '"' : '\'', p->out);
        else
            buf_add(p->out, n->needle);
        if (n->form != TEXT_WORD)
            add(p, "*");
        return;
    case TEXT_GLOB: glob(p, n->needle); return;
    default: print_pattern(p, n->pattern, true);
    }
}

static void range(const struct printer *p, const struct node *n) {
    add(p, n->low_open ? "{" : "[");
    buf_add(p->out, n->print);
    add(p, maybe(p, 80) ? " TO " : " to ");
    buf_add(p->out, n->high_print);
    add(p, n->high_open ? "}" : "]");
}

static void stream(const struct printer *p, const struct node *n) {
    static const char *const signs[] = { [LABEL_EQ] = "=", [LABEL_NE] = "!=", [LABEL_RE] = "=~", [LABEL_NRE] = "!~" };
    add(p, "{");
    for (size_t i = 0; i < n->label_count; i++) {
        const struct label_wish *l = &n->labels[i];
        if (i)
            add(p, maybe(p, 50) ? ", " : ",");
        buf_add(p->out, l->name);
        add(p, signs[l->op]);
        if (l->pattern)
            print_pattern(p, l->pattern, false);
        else
            quoted(p, l->value);
    }
    add(p, "}");
}

static void compare(const struct printer *p, const struct node *n) {
    const struct node *left = n->args[0], *right = n->args[1];
    bool equal = n->op == OP_EQ || n->op == OP_NE;
    if (left->kind == NODE_FIELD && right->kind == NODE_LITERAL && maybe(p, 50)) {
        struct str op = str_trim(str_of(ops[n->op]));
        name_colon(p, left->name);
        buf_add(p->out, op);
        buf_add(p->out, right->print);
        return;
    }
    value(p, left, left->kind == NODE_ARITH && maybe(p, 50));
    buf_add(p->out, maybe(p, 80) ? str_of(ops[n->op]) : str_trim(str_of(ops[n->op])));
    if (equal && right->kind == NODE_FIELD)
        add_quoted(right->name, '`', p->out);
    else
        value(p, right, false);
}

static bool same_field(const struct node *n) {
    const struct node *first = n->args[0];
    for (size_t i = 0; i < n->arg_count; i++) {
        const struct node *a = n->args[i];
        if ((a->kind != NODE_TEXT && a->kind != NODE_RANGE) || a->name.n == 0 || !str_eq(a->name, first->name))
            return false;
    }
    return true;
}

/* level:(error OR warn) */
static void field_group(const struct printer *p, const struct node *n) {
    name_colon(p, n->args[0]->name);
    add(p, "(");
    for (size_t i = 0; i < n->arg_count; i++) {
        if (i)
            add(p, n->kind == NODE_OR ? (maybe(p, 70) ? " OR " : " or ") : maybe(p, 50) ? " AND " : " ");
        if (n->args[i]->kind == NODE_TEXT)
            text_term(p, n->args[i]);
        else
            range(p, n->args[i]);
    }
    add(p, ")");
}

static const char *joint(const struct printer *p, const struct node *n, size_t i) {
    if (n->kind == NODE_OR)
        return maybe(p, 70) ? " OR " : maybe(p, 50) ? " or " : " || ";
    bool stars = n->args[i]->kind == NODE_ALL || n->args[i - 1]->kind == NODE_ALL;
    if (!stars && maybe(p, 45))
        return " ";
    return maybe(p, 60) ? " AND " : maybe(p, 50) ? " and " : " && ";
}

static void junction(const struct printer *p, const struct node *n) {
    if (same_field(n) && maybe(p, 60)) {
        field_group(p, n);
        return;
    }
    for (size_t i = 0; i < n->arg_count; i++) {
        if (i)
            add(p, joint(p, n, i));
        filter(p, n->args[i], false);
    }
}

static void negation(const struct printer *p, const struct node *n) {
    add(p, maybe(p, 50) ? "NOT " : maybe(p, 40) ? "not " : maybe(p, 50) ? "-" : "!");
    filter(p, n->args[0], false);
}

static void filter(const struct printer *p, const struct node *n, bool top) {
    bool parens = !top && (n->kind == NODE_AND || n->kind == NODE_OR) && !(same_field(n) && !maybe(p, 50));
    parens = parens || maybe(p, 4);
    if (parens)
        add(p, "(");
    switch (n->kind) {
    case NODE_ALL: add(p, "*"); break;
    case NODE_AND:
    case NODE_OR:
        if (!parens && !top)
            field_group(p, n);
        else
            junction(p, n);
        break;
    case NODE_NOT: negation(p, n); break;
    case NODE_COMPARE: compare(p, n); break;
    case NODE_TEXT:
        if (n->name.n)
            name_colon(p, n->name);
        text_term(p, n);
        break;
    case NODE_RANGE:
        name_colon(p, n->name);
        range(p, n);
        break;
    case NODE_CIDR:
        name_colon(p, n->name);
        value_ip_prefix_print(n->address, n->address_bits, p->out);
        break;
    case NODE_EXISTS:
        if (maybe(p, 50)) {
            name_colon(p, n->name);
            add(p, "*");
        } else {
            add(p, "exists(");
            question_print_name(n->name, p->out);
            add(p, ")");
        }
        break;
    case NODE_STREAM: stream(p, n); break;
    case NODE_FIELD: add_quoted(n->name, '`', p->out); break;
    default:
        if (is_value(n))
            value(p, n, true);
        else
            bare(p, n);
    }
    if (parens)
        add(p, ")");
}

void question_print_filter(const struct node *n, struct random *r, struct buf *out) {
    filter(&(struct printer){ r, out }, n, true);
}

/* ---- commands ---- */

static void aggregate(const struct printer *p, const struct column *c) {
    buf_add(p->out, c->function);
    add(p, "(");
    if (c->value)
        question_print_value(c->value, p->out);
    if (c->aggregate == AGGREGATE_QUANTILE && str_eq(c->function, STR("quantile")))
        buf_addf(p->out, ", %g", c->parameter);
    add(p, ")");
}

static void as_name(const struct printer *p, const struct column *c) {
    if (!c->named)
        return;
    add(p, " as ");
    question_print_name(c->name, p->out);
}

static void columns(const struct printer *p, const struct column *c, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (i)
            add(p, ", ");
        question_print_value(c[i].value, p->out);
        as_name(p, &c[i]);
    }
}

static void assignments(const struct printer *p, const struct command *c, const char *between) {
    for (size_t i = 0; i < c->count; i++) {
        if (i)
            add(p, ", ");
        if (c->kind == COMMAND_EVAL)
            question_print_name(c->columns[i].name, p->out);
        else
            question_print_value(c->columns[i].value, p->out);
        add(p, between);
        if (c->kind == COMMAND_EVAL)
            question_print_value(c->columns[i].value, p->out);
        else
            question_print_name(c->columns[i].name, p->out);
    }
}

static void stats(const struct printer *p, const struct command *c) {
    size_t first_key = c->word == WORD_TIMECHART;
    if (c->word == WORD_TIMECHART) {
        add(p, "span=");
        buf_add(p->out, c->keys[0].value->args[0]->print);
        add(p, " ");
    }
    for (size_t i = 0; i < c->count && c->word != WORD_COUNT; i++) {
        if (i)
            add(p, ", ");
        aggregate(p, &c->columns[i]);
        as_name(p, &c->columns[i]);
    }
    if (c->key_count > first_key)
        add(p, " by ");
    columns(p, c->keys + first_key, c->key_count - first_key);
}

static void context(const struct printer *p, const struct command *c) {
    if (c->before == c->after && maybe(p, 50)) {
        buf_addf(p->out, "%llu", (unsigned long long)c->before);
        return;
    }
    if (c->before)
        buf_addf(p->out, "before %llu ", (unsigned long long)c->before);
    if (c->after || !c->before)
        buf_addf(p->out, "after %llu", (unsigned long long)c->after);
}

static void sort(const struct printer *p, const struct command *c) {
    for (size_t i = 0; i < c->count; i++) {
        const struct column *k = &c->columns[i];
        bool minus = k->descending && maybe(p, 30);
        add(p, i ? ", " : "");
        add(p, minus ? "-" : "");
        question_print_value(k->value, p->out);
        add(p, !minus && k->descending ? " desc" : !k->descending && maybe(p, 30) ? " asc" : "");
    }
}

static void counts(const struct printer *p, const struct command *c) {
    if (c->most != 10 || maybe(p, 50))
        buf_addf(p->out, "%llu ", (unsigned long long)c->most);
    columns(p, c->columns, c->count);
    if (c->key_count)
        add(p, " by ");
    columns(p, c->keys, c->key_count);
}

static const char *const names[] = { [COMMAND_FILTER] = "filter", [COMMAND_EVAL] = "eval",         [COMMAND_FIELDS] = "fields",
                                     [COMMAND_DROP] = "fields",   [COMMAND_RENAME] = "rename",     [COMMAND_FILLNULL] = "fillnull",
                                     [COMMAND_STATS] = "stats",   [COMMAND_SORT] = "sort",         [COMMAND_LIMIT] = "limit",
                                     [COMMAND_TAIL] = "tail",     [COMMAND_DEDUP] = "dedup",       [COMMAND_TOP] = "top",
                                     [COMMAND_RARE] = "rare",     [COMMAND_PATTERNS] = "patterns",
                                     [COMMAND_CONTEXT] = "context" };

static void command(const struct printer *p, const struct command *c) {
    const char *name = names[c->kind];
    if (c->kind == COMMAND_FILTER && maybe(p, 40))
        name = "where";
    if (c->kind == COMMAND_LIMIT && maybe(p, 30))
        name = "head";
    if (c->word != WORD_STATS)
        name = c->word == WORD_COUNT ? "count" : "timechart";
    add(p, name);
    add(p, " ");
    switch (c->kind) {
    case COMMAND_FILTER: filter(p, c->condition, true); break;
    case COMMAND_EVAL: assignments(p, c, " = "); break;
    case COMMAND_RENAME: assignments(p, c, " as "); break;
    case COMMAND_FIELDS: columns(p, c->columns, c->count); break;
    case COMMAND_DROP:
        for (size_t i = 0; i < c->count; i++) {
            add(p, i ? ", -" : "-");
            question_print_value(c->columns[i].value, p->out);
        }
        break;
    case COMMAND_FILLNULL:
        if (c->condition) {
            add(p, "value=");
            question_print_value(c->condition, p->out);
            add(p, " ");
        }
        columns(p, c->columns, c->count);
        break;
    case COMMAND_STATS: stats(p, c); break;
    case COMMAND_SORT: sort(p, c); break;
    case COMMAND_DEDUP:
        if (c->most != 1)
            buf_addf(p->out, "%llu ", (unsigned long long)c->most);
        columns(p, c->columns, c->count);
        break;
    case COMMAND_TOP:
    case COMMAND_RARE: counts(p, c); break;
    case COMMAND_CONTEXT: context(p, c); break;
    case COMMAND_PATTERNS:
        if (c->most)
            buf_addf(p->out, "%llu", (unsigned long long)c->most);
        break;
    default: buf_addf(p->out, "%llu", (unsigned long long)c->most);
    }
}

void question_print(const struct question *q, struct random *r, struct buf *out) {
    struct printer p = { r, out };
    bool none = q->filter->kind == NODE_ALL && q->command_count && maybe(&p, 50);
    if (!none)
        filter(&p, q->filter, true);
    for (size_t i = 0; i < q->command_count; i++) {
        if (i || !none)
            add(&p, " | ");
        command(&p, &q->commands[i]);
    }
}
