#pragma once
#include "base/bytes.h"
#include "base/hash.h"
#include "block/block_read.h"
/*
 * The bytes of a segment file; docs/design/format.md, "Segment", has the picture and the reasons.
 *
 *   header | block [filter] | block [filter] | … id pages … | sections | footer
 *
 * All integers are little endian. Header and footer carry the version: an unknown incompat bit is never taken
 * for damage.
 */
#define SEGMENT_MAGIC_HEADER "SONDESEG"
#define SEGMENT_MAGIC_FOOTER "SONDEEND"
enum {
    SEGMENT_VERSION_MAJOR = 1,
    SEGMENT_INCOMPAT_KNOWN = 0, /* bits this reader understands */
    SEGMENT_HEADER_BYTES = 64,
    SEGMENT_FOOTER_BYTES = 256,
    SEGMENT_SECTION_SLOTS = 8,
    SEGMENT_BLOCK_BYTES = 72, /* one line of the block index */
    SEGMENT_BLOCKS_MAX = 1 << 20,
    SEGMENT_SECTION_BYTES_MAX = 256 << 20, /* what a reader takes for one section at most */
};
/* Slot numbers are stored: they never change. */
enum segment_section {
    SECTION_BLOCKS = 0,
    SECTION_STREAMS = 1,
    SECTION_LABELS = 2,
    SECTION_IDS = 3,
    SECTION_CLAIMS = 4
};

struct segment_footer {
    uint64_t id, file_bytes, rows;
    uint32_t block_count;
    struct segment_section_place {
        uint64_t offset, size_bytes;
        uint32_t crc32c;
    } sections[SEGMENT_SECTION_SLOTS]; /* size 0: absent */
};
/* One line of the block index. The word filter, when there is one, lies right behind the block. */
struct segment_block {
    uint64_t offset, size_bytes;
    uint32_t row_count, page_count;
    int64_t time_min_ns, time_max_ns, received_max_ms;
    uint64_t raw_bytes;
    uint32_t tenant;
    uint32_t stream_first, stream_last; /* ranks in the segment's stream dictionary */
    uint32_t filter_lines;              /* 0: no word filter */
};

/* Fuzz targets are built with FUZZING_IGNORES_CHECKSUMS, so that mutated bytes reach what is behind the
 * check. */
static inline bool segment_crc_matches(uint32_t stored, uint32_t computed) {
#ifdef FUZZING_IGNORES_CHECKSUMS
    (void)stored, (void)computed;
    return true;
#else
    return stored == computed;
#endif
}

void segment_header_encode(uint64_t id, enum table table, uint32_t level,
                           unsigned char out[SEGMENT_HEADER_BYTES]);
NODISCARD enum err segment_header_check(const unsigned char in[SEGMENT_HEADER_BYTES], uint64_t id,
                                        struct err_text *why);
void segment_footer_encode(const struct segment_footer *f, unsigned char out[SEGMENT_FOOTER_BYTES]);
/* ERR_CORRUPT; ERR_UNSUPPORTED names the bits. */
NODISCARD enum err segment_footer_decode(const unsigned char in[SEGMENT_FOOTER_BYTES],
                                         struct segment_footer *out, struct err_text *why);
void segment_block_encode(const struct segment_block *b, unsigned char out[SEGMENT_BLOCK_BYTES]);
struct segment_block segment_block_decode(const unsigned char in[SEGMENT_BLOCK_BYTES]);
