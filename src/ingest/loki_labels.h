#pragma once
#include "base/arena.h"
#include "model/labels.h"
/*
 * A label set as Loki and Prometheus print it: {name="value", other="a\"b"}. Values are quoted as in Go ("…"
 * with escapes, or `…`). At most LABELS_COUNT_MAX labels; unescaped values are in `mem`, the rest points into
 * the text.
 */
NODISCARD enum err loki_labels_parse(struct str text, struct arena *mem,
                                     struct label labels[LABELS_COUNT_MAX], size_t *out_count,
                                     struct err_text *why);
