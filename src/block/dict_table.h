#pragma once
#include "base/bytes.h"
#include "base/vec.h"
/*
 * The distinct texts of a column, numbered in the order of first appearance. Made for short texts that
 * repeat: up to 16 bytes are compared as two words that stand in the entry, so that a look-up touches no text
 * again. Texts are borrowed. Zero-initialise; reused; one thread.
 */
struct dict_entry {
    struct str text;
    uint64_t a, b; /* of texts up to 16 bytes all, of longer ones a hash */
};
struct dict_slot {
    uint32_t hash, entry_plus_one; /* 0: free */
};
struct dict_table {
    VEC(struct dict_entry) entries;
    VEC(struct dict_slot) slots;
};
void dict_table_fini(struct dict_table *t);
void dict_table_reset(struct dict_table *t);
/* Number of `text`, new when it was entries.n before. UINT32_MAX: the table is crowded (texts made to
 * collide): give it up. */
uint32_t dict_table_put(struct dict_table *t, struct str text);
