#include "block/block_header.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "block/block_build.h"
#include "block/fuzz_mode.h"

static const char magic[8] = "sondeblk";
/* Names of incompat bits, so that a refusal can say what is too new. */
static const char *const incompat_names[32] = { [0] = "stream references" };
enum { INCOMPAT_KNOWN = 0 };

void block_header_write(const struct block_header *h, char to[BLOCK_HEADER_BYTES]) {
    memset(to, 0, BLOCK_HEADER_BYTES);
    memcpy(to, magic, sizeof magic);
    le16_put(to + 8, BLOCK_MAJOR);
    le16_put(to + 10, BLOCK_HEADER_BYTES);
    le32_put(to + 12, h->compat);
    le32_put(to + 16, h->incompat);
    to[20] = (char)h->table;
    to[21] = (char)h->form;
    le32_put(to + 24, h->tenant);
    le32_put(to + 28, h->row_count);
    le32_put(to + 32, h->page_rows);
    le32_put(to + 36, h->stream_count);
    le32_put(to + 40, h->column_count);
    le32_put(to + 44, h->claim_count);
    le64_put(to + 48, h->size_bytes);
    le64_put(to + 56, h->raw_bytes);
    le64_put(to + 64, (uint64_t)h->time_min_ns);
    le64_put(to + 72, (uint64_t)h->time_max_ns);
    le64_put(to + 80, (uint64_t)h->received_min_ms);
    le64_put(to + 88, (uint64_t)h->received_max_ms);
    le32_put(to + 96, h->directory_stored_bytes);
    le32_put(to + 100, h->directory_plain_bytes);
    le32_put(to + 104, h->directory_crc);
    le32_put(to + 108, h->small_plain_bytes);
    le32_put(to + 124, crc32c(0, to, 124));
}

static void fields_read(const char *p, struct block_header *h) {
    *h = (struct block_header){
        .compat = le32_get(p + 12),
        .incompat = le32_get(p + 16),
        .table = (enum table)(unsigned char)p[20],
        .form = (enum block_form)(unsigned char)p[21],
        .tenant = le32_get(p + 24),
        .row_count = le32_get(p + 28),
        .page_rows = le32_get(p + 32),
        .stream_count = le32_get(p + 36),
        .column_count = le32_get(p + 40),
        .claim_count = le32_get(p + 44),
        .size_bytes = le64_get(p + 48),
        .raw_bytes = le64_get(p + 56),
        .time_min_ns = (int64_t)le64_get(p + 64),
        .time_max_ns = (int64_t)le64_get(p + 72),
        .received_min_ms = (int64_t)le64_get(p + 80),
        .received_max_ms = (int64_t)le64_get(p + 88),
        .directory_stored_bytes = le32_get(p + 96),
        .directory_plain_bytes = le32_get(p + 100),
        .directory_crc = le32_get(p + 104),
        .small_plain_bytes = le32_get(p + 108),
    };
}

static bool counts_valid(const struct block_header *h) {
    return h->table < TABLE_COUNT && h->row_count >= 1 && h->row_count <= BLOCK_ROWS_MAX &&
           h->page_rows >= BLOCK_PAGE_ROWS_MIN && h->page_rows <= BLOCK_ROWS_MAX &&
           block_header_pages(h) <= BLOCK_PAGES_MAX && h->stream_count >= 1 &&
           h->stream_count <= h->row_count && h->column_count <= BLOCK_COLUMNS_MAX + 1 &&
           h->claim_count <= BLOCK_CLAIMS_MAX && h->time_min_ns <= h->time_max_ns &&
           h->received_min_ms <= h->received_max_ms;
}

static bool sizes_valid(const struct block_header *h) {
    if (h->directory_plain_bytes == 0 || h->directory_plain_bytes > BLOCK_DIRECTORY_BYTES_MAX ||
        h->directory_stored_bytes == 0 || h->size_bytes < BLOCK_HEADER_BYTES ||
        h->directory_stored_bytes > h->size_bytes - BLOCK_HEADER_BYTES)
        return false;
    if (h->form == BLOCK_PAGED)
        return h->small_plain_bytes == 0 && h->directory_stored_bytes <= h->directory_plain_bytes;
    return h->form == BLOCK_SMALL && h->small_plain_bytes <= BLOCK_SMALL_BYTES_MAX &&
           h->directory_plain_bytes <= h->small_plain_bytes &&
           h->directory_stored_bytes == h->size_bytes - BLOCK_HEADER_BYTES &&
           h->directory_stored_bytes <= h->small_plain_bytes;
}

enum err block_header_read(struct str bytes, struct err_text *why, struct block_header *out) {
    const char *p = bytes.p;
    if (bytes.n < BLOCK_HEADER_BYTES || memcmp(p, magic, sizeof magic) != 0)
        return err_say(why, ERR_CORRUPT, "block: no header here");
    if (!crc_matches(le32_get(p + 124), p, 124))
        return err_say(why, ERR_CORRUPT, "block: the header's checksum does not match");
    if (le16_get(p + 8) != BLOCK_MAJOR)
        return err_say(why, ERR_UNSUPPORTED, "block: format version %u; this program reads version %d",
                       (unsigned)le16_get(p + 8), BLOCK_MAJOR);
    struct block_header h;
    fields_read(p, &h);
    uint32_t unknown = h.incompat & ~(uint32_t)INCOMPAT_KNOWN;
    if (unknown) {
        int bit = __builtin_ctz(unknown);
        const char *name = incompat_names[bit];
        return err_say(why, ERR_UNSUPPORTED, "block: needs a newer program: incompat bit %d (%s)", bit,
                       name ? name : "unknown to this version");
    }
    if (le16_get(p + 10) != BLOCK_HEADER_BYTES || !counts_valid(&h) || !sizes_valid(&h))
        return err_say(why, ERR_CORRUPT, "block: the header's numbers contradict each other");
    *out = h;
    return ERR_OK;
}
