#include "store/segment_write.h"
#include "base/assert.h"
#include "base/heap.h"
#include "base/vec.h"
#include "store/index_ids.h"
#include "store/index_labels.h"
#include "store/index_words.h"
#include "store/segment.h"

enum {
    WRITE_BYTES = 1 << 20, /* one write */
    SYNC_BYTES =
        16 << 20, /* written back in pieces, so that the journal's syncs never queue behind a long one */
    INDEX_MEMORY_BYTES_MAX = 24 << 20,
    CLAIMS_MAX = 1 << 20, /* younger ones would only be forgotten early */
};

struct segment_writer {
    struct segment_writer_options o;
    struct file *file;
    bool named;     /* it has its final name */
    struct buf out; /* bytes that follow `written_bytes` */
    uint64_t written_bytes, synced_bytes;
    struct buf index;          /* block lines */
    VEC(uint32_t) stream_ends; /* number of the first and the last stream of each block */
    struct index_labels labels;
    struct index_ids ids;
    VEC(uint64_t) words;
    VEC(struct id128) claims;
    struct manifest_segment m;
};

enum err segment_writer_new(const struct segment_writer_options *o, struct err_text *why,
                            struct segment_writer **out) {
    char path[SEGMENT_PATH_BYTES];
    segment_path(o->m.id, "tmp", path);
    struct file *file;
    enum err e = disk_open(o->disk, path, FILE_WRITE | FILE_CREATE, &file);
    if (e != ERR_OK)
        return err_say(why, e, "%s cannot be created: %s", path, err_name(e));
    struct segment_writer *w = HEAP_NEW(struct segment_writer);
    w->o = *o;
    w->file = file;
    index_labels_init(&w->labels);
    w->m = o->m;
    w->m.time_min_ns = INT64_MAX;
    w->m.time_max_ns = w->m.received_max_ms = INT64_MIN;
    w->m.position_min = UINT64_MAX;
    unsigned char header[SEGMENT_HEADER_BYTES];
    segment_header_encode(o->m.id, o->m.table, o->m.level, header);
    buf_add_bytes(&w->out, header, sizeof header);
    *out = w;
    return ERR_OK;
}

void segment_writer_free(struct segment_writer *w) {
    if (!w)
        return;
    file_close(w->file);
    if (!w->named) {
        char path[SEGMENT_PATH_BYTES];
        segment_path(w->m.id, "tmp", path);
        ERR_IGNORE(disk_unlink(w->o.disk, path), "what is left over is removed at the next start");
    }
    buf_fini(&w->out);
    buf_fini(&w->index);
    VEC_FINI(&w->stream_ends);
    VEC_FINI(&w->words);
    VEC_FINI(&w->claims);
    index_labels_fini(&w->labels);
    index_ids_fini(&w->ids);
    heap_free(w);
}

void segment_writer_word(void *writer, uint64_t token_hash) {
    struct segment_writer *w = writer;
    VEC_PUSH(&w->words, token_hash);
}

void segment_writer_id(void *writer, uint64_t id_prefix, uint32_t page) {
    struct segment_writer *w = writer;
    index_ids_add(&w->ids, id_prefix, (uint32_t)w->m.blocks, page);
}

void segment_writer_claim(struct segment_writer *w, struct id128 claim) {
    if (w->claims.n < CLAIMS_MAX)
        VEC_PUSH(&w->claims, claim);
}

uint64_t segment_writer_rows(const struct segment_writer *w) {
    return w->m.rows;
}
uint64_t segment_writer_bytes(const struct segment_writer *w) {
    return w->written_bytes + w->out.n;
}

bool segment_writer_full(const struct segment_writer *w) {
    return index_labels_bytes(&w->labels) + w->index.cap_bytes > INDEX_MEMORY_BYTES_MAX ||
           w->m.blocks >= SEGMENT_BLOCKS_MAX;
}

static enum err io_failed(const struct segment_writer *w, enum err e, const char *what,
                          struct err_text *why) {
    return err_say(why, e, "segment %llu: %s failed: %s", (unsigned long long)w->m.id, what, err_name(e));
}

static enum err write_out(struct segment_writer *w, struct err_text *why) {
    enum err e = file_write(w->file, w->out.p, w->out.n, w->written_bytes);
    if (e != ERR_OK)
        return io_failed(w, e, "writing", why);
    w->written_bytes += w->out.n;
    buf_clear(&w->out);
    if (w->written_bytes - w->synced_bytes < SYNC_BYTES)
        return ERR_OK;
    e = file_sync(w->file);
    if (e != ERR_OK)
        return io_failed(w, e, "syncing", why);
    w->synced_bytes = w->written_bytes;
    return ERR_OK;
}

static enum err write_when_large(struct segment_writer *w, struct err_text *why) {
    return w->out.n < WRITE_BYTES ? ERR_OK : write_out(w, why);
}

static enum err copy_block(struct segment_writer *w, const struct segment_addition *a, uint64_t bytes,
                           struct err_text *why) {
    if (a->bytes.p) {
        ASSERT(a->bytes.n == bytes);
        buf_add(&w->out, a->bytes);
        return write_when_large(w, why);
    }
    for (uint64_t done = 0; done < bytes;) {
        size_t n = bytes - done < WRITE_BYTES ? (size_t)(bytes - done) : WRITE_BYTES;
        char *to = buf_reserve(&w->out, n);
        enum err e = file_read_all(a->file, to, n, a->offset + done);
        if (e != ERR_OK)
            return io_failed(w, e, "reading a block", why);
        w->out.n += n;
        done += n;
        TRY(write_when_large(w, why));
    }
    return ERR_OK;
}

static void index_streams(struct segment_writer *w, const struct block *block) {
    const struct block_info *info = block_info(block);
    const struct block_stream *streams = block_streams(block);
    for (uint32_t i = 0; i < info->stream_count; i++) {
        uint32_t number =
            index_labels_add(&w->labels, info->tenant, streams[i].labels, (uint32_t)w->m.blocks);
        if (i == 0)
            VEC_PUSH(&w->stream_ends, number);
        if (i + 1 == info->stream_count)
            VEC_PUSH(&w->stream_ends, number);
    }
}

/* A word searched for anywhere may be a label's: the filter of a block knows the labels of its streams too.
 */
static void add_label_words(struct segment_writer *w, const struct block *block) {
    const struct block_stream *streams = block_streams(block);
    for (uint32_t i = 0; i < block_info(block)->stream_count; i++) {
        struct str rest = streams[i].labels, token;
        for (struct label l; labels_next(&rest, &l);)
            while (token_next(&l.value, &token))
                VEC_PUSH(&w->words, token_hash(token));
    }
}

static void count_block(struct segment_writer *w, const struct segment_addition *a) {
    const struct block_info *i = block_info(a->block);
    struct manifest_segment *m = &w->m;
    m->time_min_ns = i->time_min_ns < m->time_min_ns ? i->time_min_ns : m->time_min_ns;
    m->time_max_ns = i->time_max_ns > m->time_max_ns ? i->time_max_ns : m->time_max_ns;
    m->received_max_ms = i->received_max_ms > m->received_max_ms ? i->received_max_ms : m->received_max_ms;
    m->position_min = a->position_min < m->position_min ? a->position_min : m->position_min;
    m->position_max = a->position_max > m->position_max ? a->position_max : m->position_max;
    m->rows += i->row_count;
    m->raw_bytes += i->raw_bytes;
    m->blocks++;
}

static enum err spill_ids(struct segment_writer *w, struct err_text *why) {
    index_ids_spill(&w->ids, segment_writer_bytes(w), &w->out);
    return write_when_large(w, why);
}

enum err segment_writer_add(struct segment_writer *w, const struct segment_addition *a,
                            struct err_text *why) {
    const struct block_info *info = block_info(a->block);
    struct segment_block line = { .offset = segment_writer_bytes(w),
                                  .size_bytes = info->size_bytes,
                                  .row_count = info->row_count,
                                  .page_count = info->page_count,
                                  .time_min_ns = info->time_min_ns,
                                  .time_max_ns = info->time_max_ns,
                                  .received_max_ms = info->received_max_ms,
                                  .raw_bytes = info->raw_bytes,
                                  .tenant = info->tenant };
    TRY(copy_block(w, a, info->size_bytes, why));
    if (w->o.words) {
        size_t before = w->out.n;
        add_label_words(w, a->block);
        index_words_write(w->words.p, w->words.n, &w->out);
        line.filter_lines = (uint32_t)((w->out.n - before) / WORD_LINE_BYTES - 1);
        w->words.n = 0;
        TRY(write_when_large(w, why));
    }
    unsigned char raw[SEGMENT_BLOCK_BYTES];
    segment_block_encode(&line, raw);
    buf_add_bytes(&w->index, raw, sizeof raw);
    index_streams(w, a->block);
    count_block(w, a);
    return index_ids_full(&w->ids) ? spill_ids(w, why) : ERR_OK;
}

static void add_section(struct segment_writer *w, enum segment_section section, struct str bytes,
                        struct segment_footer *footer) {
    footer->sections[section] =
        (struct segment_section_place){ segment_writer_bytes(w), bytes.n, crc32c(0, bytes.p, bytes.n) };
    buf_add(&w->out, bytes);
}

/* Ranks are known only now. */
static void fill_ranks(struct segment_writer *w) {
    for (size_t i = 0; i < w->m.blocks; i++) {
        unsigned char *raw = (unsigned char *)w->index.p + i * SEGMENT_BLOCK_BYTES;
        struct segment_block line = segment_block_decode(raw);
        line.stream_first = index_labels_rank(&w->labels, w->stream_ends.p[2 * i]);
        line.stream_last = index_labels_rank(&w->labels, w->stream_ends.p[2 * i + 1]);
        segment_block_encode(&line, raw);
    }
}

static void add_tail(struct segment_writer *w) {
    struct segment_footer footer = { .id = w->m.id, .rows = w->m.rows, .block_count = (uint32_t)w->m.blocks };
    AUTO(buf) streams = { 0 }, labels = { 0 }, ids = { 0 }, claims = { 0 };
    index_labels_write(&w->labels, &streams, &labels);
    fill_ranks(w);
    index_ids_write(&w->ids, &ids);
    for (size_t i = 0; i < w->claims.n; i++) {
        buf_add_le64(&claims, w->claims.p[i].hi);
        buf_add_le64(&claims, w->claims.p[i].lo);
    }
    add_section(w, SECTION_BLOCKS, buf_str(&w->index), &footer);
    add_section(w, SECTION_STREAMS, buf_str(&streams), &footer);
    add_section(w, SECTION_LABELS, buf_str(&labels), &footer);
    add_section(w, SECTION_IDS, buf_str(&ids), &footer);
    add_section(w, SECTION_CLAIMS, buf_str(&claims), &footer);
    footer.file_bytes = segment_writer_bytes(w) + SEGMENT_FOOTER_BYTES;
    unsigned char raw[SEGMENT_FOOTER_BYTES];
    segment_footer_encode(&footer, raw);
    buf_add_bytes(&w->out, raw, sizeof raw);
}

enum err segment_writer_finish(struct segment_writer *w, struct manifest_segment *out, struct err_text *why) {
    ASSERT(w->m.blocks > 0 && !w->named);
    TRY(spill_ids(w, why));
    add_tail(w);
    TRY(write_out(w, why));
    enum err e = file_sync(w->file);
    if (e != ERR_OK)
        return io_failed(w, e, "syncing", why);
    char from[SEGMENT_PATH_BYTES], to[SEGMENT_PATH_BYTES];
    segment_path(w->m.id, "tmp", from);
    segment_path(w->m.id, "seg", to);
    e = disk_rename(w->o.disk, from, to);
    if (e != ERR_OK)
        return io_failed(w, e, "renaming", why);
    w->named = true;
    w->m.size_bytes = w->written_bytes;
    w->m.format = 0;
    *out = w->m;
    return ERR_OK;
}
