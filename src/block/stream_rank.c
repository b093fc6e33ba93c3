#include "block/stream_rank.h"

void stream_rank_fini(struct stream_rank *r) {
    VEC_FINI(&r->sorted);
    VEC_FINI(&r->rank_of);
}

void stream_rank_forget(struct stream_rank *r) {
    r->sorted.n = 0;
}

static int by_labels(const void *a, const void *b, void *ctx) {
    const struct stream_dict *d = ctx;
    return str_cmp(d->entries.p[*(const uint32_t *)a].labels, d->entries.p[*(const uint32_t *)b].labels);
}

/* Sorts the numbers from `known` on, then moves them to their places among the others: the last first, so
 * that every old number moves once. */
static void sort_in(struct stream_rank *r, size_t known) {
    uint32_t *all = r->sorted.p;
    size_t fresh_count = r->sorted.n - known, end = known;
    VEC_RESERVE(&r->rank_of, r->sorted.n); /* holds the new ones for a while */
    uint32_t *fresh = r->rank_of.p;
    memcpy(fresh, all + known, fresh_count * sizeof *fresh);
    qsort_r(fresh, fresh_count, sizeof *fresh, by_labels, (void *)r->dict);
    for (size_t i = fresh_count; i-- > 0;) {
        size_t low = 0, high = end;
        while (low < high) {
            size_t mid = low + (high - low) / 2;
            if (by_labels(&all[mid], &fresh[i], (void *)r->dict) < 0)
                low = mid + 1;
            else
                high = mid;
        }
        memmove(all + low + i + 1, all + low, (end - low) * sizeof *all);
        all[low + i] = fresh[i];
        end = low;
    }
}

void stream_rank_update(struct stream_rank *r, const struct stream_dict *dict) {
    size_t count = dict->entries.n;
    if (r->dict != dict || r->generation != dict->generation || count < r->sorted.n)
        stream_rank_forget(r);
    r->dict = dict;
    r->generation = dict->generation;
    size_t known = r->sorted.n;
    if (known == count)
        return;
    VEC_RESERVE(&r->sorted, count);
    while (r->sorted.n < count) {
        r->sorted.p[r->sorted.n] = (uint32_t)r->sorted.n;
        r->sorted.n++;
    }
    sort_in(r, known);
    for (size_t i = 0; i < count; i++)
        r->rank_of.p[r->sorted.p[i]] = (uint32_t)i;
}
