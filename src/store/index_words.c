/*
 * Word filters.
 *
 * Problem: of hundreds of blocks, find the few that may hold a rare word, without reading megabytes of
 * filters and without keeping them in memory. A Bloom filter is split in lines of 64 bytes; all bits of a
 * token lie in one line, so a lookup is one read of one line. A line carries its own CRC32C: it can be
 * trusted without the rest.
 *
 *   head line   magic "SONDEWRD", u32 lines, u32 bits a token, …, u32 CRC32C of the 60 bytes before it
 *   line        15 words of 32 bits, u32 CRC32C of them and of the line's number
 *
 * A token with hash h goes to line (h >> 32) * lines >> 32 and sets six of its 480 bits, chosen by the low 32
 * bits of h: bit 0..31 of six words. Eight bits a token: about 2.5 % of tokens are found though they are not
 * there (the test holds it below 4 %). With twelve bits it was 0.45 %, and filters took 2.6 bytes a line of
 * 15: a rare word in a few hundred blocks then reads six blocks less, at a millisecond each.
 *
 * A line's number is in its CRC, so that a line copied to a wrong place is damage, too.
 */
#include "store/index_words.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "store/segment_format.h"

enum { BITS_A_TOKEN = 8, LINE_WORDS = 15, LINE_BITS = LINE_WORDS * 32, PROBES = 6 };
static const char magic[8] = { 'S', 'O', 'N', 'D', 'E', 'W', 'R', 'D' };

struct probe {
    unsigned word;
    uint32_t bit;
};

/* Six different words of the 15: a start and a step, both from the hash; 15 is not prime, so steps that share
 * a factor with it are left out. */
static void probes_of(uint64_t hash, struct probe out[PROBES]) {
    static const unsigned char steps[8] = { 1, 2, 4, 7, 8, 11, 13, 14 };
    uint64_t mixed = (uint64_t)(uint32_t)hash * 0x9e3779b97f4a7c15ull;
    unsigned word = (unsigned)(((mixed >> 59) * LINE_WORDS) >> 5);
    unsigned step = steps[(mixed >> 56) & 7];
    for (unsigned i = 0; i < PROBES; i++) {
        out[i] = (struct probe){ word, 1u << ((mixed >> (5 * i + 20)) & 31) };
        word = (word + step) % LINE_WORDS;
    }
}

static uint32_t line_of(uint64_t hash, uint32_t lines) {
    return (uint32_t)(((hash >> 32) * lines) >> 32);
}

static uint32_t line_crc(const unsigned char *line, uint32_t number) {
    unsigned char raw[4];
    le32_put(raw, number);
    return crc32c(crc32c(0, raw, sizeof raw), line, WORD_LINE_BYTES - 4);
}

static void add_head(uint32_t lines, unsigned char *line) {
    memset(line, 0, WORD_LINE_BYTES);
    memcpy(line, magic, sizeof magic);
    le32_put(line + 8, lines);
    le32_put(line + 12, BITS_A_TOKEN);
    le32_put(line + WORD_LINE_BYTES - 4, line_crc(line, UINT32_MAX));
}

void index_words_write(const uint64_t *hashes, size_t count, struct buf *out) {
    size_t want = (count * BITS_A_TOKEN + LINE_BITS - 1) / LINE_BITS;
    uint32_t lines = want < 1 ? 1 : want > WORD_LINES_MAX ? WORD_LINES_MAX : (uint32_t)want;
    unsigned char *p = (unsigned char *)buf_reserve(out, (lines + 1ull) * WORD_LINE_BYTES);
    ASSERT(p != NULL);
    memset(p, 0, (lines + 1ull) * WORD_LINE_BYTES);
    add_head(lines, p);
    unsigned char *first = p + WORD_LINE_BYTES;
    for (size_t i = 0; i < count; i++) {
        unsigned char *line = first + (size_t)line_of(hashes[i], lines) * WORD_LINE_BYTES;
        struct probe probes[PROBES];
        probes_of(hashes[i], probes);
        for (unsigned k = 0; k < PROBES; k++)
            le32_put(line + probes[k].word * 4, le32_get(line + probes[k].word * 4) | probes[k].bit);
    }
    for (uint32_t i = 0; i < lines; i++) {
        unsigned char *line = first + (size_t)i * WORD_LINE_BYTES;
        le32_put(line + WORD_LINE_BYTES - 4, line_crc(line, i));
    }
    out->n += (lines + 1ull) * WORD_LINE_BYTES;
}

static enum err read_line(struct file *f, uint64_t offset, uint32_t number,
                          unsigned char line[WORD_LINE_BYTES]) {
    TRY(file_read_all(f, line, WORD_LINE_BYTES, offset));
    return segment_crc_matches(le32_get(line + WORD_LINE_BYTES - 4), line_crc(line, number)) ? ERR_OK
                                                                                             : ERR_CORRUPT;
}

enum err index_words_lines(struct file *f, uint64_t offset, uint32_t *out_lines) {
    unsigned char line[WORD_LINE_BYTES];
    TRY(read_line(f, offset, UINT32_MAX, line));
    uint32_t lines = le32_get(line + 8);
    if (memcmp(line, magic, sizeof magic) != 0 || lines == 0 || lines > WORD_LINES_MAX ||
        le32_get(line + 12) != BITS_A_TOKEN)
        return ERR_CORRUPT;
    *out_lines = lines;
    return ERR_OK;
}

enum err index_words_test(struct file *f, uint64_t offset, uint32_t lines, uint64_t hash, bool *out_may) {
    unsigned char line[WORD_LINE_BYTES];
    uint32_t number = line_of(hash, lines);
    TRY(read_line(f, offset + (number + 1ull) * WORD_LINE_BYTES, number, line));
    struct probe probes[PROBES];
    probes_of(hash, probes);
    bool may = true;
    for (unsigned k = 0; k < PROBES; k++)
        may &= (le32_get(line + probes[k].word * 4) & probes[k].bit) != 0;
    *out_may = may;
    return ERR_OK;
}

enum err index_words_check(struct file *f, uint64_t offset, uint32_t lines) {
    unsigned char line[WORD_LINE_BYTES];
    uint32_t said;
    TRY(index_words_lines(f, offset, &said));
    for (uint32_t i = 0; i < lines && said == lines; i++)
        TRY(read_line(f, offset + (i + 1ull) * WORD_LINE_BYTES, i, line));
    return said == lines ? ERR_OK : ERR_CORRUPT;
}
