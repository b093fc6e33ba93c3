#include "query/exec_fixture.h"
#include "base/assert.h"
#include "query/expr.h"
#include <stdio.h>
#include <stdlib.h>

enum { CELLS_MAX = 24 };

static int64_t fake_now(void *ctx) {
    return ((struct exec_case *)ctx)->now_ns;
}

void exec_case_open(struct exec_case *c) {
    char folder[] = "/tmp/sonde-query-XXXXXX";
    *c = (struct exec_case){ .now_ns = 1700000000ll * 1000000000 };
    c->clock = (struct clock){ fake_now, fake_now, c };
    ASSERT(mkdtemp(folder) != NULL);
    memcpy(c->folder, folder, sizeof folder);
    ASSERT(disk_real_open(folder, &c->disk) == ERR_OK);
    struct store_config config = { .disk = c->disk,
                                   .clock = &c->clock,
                                   .merge_pause = 1,
                                   .stepped = true,
                                   .disk_reserve_bytes = 1,
                                   .delete_match = query_delete_match };
    enum err e = store_open(&config, &c->why, &c->store);
    if (e != ERR_OK)
        printf("open: %s\n", c->why.msg);
    ASSERT(e == ERR_OK);
    field_dict_init(&c->fields);
    stream_dict_init(&c->streams);
    batch_init(&c->batch, &c->fields, &c->streams, 0);
    c->builder = block_builder_new();
    c->pool = query_pool_new(2);
    mailbox_init(&c->box, NULL, NULL);
}

void exec_case_close(struct exec_case *c) {
    char command[128];
    query_pool_free(c->pool);
    store_close(c->store);
    block_builder_free(c->builder);
    batch_fini(&c->batch);
    stream_dict_fini(&c->streams);
    field_dict_fini(&c->fields);
    mailbox_fini(&c->box);
    VEC_FINI(&c->rows);
    arena_fini(&c->mem);
    disk_close(c->disk);
    (void)snprintf(command, sizeof command, "rm -rf %s", c->folder);
    ASSERT(system(command) == 0);
}

/* ---- rows in ---- */

static struct str keep(struct exec_case *c, struct str s) {
    struct str kept;
    ASSERT(arena_dup(&c->mem, s, &kept) == ERR_OK);
    return kept;
}

static struct str canonical_of(struct exec_case *c, const char *text) {
    struct label labels[16];
    size_t count = 0;
    struct str rest = str_of(text), pair;
    AUTO(buf) out = { 0 };
    while (rest.n) {
        if (!str_cut(&rest, ',', &pair)) {
            pair = rest;
            rest.n = 0;
        }
        struct str value = pair;
        ASSERT(str_cut(&value, '=', &labels[count].name));
        labels[count++].value = value;
    }
    ASSERT(labels_canonical(labels, count, &out, NULL) == ERR_OK);
    return keep(c, buf_str(&out));
}

struct exec_case_row *exec_case_add(struct exec_case *c, int64_t time_ns, const char *labels) {
    struct exec_case_row r = { .time_ns = time_ns,
                               .received_ms = c->now_ns / 1000000,
                               .labels = canonical_of(c, labels) };
    c->now_ns += 1000000;
    r.stream = hash128(r.labels);
    r.cells = ARENA_NEW(&c->mem, struct exec_case_cell, CELLS_MAX);
    VEC_PUSH(&c->rows, r);
    return &c->rows.p[c->rows.n - 1];
}

void exec_case_cell(struct exec_case *c, const char *name, struct value v) {
    struct exec_case_row *r = &c->rows.p[c->rows.n - 1];
    ASSERT(r->cell_count < CELLS_MAX);
    if (value_has_bytes(v.type))
        v.s = keep(c, v.s);
    r->cells[r->cell_count++] = (struct exec_case_cell){ keep(c, str_of(name)), v };
}

void exec_case_text(struct exec_case *c, const char *name, const char *text) {
    exec_case_cell(c, name, value_string(str_of(text)));
}

static void put_row(struct exec_case *c, const struct exec_case_row *r) {
    struct row *row = batch_row_begin(&c->batch);
    row->time_ns = r->time_ns;
    row->received_ms = r->received_ms;
    row->stream = stream_dict_put(&c->streams, r->labels);
    row->raw_bytes = 200;
    for (size_t i = 0; i < r->cell_count; i++) {
        const struct value *v = &r->cells[i].value;
        uint32_t field = field_dict_put(&c->fields, r->cells[i].name);
        if (value_has_bytes(v->type))
            batch_cell(&c->batch, cell_bytes(field, v->type, v->s));
        else if (v->type == VALUE_FLOAT)
            batch_cell(&c->batch, cell_float(field, v->f));
        else
            batch_cell(&c->batch, cell_int(field, v->type, v->type == VALUE_BOOL ? v->b : v->i));
    }
    batch_row_end(&c->batch);
}

struct sent {
    struct submission s;
    bool done;
};

static void sent_done(struct letter *l) {
    ((struct sent *)(void *)l)->done = true;
}

void exec_case_publish(struct exec_case *c) {
    struct block_build_options o = { .table = TABLE_LOGS, .page_rows = c->page_rows };
    for (; c->published < c->rows.n; c->published++)
        put_row(c, &c->rows.p[c->published]);
    if (c->batch.rows.n == 0)
        return;
    block_builder_start(c->builder, &o, &c->batch, NULL, c->batch.rows.n);
    struct str bytes = block_builder_finish(c->builder);
    struct sent sent = {
        .s = { .done.open = sent_done, .mailbox = &c->box, .blocks = &bytes, .block_count = 1 }
    };
    ASSERT(queue_submit(store_queue(c->store), &sent.s) == ERR_OK);
    while (!sent.done && queue_step(store_queue(c->store)))
        (void)mailbox_drain(&c->box);
    (void)mailbox_drain(&c->box);
    ASSERT(sent.done && sent.s.result == ERR_OK);
    batch_clear(&c->batch);
}

void exec_case_flush(struct exec_case *c) {
    enum err e = store_flush(c->store, &c->why);
    if (e != ERR_OK)
        printf("flush: %s\n", c->why.msg);
    ASSERT(e == ERR_OK);
}

void exec_case_merge(struct exec_case *c) {
    enum err e = store_merge(c->store, &c->why);
    if (e != ERR_OK)
        printf("merge: %s\n", c->why.msg);
    ASSERT(e == ERR_OK);
}

/* ---- answers ---- */

void exec_answer_fini(struct exec_answer *a) {
    VEC_FINI(&a->lines);
    arena_fini(&a->mem);
}

void exec_answer_row(struct exec_answer *a, const struct query_row *row) {
    AUTO(buf) line = { 0 };
    struct str kept;
    for (size_t i = 0; i < row->count; i++) {
        const struct value *v = &row->values[i];
        if (v->type == VALUE_NULL)
            continue;
        if (line.n)
            buf_add_char(&line, ' ');
        buf_add(&line, row->names[i]);
        buf_add_char(&line, '=');
        bool text = v->type == VALUE_STRING;
        if (text)
            buf_add_char(&line, '\'');
        if (v->type == VALUE_FLOAT) /* the last bits depend on the order of additions */
            buf_addf(&line, "%.10g", v->f);
        else
            value_print(v, &line);
        if (text)
            buf_add_char(&line, '\'');
    }
    ASSERT(arena_dup(&a->mem, buf_str(&line), &kept) == ERR_OK);
    VEC_PUSH(&a->lines, kept);
}

static enum err take_row(void *ctx, const struct query_row *row) {
    exec_answer_row(ctx, row);
    return ERR_OK;
}

void exec_case_ask(struct exec_case *c, const char *query, const struct query_request *options,
                   struct exec_answer *out) {
    struct query *q = NULL;
    struct query_context context = { c->now_ns, TABLE_LOGS };
    struct query_request r = { .time_from_ns = INT64_MIN, .time_to_ns = INT64_MAX };
    *out = (struct exec_answer){ 0 };
    out->err = query_parse(str_of(query), &context, &out->mistake, &q);
    if (out->err != ERR_OK) {
        printf("query: %s\n  %s (%zu)\n", query, out->mistake.msg, out->mistake.offset);
        return;
    }
    if (options)
        r = *options;
    r.query = q;
    out->err =
        query_run(c->store, c->pool, &r, &(struct query_sink){ take_row, out }, &out->stats, &out->why);
    query_free(q);
}

bool exec_answer_is(const struct exec_answer *a, const char *const *lines, size_t count) {
    bool same = a->err == ERR_OK && a->lines.n == count;
    for (size_t i = 0; i < count && same; i++)
        same = str_eq(a->lines.p[i], str_of(lines[i]));
    if (same)
        return true;
    printf("%s %s %s\n", err_name(a->err), a->why.msg, a->mistake.msg);
    for (size_t i = 0; i < a->lines.n || i < count; i++) {
        if (i < a->lines.n)
            printf("  got  " STR_FMT "\n", STR_ARG(a->lines.p[i]));
        if (i < count)
            printf("  want %s\n", lines[i]);
    }
    return false;
}
