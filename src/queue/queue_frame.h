#pragma once
#include "base/err.h"
#include "base/str.h"
/*
 * The bytes of a journal file: its header and its frames, encoded and decoded in memory. Pure: no file, no
 * lock, no state. The format, its picture and its reasons are in docs/design/format.md, "Journal".
 */
enum {
    QUEUE_MAJOR = 1,
    QUEUE_FILE_MAGIC_BYTES = 8,
    QUEUE_FILE_COPY_BYTES = 4096, /* one copy of the header, alone in its page */
    QUEUE_FILE_COPIES = 2,
    QUEUE_FILE_HEADER_BYTES = QUEUE_FILE_COPY_BYTES * QUEUE_FILE_COPIES, /* the first frame begins here */
    QUEUE_FRAME_ALIGN_BYTES = 64,
    QUEUE_FRAME_HEADER_BYTES = 64,
    QUEUE_FRAME_BLOCKS_MAX = 65536,
    QUEUE_FRAME_BYTES_MAX = 1 << 30,
};

/* Epochs, sequences and positions are below: more are never reached, so counting on from one cannot overflow.
 */
#define QUEUE_NUMBER_MAX (1ull << 62)

/* One incarnation of a file. A recycled file gets a new epoch and salt, and with them its old frames are
 * void. */
struct queue_file_header {
    uint16_t major;
    uint16_t compat;         /* bits that an older reader may ignore */
    uint32_t incompat;       /* bits that it may not; none is defined yet */
    uint64_t epoch;          /* grows with each incarnation in this folder: the order of the files */
    uint64_t salt;           /* random */
    uint64_t first_sequence; /* of its first frame: earlier files' frames from here on are void */
    uint64_t first_position; /* positions in earlier files are below */
    int64_t created_ns;
};
void queue_file_header_encode(const struct queue_file_header *h, char out[QUEUE_FILE_HEADER_BYTES]);
/* One copy's page. ERR_CORRUPT: no valid copy; ERR_UNSUPPORTED: valid, of a major or with an incompat bit
 * that this program does not know. `why` (may be NULL) names it. */
NODISCARD enum err queue_file_header_decode(struct str copy, struct err_text *why,
                                            struct queue_file_header *out);

/* Followed in the file by block_count sizes (u32), the blocks end to end, zeros up to frame_bytes. */
struct queue_frame {
    uint64_t frame_bytes;    /* all of it, a multiple of QUEUE_FRAME_ALIGN_BYTES */
    uint64_t body_bytes;     /* sizes and blocks */
    uint64_t sequence;       /* counts frames that a reader will accept, without a gap */
    uint64_t position;       /* of the submission; never used twice, gaps are fine */
    uint64_t group_sequence; /* of the first frame of its group commit: all before it was acknowledged */
    uint32_t block_count;
    uint32_t body_crc32c; /* salted; of everything after the header, padding too */
};

/* What ties a frame to its place: checksums begin with it, so that a frame of an earlier incarnation or
 * written to a wrong place is no frame. */
struct queue_frame_place {
    uint64_t salt, offset; /* of the frame's header in its file */
};
uint32_t queue_frame_crc_begin(struct queue_frame_place place);

/* Bytes of the frame that holds these blocks; 0 when they break a cap above. */
uint64_t queue_frame_bytes(const struct str *blocks, size_t block_count);
void queue_frame_encode(const struct queue_frame *f, struct queue_frame_place place,
                        char out[QUEUE_FRAME_HEADER_BYTES]);
/* False unless magic, checksum and all bounds hold: what it gives can be trusted to find the frame's end. */
NODISCARD bool queue_frame_decode(const char header[QUEUE_FRAME_HEADER_BYTES], struct queue_frame_place place,
                                  struct queue_frame *out);
/* May a frame begin with these bytes? Cheap, for looking for the next one. */
bool queue_frame_magic(const char *header);
static inline uint64_t queue_frame_align(uint64_t bytes) {
    return (bytes + QUEUE_FRAME_ALIGN_BYTES - 1) & ~(uint64_t)(QUEUE_FRAME_ALIGN_BYTES - 1);
}
