#include "base/assert.h"
#include "queue/contract_disk.h"
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static char root[64];

static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED,
                      struct FTW *where UNUSED) {
    return remove(path);
}

struct disk *contract_disk_new(void) {
    struct disk *disk;
    (void)snprintf(root, sizeof root, "/tmp/sonde-journal-XXXXXX");
    ASSERT(mkdtemp(root) != NULL);
    ASSERT(disk_real_open(root, &disk) == ERR_OK);
    return disk;
}

void contract_disk_free(struct disk *disk) {
    disk_close(disk);
    (void)nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
