#include "store/merge_out.h"
#include "base/assert.h"
#include "base/stat.h"
#include "store/segment.h"
#include "store/store_state.h"

enum { IDS_RESERVED = 16 };

void merge_out_init(struct merge_out *o, struct store *s) {
    *o = (struct merge_out){ .store = s };
    field_dict_init(&o->fields);
    stream_dict_init(&o->streams);
    batch_init(&o->batch, &o->fields, &o->streams, 0);
    o->builder = block_builder_new();
}

void merge_out_keep(struct merge_out *o) {
    o->made.n = 0;
}

void merge_out_fini(struct merge_out *o) {
    segment_writer_free(o->writer);
    for (size_t i = 0; i < o->made.n; i++) {
        char path[SEGMENT_PATH_BYTES];
        segment_path(o->made.p[i].id, "seg", path);
        ERR_IGNORE(disk_unlink(o->store->disk, path), "a file left over is an orphan at the next start");
    }
    VEC_FINI(&o->made);
    VEC_FINI(&o->claims);
    block_builder_free(o->builder);
    batch_fini(&o->batch);
    stream_dict_fini(&o->streams);
    field_dict_fini(&o->fields);
}

bool merge_out_full(const struct merge_out *o) {
    return o->batch.rows.n >= BLOCK_ROWS_MAX || o->batch_bytes >= MERGE_BLOCK_BYTES;
}

static enum err start_segment(struct merge_out *o, struct err_text *why) {
    if (o->ids_left == 0) {
        TRY(catalog_reserve_ids(o->store->catalog, IDS_RESERVED, &o->next_id, why));
        o->ids_left = IDS_RESERVED;
    }
    struct segment_writer_options w = { .disk = o->store->disk, .m = o->m, .words = true };
    w.m.id = o->next_id++;
    o->ids_left--;
    TRY(segment_writer_new(&w, why, &o->writer));
    for (size_t i = 0; i < o->claims.n; i++)
        segment_writer_claim(o->writer, o->claims.p[i]);
    o->claims.n = 0;
    return ERR_OK;
}

enum err merge_out_seal(struct merge_out *o, uint32_t tenant, const uint32_t *rows, size_t count,
                        struct err_text *why) {
    if (!o->writer)
        TRY(start_segment(o, why));
    struct block_build_options options = { .table = o->m.table,
                                           .tenant = tenant,
                                           .templates = true,
                                           .word = segment_writer_word,
                                           .id = segment_writer_id,
                                           .ctx = o->writer };
    block_builder_start(o->builder, &options, &o->batch, rows, count);
    struct segment_addition a = { .bytes = block_builder_finish(o->builder),
                                  .position_min = o->position_min,
                                  .position_max = o->position_max };
    struct block_source source = { .mem = a.bytes.p, .size_bytes = a.bytes.n };
    struct block *block;
    TRY(block_open(&source, why, &block));
    a.block = block;
    enum err e = segment_writer_add(o->writer, &a, why);
    block_free(block);
    TRY(e);
    o->rows_out += count;
    return segment_writer_full(o->writer) ? merge_out_finish_segment(o, why) : ERR_OK;
}

void merge_out_clear(struct merge_out *o, bool reset) {
    batch_clear(&o->batch);
    o->batch_bytes = 0;
    if (reset || field_dict_full(&o->fields))
        field_dict_reset(&o->fields);
    if (reset || stream_dict_full(&o->streams))
        stream_dict_reset(&o->streams);
}

enum err merge_out_finish_segment(struct merge_out *o, struct err_text *why) {
    if (!o->writer)
        return ERR_OK;
    struct manifest_segment m;
    TRY(segment_writer_finish(o->writer, &m, why));
    segment_writer_free(o->writer);
    o->writer = NULL;
    VEC_PUSH(&o->made, m);
    stat_add(STAT_STORE_MERGED_BYTES, (int64_t)m.size_bytes);
    return ERR_OK;
}
