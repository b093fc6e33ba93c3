#pragma once
#include "base/err.h"
#include "base/str.h"
#include "model/table.h"
/* The first bytes of a block, and the numbers that its format fixes: docs/design/format.md, "Block". */
enum {
    BLOCK_HEADER_BYTES = 128,
    BLOCK_MAJOR = 1,
    BLOCK_PAGE_ROWS_MIN = 64,
    BLOCK_PAGES_MAX = 256,
    BLOCK_NAME_BYTES_MAX = 256,
    BLOCK_CLAIMS_MAX = 1 << 20,
    BLOCK_DIRECTORY_BYTES_MAX = 16 << 20,  /* plain */
    BLOCK_SMALL_ROWS = 1024,               /* fewer: the small form */
    BLOCK_SMALL_CONTENT_BYTES = 256 << 10, /* and at most so many bytes of values, labels and claims */
    BLOCK_SMALL_BYTES_MAX = 4 << 20,       /* plain, what a reader takes */
};
enum block_form { BLOCK_PAGED = 0, BLOCK_SMALL = 1 };

struct block_header {
    uint32_t compat, incompat;
    enum table table;
    enum block_form form;
    uint32_t tenant;
    uint32_t row_count, page_rows, stream_count, column_count, claim_count;
    uint64_t size_bytes, raw_bytes;
    int64_t time_min_ns, time_max_ns;
    int64_t received_min_ms, received_max_ms;
    uint32_t directory_stored_bytes, directory_plain_bytes, directory_crc;
    uint32_t small_plain_bytes;
};
static inline uint32_t block_header_pages(const struct block_header *h) {
    return (h->row_count + h->page_rows - 1) / h->page_rows;
}
void block_header_write(const struct block_header *h, char to[BLOCK_HEADER_BYTES]);
/* Every number in its bounds, or ERR_CORRUPT; ERR_UNSUPPORTED for a newer block, named in `why`. */
NODISCARD enum err block_header_read(struct str bytes, struct err_text *why, struct block_header *out);
