#include "store/segment_check.h"
#include "store/index_ids.h"
#include "store/index_labels.h"
#include "store/index_words.h"

static enum err check_page(const struct block *b, uint32_t page) {
    AUTO(arena) mem;
    arena_init(&mem, 0);
    const int64_t *times;
    struct column_page p;
    TRY(block_read_times(b, page, &mem, &times));
    TRY(block_read_received(b, page, &mem, &times));
    for (uint32_t c = 0; c < block_info(b)->column_count; c++) {
        TRY(block_read_column(b, c, page, &mem, &p));
        struct str text;
        for (uint32_t i = 0; i < p.row_count && p.form == PAGE_TEMPLATES; i++)
            TRY(column_page_text(&p, i, &mem, &text));
    }
    return ERR_OK;
}

static enum err check_block(const struct segment *s, const struct segment_block *line) {
    struct block_source source = { .file = segment_file(s),
                                   .offset = line->offset,
                                   .size_bytes = line->size_bytes };
    struct block *b;
    TRY(block_open(&source, NULL, &b));
    AUTO(arena) mem;
    arena_init(&mem, 0);
    const struct id128 *claims;
    size_t claim_count;
    enum err e = block_claims(b, &mem, &claims, &claim_count);
    for (uint32_t page = 0; page < block_info(b)->page_count && e == ERR_OK; page++)
        e = check_page(b, page);
    block_free(b);
    TRY(e);
    return line->filter_lines
               ? index_words_check(segment_file(s), line->offset + line->size_bytes, line->filter_lines)
               : ERR_OK;
}

static enum err check_streams(struct str section, uint32_t block_count, struct arena *mem) {
    struct index_streams *x = ARENA_NEW(mem, struct index_streams, 1);
    uint64_t *blocks = ARENA_NEW(mem, uint64_t, block_count / 64 + 1);
    uint32_t tenant;
    struct str labels;
    for (index_streams_start(x, section); index_streams_next(x, &tenant, &labels);)
        if (!index_streams_blocks(x, blocks, block_count))
            break;
    return index_streams_ok(x) ? ERR_OK : ERR_CORRUPT;
}

static enum err check_pinned(struct segment *s, struct err_text *why) {
    AUTO(arena) mem;
    arena_init(&mem, 0);
    struct segment_footer footer;
    if (segment_footer(s, &footer) != ERR_OK || s->damaged)
        return err_say(why, ERR_CORRUPT, "header or footer");
    struct str sections[SEGMENT_SECTION_SLOTS];
    for (unsigned i = 0; i < SEGMENT_SECTION_SLOTS; i++)
        if (segment_section(s, i, &mem, &sections[i]) != ERR_OK)
            return err_say(why, ERR_CORRUPT, "section %u", i);
    struct segment_block *blocks;
    uint32_t count;
    bool walked;
    TRY(segment_blocks(s, &mem, &blocks, &count, &walked));
    if (walked || count != footer.block_count)
        return err_say(why, ERR_CORRUPT, "block index");
    for (uint32_t i = 0; i < count; i++)
        if (check_block(s, &blocks[i]) != ERR_OK)
            return err_say(why, ERR_CORRUPT, "block %u", i);
    if (check_streams(sections[SECTION_STREAMS], count, &mem) != ERR_OK)
        return err_say(why, ERR_CORRUPT, "streams");
    if (index_ids_check(segment_file(s), sections[SECTION_IDS]) != ERR_OK)
        return err_say(why, ERR_CORRUPT, "ids");
    return ERR_OK;
}

enum err segment_check(struct segment *s, struct err_text *why) {
    TRY(segment_pin(s, why));
    enum err e = check_pinned(s, why);
    segment_unpin(s);
    return e;
}
