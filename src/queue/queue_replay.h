#pragma once
#include "base/vec.h"
#include "queue/queue_files.h"
/*
 * Reading a journal back: the frames of one file (queue_scan_*), then all files in order (queue_replay_run).
 * Journal bytes are foreign bytes here: any content gives frames, counts or an error, never a crash.
 */
enum { QUEUE_SCAN_WINDOW_BYTES = 256 << 10 };

struct queue_scan {
    struct file *io; /* borrowed */
    uint64_t salt;
    uint64_t size_bytes; /* of the file */
    uint64_t offset;     /* look here next */
    uint64_t torn_bytes; /* since the last valid frame: of frames of this incarnation that are not whole */
    char *window;
    uint64_t window_offset;
    size_t window_bytes;
    VEC(uint32_t) sizes; /* of the last frame's blocks */
};
NODISCARD enum err queue_scan_init(struct queue_scan *s, struct file *io, uint64_t salt);
void queue_scan_fini(struct queue_scan *s);
static inline void queue_scan_auto(struct queue_scan *s) {
    queue_scan_fini(s);
}
/* The next valid frame and its offset; false at the end. Damaged ones are passed over. */
NODISCARD bool queue_scan_next(struct queue_scan *s, struct queue_frame *out, uint64_t *out_offset);

/* What replay found, beside the counts: where writing goes on. */
struct queue_replay_end {
    uint64_t sequence, position; /* the last ones; new ones are above */
    bool unsynced;               /* a file refused a sync: write nothing */
};
/* Fills `files`, calls c->published for each frame above c->trimmed_position, removes what is trimmed. */
NODISCARD enum err queue_replay_run(struct queue_files *files, const struct queue_config *c,
                                    struct err_text *why, struct queue_replay *out,
                                    struct queue_replay_end *out_end);
