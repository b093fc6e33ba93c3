#include "store/segment.h"
#include "base/assert.h"
#include "base/heap.h"
#include "base/stat.h"
#include "store/index_words.h"
#include <inttypes.h>
#include <stdio.h>

struct segment_open {
    struct file *file;
    bool footer_ok;
    struct segment_footer footer;
};

void segment_path(uint64_t id, const char *suffix, char out[SEGMENT_PATH_BYTES]) {
    (void)snprintf(out, SEGMENT_PATH_BYTES, SEGMENT_FOLDER "/%016" PRIu64 ".%s", id, suffix);
}

struct segment *segment_new(struct disk *disk, const struct manifest_segment *m) {
    struct segment *s = HEAP_NEW(struct segment);
    s->m = *m;
    s->disk = disk;
    s->refs = 1;
    (void)pthread_mutex_init(&s->lock, NULL);
    return s;
}

struct segment *segment_ref(struct segment *s) {
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void segment_unref(struct segment *s) {
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    ASSERT(s->pins == 0 && s->open == NULL);
    if (s->doomed) {
        char path[SEGMENT_PATH_BYTES];
        segment_path(s->m.id, "seg", path);
        ERR_IGNORE(disk_unlink(s->disk, path), "a file left over is an orphan at the next start");
    }
    (void)pthread_mutex_destroy(&s->lock);
    heap_free(s);
}

void segment_set_damaged(struct segment *s) {
    if (!atomic_exchange(&s->damaged, true))
        stat_add(STAT_STORE_DAMAGED, 1);
}

static enum err read_ends(struct segment *s, struct segment_open *o, struct err_text *why) {
    unsigned char header[SEGMENT_HEADER_BYTES], footer[SEGMENT_FOOTER_BYTES];
    enum err e = file_read_all(o->file, header, sizeof header, 0);
    if (e == ERR_OK)
        e = segment_header_check(header, s->m.id, why);
    if (e == ERR_CORRUPT)
        segment_set_damaged(s);
    else if (e != ERR_OK)
        return e;
    e = ERR_CORRUPT;
    if (s->m.size_bytes >= SEGMENT_HEADER_BYTES + SEGMENT_FOOTER_BYTES)
        e = file_read_all(o->file, footer, sizeof footer, s->m.size_bytes - SEGMENT_FOOTER_BYTES);
    if (e == ERR_OK)
        e = segment_footer_decode(footer, &o->footer, why);
    o->footer_ok = e == ERR_OK && o->footer.id == s->m.id && o->footer.file_bytes == s->m.size_bytes;
    if (!o->footer_ok && (e == ERR_OK || e == ERR_CORRUPT))
        segment_set_damaged(s);
    return e == ERR_CORRUPT ? ERR_OK : e;
}

/* Lock held: the file must be open exactly once, so opening it happens under the lock. */
static enum err open_file(struct segment *s, struct err_text *why) {
    char path[SEGMENT_PATH_BYTES];
    segment_path(s->m.id, "seg", path);
    struct segment_open *o = HEAP_NEW(struct segment_open);
    enum err e = disk_open(s->disk, path, FILE_READ, &o->file);
    if (e != ERR_OK)
        e = err_say(why, e, "%s cannot be opened: %s", path, err_name(e));
    else
        e = read_ends(s, o, why);
    if (e != ERR_OK) {
        file_close(o->file);
        heap_free(o);
        return e;
    }
    s->open = o;
    return ERR_OK;
}

enum err segment_pin(struct segment *s, struct err_text *why) {
    LOCKED(&s->lock);
    if (s->pins == 0)
        TRY(open_file(s, why));
    s->pins++;
    (void)segment_ref(s);
    return ERR_OK;
}

void segment_unpin(struct segment *s) {
    if (!s)
        return;
    {
        LOCKED(&s->lock);
        ASSERT(s->pins > 0);
        if (--s->pins == 0) {
            file_close(s->open->file);
            heap_free(s->open);
            s->open = NULL;
        }
    }
    segment_unref(s);
}

struct file *segment_file(const struct segment *s) {
    return s->open->file;
}

enum err segment_footer(const struct segment *s, struct segment_footer *out) {
    if (!s->open->footer_ok)
        return ERR_CORRUPT;
    *out = s->open->footer;
    return ERR_OK;
}

bool segment_has(const struct segment *s, enum segment_section section) {
    return s->open->footer_ok && s->open->footer.sections[section].size_bytes > 0;
}

enum err segment_section(const struct segment *s, enum segment_section section, struct arena *mem,
                         struct str *out) {
    if (!s->open->footer_ok)
        return ERR_CORRUPT;
    const struct segment_section_place *p = &s->open->footer.sections[section];
    char *bytes = ARENA_RAW(mem, char, p->size_bytes);
    if (!bytes)
        return ERR_LIMIT;
    TRY(file_read_all(s->open->file, bytes, p->size_bytes, p->offset));
    if (p->size_bytes && !segment_crc_matches(p->crc32c, crc32c(0, bytes, p->size_bytes)))
        return ERR_CORRUPT;
    *out = (struct str){ bytes, p->size_bytes };
    return ERR_OK;
}

/* The CRC vouches for our writer, not for a hostile one: offsets must lie in the file. */
static bool block_sane(const struct segment *s, const struct segment_block *b) {
    uint64_t room = s->m.size_bytes - SEGMENT_FOOTER_BYTES;
    uint64_t filter = b->filter_lines ? (uint64_t)(b->filter_lines + 1ull) * WORD_LINE_BYTES : 0;
    return b->offset >= SEGMENT_HEADER_BYTES && b->size_bytes <= room && filter <= room &&
           b->offset <= room - b->size_bytes && b->offset + b->size_bytes <= room - filter;
}

static enum err read_index(const struct segment *s, struct arena *mem, struct segment_block **out,
                           uint32_t *out_count) {
    struct str bytes;
    TRY(segment_section(s, SECTION_BLOCKS, mem, &bytes));
    uint32_t count = s->open->footer.block_count;
    if (bytes.n != (uint64_t)count * SEGMENT_BLOCK_BYTES)
        return ERR_CORRUPT;
    struct segment_block *blocks = ARENA_RAW(mem, struct segment_block, count);
    if (!blocks)
        return ERR_LIMIT;
    for (uint32_t i = 0; i < count; i++) {
        blocks[i] = segment_block_decode((const unsigned char *)bytes.p + (size_t)i * SEGMENT_BLOCK_BYTES);
        if (!block_sane(s, &blocks[i]))
            return ERR_CORRUPT;
    }
    *out = blocks;
    *out_count = count;
    return ERR_OK;
}

/* What the index would say of the block at `offset`; its size comes from its own header. */
static enum err walk_one(const struct segment *s, uint64_t offset, struct segment_block *out) {
    struct block_source source = { .file = s->open->file, .offset = offset };
    struct block *block;
    TRY(block_open(&source, NULL, &block));
    const struct block_info *info = block_info(block);
    *out = (struct segment_block){ .offset = offset,
                                   .size_bytes = info->size_bytes,
                                   .row_count = info->row_count,
                                   .page_count = info->page_count,
                                   .time_min_ns = info->time_min_ns,
                                   .time_max_ns = info->time_max_ns,
                                   .received_max_ms = info->received_max_ms,
                                   .raw_bytes = info->raw_bytes,
                                   .tenant = info->tenant,
                                   .stream_last = UINT32_MAX };
    block_free(block);
    uint32_t lines;
    if (index_words_lines(s->open->file, offset + out->size_bytes, &lines) == ERR_OK)
        out->filter_lines = lines;
    return block_sane(s, out) ? ERR_OK : ERR_CORRUPT;
}

static enum err walk(const struct segment *s, struct arena *mem, struct segment_block **out,
                     uint32_t *out_count) {
    uint64_t most = s->m.blocks < SEGMENT_BLOCKS_MAX ? s->m.blocks : SEGMENT_BLOCKS_MAX;
    struct segment_block *blocks = ARENA_RAW(mem, struct segment_block, most);
    if (!blocks)
        return ERR_LIMIT;
    uint64_t offset = SEGMENT_HEADER_BYTES;
    uint32_t count = 0;
    for (; count < most && walk_one(s, offset, &blocks[count]) == ERR_OK; count++) {
        const struct segment_block *b = &blocks[count];
        offset += b->size_bytes + (b->filter_lines ? (b->filter_lines + 1ull) * WORD_LINE_BYTES : 0);
    }
    *out = blocks;
    *out_count = count;
    return ERR_OK;
}

enum err segment_blocks(const struct segment *s, struct arena *mem, struct segment_block **out,
                        uint32_t *out_count, bool *out_walked) {
    enum err e = read_index(s, mem, out, out_count);
    *out_walked = e == ERR_CORRUPT;
    return e == ERR_CORRUPT ? walk(s, mem, out, out_count) : e;
}
