#include "store/segment_format.h"

/* The fields that header and footer share: magic, version, incompat bits; a CRC32C in bytes 60..63 over all
 * the others. */
enum { AT_MAJOR = 8, AT_MINOR = 10, AT_INCOMPAT = 12, AT_COMPAT = 16, AT_CRC = 60 };

static uint32_t crc_without_field(const unsigned char *in, size_t bytes) {
    static const unsigned char zeros[4];
    uint32_t crc = crc32c(0, in, AT_CRC);
    crc = crc32c(crc, zeros, sizeof zeros);
    return crc32c(crc, in + AT_CRC + 4, bytes - AT_CRC - 4);
}

static void start(const char *magic, unsigned char *out, size_t bytes) {
    memset(out, 0, bytes);
    memcpy(out, magic, 8);
    le16_put(out + AT_MAJOR, SEGMENT_VERSION_MAJOR);
}

static void seal(unsigned char *out, size_t bytes) {
    le32_put(out + AT_CRC, crc_without_field(out, bytes));
}

static enum err check(const char *magic, const unsigned char *in, size_t bytes, struct err_text *why) {
    if (memcmp(in, magic, 8) != 0 ||
        !segment_crc_matches(le32_get(in + AT_CRC), crc_without_field(in, bytes)))
        return err_say(why, ERR_CORRUPT, "segment: damaged %.8s", magic);
    uint32_t unknown = le32_get(in + AT_INCOMPAT) & ~(uint32_t)SEGMENT_INCOMPAT_KNOWN;
    if (le16_get(in + AT_MAJOR) != SEGMENT_VERSION_MAJOR || unknown)
        return err_say(why, ERR_UNSUPPORTED,
                       "segment: written by a newer version (major %u, incompat bits %#x)",
                       le16_get(in + AT_MAJOR), unknown);
    return ERR_OK;
}

void segment_header_encode(uint64_t id, enum table table, uint32_t level,
                           unsigned char out[SEGMENT_HEADER_BYTES]) {
    start(SEGMENT_MAGIC_HEADER, out, SEGMENT_HEADER_BYTES);
    le32_put(out + 20, (uint32_t)table);
    le64_put(out + 24, id);
    le32_put(out + 32, level);
    seal(out, SEGMENT_HEADER_BYTES);
}

enum err segment_header_check(const unsigned char in[SEGMENT_HEADER_BYTES], uint64_t id,
                              struct err_text *why) {
    TRY(check(SEGMENT_MAGIC_HEADER, in, SEGMENT_HEADER_BYTES, why));
    if (le64_get(in + 24) != id)
        return err_say(why, ERR_CORRUPT, "segment: another segment's file");
    return ERR_OK;
}

enum { AT_SECTIONS = 64, SECTION_BYTES = 24 };
_Static_assert(AT_SECTIONS + SEGMENT_SECTION_SLOTS * SECTION_BYTES == SEGMENT_FOOTER_BYTES,
               "on-disk layout is fixed");

void segment_footer_encode(const struct segment_footer *f, unsigned char out[SEGMENT_FOOTER_BYTES]) {
    start(SEGMENT_MAGIC_FOOTER, out, SEGMENT_FOOTER_BYTES);
    le32_put(out + 20, f->block_count);
    le64_put(out + 24, f->id);
    le64_put(out + 32, f->file_bytes);
    le64_put(out + 40, f->rows);
    for (size_t i = 0; i < SEGMENT_SECTION_SLOTS; i++) {
        unsigned char *slot = out + AT_SECTIONS + i * SECTION_BYTES;
        le64_put(slot, f->sections[i].offset);
        le64_put(slot + 8, f->sections[i].size_bytes);
        le32_put(slot + 16, f->sections[i].crc32c);
    }
    seal(out, SEGMENT_FOOTER_BYTES);
}

enum err segment_footer_decode(const unsigned char in[SEGMENT_FOOTER_BYTES], struct segment_footer *out,
                               struct err_text *why) {
    TRY(check(SEGMENT_MAGIC_FOOTER, in, SEGMENT_FOOTER_BYTES, why));
    struct segment_footer f = { .block_count = le32_get(in + 20),
                                .id = le64_get(in + 24),
                                .file_bytes = le64_get(in + 32),
                                .rows = le64_get(in + 40) };
    if (f.block_count > SEGMENT_BLOCKS_MAX)
        return err_say(why, ERR_CORRUPT, "segment: %u blocks", f.block_count);
    for (size_t i = 0; i < SEGMENT_SECTION_SLOTS; i++) {
        const unsigned char *slot = in + AT_SECTIONS + i * SECTION_BYTES;
        struct segment_section_place p = { le64_get(slot), le64_get(slot + 8), le32_get(slot + 16) };
        if (p.size_bytes > SEGMENT_SECTION_BYTES_MAX || p.size_bytes > f.file_bytes ||
            p.offset > f.file_bytes - p.size_bytes)
            return err_say(why, ERR_CORRUPT, "segment: section %zu lies outside the file", i);
        f.sections[i] = p;
    }
    *out = f;
    return ERR_OK;
}

_Static_assert(8 + 8 + 4 + 4 + 8 * 3 + 8 + 4 * 4 == SEGMENT_BLOCK_BYTES, "on-disk layout is fixed");

void segment_block_encode(const struct segment_block *b, unsigned char out[SEGMENT_BLOCK_BYTES]) {
    le64_put(out, b->offset);
    le64_put(out + 8, b->size_bytes);
    le32_put(out + 16, b->row_count);
    le32_put(out + 20, b->page_count);
    le64_put(out + 24, (uint64_t)b->time_min_ns);
    le64_put(out + 32, (uint64_t)b->time_max_ns);
    le64_put(out + 40, (uint64_t)b->received_max_ms);
    le64_put(out + 48, b->raw_bytes);
    le32_put(out + 56, b->tenant);
    le32_put(out + 60, b->stream_first);
    le32_put(out + 64, b->stream_last);
    le32_put(out + 68, b->filter_lines);
}

struct segment_block segment_block_decode(const unsigned char in[SEGMENT_BLOCK_BYTES]) {
    return (struct segment_block){ .offset = le64_get(in),
                                   .size_bytes = le64_get(in + 8),
                                   .row_count = le32_get(in + 16),
                                   .page_count = le32_get(in + 20),
                                   .time_min_ns = (int64_t)le64_get(in + 24),
                                   .time_max_ns = (int64_t)le64_get(in + 32),
                                   .received_max_ms = (int64_t)le64_get(in + 40),
                                   .raw_bytes = le64_get(in + 48),
                                   .tenant = le32_get(in + 56),
                                   .stream_first = le32_get(in + 60),
                                   .stream_last = le32_get(in + 64),
                                   .filter_lines = le32_get(in + 68) };
}
