#include "store/store_fixture.h"
#include "base/assert.h"
#include "base/bits.h"
#include "base/heap.h"
#include "catalog/catalog.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- lines ---- */

void row_lines_fini(struct row_lines *l) {
    VEC_FINI(&l->lines);
    arena_fini(&l->mem);
}

static int by_text(const void *a, const void *b) {
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

void row_lines_sort(struct row_lines *l) {
    if (l->lines.n)
        qsort(l->lines.p, l->lines.n, sizeof *l->lines.p, by_text);
}

static void add_line(struct row_lines *l, struct str line) {
    struct str kept;
    ASSERT(arena_dup(&l->mem, line, &kept) == ERR_OK);
    VEC_PUSH(&l->lines, kept);
}

static void clear_lines(struct row_lines *l) {
    l->lines.n = 0;
    arena_reset(&l->mem);
}

/* ---- the store ---- */

static int64_t fake_now(void *ctx) {
    return ((struct store_fixture *)ctx)->now_ns;
}
static int64_t fake_mono(void *ctx) {
    return ((struct store_fixture *)ctx)->mono_ns;
}

static void heard(void *ctx, const char *message) {
    struct store_fixture *f = ctx;
    (void)snprintf(f->said, sizeof f->said, "%s", message);
    f->says++;
}

void fixture_init(struct store_fixture *f, struct disk *disk) {
    *f = (struct store_fixture){ .disk = disk };
    f->now_ns = 1700000000ll * 1000000000;
    f->mono_ns = 1000000000;
    f->clock = (struct clock){ fake_now, fake_mono, f };
    f->config = (struct store_config){ .disk = disk,
                                       .clock = &f->clock,
                                       .merge_pause = 1,
                                       .stepped = true,
                                       .disk_reserve_bytes = 1,
                                       .delete_match = fixture_delete_match,
                                       .say = heard,
                                       .say_ctx = f };
    field_dict_init(&f->fields);
    stream_dict_init(&f->streams);
    batch_init(&f->batch, &f->fields, &f->streams, 0);
    f->builder = block_builder_new();
    mailbox_init(&f->box, NULL, NULL);
}

void fixture_temp(struct store_fixture *f) {
    char folder[] = "/tmp/sonde-store-XXXXXX";
    struct disk *disk;
    ASSERT(mkdtemp(folder) != NULL);
    ASSERT(disk_real_open(folder, &disk) == ERR_OK);
    fixture_init(f, disk);
    memcpy(f->folder, folder, sizeof folder);
}

void fixture_fini(struct store_fixture *f) {
    fixture_close(f);
    row_lines_fini(&f->ledger);
    row_lines_fini(&f->unknown);
    row_lines_fini(&f->pending);
    block_builder_free(f->builder);
    batch_fini(&f->batch);
    stream_dict_fini(&f->streams);
    field_dict_fini(&f->fields);
    mailbox_fini(&f->box);
    if (!f->folder[0])
        return;
    disk_close(f->disk);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", f->folder);
    ASSERT(system(command) == 0);
}

enum err fixture_open(struct store_fixture *f) {
    return store_open(&f->config, &f->why, &f->store);
}

void fixture_close(struct store_fixture *f) {
    store_close(f->store);
    f->store = NULL;
}

void fixture_reopen(struct store_fixture *f) {
    fixture_close(f);
    enum err e = fixture_open(f);
    if (e != ERR_OK)
        printf("open: %s: %s\n", err_name(e), f->why.msg);
    ASSERT(e == ERR_OK);
}

/* ---- rows in ---- */

static uint32_t put_stream(struct store_fixture *f, const struct fixture_row *r) {
    struct label labels[] = { { STR("service"), str_of(r->service ? r->service : "none") },
                              { STR("host"), str_of(r->host) } };
    AUTO(buf) canonical = { 0 };
    ASSERT(labels_canonical(labels, COUNT_OF(labels), &canonical, NULL) == ERR_OK);
    return stream_dict_put(&f->streams, buf_str(&canonical));
}

static void put_text(struct store_fixture *f, const char *name, const char *text) {
    if (!text)
        return;
    struct str kept;
    ASSERT(arena_dup(&f->batch.mem, str_of(text), &kept) == ERR_OK);
    batch_cell(&f->batch, cell_bytes(field_dict_put(&f->fields, str_of(name)), VALUE_STRING, kept));
}

/* The one form of a row that both sides print: cells in order of their names. */
static void print_cell(struct buf *out, struct str name, enum value_type type, struct str text) {
    buf_addf(out, "|" STR_FMT ":%d=", STR_ARG(name), (int)type);
    buf_add(out, text);
}

static void print_head(struct buf *out, int64_t time_ns, int64_t received_ms, struct str labels) {
    buf_addf(out, "%" PRId64 "|%" PRId64 "|", time_ns, received_ms);
    labels_print(labels, out);
}

static void note(struct store_fixture *f, const struct fixture_row *r, int64_t received_ms, uint32_t stream) {
    AUTO(buf) line = { 0 };
    print_head(&line, r->time_ns, received_ms, f->streams.entries.p[stream].labels);
    char number[32];
    (void)snprintf(number, sizeof number, "%" PRId64, r->number);
    print_cell(&line, STR("@message"), VALUE_STRING, str_of(r->message ? r->message : ""));
    if (r->level)
        print_cell(&line, STR("level"), VALUE_STRING, str_of(r->level));
    print_cell(&line, STR("number"), VALUE_INT, str_of(number));
    if (r->trace_id)
        print_cell(&line, STR("trace_id"), VALUE_STRING, str_of(r->trace_id));
    add_line(&f->pending, buf_str(&line));
}

void fixture_add(struct store_fixture *f, const struct fixture_row *r) {
    uint32_t stream = put_stream(f, r);
    struct row *row = batch_row_begin(&f->batch);
    row->time_ns = r->time_ns;
    row->received_ms = f->now_ns / 1000000;
    row->stream = stream;
    row->raw_bytes = 100 + (uint32_t)(r->message ? strlen(r->message) : 0);
    put_text(f, "@message", r->message ? r->message : "");
    put_text(f, "level", r->level);
    put_text(f, "trace_id", r->trace_id);
    batch_cell(&f->batch, cell_int(field_dict_put(&f->fields, STR("number")), VALUE_INT, r->number));
    batch_row_end(&f->batch);
    note(f, r, f->now_ns / 1000000, stream);
}

void fixture_claim(struct store_fixture *f, struct id128 id) {
    VEC_PUSH(&f->batch.claims, id);
}

struct sent {
    struct submission s; /* first: the letter is its first member */
    bool done;
};

static void sent_done(struct letter *l) {
    ((struct sent *)l)->done = true;
}

static bool submit(struct store_fixture *f, struct str bytes) {
    struct sent sent = {
        .s = { .done.open = sent_done, .mailbox = &f->box, .blocks = &bytes, .block_count = 1 }
    };
    if (queue_submit(store_queue(f->store), &sent.s) != ERR_OK)
        return false;
    for (bool more = true; !sent.done && more;) {
        more = !f->config.stepped || queue_step(store_queue(f->store));
        if (!mailbox_drain(&f->box) && !f->config.stepped)
            (void)usleep(50); /* the journal's writer is at work */
    }
    ASSERT(sent.done);
    return sent.s.result == ERR_OK;
}

bool fixture_publish(struct store_fixture *f, enum table table) {
    struct block_build_options o = { .table = table };
    block_builder_start(f->builder, &o, &f->batch, NULL, f->batch.rows.n);
    bool ok = submit(f, block_builder_finish(f->builder));
    for (size_t i = 0; i < f->pending.lines.n; i++)
        add_line(ok ? &f->ledger : &f->unknown, f->pending.lines.p[i]);
    clear_lines(&f->pending);
    batch_clear(&f->batch);
    return ok;
}

void fixture_random(struct store_fixture *f, struct random *r, size_t count, int64_t time_ns,
                    int64_t spread_ns) {
    static const char *const services[] = { "checkout", "cart", "payment", "search" };
    static const char *const hosts[] = { "a1", "b2", "c3" };
    static const char *const levels[] = { "info", "warn", "error" };
    for (size_t i = 0; i < count; i++) {
        char message[128], trace[33];
        uint64_t a = random_u64(r), b = random_below(r, 50);
        (void)snprintf(message, sizeof message,
                       "request %" PRIu64 " for user-%" PRIu64 " took %" PRIu64 " ms", a % 1000, b, a % 977);
        (void)snprintf(trace, sizeof trace, "%016" PRIx64 "%016" PRIx64, a * (uint64_t)0x9e3779b97f4a7c15, b);
        struct fixture_row row = { .time_ns = time_ns + (int64_t)random_below(r, (uint64_t)spread_ns + 1),
                                   .service = services[random_below(r, COUNT_OF(services))],
                                   .host = hosts[random_below(r, COUNT_OF(hosts))],
                                   .message = message,
                                   .level =
                                       random_below(r, 4) ? levels[random_below(r, COUNT_OF(levels))] : NULL,
                                   .trace_id = random_below(r, 5) == 0 ? trace : NULL,
                                   .number = (int64_t)(a % 100000) };
        fixture_add(f, &row);
    }
}

/* ---- a file in memory ---- */

struct memory_file {
    struct file base;
    struct str bytes;
};

static enum err memory_read(struct file *f, void *to, size_t n, uint64_t offset, size_t *out_n) {
    struct str b = ((struct memory_file *)f)->bytes;
    *out_n = offset >= b.n ? 0 : b.n - offset < n ? (size_t)(b.n - offset) : n;
    if (*out_n)
        memcpy(to, b.p + offset, *out_n);
    return ERR_OK;
}

static enum err memory_size(struct file *f, uint64_t *out) {
    *out = ((struct memory_file *)f)->bytes.n;
    return ERR_OK;
}

static void memory_close(struct file *f) {
    heap_free(f);
}

struct file *fixture_file(struct str bytes) {
    static const struct file_ops ops = { .read = memory_read, .size = memory_size, .close = memory_close };
    struct memory_file *f = HEAP_NEW(struct memory_file);
    *f = (struct memory_file){ { &ops }, bytes };
    return &f->base;
}

/* ---- rows out ---- */

struct scan_request fixture_request(enum table table) {
    return (struct scan_request){ .table = table, .time_from_ns = INT64_MIN, .time_to_ns = INT64_MAX };
}

struct page_view {
    const struct block *block;
    uint32_t page, rows;
    struct arena mem;
    const int64_t *times, *received;
    struct column_page *columns;
};

static enum err view_page(struct page_view *v) {
    const struct block_info *info = block_info(v->block);
    v->rows = block_page_rows(v->block, v->page);
    TRY(block_read_times(v->block, v->page, &v->mem, &v->times));
    TRY(block_read_received(v->block, v->page, &v->mem, &v->received));
    v->columns = ARENA_NEW(&v->mem, struct column_page, info->column_count + 1);
    for (uint32_t c = 0; c < info->column_count; c++)
        TRY(block_read_column(v->block, c, v->page, &v->mem, &v->columns[c]));
    return ERR_OK;
}

static enum err print_row(struct page_view *v, uint32_t i, struct buf *out) {
    const struct block_info *info = block_info(v->block);
    uint32_t row = v->page * info->page_rows + i;
    print_head(out, v->times[i], v->received[i],
               block_streams(v->block)[block_stream_of_row(v->block, row)].labels);
    for (uint32_t c = 0; c < info->column_count; c++) {
        const struct column_page *p = &v->columns[c];
        if (p->form == PAGE_EMPTY || (p->present && !bits_get(p->present, i)))
            continue;
        char number[32];
        struct str text = { number, 0 };
        if (p->form == PAGE_INTS)
            text.n = (size_t)snprintf(number, sizeof number, "%" PRId64, p->ints[i]);
        else if (p->form == PAGE_FLOATS)
            text.n = (size_t)snprintf(number, sizeof number, "%.17g", p->floats[i]);
        else
            TRY(column_page_text(p, i, &v->mem, &text));
        print_cell(out, block_columns(v->block)[c].name, p->type, text);
    }
    return ERR_OK;
}

static enum err hide(struct store_fixture *f, const struct scan *c, size_t at, struct page_view *v,
                     uint64_t *visible) {
    const struct scan_delete *deletes;
    size_t count = scan_deletes(c, at, &deletes);
    bits_fill(visible, v->rows);
    uint64_t *hit = ARENA_NEW(&v->mem, uint64_t, bits_words(v->rows));
    for (size_t d = 0; d < count; d++) {
        bits_zero(hit, v->rows);
        for (uint32_t i = 0; i < v->rows; i++)
            if (v->times[i] >= deletes[d].time_from_ns && v->times[i] < deletes[d].time_to_ns)
                bits_set(hit, i);
        TRY(fixture_delete_match(f, deletes[d].predicate, v->block, v->page, hit));
        bits_andnot(visible, hit, v->rows);
    }
    return ERR_OK;
}

static enum err read_page(struct store_fixture *f, struct scan *c, size_t at, struct page_view *v,
                          struct row_lines *out) {
    TRY(view_page(v));
    uint64_t *visible = ARENA_NEW(&v->mem, uint64_t, bits_words(v->rows));
    TRY(hide(f, c, at, v, visible));
    size_t before = out->lines.n;
    for (uint32_t i = 0; i < v->rows; i++) {
        uint32_t row = v->page * block_info(v->block)->page_rows + i;
        struct str labels = block_streams(v->block)[block_stream_of_row(v->block, row)].labels;
        if (!bits_get(visible, i) || v->times[i] < scan_keep_from(c, labels))
            continue;
        AUTO(buf) line = { 0 };
        enum err e = print_row(v, i, &line);
        if (e != ERR_OK) {
            out->lines.n = before;
            return e;
        }
        add_line(out, buf_str(&line));
    }
    return ERR_OK;
}

void fixture_read(struct store_fixture *f, const struct scan_request *r, struct row_lines *out,
                  size_t *damaged) {
    struct scan *c;
    size_t bad = 0;
    ASSERT(store_scan(f->store, r, &f->why, &c) == ERR_OK);
    for (size_t i = 0; i < scan_count(c); i++) {
        struct block *block;
        if (scan_open(c, i, &f->why, &block) != ERR_OK) {
            bad++;
            continue;
        }
        for (uint32_t p = 0; p < block_info(block)->page_count; p++) {
            struct page_view v = { .block = block, .page = p };
            if (r->id_count && !(scan_block(c, i)->pages >> (p & 63) & 1))
                continue;
            bad += read_page(f, c, i, &v, out) != ERR_OK;
            arena_fini(&v.mem);
        }
        block_free(block);
    }
    bad += scan_counts(c)->parts_damaged;
    scan_close(c);
    if (damaged)
        *damaged = bad;
    else
        ASSERT(bad == 0);
}

static bool compare(const struct row_lines *want, const struct row_lines *got) {
    size_t i = 0, k = 0, differences = 0;
    while ((i < want->lines.n || k < got->lines.n) && differences < 5) {
        int c = i == want->lines.n ? 1 : k == got->lines.n ? -1 : str_cmp(want->lines.p[i], got->lines.p[k]);
        if (c)
            printf("%s: " STR_FMT "\n", c < 0 ? "lost" : "strange",
                   STR_ARG(c < 0 ? want->lines.p[i] : got->lines.p[k]));
        differences += c != 0;
        i += c <= 0;
        k += c >= 0;
    }
    return differences == 0;
}

bool fixture_same(struct store_fixture *f) {
    struct row_lines got = { 0 };
    for (unsigned t = 0; t < TABLE_COUNT; t++) {
        struct scan_request r = fixture_request((enum table)t);
        fixture_read(f, &r, &got, NULL);
    }
    row_lines_sort(&got);
    row_lines_sort(&f->ledger);
    bool same = compare(&f->ledger, &got);
    row_lines_fini(&got);
    return same;
}

enum err fixture_delete_match(void *ctx UNUSED, struct str predicate, const struct block *block,
                              uint32_t page, uint64_t *rows) {
    AUTO(arena) mem;
    arena_init(&mem, 0);
    struct str name, value = predicate;
    ASSERT(str_cut(&value, '=', &name));
    uint32_t count = block_page_rows(block, page), first = page * block_info(block)->page_rows;
    struct column_page p = { 0 };
    uint32_t column = block_column_find(block, STR("@message"), VALUE_STRING);
    if (str_eq(name, STR("message")) && column != UINT32_MAX)
        TRY(block_read_column(block, column, page, &mem, &p));
    for (uint32_t i = 0; i < count; i++) {
        struct str text =
            labels_get(block_streams(block)[block_stream_of_row(block, first + i)].labels, name);
        if (p.form != PAGE_EMPTY && (!p.present || bits_get(p.present, i)))
            TRY(column_page_text(&p, i, &mem, &text));
        if (!str_eq(text, value))
            bits_clear(rows, i);
    }
    return ERR_OK;
}
