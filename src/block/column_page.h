#pragma once
#include "block/encoding.h"
/* The template form of a decoded page: which texts of the column's template part are its rows. column_page.c.
 */
NODISCARD enum err column_page_templates(const struct page_reader *p, struct column_page *out);
