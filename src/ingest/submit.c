/*
 * Groups of rows on their way to the journal.
 *
 *      open --(full | nothing else to do | 50 ms)--> sealing --(sealed)--> in the queue --> done
 *
 * There is at most one open group for each table; sealing groups wait in line; one builder works in steps of about
 * two milliseconds, so that sockets are served in between. A shard with nothing in flight closes its group as
 * soon as a round of socket events brought no new row: one lone sender waits for no timer, and many senders
 * fill groups while the last commit is on its way.
 *
 * A group's rows are cut into blocks by the table's event-time window, so that a flush may copy blocks whole.
 * Rows of more than WINDOWS_MAX windows share one block that crosses windows; merges split it.
 */
#include "ingest/submit.h"
#include "base/assert.h"
#include "base/heap.h"
#include "base/stat.h"
#include "block/block_build.h"
#include "queue/queue.h"

enum { WINDOWS_MAX = 16 };

struct part { /* a run of rows, by order, for one block */
    size_t first, count;
};

struct group {
    struct group *next;
    enum table table;
    struct batch batch;
    VEC(struct submit_ticket *) tickets;
    VEC(struct id128) claims; /* of the batch: the first block carries them */
    VEC(uint32_t) order;      /* rows by part, when there are several */
    VEC(struct part) parts;
    size_t part_at;           /* the part being sealed */
    bool started;             /* the builder works on part_at */
    VEC(struct str) blocks;   /* sealed */
    VEC(struct buf) sealed;   /* memory of blocks, reused */
    int64_t opened_ns;        /* monotonic, of the first row */
    struct submission submission;
    struct submit *owner;
};

struct submit {
    struct submit_config config;
    struct field_dict fields;
    struct stream_dict streams;
    struct group *open[TABLE_COUNT];
    struct group *sealing, **sealing_tail;
    struct group *spare;
    struct block_builder *builder;
    unsigned in_flight;     /* groups sealing or in the queue */
    bool rows_came;         /* since the last idle step */
    struct loop_timer *age_timer;
};

static bool step(void *ctx);

static void on_age(void *ctx) {
    struct submit *s = ctx;
    s->rows_came = false;
    (void)step(s);
}

struct submit *submit_new(const struct submit_config *c) {
    struct submit *s = HEAP_NEW(struct submit);
    s->config = *c;
    if (!s->config.future_limit_ns)
        s->config.future_limit_ns = 3600 * NS_PER_S;
    if (!s->config.group_rows)
        s->config.group_rows = BLOCK_ROWS_TARGET;
    if (!s->config.group_bytes)
        s->config.group_bytes = BLOCK_RAW_BYTES_MAX / 2;
    if (!s->config.group_age_ns)
        s->config.group_age_ns = 50 * NS_PER_MS;
    field_dict_init(&s->fields);
    stream_dict_init(&s->streams);
    s->sealing_tail = &s->sealing;
    s->builder = block_builder_new();
    s->age_timer = loop_timer_new(c->loop, on_age, s);
    loop_on_idle(c->loop, step, s);
    return s;
}

static void group_free(struct group *g) {
    if (!g)
        return;
    batch_fini(&g->batch);
    for (size_t i = 0; i < g->sealed.cap; i++)
        buf_fini(&g->sealed.p[i]);
    VEC_FINI(&g->tickets);
    VEC_FINI(&g->claims);
    VEC_FINI(&g->order);
    VEC_FINI(&g->parts);
    VEC_FINI(&g->blocks);
    VEC_FINI(&g->sealed);
    heap_free(g);
}

bool submit_busy(const struct submit *s) {
    for (int t = 0; t < TABLE_COUNT; t++)
        if (s->open[t] && s->open[t]->batch.rows.n)
            return true;
    return s->in_flight > 0;
}

void submit_free(struct submit *s) {
    if (!s)
        return;
    ASSERT(!submit_busy(s));
    loop_on_idle(s->config.loop, NULL, NULL);
    loop_timer_free(s->age_timer);
    for (int t = 0; t < TABLE_COUNT; t++)
        group_free(s->open[t]);
    for (struct group *g = s->spare, *next; g; g = next) {
        next = g->next;
        group_free(g);
    }
    block_builder_free(s->builder);
    field_dict_fini(&s->fields);
    stream_dict_fini(&s->streams);
    heap_free(s);
}

/* The dictionaries may only start anew while no group refers to their numbers. */
static void reset_full_dictionaries(struct submit *s) {
    if (submit_busy(s))
        return;
    if (field_dict_full(&s->fields))
        field_dict_reset(&s->fields);
    if (stream_dict_full(&s->streams))
        stream_dict_reset(&s->streams);
}

struct batch *submit_open_batch(struct submit *s, enum table table) {
    if (!s->open[table]) {
        struct group *g = s->spare;
        if (g)
            s->spare = g->next;
        else {
            g = HEAP_NEW(struct group);
            batch_init(&g->batch, &s->fields, &s->streams, 0);
            g->owner = s;
        }
        g->table = table;
        s->open[table] = g;
    }
    if (s->open[table]->batch.rows.n == 0)
        reset_full_dictionaries(s);
    return &s->open[table]->batch;
}

/* --- closing: rows into parts of one window each ------------------------------------------------ */

static int64_t window_of(const struct group *g, uint32_t row) {
    int64_t width_ns = table_infos[g->table].window_ns, t = g->batch.rows.p[row].time_ns;
    return t >= 0 ? t / width_ns : -((-t + width_ns - 1) / width_ns);
}

/* Bytes of a row's values. Rows of one request may share a large value (an OTLP resource's), so this can be
 * far more than was sent. */
static uint64_t value_bytes(const struct batch *b, uint32_t row) {
    const struct row *r = &b->rows.p[row];
    uint64_t sum = 0;
    for (uint32_t i = 0; i < r->cell_count; i++) {
        const struct cell *c = &b->cells.p[r->cell_first + i];
        sum += value_has_bytes((enum value_type)c->type) ? c->bytes : sizeof c->i;
    }
    return sum;
}

/* Cuts `count` rows from `first` in `order` (or in the batch) into parts that fit a block. */
static void add_parts(struct group *g, size_t first, size_t count) {
    size_t start = first;
    uint64_t raw_bytes = 0;
    for (size_t i = first; i < first + count; i++) {
        uint32_t row = g->order.n ? g->order.p[i] : (uint32_t)i;
        uint64_t raw = g->batch.rows.p[row].raw_bytes, values = value_bytes(&g->batch, row);
        uint64_t row_bytes = raw > values ? raw : values;
        bool full = i - start == BLOCK_ROWS_MAX || raw_bytes + row_bytes > BLOCK_RAW_BYTES_MAX;
        if (full && i > start) {
            VEC_PUSH(&g->parts, (struct part){ start, i - start });
            start = i;
            raw_bytes = 0;
        }
        raw_bytes += row_bytes;
    }
    VEC_PUSH(&g->parts, (struct part){ start, first + count - start });
}

/* Distinct windows of the group, in order of appearance; WINDOWS_MAX + 1 when there are more. */
static size_t windows_find(const struct group *g, int64_t windows[WINDOWS_MAX]) {
    size_t n = 0;
    for (uint32_t row = 0; row < g->batch.rows.n; row++) {
        int64_t w = window_of(g, row);
        size_t i = n;
        while (i > 0 && windows[i - 1] != w)
            i--;
        if (i > 0)
            continue;
        if (n == WINDOWS_MAX)
            return WINDOWS_MAX + 1;
        windows[n++] = w;
    }
    return n;
}

static void cut_parts(struct group *g) {
    int64_t windows[WINDOWS_MAX];
    size_t n = windows_find(g, windows);
    if (n == 1 || n > WINDOWS_MAX) {
        add_parts(g, 0, g->batch.rows.n);
        return;
    }
    for (size_t w = 0; w < n; w++) {
        size_t first = g->order.n;
        for (uint32_t row = 0; row < g->batch.rows.n; row++)
            if (window_of(g, row) == windows[w])
                VEC_PUSH(&g->order, row);
        add_parts(g, first, g->order.n - first);
    }
}

static void close_group(struct submit *s, enum table table) {
    struct group *g = s->open[table];
    ASSERT(g && g->batch.rows.n > 0);
    s->open[table] = NULL;
    for (size_t i = 0; i < g->batch.claims.n; i++)
        VEC_PUSH(&g->claims, g->batch.claims.p[i]);
    cut_parts(g);
    g->next = NULL;
    *s->sealing_tail = g;
    s->sealing_tail = &g->next;
    s->in_flight++;
}

/* --- done ------------------------------------------------------------------------------------------ */

static void ticket_arrived(struct submit_ticket *t, enum err result, uint64_t position) {
    ASSERT(t->waits > 0);
    if (result != ERR_OK)
        t->result = result;
    if (position > t->position)
        t->position = position;
    if (--t->waits == 0)
        t->done(t, t->result);
}

static void group_done(struct group *g, enum err result) {
    struct submit *s = g->owner;
    uint64_t position = g->submission.position;
    if (g->claims.n)
        store_claim_resolve(s->config.store, g->claims.p, g->claims.n, result == ERR_OK);
    if (result == ERR_OK) {
        stat_add(STAT_INGEST_ROWS, (int64_t)g->batch.rows.n);
        stat_add(STAT_INGEST_BYTES, (int64_t)g->batch.raw_bytes);
    }
    s->in_flight--;
    for (size_t i = 0; i < g->tickets.n; i++)
        ticket_arrived(g->tickets.p[i], result, position);
    batch_clear(&g->batch);
    for (size_t i = 0; i < g->sealed.n; i++)
        buf_clear(&g->sealed.p[i]);
    g->tickets.n = g->claims.n = g->order.n = g->parts.n = g->blocks.n = g->sealed.n = g->part_at = 0;
    g->started = false;
    g->opened_ns = 0;
    g->next = s->spare;
    s->spare = g;
}

static void on_durable(struct letter *l) {
    struct group *g = (struct group *)((char *)l - offsetof(struct group, submission.done));
    group_done(g, g->submission.result);
}

/* --- sealing --------------------------------------------------------------------------------------- */

static void keep_sealed(struct group *g, struct str bytes) {
    if (g->sealed.n == g->sealed.cap) {
        size_t old = g->sealed.cap;
        VEC_RESERVE(&g->sealed, old + 1);
        memset(g->sealed.p + old, 0, (g->sealed.cap - old) * sizeof *g->sealed.p);
    }
    buf_add(&g->sealed.p[g->sealed.n++], bytes);
}

static void submit_sealed(struct submit *s, struct group *g) {
    for (size_t i = 0; i < g->sealed.n; i++)
        VEC_PUSH(&g->blocks, buf_str(&g->sealed.p[i]));
    g->submission = (struct submission){ .done = { .open = on_durable },
                                         .mailbox = loop_mailbox(s->config.loop),
                                         .blocks = g->blocks.p,
                                         .block_count = g->blocks.n };
    enum err e = queue_submit(store_queue(s->config.store), &g->submission);
    if (e != ERR_OK) {
        stat_add(STAT_INGEST_BUSY, (int64_t)g->tickets.n);
        group_done(g, e);
    }
}

/* One step of about two milliseconds on the oldest sealing group. */
static void seal_step(struct submit *s) {
    struct group *g = s->sealing;
    if (!g->started) {
        const struct part *p = &g->parts.p[g->part_at];
        g->batch.claims.n = g->part_at == 0 ? g->claims.n : 0;
        bool whole = g->order.n == 0 && p->count == g->batch.rows.n;
        if (!whole && g->order.n == 0)
            for (uint32_t row = 0; row < g->batch.rows.n; row++)
                VEC_PUSH(&g->order, row);
        struct block_build_options options = { .table = g->table };
        block_builder_start(s->builder, &options, &g->batch, whole ? NULL : g->order.p + p->first, p->count);
        g->started = true;
    }
    if (!block_builder_step(s->builder))
        return;
    keep_sealed(g, block_builder_finish(s->builder));
    g->started = false;
    if (++g->part_at < g->parts.n)
        return;
    s->sealing = g->next;
    if (!s->sealing)
        s->sealing_tail = &s->sealing;
    submit_sealed(s, g);
}

/* --- the loop's idle step -------------------------------------------------------------------------- */

static bool too_old(const struct submit *s, const struct group *g) {
    return clock_mono_ns(s->config.clock) - g->opened_ns >= s->config.group_age_ns;
}

/* Closes what should be closed; true when something is still open with rows in it. */
static bool close_ripe(struct submit *s) {
    bool waiting = false;
    for (int t = 0; t < TABLE_COUNT; t++) {
        struct group *g = s->open[t];
        if (!g || g->batch.rows.n == 0)
            continue;
        if (s->in_flight == 0 || too_old(s, g))
            close_group(s, (enum table)t);
        else
            waiting = true;
    }
    return waiting;
}

static bool step(void *ctx) {
    struct submit *s = ctx;
    if (s->sealing) {
        seal_step(s);
        return true;
    }
    if (s->rows_came) { /* look at the sockets once more: others may be sending */
        s->rows_came = false;
        return true;
    }
    if (close_ripe(s))
        loop_timer_start(s->age_timer, s->config.group_age_ns / NS_PER_MS, 0);
    return s->sealing != NULL;
}

void submit_commit(struct submit *s, enum table table, struct submit_ticket *t) {
    struct group *g = s->open[table];
    ASSERT(g && g->batch.rows.n > 0);
    if (t && (g->tickets.n == 0 || g->tickets.p[g->tickets.n - 1] != t)) {
        VEC_PUSH(&g->tickets, t);
        t->waits++;
    }
    if (g->opened_ns == 0)
        g->opened_ns = clock_mono_ns(s->config.clock);
    s->rows_came = true;
    if (g->batch.rows.n >= s->config.group_rows || g->batch.raw_bytes >= s->config.group_bytes)
        close_group(s, table);
}
