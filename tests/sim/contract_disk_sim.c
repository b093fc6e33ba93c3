#include "disk_sim.h"
#include "queue/contract_disk.h"

struct disk *contract_disk_new(void) {
    return disk_sim_new(1);
}
void contract_disk_free(struct disk *disk) {
    disk_close(disk);
}
