/*
 * Replay. The files are ordered by the epochs in their headers. Each names the sequence it begins with, and
 * that is what decides which frames count:
 *
 *   epoch 7 (from 100)     100 101 102 [103] 104 105 ~~~      ~~~: torn, never acknowledged
 *   epoch 8 (from 105)                           105 106      105 again: rewritten after a failed sync of
 * epoch 7
 *
 * - A frame counts when its sequence is below every later file's first one and above all before it. So of a
 * frame that was written twice the later copy counts (the first may never have reached the disk), and a torn
 * tail stays one when a file after it exists.
 * - Sequences have no gaps. A missing one with a valid frame or a later file behind it is damage: [103]. It
 * is passed over and counted, as far as its position can be above trimmed_position.
 * - Whatever follows the last valid frame of the last file is a torn tail or bytes of an earlier incarnation.
 *
 * After damage the next frame is looked for at each multiple of 64. Salt and place in the checksums
 * (queue_frame.h) keep old frames and bytes inside bodies from being taken for frames.
 *
 * Everything before the last group commit was acknowledged, so it is on the disk. The last group may be
 * readable and yet not be there: after a mere kill, or because the kernel dropped it in a failed sync and
 * shows it still. What a query or a repeated request has seen must not vanish with the power, so before
 * anything is published the last group is written again, where it is, and synced.
 */
#include "queue/queue_replay.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/heap.h"
#include "base/stat.h"
#include <stdio.h>
#include <stdlib.h>

enum { UNREADABLE_STEP_BYTES = 4096 };
_Static_assert(QUEUE_SCAN_WINDOW_BYTES % UNREADABLE_STEP_BYTES == 0, "steps fill the window");

enum err queue_scan_init(struct queue_scan *s, struct file *io, uint64_t salt) {
    uint64_t size_bytes;
    TRY(file_size(io, &size_bytes));
    *s = (struct queue_scan){
        .io = io, .salt = salt, .size_bytes = size_bytes, .offset = QUEUE_FILE_HEADER_BYTES
    };
    s->window = heap_alloc(QUEUE_SCAN_WINDOW_BYTES);
    return ERR_OK;
}

void queue_scan_fini(struct queue_scan *s) {
    heap_free(s->window);
    s->window = NULL;
    VEC_FINI(&s->sizes);
}

/* Where the disk cannot read, zeros: damage like any other. */
static size_t window_read_damaged(struct queue_scan *s, uint64_t offset, size_t want_bytes) {
    memset(s->window, 0, want_bytes);
    for (size_t at = 0; at < want_bytes; at += UNREADABLE_STEP_BYTES) {
        size_t step = want_bytes - at < UNREADABLE_STEP_BYTES ? want_bytes - at : UNREADABLE_STEP_BYTES, got;
        if (file_read(s->io, s->window + at, step, offset + at, &got) != ERR_OK)
            memset(s->window + at, 0, step);
    }
    return want_bytes;
}

/* `n` bytes (at most the window) at `offset`; NULL past the file's end. Valid until the next call. */
static const char *window_at(struct queue_scan *s, uint64_t offset, size_t n) {
    if (offset > s->size_bytes || n > s->size_bytes - offset)
        return NULL;
    bool inside = offset >= s->window_offset && offset + n <= s->window_offset + s->window_bytes;
    if (!inside) {
        uint64_t left = s->size_bytes - offset;
        size_t want_bytes = left < QUEUE_SCAN_WINDOW_BYTES ? (size_t)left : QUEUE_SCAN_WINDOW_BYTES, got = 0;
        if (file_read(s->io, s->window, want_bytes, offset, &got) != ERR_OK)
            got = window_read_damaged(s, offset, want_bytes);
        s->window_offset = offset;
        s->window_bytes = got;
    }
    return n <= s->window_bytes - (size_t)(offset - s->window_offset)
               ? s->window + (offset - s->window_offset)
               : NULL;
}

static bool body_valid(struct queue_scan *s, const struct queue_frame *f, uint64_t offset) {
    uint32_t crc = queue_frame_crc_begin((struct queue_frame_place){ s->salt, offset });
    uint64_t at = offset + QUEUE_FRAME_HEADER_BYTES, end = offset + f->frame_bytes;
    while (at < end) {
        size_t n = end - at < QUEUE_SCAN_WINDOW_BYTES ? (size_t)(end - at) : QUEUE_SCAN_WINDOW_BYTES;
        const char *p = window_at(s, at, n);
        if (!p)
            return false;
        crc = crc32c(crc, p, n);
        at += n;
    }
    return crc == f->body_crc32c;
}

/* The sizes of the frame's blocks; false when they do not add up. */
static bool sizes_read(struct queue_scan *s, const struct queue_frame *f, uint64_t offset) {
    uint64_t sum = f->block_count * sizeof(uint32_t);
    s->sizes.n = 0;
    for (uint32_t i = 0; i < f->block_count; i++) {
        const char *p =
            window_at(s, offset + QUEUE_FRAME_HEADER_BYTES + i * sizeof(uint32_t), sizeof(uint32_t));
        if (!p)
            return false;
        VEC_PUSH(&s->sizes, le32_get(p));
        sum += le32_get(p);
    }
    return sum == f->body_bytes;
}

static uint64_t next_magic(struct queue_scan *s, uint64_t offset) {
    const char *p;
    do {
        offset += QUEUE_FRAME_ALIGN_BYTES;
        p = window_at(s, offset, QUEUE_FRAME_HEADER_BYTES);
    } while (p && !queue_frame_magic(p));
    return offset;
}

bool queue_scan_next(struct queue_scan *s, struct queue_frame *out, uint64_t *out_offset) {
    for (const char *p; (p = window_at(s, s->offset, QUEUE_FRAME_HEADER_BYTES)) != NULL;) {
        uint64_t offset = s->offset, left = s->size_bytes - offset;
        struct queue_frame f;
        if (!queue_frame_decode(p, (struct queue_frame_place){ s->salt, offset }, &f)) {
            s->offset = next_magic(s, offset);
            continue;
        }
        s->offset = offset + f.frame_bytes;
        if (f.frame_bytes <= left && body_valid(s, &f, offset) && sizes_read(s, &f, offset)) {
            s->torn_bytes = 0;
            *out = f;
            *out_offset = offset;
            return true;
        }
        s->torn_bytes += f.frame_bytes < left ? f.frame_bytes : left;
    }
    return false;
}

/* The state of one replay over all files. */
struct replay {
    struct queue_files *files;
    const struct queue_config *config;
    struct err_text *why;
    struct queue_replay counts;
    struct queue_replay_end end;
    bool begun;             /* a sequence is expected */
    uint64_t next_sequence; /* expected */
    VEC(struct queue_block) blocks;
};

/* Something with this sequence and position comes next: what is missing before it is damage. */
static void gap_account(struct replay *r, uint64_t sequence, uint64_t position, const char *path) {
    uint64_t known =
        r->end.position > r->config->trimmed_position ? r->end.position : r->config->trimmed_position;
    if (!r->begun || sequence <= r->next_sequence || position <= known + 1)
        return;
    uint64_t missing = sequence - r->next_sequence, room = position - 1 - known;
    missing = missing < room ? missing : room;
    if (r->counts.damaged_frames == 0)
        ERR_IGNORE(err_say(r->why, ERR_CORRUPT,
                           "the journal lost frames between positions %llu and %llu (%s)",
                           (unsigned long long)known, (unsigned long long)position, path),
                   "damage is said beside ERR_OK");
    r->counts.damaged_frames += missing;
}

static void frame_publish(struct replay *r, struct queue_file *f, const struct queue_scan *s,
                          const struct queue_frame *frame, uint64_t offset) {
    offset += QUEUE_FRAME_HEADER_BYTES + frame->block_count * sizeof(uint32_t);
    r->blocks.n = 0;
    for (uint32_t i = 0; i < frame->block_count; i++) {
        VEC_PUSH(&r->blocks, (struct queue_block){ f, offset, s->sizes.p[i], frame->position });
        offset += s->sizes.p[i];
    }
    r->config->published(r->config->ctx, r->blocks.p, r->blocks.n);
    r->counts.frames++;
    r->counts.blocks += frame->block_count;
    r->counts.bytes += frame->frame_bytes;
}

static enum err file_replay(struct replay *r, struct queue_file *f, uint64_t sequence_below) {
    AUTO(queue_scan) scan = { 0 };
    TRY(queue_scan_init(&scan, f->io, f->header.salt));
    struct queue_frame frame;
    for (uint64_t offset; queue_scan_next(&scan, &frame, &offset);) {
        bool counts = frame.sequence >= r->next_sequence && frame.sequence < sequence_below &&
                      frame.position > r->end.position;
        if (!counts)
            continue;
        gap_account(r, frame.sequence, frame.position, f->path);
        r->begun = true;
        r->next_sequence = frame.sequence + 1;
        r->end.sequence = frame.sequence;
        r->end.position = f->last_position = frame.position;
        f->end_bytes = offset + frame.frame_bytes;
        if (frame.position > r->config->trimmed_position)
            frame_publish(r, f, &scan, &frame, offset);
    }
    f->size_bytes = scan.size_bytes;
    if (!f->next)
        r->counts.torn_bytes += scan.torn_bytes;
    return ERR_OK;
}

static uint64_t sequence_below_of(const struct queue_file *f) {
    uint64_t below = UINT64_MAX;
    for (const struct queue_file *later = f->next; later; later = later->next)
        below = later->header.first_sequence < below ? later->header.first_sequence : below;
    return below;
}

/* A header promises that all before it was written: the sequence goes on from it. */
static void header_account(struct replay *r, const struct queue_file *f) {
    const struct queue_file_header *h = &f->header;
    gap_account(r, h->first_sequence, h->first_position, f->path);
    r->begun = true;
    if (h->first_sequence > r->next_sequence)
        r->next_sequence = h->first_sequence;
    if (h->first_sequence > r->end.sequence + 1)
        r->end.sequence = h->first_sequence - 1;
    if (h->first_position > r->end.position + 1)
        r->end.position = h->first_position - 1;
}

/* Where the last group of a file lies; with the file's header when it is also the first. */
static enum err last_group(struct queue_file *f, uint64_t *out_begin, uint64_t *out_end) {
    AUTO(queue_scan) scan = { 0 };
    TRY(queue_scan_init(&scan, f->io, f->header.salt));
    struct queue_frame frame;
    uint64_t group_sequence = UINT64_MAX;
    *out_begin = *out_end = 0;
    for (uint64_t offset; queue_scan_next(&scan, &frame, &offset);) {
        if (frame.group_sequence != group_sequence)
            *out_begin = offset == QUEUE_FILE_HEADER_BYTES ? 0 : offset;
        group_sequence = frame.group_sequence;
        *out_end = offset + frame.frame_bytes;
    }
    return ERR_OK;
}

static enum err range_rewrite(struct queue_file *f, struct file *to, uint64_t begin, uint64_t end) {
    char page[UNREADABLE_STEP_BYTES];
    for (size_t n; begin < end; begin += n) {
        n = end - begin < sizeof page ? (size_t)(end - begin) : sizeof page;
        TRY(file_read_all(f->io, page, n, begin));
        TRY(file_write(to, page, n, begin));
    }
    return file_sync(to);
}

/* Nothing may be written after this fails: frames could follow others that are not there. */
static enum err tail_make_durable(struct replay *r, struct queue_file *f) {
    uint64_t begin, end;
    TRY(last_group(f, &begin, &end));
    if (begin == end)
        return ERR_OK;
    AUTO_PTR(file) to = NULL;
    TRY(disk_open(r->files->disk, f->path, FILE_WRITE, &to));
    return range_rewrite(f, to, begin, end);
}

static enum err files_replay(struct replay *r) {
    for (struct queue_file *f = r->files->oldest; f; f = f->next) {
        header_account(r, f);
        if (f->next && f->next->header.first_position <= r->config->trimmed_position + 1)
            continue; /* all of it is trimmed */
        if (!f->next && tail_make_durable(r, f) != ERR_OK) {
            stat_add(STAT_JOURNAL_ERRORS, 1);
            r->end.unsynced = true;
        }
        TRY(file_replay(r, f, sequence_below_of(f)));
        atomic_fetch_add_explicit(&r->files->used_bytes, f->end_bytes, memory_order_relaxed);
    }
    return ERR_OK;
}

/* Files found in the folder. */
struct found {
    char path[QUEUE_PATH_BYTES_MAX];
    struct file *io;
    struct queue_file_header header;
};
struct folder {
    struct queue_files *files;
    VEC(struct found) journals;
    VEC(struct found) others; /* spares of an earlier process, half-made files: removed */
    uint64_t epoch_max;       /* in names */
    bool too_many;
};

static void name_found(void *ctx, const char *name) {
    struct folder *folder = ctx;
    struct str s = str_of(name);
    bool journal = str_ends(s, STR(".journal")), spare = str_ends(s, STR(".spare"));
    if (!journal && !spare)
        return;
    struct found found = { 0 };
    int n = snprintf(found.path, sizeof found.path, "%s/%s", folder->files->folder, name);
    if (n < 0 || (size_t)n >= sizeof found.path)
        return; /* not a name of ours */
    uint64_t epoch = strtoull(name, NULL, 16);
    if (epoch > folder->epoch_max && epoch <= QUEUE_NUMBER_MAX)
        folder->epoch_max = epoch;
    folder->too_many |= folder->journals.n >= QUEUE_FILES_MAX;
    if (journal && !folder->too_many)
        VEC_PUSH(&folder->journals, found);
    else if (spare)
        VEC_PUSH(&folder->others, found);
}

static int by_epoch(const void *a, const void *b) {
    const struct found *x = a, *y = b;
    return x->header.epoch != y->header.epoch ? (x->header.epoch < y->header.epoch ? -1 : 1)
                                              : strcmp(x->path, y->path);
}

/* The valid copy of the header with the highest epoch: a power cut may leave an old one beside the new. */
static enum err header_read(struct found *found, struct err_text *why) {
    char page[QUEUE_FILE_COPY_BYTES];
    enum err best = ERR_CORRUPT;
    for (uint64_t copy = 0; copy < QUEUE_FILE_COPIES; copy++) {
        size_t got = 0;
        struct queue_file_header h;
        struct err_text said;
        if (file_read(found->io, page, sizeof page, copy * sizeof page, &got) != ERR_OK)
            continue;
        enum err e = queue_file_header_decode((struct str){ page, got }, &said, &h);
        if (e == ERR_UNSUPPORTED)
            return err_say(why, e, "%s: %s", found->path, said.msg);
        if (e == ERR_OK && (best != ERR_OK || h.epoch > found->header.epoch)) {
            found->header = h;
            best = ERR_OK;
        }
    }
    return best;
}

/* No valid header. A file that was being made when the power went has nothing acknowledged in it; but bytes
 * are not thrown away on a guess, so one with bytes is set aside. A file that should be here shows as a gap.
 */
static void file_set_aside(struct folder *folder, const struct found *found, struct queue_replay *counts) {
    uint64_t size_bytes = 0;
    if (file_size(found->io, &size_bytes) != ERR_OK || size_bytes <= QUEUE_FILE_HEADER_BYTES) {
        VEC_PUSH(&folder->others, *found);
        return;
    }
    counts->torn_bytes += size_bytes - QUEUE_FILE_HEADER_BYTES;
    char aside[QUEUE_PATH_BYTES_MAX + sizeof ".damaged"];
    (void)snprintf(aside, sizeof aside, "%s.damaged", found->path);
    ERR_IGNORE(disk_rename(folder->files->disk, found->path, aside), "tried again at the next start");
}

/* Opened with a valid header; else set aside with ERR_CORRUPT, or an error that ends the start. */
static enum err found_open(struct folder *folder, struct found *found, struct err_text *why,
                           struct queue_replay *counts) {
    enum err e = disk_open(folder->files->disk, found->path, FILE_READ, &found->io);
    if (e != ERR_OK)
        return err_say(why, e == ERR_CORRUPT ? ERR_IO : e, "%s cannot be opened", found->path);
    e = header_read(found, why);
    if (e == ERR_CORRUPT)
        file_set_aside(folder, found, counts);
    if (e != ERR_OK)
        file_close(STEAL(found->io));
    return e;
}

static enum err folder_open(struct folder *folder, struct err_text *why, struct queue_replay *counts) {
    struct queue_files *files = folder->files;
    TRY(disk_list(files->disk, files->folder, name_found, folder));
    if (folder->too_many)
        return err_say(why, ERR_LIMIT, "more than %d files in %s", QUEUE_FILES_MAX, files->folder);
    size_t kept = 0;
    enum err e = ERR_OK;
    for (size_t i = 0; i < folder->journals.n && (e == ERR_OK || e == ERR_CORRUPT); i++) {
        struct found found = folder->journals.p[i];
        e = found_open(folder, &found, why, counts);
        if (e == ERR_OK)
            folder->journals.p[kept++] = found;
    }
    folder->journals.n = kept;
    return e == ERR_CORRUPT ? ERR_OK : e;
}

static void folder_hand_over(struct folder *folder) {
    struct queue_files *files = folder->files;
    if (folder->journals.n)
        qsort(folder->journals.p, folder->journals.n, sizeof *folder->journals.p, by_epoch);
    for (size_t i = 0; i < folder->journals.n; i++) {
        struct found *found = &folder->journals.p[i];
        (void)queue_files_add(files, found->path, STEAL(found->io), &found->header);
    }
    if (folder->epoch_max >= files->next_epoch)
        files->next_epoch = folder->epoch_max + 1;
    for (size_t i = 0; i < folder->others.n; i++)
        ERR_IGNORE(disk_unlink(files->disk, folder->others.p[i].path), "tried again at the next start");
}

static void folder_fini(struct folder *folder) {
    for (size_t i = 0; i < folder->journals.n; i++)
        file_close(folder->journals.p[i].io);
    VEC_FINI(&folder->journals);
    VEC_FINI(&folder->others);
}

static enum err parent_sync(struct disk *disk, const char *path) {
    char parent[QUEUE_PATH_BYTES_MAX] = "";
    const char *slash = strrchr(path, '/');
    if (slash)
        memcpy(parent, path, (size_t)(slash - path));
    return disk_sync_dir(disk, parent);
}

enum err queue_replay_run(struct queue_files *files, const struct queue_config *c, struct err_text *why,
                          struct queue_replay *out, struct queue_replay_end *out_end) {
    struct replay r = { .files = files, .config = c, .why = why };
    struct folder folder = { .files = files };
    enum err e = folder_open(&folder, why, &r.counts);
    if (e == ERR_OK)
        folder_hand_over(&folder);
    folder_fini(&folder);
    TRY(e);
    /* Names first: a file that we go on from must still be there after the next power cut. */
    if (parent_sync(files->disk, files->folder) != ERR_OK ||
        disk_sync_dir(files->disk, files->folder) != ERR_OK) {
        stat_add(STAT_JOURNAL_ERRORS, 1);
        r.end.unsynced = true;
    }
    e = files_replay(&r);
    VEC_FINI(&r.blocks);
    TRY(e);
    (void)queue_files_trim(files, c->trimmed_position, true);
    if (r.end.position < c->trimmed_position)
        r.end.position = c->trimmed_position;
    stat_add(STAT_JOURNAL_DAMAGED, (int64_t)r.counts.damaged_frames);
    *out = r.counts;
    *out_end = r.end;
    return ERR_OK;
}
