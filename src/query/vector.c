#include "query/vector.h"
#include "base/clock.h"
#include "model/batch.h"
#include "wire/json.h"
#include <limits.h>

enum { PAGE_BYTES_MAX = 256 << 20, BLOCK_BYTES_MAX = 64 << 20 };

static const struct {
    const char *name;
    enum vector_special special;
} specials[] = {
    { "@timestamp", VECTOR_TIME },       { "@ingested", VECTOR_INGESTED }, { "@stream", VECTOR_STREAM },
    { "@logStream", VECTOR_LOG_STREAM }, { "@template", VECTOR_TEMPLATE }, { "@id", VECTOR_ID },
};

static enum vector_special special_of(struct str name) {
    for (size_t i = 0; i < COUNT_OF(specials); i++)
        if (str_eq(name, str_of(specials[i].name)))
            return specials[i].special;
    return VECTOR_PLAIN;
}

static unsigned find_field(const struct vector_fields *f, struct str name, bool strict) {
    for (size_t i = 0; i < f->list.n; i++) {
        struct str text = f->list.p[i].names[0].text;
        if (f->list.p[i].strict == strict && (text.p == name.p || str_eq(text, name)) && text.n == name.n)
            return (unsigned)i;
    }
    return UINT_MAX;
}

unsigned vector_fields_find(const struct vector_fields *f, struct str name) {
    return find_field(f, name, false);
}

static unsigned put_field(struct vector_fields *f, struct str name, bool strict) {
    unsigned known = find_field(f, name, strict);
    if (known != UINT_MAX)
        return known;
    struct vector_field field = { .names[0] = { name, special_of(name) }, .name_count = 1, .strict = strict };
    struct str alias = field_alias(name);
    if (!strict && !str_eq(alias, name)) {
        field.names[1] = (struct vector_name){ alias, special_of(alias) };
        field.name_count = 2;
    }
    VEC_PUSH(&f->list, field);
    return (unsigned)f->list.n - 1;
}

unsigned vector_fields_put(struct vector_fields *f, struct str name) {
    return put_field(f, name, false);
}
unsigned vector_fields_put_strict(struct vector_fields *f, struct str name) {
    return put_field(f, name, true);
}

void vector_fields_of(struct vector_fields *f, const struct expr *e) {
    if (e->kind == EXPR_FIELD || e->name.n)
        (void)vector_fields_put(f, e->name);
    for (size_t i = 0; i < e->arg_count; i++)
        vector_fields_of(f, e->args[i]);
}

void vector_fields_fini(struct vector_fields *f) {
    VEC_FINI(&f->list);
}

/* ---- the view ---- */

void vector_init(struct vector_view *v, const struct vector_fields *fields) {
    *v = (struct vector_view){ .fields = fields };
    arena_init(&v->block_mem, BLOCK_BYTES_MAX);
    arena_init(&v->mem, PAGE_BYTES_MAX);
}

void vector_fini(struct vector_view *v) {
    arena_fini(&v->block_mem);
    arena_fini(&v->mem);
}

static unsigned bind(const struct block *b, struct str name, uint32_t *out) {
    unsigned count = 0;
    for (unsigned type = VALUE_NULL + 1; type < VALUE_TYPE_COUNT; type++) {
        uint32_t column = block_column_find(b, name, (enum value_type)type);
        if (column != UINT32_MAX)
            out[count++] = column;
    }
    return count;
}

enum err vector_open(struct vector_view *v, const struct block *b) {
    arena_reset(&v->block_mem);
    arena_reset(&v->mem);
    v->generation++;
    v->block = b;
    v->info = block_info(b);
    v->streams = block_streams(b);
    v->block_columns = block_columns(b);
    v->rest_column = block_column_find(b, STR("@rest"), VALUE_JSON);
    v->bound = ARENA_NEW(&v->block_mem, struct vector_bound, v->fields->list.n + 1);
    v->pages = ARENA_NEW(&v->block_mem, struct column_page *, v->info->column_count + 1u);
    v->texts = ARENA_NEW(&v->block_mem, struct column_page *, v->info->column_count + 1u);
    if (!v->bound || !v->pages || !v->texts)
        return ERR_LIMIT;
    for (size_t i = 0; i < v->fields->list.n; i++) {
        const struct vector_field *f = &v->fields->list.p[i];
        for (unsigned k = 0; k < f->name_count; k++)
            v->bound[i].counts[k] = bind(b, f->names[k].text, v->bound[i].columns[k]);
    }
    return ERR_OK;
}

enum err vector_page(struct vector_view *v, uint32_t page) {
    arena_reset(&v->mem);
    memset(v->pages, 0, sizeof(struct column_page *) * v->info->column_count);
    memset(v->texts, 0, sizeof(struct column_page *) * v->info->column_count);
    v->wanted = NULL;
    v->page = page;
    v->row_first = page * v->info->page_rows;
    v->row_count = block_page_rows(v->block, page);
    v->times_ns = NULL;
    v->received_ms = NULL;
    return ERR_OK;
}

enum err vector_times(struct vector_view *v) {
    return v->times_ns ? ERR_OK : block_read_times(v->block, v->page, &v->mem, &v->times_ns);
}

enum err vector_received(struct vector_view *v) {
    return v->received_ms ? ERR_OK : block_read_received(v->block, v->page, &v->mem, &v->received_ms);
}

/* Texts in templates are put together one by one while few are wanted; a page of which many are becomes plain
 * strings. */
enum err vector_column_texts(struct vector_view *v, const struct column_page *c, const uint64_t *rows,
                             const struct column_page **out) {
    enum { FEW = 64 };
    *out = c;
    if (c->form != PAGE_TEMPLATES || bits_count(rows, v->row_count) < FEW)
        return ERR_OK;
    struct column_page *strings = ARENA_NEW(&v->mem, struct column_page, 1);
    if (!strings)
        return ERR_LIMIT;
    *out = strings;
    return column_page_strings(c, rows, &v->mem, strings);
}

enum err vector_column(struct vector_view *v, uint32_t column, const struct column_page **out) {
    if (!v->pages[column]) {
        struct column_page *page = ARENA_NEW(&v->mem, struct column_page, 1);
        if (!page)
            return ERR_LIMIT;
        TRY(block_read_column(v->block, column, v->page, &v->mem, page));
        v->pages[column] = page;
    }
    *out = v->pages[column];
    return ERR_OK;
}

void vector_want(struct vector_view *v, const uint64_t *rows) {
    v->wanted = rows;
}

enum err vector_value_column(struct vector_view *v, uint32_t column, const struct column_page **out) {
    const struct column_page *c;
    TRY(vector_column(v, column, &c));
    *out = c;
    if (!v->wanted || c->form != PAGE_TEMPLATES)
        return ERR_OK;
    if (!v->texts[column]) {
        TRY(vector_column_texts(v, c, v->wanted, out));
        v->texts[column] = (struct column_page *)(uintptr_t)*out;
    }
    *out = v->texts[column];
    return ERR_OK;
}

uint64_t *vector_bits(struct vector_view *v) {
    return ARENA_NEW(&v->mem, uint64_t, bits_words(v->row_count));
}

uint64_t *vector_bits_copy(struct vector_view *v, const uint64_t *rows) {
    uint64_t *copy = ARENA_RAW(&v->mem, uint64_t, bits_words(v->row_count));
    if (copy)
        memcpy(copy, rows, bits_words(v->row_count) * sizeof *copy);
    return copy;
}

static struct vector_run run_of(const struct vector_view *v, uint32_t stream) {
    const struct block_stream *s = &v->streams[stream];
    uint32_t end = s->row_first + s->row_count, page_end = v->row_first + v->row_count;
    return (struct vector_run){ s->row_first > v->row_first ? s->row_first - v->row_first : 0,
                                (end < page_end ? end : page_end) - v->row_first, stream };
}

bool vector_run_first(const struct vector_view *v, struct vector_run *out) {
    if (v->row_count == 0)
        return false;
    *out = run_of(v, block_stream_of_row(v->block, v->row_first));
    return true;
}

bool vector_run_next(const struct vector_view *v, struct vector_run *run) {
    if (run->to >= v->row_count)
        return false;
    *run = run_of(v, run->stream + 1);
    return true;
}

/* ---- values that depend on the stream alone ---- */

static struct value print_labels(struct str labels, struct arena *mem) {
    AUTO(buf) text = { .limit_bytes = 8 * LABELS_BYTES_MAX };
    struct str kept;
    labels_print(labels, &text);
    return arena_dup(mem, buf_str(&text), &kept) == ERR_OK ? value_string(kept) : value_null();
}

static bool special_of_stream(enum vector_special special, struct str labels, struct arena *mem,
                              struct value *out) {
    struct str service = labels_get(labels, STR("service"));
    if (special == VECTOR_LOG_STREAM && service.n)
        *out = value_string(service);
    else if (special == VECTOR_STREAM || special == VECTOR_LOG_STREAM)
        *out = print_labels(labels, mem);
    else
        return false;
    return true;
}

static bool name_stream_value(const struct vector_name *name, struct str labels, struct arena *mem,
                              struct value *out) {
    if (name->special != VECTOR_PLAIN)
        return special_of_stream(name->special, labels, mem, out);
    struct str label = labels_get(labels, name->text);
    if (label.n)
        *out = value_string(label);
    return label.n > 0;
}

bool vector_stream_value(const struct vector_field *f, struct str labels, struct arena *mem,
                         struct value *out) {
    return name_stream_value(&f->names[0], labels, mem,
                             out); /* an alias counts only where the row lacks the name */
}

/* ---- values of rows ---- */

static struct value number_of_json(struct str text) {
    int64_t i;
    double f;
    char print[64];
    struct buf b = { .p = print, .cap_bytes = sizeof print, .limit_bytes = sizeof print };
    if (str_to_i64(text, &i) && !str_eq(text, STR("-0")))
        return value_int(i);
    if (text.n < 32 && str_to_f64(text, &f)) {
        buf_add_f64(&b, f);
        if (str_eq(buf_str(&b), text))
            return value_float(f);
    }
    return (struct value){ .type = VALUE_NUMBER_TEXT, .s = text };
}

static struct value json_value(struct json_reader *r, struct arena *mem) {
    switch (json_kind(r)) {
    case JSON_STRING: return value_string(json_string(r, mem));
    case JSON_NUMBER: return number_of_json(json_number_text(r));
    case JSON_BOOL: return value_bool(json_bool(r));
    case JSON_NULL: (void)json_skip(r); return value_null();
    default: return (struct value){ .type = VALUE_JSON, .s = json_skip(r) };
    }
}

enum err vector_rest_each(struct vector_view *v, uint32_t row, struct arena *mem,
                          bool (*each)(void *ctx, struct str name, const struct value *value), void *ctx) {
    const struct column_page *c;
    struct value object;
    struct json_reader r;
    struct json_text key;
    if (v->rest_column == UINT32_MAX)
        return ERR_OK;
    TRY(vector_column(v, v->rest_column, &c));
    TRY(vector_column_value(v, c, row, &object));
    if (object.type != VALUE_JSON)
        return ERR_OK;
    json_reader_init(&r, object.s);
    for (bool more = json_object(&r); more && json_key(&r, &key);) {
        struct str name;
        TRY(json_text_get(key, mem, &name));
        struct value value = json_value(&r, mem);
        if (!r.failed && !each(ctx, name, &value))
            return ERR_OK;
    }
    return ERR_OK;
}

struct rest_find {
    struct str name;
    struct value value;
};

static bool rest_is(void *ctx, struct str name, const struct value *value) {
    struct rest_find *find = ctx;
    if (!str_eq(name, find->name) || value->type == VALUE_NULL)
        return true;
    find->value = *value;
    return false;
}

static enum err rest_value(struct vector_view *v, uint32_t row, struct str name, struct value *out) {
    struct rest_find find = { .name = name };
    TRY(vector_rest_each(v, row, &v->mem, rest_is, &find));
    *out = find.value;
    return ERR_OK;
}

enum err vector_column_value(struct vector_view *v, const struct column_page *c, uint32_t row,
                             struct value *out) {
    *out = value_null();
    if (c->form == PAGE_EMPTY || (c->present && !bits_get(c->present, row)))
        return ERR_OK;
    *out = (struct value){ .type = c->type };
    switch (c->form) {
    case PAGE_INTS:
        if (c->type == VALUE_BOOL)
            out->b = c->ints[row] != 0;
        else
            out->i = c->ints[row];
        return ERR_OK;
    case PAGE_FLOATS: out->f = c->floats[row]; return ERR_OK;
    case PAGE_STRINGS:
        out->s = (struct str){ c->bytes + c->offsets[row], c->offsets[row + 1] - c->offsets[row] };
        return ERR_OK;
    case PAGE_DICT: out->s = c->dict[c->codes[row]]; return ERR_OK;
    default: return column_page_text(c, row, &v->mem, &out->s);
    }
}

static const struct column_page *message_page(struct vector_view *v, enum err *e) {
    const struct column_page *c = NULL;
    uint32_t column = block_column_find(v->block, STR("@message"), VALUE_STRING);
    *e = column == UINT32_MAX ? ERR_OK : vector_column(v, column, &c);
    return c;
}

static bool page_has(const struct column_page *c, uint32_t row) {
    return c && c->form != PAGE_EMPTY && (!c->present || bits_get(c->present, row));
}

/* Made from what a merge keeps: stream, times and message. */
static enum err computed_id(struct vector_view *v, uint32_t row, struct value *out) {
    AUTO(buf) text = { .limit_bytes = 8 << 20 };
    struct value message;
    enum err e;
    const struct column_page *c = message_page(v, &e);
    TRY(e);
    TRY(vector_times(v));
    TRY(vector_received(v));
    struct id128 stream = v->streams[block_stream_of_row(v->block, v->row_first + row)].id;
    buf_add_bytes(&text, &stream, sizeof stream);
    buf_add_le64(&text, (uint64_t)v->times_ns[row]);
    buf_add_le64(&text, (uint64_t)v->received_ms[row]);
    if (page_has(c, row)) {
        TRY(vector_column_value(v, c, row, &message));
        buf_add(&text, message.s);
    }
    struct id128 id = hash128(buf_str(&text));
    *out = (struct value){ .type = VALUE_STRING };
    return arena_printf(&v->mem, &out->s, "%016llx%016llx", (unsigned long long)id.hi,
                        (unsigned long long)id.lo);
}

static enum err row_special(struct vector_view *v, enum vector_special special, uint32_t row,
                            struct value *out) {
    enum err e;
    const struct column_page *c;
    switch (special) {
    case VECTOR_TIME:
        TRY(vector_times(v));
        *out = value_time(v->times_ns[row]);
        return ERR_OK;
    case VECTOR_INGESTED:
        TRY(vector_received(v));
        *out = value_time(v->received_ms[row] * NS_PER_MS);
        return ERR_OK;
    case VECTOR_TEMPLATE:
        c = message_page(v, &e);
        TRY(e);
        *out = (struct value){ .type = page_has(c, row) ? VALUE_STRING : VALUE_NULL };
        return page_has(c, row) ? column_page_pattern(c, row, &v->mem, &out->s) : ERR_OK;
    case VECTOR_ID: return computed_id(v, row, out);
    default:
        (void)special_of_stream(special, v->streams[block_stream_of_row(v->block, v->row_first + row)].labels,
                                &v->mem, out);
        return ERR_OK;
    }
}

static bool has_columns(enum vector_special special) {
    return special == VECTOR_PLAIN || special == VECTOR_ID;
}

static enum err row_name_value(struct vector_view *v, unsigned field, unsigned k, uint32_t row,
                               struct value *out) {
    const struct vector_name *name = &v->fields->list.p[field].names[k];
    const struct vector_bound *bound = &v->bound[field];
    const struct column_page *c;
    if (has_columns(name->special)) {
        struct str labels = v->streams[block_stream_of_row(v->block, v->row_first + row)].labels;
        struct str label = labels_get(labels, name->text);
        if (label.n) {
            *out = value_string(label);
            return ERR_OK;
        }
        for (unsigned i = 0; i < bound->counts[k] && out->type == VALUE_NULL; i++) {
            TRY(vector_value_column(v, bound->columns[k][i], &c));
            TRY(vector_column_value(v, c, row, out));
        }
        if (out->type == VALUE_NULL && v->rest_column != UINT32_MAX)
            TRY(rest_value(v, row, name->text, out));
    }
    return out->type == VALUE_NULL && name->special != VECTOR_PLAIN ? row_special(v, name->special, row, out)
                                                                    : ERR_OK;
}

enum err vector_row_value(struct vector_view *v, unsigned field, uint32_t row, struct value *out) {
    *out = value_null();
    for (unsigned k = 0; k < v->fields->list.p[field].name_count && out->type == VALUE_NULL; k++)
        TRY(row_name_value(v, field, k, row, out));
    return ERR_OK;
}

/* ---- walking the parts of a field ---- */

enum walk_step { WALK_LABELS, WALK_COLUMNS, WALK_REST, WALK_SPECIAL, WALK_STEPS };

enum err vector_walk_begin(struct vector_walk *w, struct vector_view *v, unsigned field,
                           const uint64_t *want) {
    *w = (struct vector_walk){ .view = v, .field = &v->fields->list.p[field], .bound = &v->bound[field] };
    w->left = vector_bits_copy(v, want);
    w->rows = vector_bits(v);
    return w->left && w->rows ? ERR_OK : ERR_LIMIT;
}

/* Hands the rows of [from, to) that are still left over to a part. */
static bool take_range(struct vector_walk *w, uint32_t from, uint32_t to, struct vector_part *out) {
    bool any = false;
    for (size_t i = from / 64; i < bits_words(to); i++) {
        uint64_t mask = ~0ull;
        if (i == from / 64)
            mask &= ~0ull << (from % 64);
        if (to % 64 && i == to / 64)
            mask &= ~(~0ull << (to % 64));
        w->rows[i] = w->left[i] & mask;
        w->left[i] &= ~mask;
        any = any || w->rows[i];
    }
    out->rows = w->rows;
    out->from = from;
    out->to = to;
    return any;
}

static bool walk_label(struct vector_walk *w, struct vector_part *out) {
    struct vector_view *v = w->view;
    for (bool more = w->in_runs ? vector_run_next(v, &w->run) : vector_run_first(v, &w->run); more;
         more = vector_run_next(v, &w->run)) {
        w->in_runs = true;
        struct str labels = v->streams[w->run.stream].labels;
        if (name_stream_value(&w->field->names[w->name], labels, &v->mem, &out->constant) &&
            take_range(w, w->run.from, w->run.to, out)) {
            out->kind = PART_CONSTANT;
            return true;
        }
    }
    return false;
}

static bool take_present(struct vector_walk *w, const uint64_t *present, struct vector_part *out) {
    bool any = false;
    for (size_t i = 0; i < bits_words(w->view->row_count); i++) {
        w->rows[i] = w->left[i] & (present ? present[i] : ~0ull);
        w->left[i] &= ~w->rows[i];
        any = any || w->rows[i];
    }
    out->rows = w->rows;
    out->from = 0;
    out->to = w->view->row_count;
    return any;
}

static enum err walk_column(struct vector_walk *w, struct vector_part *out, bool *got) {
    while (w->column < w->bound->counts[w->name]) {
        uint32_t column = w->bound->columns[w->name][w->column++];
        if (block_page_value_count(w->view->block, column, w->view->page) == 0)
            continue;
        TRY(vector_column(w->view, column, &out->column));
        out->kind = PART_COLUMN;
        *got = out->column->form != PAGE_EMPTY && take_present(w, out->column->present, out);
        if (*got)
            return ERR_OK;
    }
    return ERR_OK;
}

static enum err walk_rest(struct vector_walk *w, struct vector_part *out, bool *got) {
    struct vector_view *v = w->view;
    const struct column_page *c;
    if (v->rest_column == UINT32_MAX || block_page_value_count(v->block, v->rest_column, v->page) == 0)
        return ERR_OK;
    TRY(vector_column(v, v->rest_column, &c));
    uint64_t *found = vector_bits(v);
    struct value *values = ARENA_NEW(&v->mem, struct value, v->row_count);
    if (!found || !values)
        return ERR_LIMIT;
    BITS_EACH (row, w->left, v->row_count) {
        if (c->present && !bits_get(c->present, row))
            continue;
        TRY(rest_value(v, (uint32_t)row, w->field->names[w->name].text, &values[row]));
        if (values[row].type != VALUE_NULL)
            bits_set(found, row);
    }
    out->kind = PART_VALUES;
    out->values = values;
    *got = take_present(w, found, out);
    return ERR_OK;
}

/* Times look like a column. */
static enum err time_column(struct vector_view *v, enum vector_special special, struct vector_part *out) {
    struct column_page *c = ARENA_NEW(&v->mem, struct column_page, 1);
    if (!c)
        return ERR_LIMIT;
    *c = (struct column_page){ .form = PAGE_INTS, .type = VALUE_TIME, .row_count = v->row_count };
    if (special == VECTOR_TIME) {
        TRY(vector_times(v));
        c->ints = v->times_ns;
    } else {
        TRY(vector_received(v));
        int64_t *ns = ARENA_RAW(&v->mem, int64_t, v->row_count);
        if (!ns)
            return ERR_LIMIT;
        for (uint32_t i = 0; i < v->row_count; i++)
            ns[i] = v->received_ms[i] * NS_PER_MS;
        c->ints = ns;
    }
    out->kind = PART_COLUMN;
    out->column = c;
    return ERR_OK;
}

static enum err walk_special(struct vector_walk *w, struct vector_part *out, bool *got) {
    struct vector_view *v = w->view;
    enum vector_special special = w->field->names[w->name].special;
    if (special == VECTOR_PLAIN || special == VECTOR_STREAM || special == VECTOR_LOG_STREAM)
        return ERR_OK;
    if (special == VECTOR_TIME || special == VECTOR_INGESTED) {
        TRY(time_column(v, special, out));
        *got = take_present(w, NULL, out);
        return ERR_OK;
    }
    struct value *values = ARENA_NEW(&v->mem, struct value, v->row_count);
    uint64_t *found = vector_bits(v);
    if (!values || !found)
        return ERR_LIMIT;
    BITS_EACH (row, w->left, v->row_count) {
        TRY(row_special(v, special, (uint32_t)row, &values[row]));
        if (values[row].type != VALUE_NULL)
            bits_set(found, row);
    }
    out->kind = PART_VALUES;
    out->values = values;
    *got = take_present(w, found, out);
    return ERR_OK;
}

enum err vector_walk_next(struct vector_walk *w, struct vector_part *out, bool *out_more) {
    bool got = false;
    *out_more = false;
    while (!got && w->name < w->field->name_count && bits_any(w->left, w->view->row_count)) {
        enum vector_special special = w->field->names[w->name].special;
        bool stored = has_columns(special);
        switch ((enum walk_step)w->step) {
        case WALK_LABELS:
            if (special != VECTOR_TIME && special != VECTOR_INGESTED)
                got = walk_label(w, out);
            break;
        case WALK_COLUMNS:
            if (stored)
                TRY(walk_column(w, out, &got));
            break;
        case WALK_REST:
            if (stored)
                TRY(walk_rest(w, out, &got));
            break;
        default: TRY(walk_special(w, out, &got));
        }
        bool again = got && (w->step == WALK_LABELS || w->step == WALK_COLUMNS);
        if (!again && ++w->step == WALK_STEPS) {
            w->step = WALK_LABELS;
            w->column = 0;
            w->in_runs = false;
            w->name++;
        }
    }
    *out_more = got;
    return ERR_OK;
}

enum err vector_value(struct vector_view *v, const struct vector_part *p, uint32_t row, struct value *out) {
    if (p->kind == PART_COLUMN)
        return vector_column_value(v, p->column, row, out);
    *out = p->kind == PART_CONSTANT ? p->constant : p->values[row];
    return ERR_OK;
}

static enum err part_values(struct vector_view *v, const struct vector_part *part, struct value *out) {
    struct vector_part p = *part;
    if (p.kind == PART_COLUMN)
        TRY(vector_column_texts(v, p.column, p.rows, &p.column));
    for (size_t row = bits_next(p.rows, p.to, p.from); row < p.to; row = bits_next(p.rows, p.to, row + 1))
        TRY(vector_value(v, &p, (uint32_t)row, &out[row]));
    return ERR_OK;
}

enum err vector_field_values(struct vector_view *v, unsigned field, const uint64_t *rows,
                             const struct value **out) {
    struct vector_walk walk;
    struct vector_part part;
    bool more;
    struct value *values = ARENA_NEW(&v->mem, struct value, v->row_count);
    if (!values)
        return ERR_LIMIT;
    TRY(vector_walk_begin(&walk, v, field, rows));
    TRY(vector_walk_next(&walk, &part, &more));
    while (more) {
        TRY(part_values(v, &part, values));
        TRY(vector_walk_next(&walk, &part, &more));
    }
    *out = values;
    return ERR_OK;
}

/* ---- for expr_eval ---- */

static struct value row_field(void *ctx, struct str name) {
    struct vector_row *r = ctx;
    struct value v = value_null();
    unsigned field = vector_fields_find(r->view->fields, name);
    if (field != UINT_MAX && r->err == ERR_OK)
        r->err = vector_row_value(r->view, field, r->row, &v);
    return r->err == ERR_OK ? v : value_null();
}

static struct str row_labels(void *ctx) {
    const struct vector_row *r = ctx;
    return r->view->streams[block_stream_of_row(r->view->block, r->view->row_first + r->row)].labels;
}

struct any_text {
    bool (*each)(void *ctx, struct str text);
    void *ctx;
    bool found;
};

static bool is_text(enum value_type t) {
    return t == VALUE_STRING || t == VALUE_NUMBER_TEXT || t == VALUE_JSON;
}

static bool rest_text(void *ctx, struct str name, const struct value *value) {
    (void)name;
    struct any_text *any = ctx;
    any->found = is_text(value->type) && any->each(any->ctx, value->s);
    return !any->found;
}

static bool row_any_text(void *ctx, bool (*each)(void *each_ctx, struct str text), void *each_ctx) {
    struct vector_row *r = ctx;
    struct vector_view *v = r->view;
    struct str rest = row_labels(r);
    for (struct label l; labels_next(&rest, &l);)
        if (each(each_ctx, l.value))
            return true;
    for (uint32_t i = 0; i < v->info->column_count && r->err == ERR_OK; i++) {
        const struct column_page *c;
        struct value value = value_null();
        if (i == v->rest_column || !is_text(v->block_columns[i].type))
            continue;
        r->err = vector_column(v, i, &c);
        if (r->err == ERR_OK)
            r->err = vector_column_value(v, c, r->row, &value);
        if (r->err == ERR_OK && value.type != VALUE_NULL && each(each_ctx, value.s))
            return true;
    }
    struct any_text any = { each, each_ctx, false };
    if (r->err == ERR_OK)
        r->err = vector_rest_each(v, r->row, &v->mem, rest_text, &any);
    return any.found;
}

struct expr_row vector_expr_row(struct vector_row *r) {
    return (struct expr_row){ .field = row_field, .any_text = row_any_text, .labels = row_labels, .ctx = r };
}
