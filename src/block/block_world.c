#include "block/block_world.h"
#include "base/bits.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/heap.h"
#include "base/test.h"
#include <stdio.h>

struct world *world_new(uint64_t seed) {
    struct world *w = HEAP_NEW(struct world);
    field_dict_init(&w->fields);
    stream_dict_init(&w->streams);
    batch_init(&w->batch, &w->fields, &w->streams, 0);
    w->builder = block_builder_new();
    random_init(&w->random, seed);
    return w;
}

void world_free(struct world *w) {
    block_builder_free(w->builder);
    batch_fini(&w->batch);
    stream_dict_fini(&w->streams);
    field_dict_fini(&w->fields);
    heap_free(w);
}

static uint64_t below(struct world *w, uint64_t n) {
    return random_below(&w->random, n);
}

struct str world_keep(struct world *w, const void *p, size_t n) {
    struct str out;
    CHECK_OK(arena_dup(&w->batch.mem, (struct str){ p, n }, &out));
    return out;
}

uint32_t world_stream(struct world *w, unsigned number) {
    char labels[64];
    int n = snprintf(labels, sizeof labels, "service%cs%u%chost%ch%u", 0, number % 7, 0, 0, number);
    return stream_dict_put(&w->streams, (struct str){ labels, (size_t)n + 1 });
}

/* Random values: every kind that an encoding treats in its own way. */

uint32_t world_field(struct world *w, const char *name) {
    return field_dict_put(&w->fields, str_of(name));
}

static int64_t random_int(struct world *w, unsigned style) {
    static const int64_t extremes[] = { INT64_MIN, INT64_MAX, 0, -1, 1, INT64_MIN + 1, INT64_MAX - 1 };
    uint64_t r = random_u64(&w->random);
    switch (style % 6) {
    case 0: return (int64_t)(r % 1000);
    case 1: return extremes[r % COUNT_OF(extremes)];
    case 2: return 1700000000000000000 + (int64_t)(r % 100000) * 1000000;
    case 3: return (int64_t)r;
    case 4: return -(int64_t)(r % 7) * 1000;
    default: return 42;
    }
}

static double random_float(struct world *w, unsigned style) {
    static const double odd[] = { -0.0,    0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308,
                                  -1e-310, 0.1 };
    uint64_t r = random_u64(&w->random);
    switch (style % 5) {
    case 0: return (double)(r % 100000) / 10;
    case 1: return odd[r % COUNT_OF(odd)];
    case 2: return (double)(int64_t)r / 3.0;
    case 3: return (double)(r % 1000000007) / 1e9;
    default: return 1.5;
    }
}

static struct str random_text(struct world *w, unsigned style) {
    char text[96];
    size_t n = 0;
    switch (style % 8) {
    case 0: /* few */ n = (size_t)snprintf(text, sizeof text, "level-%u", (unsigned)below(w, 5)); break;
    case 1: /* any bytes */
        n = below(w, 40);
        for (size_t i = 0; i < n; i++)
            text[i] = (char)random_u64(&w->random);
        break;
    case 2: /* ids, some shared */
        n = (size_t)snprintf(text, sizeof text, "%016llx%016llx",
                             (unsigned long long)below(w, 200) * 0x9e3779b97f4a7c15, 7ull);
        break;
    case 3:
        n = (size_t)snprintf(text, sizeof text, "%016llx", (unsigned long long)random_u64(&w->random));
        break;
    case 4:
        n = (size_t)snprintf(text, sizeof text, "user %llu from 10.0.0.%u took %u ms",
                             (unsigned long long)below(w, 100000), (unsigned)below(w, 256),
                             (unsigned)below(w, 90));
        break;
    case 5: break; /* empty */
    case 6: {
        uint64_t a = random_u64(&w->random), b = random_u64(&w->random);
        n = (size_t)snprintf(text, sizeof text, "%08x-%04x-%04x-%04x-%012llx", (unsigned)a,
                             (unsigned)(a >> 32) & 0xffff, (unsigned)(a >> 48), (unsigned)b & 0xffff,
                             (unsigned long long)(b >> 16));
        break;
    }
    default: return STR("constant");
    }
    return world_keep(w, text, n);
}

static struct cell random_cell(struct world *w, uint32_t field, unsigned style, enum value_type type) {
    switch (type) {
    case VALUE_NULL: return cell_int(field, VALUE_NULL, 0);
    case VALUE_BOOL: return cell_int(field, VALUE_BOOL, (int64_t)below(w, 2));
    case VALUE_INT:
    case VALUE_TIME: return cell_int(field, type, random_int(w, style));
    case VALUE_FLOAT: return cell_float(field, random_float(w, style));
    case VALUE_NUMBER_TEXT:
        return cell_bytes(field, type, below(w, 2) ? STR("1.50") : STR("100000000000000000000"));
    case VALUE_JSON: return cell_bytes(field, type, below(w, 2) ? STR("[1,2]") : STR("{\"a\":\"b\"}"));
    default: return cell_bytes(field, type, random_text(w, style));
    }
}

void world_fill(struct world *w, struct shape s) {
    static const enum value_type types[] = { VALUE_STRING,      VALUE_INT,    VALUE_STRING, VALUE_FLOAT,
                                             VALUE_STRING,      VALUE_BOOL,   VALUE_TIME,   VALUE_STRING,
                                             VALUE_NUMBER_TEXT, VALUE_STRING, VALUE_JSON,   VALUE_NULL,
                                             VALUE_STRING,      VALUE_IP,     VALUE_BYTES };
    uint32_t numbers[2048];
    int64_t time_ns = 1700000000000000000;
    CHECK(s.fields <= COUNT_OF(numbers));
    for (unsigned f = 0; f < s.fields; f++) {
        char name[32];
        int n = snprintf(name, sizeof name, "field%u", f);
        numbers[f] = field_dict_put(&w->fields, (struct str){ name, (size_t)n });
    }
    for (size_t i = 0; i < s.rows; i++) {
        struct row *r = batch_row_begin(&w->batch);
        time_ns += (int64_t)below(w, 5) * 1000000;
        r->time_ns = s.out_of_order ? time_ns - (int64_t)below(w, 1000) : time_ns;
        r->received_ms = time_ns / 1000000;
        r->stream = world_stream(w, (unsigned)below(w, s.streams));
        r->raw_bytes = 100;
        for (unsigned f = 0; f < s.fields; f++) {
            if (below(w, 100) < s.presence_percent)
                batch_cell(&w->batch, random_cell(w, numbers[f], f / 2, types[f % COUNT_OF(types)]));
            if (below(w, 100) < s.mixed_percent)
                batch_cell(&w->batch, random_cell(w, numbers[f], f, types[(f + 1) % COUNT_OF(types)]));
        }
        batch_row_end(&w->batch);
    }
}

struct str world_build(struct world *w, struct block_build_options o) {
    block_builder_start(w->builder, &o, &w->batch, NULL, w->batch.rows.n);
    return block_builder_finish(w->builder);
}

struct block *world_open(struct str bytes) {
    struct err_text why = { "" };
    struct block *b = NULL;
    struct block_source source = { .mem = bytes.p, .size_bytes = bytes.n };
    if (block_open(&source, &why, &b))
        fail_msg("%s", why.msg);
    return b;
}

/* What a row is known by, to find it again: position by the documented order, computed the slow way. */
static size_t *expected_order(struct world *w) {
    size_t n = w->batch.rows.n, *order = HEAP_ARRAY(size_t, n);
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        const struct row *r = &w->batch.rows.p[i];
        struct str labels = w->streams.entries.p[r->stream].labels;
        for (; at > 0; at--) {
            const struct row *o = &w->batch.rows.p[order[at - 1]];
            int c = str_cmp(w->streams.entries.p[o->stream].labels, labels);
            if (c < 0 || (c == 0 && o->time_ns <= r->time_ns))
                break;
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    return order;
}

static const struct cell *find_cell(struct world *w, const struct row *r, struct str name,
                                    enum value_type type) {
    for (uint32_t i = 0; i < r->cell_count; i++) {
        const struct cell *c = &w->batch.cells.p[r->cell_first + i];
        if (c->type == type && str_eq(w->fields.names.p[c->field], name))
            return c;
    }
    return NULL;
}

static bool ordered(enum value_type type, const struct cell *a, const struct cell *b) {
    return type == VALUE_FLOAT ? a->f <= b->f : a->i <= b->i;
}

/* The directory knows exactly the least and greatest number of a page. */
static void check_range(const struct block *b, uint32_t column, uint32_t page, const struct cell *least,
                        const struct cell *most) {
    struct value low, high;
    bool known = block_page_range(b, column, page, &low, &high);
    enum value_type type = block_columns(b)[column].type;
    bool number = type == VALUE_INT || type == VALUE_TIME || type == VALUE_BOOL || type == VALUE_FLOAT;
    CHECK(known == (number && least != NULL));
    if (!known)
        return;
    CHECK(low.type == type && high.type == type);
    if (type == VALUE_FLOAT)
        CHECK(low.f == least->f && high.f == most->f);
    else if (type == VALUE_BOOL)
        CHECK(low.b == (least->i != 0) && high.b == (most->i != 0));
    else
        CHECK(low.i == least->i && high.i == most->i);
}

static void check_value(const struct column_page *p, uint32_t row, const struct cell *c, struct arena *mem) {
    if (value_has_bytes((enum value_type)c->type)) {
        struct str text;
        CHECK_OK(column_page_text(p, row, mem, &text));
        CHECK(str_eq(text, (struct str){ c->p, c->bytes }));
    } else if (c->type == VALUE_FLOAT) {
        CHECK(p->form == PAGE_FLOATS && memcmp(&p->floats[row], &c->f, 8) == 0);
    } else {
        CHECK(p->form == PAGE_INTS && p->ints[row] == c->i);
    }
}

/* All pages of one column; how many values it had. */
static size_t check_column(struct world *w, const struct block *b, uint32_t column, const size_t *order) {
    const struct block_info *info = block_info(b);
    const struct block_column *c = &block_columns(b)[column];
    size_t values = 0;
    CHECK(block_column_find(b, c->name, c->type) == column);
    for (uint32_t page = 0; page < info->page_count; page++) {
        AUTO(arena) mem;
        struct column_page p;
        uint32_t count = 0;
        const struct cell *least = NULL, *most = NULL;
        arena_init(&mem, 0);
        CHECK_OK(block_read_column(b, column, page, &mem, &p));
        CHECK(p.row_count == block_page_rows(b, page) && p.type == c->type);
        for (uint32_t i = 0; i < p.row_count; i++) {
            const struct row *r = &w->batch.rows.p[order[page * info->page_rows + i]];
            const struct cell *cell = find_cell(w, r, c->name, c->type);
            CHECK((!p.present || bits_get(p.present, i)) == (cell != NULL));
            if (!cell)
                continue;
            count++;
            check_value(&p, i, cell, &mem);
            least = !least || !ordered(c->type, least, cell) ? cell : least;
            most = !most || !ordered(c->type, cell, most) ? cell : most;
        }
        check_range(b, column, page, least, most);
        CHECK(count == block_page_value_count(b, column, page));
        values += count;
    }
    CHECK(values == c->value_count);
    return values;
}

static void check_times(struct world *w, const struct block *b, const size_t *order) {
    const struct block_info *info = block_info(b);
    for (uint32_t page = 0; page < info->page_count; page++) {
        AUTO(arena) mem;
        const int64_t *times, *received;
        int64_t least, most;
        arena_init(&mem, 0);
        CHECK_OK(block_read_times(b, page, &mem, &times));
        CHECK_OK(block_read_received(b, page, &mem, &received));
        block_page_times(b, page, &least, &most);
        for (uint32_t i = 0; i < block_page_rows(b, page); i++) {
            uint32_t row = page * info->page_rows + i;
            const struct row *r = &w->batch.rows.p[order[row]];
            const struct block_stream *s = &block_streams(b)[block_stream_of_row(b, row)];
            CHECK(times[i] == r->time_ns && received[i] == r->received_ms);
            CHECK(least <= times[i] && times[i] <= most);
            CHECK(info->time_min_ns <= times[i] && times[i] <= info->time_max_ns);
            CHECK(str_eq(s->labels, w->streams.entries.p[r->stream].labels));
            CHECK(id128_eq(s->id, w->streams.entries.p[r->stream].id));
            CHECK(s->row_first <= row && row < s->row_first + s->row_count);
        }
    }
}

/* Every value in its place, and no other. */
void world_check(struct world *w, const struct block *b) {
    size_t *order = expected_order(w), values = 0;
    CHECK(block_info(b)->row_count == w->batch.rows.n);
    check_times(w, b, order);
    for (uint32_t c = 0; c < block_info(b)->column_count; c++)
        values += check_column(w, b, c, order);
    CHECK(values == w->batch.cells.n);
    heap_free(order);
}

static void digest(uint64_t *d, const void *p, size_t n) {
    *d = hash64_seed((struct str){ p, n }, *d);
}

static enum err read_texts(const struct column_page *p, struct arena *mem, uint64_t *d) {
    for (uint32_t i = 0; i < p->row_count; i++) {
        struct str text;
        TRY(column_page_text(p, i, mem, &text));
        digest(d, &text.n, sizeof text.n);
        digest(d, text.p, text.n);
        if (i % 64 == 0)
            TRY(column_page_pattern(p, i, mem, &text));
    }
    return ERR_OK;
}

static enum err read_page(const struct block *b, uint32_t column, uint32_t page, uint64_t *d) {
    AUTO(arena) mem;
    arena_init(&mem, 64 << 20);
    struct column_page p;
    struct value least = { 0 }, most = { 0 };
    TRY(block_read_column(b, column, page, &mem, &p));
    if (block_page_range(b, column, page, &least, &most)) {
        digest(d, &least.i, least.type == VALUE_BOOL ? 1 : 8);
        digest(d, &most.i, most.type == VALUE_BOOL ? 1 : 8);
    }
    if (p.present)
        digest(d, p.present, bits_words(p.row_count) * 8);
    if (p.form == PAGE_INTS)
        digest(d, p.ints, p.row_count * sizeof *p.ints);
    else if (p.form == PAGE_FLOATS)
        digest(d, p.floats, p.row_count * sizeof *p.floats);
    else if (p.form != PAGE_EMPTY)
        TRY(read_texts(&p, &mem, d));
    return ERR_OK;
}

static enum err read_times(const struct block *b, uint32_t page, uint64_t *d) {
    AUTO(arena) mem;
    const int64_t *times, *received;
    int64_t range[2];
    arena_init(&mem, 64 << 20);
    TRY(block_read_times(b, page, &mem, &times));
    TRY(block_read_received(b, page, &mem, &received));
    block_page_times(b, page, &range[0], &range[1]);
    digest(d, range, sizeof range);
    digest(d, times, block_page_rows(b, page) * sizeof *times);
    digest(d, received, block_page_rows(b, page) * sizeof *received);
    return ERR_OK;
}

enum err world_read(const struct block *b, uint64_t *out_digest) {
    AUTO(arena) mem;
    arena_init(&mem, 64 << 20);
    const struct id128 *claims;
    size_t claim_count;
    uint64_t d = 0;
    struct block_info info = *block_info(b);
    info.memory_bytes = 0;
    digest(&d, &info, sizeof info);
    for (uint32_t i = 0; i < info.stream_count; i++) {
        digest(&d, block_streams(b)[i].labels.p, block_streams(b)[i].labels.n);
        digest(&d, &block_streams(b)[i].row_first, sizeof(uint32_t));
    }
    TRY(block_claims(b, &mem, &claims, &claim_count));
    digest(&d, claims, claim_count * sizeof *claims);
    for (uint32_t page = 0; page < info.page_count; page++) {
        TRY(read_times(b, page, &d));
        for (uint32_t c = 0; c < info.column_count; c++) {
            digest(&d, block_columns(b)[c].name.p, block_columns(b)[c].name.n);
            digest(&d, &block_columns(b)[c].type, sizeof(enum value_type));
            TRY(read_page(b, c, page, &d));
        }
    }
    *out_digest = d;
    return ERR_OK;
}
