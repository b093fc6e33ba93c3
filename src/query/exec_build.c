#include "query/exec_build.h"
#include "model/batch.h"
#include <stdlib.h>

static bool is_hidden(struct str name) {
    static const char *const hidden[] = { "@id", "@stream", "@logStream", "@ingested", "@template" };
    for (size_t i = 0; i < COUNT_OF(hidden); i++)
        if (str_eq(name, str_of(hidden[i])))
            return true;
    return false;
}

/* An alias is a field of its own here: commands look for both, and may drop either. */
static enum err add_pick(struct exec_build *b, struct str name, struct vector_fields *fields) {
    for (size_t i = 0; i < b->picks.n; i++)
        if (str_eq(b->picks.p[i].name->text, name))
            return ERR_OK;
    struct exec_pick p = { .field = vector_fields_put_strict(fields, name),
                           .name = exec_intern(b->exec, name) };
    if (!p.name)
        return exec_spent(b->exec);
    p.hidden = b->all && is_hidden(name);
    VEC_PUSH(&b->picks, p);
    return ERR_OK;
}

enum err exec_build_plan(struct exec_build *b, struct exec *x, const struct exec_needs *needs,
                         struct vector_fields *fields) {
    *b = (struct exec_build){ .exec = x, .all = needs->all };
    if (b->all)
        TRY(add_pick(b, STR("@timestamp"), fields));
    for (size_t i = 0; i < needs->names.n; i++) {
        struct str name = needs->names.p[i], alias = field_alias(name);
        if (!b->all || is_hidden(name))
            TRY(add_pick(b, name, fields));
        if (!str_eq(alias, name) && (!b->all || is_hidden(alias)))
            TRY(add_pick(b, alias, fields));
    }
    return ERR_OK;
}

void exec_build_fini(struct exec_build *b) {
    VEC_FINI(&b->picks);
}

void exec_builder_fini(struct exec_builder *b) {
    VEC_FINI(&b->cells);
    VEC_FINI(&b->labels);
}

static enum err open_block(struct exec_builder *b, struct vector_view *v) {
    b->generation = v->generation;
    b->values = NULL;
    b->has_labels = false;
    if (!b->build->all)
        return ERR_OK;
    b->column_names = ARENA_NEW(&v->block_mem, const struct exec_name *, v->info->column_count + 1u);
    if (!b->column_names)
        return ERR_LIMIT;
    for (uint32_t i = 0; i < v->info->column_count; i++) {
        struct str name = v->block_columns[i].name;
        if (i == v->rest_column || is_hidden(name))
            continue;
        b->column_names[i] = exec_intern(b->build->exec, name);
        if (!b->column_names[i])
            return exec_spent(b->build->exec);
    }
    return ERR_OK;
}

static enum err read_labels(struct exec_builder *b, const struct vector_view *v, uint32_t stream,
                            struct arena *copy) {
    struct str labels = v->streams[stream].labels;
    if (copy)
        TRY(arena_dup(copy, labels, &labels));
    b->labels.n = 0;
    b->labels_text = labels;
    for (struct label l; labels_next(&labels, &l);) {
        const struct exec_name *name = exec_intern(b->build->exec, l.name);
        if (!name)
            return exec_spent(b->build->exec);
        VEC_PUSH(&b->labels, (struct exec_cell){ name, value_string(l.value) });
    }
    b->stream = stream;
    b->has_labels = true;
    return ERR_OK;
}

enum err exec_row_key(struct vector_view *v, uint32_t row, uint32_t block, struct exec_key *out) {
    TRY(vector_times(v));
    TRY(vector_received(v));
    *out = (struct exec_key){ .time_ns = v->times_ns[row],
                              .stream = v->streams[block_stream_of_row(v->block, v->row_first + row)].id,
                              .received_ms = v->received_ms[row],
                              .block = block,
                              .row = v->row_first + row };
    return ERR_OK;
}

enum err exec_builder_page(struct exec_builder *b, struct vector_view *v, const uint64_t *rows) {
    size_t count = b->build->picks.n;
    vector_want(v, rows);
    if (b->generation != v->generation)
        TRY(open_block(b, v));
    const struct value **values = ARENA_NEW(&v->mem, const struct value *, count + 1);
    if (!values)
        return ERR_LIMIT;
    for (size_t i = 0; i < count; i++)
        TRY(vector_field_values(v, b->build->picks.p[i].field, rows, &values[i]));
    b->values = values;
    return ERR_OK;
}

static bool has_cell(const struct exec_builder *b, const struct exec_name *name) {
    for (size_t i = 0; i < b->cells.n; i++)
        if (b->cells.p[i].name == name)
            return true;
    return false;
}

static enum err add_column(struct exec_builder *b, struct vector_view *v, uint32_t column, uint32_t row) {
    const struct column_page *c;
    struct value value;
    if (block_page_value_count(v->block, column, v->page) == 0)
        return ERR_OK;
    TRY(vector_value_column(v, column, &c));
    TRY(vector_column_value(v, c, row, &value));
    if (value.type != VALUE_NULL)
        VEC_PUSH(&b->cells, (struct exec_cell){ b->column_names[column], value });
    return ERR_OK;
}

/* Columns named `name`, or all others when NULL. */
static enum err add_columns(struct exec_builder *b, struct vector_view *v, const struct exec_name *name,
                            uint32_t row) {
    const struct exec *x = b->build->exec;
    for (uint32_t i = 0; i < v->info->column_count; i++) {
        const struct exec_name *n = b->column_names[i];
        if (!n || (name ? n != name : n == x->message || n == x->level))
            continue;
        bool is_label = false;
        for (size_t k = 0; k < b->labels.n; k++)
            is_label = is_label || b->labels.p[k].name == n;
        bool again = b->cells.n && b->cells.p[b->cells.n - 1].name == n; /* of another type */
        if (!is_label && !again)
            TRY(add_column(b, v, i, row));
    }
    return ERR_OK;
}

struct rest_cells {
    struct exec_builder *b;
    bool spent;
};

static bool add_rest(void *ctx, struct str name, const struct value *value) {
    struct rest_cells *r = ctx;
    const struct exec_name *n = exec_intern(r->b->build->exec, name);
    r->spent = !n;
    if (n && value->type != VALUE_NULL && !has_cell(r->b, n))
        VEC_PUSH(&r->b->cells, (struct exec_cell){ n, *value });
    return !r->spent;
}

static int by_name(const void *a, const void *b) {
    return str_cmp(((const struct exec_cell *)a)->name->text, ((const struct exec_cell *)b)->name->text);
}

static enum err add_all(struct exec_builder *b, struct vector_view *v, uint32_t row) {
    struct rest_cells rest = { .b = b };
    TRY(add_columns(b, v, b->build->exec->message, row));
    TRY(add_columns(b, v, b->build->exec->level, row));
    for (size_t i = 0; i < b->labels.n; i++)
        VEC_PUSH(&b->cells, b->labels.p[i]);
    size_t others = b->cells.n;
    TRY(add_columns(b, v, NULL, row));
    size_t rest_from = b->cells.n;
    TRY(vector_rest_each(v, row, &v->mem, add_rest, &rest));
    if (b->cells.n > rest_from)
        qsort(b->cells.p + others, b->cells.n - others, sizeof *b->cells.p, by_name);
    return rest.spent ? exec_spent(b->build->exec) : ERR_OK;
}

static enum err copy_cells(struct exec_builder *b, struct arena *copy, struct exec_record *r) {
    struct exec_cell *cells = ARENA_RAW(copy, struct exec_cell, b->cells.n + 1);
    if (!cells)
        return ERR_LIMIT;
    const char *kept = b->labels_text.p, *kept_end = kept + b->labels_text.n;
    for (size_t i = 0; i < b->cells.n; i++) {
        const struct value *v = &b->cells.p[i].value;
        cells[i] = b->cells.p[i];
        bool in_labels = value_has_bytes(v->type) && v->s.p >= kept && v->s.p < kept_end;
        if (!in_labels)
            TRY(exec_copy_value(copy, v, &cells[i].value));
    }
    r->cells = cells;
    return ERR_OK;
}

/* Do the labels at hand belong to the row's stream? */
static bool is_stream_of(const struct exec_builder *b, const struct vector_view *v, uint32_t row) {
    const struct block_stream *s = &v->streams[b->stream];
    return b->has_labels && v->row_first + row >= s->row_first &&
           v->row_first + row - s->row_first < s->row_count;
}

enum err exec_builder_row(struct exec_builder *b, struct vector_view *v, uint32_t row, uint32_t block,
                          struct arena *copy, struct exec_record *out) {
    struct exec_record r = { .count = 0 };
    if (b->generation != v->generation)
        TRY(open_block(b, v));
    TRY(vector_times(v));
    TRY(vector_received(v));
    r.key =
        (struct exec_key){ .time_ns = v->times_ns[row], .received_ms = v->received_ms[row], .block = block };
    r.key.row = v->row_first + row;
    if (!is_stream_of(b, v, row))
        TRY(read_labels(b, v, block_stream_of_row(v->block, v->row_first + row), copy));
    r.key.stream = v->streams[b->stream].id;
    b->cells.n = 0;
    for (size_t i = 0; i < b->build->picks.n; i++) {
        struct exec_cell cell = { .name = b->build->picks.p[i].name, .hidden = b->build->picks.p[i].hidden };
        if (b->values)
            cell.value = b->values[i][row];
        else
            TRY(vector_row_value(v, b->build->picks.p[i].field, row, &cell.value));
        if (cell.value.type != VALUE_NULL)
            VEC_PUSH(&b->cells, cell);
    }
    if (b->build->all)
        TRY(add_all(b, v, row));
    r.labels = b->labels_text;
    r.cells = b->cells.p;
    r.count = b->cells.n;
    if (copy)
        TRY(copy_cells(b, copy, &r));
    *out = r;
    return ERR_OK;
}
