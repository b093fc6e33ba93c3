#include "store/live.h"
#include "base/assert.h"
#include "base/heap.h"

enum err live_block_new(const struct queue_block *q, uint32_t number, struct err_text *why,
                        struct live_block **out) {
    struct block_source source = { .file = queue_file_io(q->file),
                                   .offset = q->offset,
                                   .size_bytes = q->size_bytes };
    struct block *block;
    TRY(block_open(&source, why, &block));
    struct live_block *l = HEAP_NEW(struct live_block);
    *l = (struct live_block){ .refs = 1,
                              .file = queue_file_ref(q->file),
                              .offset = q->offset,
                              .size_bytes = q->size_bytes,
                              .position = q->position,
                              .number = number,
                              .block = block };
    *out = l;
    return ERR_OK;
}

struct live_block *live_block_ref(struct live_block *l) {
    atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
    return l;
}

void live_block_unref(struct live_block *l) {
    if (!l || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
        return;
    block_free(l->block);
    queue_file_unref(l->file);
    heap_free(l);
}

void live_add(struct live_set *s, struct live_block *l) {
    const struct block_info *info = block_info(l->block);
    ASSERT(s->blocks.n == 0 || s->blocks.p[s->blocks.n - 1]->position <= l->position);
    VEC_PUSH(&s->blocks, l);
    s->bytes += l->size_bytes;
    s->rows += info->row_count;
    s->memory_bytes += info->memory_bytes + sizeof *l;
}

void live_take_first(struct live_set *s, size_t count, struct live_block **out) {
    ASSERT(count <= s->blocks.n);
    for (size_t i = 0; i < count; i++) {
        const struct block_info *info = block_info(s->blocks.p[i]->block);
        s->bytes -= s->blocks.p[i]->size_bytes;
        s->rows -= info->row_count;
        s->memory_bytes -= info->memory_bytes + sizeof *s->blocks.p[i];
        out[i] = s->blocks.p[i];
    }
    s->blocks.n -= count;
    if (s->blocks.n)
        memmove(s->blocks.p, s->blocks.p + count, s->blocks.n * sizeof *s->blocks.p);
}

void live_fini(struct live_set *s) {
    for (size_t i = 0; i < s->blocks.n; i++)
        live_block_unref(s->blocks.p[i]);
    VEC_FINI(&s->blocks);
}
