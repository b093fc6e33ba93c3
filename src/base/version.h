#pragma once
/* What `sonde --version`, /metrics and the APIs say. Kept equal to meson.build by tools/tidy. */
#define SONDE_VERSION "0.1.0"
