#pragma once
#include "base/buf.h"
#include "base/str.h"
#include "block/template.h"
/* Splitting one text: private to the template files; pure, any thread. */

struct template_span {
    uint32_t from, to; /* offsets of a variable's first byte and of the byte after it */
};

/* Variables in order; returns how many, at most TEMPLATE_SLOTS_MAX. The last of so many goes on to the end of
 * the text. n < 4 GiB. Reads no byte beyond the text. */
size_t template_split(struct str text, struct template_span spans[static TEMPLATE_SLOTS_MAX]);
/* The same without vector instructions. */
size_t template_split_plain(struct str text, struct template_span spans[static TEMPLATE_SLOTS_MAX]);
