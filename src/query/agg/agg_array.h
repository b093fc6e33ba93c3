#pragma once
#include "query/agg/agg.h"
/* `count` values, `stride_bytes` apart, as the text of a JSON array; null when there are none. */
NODISCARD enum err agg_array(struct arena *mem, const struct value *first, size_t stride_bytes, size_t count,
                             struct value *out);
