#include "block/row_order.h"
#include "base/assert.h"

void row_order_fini(struct row_order *o) {
    VEC_FINI(&o->rows);
    VEC_FINI(&o->times_ns);
    VEC_FINI(&o->received_ms);
    VEC_FINI(&o->streams);
    VEC_FINI(&o->local_of);
    VEC_FINI(&o->timed);
    stream_rank_fini(&o->ranks);
}

static int by_rank(const void *a, const void *b) {
    const struct order_stream *x = a, *y = b;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static bool in_order(const struct row_order *o) {
    for (size_t i = 1; i < o->streams.n; i++)
        if (str_cmp(o->streams.p[i - 1].labels, o->streams.p[i].labels) >= 0)
            return false;
    return true;
}

/* By labels, with what is known from earlier blocks; when that is of a dictionary that is no more, anew. */
static void sort_streams(struct row_order *o, const struct stream_dict *dict) {
    bool sorted = false;
    for (int attempt = 0; attempt < 2 && !sorted; attempt++) {
        stream_rank_update(&o->ranks, dict);
        for (size_t i = 0; i < o->streams.n; i++)
            o->streams.p[i].rank = o->ranks.rank_of.p[o->streams.p[i].number];
        qsort(o->streams.p, o->streams.n, sizeof *o->streams.p, by_rank);
        sorted = in_order(o);
        if (!sorted)
            stream_rank_forget(&o->ranks);
    }
    ASSERT(sorted);
}

/* Finds the streams, counts their rows, and gives each its run. */
static void count_streams(struct row_order *o, const struct batch *batch, const uint32_t *rows,
                          size_t count) {
    size_t dict_count = batch->streams->entries.n;
    if (o->local_of.n < dict_count) {
        VEC_RESERVE(&o->local_of, dict_count);
        memset(o->local_of.p + o->local_of.n, 0, (dict_count - o->local_of.n) * sizeof *o->local_of.p);
        o->local_of.n = dict_count;
    }
    o->streams.n = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t number = batch->rows.p[rows ? rows[i] : i].stream;
        ASSERT(number < dict_count);
        uint32_t *local = &o->local_of.p[number];
        if (*local == 0) {
            VEC_PUSH(&o->streams,
                     (struct order_stream){ batch->streams->entries.p[number].labels, number, 0, 0, 0 });
            *local = (uint32_t)o->streams.n;
        }
        o->streams.p[*local - 1].count++;
    }
    sort_streams(o, batch->streams);
    uint32_t first = 0;
    for (size_t s = 0; s < o->streams.n; s++) {
        struct order_stream *stream = &o->streams.p[s];
        o->local_of.p[stream->number] = (uint32_t)s;
        stream->first = first;
        first += stream->count;
    }
}

static void place_rows(struct row_order *o, const struct batch *batch, const uint32_t *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t row = rows ? rows[i] : (uint32_t)i;
        struct order_stream *s = &o->streams.p[o->local_of.p[batch->rows.p[row].stream]];
        o->rows.p[s->first++] = row;
    }
    for (size_t s = 0; s < o->streams.n; s++) {
        o->streams.p[s].first -= o->streams.p[s].count;
        o->local_of.p[o->streams.p[s].number] = 0;
    }
}

/* Stable merge sort, bottom up, between two halves of the scratch. */
static void sort_by_time(struct row_order *o, const struct batch *batch, uint32_t *rows, size_t count) {
    VEC_RESERVE(&o->timed, count * 2);
    struct timed_row *from = o->timed.p, *to = from + count;
    for (size_t i = 0; i < count; i++)
        from[i] = (struct timed_row){ batch->rows.p[rows[i]].time_ns, rows[i] };
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t start = 0; start < count; start += 2 * width) {
            size_t a = start, a_end = start + width < count ? start + width : count;
            size_t b = a_end, b_end = a_end + width < count ? a_end + width : count;
            for (size_t k = start; k < b_end; k++)
                to[k] =
                    b == b_end || (a < a_end && from[a].time_ns <= from[b].time_ns) ? from[a++] : from[b++];
        }
        struct timed_row *swap = from;
        from = to;
        to = swap;
    }
    for (size_t i = 0; i < count; i++)
        rows[i] = from[i].row;
}

static bool take_times(struct row_order *o, const struct batch *batch, const struct order_stream *s) {
    bool sorted = true;
    int64_t last = INT64_MIN;
    for (uint32_t i = s->first; i < s->first + s->count; i++) {
        const struct row *r = &batch->rows.p[o->rows.p[i]];
        sorted &= r->time_ns >= last;
        last = r->time_ns;
        o->times_ns.p[i] = (uint64_t)r->time_ns;
        o->received_ms.p[i] = (uint64_t)r->received_ms;
    }
    return sorted;
}

void row_order_make(struct row_order *o, const struct batch *batch, const uint32_t *rows, size_t count) {
    VEC_RESERVE(&o->rows, count);
    VEC_RESERVE(&o->times_ns, count);
    VEC_RESERVE(&o->received_ms, count);
    o->rows.n = o->times_ns.n = o->received_ms.n = count;
    count_streams(o, batch, rows, count);
    place_rows(o, batch, rows, count);
    for (size_t i = 0; i < o->streams.n; i++) {
        const struct order_stream *s = &o->streams.p[i];
        if (!take_times(o, batch, s)) {
            sort_by_time(o, batch, o->rows.p + s->first, s->count);
            bool sorted = take_times(o, batch, s);
            ASSERT(sorted);
        }
    }
    o->raw_bytes = 0;
    for (size_t i = 0; i < count; i++)
        o->raw_bytes += batch->rows.p[o->rows.p[i]].raw_bytes;
}
