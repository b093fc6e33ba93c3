#include "naive.h"
#include "base/assert.h"
#include "base/hash.h"
#include "block/template.h"
#include <stdlib.h>

int naive_row_order(const struct world *w, const struct world_row *a, const struct world_row *b) {
    if (a->time_ns != b->time_ns)
        return a->time_ns > b->time_ns ? -1 : 1;
    int c = id128_cmp(w->streams.p[a->stream].id, w->streams.p[b->stream].id);
    return c ? c : (a->received_ms < b->received_ms) - (a->received_ms > b->received_ms);
}

struct pipe {
    const struct world *world;
    const bool *live;
    const struct question *question;
    struct arena *mem;
    struct naive_answer *answer;
};

void naive_answer_fini(struct naive_answer *a) { VEC_FINI(&a->records); }

static struct naive_subject subject(const struct pipe *p, const struct naive_record *r) {
    return (struct naive_subject){ p->world, r->row, r, p->mem };
}

/* ---- records ---- */

static size_t find(const struct naive_record *r, struct str name) {
    size_t i = 0;
    while (i < r->count && !str_eq(r->cells[i].name, name))
        i++;
    return i;
}

static void add(struct naive_record *r, struct str name, struct value v) {
    if (v.type != VALUE_NULL)
        r->cells[r->count++] = (struct naive_cell){ name, v, false };
}

static void add_hidden(struct naive_record *r, struct str name, struct value v) {
    add(r, name, v);
    r->cells[r->count - 1].hidden = true;
}

static void take_out(struct naive_record *r, size_t at) {
    memmove(r->cells + at, r->cells + at + 1, (r->count - at - 1) * sizeof *r->cells);
    r->count--;
}

/* A copy with room for `more` cells. */
static struct naive_record grown(const struct pipe *p, const struct naive_record *r, size_t more) {
    struct naive_record copy = { r->row, ARENA_NEW(p->mem, struct naive_cell, r->count + more + 1), r->count };
    if (r->count)
        memcpy(copy.cells, r->cells, r->count * sizeof *r->cells);
    return copy;
}

/* All that a row shows: its labels hide fields of the same name. */
static struct naive_record record_of(const struct pipe *p, const struct world_row *row) {
    struct str labels = p->world->streams.p[row->stream].labels, rest = labels;
    struct naive_record r = { row, ARENA_NEW(p->mem, struct naive_cell, row->cell_count + LABELS_COUNT_MAX + 4), 0 };
    static const char *const hidden[] = { "@stream", "@logStream", "@ingested" };
    for (size_t i = 0; i < COUNT_OF(hidden); i++)
        add_hidden(&r, str_of(hidden[i]), world_field(p->world, row, str_of(hidden[i])));
    add(&r, STR("@timestamp"), value_time(row->time_ns));
    for (struct label l; labels_next(&rest, &l);)
        add(&r, l.name, value_string(l.value));
    for (size_t i = 0; i < row->cell_count; i++)
        if (labels_get(labels, row->cells[i].name).n == 0)
            add(&r, row->cells[i].name, row->cells[i].value);
    return r;
}

/* ---- row by row ---- */

static void run_eval(const struct pipe *p, const struct command *c, struct naive_record *r) {
    *r = grown(p, r, c->count);
    for (size_t i = 0; i < c->count; i++) {
        struct naive_subject s = subject(p, r);
        struct value v = naive_value(c->columns[i].value, &s);
        size_t at = find(r, c->columns[i].name);
        if (at == r->count)
            add(r, c->columns[i].name, v);
        else if (v.type == VALUE_NULL)
            take_out(r, at);
        else
            r->cells[at] = (struct naive_cell){ c->columns[i].name, v, false };
    }
}

static void run_fields(const struct pipe *p, const struct command *c, struct naive_record *r) {
    struct naive_record out = { r->row, ARENA_NEW(p->mem, struct naive_cell, c->count + r->count + 1), 0 };
    struct naive_subject s = subject(p, r);
    for (size_t i = 0; i < c->count; i++)
        if (find(&out, c->columns[i].name) == out.count)
            add(&out, c->columns[i].name, naive_value(c->columns[i].value, &s));
    for (size_t i = 0; i < r->count; i++)
        if (find(&out, r->cells[i].name) == out.count)
            add_hidden(&out, r->cells[i].name, r->cells[i].value);
    *r = out;
}

static void run_drop(const struct pipe *p, const struct command *c, struct naive_record *r) {
    *r = grown(p, r, 0);
    for (size_t i = 0; i < c->count; i++) {
        struct str names[] = { c->columns[i].value->name, field_alias(c->columns[i].value->name) };
        for (size_t k = 0; k < COUNT_OF(names); k++) {
            size_t at = find(r, names[k]);
            if (at < r->count)
                take_out(r, at);
        }
    }
}

static void run_rename(const struct pipe *p, const struct command *c, struct naive_record *r) {
    *r = grown(p, r, 0);
    for (size_t i = 0; i < c->count; i++) {
        struct str to = c->columns[i].name;
        size_t at = find(r, c->columns[i].value->name);
        if (at == r->count)
            at = find(r, field_alias(c->columns[i].value->name));
        if (at == r->count)
            continue;
        size_t old = find(r, to);
        r->cells[at].name = to;
        r->cells[at].hidden = false;
        if (old < r->count && old != at)
            take_out(r, old);
    }
}

static void run_fillnull(const struct pipe *p, const struct command *c, struct naive_record *r) {
    *r = grown(p, r, c->count);
    for (size_t i = 0; i < c->count; i++) {
        struct naive_subject s = subject(p, r);
        if (naive_field(&s, c->columns[i].name).type == VALUE_NULL)
            add(r, c->columns[i].name, c->condition ? c->condition->literal : value_int(0));
    }
}

static void each_row(const struct pipe *p, const struct command *c,
                     void (*run)(const struct pipe *, const struct command *, struct naive_record *)) {
    for (size_t i = 0; i < p->answer->records.n; i++)
        run(p, c, &p->answer->records.p[i]);
}

/* Over rows, while nothing has been made of them: fields that labels hide are searched too. */
static void run_filter(const struct pipe *p, const struct command *c, bool rows) {
    size_t kept = 0;
    for (size_t i = 0; i < p->answer->records.n; i++) {
        struct naive_subject s = subject(p, &p->answer->records.p[i]);
        if (rows)
            s.record = NULL;
        if (naive_truth(c->condition, &s))
            p->answer->records.p[kept++] = p->answer->records.p[i];
    }
    p->answer->records.n = kept;
}

/* ---- keys ---- */

struct keyed {
    struct value keys[COLUMNS_MAX];
    size_t key_count;
    const bool *descending;
    size_t place; /* where it came */
    struct naive_record record;
};

static int by_keys(const struct keyed *a, const struct keyed *b) {
    for (size_t i = 0; i < a->key_count; i++) {
        int c = value_order(&a->keys[i], &b->keys[i]);
        if (c)
            return a->descending && a->descending[i] ? -c : c;
    }
    return 0;
}

static int by_keys_then_place(const void *a, const void *b) {
    const struct keyed *x = a, *y = b;
    int c = by_keys(x, y);
    return c ? c : (x->place > y->place) - (x->place < y->place);
}

static struct keyed *keyed_rows(const struct pipe *p, const struct column *keys, size_t count, const bool *descending) {
    size_t n = p->answer->records.n;
    struct keyed *list = ARENA_NEW(p->mem, struct keyed, n + 1);
    for (size_t i = 0; i < n; i++) {
        struct naive_subject s = subject(p, &p->answer->records.p[i]);
        list[i] = (struct keyed){ .key_count = count, .descending = descending, .place = i, .record = p->answer->records.p[i] };
        for (size_t k = 0; k < count; k++)
            list[i].keys[k] = naive_value(keys[k].value, &s);
    }
    return list;
}

static void run_sort(const struct pipe *p, const struct command *c) {
    bool descending[COLUMNS_MAX];
    for (size_t i = 0; i < c->count; i++)
        descending[i] = c->columns[i].descending;
    struct keyed *list = keyed_rows(p, c->columns, c->count, descending);
    qsort(list, p->answer->records.n, sizeof *list, by_keys_then_place);
    for (size_t i = 0; i < p->answer->records.n; i++)
        p->answer->records.p[i] = list[i].record;
}

static void run_dedup(const struct pipe *p, const struct command *c) {
    size_t n = p->answer->records.n, kept = 0;
    struct keyed *list = keyed_rows(p, c->columns, c->count, NULL);
    bool *keep = ARENA_NEW(p->mem, bool, n + 1);
    qsort(list, n, sizeof *list, by_keys_then_place);
    for (size_t i = 0, from = 0; i < n; i++) {
        if (by_keys(&list[from], &list[i]) != 0)
            from = i;
        keep[list[i].place] = i - from < c->most;
    }
    for (size_t i = 0; i < n; i++)
        if (keep[i])
            p->answer->records.p[kept++] = p->answer->records.p[i];
    p->answer->records.n = kept;
}

/* ---- groups ---- */

/* Equal, but not the same to see. */
static bool look_different(const struct value *a, const struct value *b) {
    AUTO(buf) x = { 0 };
    AUTO(buf) y = { 0 };
    value_print(a, &x);
    value_print(b, &y);
    return a->type != b->type || !str_eq(buf_str(&x), buf_str(&y));
}

static void note_either(const struct pipe *p, const struct keyed *a, const struct keyed *b) {
    for (size_t i = 0; i < a->key_count && !p->answer->either; i++)
        p->answer->either = look_different(&a->keys[i], &b->keys[i]);
}

static void run_stats(const struct pipe *p, const struct command *c) {
    size_t n = p->answer->records.n, made = 0;
    struct keyed *list = keyed_rows(p, c->keys, c->key_count, NULL);
    struct naive_record **rows = ARENA_NEW(p->mem, struct naive_record *, n + 1);
    struct naive_record *out = ARENA_NEW(p->mem, struct naive_record, n + 1);
    struct naive_subject s = { .world = p->world, .mem = p->mem };
    qsort(list, n, sizeof *list, by_keys_then_place);
    for (size_t i = 0; i < n; i++)
        rows[i] = &list[i].record;
    for (size_t from = 0, to; from < n || (from == 0 && !c->key_count && made == 0); from = to) {
        for (to = from; to < n && by_keys(&list[from], &list[to]) == 0; to++)
            note_either(p, &list[from], &list[to]);
        struct naive_record *r = &out[made++];
        *r = (struct naive_record){ NULL, ARENA_NEW(p->mem, struct naive_cell, c->key_count + c->count + 1), 0 };
        for (size_t k = 0; k < c->key_count; k++)
            add(r, c->keys[k].name, list[from].keys[k]);
        for (size_t k = 0; k < c->count; k++) {
            struct column column = c->columns[k];
            for (size_t b = 0; b < c->key_count; b++)
                column.bin_ns = c->keys[b].bin_ns ? c->keys[b].bin_ns : column.bin_ns;
            add(r, column.name, naive_aggregate(&column, rows + from, to - from, &s));
            p->answer->either |= column.aggregate == AGGREGATE_MIN || column.aggregate == AGGREGATE_MAX;
        }
    }
    p->answer->records.n = 0;
    for (size_t i = 0; i < made; i++)
        VEC_PUSH(&p->answer->records, out[i]);
}

struct counted {
    struct keyed key;
    size_t count;
    size_t by_count;
    bool rare;
};

static int by_count(const void *a, const void *b) {
    const struct counted *x = a, *y = b;
    for (size_t i = 0; i < x->by_count; i++) {
        int c = value_order(&x->key.keys[i], &y->key.keys[i]);
        if (c)
            return c;
    }
    if (x->count != y->count)
        return (x->count > y->count) == x->rare ? 1 : -1;
    return by_keys(&x->key, &y->key);
}

static bool same_by(const struct counted *a, const struct counted *b) {
    for (size_t i = 0; i < a->by_count; i++)
        if (value_order(&a->key.keys[i], &b->key.keys[i]) != 0)
            return false;
    return true;
}

static bool has_all(const struct keyed *k, size_t from) {
    for (size_t i = from; i < k->key_count; i++)
        if (k->keys[i].type == VALUE_NULL)
            return false;
    return true;
}

/* The keys behind `by` come first. */
static size_t count_groups(const struct pipe *p, const struct command *c, struct counted **out) {
    struct column keys[2 * COLUMNS_MAX];
    size_t n = p->answer->records.n, made = 0;
    memcpy(keys, c->keys, c->key_count * sizeof *keys);
    memcpy(keys + c->key_count, c->columns, c->count * sizeof *keys);
    struct keyed *list = keyed_rows(p, keys, c->key_count + c->count, NULL);
    struct counted *groups = ARENA_NEW(p->mem, struct counted, n + 1);
    qsort(list, n, sizeof *list, by_keys_then_place);
    for (size_t i = 0; i < n; i++) {
        if (!has_all(&list[i], c->key_count))
            continue;
        if (made == 0 || by_keys(&groups[made - 1].key, &list[i]) != 0)
            groups[made++] = (struct counted){ list[i], 0, c->key_count, c->kind == COMMAND_RARE };
        groups[made - 1].count++;
        note_either(p, &groups[made - 1].key, &list[i]);
    }
    qsort(groups, made, sizeof *groups, by_count);
    *out = groups;
    return made;
}

static void run_top(const struct pipe *p, const struct command *c) {
    struct counted *g;
    size_t made = count_groups(p, c, &g);
    p->answer->records.n = 0;
    for (size_t from = 0, to; from < made; from = to) {
        size_t all = 0;
        for (to = from; to < made && same_by(&g[from], &g[to]); to++)
            all += g[to].count;
        for (size_t i = from; i < to && i - from < c->most; i++) {
            struct naive_record r = { NULL, ARENA_NEW(p->mem, struct naive_cell, 2 * COLUMNS_MAX + 2), 0 };
            for (size_t k = 0; k < g[i].key.key_count; k++)
                add(&r, k < c->key_count ? c->keys[k].name : c->columns[k - c->key_count].name, g[i].key.keys[k]);
            add(&r, STR("count"), value_int((int64_t)g[i].count));
            add(&r, STR("percent"), value_float(100.0 * (double)g[i].count / (double)all));
            VEC_PUSH(&p->answer->records, r);
        }
    }
}

/* ---- patterns ---- */

static struct str pattern_of(const struct pipe *p, struct str message) {
    AUTO(buf) text = { 0 };
    struct str kept;
    template_pattern(message, &text);
    ASSERT(arena_dup(p->mem, buf_str(&text), &kept) == ERR_OK);
    return kept;
}

/* One message: its pattern, then its row's place, newest first. */
struct message {
    struct str pattern, text;
    int64_t time_ns;
    size_t place;
};
static int by_pattern(const void *a, const void *b) {
    const struct message *x = a, *y = b;
    int c = str_cmp(x->pattern, y->pattern);
    return c ? c : (x->place > y->place) - (x->place < y->place);
}

struct counted_pattern {
    const struct message *newest, *oldest;
    size_t count;
};
static int by_pattern_count(const void *a, const void *b) {
    const struct counted_pattern *x = a, *y = b;
    return x->count != y->count ? (x->count > y->count ? -1 : 1) : str_cmp(x->newest->pattern, y->newest->pattern);
}

static size_t messages_of(const struct pipe *p, struct message **out) {
    size_t n = 0;
    *out = ARENA_NEW(p->mem, struct message, p->answer->records.n + 1);
    for (size_t i = 0; i < p->answer->records.n; i++) {
        const struct naive_record *r = &p->answer->records.p[i];
        size_t at = find(r, STR("@message")), time = find(r, STR("@timestamp"));
        if (at == r->count || r->cells[at].value.type != VALUE_STRING)
            continue;
        struct str text = r->cells[at].value.s;
        int64_t time_ns = time < r->count ? r->cells[time].value.i : r->row->time_ns;
        (*out)[n++] = (struct message){ pattern_of(p, text), text, time_ns, i };
    }
    qsort(*out, n, sizeof **out, by_pattern);
    return n;
}

static void run_patterns(const struct pipe *p, const struct command *c) {
    struct message *list;
    size_t n = messages_of(p, &list), made = 0;
    struct counted_pattern *g = ARENA_NEW(p->mem, struct counted_pattern, n + 1);
    for (size_t i = 0; i < n; i++) {
        if (made == 0 || !str_eq(g[made - 1].newest->pattern, list[i].pattern))
            g[made++].newest = &list[i];
        g[made - 1].oldest = &list[i];
        g[made - 1].count++;
    }
    qsort(g, made, sizeof *g, by_pattern_count);
    p->answer->records.n = 0;
    for (size_t i = 0; i < made && (!c->most || i < c->most); i++) {
        struct naive_record r = { NULL, ARENA_NEW(p->mem, struct naive_cell, 6), 0 };
        add(&r, STR("pattern"), value_string(g[i].newest->pattern));
        add(&r, STR("count"), value_int((int64_t)g[i].count));
        add(&r, STR("share"), value_float((double)g[i].count / (double)n));
        add(&r, STR("first"), value_time(g[i].oldest->time_ns));
        add(&r, STR("last"), value_time(g[i].newest->time_ns));
        add(&r, STR("example"), value_string(g[i].newest->text));
        VEC_PUSH(&p->answer->records, r);
    }
}

/* ---- rows and their neighbours ---- */

static const struct world *sorting;
static int by_row(const void *a, const void *b) {
    return naive_row_order(sorting, ((const struct naive_record *)a)->row, ((const struct naive_record *)b)->row);
}


static bool is_there(const struct pipe *p, const struct world_row *r) {
    size_t i = (size_t)(r - p->world->rows.p);
    return (!p->live || p->live[i]) && r->time_ns >= p->question->from_ns && r->time_ns < p->question->to_ns;
}

static void sort_rows(const struct pipe *p) {
    sorting = p->world;
    if (p->answer->records.n)
        qsort(p->answer->records.p, p->answer->records.n, sizeof *p->answer->records.p, by_row);
}

/* Marks `most` rows of the stream of row `at`, going on from there by `step`. */
static void mark(const struct naive_record *all, size_t count, size_t at, int step, uint64_t most, bool *marked) {
    uint32_t stream = all[at].row->stream;
    for (size_t i = at + (size_t)step; most && i < count; i += (size_t)step)
        if (all[i].row->stream == stream) {
            marked[i] = true;
            most--;
        }
}

static void run_context(const struct pipe *p, const struct command *c) {
    enum { MATCHES_MAX = 1000 };
    size_t matches = p->answer->records.n, total = p->world->rows.n, next = 0, kept = 0;
    const struct world_row **match = ARENA_NEW(p->mem, const struct world_row *, matches + 1);
    bool *marked = ARENA_NEW(p->mem, bool, total + 1);
    for (size_t i = 0; i < matches; i++)
        match[i] = p->answer->records.p[i].row;
    p->answer->unsure |= matches > MATCHES_MAX;
    p->answer->records.n = 0;
    for (size_t i = 0; i < total; i++)
        if (is_there(p, &p->world->rows.p[i]))
            VEC_PUSH(&p->answer->records, (struct naive_record){ .row = &p->world->rows.p[i] });
    sort_rows(p);
    struct naive_record *all = p->answer->records.p;
    for (size_t i = 0; i < p->answer->records.n && next < matches; i++) {
        if (all[i].row != match[next])
            continue;
        next++;
        marked[i] = true;
        mark(all, p->answer->records.n, i, 1, c->before, marked);
        mark(all, p->answer->records.n, i, -1, c->after, marked);
    }
    for (size_t i = 0, m = 0; i < p->answer->records.n; i++) {
        bool is_match = m < matches && all[i].row == match[m];
        m += is_match;
        if (!marked[i])
            continue;
        struct naive_record r = record_of(p, all[i].row);
        if (is_match)
            add(&r, STR("@match"), value_bool(true));
        all[kept++] = r;
    }
    p->answer->records.n = kept;
}

/* ---- pipes ---- */

static void run_tail(const struct pipe *p, uint64_t most) {
    size_t n = p->answer->records.n, skip = n > most ? n - (size_t)most : 0;
    if (skip)
        memmove(p->answer->records.p, p->answer->records.p + skip, (n - skip) * sizeof *p->answer->records.p);
    p->answer->records.n = n - skip;
}

static void run_command(const struct pipe *p, const struct command *c, bool rows) {
    bool looks = c->kind != COMMAND_LIMIT && c->kind != COMMAND_TAIL && c->kind != COMMAND_SORT;
    p->answer->unsure |= p->answer->either && looks;
    switch (c->kind) {
    case COMMAND_FILTER: run_filter(p, c, rows); return;
    case COMMAND_EVAL: each_row(p, c, run_eval); return;
    case COMMAND_FIELDS: each_row(p, c, run_fields); return;
    case COMMAND_DROP: each_row(p, c, run_drop); return;
    case COMMAND_RENAME: each_row(p, c, run_rename); return;
    case COMMAND_FILLNULL: each_row(p, c, run_fillnull); return;
    case COMMAND_STATS: run_stats(p, c); return;
    case COMMAND_SORT: run_sort(p, c); return;
    case COMMAND_LIMIT:
        if (p->answer->records.n > c->most)
            p->answer->records.n = (size_t)c->most;
        return;
    case COMMAND_TAIL: run_tail(p, c->most); return;
    case COMMAND_DEDUP: run_dedup(p, c); return;
    case COMMAND_TOP:
    case COMMAND_RARE: run_top(p, c); return;
    case COMMAND_PATTERNS: run_patterns(p, c); return;
    case COMMAND_CONTEXT: run_context(p, c); return;
    default: ASSERT(false && "a command");
    }
}

static void drop_hidden(struct naive_record *r) {
    size_t kept = 0;
    for (size_t i = 0; i < r->count; i++)
        if (!r->cells[i].hidden)
            r->cells[kept++] = r->cells[i];
    r->count = kept;
}

void naive_answer(const struct world *w, const bool *live, const struct question *q, struct arena *mem,
                  struct naive_answer *out) {
    struct pipe p = { w, live, q, mem, out };
    *out = (struct naive_answer){ 0 };
    for (size_t i = 0; i < w->rows.n; i++) {
        const struct world_row *r = &w->rows.p[i];
        struct naive_subject s = { w, r, NULL, mem };
        if (is_there(&p, r) && naive_truth(q->filter, &s))
            VEC_PUSH(&out->records, record_of(&p, r));
    }
    out->matched = out->records.n;
    sort_rows(&p);
    bool scanned = true; /* filters in front are part of the scan */
    for (size_t i = 0; i < q->command_count; i++) {
        scanned = scanned && q->commands[i].kind == COMMAND_FILTER;
        run_command(&p, &q->commands[i], scanned);
        out->matched = scanned ? out->records.n : out->matched;
    }
    for (size_t i = 0; i < out->records.n; i++)
        drop_hidden(&out->records.p[i]);
}
