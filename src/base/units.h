#pragma once
#include "base/str.h"
/* Quantities as people write them, in configuration and queries alike. Whole string or false. */
/* 500ms, 1.5s, 1h30m, 4d, 1w -> nanoseconds. Units ns us ms s m h d w; a unit is required. */
NODISCARD bool units_duration(struct str text, int64_t *out_ns);
/* 512, 10KB (1000), 10KiB (1024), 1.5GB -> bytes. Case of the letters is ignored. */
NODISCARD bool units_bytes(struct str text, int64_t *out_bytes);
