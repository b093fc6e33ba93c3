#include "queue/queue_files.h"
#include "base/assert.h"
#include "base/heap.h"
#include "base/random.h"
#include "base/stat.h"
#include "base/thread.h"
#include <stdio.h>

struct file *queue_file_io(struct queue_file *f) {
    return f->io;
}

struct queue_file *queue_file_ref(struct queue_file *f) {
    unsigned before = atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    ASSERT(before > 0);
    return f;
}

static void home_unref(struct queue_files *files) {
    if (atomic_fetch_sub_explicit(&files->holders, 1, memory_order_acq_rel) != 1)
        return;
    (void)pthread_mutex_destroy(&files->lock);
    heap_free(files);
}

static void file_free(struct queue_file *f) {
    struct queue_files *home = f->home;
    file_close(f->io);
    heap_free(f);
    home_unref(home);
}

void queue_file_unref(struct queue_file *f) {
    unsigned before = atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel);
    ASSERT(before > 0);
    if (before != 1)
        return;
    struct queue_files *home = f->home;
    bool closed;
    {
        LOCKED(&home->lock);
        closed = home->closed;
        if (!closed) {
            f->next = home->idle;
            home->idle = f;
            home->woken(home->ctx); /* only signals; under the lock so that a close cannot overtake it */
        }
    }
    if (closed)
        file_free(f);
}

enum err queue_files_open(const struct queue_config *c, struct queue_files **out) {
    size_t room = QUEUE_PATH_BYTES_MAX - sizeof "/0123456789abcdef.journal";
    if (strlen(c->folder) >= room)
        return ERR_INVALID;
    TRY(disk_mkdir(c->disk, c->folder));
    struct queue_files *files = HEAP_NEW(struct queue_files);
    *files = (struct queue_files){
        .disk = c->disk, .clock = c->clock, .file_bytes = c->file_bytes, .next_epoch = 1, .holders = 1
    };
    memcpy(files->folder, c->folder, strlen(c->folder));
    files->newest_next = &files->oldest;
    (void)pthread_mutex_init(&files->lock, NULL);
    *out = files;
    return ERR_OK;
}

void queue_files_close(struct queue_files *files) {
    if (!files)
        return;
    struct queue_file *idle;
    {
        LOCKED(&files->lock);
        files->closed = true;
        idle = files->idle;
        files->idle = NULL;
    }
    struct queue_file *chains[] = { idle, files->spares };
    for (size_t i = 0; i < COUNT_OF(chains); i++)
        for (struct queue_file *f = chains[i], *next; f; f = next) {
            next = f->next;
            file_free(f);
        }
    for (struct queue_file *f = files->oldest, *next; f; f = next) {
        next = f->next;
        queue_file_unref(f);
    }
    home_unref(files);
}

static struct queue_file *file_new(struct queue_files *files, struct file *io) {
    struct queue_file *f = HEAP_NEW(struct queue_file);
    f->home = files;
    f->io = io;
    atomic_fetch_add_explicit(&files->holders, 1, memory_order_relaxed);
    return f;
}

static void list_append(struct queue_files *files, struct queue_file *f) {
    atomic_store_explicit(&f->refs, 1, memory_order_relaxed);
    f->next = NULL;
    *files->newest_next = f;
    files->newest_next = &f->next;
    if (f->header.epoch >= files->next_epoch)
        files->next_epoch = f->header.epoch + 1;
}

static void list_remove(struct queue_files *files, struct queue_file *f) {
    struct queue_file **link = &files->oldest;
    while (*link != f)
        link = &(*link)->next;
    *link = f->next;
    if (files->newest_next == &f->next)
        files->newest_next = link;
    f->next = NULL;
}

struct queue_file *queue_files_add(struct queue_files *files, const char *path, struct file *io,
                                   const struct queue_file_header *header) {
    struct queue_file *f = file_new(files, io);
    ASSERT(strlen(path) < sizeof f->path);
    memcpy(f->path, path, strlen(path));
    f->header = *header;
    f->read_only = f->entry_synced = true;
    list_append(files, f);
    return f;
}

static void path_of(const struct queue_files *files, uint64_t epoch, const char *ending,
                    char out[QUEUE_PATH_BYTES_MAX]) {
    int n = snprintf(out, QUEUE_PATH_BYTES_MAX, "%s/%016llx.%s", files->folder, (unsigned long long)epoch,
                     ending);
    ASSERT(n > 0 && n < QUEUE_PATH_BYTES_MAX);
}

/* A spare under its new name, or a fresh file. */
static enum err file_take(struct queue_files *files, const char *path, struct queue_file **out) {
    struct queue_file *f = files->spares;
    if (f) {
        TRY(disk_rename(files->disk, f->path, path));
        files->spares = f->next;
        files->spare_count--;
    } else {
        struct file *io;
        TRY(disk_open(files->disk, path, FILE_WRITE | FILE_CREATE | FILE_EXCL, &io));
        f = file_new(files, io);
    }
    *out = f;
    return ERR_OK;
}

enum err queue_files_begin(struct queue_files *files, uint64_t first_sequence, uint64_t first_position) {
    ASSERT(files->current == NULL);
    char path[QUEUE_PATH_BYTES_MAX];
    uint64_t epoch =
        files->next_epoch++; /* also when this fails: a half-made file keeps its name to itself */
    path_of(files, epoch, "journal", path);
    struct queue_file *f;
    TRY(file_take(files, path, &f));
    memcpy(f->path, path, sizeof path);
    f->header = (struct queue_file_header){
        .major = QUEUE_MAJOR,
        .epoch = epoch,
        .salt = random_seed_real(),
        .first_sequence = first_sequence,
        .first_position = first_position,
        .created_ns = clock_now_ns(files->clock),
    };
    f->end_bytes = f->last_position = 0;
    f->entry_synced = f->read_only = false;
    list_append(files, f);
    files->current = f;
    return ERR_OK;
}

static void file_remove(struct queue_files *files, struct queue_file *f) {
    ERR_IGNORE(disk_unlink(files->disk, f->path), "found trimmed, and removed, at the next start");
    file_free(f);
}

void queue_files_seal(struct queue_files *files) {
    struct queue_file *f = files->current;
    if (!f)
        return;
    files->current = NULL;
    if (f->last_position != 0)
        return;
    list_remove(files, f);
    file_remove(files, f);
}

static bool spare_put(struct queue_files *files, struct queue_file *f) {
    char path[QUEUE_PATH_BYTES_MAX];
    path_of(files, f->header.epoch, "spare", path);
    bool wanted = !f->read_only && files->oldest != NULL && files->spare_count < QUEUE_SPARES_MAX &&
                  f->size_bytes <= files->file_bytes;
    if (!wanted || disk_rename(files->disk, f->path, path) != ERR_OK)
        return false;
    memcpy(f->path, path, sizeof path);
    f->next = files->spares;
    files->spares = f;
    files->spare_count++;
    return true;
}

static bool idle_recycle(struct queue_files *files) {
    struct queue_file *idle;
    {
        LOCKED(&files->lock);
        idle = files->idle;
        files->idle = NULL;
    }
    bool any = idle != NULL;
    for (struct queue_file *f = idle, *next; f; f = next) {
        next = f->next;
        atomic_fetch_sub_explicit(&files->used_bytes, f->end_bytes, memory_order_relaxed);
        if (!spare_put(files, f))
            file_remove(files, f);
    }
    return any;
}

static void spares_remove(struct queue_files *files) {
    for (struct queue_file *f = files->spares, *next; f; f = next) {
        next = f->next;
        file_remove(files, f);
    }
    files->spares = NULL;
    files->spare_count = 0;
}

bool queue_files_trim(struct queue_files *files, uint64_t position, bool quiet) {
    bool any = false, needed = !quiet;
    for (struct queue_file *f = files->oldest; f; f = f->next)
        needed |= f->last_position > position;
    for (struct queue_file *f = files->oldest, *next; f; f = next) {
        next = f->next;
        if (f->last_position > position || (f == files->current && needed))
            continue;
        if (f == files->current)
            files->current = NULL;
        list_remove(files, f);
        queue_file_unref(f);
        any = true;
    }
    any |= idle_recycle(files);
    if (!files->oldest)
        spares_remove(files);
    stat_set(STAT_JOURNAL_USED_BYTES,
             (int64_t)atomic_load_explicit(&files->used_bytes, memory_order_relaxed));
    return any;
}
