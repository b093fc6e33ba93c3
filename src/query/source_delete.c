#include "query/source.h"

static void query_auto_ptr(struct query **q) {
    query_free(*q);
}
/* The predicate of a delete against one page, for merges. */

enum err query_delete_match(void *ctx, struct str predicate, const struct block *block, uint32_t page,
                            uint64_t *rows) {
    (void)ctx;
    AUTO(vector_fields) fields = { 0 };
    AUTO(vector_view) view;
    AUTO(arena) mem;
    AUTO_PTR(vector_filter) filter = NULL;
    AUTO_PTR(query) query = NULL;
    struct query_context context = { 0, block_info(block)->table };
    arena_init(&mem, 0);
    vector_init(&view, &fields);
    TRY(query_parse(predicate, &context, NULL, &query));
    const struct expr *e = query_plan(query)->filter;
    TRY(vector_filter_new(&e, 1, 0, &fields, &mem, &filter));
    TRY(vector_open(&view, block));
    TRY(vector_page(&view, page));
    return vector_filter_page(filter, &view, rows);
}
