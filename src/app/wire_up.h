#pragma once
#include "api/api.h"
#include "base/file.h"
/* The only file that knows every module: opens the store, starts the worker threads, and hands lower layers their callbacks. */
NODISCARD enum err wire_up(const struct config *c, struct disk *disk, struct api *out_api, struct err_text *why);
void wire_down(struct api *api);
