#pragma once
#include "query/agg/agg.h"
/*
 * Grouping: the engine of stats, top and rare. A table from key values to the states of the aggregates,
 * filled from pages of the scan (typed loops: keys become codes, a page looks up each of its groups once) or
 * from records, merged chunk by chunk, and given out sorted by key.
 */
enum { GROUP_KEYS_MAX = 16, GROUP_CALLS_MAX = 64 };
struct group_key {
    struct str name;
    struct str source; /* as written */
    const struct expr *expr;
    bool is_field;  /* a lone name */
    int64_t bin_ns; /* > 0: bin(@timestamp, bin_ns) */
};
struct group_args {
    struct group_key *keys;
    size_t key_count;
    struct agg_call *calls;
    size_t call_count;
    size_t state_bytes; /* of one group */
    bool needs_key;
    double seconds; /* of the bin; 0: no bin */
};
/* Works out key->is_field and bin_ns from its expression. */
void group_key_init(struct group_key *k);
/* Places the states; after keys and calls are complete. */
void group_args_layout(struct group_args *a);
/* All its aggregates do. */
bool group_args_commute(const struct group_args *a);
void group_args_needs(const struct group_args *a, struct exec_needs *n);
void group_args_fields(const struct group_args *a, struct vector_fields *f);

struct group_table;
NODISCARD enum err group_table_new(const struct group_args *a, const struct exec_scope *s, struct arena *mem,
                                   struct group_table **out);
void group_table_free(struct group_table *t);
NODISCARD enum err group_table_page(struct group_table *t, const struct exec_page *p);
NODISCARD enum err group_table_record(struct group_table *t, const struct exec_record *r,
                                      struct arena *scratch);
NODISCARD enum err group_table_merge(struct group_table *to, const struct group_table *from);
/* Without keys there is always one group. `sorted`: by key, else in any order. Then groups 0 .. count-1. */
NODISCARD enum err group_table_finish(struct group_table *t, bool sorted);
size_t group_table_count(const struct group_table *t);
const struct value *group_table_keys(const struct group_table *t, size_t i);
NODISCARD enum err group_table_result(struct group_table *t, size_t i, size_t call, struct value *out);
