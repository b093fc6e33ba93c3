#pragma once
#include "question.h"
/* What it means for a text to match, said again in the slowest and plainest way: docs/query/filter.md and block/text_match.h in ten lines each. */
bool naive_words(struct str needle, struct str text, bool start);
bool naive_part(struct str needle, struct str text);
/* `*` any bytes, `?` one: the whole text; or whole words somewhere in it, where neither crosses a space. */
bool naive_glob(struct str glob, struct str text);
bool naive_glob_words(struct str glob, struct str text);
/* % any bytes, _ one; without % a part. */
bool naive_like(struct str like, struct str text);
bool naive_pattern(const struct pattern *p, struct str text, bool whole);
