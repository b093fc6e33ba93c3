#pragma once
#include "base/file.h"
/*
 * A seeded disk in memory behind base/file.h, for power cuts and faults.
 *
 * What it promises is what POSIX and the house rules let us count on, and no more:
 * - A write is visible at once and durable after a sync of the file. Until then each sector of 512 bytes it
 * touched may survive a cut or not, alone; one that was written several times may survive in any of its
 * versions.
 * - A size that was not synced may survive or not or in part; what lies between is the data, zeros or
 * garbage.
 * - Names (create, rename, unlink, mkdir) are durable after a sync of their folder. Until then any subset of
 * the operations may survive that makes sense in order; a rename happens whole or not at all. Syncing a file
 * does not sync its name.
 * - After a failed sync the sectors look written and are clean: they may or may not be on the disk, and a
 * later sync does not write them, only a new write does.
 *
 * Threads: any. The same seed and the same calls give the same disk.
 */
enum disk_sim_op {
    SIM_WRITE,
    SIM_SYNC,
    SIM_SYNC_DIR,
    SIM_CREATE,
    SIM_RENAME,
    SIM_UNLINK,
    SIM_READ,
    SIM_OP_COUNT
};

NODISCARD struct disk *disk_sim_new(uint64_t seed);
/* The power fails now (if it has not yet): a new disk with what survived. The old one stays the caller's;
 * each call on it gives ERR_IO. */
NODISCARD struct disk *disk_sim_crash(struct disk *d);

/* Changing calls (all but reads and listings) so far. */
uint64_t disk_sim_changes(struct disk *d);
/* The power fails in the `count`-th changing call from now: that one and all later ones give ERR_IO. 0:
 * never. */
void disk_sim_power_off_after(struct disk *d, uint64_t count);
bool disk_sim_powered(struct disk *d);
/* The process was killed, not the power: everything visible is there, nothing became durable by it. */
void disk_sim_power_on(struct disk *d);

/* The `nth` call of this kind from now (1: the next) gives `result` (ERR_IO, ERR_LIMIT): once, or from then
 * on. A failing write may have written a part. `nth` 0: no more faults of this kind. */
void disk_sim_fail(struct disk *d, enum disk_sim_op op, uint64_t nth, enum err result, bool for_ever);
/* SIM_SYNC or SIM_SYNC_DIR: calls say ERR_OK and do nothing, as if the program had forgotten them: the `nth`
 * from now, or all (`nth` 0). Of files and folders whose path contains `part` (NULL: any; "/": the root
 * folder). A cut keeps it. */
void disk_sim_ignore(struct disk *d, enum disk_sim_op op, uint64_t nth, const char *part);
void disk_sim_ignore_none(struct disk *d);
/* Reads that touch [begin, end) of files whose path contains `part` give ERR_IO; end 0: none. */
void disk_sim_unreadable(struct disk *d, const char *part, uint64_t begin, uint64_t end);
/* Bytes of all files; beyond it writes give ERR_LIMIT. 0: no limit. */
void disk_sim_capacity(struct disk *d, uint64_t bytes);
/* Each sync takes so long. */
void disk_sim_slow(struct disk *d, unsigned sync_ms);

/* Writes and syncs on a handle that had refused one with ERR_IO, or any sync, before: the house forbids them.
 */
uint64_t disk_sim_rule_breaks(struct disk *d);
