#include "base/hash.h"
#include "block/template.h"
#include "query/exec.h"
#include "query/exec_build.h"
#include <stdlib.h>
/*
 * patterns [N]: the templates of the messages, most frequent first: how many, their share of all messages,
 * when first and last seen, and the newest message of each.
 */
static bool parse(struct parser *p, void **out_args) {
    uint64_t *most = ARENA_NEW(parser_mem(p), uint64_t, 1);
    if (!most)
        return parser_fail(p, "the query is too large");
    *out_args = most;
    return !parser_at_number(p) || parser_uint(p, most);
}

struct pattern {
    struct str text;
    uint64_t hash;
    uint64_t count;
    int64_t first_ns, last_ns;
    struct exec_key example_key;
    struct str example;
    size_t example_cap_bytes;
};
enum { PATTERN_CELLS = 6, MESSAGE_BYTES_MAX = 16 << 20 };
static const char *const cell_names[PATTERN_CELLS] = {
    "pattern", "count", "share", "first", "last", "example"
};

struct page_pattern {
    size_t pattern;
    uint32_t newest;
};
struct patterns {
    struct exec_op op;
    uint64_t most; /* 0: all */
    struct exec_field message, timestamp;
    struct exec_cell cells[PATTERN_CELLS];
    VEC(struct pattern) list;
    uint32_t *slots;
    size_t slot_count;
    uint64_t total;
    /* A page: rows of each pattern met. */
    VEC(struct page_pattern) met;
};

static enum err grow(struct patterns *s) {
    size_t slot_count = s->slot_count ? s->slot_count * 4 : 256;
    uint32_t *slots = ARENA_NEW(&s->op.mem, uint32_t, slot_count);
    if (!slots)
        return exec_spent(s->op.exec);
    for (size_t i = 0; i < s->list.n; i++) {
        size_t at = s->list.p[i].hash & (slot_count - 1);
        while (slots[at])
            at = (at + 1) & (slot_count - 1);
        slots[at] = (uint32_t)i + 1;
    }
    s->slots = slots;
    s->slot_count = slot_count;
    return ERR_OK;
}

static enum err find(struct patterns *s, struct str text, size_t *out) {
    uint64_t hash = hash64(text);
    if ((s->list.n + 1) * 2 > s->slot_count)
        TRY(grow(s));
    size_t at = hash & (s->slot_count - 1);
    for (; s->slots[at]; at = (at + 1) & (s->slot_count - 1)) {
        const struct pattern *p = &s->list.p[s->slots[at] - 1];
        if (p->hash == hash && str_eq(p->text, text)) {
            *out = s->slots[at] - 1;
            return ERR_OK;
        }
    }
    struct pattern p = { .hash = hash, .first_ns = INT64_MAX, .last_ns = INT64_MIN };
    if (arena_dup(&s->op.mem, text, &p.text) != ERR_OK)
        return exec_spent(s->op.exec);
    VEC_PUSH(&s->list, p);
    s->slots[at] = (uint32_t)s->list.n;
    *out = s->list.n - 1;
    return ERR_OK;
}

static enum err keep_example(struct patterns *s, struct pattern *p, const struct exec_key *key,
                             struct str text) {
    if (!p->example.p || text.n > p->example_cap_bytes) {
        size_t cap = text.n * 2 < 64 ? 64 : text.n * 2;
        char *bytes = ARENA_RAW(&s->op.mem, char, cap);
        if (!bytes)
            return exec_spent(s->op.exec);
        p->example.p = bytes;
        p->example_cap_bytes = cap;
    }
    memmove((char *)(uintptr_t)p->example.p, text.p, text.n);
    p->example.n = text.n;
    p->example_key = *key;
    return ERR_OK;
}

static bool is_newer(const struct pattern *p, const struct exec_key *key) {
    return !p->example.p || exec_key_age(key, &p->example_key) > 0;
}

static void count(struct patterns *s, struct pattern *p, int64_t time_ns, uint64_t n) {
    p->count += n;
    s->total += n;
    p->first_ns = time_ns < p->first_ns ? time_ns : p->first_ns;
    p->last_ns = time_ns > p->last_ns ? time_ns : p->last_ns;
}

static enum err push(struct exec_op *op, const struct exec_record *r) {
    struct patterns *s = (struct patterns *)op;
    AUTO(buf) text = { .limit_bytes = MESSAGE_BYTES_MAX };
    struct value message = exec_field_get(&s->message, r), time = exec_field_get(&s->timestamp, r);
    size_t i;
    if (message.type != VALUE_STRING)
        return ERR_OK;
    template_pattern(message.s, &text);
    TRY(find(s, buf_str(&text), &i));
    struct pattern *p = &s->list.p[i];
    count(s, p, time.type == VALUE_TIME ? time.i : r->key.time_ns, 1);
    if (is_newer(p, &r->key))
        TRY(keep_example(s, p, &r->key, message.s));
    return exec_charge(op);
}

static bool row_is_newer(struct vector_view *v, uint32_t a, uint32_t b) {
    struct exec_key x, y;
    if (v->times_ns[a] != v->times_ns[b])
        return v->times_ns[a] > v->times_ns[b];
    return exec_row_key(v, a, 0, &x) == ERR_OK && exec_row_key(v, b, 0, &y) == ERR_OK &&
           exec_key_age(&x, &y) > 0;
}

/* A page: the number of each row's pattern; PATTERN_NONE: it has no message. Texts in templates know theirs:
 * each template is looked up once. */
enum { PATTERN_NONE = UINT32_MAX };

static enum err template_patterns(struct patterns *s, const struct exec_page *p, const struct column_page *c,
                                  uint32_t *by_row) {
    struct arena *mem = &p->view->mem;
    const uint32_t *numbers;
    size_t count;
    TRY(column_page_template_numbers(c, mem, &numbers, &count));
    uint32_t *known = ARENA_NEW(mem, uint32_t, count);
    if (!known)
        return ERR_LIMIT;
    BITS_EACH (row, p->rows, p->view->row_count) {
        struct str text;
        size_t i;
        if (c->present && !bits_get(c->present, row))
            continue;
        if (!known[numbers[row]]) {
            TRY(column_page_template_pattern(c, numbers[row], mem, &text));
            TRY(find(s, text, &i));
            known[numbers[row]] = (uint32_t)i + 1;
        }
        by_row[row] = known[numbers[row]] - 1;
    }
    return ERR_OK;
}

static enum err text_patterns(struct patterns *s, const struct exec_page *p, const struct column_page *c,
                              uint32_t *by_row) {
    BITS_EACH (row, p->rows, p->view->row_count) {
        struct str text;
        size_t i;
        if (c->present && !bits_get(c->present, row))
            continue;
        TRY(column_page_pattern(c, (uint32_t)row, &p->view->mem, &text));
        TRY(find(s, text, &i));
        by_row[row] = (uint32_t)i;
    }
    return ERR_OK;
}

/* Counts, and remembers the newest row of each pattern: its text is looked at once, at the end of the page.
 */
static enum err count_rows(struct patterns *s, const struct exec_page *p, const struct column_page *c) {
    struct vector_view *v = p->view;
    uint32_t *by_row = ARENA_RAW(&v->mem, uint32_t, v->row_count);
    if (!by_row)
        return ERR_LIMIT;
    memset(by_row, 0xff, v->row_count * sizeof *by_row);
    TRY(c->form == PAGE_TEMPLATES ? template_patterns(s, p, c, by_row) : text_patterns(s, p, c, by_row));
    uint32_t *met_at = ARENA_NEW(&v->mem, uint32_t, s->list.n + 1); /* by pattern: entry of s->met + 1 */
    if (!met_at)
        return ERR_LIMIT;
    s->met.n = 0;
    BITS_EACH (row, p->rows, v->row_count) {
        uint32_t i = by_row[row];
        if (i == (uint32_t)PATTERN_NONE)
            continue;
        count(s, &s->list.p[i], v->times_ns[row], 1);
        if (!met_at[i]) {
            VEC_PUSH(&s->met, (struct page_pattern){ i, (uint32_t)row });
            met_at[i] = (uint32_t)s->met.n;
        }
        struct page_pattern *met = &s->met.p[met_at[i] - 1];
        if (row_is_newer(v, (uint32_t)row, met->newest))
            met->newest = (uint32_t)row;
    }
    return ERR_OK;
}

static enum err page(struct exec_op *op, const struct exec_page *p) {
    struct patterns *s = (struct patterns *)op;
    struct vector_view *v = p->view;
    const struct column_page *c;
    uint32_t column = block_column_find(v->block, STR("@message"), VALUE_STRING);
    if (column == UINT32_MAX || block_page_value_count(v->block, column, v->page) == 0)
        return ERR_OK;
    TRY(vector_column(v, column, &c));
    TRY(vector_times(v));
    TRY(vector_received(v));
    TRY(count_rows(s, p, c));
    for (size_t i = 0; i < s->met.n; i++) {
        struct exec_key key;
        struct str text;
        struct pattern *pattern = &s->list.p[s->met.p[i].pattern];
        TRY(exec_row_key(v, s->met.p[i].newest, p->block, &key));
        if (!is_newer(pattern, &key))
            continue;
        TRY(column_page_text(c, s->met.p[i].newest, &v->mem, &text));
        TRY(keep_example(s, pattern, &key, text));
    }
    return exec_charge(op);
}

static enum err merge(struct exec_op *to_op, struct exec_op *from_op) {
    struct patterns *to = (struct patterns *)to_op, *from = (struct patterns *)from_op;
    for (size_t i = 0; i < from->list.n; i++) {
        const struct pattern *other = &from->list.p[i];
        size_t at;
        TRY(find(to, other->text, &at));
        struct pattern *p = &to->list.p[at];
        count(to, p, other->first_ns, other->count);
        count(to, p, other->last_ns, 0);
        if (is_newer(p, &other->example_key))
            TRY(keep_example(to, p, &other->example_key, other->example));
    }
    return exec_charge(to_op);
}

static int by_count(const void *a, const void *b) {
    const struct pattern *x = a, *y = b;
    return x->count != y->count ? (x->count > y->count ? -1 : 1) : str_cmp(x->text, y->text);
}

static enum err end(struct exec_op *op) {
    struct patterns *s = (struct patterns *)op;
    if (s->list.n)
        qsort(s->list.p, s->list.n, sizeof *s->list.p, by_count);
    for (size_t i = 0; i < s->list.n && (!s->most || i < s->most) && !exec_full(op->next); i++) {
        const struct pattern *p = &s->list.p[i];
        s->cells[0].value = value_string(p->text);
        s->cells[1].value = value_int((int64_t)p->count);
        s->cells[2].value = value_float((double)p->count / (double)s->total);
        s->cells[3].value = value_time(p->first_ns);
        s->cells[4].value = value_time(p->last_ns);
        s->cells[5].value = value_string(p->example);
        TRY(exec_make(op, s->cells, PATTERN_CELLS));
    }
    return ERR_OK;
}

static void free_lists(struct exec_op *op) {
    struct patterns *s = (struct patterns *)op;
    VEC_FINI(&s->list);
    VEC_FINI(&s->met);
}

static const struct exec_op_kind kind = { push, page, merge, end, free_lists, .holds = true };

static enum err open(const struct exec_scope *scope, const void *args, struct exec_op **out) {
    struct patterns *s = exec_op_new(scope, &kind, sizeof *s);
    *out = &s->op;
    s->most = *(const uint64_t *)args;
    for (size_t i = 0; i < PATTERN_CELLS; i++) {
        s->cells[i].name = exec_intern(scope->exec, str_of(cell_names[i]));
        if (!s->cells[i].name)
            return exec_spent(scope->exec);
    }
    TRY(exec_field_init(scope, STR("@message"), &s->message));
    return exec_field_init(scope, STR("@timestamp"), &s->timestamp);
}

static void needs(const void *args, struct exec_needs *n) {
    (void)args;
    exec_needs_none(n);
    exec_needs_add(n, STR("@message"));
    exec_needs_add(n, STR("@timestamp"));
}

static bool always(const void *args) {
    (void)args;
    return true;
}

static const struct stage_exec exec = {
    .shape = EXEC_COLLECT,
    .needs = needs,
    .pages = always,
    .commutes = always,
    .open = open,
};

const struct stage_kind stage_patterns = {
    .name = "patterns",
    .aliases = "pattern",
    .help = "patterns [N]: templates of the messages with count, share, first, last and an example",
    .parse = parse,
    .exec = &exec,
};
