#pragma once
#include "base/file.h"
/* For contract tests: an empty disk of the backend that the test program was linked with (the real one in a
 * new folder, or the simulated one of tests/sim). End it with contract_disk_free(), which also removes its
 * files. */
struct disk *contract_disk_new(void);
void contract_disk_free(struct disk *disk);
