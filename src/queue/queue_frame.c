/*
 * Journal bytes. A file is a header (two copies, a page each), then frames, each at a multiple of 64:
 *
 *   0        4096     8192                                        written up to here
 *   | header | header | frame | frame | frame        | frame | …  | older bytes, of an earlier incarnation
 *
 *   frame:  0 magic "SJF1"   4 crc32c of salt, place, 8..63
 *           8 frame_bytes   16 sequence   24 position   32 body_bytes   40 block_count   44 body_crc32c
 *          48 group_sequence   56 zeros   64 block sizes (u32 each), blocks, zeros to a multiple of 64
 *
 * The header has a checksum of its own, so that a reader who meets a damaged body still knows where the next
 * frame begins; the body's checksum lies under the header's. Both start with the salt of the incarnation and
 * the frame's offset. The salt is what makes recycling files safe: a frame left over from an earlier
 * incarnation has the right form, at the right place, and fails.
 *
 * Integers are little endian. Reserved bytes are zero, and a reader refuses others: a later version that uses
 * them sets an incompat bit in the file's header.
 */
#include "queue/queue_frame.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/hash.h"
#include <stdio.h>

static const char file_magic[QUEUE_FILE_MAGIC_BYTES] = "SONDEJNL";
static const uint32_t frame_magic = 0x31464a53; /* "SJF1" */
/* Where things are in the file header. */
enum {
    AT_CRC = 8,
    AT_MAJOR = 12,
    AT_COMPAT = 14,
    AT_INCOMPAT = 16,
    AT_EPOCH = 24,
    AT_SALT = 32,
    AT_SEQUENCE = 40,
    AT_POSITION = 48,
    AT_CREATED = 56,
    FILE_HEADER_USED = 64
};
enum {
    AT_FRAME_CRC = 4,
    AT_FRAME_BYTES = 8,
    AT_FRAME_SEQUENCE = 16,
    AT_FRAME_POSITION = 24,
    AT_BODY_BYTES = 32,
    AT_BLOCK_COUNT = 40,
    AT_BODY_CRC = 44,
    AT_GROUP_SEQUENCE = 48,
    AT_RESERVED = 56
};
_Static_assert(QUEUE_FILE_HEADER_BYTES % QUEUE_FRAME_ALIGN_BYTES == 0, "the first frame is aligned");
_Static_assert((int)AT_RESERVED < (int)QUEUE_FRAME_HEADER_BYTES, "on-disk layout is fixed");

void queue_file_header_encode(const struct queue_file_header *h, char out[QUEUE_FILE_HEADER_BYTES]) {
    memset(out, 0, QUEUE_FILE_HEADER_BYTES);
    memcpy(out, file_magic, sizeof file_magic);
    le16_put(out + AT_MAJOR, h->major);
    le16_put(out + AT_COMPAT, h->compat);
    le32_put(out + AT_INCOMPAT, h->incompat);
    le64_put(out + AT_EPOCH, h->epoch);
    le64_put(out + AT_SALT, h->salt);
    le64_put(out + AT_SEQUENCE, h->first_sequence);
    le64_put(out + AT_POSITION, h->first_position);
    le64_put(out + AT_CREATED, (uint64_t)h->created_ns);
    le32_put(out + AT_CRC, crc32c(0, out + AT_MAJOR, FILE_HEADER_USED - AT_MAJOR));
    memcpy(out + QUEUE_FILE_COPY_BYTES, out, QUEUE_FILE_COPY_BYTES);
}

enum err queue_file_header_decode(struct str copy, struct err_text *why, struct queue_file_header *out) {
    const char *p = copy.p;
    if (copy.n < FILE_HEADER_USED || memcmp(p, file_magic, sizeof file_magic) != 0 ||
        le32_get(p + AT_CRC) != crc32c(0, p + AT_MAJOR, FILE_HEADER_USED - AT_MAJOR))
        return err_say(why, ERR_CORRUPT, "not the header of a journal file");
    struct queue_file_header h = {
        .major = le16_get(p + AT_MAJOR),
        .compat = le16_get(p + AT_COMPAT),
        .incompat = le32_get(p + AT_INCOMPAT),
        .epoch = le64_get(p + AT_EPOCH),
        .salt = le64_get(p + AT_SALT),
        .first_sequence = le64_get(p + AT_SEQUENCE),
        .first_position = le64_get(p + AT_POSITION),
        .created_ns = (int64_t)le64_get(p + AT_CREATED),
    };
    if (h.major != QUEUE_MAJOR)
        return err_say(why, ERR_UNSUPPORTED, "format %u of the journal; this program knows format %d",
                       h.major, QUEUE_MAJOR);
    if (h.incompat != 0)
        return err_say(why, ERR_UNSUPPORTED, "features 0x%x of the journal, unknown to this program",
                       h.incompat);
    if (h.epoch > QUEUE_NUMBER_MAX || h.first_sequence > QUEUE_NUMBER_MAX ||
        h.first_position > QUEUE_NUMBER_MAX)
        return err_say(why, ERR_CORRUPT, "the header of a journal file that nobody wrote");
    *out = h;
    return ERR_OK;
}

uint32_t queue_frame_crc_begin(struct queue_frame_place place) {
    char seed[16];
    le64_put(seed, place.salt);
    le64_put(seed + 8, place.offset);
    return crc32c(0, seed, sizeof seed);
}

uint64_t queue_frame_bytes(const struct str *blocks, size_t block_count) {
    if (block_count == 0 || block_count > QUEUE_FRAME_BLOCKS_MAX)
        return 0;
    uint64_t bytes = QUEUE_FRAME_HEADER_BYTES + block_count * sizeof(uint32_t);
    for (size_t i = 0; i < block_count; i++) {
        bytes += blocks[i].n;
        if (blocks[i].n > QUEUE_FRAME_BYTES_MAX || bytes > QUEUE_FRAME_BYTES_MAX)
            return 0;
    }
    return queue_frame_align(bytes);
}

void queue_frame_encode(const struct queue_frame *f, struct queue_frame_place place,
                        char out[QUEUE_FRAME_HEADER_BYTES]) {
    ASSERT(f->frame_bytes == queue_frame_align(QUEUE_FRAME_HEADER_BYTES + f->body_bytes));
    memset(out, 0, QUEUE_FRAME_HEADER_BYTES);
    le32_put(out, frame_magic);
    le64_put(out + AT_FRAME_BYTES, f->frame_bytes);
    le64_put(out + AT_FRAME_SEQUENCE, f->sequence);
    le64_put(out + AT_FRAME_POSITION, f->position);
    le64_put(out + AT_BODY_BYTES, f->body_bytes);
    le64_put(out + AT_GROUP_SEQUENCE, f->group_sequence);
    le32_put(out + AT_BLOCK_COUNT, f->block_count);
    le32_put(out + AT_BODY_CRC, f->body_crc32c);
    le32_put(out + AT_FRAME_CRC, crc32c(queue_frame_crc_begin(place), out + AT_FRAME_BYTES,
                                        QUEUE_FRAME_HEADER_BYTES - AT_FRAME_BYTES));
}

bool queue_frame_magic(const char *header) {
    return le32_get(header) == frame_magic;
}

bool queue_frame_decode(const char header[QUEUE_FRAME_HEADER_BYTES], struct queue_frame_place place,
                        struct queue_frame *out) {
    if (!queue_frame_magic(header) ||
        le32_get(header + AT_FRAME_CRC) != crc32c(queue_frame_crc_begin(place), header + AT_FRAME_BYTES,
                                                  QUEUE_FRAME_HEADER_BYTES - AT_FRAME_BYTES))
        return false;
    struct queue_frame f = {
        .frame_bytes = le64_get(header + AT_FRAME_BYTES),
        .body_bytes = le64_get(header + AT_BODY_BYTES),
        .sequence = le64_get(header + AT_FRAME_SEQUENCE),
        .position = le64_get(header + AT_FRAME_POSITION),
        .group_sequence = le64_get(header + AT_GROUP_SEQUENCE),
        .block_count = le32_get(header + AT_BLOCK_COUNT),
        .body_crc32c = le32_get(header + AT_BODY_CRC),
    };
    bool sound = f.body_bytes <= QUEUE_FRAME_BYTES_MAX &&
                 f.frame_bytes == queue_frame_align(QUEUE_FRAME_HEADER_BYTES + f.body_bytes) &&
                 f.block_count >= 1 && f.block_count <= QUEUE_FRAME_BLOCKS_MAX &&
                 f.body_bytes >= f.block_count * sizeof(uint32_t) && f.position != 0 &&
                 f.position <= QUEUE_NUMBER_MAX && f.sequence <= QUEUE_NUMBER_MAX &&
                 f.group_sequence <= f.sequence;
    if (sound)
        *out = f;
    return sound;
}
